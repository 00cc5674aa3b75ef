//! `faxpost.v1.Mail/SendMail`: what is accepted, what is delivered of it, and what is refused. The same as a stream is
//! in mail_stream.rs, the outbox in mail_outbox.rs.

use std::collections::BTreeSet;

use faxpost_proto::v1::MessageState;
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use faxpost_tests::tiff;
use mail_parser::{MessageParser, MimeHeaders as _};
use tonic::Code;

use crate::kit::{
    eventually, finished, invalid, mail_to, message, ok, refused, send, send_to, send_to_port, spool,
};

fn attachment(file_name: &str, content: Vec<u8>) -> v1::Attachment {
    v1::Attachment { file_name: file_name.to_owned(), content_type: String::new(), content: content.into() }
}

fn header(name: &str, value: &str) -> v1::Header {
    v1::Header { name: name.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn f1_what_arrives_is_what_was_given_in_any_script() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let fax = tiff::fax(3, 200);
    let mail = v1::SendMailRequest {
        to: vec!["\"Петров, Иван\" <ivan@пример.рф>".to_owned()],
        cc: vec!["ann@example.test".to_owned()],
        bcc: vec!["archive@example.test".to_owned(), "Ann <ann@example.test>".to_owned()],
        subject: "Факс принят: 3 страницы ✓".to_owned(),
        text: "Здравствуйте!\n.\n..точка\nFrom here".to_owned(),
        html: "<p>Здравствуйте!</p>".to_owned(),
        attachments: vec![attachment("Факс №1.tif", fax.clone()), attachment("empty.bin", Vec::new())],
        headers: vec![header("X-Fax-Id", "4711"), header("Reply-To", "Отдел <sales@пример.рф>")],
        ..v1::SendMailRequest::default()
    };
    let sent = ok(daemon.mail().await.send_mail(mail).await);
    assert!(!sent.duplicate && sent.accept_time.is_some());
    assert_eq!(finished(&daemon, &sent.id).await.state(), MessageState::Delivered);

    let received = server.wait_for(1).await.remove(0);
    assert_eq!(received.from, "fax@example.test");
    let idn = "ivan@xn--e1afmkfd.xn--p1ai";
    assert_eq!(received.to, [idn, "ann@example.test", "archive@example.test"], "each once");
    let text = String::from_utf8(received.content.clone()).unwrap();
    assert!(!text.contains("archive@"), "bcc does not show");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "only CRLF ends a line");
    let parsed = MessageParser::new().parse(&received.content).unwrap();
    assert_eq!(parsed.subject(), Some("Факс принят: 3 страницы ✓"));
    assert_eq!(parsed.message_id().map(|id| format!("<{id}>")), Some(sent.message_id));
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Faxpost"), Some("fax@example.test")));
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Петров, Иван"), Some(idn)));
    let body = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(body.trim_end(), "Здравствуйте!\n.\n..точка\nFrom here");
    assert!(parsed.body_html(0).unwrap().contains("<p>Здравствуйте!</p>"));
    assert_eq!(parsed.header("X-Fax-Id").and_then(|value| value.as_text()), Some("4711"));
    let attached: Vec<_> =
        parsed.attachments().map(|part| (part.attachment_name(), part.contents())).collect();
    assert_eq!(attached, [(Some("Факс №1.tif"), &fax[..]), (Some("empty.bin"), &[][..])]);
    let kind = parsed.attachment(0).unwrap().content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("image", Some("tiff")));
}

#[tokio::test]
async fn a10_bounces_and_answers_go_where_the_account_says() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let given = v1::Account {
        id: "default".to_owned(),
        envelope_sender: "bounces@пример.рф".to_owned(),
        reply_to: "Отдел <office@example.test>".to_owned(),
        ..v1::Account::default()
    };
    daemon.set(given, &["envelope_sender", "reply_to"]).await.unwrap();
    let own = v1::SendMailRequest {
        headers: vec![header("Reply-To", "me@example.test")],
        ..mail_to("b@example.test")
    };
    for (mail, answers) in [(mail_to("b@example.test"), "office@example.test"), (own, "me@example.test")] {
        let id = send(&daemon, mail).await;
        assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
        let received = server.received().pop().unwrap();
        assert_eq!(received.from, "bounces@xn--e1afmkfd.xn--p1ai");
        let parsed = MessageParser::new().parse(&received.content).unwrap();
        assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some("fax@example.test"));
        let reply_to: Vec<_> = parsed.reply_to().unwrap().iter().filter_map(|to| to.address()).collect();
        assert_eq!(reply_to, [answers]);
    }
}

