//! What the server has seen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// A message that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// MAIL FROM.
    pub from: String,
    /// What followed it, e.g. "SIZE=1234 SMTPUTF8".
    pub parameters: String,
    /// RCPT TO: those that were accepted.
    pub to: Vec<String>,
    /// The message, after the stuffed dots were taken away; empty when only digests are kept.
    pub content: Vec<u8>,
    /// Bytes.
    pub size: u64,
    /// SHA-256, lower-case hex; empty unless only digests are kept.
    pub sha256: String,
    /// Who signed in.
    pub login: Option<String>,
    /// With which mechanism.
    pub mechanism: Option<String>,
    /// It came through TLS.
    pub tls: bool,
}

#[derive(Default)]
pub(super) struct Mailbox {
    seen: Mutex<Seen>,
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct Seen {
    received: Vec<Received>,
    commands: Vec<String>,
    connections: usize,
    open: usize,
    most: usize,
}

impl Mailbox {
    pub(super) fn connected(&self) {
        let mut seen = self.seen();
        seen.connections += 1;
        seen.open += 1;
        seen.most = seen.most.max(seen.open);
    }

    pub(super) fn disconnected(&self) {
        self.seen().open -= 1;
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.seen().most
    }

    pub(super) fn command(&self, line: &str) {
        self.seen().commands.push(line.to_owned());
    }

    pub(super) fn take(&self, message: Received) {
        self.seen().received.push(message);
        self.count.send_modify(|count| *count += 1);
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.seen().received.clone()
    }

    pub(super) fn commands(&self) -> Vec<String> {
        self.seen().commands.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen().connections
    }

    pub(super) async fn wait_for(&self, wanted: usize) -> Vec<Received> {
        let mut count = self.count.subscribe();
        let enough = count.wait_for(|count| *count >= wanted);
        let waited = tokio::time::timeout(Duration::from_secs(30), enough).await.map(|result| result.is_ok());
        let received = self.received();
        assert!(waited == Ok(true), "{} of {wanted} messages came", received.len());
        received
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
