//! Whether the daemon can be reached, as it is shown.

use std::time::{Duration, Instant};

use faxpost_proto::connect::ConnectError;

/// As long as a service may take to come back before "restarting" is no good name for it.
const RESTART: Duration = Duration::from_secs(20);

/// Where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nobody knows yet.
    #[default]
    Connecting,
    /// There it is.
    Connected,
    /// Nobody listens.
    NotRunning,
    /// Nobody listens, but somebody did a moment ago.
    Restarting,
    /// The system does not let this account in.
    Denied,
    /// Somebody else listens.
    Impostor,
    /// Anything else.
    Failed,
}

/// Follows what is told about the daemon.
#[derive(Debug, Default)]
pub struct Contact {
    reach: Reach,
    lost: Option<Instant>,
}

impl Contact {
    /// Where it stands.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Calls can be made.
    pub fn connected(&mut self) {
        self.reach = Reach::Connected;
        self.lost = None;
    }

    /// The connection ended. `refused`: because the daemon said so, and not by ending itself.
    pub fn lost(&mut self, now: Instant, refused: bool) {
        self.reach = if refused { Reach::Failed } else { Reach::Restarting };
        self.lost.get_or_insert(now);
    }

    /// There is no way in.
    pub fn no_way(&mut self, now: Instant, error: &ConnectError) {
        let just_lost = self.lost.is_some_and(|lost| now.duration_since(lost) < RESTART);
        self.reach = match error {
            ConnectError::NotRunning { .. } if just_lost => Reach::Restarting,
            ConnectError::NotRunning { .. } => Reach::NotRunning,
            ConnectError::Denied { .. } => Reach::Denied,
            ConnectError::Impostor { .. } => Reach::Impostor,
            ConnectError::Failed { .. } => Reach::Failed,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> ConnectError {
        ConnectError::NotRunning { endpoint: "/x".into(), source: std::io::ErrorKind::NotFound.into() }
    }

    #[test]
    fn g2_a_daemon_that_was_never_there_does_not_run() {
        let mut contact = Contact::default();
        contact.no_way(Instant::now(), &nobody());
        assert_eq!(contact.reach(), Reach::NotRunning);
    }

    #[test]
    fn g2_a_daemon_that_was_there_restarts_and_after_a_while_does_not_run() {
        let begin = Instant::now();
        let mut contact = Contact::default();
        contact.connected();
        contact.lost(begin, false);
        assert_eq!(contact.reach(), Reach::Restarting);
        contact.no_way(begin + Duration::from_secs(5), &nobody());
        assert_eq!(contact.reach(), Reach::Restarting);
        contact.no_way(begin + Duration::from_secs(21), &nobody());
        assert_eq!(contact.reach(), Reach::NotRunning);
        contact.connected();
        contact.lost(begin + Duration::from_secs(60), false);
        contact.no_way(begin + Duration::from_secs(61), &nobody());
        assert_eq!(contact.reach(), Reach::Restarting);
    }

    #[test]
    fn g2_a_door_that_is_closed_to_this_account_is_no_daemon_that_does_not_run() {
        let mut contact = Contact::default();
        let denied = ConnectError::Denied {
            endpoint: "/x".into(),
            source: std::io::ErrorKind::PermissionDenied.into(),
        };
        contact.no_way(Instant::now(), &denied);
        assert_eq!(contact.reach(), Reach::Denied);
        contact.no_way(Instant::now(), &ConnectError::Impostor { endpoint: "/x".into(), why: "y".into() });
        assert_eq!(contact.reach(), Reach::Impostor);
    }
}
