//! The outbox: durable acceptance, schedule, retry, outcome.

mod accept;
mod accept_raw;
mod backoff;
mod credential;
mod deliver;
mod doubt;
mod fleet;
mod lane;
mod metrics;
mod model;
mod part;
mod queue;
mod report;
mod room;
mod schedule;
mod settle;
pub mod signing;
mod spool;
mod steer;

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};

use crate::accounts::{Host, Registry};
use crate::certs::SigningSource;
use crate::clock::Clock;
use crate::config::Config;
use crate::log::Log;
use crate::mailer::Mailer;
use crate::oauth::Oauth;
use crate::store::{Store, StoreError, Unfinished};

use metrics::Metrics;
use queue::Queue;

pub use accept::{AcceptError, Accepted, Request};
pub use accept_raw::RawRequest;
pub use fleet::ANY;
pub use model::{Message, Recipient, RecipientState, State};
pub use room::Room;
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
    rules: accept_raw::Rules,
    spool: Spool,
    schedule: Schedule,
    give_up_ms: i64,
    deliveries: usize,
    max_message_bytes: u64,
    queued_per_caller: u64,
    queued_bytes_per_caller: u64,
    reports: bool,
    clock: Clock,
    /// Unfinished messages by caller: counting them in the store would cost more with every message that waits.
    shares: Mutex<HashMap<String, Used>>,
    queue: Mutex<Queue>,
    /// What may have been accepted, and nobody knows.
    doubts: Mutex<Vec<doubt::Doubt>>,
    /// Steady milliseconds: until then nothing is read, because the store failed.
    store_rests: AtomicI64,
    /// Messages that are with the mailer: `seq`, and the attempts that had ended before.
    flights: Mutex<HashMap<i64, u32>>,
    /// One at a time, so that the queue follows the store in its order.
    steering: tokio::sync::Mutex<()>,
    metrics: Metrics,
    wake: Notify,
    changes: broadcast::Sender<String>,
    /// Where others work on the same store.
    fleet: Option<fleet::Fleet>,
    /// The store has queued messages of this daemon that the queue does not know.
    forgotten: Mutex<bool>,
}

/// What a caller has of the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    messages: u64,
    bytes: u64,
    /// Bytes on their way in.
    arriving: u64,
    /// A message that may have been accepted before is on its way in beside the share.
    again: bool,
}

impl Used {
    fn is_nothing(&self) -> bool {
        self.messages == 0 && self.arriving == 0 && !self.again
    }
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
        let spool = Spool::open(&config.state_dir)?;
        // Asked for the few that have a file, and not for the many that wait.
        spool.tidy(&store.unfinished_of(spool.stems()?).await?)?;
        let shares = store.shares().await?.into_iter();
        let shares = shares
            .map(|(caller, messages, bytes)| (caller, Used { messages, bytes, ..Used::default() }))
            .collect();
        let schedule = Schedule { pauses: config.outbox.retry_seconds.clone() };
        let give_up_ms = i64::from(config.outbox.give_up_hours) * 3_600_000;
        let clock = config.clock.clone();
        let queue = schedule::load(&store, &schedule, give_up_ms, &clock).await?;
        let host = Host::of(&config.state_dir);
        let fleet = store.members().map(|members| fleet::Fleet::of(members, clock.steady()));
        Ok(Self {
            store,
            registry,
            oauth,
            certificates,
            log,
            mailer,
            rules: accept_raw::Rules::of(&config.sendmail, &host.name)?,
            host,
            spool,
            schedule,
            give_up_ms,
            deliveries: config.limits.deliveries.max(1),
            max_message_bytes: config.limits.max_message_bytes,
            queued_per_caller: config.limits.queued_per_caller,
            queued_bytes_per_caller: config.limits.queued_bytes_per_caller,
            reports: config.outbox.report_expired,
            clock,
            shares: Mutex::new(shares),
            queue: Mutex::new(queue),
            doubts: Mutex::default(),
            store_rests: AtomicI64::new(i64::MIN),
            flights: Mutex::default(),
            steering: tokio::sync::Mutex::default(),
            metrics: Metrics::default(),
            wake: Notify::new(),
            changes: broadcast::Sender::new(CHANGES),
            fleet,
            forgotten: Mutex::default(),
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

    /// What is unfinished of one caller, or of all.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn unfinished(&self, caller: Option<String>) -> Result<Unfinished, StoreError> {
        self.store.unfinished(caller).await
    }

    /// The message with its present state: one that is being sent says so, and one that waits for its account says why.
    #[must_use]
    pub fn present(&self, mut message: Message) -> Message {
        if message.state != State::Queued {
            return message;
        }
        // Counted already? Then its outcome is written, and only the flight has not quite ended.
        if lock(&self.flights).get(&message.seq) == Some(&message.attempts) {
            message.state = State::Sending;
            message.next_attempt_at = None;
            return message;
        }
        let now = self.clock.steady();
        if let Some(closed) = lock(&self.queue).closed(&message.account, now) {
            let opens = self.clock.wall().saturating_add(closed.until - now);
            message.next_attempt_at = message.next_attempt_at.map(|due| due.max(opens));
            if message.last_error.is_empty() {
                message.last_error = closed.text.clone();
                message.last_error_reason = closed.reason.to_owned();
            }
        }
        message
    }

    fn is_in_flight(&self, seq: i64) -> bool {
        lock(&self.queue).is_under_way(seq)
    }

    fn changed(&self, id: &str) {
        // Nobody may be watching.
        let _ = self.changes.send(id.to_owned());
        if let Some(fleet) = &self.fleet {
            fleet.changed(id);
        }
    }

    /// Takes one place of the caller's share, if there is one left.
    fn take_share(&self, caller: &str) -> bool {
        let mut shares = lock(&self.shares);
        let used = shares.entry(caller.to_owned()).or_default();
        if used.messages >= self.queued_per_caller || used.bytes >= self.queued_bytes_per_caller {
            return false;
        }
        used.messages += 1;
        true
    }

    /// Takes so many bytes of the caller's share, for a place he has.
    fn take_bytes(&self, caller: &str, bytes: u64) -> bool {
        let mut shares = lock(&self.shares);
        let used = shares.entry(caller.to_owned()).or_default();
        let fits = used.bytes.saturating_add(bytes) <= self.queued_bytes_per_caller;
        if fits {
            used.bytes += bytes;
        }
        fits
    }

    fn give_share_back(&self, caller: &str, bytes: u64) {
        let mut shares = lock(&self.shares);
        if let Some(used) = shares.get_mut(caller) {
            used.messages = used.messages.saturating_sub(1);
            used.bytes = used.bytes.saturating_sub(bytes);
            if used.is_nothing() {
                shares.remove(caller);
            }
        }
    }
}

/// The maps stay whole even if a thread died while holding them: every change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
