//! The outbox: durable acceptance, schedule, retry, outcome.

mod accept;
mod credential;
mod deliver;
mod model;
mod settle;
pub mod signing;
mod spool;
mod steer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};

use crate::accounts::{Host, Registry};
use crate::certs::SigningSource;
use crate::config::Config;
use crate::log::Log;
use crate::mailer::Mailer;
use crate::oauth::Oauth;
use crate::store::{Store, StoreError, Unfinished};

pub use accept::{AcceptError, Accepted, Request};
pub use model::{Message, Recipient, RecipientState, State};
pub use settle::Schedule;
pub use spool::{Spool, Upload};
pub use steer::{SteerError, Steering};

/// Changes kept for a watcher that is behind; one that is further behind reads the store again.
const CHANGES: usize = 256;

/// The outbox.
pub struct Outbox {
    store: Store,
    registry: Arc<Registry>,
    oauth: Arc<Oauth>,
    certificates: Arc<dyn SigningSource>,
    log: Log,
    mailer: Mailer,
    host: Host,
    spool: Spool,
    schedule: Schedule,
    give_up_ms: i64,
    deliveries: usize,
    max_message_bytes: u64,
    queued_per_caller: u64,
    /// Unfinished messages by caller: counting them in the store would cost more with every message that waits.
    shares: Mutex<HashMap<String, u64>>,
    flights: Mutex<Flights>,
    wake: Notify,
    changes: broadcast::Sender<String>,
}

/// What the scheduler and those who steer must agree on.
#[derive(Default)]
struct Flights {
    /// Messages that are with the mailer: `seq`, and the attempts that had ended before.
    under_way: HashMap<i64, u32>,
    /// How often somebody steered a message: what was read before that may be out of date.
    steered: u64,
}

impl Outbox {
    /// Opens the outbox in `config.state_dir` and tidies up after a crash.
    ///
    /// # Errors
    /// The store or the spool cannot be read.
    pub async fn open(
        config: &Config,
        store: Store,
        registry: Arc<Registry>,
        oauth: Arc<Oauth>,
        certificates: Arc<dyn SigningSource>,
        log: Log,
        mailer: Mailer,
    ) -> anyhow::Result<Self> {
        let mut shares = HashMap::new();
        let mut ids = Vec::new();
        for (id, caller) in store.unfinished_ids().await? {
            *shares.entry(caller).or_insert(0) += 1;
            ids.push(id);
        }
        Ok(Self {
            store,
            registry,
            oauth,
            certificates,
            log,
            mailer,
            host: Host::of(&config.state_dir),
            spool: Spool::open(&config.state_dir, &ids)?,
            schedule: Schedule { pauses: config.outbox.retry_seconds.clone() },
            give_up_ms: i64::from(config.outbox.give_up_hours) * 3_600_000,
            deliveries: config.limits.deliveries.max(1),
            max_message_bytes: config.limits.max_message_bytes,
            queued_per_caller: config.limits.queued_per_caller,
            shares: Mutex::new(shares),
            flights: Mutex::default(),
            wake: Notify::new(),
            changes: broadcast::Sender::new(CHANGES),
        })
    }

    /// Where attachments wait while they come in.
    #[must_use]
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// This machine, as routes need it.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Ids of messages that changed.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<String> {
        self.changes.subscribe()
    }

    /// What is unfinished, in all.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn unfinished(&self) -> Result<Unfinished, StoreError> {
        self.store.unfinished().await
    }

    /// The message with its present state: one that is being sent says so.
    #[must_use]
    pub fn present(&self, mut message: Message) -> Message {
        // Counted already? Then its outcome is written, and only the flight has not quite ended.
        let sending = lock(&self.flights).under_way.get(&message.seq) == Some(&message.attempts);
        if message.state == State::Queued && sending {
            message.state = State::Sending;
            message.next_attempt_at = None;
        }
        message
    }

    fn is_in_flight(&self, seq: i64) -> bool {
        lock(&self.flights).under_way.contains_key(&seq)
    }

    fn changed(&self, id: &str) {
        // Nobody may be watching.
        let _ = self.changes.send(id.to_owned());
    }

    /// Takes one place of the caller's share, if there is one left.
    fn take_share(&self, caller: &str) -> bool {
        let mut shares = lock(&self.shares);
        let taken = shares.entry(caller.to_owned()).or_insert(0);
        if *taken >= self.queued_per_caller {
            return false;
        }
        *taken += 1;
        true
    }

    fn give_share_back(&self, caller: &str) {
        let mut shares = lock(&self.shares);
        if let Some(taken) = shares.get_mut(caller) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                shares.remove(caller);
            }
        }
    }
}

/// The maps stay whole even if a thread died while holding them: every change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
