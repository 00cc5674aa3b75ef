//! What an attempt's outcome means for the message: a pure decision.

use super::backoff::Cause;
use super::model::{Message, Recipient, RecipientState, State};
use crate::log::Outcome as LogOutcome;
use crate::mailer::{FailureKind, Outcome, RecipientOutcome};

/// When to try again, and when to stop.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Pauses after the first, second, … failed attempt, in seconds; the last one repeats.
    pub pauses: Vec<u64>,
}

impl Schedule {
    /// Pause after the `attempts`-th failed attempt, in milliseconds.
    #[must_use]
    pub fn pause_ms(&self, attempts: u32) -> i64 {
        let index = (attempts.max(1) as usize - 1).min(self.pauses.len().saturating_sub(1));
        self.pauses.get(index).map_or(60_000, |seconds| (*seconds as i64).saturating_mul(1000))
    }

    /// The longest pause, in milliseconds: a due time further away than this comes from a clock that was wrong.
    #[must_use]
    pub fn longest_ms(&self) -> i64 {
        let longest = self.pauses.iter().max().map_or(60_000, |s| (*s as i64).saturating_mul(1000));
        Cause::ALL.into_iter().map(|cause| cause.pause_ms(longest, u32::MAX)).max().unwrap_or(longest)
    }
}

/// A message after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// All recipients.
    pub(super) recipients: Vec<Recipient>,
    /// Where the message stands.
    pub(super) state: State,
    /// When to try again.
    pub(super) next_attempt_at: Option<i64>,
    /// Why not at once.
    pub(super) cause: Cause,
    /// For the log.
    pub(super) outcome: LogOutcome,
    /// Empty when all went well.
    pub(super) error: String,
    /// Its code.
    pub(super) reason: &'static str,
    /// Why the daemon holds it; empty: it does not.
    pub(super) held_for: &'static str,
}