#[tokio::test]
async fn f1_a_local_part_in_utf8_goes_with_smtputf8() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let id = send(&daemon, mail_to("иван@пример.рф")).await;
    assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
    let received = server.wait_for(1).await.remove(0);
    assert_eq!(received.to, ["иван@xn--e1afmkfd.xn--p1ai"]);
    assert!(received.parameters.contains("SMTPUTF8"), "{}", received.parameters);
}

#[tokio::test]
async fn f1_a_local_part_in_quotes_arrives_as_it_is() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let address = "\"Lee, Ann\"@example.test";
    let id = send(&daemon, mail_to(address)).await;
    assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
    assert_eq!(server.wait_for(1).await.remove(0).to, [address]);
}

#[tokio::test]
async fn f1_one_recipient_and_nothing_else_is_a_mail() {
    let daemon = TestDaemon::start().await;
    let mails = [
        v1::SendMailRequest { to: vec!["a@example.test".to_owned()], ..Default::default() },
        v1::SendMailRequest { bcc: vec!["a@example.test".to_owned()], ..Default::default() },
        v1::SendMailRequest { account: "default".to_owned(), ..mail_to("a@example.test") },
        v1::SendMailRequest { subject: "я".repeat(998), ..mail_to("a@example.test") },
        v1::SendMailRequest {
            to: (0..100).map(|n| format!("r{n}@example.test")).collect(),
            ..Default::default()
        },
        v1::SendMailRequest {
            attachments: (0..100).map(|n| attachment(&format!("{n}.txt"), vec![b'x'])).collect(),
            headers: (0..50).map(|n| header(&format!("X-{n}"), "x")).collect(),
            ..mail_to("a@example.test")
        },
    ];
    for mail in mails {
        let id = send(&daemon, mail).await;
        assert_eq!(finished(&daemon, &id).await.state(), MessageState::Delivered);
        assert!(daemon.pickup_dir().join(format!("{id}.eml")).is_file());
    }
}

#[tokio::test]
async fn f1_wrong_recipients_are_named_by_list_and_position() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.mail().await;
    let list = |addresses: &[&str]| addresses.iter().map(|&address| address.to_owned()).collect::<Vec<_>>();
    invalid(client.send_mail(v1::SendMailRequest::default()).await, &["to"]);
    let mail = v1::SendMailRequest {
        to: list(&["good@example.test", "nobody"]),
        cc: list(&["ann@exa mple.test", "ann@example.test, bob@example.test"]),
        bcc: list(&["", "x@192.0.2.1"]),
        ..v1::SendMailRequest::default()
    };
    let status = invalid(client.send_mail(mail).await, &["to[1]", "cc[0]", "cc[1]", "bcc[0]", "bcc[1]"]);
    assert!(status.message().contains("to[1]"), "{}", status.message());
    let many = v1::SendMailRequest { to: vec!["a@example.test".to_owned(); 60], ..mail_to("b@example.test") };
    let many = v1::SendMailRequest { cc: many.to.clone(), ..many };
    invalid(client.send_mail(many).await, &["to"]);
    refused(
        client
            .send_mail(v1::SendMailRequest { account: "sales".to_owned(), ..mail_to("a@example.test") })
            .await,
        Code::NotFound,
        reason::ACCOUNT_NOT_FOUND,
    );
    assert_eq!(crate::kit::entries(&daemon).await, [], "what was refused is not in the log as accepted");
}

