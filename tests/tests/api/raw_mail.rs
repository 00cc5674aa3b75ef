//! `faxpost.v1.Mail/SendRawMail`: finished messages, who they are from and for, and that they arrive as mail should.

use faxpost_proto::v1::send_raw_mail_request::Part;
use faxpost_proto::v1::{MessageState, RawEnvelope};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use mail_parser::{MessageParser, MimeHeaders as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status};

use crate::kit::{decide, eventually, finished, invalid, ok, refused, send_to, spool};

type Answer = Result<Response<v1::SendRawMailResponse>, Status>;

fn envelope(recipients: &[&str]) -> RawEnvelope {
    RawEnvelope { recipients: recipients.iter().map(|&to| to.to_owned()).collect(), ..RawEnvelope::default() }
}

fn first(envelope: RawEnvelope) -> v1::SendRawMailRequest {
    v1::SendRawMailRequest { part: Some(Part::Envelope(envelope)) }
}

fn chunk(bytes: &[u8]) -> v1::SendRawMailRequest {
    v1::SendRawMailRequest { part: Some(Part::Chunk(bytes.to_vec().into())) }
}

async fn stream(daemon: &TestDaemon, parts: Vec<v1::SendRawMailRequest>) -> Answer {
    daemon.mail().await.send_raw_mail(tokio_stream::iter(parts)).await
}

async fn send(daemon: &TestDaemon, envelope: RawEnvelope, message: &[u8]) -> Answer {
    let parts = std::iter::once(first(envelope)).chain(message.chunks(60_000).map(chunk));
    stream(daemon, parts.collect()).await
}

async fn nothing_is_left(daemon: &TestDaemon) {
    eventually("the spool is empty", || spool(daemon).is_empty()).await;
    let listed = ok(daemon.mail().await.list_messages(v1::ListMessagesRequest::default()).await).messages;
    assert_eq!(listed, []);
}

#[tokio::test]
async fn f4_a_finished_message_arrives_with_what_was_missing() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let message = "From: root@faxhost (Cron Daemon)\nTo: a@example.test\nBcc: hidden@example.test\nSubject: Ночной отчёт\n\n\
                   Всё хорошо.\n.\n..dots\nFrom here\n";
    let envelope = RawEnvelope {
        recipients_from_header: true,
        sender: "root@faxhost".to_owned(),
        ..envelope(&["b@example.test"])
    };
    let sent = ok(send(&daemon, envelope, message.as_bytes()).await);
    assert!(!sent.duplicate && sent.accept_time.is_some());
    let kept = finished(&daemon, &sent.id).await;
    assert_eq!((kept.state(), kept.subject.as_str()), (MessageState::Delivered, "Ночной отчёт"));
    assert_eq!(kept.sender, "fax@example.test");

    let received = server.wait_for(1).await.remove(0);
    assert_eq!(received.from, "fax@example.test");
    assert_eq!(received.to, ["b@example.test", "a@example.test", "hidden@example.test"]);
    assert!(received.content.is_ascii(), "no server need have 8BITMIME");
    let parsed = MessageParser::new().parse(&received.content).unwrap();
    assert_eq!(parsed.subject(), Some("Ночной отчёт"));
    assert_eq!(parsed.body_text(0).unwrap(), "Всё хорошо.\r\n.\r\n..dots\r\nFrom here\r\n");
    assert_eq!(parsed.message_id().map(|id| format!("<{id}>")), Some(sent.message_id));
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Cron Daemon"), Some("fax@example.test")));
    let text = String::from_utf8(received.content).unwrap();
    assert!(!text.contains("hidden@") && !text.to_lowercase().contains("\nbcc:"), "{text}");
    assert_eq!(text.matches("\r\nDate: ").count(), 1);
}