/// Decides. `now`: when the attempt ended, Unix milliseconds. `expired`: it was the last. The outcome's recipients are
/// those of `message` that were pending, in order.
#[must_use]
pub(super) fn settle(
    message: &Message,
    outcome: &Outcome,
    now: i64,
    schedule: &Schedule,
    expired: bool,
) -> Verdict {
    let mut recipients = message.recipients.clone();
    let pending = recipients.iter_mut().filter(|r| r.state == RecipientState::Pending);
    for (recipient, result) in pending.zip(&outcome.recipients) {
        let (state, answer) = match result {
            RecipientOutcome::Delivered { answer } => (RecipientState::Delivered, answer),
            RecipientOutcome::Failed { answer } => (RecipientState::Failed, answer),
            RecipientOutcome::Deferred { answer } => (RecipientState::Pending, answer),
        };
        recipient.state = state;
        recipient.answer = answer.clone();
    }

    // What waits for a person is neither tried nor given up.
    let held_for = outcome.failure.as_ref().filter(|failure| failure.kind.holds()).map(|f| f.kind.code());
    let expired = expired && held_for.is_none();
    if expired {
        for recipient in recipients.iter_mut().filter(|r| r.state == RecipientState::Pending) {
            recipient.state = RecipientState::Failed;
        }
    }
    let any = |state| recipients.iter().any(|r| r.state == state);
    let (waiting, failed, delivered) =
        (any(RecipientState::Pending), any(RecipientState::Failed), any(RecipientState::Delivered));

    let reached = outcome.recipients.iter().any(|r| matches!(r, RecipientOutcome::Delivered { .. }));
    let log_outcome = match (waiting || failed, reached, waiting) {
        (false, ..) => LogOutcome::Ok,
        (true, true, _) => LogOutcome::Partial,
        (true, false, true) => LogOutcome::Temporary,
        (true, false, false) => LogOutcome::Permanent,
    };
    let (error, reason) = match &outcome.failure {
        Some(failure) if expired => (format!("given up: {}", failure.text), failure.kind.code()),
        Some(failure) => (failure.text.clone(), failure.kind.code()),
        // Every recipient that was asked for was answered, but not all answers were yes.
        None if waiting || failed => {
            ("some recipients were refused".to_owned(), FailureKind::RecipientRejected.code())
        }
        None => (String::new(), ""),
    };
    let state = match (waiting, failed, delivered) {
        (true, ..) if held_for.is_some() => State::Held,
        (true, ..) => State::Queued,
        (false, true, _) => State::Failed,
        (false, false, true) => State::Delivered,
        (false, false, false) => State::Cancelled,
    };
    let cause = outcome.failure.as_ref().map_or(Cause::Later, Cause::of);
    let attempts = message.attempts.saturating_add(1);
    let next_attempt_at = (state == State::Queued)
        .then(|| now.saturating_add(cause.pause_ms(schedule.pause_ms(attempts), attempts)));
    let held_for = held_for.filter(|_| state == State::Held).unwrap_or_default();
    Verdict { recipients, state, next_attempt_at, cause, outcome: log_outcome, error, reason, held_for }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::{Failure, Step, Transcript};

    fn message(states: &[RecipientState]) -> Message {
        Message {
            seq: 1,
            id: "m".into(),
            message_id: "<m@x>".into(),
            account: "default".into(),
            caller_id: "uid:1".into(),
            caller_name: "one".into(),
            state: State::Queued,
            sender: "a@x".into(),
            subject: "s".into(),
            recipients: states
                .iter()
                .enumerate()
                .map(|(n, state)| Recipient {
                    address: format!("r{n}@x"),
                    state: *state,
                    answer: String::new(),
                })
                .collect(),
            size: 1,
            attempts: 0,
            accepted_at: 0,
            next_attempt_at: Some(0),
            expires_at: 1_000_000,
            last_error: String::new(),
            last_error_reason: String::new(),
            not_before: None,
            delivery_status: String::new(),
            seven_bit: true,
            held_for: String::new(),
        }
    }

    fn outcome(recipients: Vec<RecipientOutcome>, failure: Option<FailureKind>) -> Outcome {
        let failure =
            failure.map(|kind| Failure { step: Step::Recipient, kind, text: "no".into(), reply: None });
        Outcome {
            reused: false,
            failure,
            recipients,
            transcript: Transcript::default(),
            tls: None,
            answer: String::new(),
        }
    }

    fn schedule() -> Schedule {
        Schedule { pauses: vec![60, 300] }
    }

    const OK: fn() -> RecipientOutcome = || RecipientOutcome::Delivered { answer: "250 ok".into() };
    const NO: fn() -> RecipientOutcome = || RecipientOutcome::Failed { answer: "550 no".into() };
    const LATER: fn() -> RecipientOutcome = || RecipientOutcome::Deferred { answer: "450 later".into() };
    use RecipientState::{Delivered, Failed, Pending};

    #[test]
    fn f3_all_reached_is_delivered() {
        let verdict =
            settle(&message(&[Pending, Pending]), &outcome(vec![OK(), OK()], None), 5, &schedule(), false);
        assert_eq!((verdict.state, verdict.next_attempt_at), (State::Delivered, None));
        assert_eq!(verdict.outcome, LogOutcome::Ok);
    }

    #[test]
    fn f3_a_deferred_recipient_is_tried_again_and_the_others_are_not() {
        let m = message(&[Pending, Pending, Pending]);
        let first = settle(&m, &outcome(vec![OK(), LATER(), NO()], None), 5, &schedule(), false);
        assert_eq!(first.state, State::Queued);
        assert_eq!(first.next_attempt_at, Some(60_005));
        assert_eq!(first.outcome, LogOutcome::Partial);

        let again = Message { recipients: first.recipients, attempts: 1, ..m };
        // Only the pending one was in the second attempt's envelope.
        let second = settle(&again, &outcome(vec![OK()], None), 70_000, &schedule(), false);
        let states: Vec<_> = second.recipients.iter().map(|r| r.state).collect();
        assert_eq!(states, [Delivered, Delivered, Failed]);
        assert_eq!(second.state, State::Failed);
    }

    #[test]
    fn f3_pauses_grow_to_the_last() {
        let pauses: Vec<_> = (1..=4).map(|attempts| schedule().pause_ms(attempts)).collect();
        assert_eq!(pauses, [60_000, 300_000, 300_000, 300_000]);
    }

    #[test]
    fn b5_mail_whose_sign_in_is_lost_is_held_and_not_given_up() {
        let m = message(&[Pending]);
        let lost = outcome(vec![LATER()], Some(FailureKind::SignInLost));
        for expired in [false, true] {
            let verdict = settle(&m, &lost, 5, &schedule(), expired);
            assert_eq!((verdict.state, verdict.next_attempt_at), (State::Held, None));
            assert_eq!((verdict.held_for, verdict.reason), ("SIGN_IN_LOST", "SIGN_IN_LOST"));
        }
    }

    #[test]
    fn f3_what_is_too_old_is_given_up() {
        let m = message(&[Pending]);
        let verdict =
            settle(&m, &outcome(vec![LATER()], Some(FailureKind::TimedOut)), 1_000_000, &schedule(), true);
        assert_eq!(verdict.state, State::Failed);
        assert_eq!(verdict.outcome, LogOutcome::Permanent);
        assert_eq!(verdict.error, "given up: no");
    }
}
