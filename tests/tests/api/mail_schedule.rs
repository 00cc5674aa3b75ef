//! `faxpost.v1.Mail`: when messages go. Accounts that wait as a whole, limits, chosen times, reports.

use faxpost_proto::v1::MessageState;
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use mail_parser::{MessageParser, MimeHeaders as _};
use tonic::Code;

use crate::kit::{
    SMTP_FIELDS, create, entries, eventually, finished, invalid, mail_to, message, ok, refused, send,
    send_to, smtp_account, watched,
};

const PATIENT: &str = "[outbox]\nretry-seconds = [3600]";

async fn change(daemon: &TestDaemon, account: v1::Account, fields: &[&str]) {
    daemon.set(v1::Account { id: "default".to_owned(), ..account }, fields).await.unwrap();
}

fn seconds_from_now(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: jiff::Timestamp::now().as_second() + seconds, nanos: 0 }
}

#[tokio::test]
async fn f3_a_wrong_password_is_tried_once_for_all_that_waits_and_a_new_one_at_once() {
    let server = SmtpServer::builder().credentials("fax", "right").start().await;
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to(&daemon, &server).await;
    let sign_in = |password: &str| v1::Account {
        authentication: true,
        login: "fax".to_owned(),
        plaintext_auth: true,
        password: password.to_owned(),
        ..v1::Account::default()
    };
    let fields = ["authentication", "login", "plaintext_auth", "password"];
    change(&daemon, sign_in("wrong"), &fields).await;
    let first = send(&daemon, mail_to("a@example.test")).await;
    watched(&daemon, &first, |message| message.attempts == 1).await;
    let mut ids = vec![first];
    for _ in 0..5 {
        let id = send(&daemon, mail_to("a@example.test")).await;
        let waits = message(&daemon, &id).await;
        assert_eq!((waits.state(), waits.attempts), (MessageState::Queued, 0));
        assert_eq!(waits.last_error_reason, "AUTH_REJECTED", "it says what it waits for");
        let due = waits.next_attempt_time.unwrap().seconds - waits.accept_time.unwrap().seconds;
        assert!(due > 3000, "{due}");
        ids.push(id);
    }
    let tries = || server.commands().iter().filter(|command| command.starts_with("AUTH")).count();
    assert_eq!(tries(), 1, "accounts are locked by less");
    change(&daemon, sign_in("right"), &fields).await;
    for id in ids {
        assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
    }
}

#[tokio::test]
async fn f3_retry_asks_an_account_that_waits() {
    let throttled = Fault::answer(432, "4.3.2 sender thread limit exceeded");
    let server = SmtpServer::builder().fault_times(1, At::Mail, throttled).start().await;
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to(&daemon, &server).await;
    let id = send(&daemon, mail_to("a@example.test")).await;
    watched(&daemon, &id, |message| message.attempts == 1).await;
    let other = send(&daemon, mail_to("b@example.test")).await;
    assert_eq!(message(&daemon, &other).await.attempts, 0, "the account goes slower");
    ok(daemon.mail().await.retry_message(v1::RetryMessageRequest { id: other.clone() }).await);
    assert_eq!(finished(&daemon, &other).await.state(), MessageState::Delivered);
}

#[tokio::test]
async fn f3_a_server_that_stalls_keeps_only_its_own_account_waiting() {
    let stalls = SmtpServer::builder().fault(At::Greeting, Fault::Stall).start().await;
    let works = SmtpServer::builder().start().await;
    let daemon = TestDaemon::builder().settings("[limits]\ndeliveries = 3").start().await;
    send_to(&daemon, &stalls).await;
    change(&daemon, v1::Account { max_connections: 50, ..Default::default() }, &["max_connections"]).await;
    ok(daemon
        .accounts()
        .await
        .create_account(create(smtp_account("other", works.port()), SMTP_FIELDS))
        .await);
    for _ in 0..10 {
        send(&daemon, mail_to("a@example.test")).await;
    }
    eventually("the stalling server is asked", || stalls.connections() > 0).await;
    let mail = v1::SendMailRequest { account: "other".to_owned(), ..mail_to("b@example.test") };
    let id = send(&daemon, mail).await;
    assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
    assert_eq!(stalls.connections(), 1);
}

