//! `faxpost.v1.Mail/SendMailStream`: attachments in parts, their order and bounds, and that nothing is left of an
//! upload that did not become a message.

use faxpost_proto::v1::MessageState;
use faxpost_proto::v1::send_mail_stream_request::Part;
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use faxpost_tests::tiff;
use mail_parser::{MessageParser, MimeHeaders as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status};

use crate::kit::{eventually, finished, invalid, mail_to, ok, refused, send_to, spool};

type Answer = Result<Response<v1::SendMailStreamResponse>, Status>;

fn part(part: Part) -> v1::SendMailStreamRequest {
    v1::SendMailStreamRequest { part: Some(part) }
}

fn mail() -> v1::SendMailStreamRequest {
    part(Part::Mail(mail_to("a@example.test")))
}

fn begin(file_name: &str) -> v1::SendMailStreamRequest {
    let file_name = file_name.to_owned();
    part(Part::Attachment(v1::AttachmentStart { file_name, content_type: String::new() }))
}

fn chunk(size: usize) -> v1::SendMailStreamRequest {
    part(Part::Chunk(vec![7; size].into()))
}

async fn stream(daemon: &TestDaemon, parts: Vec<v1::SendMailStreamRequest>) -> Answer {
    daemon.mail().await.send_mail_stream(tokio_stream::iter(parts)).await
}

async fn nothing_is_left(daemon: &TestDaemon) {
    eventually("the spool is empty", || spool(daemon).is_empty()).await;
    let listed = ok(daemon.mail().await.list_messages(v1::ListMessagesRequest::default()).await).messages;
    assert_eq!(listed, []);
}

#[tokio::test]
async fn f1_a_streamed_mail_arrives_whole() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let fax = tiff::fax(20, 2000);
    assert!(fax.len() > 8 * 1024 * 1024, "more than a unary request takes");
    let inline = v1::Attachment {
        file_name: "note.txt".to_owned(),
        content_type: String::new(),
        content: "с письмом".into(),
    };
    let request = v1::SendMailRequest {
        attachments: vec![inline],
        subject: "Факс".to_owned(),
        ..mail_to("a@example.test")
    };
    let mut parts = vec![part(Part::Mail(request)), begin("Факс.tif")];
    parts.extend(fax.chunks(64 * 1024).map(|bytes| part(Part::Chunk(bytes.to_vec().into()))));
    parts.extend([begin("empty.pdf"), begin("last.bin"), chunk(3), chunk(0), chunk(2)]);
    let sent = ok(stream(&daemon, parts).await);
    assert!(!sent.duplicate && sent.accept_time.is_some());
    assert_eq!(finished(&daemon, &sent.id).await.state(), MessageState::Delivered);

    let received = server.wait_for(1).await.remove(0);
    let parsed = MessageParser::new().parse(&received.content).unwrap();
    assert_eq!(parsed.subject(), Some("Факс"));
    assert_eq!(parsed.message_id().map(|id| format!("<{id}>")), Some(sent.message_id));
    let attached: Vec<_> = parsed.attachments().map(|part| part.attachment_name().unwrap()).collect();
    assert_eq!(attached, ["note.txt", "Факс.tif", "empty.pdf", "last.bin"]);
    let content = |index| parsed.attachment(index).unwrap().contents();
    assert_eq!(content(0), "с письмом".as_bytes());
    assert!(content(1) == fax, "byte for byte");
    assert_eq!((content(2), content(3)), (&[][..], &[7; 5][..]));
    eventually("the spool is empty", || spool(&daemon).is_empty()).await;
}

#[tokio::test]
async fn f2_a_streamed_request_id_sends_once_too() {
    let daemon = TestDaemon::start().await;
    let parts = |size| {
        let request = v1::SendMailRequest { request_id: "s".to_owned(), ..mail_to("a@example.test") };
        vec![part(Part::Mail(request)), begin("a.bin"), chunk(100_000), chunk(size)]
    };
    let first = ok(stream(&daemon, parts(1)).await);
    let again = ok(stream(&daemon, parts(1)).await);
    assert_eq!(again, v1::SendMailStreamResponse { duplicate: true, ..first.clone() });
    let status = refused(stream(&daemon, parts(2)).await, Code::AlreadyExists, reason::REQUEST_ID_REUSED);
    assert!(status.message().contains("request id"), "{}", status.message());

    // In one piece or in parts: the content is the same.
    let whole = v1::SendMailRequest {
        request_id: "s".to_owned(),
        attachments: vec![v1::Attachment {
            file_name: "a.bin".to_owned(),
            content_type: String::new(),
            content: vec![7; 100_001].into(),
        }],
        ..mail_to("a@example.test")
    };
    let unary = ok(daemon.mail().await.send_mail(whole).await);
    assert!(unary.duplicate && unary.id == first.id);
    finished(&daemon, &first.id).await;
    eventually("the spool is empty", || spool(&daemon).is_empty()).await;
}

