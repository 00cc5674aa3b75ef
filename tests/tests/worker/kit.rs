//! Mail to send, and waiting for what becomes of it.

use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::daemon::{Builder, TestDaemon};

/// Generous: only a failure takes so long.
pub(crate) const LONGEST: Duration = Duration::from_secs(90);

/// Tries again soon, so that tests need not wait.
const SOON: &str = "[outbox]\nretry-seconds = [1]\n";

/// A daemon that sends to this port of the loopback.
pub(crate) async fn daemon(builder: Builder, port: u16) -> TestDaemon {
    let daemon = builder.settings(SOON).start().await;
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
    daemon
}

/// Sends a mail; a large one goes to the spool. Its id and its Message-ID.
pub(crate) async fn send(daemon: &TestDaemon, bytes: usize) -> (String, String) {
    let attachment = v1::Attachment {
        file_name: "fax.tif".to_owned(),
        content_type: "image/tiff".to_owned(),
        content: (0..bytes).map(|n| (n * n / 7) as u8).collect::<Vec<_>>().into(),
    };
    let mail = v1::SendMailRequest {
        to: vec!["b@example.test".to_owned()],
        subject: "fax".to_owned(),
        text: "One page.".to_owned(),
        attachments: if bytes > 0 { vec![attachment] } else { Vec::new() },
        ..v1::SendMailRequest::default()
    };
    let sent = daemon.mail().await.send_mail(mail).await.unwrap().into_inner();
    (sent.id, sent.message_id)
}

/// Watches a message until it is delivered; gives every state on the way, too.
pub(crate) async fn delivered(daemon: &TestDaemon, id: &str) -> v1::Message {
    until(daemon, id, |message| message.state() == v1::MessageState::Delivered).await
}

/// Watches a message until an attempt has failed.
pub(crate) async fn tried(daemon: &TestDaemon, id: &str) -> v1::Message {
    until(daemon, id, |message| message.attempts > 0 && !message.last_error.is_empty()).await
}

async fn until(daemon: &TestDaemon, id: &str, wish: impl Fn(&v1::Message) -> bool) -> v1::Message {
    let watching = async {
        let request = v1::WatchMessageRequest { id: id.to_owned() };
        let mut states = daemon.mail().await.watch_message(request).await.unwrap().into_inner();
        let mut last = None;
        while let Some(state) = states.message().await.unwrap() {
            let message = state.message.unwrap();
            if wish(&message) {
                return message;
            }
            last = Some(message);
        }
        panic!("it never came; last there was {last:?}:\n{}", daemon.stderr())
    };
    let waited = tokio::time::timeout(LONGEST, watching).await;
    waited.unwrap_or_else(|_| panic!("it does not come:\n{}", daemon.stderr()))
}

/// Waits until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONGEST, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The log's reasons of a message's attempts, the first one first.
pub(crate) async fn reasons(daemon: &TestDaemon, id: &str) -> Vec<String> {
    let filter = Some(v1::EntryFilter { message: id.to_owned(), ..v1::EntryFilter::default() });
    let request = v1::ListEntriesRequest { filter, ..v1::ListEntriesRequest::default() };
    let mut entries = daemon.log().await.list_entries(request).await.unwrap().into_inner().entries;
    entries.sort_by_key(|entry| entry.id);
    let attempts = entries.into_iter().filter(|entry| entry.attempt > 0);
    attempts.map(|entry| entry.reason).collect()
}
