//! The e-mail log (requirement E): one entry for each acceptance, attempt, test and steering, with its transcript.

mod retention;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;

use crate::mailer::Transcript;
use crate::store::{Store, StoreError};

pub use retention::{Removed, Retention};

/// What an entry is about. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message was accepted.
    Accepted = 1,
    /// An attempt to hand it over.
    Attempt = 2,
    /// The Test of an account.
    Test = 3,
    /// Given up by age.
    Expired = 4,
    /// Held, released, retried or cancelled by a caller.
    Steered = 5,
}

/// How it ended. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Ok = 1,
    /// For some recipients only.
    Partial = 2,
    /// Not now.
    Temporary = 3,
    /// Not at all.
    Permanent = 4,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Given by the store; 0 before.
    pub id: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// What it is about.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Outbox id; empty for a test.
    pub message: String,
    /// Stable identity of who caused it.
    pub caller_id: String,
    /// The same for people.
    pub caller_name: String,
    /// Account id.
    pub account: String,
    /// Sending method.
    pub method: String,
    /// host:port or folder.
    pub server: String,
    /// Envelope sender.
    pub sender: String,
    /// Address, delivered, the server's answer.
    pub recipients: Vec<(String, bool, String)>,
    /// Subject of the message.
    pub subject: String,
    /// Bytes.
    pub size: u64,
    /// 1 for the first attempt; 0 where there is none.
    pub attempt: u32,
    /// How long it took.
    pub duration_ms: u64,
    /// The server's last answer, or what went wrong.
    pub answer: String,
    /// Stable code of what went wrong; empty when nothing did.
    pub reason: String,
    /// Version and cipher; empty without TLS.
    pub tls: String,
    /// The dialogue, if there was one.
    pub transcript: Option<Transcript>,
    /// Whether the store has a transcript (lists leave it out).
    pub has_transcript: bool,
}

impl Entry {
    /// An entry with everything but the essentials left empty.
    #[must_use]
    pub fn new(kind: Kind, outcome: Outcome, at: i64, caller: (&str, &str), account: &str) -> Self {
        Self {
            id: 0,
            at,
            kind,
            outcome,
            message: String::new(),
            caller_id: caller.0.to_owned(),
            caller_name: caller.1.to_owned(),
            account: account.to_owned(),
            method: String::new(),
            server: String::new(),
            sender: String::new(),
            recipients: Vec::new(),
            subject: String::new(),
            size: 0,
            attempt: 0,
            duration_ms: 0,
            answer: String::new(),
            reason: String::new(),
            tls: String::new(),
            transcript: None,
            has_transcript: false,
        }
    }
}

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those this caller caused; `None`: everybody's.
    pub caller_id: Option<String>,
    /// Outbox id.
    pub message: String,
    /// Account id.
    pub account: String,
    /// Part of a recipient's address.
    pub recipient: String,
    /// Part of the caller's name.
    pub caller: String,
    /// Empty: all.
    pub kinds: Vec<i32>,
    /// Empty: all.
    pub outcomes: Vec<i32>,
    /// Unix milliseconds, included.
    pub since: Option<i64>,
    /// Unix milliseconds, excluded.
    pub until: Option<i64>,
}

/// Tells followers that there is more to read.
#[derive(Clone)]
pub struct Log {
    store: Store,
    newest: watch::Sender<i64>,
    /// Of those that this daemon wrote.
    own: Arc<AtomicI64>,
}

impl Log {
    /// The log kept in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, newest: watch::Sender::new(0), own: Arc::default() }
    }

    /// Writes an entry of its own. Entries about messages are written by the outbox with what they tell of.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn write(&self, entry: Entry) -> Result<i64, StoreError> {
        let id = self.store.put_entry(entry).await?;
        self.written(id);
        Ok(id)
    }

    /// Entry `id` is in the store.
    pub fn written(&self, id: i64) {
        self.own.fetch_max(id, Ordering::Relaxed);
        self.heard(id);
    }

    /// The newest entry that this daemon wrote since it began; 0: none.
    #[must_use]
    pub fn own(&self) -> i64 {
        self.own.load(Ordering::Relaxed)
    }

    /// There may be entries that nobody told of.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read_again(&self) -> Result<(), StoreError> {
        self.heard(self.store.newest_entry().await?);
        Ok(())
    }

    /// Entry `id` is in the store, and another daemon wrote it.
    pub fn heard(&self, id: i64) {
        self.newest.send_if_modified(|newest| {
            let grows = id > *newest;
            *newest = id.max(*newest);
            grows
        });
    }

    /// Changes when there are new entries.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }
}