#[tokio::test]
async fn f1_parts_in_a_wrong_order_are_refused() {
    let daemon = TestDaemon::start().await;
    let none = v1::SendMailStreamRequest { part: None };
    for parts in [
        vec![],
        vec![none.clone()],
        vec![chunk(1)],
        vec![begin("a.bin"), mail()],
        vec![mail(), chunk(1)],
        vec![mail(), mail()],
        vec![mail(), begin("a.bin"), chunk(1), mail()],
        vec![mail(), begin("a.bin"), chunk(1), none],
    ] {
        invalid(stream(&daemon, parts).await, &["part"]);
    }
    nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn f1_what_is_wrong_with_a_streamed_mail_is_told_by_field() {
    let daemon = TestDaemon::start().await;
    let wrong = part(Part::Mail(mail_to("nobody")));
    let parts = vec![wrong, begin("../x"), chunk(100_000), begin("a.bin"), chunk(1)];
    invalid(stream(&daemon, parts).await, &["to[0]", "attachments[0].file_name"]);
    let account = v1::SendMailRequest { account: "missing".to_owned(), ..mail_to("a@example.test") };
    let parts = vec![part(Part::Mail(account)), begin("a.bin"), chunk(100_000)];
    refused(stream(&daemon, parts).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    let mut parts = vec![mail()];
    parts.extend((0..101).map(|number| begin(&format!("{number}.bin"))));
    invalid(stream(&daemon, parts).await, &["attachments"]);
    invalid(stream(&daemon, vec![mail(), begin("a.bin"), chunk(1024 * 1024 + 1)]).await, &["chunk"]);
    nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn h5_a_stream_above_the_configured_size_is_cut_off() {
    let daemon = TestDaemon::builder().settings("[limits]\nmax-message-bytes = 100000").start().await;
    let too_large = [
        vec![mail(), begin("a.bin"), chunk(60_000), begin("b.bin"), chunk(40_001)],
        // Text and attachments count together: "Two pages." is ten bytes.
        vec![mail(), begin("a.bin"), chunk(99_991)],
    ];
    for parts in too_large {
        let status = refused(stream(&daemon, parts).await, Code::InvalidArgument, reason::MESSAGE_TOO_LARGE);
        assert!(status.message().contains("100000"), "{}", status.message());
    }
    let endless = tokio_stream::iter(
        [mail(), begin("a.bin")].into_iter().chain(std::iter::repeat_n(chunk(50_000), 2000)),
    );
    let answer = daemon.mail().await.send_mail_stream(endless).await;
    refused(answer, Code::InvalidArgument, reason::MESSAGE_TOO_LARGE);
    nothing_is_left(&daemon).await;
    ok(stream(&daemon, vec![mail(), begin("a.bin"), chunk(99_990)]).await);
}

#[tokio::test]
async fn h5_a_stalled_upload_is_ended_and_leaves_nothing() {
    let daemon = TestDaemon::builder().settings("[limits]\npatience-seconds = 1").start().await;
    for before in [vec![], vec![mail()], vec![mail(), begin("a.bin"), chunk(100_000)]] {
        let (sender, parts) = mpsc::channel(8);
        for part in before {
            sender.send(part).await.unwrap();
        }
        let answer = daemon.mail().await.send_mail_stream(ReceiverStream::new(parts)).await;
        let status = refused(answer, Code::DeadlineExceeded, reason::TOO_SLOW);
        assert!(status.message().contains("1 second"), "{}", status.message());
        drop(sender);
    }
    nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn f2_an_upload_that_the_caller_gives_up_leaves_nothing() {
    let daemon = TestDaemon::start().await;
    let (sender, parts) = mpsc::channel(8);
    let mut client = daemon.mail().await;
    let upload = tokio::spawn(async move { client.send_mail_stream(ReceiverStream::new(parts)).await });
    for part in [mail(), begin("a.bin"), chunk(200_000)] {
        sender.send(part).await.unwrap();
    }
    eventually("the upload is in the spool", || spool(&daemon).len() == 1).await;
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    nothing_is_left(&daemon).await;
    assert_eq!(crate::kit::entries(&daemon).await, []);
}

#[tokio::test]
async fn f2_an_upload_whose_connection_breaks_leaves_nothing() {
    let daemon = TestDaemon::start().await;
    // A caller with a runtime of its own, which ends without a word as a killed process does.
    let caller = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let endpoint = daemon.endpoint().to_owned();
    let (sender, parts) = mpsc::channel(8);
    caller.spawn(async move {
        let channel = faxpost_proto::connect::connect(&endpoint).await.unwrap();
        let mut client = v1::mail_client::MailClient::new(channel);
        client.send_mail_stream(ReceiverStream::new(parts)).await
    });
    for part in [mail(), begin("a.bin"), chunk(200_000)] {
        sender.send(part).await.unwrap();
    }
    eventually("the upload is in the spool", || spool(&daemon).len() == 1).await;
    caller.shutdown_background();
    nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn f2_an_upload_that_a_crash_cut_off_is_gone_after_the_restart() {
    let mut daemon = TestDaemon::start().await;
    let (sender, parts) = mpsc::channel(8);
    let mut client = daemon.mail().await;
    let upload = tokio::spawn(async move { client.send_mail_stream(ReceiverStream::new(parts)).await });
    for part in [mail(), begin("a.bin"), chunk(200_000)] {
        sender.send(part).await.unwrap();
    }
    eventually("the upload is in the spool", || spool(&daemon).len() == 1).await;
    daemon.kill();
    assert!(upload.await.unwrap().is_err());
    assert_eq!(spool(&daemon).len(), 1);
    daemon.start_again().await;
    nothing_is_left(&daemon).await;
}