#[tokio::test]
async fn f1_a_header_cannot_be_smuggled_in_anywhere() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.mail().await;
    for end in ["\r\n", "\n", "\r", "\0", "\u{b}"] {
        let evil = format!("x{end}Bcc: eve@example.test");
        let to = || mail_to("a@example.test");
        let cases = [
            (v1::SendMailRequest { subject: evil.clone(), ..to() }, "subject"),
            (mail_to(&format!("a@example.test{end}Bcc: eve@example.test")), "to[0]"),
            (mail_to(&format!("\"{evil}\" <a@example.test>")), "to[0]"),
            (v1::SendMailRequest { headers: vec![header("X-Fax", &evil)], ..to() }, "headers[0].value"),
            (v1::SendMailRequest { headers: vec![header(&evil, "x")], ..to() }, "headers[0].name"),
            (
                v1::SendMailRequest { attachments: vec![attachment(&evil, vec![1])], ..to() },
                "attachments[0].file_name",
            ),
            (
                v1::SendMailRequest {
                    attachments: vec![v1::Attachment {
                        content_type: format!("text/plain{end}Bcc: eve@example.test"),
                        ..attachment("a.txt", vec![1])
                    }],
                    ..to()
                },
                "attachments[0].content_type",
            ),
            (v1::SendMailRequest { request_id: evil.clone(), ..to() }, "request_id"),
        ];
        for (mail, field) in cases {
            invalid(client.send_mail(mail).await, &[field]);
        }
    }
    for reserved in ["From", "BCC", "content-type", "Received", "MIME-Version", "Resent-To", "Subject"] {
        let mail = v1::SendMailRequest { headers: vec![header(reserved, "x")], ..mail_to("a@example.test") };
        invalid(client.send_mail(mail).await, &["headers[0].name"]);
    }
}

#[tokio::test]
async fn f1_all_wrong_fields_are_told_at_once_and_nothing_is_left_of_the_mail() {
    let daemon = TestDaemon::start().await;
    let mail = v1::SendMailRequest {
        to: vec!["nobody".to_owned()],
        subject: "x".repeat(999),
        headers: vec![header("X-Ok", "x"), header("X-Long", &"x".repeat(999))],
        attachments: vec![
            attachment("../etc/passwd", vec![0; 100_000]),
            attachment("C:\\x.txt", Vec::new()),
            attachment("", Vec::new()),
            attachment(&"x".repeat(256), Vec::new()),
        ],
        ..v1::SendMailRequest::default()
    };
    let answer = daemon.mail().await.send_mail(mail).await;
    let status = refused(answer, Code::InvalidArgument, reason::INVALID_FIELD);
    let named: BTreeSet<_> = crate::kit::fields(&status).into_iter().collect();
    let expected = [
        "to[0]",
        "subject",
        "headers[1].value",
        "attachments[0].file_name",
        "attachments[1].file_name",
        "attachments[2].file_name",
        "attachments[3].file_name",
    ];
    assert_eq!(named, expected.map(str::to_owned).into());
    assert_eq!(spool(&daemon), Vec::<std::path::PathBuf>::new());
    let messages = ok(daemon.mail().await.list_messages(v1::ListMessagesRequest::default()).await).messages;
    assert_eq!(messages, []);
}

#[tokio::test]
async fn f1_too_many_attachments_or_headers_are_refused() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.mail().await;
    let attachments = (0..101).map(|n| attachment(&format!("{n}.txt"), Vec::new())).collect();
    let mail = v1::SendMailRequest { attachments, ..mail_to("a@example.test") };
    invalid(client.send_mail(mail).await, &["attachments"]);
    let headers = (0..51).map(|n| header(&format!("X-{n}"), "x")).collect();
    let mail = v1::SendMailRequest { headers, ..mail_to("a@example.test") };
    invalid(client.send_mail(mail).await, &["headers"]);
    let mail = v1::SendMailRequest { request_id: "я".repeat(129), ..mail_to("a@example.test") };
    invalid(client.send_mail(mail).await, &["request_id"]);
}

#[tokio::test]
async fn h5_a_message_above_the_configured_size_is_refused() {
    let daemon = TestDaemon::builder().settings("[limits]\nmax-message-bytes = 1000").start().await;
    let mut client = daemon.mail().await;
    let sized = |text: usize, attached: usize| v1::SendMailRequest {
        text: "x".repeat(text),
        attachments: vec![attachment("a.bin", vec![0; attached])],
        ..mail_to("a@example.test")
    };
    ok(client.send_mail(sized(400, 600)).await);
    for (text, attached) in [(401, 600), (1001, 0), (0, 1001)] {
        let answer = client.send_mail(sized(text, attached)).await;
        let status = refused(answer, Code::InvalidArgument, reason::MESSAGE_TOO_LARGE);
        assert!(status.message().contains("1000"), "the limit is told: {}", status.message());
    }
}

#[tokio::test]
async fn h5_a_request_too_large_for_unary_says_where_to_go() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.mail().await;
    let mail = |size| v1::SendMailRequest {
        attachments: vec![attachment("a.bin", vec![0; size])],
        ..mail_to("a@example.test")
    };
    let fits = 1024 * 1024 - 1024;
    ok(client.send_mail(mail(fits)).await);
    for size in [1024 * 1024 + 1024, 20 * 1024 * 1024] {
        let answer = client.send_mail(mail(size)).await;
        let status = refused(answer, Code::InvalidArgument, reason::MESSAGE_TOO_LARGE);
        assert!(status.message().contains("SendMailStream"), "{}", status.message());
    }
    ok(client.send_mail(mail_to("a@example.test")).await);
}