#[tokio::test]
async fn f4_a_large_finished_message_arrives_whole() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let fax = faxpost_tests::tiff::fax(20, 2000);
    let mut message = b"Subject: Fax\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee \xd1\x84.\n--b\n\
        Content-Type: image/tiff; name=fax.tif\nContent-Disposition: attachment; filename=fax.tif\nContent-Transfer-Encoding: binary\n\n"
        .to_vec();
    message.extend_from_slice(&fax);
    message.extend_from_slice(b"\n--b--\n");
    let sent = ok(send(&daemon, envelope(&["a@example.test"]), &message).await);
    assert_eq!(finished(&daemon, &sent.id).await.state(), MessageState::Delivered);
    let received = server.wait_for(1).await.remove(0);
    let parsed = MessageParser::new().parse(&received.content).unwrap();
    assert_eq!(parsed.body_text(0).unwrap(), "See ф.");
    let attached = parsed.attachment(0).unwrap();
    assert_eq!(attached.attachment_name(), Some("fax.tif"));
    assert!(attached.contents() == fax, "byte for byte");
    eventually("the spool is empty", || spool(&daemon).is_empty()).await;
}

#[tokio::test]
async fn f4_a_foreign_author_is_rewritten_or_refused_as_the_daemon_is_told() {
    let settings = "[sendmail]\nforeign-from = \"refuse\"\n[sendmail.senders]\ndefault = [\"@desk.test\"]\n\
                    [sendmail.aliases]\nroot = \"admin@example.test, second@example.test\"\n";
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::builder().settings(settings).start().await;
    send_to(&daemon, &server).await;
    let foreign = send(&daemon, envelope(&["a@example.test"]), b"From: boss@example.test\n\nx\n").await;
    let status = refused(foreign, Code::PermissionDenied, reason::SENDER_DENIED);
    assert!(status.message().contains("boss@example.test"), "{}", status.message());
    nothing_is_left(&daemon).await;

    let own = RawEnvelope { sender: "ann@desk.test".to_owned(), ..envelope(&["root"]) };
    let sent = ok(send(&daemon, own, b"From: Ann <ann@desk.test>\n\nx\n").await);
    finished(&daemon, &sent.id).await;
    let received = server.wait_for(1).await.remove(0);
    assert_eq!(received.from, "ann@desk.test");
    assert_eq!(received.to, ["admin@example.test", "second@example.test"]);
    assert!(String::from_utf8(received.content).unwrap().starts_with("From: Ann <ann@desk.test>\r\n"));
}

#[tokio::test]
async fn f2_a_finished_messages_request_id_sends_once() {
    let daemon = TestDaemon::start().await;
    let with_id = || RawEnvelope { request_id: "r".to_owned(), ..envelope(&["a@example.test"]) };
    let sent = ok(send(&daemon, with_id(), b"\nOne page.\n").await);
    let again = ok(send(&daemon, with_id(), b"\nOne page.\n").await);
    assert_eq!(again, v1::SendRawMailResponse { duplicate: true, ..sent });
    refused(send(&daemon, with_id(), b"\nAnother.\n").await, Code::AlreadyExists, reason::REQUEST_ID_REUSED);
    let both = ok(daemon.mail().await.list_messages(v1::ListMessagesRequest::default()).await).messages;
    assert_eq!(both.len(), 1);
}