#[tokio::test]
async fn a10_an_account_opens_no_more_connections_than_it_may() {
    let server = SmtpServer::builder().fault(At::FinalDot, Fault::Stall).start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    change(&daemon, v1::Account { max_connections: 2, ..Default::default() }, &["max_connections"]).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(send(&daemon, mail_to("a@example.test")).await);
    }
    for id in &ids[..2] {
        watched(&daemon, id, |message| message.state() == MessageState::Sending).await;
    }
    eventually("both have sent all they had", || server.received().len() == 2).await;
    // Two more are with the mailer, and wait there for a connection to be free.
    for id in &ids[2..4] {
        watched(&daemon, id, |message| message.state() == MessageState::Sending).await;
    }
    for id in &ids[4..] {
        assert_eq!(message(&daemon, id).await.state(), MessageState::Queued);
    }
    assert_eq!((server.connections(), server.received().len()), (2, 2));
}

#[tokio::test]
async fn a10_an_account_sends_no_more_in_a_minute_than_it_may() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    change(&daemon, v1::Account { messages_per_minute: 3, ..Default::default() }, &["messages_per_minute"])
        .await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(send(&daemon, mail_to("a@example.test")).await);
    }
    for id in &ids[..3] {
        assert_eq!(finished(&daemon, id).await.state(), MessageState::Delivered);
    }
    for id in &ids[3..] {
        let waits = message(&daemon, id).await;
        assert_eq!((waits.state(), waits.attempts), (MessageState::Queued, 0));
    }
    // The limit is lifted: what waited for it goes.
    change(&daemon, v1::Account::default(), &["messages_per_minute"]).await;
    for id in &ids[3..] {
        assert_eq!(finished(&daemon, id).await.state(), MessageState::Delivered);
    }
}

#[tokio::test]
async fn f3_a_message_goes_at_its_time_and_not_before_even_after_a_crash() {
    let server = SmtpServer::builder().start().await;
    let mut daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let at = |seconds| v1::SendMailRequest {
        send_time: Some(seconds_from_now(seconds)),
        ..mail_to("a@example.test")
    };
    let later = send(&daemon, at(30 * 86_400)).await;
    let past = send(&daemon, at(-86_400)).await;
    assert_eq!(finished(&daemon, &past).await.state(), MessageState::Delivered);
    let waits = message(&daemon, &later).await;
    assert_eq!((waits.state(), waits.attempts), (MessageState::Queued, 0));
    let ahead = waits.next_attempt_time.unwrap().seconds - waits.accept_time.unwrap().seconds;
    assert!((30 * 86_400 - 100..=30 * 86_400).contains(&ahead), "{ahead}");
    assert_eq!(waits.expire_time.unwrap().seconds - waits.next_attempt_time.unwrap().seconds, 120 * 3600);

    daemon.kill();
    daemon.start_again().await;
    // Whatever is due after a start has gone when this one has.
    let witness = send(&daemon, mail_to("b@example.test")).await;
    finished(&daemon, &witness).await;
    assert_eq!(message(&daemon, &later).await.attempts, 0);
    ok(daemon.mail().await.retry_message(v1::RetryMessageRequest { id: later.clone() }).await);
    assert_eq!(finished(&daemon, &later).await.state(), MessageState::Delivered, "unless somebody says now");

    let far = daemon.mail().await.send_mail(at(400 * 86_400)).await;
    invalid(far, &["send_time"]);
}

#[tokio::test]
async fn f3_reports_of_delivery_are_asked_for_where_they_are_offered() {
    let server = SmtpServer::builder().with("DSN").start().await;
    let without = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    let mail = |notify: &[v1::Notify]| v1::SendMailRequest {
        notify: notify.iter().map(|&occasion| occasion.into()).collect(),
        give_back: v1::GiveBack::Header.into(),
        envelope_id: "job+4711 =x".to_owned(),
        ..mail_to("a@example.test")
    };
    for (server, occasions, words) in [
        (&server, &[v1::Notify::Success, v1::Notify::Failure][..], Some("NOTIFY=SUCCESS,FAILURE")),
        (&server, &[v1::Notify::Never], Some("NOTIFY=NEVER")),
        (&without, &[v1::Notify::Delay], None),
    ] {
        send_to(&daemon, server).await;
        let id = send(&daemon, mail(occasions)).await;
        assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
        let commands = server.commands();
        let last = |verb: &str| commands.iter().rfind(|command| command.starts_with(verb)).unwrap();
        let (from, to) = (last("MAIL"), last("RCPT"));
        assert_eq!(to.split_once("> ").map(|(_, parameters)| parameters), words, "{to}");
        assert_eq!(from.contains(" RET=HDRS ENVID=job+2B4711+20+3Dx"), words.is_some(), "{from}");
    }
    let both = mail(&[v1::Notify::Never, v1::Notify::Success]);
    invalid(daemon.mail().await.send_mail(both).await, &["notify"]);
    let twice = mail(&[v1::Notify::Success, v1::Notify::Failure, v1::Notify::Success]);
    invalid(daemon.mail().await.send_mail(twice).await, &["notify"]);
    let wrong = v1::SendMailRequest { envelope_id: "a\r\nb".to_owned(), ..mail_to("a@example.test") };
    invalid(daemon.mail().await.send_mail(wrong).await, &["envelope_id"]);
    let wrong = v1::SendMailRequest { give_back: 9, ..mail_to("a@example.test") };
    invalid(daemon.mail().await.send_mail(wrong).await, &["give_back"]);
}

