//! A full disk: nothing is accepted, what is stored can be read, and when there is room again all goes on.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use faxpost_proto::v1::send_mail_stream_request::Part;
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::kit::tool;

/// A small disk; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mounted(at: PathBuf) -> Self {
        let place = at.display().to_string();
        tool("mount", &["-t", "tmpfs", "-o", "size=4m,mode=0700", "faxpost-test", &place]);
        Self(at)
    }

    /// Takes all room that is left.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

fn mail(text: usize) -> v1::SendMailRequest {
    let to = vec!["a@example.test".to_owned()];
    v1::SendMailRequest { to, text: "x".repeat(text), ..v1::SendMailRequest::default() }
}

#[track_caller]
fn full<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let status = answer.unwrap_err();
    let why = status.get_details_error_info().map(|info| info.reason);
    assert_eq!((status.code(), why.as_deref()), (Code::Unavailable, Some(reason::DISK_FULL)), "{status:?}");
}

#[tokio::test]
async fn f2_a_full_disk_refuses_mail_and_goes_on_when_there_is_room() {
    let mut daemon = TestDaemon::start().await;
    daemon.kill();
    let disk = Disk::mounted(daemon.state_dir());
    daemon.start_again().await;
    let mut client = daemon.mail().await;
    let first = client.send_mail(mail(10)).await.unwrap().into_inner().id;
    let watch = v1::WatchMessageRequest { id: first.clone() };
    let mut states = client.watch_message(watch).await.unwrap().into_inner();
    while states.message().await.unwrap().is_some() {}

    let ballast = disk.fill();
    let before = client.list_messages(v1::ListMessagesRequest::default()).await.unwrap().into_inner();
    // In the database, in the spool, and as an upload. SQLite may have room left in a file that it has: until it is
    // used up, small mail is rightly accepted.
    full(client.send_mail(mail(200_000)).await);
    let start = v1::AttachmentStart { file_name: "a.bin".to_owned(), ..v1::AttachmentStart::default() };
    let parts = [Part::Mail(mail(10)), Part::Attachment(start), Part::Chunk(vec![7; 200_000].into())];
    let parts = parts.map(|part| v1::SendMailStreamRequest { part: Some(part) });
    full(client.send_mail_stream(tokio_stream::iter(parts)).await);
    let mut accepted = Vec::new();
    let refusal = loop {
        match client.send_mail(mail(30_000)).await {
            Ok(answer) => accepted.push(answer.into_inner().id),
            Err(status) => break status,
        }
        assert!(accepted.len() < 500, "the disk is not full");
    };
    full::<()>(Err(refusal));
    full(client.send_mail(mail(30_000)).await);
    let big = v1::Account { id: "default".to_owned(), password: "x".repeat(1000), ..v1::Account::default() };
    full(daemon.set(big, &["password"]).await);
    let status = daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await;
    status.expect("what is stored can be read");
    let listed = client.list_messages(v1::ListMessagesRequest { page_size: 500, ..Default::default() }).await;
    assert_eq!(listed.unwrap().into_inner().messages.len(), before.messages.len() + accepted.len());
    let spool = || std::fs::read_dir(daemon.state_dir().join("spool")).unwrap().count();
    assert_eq!(spool(), 0, "of the refused nothing is left");

    std::fs::remove_file(ballast).unwrap();
    let again = client.send_mail(mail(200_000)).await.expect("there is room again").into_inner().id;
    accepted.push(again);
    for id in accepted {
        let mut states = client.watch_message(v1::WatchMessageRequest { id }).await.unwrap().into_inner();
        let mut last = None;
        while let Some(state) = states.message().await.unwrap() {
            let message = state.message.unwrap();
            if message.state() == v1::MessageState::Queued && message.attempts > 0 {
                // Its attempt met the full disk: the pickup folder is on it.
                let id = message.id.clone();
                client.retry_message(v1::RetryMessageRequest { id }).await.unwrap();
            }
            last = Some(message);
        }
        assert_eq!(last.unwrap().state(), v1::MessageState::Delivered, "what was accepted is delivered");
    }
    drop(daemon);
    drop(disk);
}
