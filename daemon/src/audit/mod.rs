//! The audit log: every privileged action, who, what, from where, and how it ended (requirement H4). In the database, for
//! administrators, and in the system's own log, where whoever gets hold of the daemon's state cannot change it.
//!
//! What was done is always written. What was denied or failed costs a caller nothing to repeat, so of that only so much
//! is written for each caller, and then how much it was ([`flood`]). A secret is in none of it.

mod flood;
mod system;

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::{AuditFilter, Page, Store, StoreError};
use flood::Flood;

/// Between two looks for what was left unsaid.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Longer targets are cut off: names in certificates can be of any length.
const LONGEST_TARGET: usize = 1000;

/// How an action ended. The numbers are those of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done = 1,
    /// By the policy.
    Denied = 2,
    /// It was allowed, and failed.
    Failed = 3,
    /// It became a request that waits for an administrator.
    Pending = 4,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Done, Self::Denied, Self::Failed, Self::Pending];

    /// Of its number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| *outcome as i64 == number)
    }

    /// For people, and the system's log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }
}

/// One privileged action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unix milliseconds.
    pub at: i64,
    /// SID, or "uid:1000".
    pub caller_id: String,
    /// The same for people.
    pub caller_name: String,
    /// "administrator", "service", "user" or "" (none).
    pub role: String,
    /// "local, process 4711".
    pub origin: String,
    /// "faxpost.v1.Certificates/GrantKeyAccess".
    pub method: String,
    /// What it was about. Never a secret.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why not: a word of `faxpost_proto::reason`.
    pub reason: String,
    /// The request that it was carried out for, or that it became; 0: none.
    pub request: i64,
}

impl Event {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { caller_id, caller_name, role, origin, method, target, outcome, reason, request, .. } =
            self;
        let mut said =
            format!("{} {}: {caller_name}", method.trim_start_matches("faxpost.v1."), outcome.as_str());
        if caller_id != caller_name {
            said.push_str(&format!(" ({caller_id})"));
        }
        for (word, value) in [("", role), ("", origin), ("target: ", target), ("reason: ", reason)] {
            if !value.is_empty() {
                said.push_str(&format!(", {word}{value}"));
            }
        }
        if *request != 0 {
            said.push_str(&format!(", request {request}"));
        }
        // One event is one line, whatever names there are in it.
        said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Where privileged actions are written down.
pub struct Audit {
    store: Store,
    flood: Flood,
}

impl Audit {
    /// In this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, flood: Flood::default() }
    }

    /// Writes an event; returns when it is durable. What it tells of has happened, so a fault of the log is told to the
    /// system's, and to nobody else.
    pub async fn record(&self, mut event: Event) {
        if let Some((end, _)) = event.target.char_indices().nth(LONGEST_TARGET) {
            event.target.truncate(end);
            event.target.push('…');
        }
        let quiet = matches!(event.outcome, Outcome::Done | Outcome::Pending);
        if quiet || self.flood.admits(&event, Instant::now()) {
            self.write(event).await;
        }
    }

    /// Tells from time to time what was left unsaid, until `stop`; and then once more.
    pub async fn run(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(TELL_EVERY)).await.is_some() {
            self.tell().await;
        }
        self.tell().await;
    }

    /// At most `limit` events before the number `before`, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(
        &self,
        filter: AuditFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<(i64, Event)>, StoreError> {
        self.store.audit(filter, before, limit).await
    }

    /// The event with this number, if it is one of those; a page of one or none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn find(&self, filter: AuditFilter, id: i64) -> Result<Page<(i64, Event)>, StoreError> {
        let mut page = self.store.audit(filter, Some(id.saturating_add(1)), 1).await?;
        page.rows.retain(|(found, _)| *found == id);
        page.more = false;
        Ok(page)
    }

    async fn tell(&self) {
        for event in self.flood.unsaid(Instant::now()) {
            self.write(event).await;
        }
    }

    async fn write(&self, event: Event) {
        system::tell(&event);
        if let Err(error) = self.store.put_audit(event.clone()).await {
            tracing::error!(%error, event = event.sentence(), "the audit log could not be written");
        }
    }
}
