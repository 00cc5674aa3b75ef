//! What these tests share: mail to send, eventualities, dice, and a raw way in.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;
use faxpost_tests::measure;
use tonic_types::StatusExt as _;

/// Generous: only a failure takes so long.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// Tries again soon, so that tests need not wait.
pub(crate) const SOON: &str = "[outbox]\nretry-seconds = [1]\n";

/// Lets the default account send to this port of the loopback, without TLS and sign-in.
pub(crate) async fn send_to(daemon: &TestDaemon, port: u16) {
    let account = v1::Account {
        id: "default".to_owned(),
        sender_email: "fax@example.test".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        security: v1::Security::None.into(),
        ..v1::Account::default()
    };
    daemon.set(account, &["sender_email", "method", "server", "port", "security"]).await.unwrap();
}

/// A mail with its request's name in the subject and, if it is to be large, an attachment that goes to the spool.
pub(crate) fn mail(request: &str, large: bool) -> v1::SendMailRequest {
    let attachment = v1::Attachment {
        file_name: "fax.tif".to_owned(),
        content_type: "image/tiff".to_owned(),
        content: Dice(0xFA11).bytes(150_000).into(),
    };
    v1::SendMailRequest {
        to: vec!["b@example.test".to_owned()],
        subject: request.to_owned(),
        text: "One page.".to_owned(),
        attachments: if large { vec![attachment] } else { Vec::new() },
        request_id: request.to_owned(),
        ..v1::SendMailRequest::default()
    }
}

/// A header field of a received message.
pub(crate) fn header(content: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(content);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default().to_owned()
}

/// All messages of the outbox.
pub(crate) async fn outbox(daemon: &TestDaemon) -> Vec<v1::Message> {
    let (mut client, mut all, mut page_token) = (daemon.mail().await, Vec::new(), String::new());
    loop {
        let request = v1::ListMessagesRequest { page_size: 100, page_token, ..Default::default() };
        let page = client.list_messages(request).await.unwrap().into_inner();
        all.extend(page.messages);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

/// Watches a message until it is finished.
pub(crate) async fn finished(daemon: &TestDaemon, id: &str) -> v1::Message {
    until(daemon, id, |message| {
        use v1::MessageState::{Cancelled, Delivered, Failed};
        matches!(message.state(), Delivered | Failed | Cancelled)
    })
    .await
}

/// Watches a message until it is as wished.
pub(crate) async fn until(daemon: &TestDaemon, id: &str, wish: impl Fn(&v1::Message) -> bool) -> v1::Message {
    let last = std::cell::RefCell::new(None);
    let watching = async {
        let request = v1::WatchMessageRequest { id: id.to_owned() };
        let mut states = daemon.mail().await.watch_message(request).await.unwrap().into_inner();
        while let Some(state) = states.message().await.unwrap() {
            let message = state.message.unwrap();
            if wish(&message) {
                return Some(message);
            }
            last.replace(Some(message));
        }
        None
    };
    let waited = tokio::time::timeout(LONGEST, watching).await;
    let Ok(Some(message)) = waited else {
        panic!("it never came; last there was {:?}:\n{}", last.borrow(), daemon.stderr())
    };
    message
}

/// Waits until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < LONGEST, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until nothing is left in the spool.
pub(crate) async fn spool_is_empty(daemon: &TestDaemon) {
    let spool = daemon.state_dir().join("spool");
    let empty = async || std::fs::read_dir(&spool).unwrap().next().is_none();
    eventually("the spool is empty", empty).await;
}

/// Another client, on a connection of its own, gets an answer.
pub(crate) async fn served(daemon: &TestDaemon) -> bool {
    let Ok(channel) = daemon.connect().await else { return false };
    let mut client = v1::diagnostics_client::DiagnosticsClient::new(channel);
    client.get_status(v1::GetStatusRequest {}).await.is_ok()
}

/// The machine-readable reason of a refusal.
pub(crate) fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// The daemon is there, has not panicked, and, where the system tells (Linux), has not grown out of bounds.
pub(crate) async fn unharmed(daemon: &TestDaemon) {
    eventually("the daemon serves", async || served(daemon).await).await;
    assert!(!daemon.stderr().contains("panicked"), "{}", daemon.stderr());
    let kilobytes = measure::memory(daemon.id(), "VmRSS:");
    assert!(kilobytes.is_none_or(|kilobytes| kilobytes < 64 * 1024), "{kilobytes:?} KiB");
}

/// Every file of a folder, by its path.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            all.insert(path.display().to_string(), bytes);
        }
    }
    all
}

#[cfg(unix)]
pub(crate) type Raw = tokio::net::UnixStream;
#[cfg(windows)]
pub(crate) type Raw = tokio::net::windows::named_pipe::NamedPipeClient;

/// A connection on which anything can be said; `None`: the daemon does not take it.
#[cfg(unix)]
pub(crate) async fn dial(daemon: &TestDaemon) -> Option<Raw> {
    tokio::net::UnixStream::connect(daemon.endpoint()).await.ok()
}

#[cfg(windows)]
pub(crate) async fn dial(daemon: &TestDaemon) -> Option<Raw> {
    const ALL_TAKEN: i32 = 231; // ERROR_PIPE_BUSY
    for _ in 0..5_000 {
        match tokio::net::windows::named_pipe::ClientOptions::new().open(daemon.endpoint()) {
            Ok(pipe) => return Some(pipe),
            Err(error) if error.raw_os_error() == Some(ALL_TAKEN) => {}
            Err(_) => return None,
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}