#[tokio::test]
async fn f4_what_is_wrong_with_a_finished_message_is_told_by_field() {
    let daemon = TestDaemon::start().await;
    invalid(send(&daemon, envelope(&[]), b"\nx\n").await, &["recipients"]);
    invalid(send(&daemon, envelope(&["a@", "root"]), b"\nx\n").await, &["recipients[0]", "recipients[1]"]);
    let from_header = || RawEnvelope { recipients_from_header: true, ..RawEnvelope::default() };
    invalid(send(&daemon, from_header(), b"To: \"a@b.test\n\nx\n").await, &["header.To"]);
    invalid(send(&daemon, from_header(), b"Subject: x\n\nTo: a@b.test\n").await, &["recipients"]);
    let header = [&b"X: "[..], &[b'x'; 200_000], b"\n\nx\n"].concat();
    invalid(send(&daemon, envelope(&["a@b.test"]), &header).await, &["header"]);
    let account = RawEnvelope { account: "missing".to_owned(), ..envelope(&["a@b.test"]) };
    refused(send(&daemon, account, b"\nx\n").await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    let report = RawEnvelope { notify: vec![9], ..envelope(&["a@b.test"]) };
    invalid(send(&daemon, report, b"\nx\n").await, &["notify"]);
    let none = v1::SendRawMailRequest { part: None };
    let to = || first(envelope(&["a@b.test"]));
    for parts in
        [vec![], vec![none.clone()], vec![chunk(b"x")], vec![to(), to()], vec![to(), chunk(b"x"), none]]
    {
        invalid(stream(&daemon, parts).await, &["part"]);
    }
    invalid(stream(&daemon, vec![to(), chunk(&vec![0; 1024 * 1024 + 1])]).await, &["chunk"]);
    nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn h5_a_finished_message_above_the_configured_size_is_cut_off() {
    let daemon = TestDaemon::builder().settings("[limits]\nmax-message-bytes = 100000").start().await;
    let endless = tokio_stream::iter(
        std::iter::once(first(envelope(&["a@example.test"])))
            .chain(std::iter::repeat_n(chunk(&[b'x'; 50_000]), 2000)),
    );
    let answer = daemon.mail().await.send_raw_mail(endless).await;
    let status = refused(answer, Code::InvalidArgument, reason::MESSAGE_TOO_LARGE);
    assert!(status.message().contains("100000"), "{}", status.message());
    nothing_is_left(&daemon).await;
    ok(send(&daemon, envelope(&["a@example.test"]), &[b'\n'; 100_000]).await);
}

#[tokio::test]
async fn f2_a_finished_message_that_breaks_off_leaves_nothing() {
    let daemon = TestDaemon::builder().settings("[limits]\npatience-seconds = 1").start().await;
    for size in [100, 100_000] {
        let (sender, parts) = mpsc::channel(8);
        for part in [first(envelope(&["a@example.test"])), chunk(&vec![b'x'; size])] {
            sender.send(part).await.unwrap();
        }
        let answer = daemon.mail().await.send_raw_mail(ReceiverStream::new(parts)).await;
        refused(answer, Code::DeadlineExceeded, reason::TOO_SLOW);
        drop(sender);
    }
    nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn f2_a_finished_message_survives_a_crash() {
    let mut daemon = TestDaemon::start().await;
    let server = SmtpServer::builder().start().await;
    let at = prost_types::Timestamp { seconds: jiff::Timestamp::now().as_second() + 2, nanos: 0 };
    let later = RawEnvelope { send_time: Some(at), ..envelope(&["a@example.test"]) };
    send_to(&daemon, &server).await;
    let mut sent = Vec::new();
    for size in [10, 200_000] {
        let message = [&b"Subject: x\n\n"[..], &[b'x'; 60].repeat(size / 60 + 1), b"\n"].concat();
        sent.push(ok(send(&daemon, later.clone(), &message).await));
    }
    daemon.kill();
    daemon.start_again().await;
    for sent in sent {
        assert_eq!(finished(&daemon, &sent.id).await.state(), MessageState::Delivered);
    }
    assert_eq!(server.wait_for(2).await.len(), 2);
}

#[tokio::test]
async fn h2_who_may_not_send_finished_messages_does_not() {
    let daemon = TestDaemon::start().await;
    decide(&daemon, "Mail/SendRawMail", v1::Role::Administrator, v1::Decision::Deny).await.unwrap();
    let denied = send(&daemon, envelope(&["a@example.test"]), b"\nx\n").await;
    refused(denied, Code::PermissionDenied, reason::POLICY_DENIED);
    nothing_is_left(&daemon).await;
}
