//! The queue between the store and the accounts: what it holds at a start, what settings allow, how accounts do.

use std::sync::Arc;

use super::backoff::Cause;
use super::lane::Limits;
use super::queue::{Queue, Waiting};
use super::settle::Schedule;
use super::{Outbox, lock};
use crate::accounts::{Account, Method};
use crate::clock::Clock;
use crate::mailer::{Outcome, Shared, Step};
use crate::store::{AccountRow, Queued, Released, Store, StoreError};

/// Places that one account leaves to the others, however many connections it may have.
const LEFT_TO_OTHERS: usize = 2;

/// For so many connections of an account, one message more waits with the mailer: while the outcome of one goes to the
/// daemon, the next is on its way already.
const CONNECTIONS_A_MESSAGE_AHEAD: usize = 2;

/// And this one, so that there is a next message also when the one before has begun behind another's content.
const AHEAD_ANYWAY: usize = 1;

/// After a start nothing is given up for so long: a clock that is wrong at first shall not cost the mail that waits.
const GRACE_MS: i64 = 3_600_000;

/// Every queued message of the store.
pub(super) async fn load(
    store: &Store,
    schedule: &Schedule,
    give_up_ms: i64,
    clock: &Clock,
) -> Result<Queue, StoreError> {
    let mut queue = Queue::default();
    fill(&mut queue, store.queued().await?, schedule, give_up_ms, clock);
    Ok(queue)
}

/// Puts what the queue does not know yet into it. What is stored is the wall's time, of which nobody knows how right it was: a
/// due time further ahead than the longest pause counts as that pause.
pub(super) fn fill(
    queue: &mut Queue,
    stored: Vec<Queued>,
    schedule: &Schedule,
    give_up_ms: i64,
    clock: &Clock,
) {
    let (now, wall) = (clock.steady(), clock.wall());
    for stored in stored {
        if queue.knows(stored.seq) {
            continue;
        }
        let at = stored.next_attempt_at.unwrap_or(wall);
        let not_before = stored.not_before.filter(|time| *time == at && at > wall);
        // A due time that is long past was chosen for a message that nobody could try: it goes now.
        let pause = at.saturating_sub(wall).clamp(0, schedule.longest_ms());
        let left = stored.expires_at.saturating_sub(wall).clamp(GRACE_MS.min(give_up_ms), i64::MAX);
        let left = if not_before.is_some() { left } else { left.min(give_up_ms) };
        let (account, caller) = (queue.name(&stored.account), queue.name(&stored.caller_id));
        let (due, expires) = (now.saturating_add(pause), now.saturating_add(left));
        queue.add(Waiting { seq: stored.seq, account, caller, due, not_before, expires, fresh_until: now });
    }
}

impl Outbox {
    /// How many of the account's messages may be under way at once.
    pub(super) fn limits(&self, account: &str) -> Limits {
        let limits = |row: &AccountRow| {
            let connections = self.connections(row);
            let ahead = match row.account.method {
                Method::Pickup => 0,
                // All of them are other daemons'.
                _ if connections == 0 => 0,
                _ => connections.div_ceil(CONNECTIONS_A_MESSAGE_AHEAD) + AHEAD_ANYWAY,
            };
            let per_minute = match (&self.fleet, row.account.messages_per_minute) {
                (Some(fleet), all @ 1..) => {
                    let now = self.clock.steady();
                    match fleet.per_minute(account, all, now) {
                        // 0 would be no limit.
                        0 => return Limits { at_once: 0, per_minute: 1 },
                        part => part,
                    }
                }
                (_, all) => all,
            };
            Limits { at_once: (connections + ahead).min(self.most_of_one()), per_minute }
        };
        // What is sent under an account that is gone fails one by one.
        self.registry.look(account, limits).unwrap_or(Limits { at_once: 1, per_minute: 0 })
    }

    /// What of the account's connections is this daemon's. The mailer keeps to it.
    pub(super) fn connections(&self, row: &AccountRow) -> usize {
        let all = self.all_connections(&row.account);
        let part = self.fleet.as_ref().map_or(all, |fleet| fleet.connections(row, all).0);
        part.min(self.most_of_one())
    }

    /// The same, as the mailer is told.
    pub(super) fn shared(&self, row: &AccountRow) -> Shared {
        let all = self.all_connections(&row.account);
        let (part, as_of) = self.fleet.as_ref().map_or((all, 0), |fleet| fleet.connections(row, all));
        Shared { name: row.id.to_string(), connections: part.min(self.most_of_one()), as_of }
    }

    /// What the account's settings allow all daemons together.
    pub(super) fn all_connections(&self, account: &Account) -> usize {
        match account.method {
            Method::Pickup => self.most_of_one(),
            _ => account.effective_connections(),
        }
    }

    fn most_of_one(&self) -> usize {
        self.deliveries.saturating_sub(LEFT_TO_OTHERS).max(1)
    }

    /// Held messages of an account that the store has queued again.
    pub(super) fn released(&self, account: &str, released: &[Released]) {
        for message in released {
            if message.taken {
                self.add_to_share(&message.caller_id, 1, message.size);
            }
            self.enqueue_again(message.seq, account, &message.caller_id);
            self.changed(&message.id);
        }
    }

    /// What an attempt tells of its account.
    pub(super) fn account_did(&self, account: &Arc<str>, outcome: &Outcome) {
        let now = self.clock.steady();
        let mut queue = lock(&self.queue);
        let lane = queue.lane(account);
        match &outcome.failure {
            Some(failure) if Cause::of(failure).is_shared() => {
                let usual = |strikes| self.schedule.pause_ms(strikes);
                lane.went_wrong(now, Cause::of(failure), usual, (&failure.text, failure.kind.code()));
            }
            // It did not get as far as the server.
            Some(failure) if failure.kind.holds() || failure.step < Step::Sender => {}
            _ => {
                if lane.went_well() {
                    queue.release(account, now);
                }
            }
        }
    }

    /// Accounts whose rows differ have other settings, or another password.
    pub(super) fn settings_changed(&self, before: &[AccountRow], after: &[AccountRow]) {
        let now = self.clock.steady();
        let revision = |id: &str| before.iter().find(|row| row.id.as_str() == id).map(|row| row.revision);
        for row in after.iter().filter(|row| revision(row.id.as_str()) != Some(row.revision)) {
            lock(&self.queue).release(row.id.as_str(), now);
        }
    }
}
