//! What callers may do with a message in the outbox.

use super::accept::entry_about;
use super::model::{Message, RecipientState, State};
use super::{Outbox, lock};
use crate::log::{Kind, Outcome};
use crate::store::{Author, Settled, StoreError};

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steering {
    /// Try now.
    Retry,
    /// Do not try until a person releases it; also what the daemon holds, and would release by itself.
    Hold,
    /// Try again.
    Release,
    /// Give up the recipients that were not reached.
    Cancel,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// No such message, or it is not the caller's.
    #[error("there is no message {0} of yours")]
    NotFound(String),
    /// Its state does not allow it.
    #[error("{0}")]
    WrongState(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outbox {
    /// Steers a message. `own_only`: only if the caller sent it.
    ///
    /// # Errors
    /// See [`SteerError`].
    pub async fn steer(
        &self,
        id: &str,
        steering: Steering,
        caller: &Author,
        own_only: bool,
    ) -> Result<Message, SteerError> {
        let author = caller.clone();
        let at = self.clock.wall();
        let _one = self.steering.lock().await;
        let decide = move |current: Option<&Message>| match current {
            Some(message) if !own_only || message.caller_id == author.id => {
                match steered(message, steering, at) {
                    Ok(after) => {
                        let mut entry = entry_about(&after, Kind::Steered, Outcome::Ok, at, &author);
                        entry.answer = word(steering).to_owned();
                        let settled = settled(&after, entry);
                        (Some(Ok(after)), Some(settled))
                    }
                    Err(why) => (Some(Err(why)), None),
                }
            }
            _ => (None, None),
        };
        let (result, written) = self.store.settle(id.to_owned(), decide).await?;
        let message = match result {
            None => return Err(SteerError::NotFound(id.to_owned())),
            Some(Err(why)) => return Err(SteerError::WrongState(why)),
            Some(Ok(message)) => message,
        };
        if written.as_ref().is_some_and(|written| written.elsewhere) {
            // Whose it is was told.
        } else if message.state == State::Queued {
            // Somebody wants it tried: the account as well, whatever it waits for.
            let account = lock(&self.queue).name(&message.account);
            lock(&self.queue).lane(&account).reopen(false);
            self.enqueue_again(message.seq, &message.account, &message.caller_id);
        } else {
            lock(&self.queue).remove(message.seq);
        }
        if message.state.is_final() && written.as_ref().is_none_or(|written| !written.elsewhere) {
            self.give_share_back(&message.caller_id, message.size);
            if !self.is_in_flight(message.seq) {
                self.spool.remove(&message.id);
            }
        }
        if let Some(written) = written {
            self.log.written(written.entry);
        }
        self.changed(&message.id);
        Ok(self.present(message))
    }
}

fn steered(message: &Message, steering: Steering, at: i64) -> Result<Message, &'static str> {
    let mut after = message.clone();
    // Somebody else holds it now, or nobody; and with the hold its reason ends. So no repair releases what a person holds.
    let is_held_by_daemon = !std::mem::take(&mut after.held_for).is_empty();
    if is_held_by_daemon {
        after.last_error.clear();
        after.last_error_reason.clear();
        for recipient in after.recipients.iter_mut().filter(|r| r.state == RecipientState::Pending) {
            recipient.answer.clear();
        }
    }
    match (steering, message.state) {
        (_, state) if state.is_final() => {
            return Err("the message is finished; nothing more can be done with it");
        }
        (Steering::Retry, State::Held) => return Err("the message is held; release it instead"),
        (Steering::Hold, State::Held) if !is_held_by_daemon => return Err("the message is held already"),
        (Steering::Release, State::Held) | (Steering::Retry, _) => {
            after.state = State::Queued;
            after.next_attempt_at = Some(at);
        }
        (Steering::Release, _) => return Err("the message is not held"),
        (Steering::Hold, _) => {
            after.state = State::Held;
            after.next_attempt_at = None;
        }
        (Steering::Cancel, _) => {
            after.state = State::Cancelled;
            after.next_attempt_at = None;
            for recipient in after.recipients.iter_mut().filter(|r| r.state == RecipientState::Pending) {
                recipient.state = RecipientState::Cancelled;
            }
        }
    }
    Ok(after)
}

fn word(steering: Steering) -> &'static str {
    match steering {
        Steering::Retry => "retry",
        Steering::Hold => "hold",
        Steering::Release => "release",
        Steering::Cancel => "cancel",
    }
}

fn settled(message: &Message, entry: crate::log::Entry) -> Settled {
    Settled {
        seq: message.seq,
        recipients: message.recipients.clone(),
        state: message.state,
        attempts: message.attempts,
        next_attempt_at: message.next_attempt_at,
        last_error: message.last_error.clone(),
        last_error_reason: message.last_error_reason.clone(),
        held_for: "",
        entry,
        report: None,
    }
}