#[tokio::test]
async fn f3_the_sender_is_told_of_what_was_given_up_and_reports_are_never_reported() {
    let later = Fault::answer(451, "4.3.0 come again\nand again");
    let server = SmtpServer::builder().fault_times(1, At::FinalDot, later).start().await;
    let settings = "[outbox]\nretry-seconds = [1]\ngive-up-hours = 0";
    let daemon = TestDaemon::builder().settings(settings).start().await;
    send_to(&daemon, &server).await;
    let mail =
        v1::SendMailRequest { subject: "Факс от Müller".to_owned(), ..mail_to("a@example.test") };
    let id = send(&daemon, mail).await;
    let failed = finished(&daemon, &id).await;
    assert_eq!(failed.state(), MessageState::Failed);

    let report = server.wait_for(1).await.remove(0);
    assert_eq!((report.from.as_str(), report.to), ("", vec!["fax@example.test".to_owned()]));
    let parsed = MessageParser::new().parse(&report.content).unwrap();
    assert_eq!(parsed.subject(), Some("Undelivered: Факс от Müller"));
    let kind = parsed.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    assert_eq!(parsed.header("Auto-Submitted").and_then(|value| value.as_text()), Some("auto-replied"));
    assert!(parsed.body_text(0).unwrap().contains("a@example.test: 451 4.3.0 come again and again"));
    let text = String::from_utf8(report.content.clone()).unwrap();
    for expected in [
        "Reporting-MTA: dns; ",
        "Final-Recipient: rfc822; a@example.test\r\nAction: failed\r\nStatus: 4.3.0\r\n",
        "Diagnostic-Code: smtp; 451 4.3.0 come again and again\r\n",
        "Content-Type: text/rfc822-headers\r\n\r\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(text.contains(&failed.message_id) && text.contains("To: a@example.test"), "{text}");
    assert!(!text.contains("Two pages"), "only its header comes back");

    // A report that cannot be delivered ends silently.
    let refuses = SmtpServer::builder().fault(At::Mail, Fault::answer(451, "4.3.0 no")).start().await;
    send_to(&daemon, &refuses).await;
    let id = send(&daemon, mail_to("a@example.test")).await;
    finished(&daemon, &id).await;
    let list = async || {
        let all = ok(daemon.mail().await.list_messages(v1::ListMessagesRequest::default()).await).messages;
        all.into_iter().filter(|message| message.state() != MessageState::Failed).count()
    };
    while list().await > 1 {
        tokio::task::yield_now().await;
    }
    let expired = entries(&daemon).await;
    let expired: Vec<_> = expired.iter().filter(|entry| entry.kind() == v1::EntryKind::Expired).collect();
    assert_eq!(expired.len(), 3, "two messages and the second's report");
}

#[tokio::test]
async fn h5_a_caller_has_a_share_of_bytes_as_well() {
    let settings = format!("[limits]\nqueued-bytes-per-caller = 200000\n{PATIENT}");
    let daemon = TestDaemon::builder().settings(&settings).start().await;
    crate::kit::send_to_port(&daemon, crate::kit::dead_port()).await;
    let large = || v1::SendMailRequest { text: "x".repeat(120_000), ..mail_to("a@example.test") };
    let id = send(&daemon, large()).await;
    let status =
        refused(daemon.mail().await.send_mail(large()).await, Code::ResourceExhausted, reason::QUEUE_SHARE);
    assert!(status.message().contains("200000"), "{}", status.message());
    assert_eq!(crate::kit::spool(&daemon).len(), 1, "nothing is left of it");
    send(&daemon, mail_to("small@example.test")).await;
    ok(daemon.mail().await.cancel_message(v1::CancelMessageRequest { id }).await);
    send(&daemon, large()).await;
}

#[tokio::test]
async fn h5_what_is_on_its_way_in_counts_as_well() {
    use v1::send_mail_stream_request::Part;
    let settings = format!("[limits]\nqueued-bytes-per-caller = 300000\n{PATIENT}");
    let daemon = TestDaemon::builder().settings(&settings).start().await;
    crate::kit::send_to_port(&daemon, crate::kit::dead_port()).await;
    let part = |part| v1::SendMailStreamRequest { part: Some(part) };
    let start = || {
        part(Part::Attachment(v1::AttachmentStart { file_name: "a.tif".to_owned(), ..Default::default() }))
    };
    let chunk = || part(Part::Chunk(vec![7; 50_000].into()));
    let mail = |request_id: &str| {
        let mail = v1::SendMailRequest { request_id: request_id.to_owned(), ..mail_to("a@example.test") };
        part(Part::Mail(mail))
    };
    let whole = |request_id: &str, chunks| {
        let parts = [mail(request_id), start()].into_iter().chain(std::iter::repeat_n(chunk(), chunks));
        tokio_stream::iter(parts.collect::<Vec<_>>())
    };
    let full = |answer| refused(answer, Code::ResourceExhausted, reason::QUEUE_SHARE);

    // One that is under way has its part of the share, and gives it back when it is over.
    let (parts, stream) = tokio::sync::mpsc::channel(1);
    let mut client = daemon.mail().await;
    let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
    let under_way = tokio::spawn(async move { client.send_mail_stream(stream).await });
    for part in [mail(""), start(), chunk(), chunk(), chunk(), chunk(), start()] {
        parts.send(part).await.unwrap();
    }
    crate::kit::eventually("its second attachment begins", || crate::kit::spool(&daemon).len() == 2).await;
    full(daemon.mail().await.send_mail_stream(whole("", 3)).await);
    under_way.abort();
    drop(parts);
    crate::kit::eventually("nothing is left of it", || crate::kit::spool(&daemon).is_empty()).await;

    let sent = ok(daemon.mail().await.send_mail_stream(whole("mine", 4)).await);
    full(daemon.mail().await.send_mail_stream(whole("", 10_000)).await);
    // Whoever lost the answer to what was accepted gets it all the same.
    let again = ok(daemon.mail().await.send_mail_stream(whole("mine", 4)).await);
    assert!(again.duplicate && again.id == sent.id);
    assert_eq!(crate::kit::spool(&daemon).len(), 1, "the one that waits");
}

#[tokio::test]
async fn f2_a_retry_after_the_time_to_send_is_still_the_same_message() {
    use v1::send_raw_mail_request::Part;
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let now = jiff::Timestamp::now().as_second();
    let send_time = Some(prost_types::Timestamp { seconds: now + 2, nanos: 0 });
    let mail = || v1::SendMailRequest { request_id: "1".to_owned(), send_time, ..mail_to("a@example.test") };
    let raw = || {
        let (request_id, recipients) = ("2".to_owned(), vec!["a@example.test".to_owned()]);
        let envelope = v1::RawEnvelope { request_id, recipients, send_time, ..Default::default() };
        let parts = [Part::Envelope(envelope), Part::Chunk("Subject: x\n\ny\n".into())];
        tokio_stream::iter(parts.map(|part| v1::SendRawMailRequest { part: Some(part) }))
    };
    let first = ok(daemon.mail().await.send_mail(mail()).await);
    let second = ok(daemon.mail().await.send_raw_mail(raw()).await);
    for id in [&first.id, &second.id] {
        assert_eq!(finished(&daemon, id).await.state(), MessageState::Delivered);
    }
    let again = ok(daemon.mail().await.send_mail(mail()).await);
    assert!(again.duplicate && again.id == first.id);
    let again = ok(daemon.mail().await.send_raw_mail(raw()).await);
    assert!(again.duplicate && again.id == second.id);
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn f3_the_daemon_counts_what_it_does() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::builder().settings(PATIENT).start().await;
    send_to(&daemon, &server).await;
    for to in ["a@example.test", "b@example.test", "r550@example.test"] {
        let id = send(&daemon, mail_to(to)).await;
        finished(&daemon, &id).await;
    }
    invalid(daemon.mail().await.send_mail(mail_to("nobody")).await, &["to[0]"]);
    let waits = send(&daemon, mail_to("r450@example.test")).await;
    watched(&daemon, &waits, |message| message.attempts == 1).await;
    let text = ok(daemon.diagnostics().await.get_metrics(v1::GetMetricsRequest {}).await).text;
    for line in [
        "faxpost_queue_messages 1",
        "faxpost_accepted_messages_total 4",
        "faxpost_refused_messages_total 1",
        "faxpost_attempts_total 4",
        "faxpost_reused_connections_total 3",
        "faxpost_delivered_recipients_total 2",
        "faxpost_failed_recipients_total 1",
        "faxpost_deferred_recipients_total 1",
        "faxpost_failures_total{kind=\"RECIPIENT_REJECTED\"} 2",
        "faxpost_accept_seconds_count 4",
        "faxpost_attempt_seconds_bucket{le=\"+Inf\"} 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit_once(' ').unwrap().1;
        assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
    }
}
