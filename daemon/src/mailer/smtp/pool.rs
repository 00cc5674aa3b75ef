//! Connections that wait for the next message of the same account.
//!
//! A kept connection may have died meanwhile, and its server may have had enough of it. Neither costs a mail: it is
//! looked at before it is used, and what ends before the server has taken anything begins anew on a fresh connection
//! (see `session`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::ahead::Begun;
use super::capabilities::Capabilities;
use super::connection::Connection;
use crate::mailer::{SmtpRoute, TlsInfo};

/// How long a connection is kept without work: long enough for the next message of a burst, shorter than any server
/// waits, so that it is us who say goodbye.
const IDLE: Duration = Duration::from_secs(15);

/// Unused for so long, a connection is asked whether it still stands; before, a look at what has arrived is enough.
const FRESH: Duration = Duration::from_secs(2);

/// Messages on one connection. Exim takes no more than 1,000 by default; a server that takes fewer says so, and the message goes
/// over a fresh one.
pub(super) const MESSAGES: u32 = 1000;

/// Connections kept in all.
const KEPT: usize = 64;

/// How long a connection may take to show that it still stands.
const PATIENCE: Duration = Duration::from_secs(3);

/// The idle connections of this process.
#[derive(Clone, Default)]
pub(in crate::mailer) struct Pool(Arc<Mutex<Idle>>);

#[derive(Default)]
struct Idle {
    /// The longest idle first.
    kept: VecDeque<Kept>,
    /// Somebody ends those that are idle for too long.
    is_watched: bool,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("idle", &self.lock().kept.len()).finish()
    }
}

/// What a connection must be kept for to be used again: the same name, and settings and credentials that are the same
/// to the last byte. A digest, so that no password is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mailer) struct Key {
    name: String,
    route: [u8; 32],
}

impl Key {
    pub(super) fn of(name: &str, route: &SmtpRoute) -> Option<Self> {
        let route = zeroize::Zeroizing::new(serde_json::to_vec(route).ok()?);
        Some(Self { name: name.to_owned(), route: Sha256::digest(&*route).into() })
    }
}

/// An open connection after its sign-in, and what is known of it.
pub(in crate::mailer) struct Kept {
    pub(super) key: Key,
    pub(super) connection: Connection,
    pub(super) capabilities: Capabilities,
    pub(super) tls: Option<TlsInfo>,
    /// Where to, and how it was secured and signed in: for the transcript.
    pub(super) label: String,
    /// Messages it has carried.
    pub(super) messages: u32,
    pub(super) since: Instant,
    /// The next message has begun: its answers are to come.
    pub(super) begun: Option<Begun>,
}

impl Pool {
    /// A connection that still stands. Those of the same name with other settings are closed: somebody changed them.
    pub(super) async fn take(&self, key: &Key) -> Option<Kept> {
        loop {
            let mut kept = self.find(key)?;
            kept.connection.recorder.restart();
            let stands = match kept.since.elapsed() < FRESH {
                true => kept.connection.is_quiet().await,
                false => kept.connection.is_quiet().await && kept.connection.is_answered(PATIENCE).await,
            };
            if stands {
                return Some(kept);
            }
        }
    }

    /// The one used last: the others may end.
    fn find(&self, key: &Key) -> Option<Kept> {
        let all = &mut self.lock().kept;
        let outdated: Vec<_> = (0..all.len())
            .rev()
            .filter(|index| all[*index].key.name == key.name && all[*index].key.route != key.route)
            .collect();
        for index in outdated {
            if let Some(kept) = all.remove(index) {
                kept.end();
            }
        }
        let index = all.iter().rposition(|kept| kept.key == *key)?;
        all.remove(index)
    }

    /// Keeps it for the next message, unless it has carried enough of them: then it has ended when this returns, so that another may
    /// take its place.
    pub(super) async fn keep(&self, mut kept: Kept) {
        let is_settled = match kept.begun.take() {
            None => true,
            // Nobody wants it any more, or not here.
            Some(begun) => {
                kept.connection.has_been_asked(&begun.commands);
                let is_settled = kept.connection.settle().await;
                // It says whom the next message was for.
                kept.connection.recorder.take();
                is_settled
            }
        };
        kept.since = Instant::now();
        if !is_settled || kept.messages >= MESSAGES {
            // An error: the runtime ends.
            let _ = kept.end().await;
            return;
        }
        let mut idle = self.lock();
        idle.kept.push_back(kept);
        if idle.kept.len() > KEPT {
            idle.end_first();
        }
        if !std::mem::replace(&mut idle.is_watched, true) {
            tokio::spawn(self.clone().watch());
        }
    }

    /// Ends those of this name, and returns when they have ended.
    pub(in crate::mailer) async fn end_idle(&self, name: &str) {
        let ended: Vec<Kept> = {
            let mut idle = self.lock();
            let all = std::mem::take(&mut idle.kept).into_iter();
            let (ended, kept): (VecDeque<_>, _) = all.partition(|kept| kept.key.name == name);
            idle.kept = kept;
            ended.into()
        };
        let farewells: Vec<_> = ended.into_iter().map(Kept::end).collect();
        for farewell in farewells {
            // An error: the runtime ends.
            let _ = farewell.await;
        }
    }

    /// Ends connections when they have been idle for too long, until there are none.
    async fn watch(self) {
        loop {
            let next = {
                let mut idle = self.lock();
                while idle.kept.front().is_some_and(|kept| kept.since.elapsed() >= IDLE) {
                    idle.end_first();
                }
                let Some(kept) = idle.kept.front() else {
                    idle.is_watched = false;
                    return;
                };
                kept.since + IDLE
            };
            tokio::time::sleep_until(next).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn end_first(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            kept.end();
        }
    }
}

impl Kept {
    /// Says goodbye; nobody has to wait for it.
    fn end(mut self) -> JoinHandle<()> {
        tokio::spawn(async move { self.connection.quit(false).await })
    }
}
