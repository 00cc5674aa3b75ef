//! A request, and what can become of it: a pure function, so that nothing is carried out twice or after its end.

use crate::certs::Effect;

/// Where a request stands. The numbers are those of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for an administrator.
    Pending = 1,
    /// Approved, and being carried out.
    Approved = 2,
    /// Carried out.
    Done = 3,
    /// Approved, and carrying it out failed.
    Failed = 4,
    /// An administrator said no.
    Refused = 5,
    /// Nobody decided in time.
    Expired = 6,
    /// Taken back by who asked.
    Withdrawn = 7,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An administrator says yes: it is carried out now.
    Approve,
    /// An administrator says no.
    Refuse,
    /// Who asked takes it back.
    Withdraw,
    /// Its time is over.
    Expire,
    /// It was carried out.
    Succeed,
    /// Carrying it out failed.
    Fail,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Approved,
        Self::Done,
        Self::Failed,
        Self::Refused,
        Self::Expired,
        Self::Withdrawn,
    ];

    /// The state after `event`; `None`: it cannot happen any more, or not yet.
    #[must_use]
    pub fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Pending, Event::Approve) => Some(Self::Approved),
            (Self::Pending, Event::Refuse) => Some(Self::Refused),
            (Self::Pending, Event::Withdraw) => Some(Self::Withdrawn),
            (Self::Pending, Event::Expire) => Some(Self::Expired),
            (Self::Approved, Event::Succeed) => Some(Self::Done),
            (Self::Approved, Event::Fail) => Some(Self::Failed),
            _ => None,
        }
    }

    /// Nothing will change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Approved)
    }

    /// Of its number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == number)
    }

    /// For people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A request, without what it would carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name for people.
    pub number: i64,
    /// What was called, "faxpost.v1.Certificates/GrantKeyAccess".
    pub method: String,
    /// Who asked.
    pub caller_id: String,
    /// The same for people.
    pub caller_name: String,
    /// His role when he asked.
    pub role: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; later nobody can approve it.
    pub expires_at: i64,
    /// What would happen, one sentence.
    pub summary: String,
    /// The same, part by part.
    pub effects: Vec<Effect>,
    /// SHA-256 of what would be carried out.
    pub digest: [u8; 32],
    /// Where it stands.
    pub state: State,
    /// Who decided: id and name. Empty: nobody yet.
    pub decider_id: String,
    /// See `decider_id`.
    pub decider_name: String,
    /// When.
    pub decided_at: Option<i64>,
    /// What he said.
    pub decision_text: String,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Why carrying it out failed: a word of `faxpost_proto::reason`.
    pub outcome_reason: String,
    /// The same as a sentence.
    pub outcome_text: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENTS: [Event; 6] =
        [Event::Approve, Event::Refuse, Event::Withdraw, Event::Expire, Event::Succeed, Event::Fail];

    proptest! {
        #[test]
        fn c6_whatever_happens_it_is_approved_once_at_most_and_never_after_its_end(
            events in proptest::collection::vec(0..EVENTS.len(), 0..40),
        ) {
            let (mut state, mut approved, mut ended) = (State::Pending, 0, false);
            for event in events.into_iter().map(|at| EVENTS[at]) {
                let after = state.after(event);
                prop_assert!(!(ended && after.is_some()), "{event:?} after the end as {state:?}");
                if let Some(after) = after {
                    prop_assert_ne!(after, State::Pending, "nothing comes back");
                    approved += usize::from(after == State::Approved);
                    // Only what was approved is ever carried out.
                    prop_assert!(!matches!(after, State::Done | State::Failed) || approved == 1);
                    state = after;
                }
                ended |= state.is_final();
            }
            prop_assert!(approved <= 1);
        }
    }

    #[test]
    fn c6_a_decided_request_cannot_be_decided_again() {
        for state in State::ALL.into_iter().filter(|state| *state != State::Pending) {
            for event in [Event::Approve, Event::Refuse, Event::Withdraw, Event::Expire] {
                assert_eq!(state.after(event), None, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn states_are_told_apart_by_their_numbers() {
        for state in State::ALL {
            assert_eq!(State::from_number(state as i64), Some(state));
        }
        assert_eq!(State::from_number(0), None);
        assert_eq!(State::from_number(8), None);
    }
}