#[tokio::test]
async fn f2_the_same_request_id_sends_once() {
    let server = SmtpServer::builder().start().await;
    let mut daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let mail = || v1::SendMailRequest {
        request_id: "fax-4711".to_owned(),
        attachments: vec![attachment("a.tif", tiff::fax(1, 500))],
        ..mail_to("a@example.test")
    };
    let first = ok(daemon.mail().await.send_mail(mail()).await);
    let again = v1::SendMailResponse { duplicate: true, ..first.clone() };
    assert_eq!(ok(daemon.mail().await.send_mail(mail()).await), again);
    finished(&daemon, &first.id).await;
    assert_eq!(ok(daemon.mail().await.send_mail(mail()).await), again, "also when it is delivered");

    // The account's sender may change between two tries: it is the same request.
    let sender = v1::Account { sender_email: "new@example.test".to_owned(), ..v1::Account::default() };
    daemon.set(v1::Account { id: "default".to_owned(), ..sender }, &["sender_email"]).await.unwrap();
    assert_eq!(ok(daemon.mail().await.send_mail(mail()).await), again);

    daemon.kill();
    daemon.start_again().await;
    assert_eq!(ok(daemon.mail().await.send_mail(mail()).await), again, "also after a crash");
    let other = [
        v1::SendMailRequest { text: "Other.".to_owned(), ..mail() },
        v1::SendMailRequest { bcc: vec!["b@example.test".to_owned()], ..mail() },
        v1::SendMailRequest { attachments: vec![attachment("b.tif", tiff::fax(1, 500))], ..mail() },
        v1::SendMailRequest { attachments: vec![attachment("a.tif", tiff::fax(1, 501))], ..mail() },
        v1::SendMailRequest { headers: vec![header("X-Fax", "1")], ..mail() },
    ];
    for other in other {
        let answer = daemon.mail().await.send_mail(other).await;
        refused(answer, Code::AlreadyExists, reason::REQUEST_ID_REUSED);
    }
    assert_eq!(server.received().len(), 1);
    eventually("the spool is empty", || spool(&daemon).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_the_same_request_many_times_at_once_is_one_message() {
    let daemon = TestDaemon::start().await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut client = daemon.mail().await;
        let mail = v1::SendMailRequest { request_id: "once".to_owned(), ..mail_to("a@example.test") };
        tries.spawn(async move { ok(client.send_mail(mail).await) });
    }
    let answers = tries.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1);
    assert_eq!(answers.iter().map(|answer| &answer.id).collect::<BTreeSet<_>>().len(), 1);
}

#[tokio::test]
async fn h5_a_caller_has_a_share_of_the_queue() {
    let settings = "[limits]\nqueued-per-caller = 2\n[outbox]\nretry-seconds = [3600]";
    let mut daemon = TestDaemon::builder().settings(settings).start().await;
    send_to_port(&daemon, crate::kit::dead_port()).await;
    let mail = |id: &str| v1::SendMailRequest { request_id: id.to_owned(), ..mail_to("a@example.test") };
    let first = send(&daemon, mail("1")).await;
    let second = send(&daemon, mail("2")).await;
    for restarted in [false, true] {
        if restarted {
            daemon.kill();
            daemon.start_again().await;
        }
        let answer = daemon.mail().await.send_mail(mail("3")).await;
        let status = refused(answer, Code::ResourceExhausted, reason::QUEUE_SHARE);
        assert!(status.message().contains('2'), "{}", status.message());
        // Not a new message: whoever lost the answer learns that it was accepted.
        let again = ok(daemon.mail().await.send_mail(mail("2")).await);
        assert!(again.duplicate && again.id == second);
    }
    ok(daemon.mail().await.cancel_message(v1::CancelMessageRequest { id: first.clone() }).await);
    send(&daemon, mail("3")).await;
    let answer = daemon.mail().await.send_mail(mail("4")).await;
    refused(answer, Code::ResourceExhausted, reason::QUEUE_SHARE);
    assert_eq!(message(&daemon, &first).await.state(), MessageState::Cancelled);
}
