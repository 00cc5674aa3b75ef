//! What may be done with a message, and what not.

use faxpost_proto::v1::MessageState;

/// States in the order of their list, after "all".
pub const STATES: [MessageState; 6] = [
    MessageState::Queued,
    MessageState::Sending,
    MessageState::Held,
    MessageState::Failed,
    MessageState::Delivered,
    MessageState::Cancelled,
];

/// What a person can do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Try it now.
    Retry,
    /// Try it no more, until it is released.
    Hold,
    /// Try it again.
    Release,
    /// Give it up.
    Cancel,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The policy says no.
    Denied,
    /// Nothing more will become of it.
    Finished,
    /// It is held.
    Held,
    /// It is not held.
    NotHeld,
}

impl Deed {
    /// What is called.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Retry => "Mail/RetryMessage",
            Self::Hold => "Mail/HoldMessage",
            Self::Release => "Mail/ReleaseMessage",
            Self::Cancel => "Mail/CancelMessage",
        }
    }

    /// Why it cannot be done with a message in this state; the daemon decides the same. `by_daemon`: it is held until something
    /// is repaired, and a person can make that a hold of his own.
    #[must_use]
    pub fn barrier(self, state: MessageState, by_daemon: bool, may: bool) -> Option<Barrier> {
        match (self, state) {
            _ if !may => Some(Barrier::Denied),
            _ if is_finished(state) => Some(Barrier::Finished),
            (Self::Hold, MessageState::Held) if by_daemon => None,
            (Self::Retry | Self::Hold, MessageState::Held) => Some(Barrier::Held),
            (Self::Release, MessageState::Queued | MessageState::Sending) => Some(Barrier::NotHeld),
            _ => None,
        }
    }
}

/// Nothing more will become of it.
#[must_use]
pub fn is_finished(state: MessageState) -> bool {
    matches!(state, MessageState::Delivered | MessageState::Failed | MessageState::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEEDS: [Deed; 4] = [Deed::Retry, Deed::Hold, Deed::Release, Deed::Cancel];

    #[test]
    fn f3_what_can_be_done_follows_the_state() {
        let can = |state| DEEDS.map(|deed| deed.barrier(state, false, true).is_none());
        assert_eq!(can(MessageState::Queued), [true, true, false, true]);
        assert_eq!(can(MessageState::Sending), [true, true, false, true]);
        assert_eq!(can(MessageState::Held), [false, false, true, true]);
        let by_daemon = DEEDS.map(|deed| deed.barrier(MessageState::Held, true, true).is_none());
        assert_eq!(by_daemon, [false, true, true, true]);
        for state in [MessageState::Delivered, MessageState::Failed, MessageState::Cancelled] {
            assert_eq!(can(state), [false; 4]);
            assert_eq!(Deed::Cancel.barrier(state, false, true), Some(Barrier::Finished));
        }
    }

    #[test]
    fn h2_what_the_policy_denies_is_no_matter_of_states() {
        for state in STATES {
            assert_eq!(DEEDS.map(|deed| deed.barrier(state, false, false)), [Some(Barrier::Denied); 4]);
        }
    }
}
