//! Hands messages that are due to the mailer, and writes down what became of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::entry_about;
use super::metrics::count;
use super::model::{Message, RecipientState, State};
use super::queue::{Next, Then};
use super::settle::{Verdict, settle};
use super::{Outbox, lock};
use crate::accounts::{destination, route};
use crate::log::Kind;
use crate::mailer::{
    Body, Credential, DeliveryStatus, Envelope, Failure, FailureKind, Job, Outcome, RecipientOutcome,
    Signing, Step, Transcript,
};
use crate::store::{AccountRow, Author, Due, NewMessage, Settled, StoreError};

/// The longest sleep. A clock that was set forward must not let due mail wait for an old alarm.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Pause after the store failed: it is asked again, but not in a loop.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// How long a stop waits for attempts under way. Cutting one off after the final dot would deliver it twice.
const STOP_GRACE: Duration = Duration::from_secs(10);

impl Outbox {
    /// Delivers until `shutdown`, then lets attempts under way end.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.deliveries));
        let attempts = TaskTracker::new();
        let releases = tokio::spawn(self.clone().release_after_sign_ins(shutdown.clone()));
        let signable = tokio::spawn(self.clone().release_when_signable(shutdown.clone()));
        let fleet = tokio::spawn(self.clone().follow_fleet(shutdown.clone()));
        let mut settings = self.registry.watch();
        let mut known = settings.borrow_and_update().clone();
        loop {
            let sleep = self.dispatch(&places, &attempts);
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(sleep) => {}
                Ok(()) = settings.changed() => {
                    let rows = settings.borrow_and_update().clone();
                    self.settings_changed(&known, &rows);
                    known = rows;
                }
            }
        }
        for task in [releases, signable, fleet] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task beside the deliveries failed");
            }
        }
        attempts.close();
        if tokio::time::timeout(STOP_GRACE, attempts.wait()).await.is_err() {
            tracing::warn!("attempts under way were cut off by the stop; they will be repeated");
        }
    }

    /// Starts what is due and has a place; says how long nothing more will be.
    fn dispatch(self: &Arc<Self>, places: &Arc<Semaphore>, attempts: &TaskTracker) -> Duration {
        loop {
            let rests = self.store_rests.load(Ordering::Relaxed).saturating_sub(self.clock.steady());
            if let rests @ 1.. = rests {
                return Duration::from_millis(rests.unsigned_abs());
            }
            // An attempt that ends wakes this up.
            let Ok(place) = places.clone().try_acquire_owned() else { return LONGEST_SLEEP };
            let (now, wall) = (self.clock.steady(), self.clock.wall());
            let next = lock(&self.queue).next(now, wall, |account| self.limits(account));
            let Some(next) = next else {
                let wakes_at = lock(&self.queue).wakes_at(now, wall, |account| self.limits(account));
                let sleep = wakes_at.map_or(i64::MAX, |at| at.saturating_sub(now)).max(1);
                return Duration::from_millis(sleep.unsigned_abs()).min(LONGEST_SLEEP);
            };
            let flight = Flight { outbox: self.clone(), next: next.clone(), then: None, _place: place };
            attempts.spawn(self.clone().attempt(next, flight));
        }
    }

    async fn attempt(self: Arc<Self>, next: Next, mut flight: Flight) {
        let read = if next.is_fresh { self.store.with_body_here(next.seq) } else { None };
        let read = match read {
            Some(read) => read,
            None => self.store.with_body(next.seq).await,
        };
        let Due { message, body } = match read {
            Ok(Some(due)) if due.message.state == State::Queued => due,
            // Held or cancelled since it was put into the queue.
            Ok(found) => {
                if let Some(due) = found.filter(|due| due.message.state.is_final()) {
                    self.spool.remove(&due.message.id);
                }
                flight.then = Some(Then::Hold);
                return;
            }
            Err(error) => {
                tracing::error!(%error, "a message that is due cannot be read");
                flight.then = Some(self.rest());
                return;
            }
        };
        if body.is_none()
            && let Err(error) = self.at_hand(&message).await
        {
            tracing::error!(%error, message = message.id, "the body of a message that is due cannot be read");
            flight.then = Some(self.rest());
            return;
        }
        let is_spooled = body.is_none();
        lock(&self.flights).insert(message.seq, message.attempts);
        self.changed(&message.id);
        let certificates = *self.certificates.changes().borrow();
        let row = self.registry.get(&message.account);
        let begun = self.clock.wall();
        let began = Instant::now();
        let outcome = match &row {
            Some(row) => match self.signing(&message, body.as_deref(), row).await {
                Ok(signing) => self.hand_over(&message, body, row, signing).await,
                Err(failure) => stayed(&message, failure),
            },
            None => {
                let text = format!("there is no account {} any more", message.account);
                let failure =
                    Failure { step: Step::Resolve, kind: FailureKind::LocalFile, text, reply: None };
                stayed(&message, failure)
            }
        };
        self.metrics.attempted(&outcome, began.elapsed());
        // Another may begin on this account's connection; the message itself is settled below.
        self.account_did(&next.account, &outcome);
        lock(&self.queue).handed_over(next.seq);
        self.wake.notify_one();
        let expired = self.clock.steady() >= next.expires;
        let done =
            Done { tried: message, is_spooled, row, outcome, begun, ended: self.clock.wall(), expired };
        let report = if expired { self.report(&done.tried, &done.outcome, done.ended).await } else { None };
        let done = Arc::new((done, report));
        let mut doubted = false;
        // The message stays in flight, and its place taken, until its outcome is written: trying again instead would
        // send it again and again for as long as the disk is full.
        let then = loop {
            match self.record(&done, doubted).await {
                Ok(then) => break then,
                Err(error) => {
                    doubted |= matches!(error, StoreError::Unknown(_));
                    let id = &done.0.tried.id;
                    tracing::error!(%error, message = id, "the outcome of an attempt cannot be written yet");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        };
        let Done { tried, outcome, .. } = &done.0;
        flight.then = Some(then);
        drop(flight);
        // Somebody may have repaired it between the attempt and its being written down.
        let held_for = outcome.failure.as_ref().map(|failure| failure.kind);
        let released = match held_for {
            Some(kind) if FailureKind::HOLD_FOR_SIGN_IN.contains(&kind) => self.release_signed_in().await,
            Some(kind)
                if kind.is_about_signing() && *self.certificates.changes().borrow() != certificates =>
            {
                self.release_signable(&[kind]).await
            }
            _ => Ok(()),
        };
        if let Err(error) = released {
            tracing::error!(%error, "held mail cannot be released yet");
        }
        let id = &tried.id;
        // Cancelled between the two lines above? Then its body was left to us.
        let is_over = then == Then::Over
            || matches!(self.store.message(id.clone(), None).await, Ok(Some(message)) if message.state.is_final());
        if is_over {
            self.spool.remove(id);
        }
        self.changed(id);
    }

    /// Sees to the spool's file of a large body: another machine may have accepted it.
    async fn at_hand(&self, message: &Message) -> Result<(), StoreError> {
        let file = self.spool.body(&message.id);
        if !file.exists() {
            // Where the store does not have it either, the attempt says so.
            self.store.body_file(message.seq, file).await?;
        }
        Ok(())
    }

    pub(super) fn job(
        &self,
        message: &Message,
        body: Option<Vec<u8>>,
        row: &AccountRow,
        credential: Option<Credential>,
        signing: Option<Signing>,
    ) -> Result<Job, Failure> {
        let pending = message.recipients.iter().filter(|r| r.state == RecipientState::Pending);
        let body = match body {
            Some(bytes) => Body::Inline(bytes),
            None => Body::File { path: self.spool.body(&message.id), size: message.size },
        };
        Ok(Job {
            route: route(&row.account, credential, &self.host, &message.id)?,
            envelope: Envelope {
                from: message.sender.clone(),
                to: pending.map(|r| r.address.clone()).collect(),
            },
            body,
            seven_bit: message.seven_bit,
            signing,
            until: Step::Message,
            delivery_status: DeliveryStatus::read(&message.delivery_status),
            pool: Some(self.shared(row)),
        })
    }

    /// Nothing is read for a while, of all that waits: the store would fail as often as there are messages.
    fn rest(&self) -> Then {
        let due = self.clock.steady() + STORE_PAUSE.as_millis() as i64;
        self.store_rests.store(due, Ordering::Relaxed);
        Then::Again { due, blocked: false }
    }

    /// Writes what came of an attempt, and says what comes next. `doubted`: it may be written already.
    async fn record(
        &self,
        done: &Arc<(Done, Option<NewMessage>)>,
        doubted: bool,
    ) -> Result<Then, StoreError> {
        let Done { expired, is_spooled, .. } = done.0;
        let Message { seq, caller_id: caller, account, size, .. } = &done.0.tried;
        let (seq, caller, account, size) = (*seq, caller.clone(), account.clone(), *size);
        let (schedule, host, done) = (self.schedule.clone(), self.host.clone(), done.clone());
        let decide = move |current: Option<State>| {
            let Some(current) = current else { return ((false, None), None) };
            let (Done { tried, row, outcome, begun, ended: at, expired, .. }, report) = &*done;
            let verdict = merge(settle(tried, outcome, *at, &schedule, *expired), current);
            let attempt = tried.attempts + 1;
            let author = Author { id: tried.caller_id.clone(), name: tried.caller_name.clone() };
            let after = Message { recipients: verdict.recipients.clone(), ..tried.clone() };
            let mut entry = entry_about(&after, Kind::Attempt, verdict.outcome, *at, &author);
            if verdict.state == State::Failed && *expired {
                entry.kind = Kind::Expired;
            }
            entry.attempt = attempt;
            entry.duration_ms = (*at - *begun).max(0).unsigned_abs();
            entry.answer = match verdict.error.is_empty() {
                true => outcome.answer.clone(),
                false => answer(&outcome.failure, &verdict),
            };
            entry.reason = verdict.reason.to_owned();
            if let Some(row) = row {
                entry.method = row.account.method.as_str().to_owned();
                entry.server = destination(&row.account, &host);
            }
            let tls = outcome.tls.as_ref();
            entry.tls = tls.map(|tls| format!("{} {}", tls.version, tls.cipher)).unwrap_or_default();
            entry.transcript =
                Some(&outcome.transcript).filter(|transcript| !transcript.text.is_empty()).cloned();
            // A cancelled message gave its share back when it was cancelled. One that this attempt had ended, without an answer
            // of the store, did not.
            let was_final = current.is_final() && !(doubted && current != State::Cancelled);
            let is_final = verdict.state.is_final();
            let next = (verdict.state, verdict.next_attempt_at.map(|due| due - *at), verdict.cause);
            let settled = Settled {
                seq: tried.seq,
                recipients: verdict.recipients,
                state: verdict.state,
                attempts: attempt,
                next_attempt_at: verdict.next_attempt_at,
                last_error: verdict.error,
                last_error_reason: verdict.reason.to_owned(),
                held_for: verdict.held_for,
                entry,
                report: report.clone().filter(|_| verdict.state == State::Failed).map(Box::new),
            };
            ((is_final && !was_final, Some(next)), Some(settled))
        };
        // A body that is a file is removed next, and no power cut may bring its message back without it.
        let ((finished, next), written) = self.store.settle_later(seq, is_spooled, decide).await?;
        if expired && finished {
            count(&self.metrics.expired);
        }
        if finished {
            self.give_share_back(&caller, size);
        }
        if let Some(written) = written {
            self.log.written(written.entry);
            self.reported(written.report, &account, &caller);
        }
        Ok(match next {
            Some((State::Queued, Some(pause), cause)) => {
                Then::Again { due: self.clock.steady().saturating_add(pause), blocked: cause.is_shared() }
            }
            Some((State::Held, ..)) => Then::Hold,
            _ => Then::Over,
        })
    }
}

/// An attempt that has ended.
struct Done {
    tried: Message,
    /// Its body is a file.
    is_spooled: bool,
    row: Option<AccountRow>,
    outcome: Outcome,
    /// Unix milliseconds, as `ended`.
    begun: i64,
    ended: i64,
    /// There is no other.
    expired: bool,
}

/// A message that is with the mailer; ends when dropped, also when the attempt panicked.
struct Flight {
    outbox: Arc<Outbox>,
    next: Next,
    then: Option<Then>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Flight {
    fn drop(&mut self) {
        lock(&self.outbox.flights).remove(&self.next.seq);
        let later = Then::Again { due: self.outbox.clock.steady() + 60_000, blocked: false };
        lock(&self.outbox.queue).ended(self.next.seq, self.then.unwrap_or(later));
        self.outbox.wake.notify_one();
    }
}

/// What a caller did while the attempt was under way holds for the recipients that were not reached.
fn merge(mut verdict: Verdict, current: State) -> Verdict {
    if !matches!(verdict.state, State::Queued | State::Held) {
        return verdict;
    }
    match current {
        State::Held => {
            verdict.state = State::Held;
            verdict.held_for = "";
            verdict.next_attempt_at = None;
        }
        State::Cancelled => {
            for recipient in verdict.recipients.iter_mut().filter(|r| r.state == RecipientState::Pending) {
                recipient.state = RecipientState::Cancelled;
            }
            verdict.state = State::Cancelled;
            verdict.next_attempt_at = None;
            verdict.held_for = "";
        }
        _ => {}
    }
    verdict
}

/// An attempt that could not begin.
pub(super) fn stayed(message: &Message, failure: Failure) -> Outcome {
    let pending = message.recipients.iter().filter(|r| r.state == RecipientState::Pending);
    let deferred = |_| RecipientOutcome::Deferred { answer: failure.text.clone() };
    Outcome {
        reused: false,
        recipients: pending.map(deferred).collect(),
        transcript: Transcript::default(),
        tls: None,
        answer: failure.text.clone(),
        failure: Some(failure),
    }
}

/// The server's words where there are any.
fn answer(failure: &Option<Failure>, verdict: &Verdict) -> String {
    match failure.as_ref().and_then(|failure| failure.reply.as_ref()) {
        Some(reply) => reply.to_string(),
        None => verdict.error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Outcome as LogOutcome;
    use crate::outbox::Recipient;

    fn waiting() -> Verdict {
        let recipient = |state| Recipient { address: "a@b".into(), state, answer: String::new() };
        Verdict {
            recipients: vec![recipient(RecipientState::Delivered), recipient(RecipientState::Pending)],
            state: State::Queued,
            next_attempt_at: Some(1),
            cause: crate::outbox::backoff::Cause::Later,
            outcome: LogOutcome::Partial,
            error: "x".into(),
            reason: "X",
            held_for: "",
        }
    }

    #[test]
    fn f3_a_hold_during_an_attempt_holds() {
        let verdict = merge(waiting(), State::Held);
        assert_eq!((verdict.state, verdict.next_attempt_at), (State::Held, None));
    }

    #[test]
    fn f3_a_cancel_during_an_attempt_spares_who_was_reached() {
        let verdict = merge(waiting(), State::Cancelled);
        assert_eq!(verdict.state, State::Cancelled);
        assert_eq!(verdict.recipients[0].state, RecipientState::Delivered);
        assert_eq!(verdict.recipients[1].state, RecipientState::Cancelled);
    }
}
