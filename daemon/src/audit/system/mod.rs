//! The system's own log: journald, or the Windows Event Log. Where there is none, the daemon's output.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use self::unix as platform;
#[cfg(windows)]
use self::windows as platform;

use super::{Event, Outcome};

/// Hands the event to the system; does not wait for it.
pub(super) fn tell(event: &Event) {
    if platform::write(event).is_ok() {
        return tracing::debug!(event = event.sentence(), "audit");
    }
    match event.outcome {
        Outcome::Done | Outcome::Pending => tracing::info!(event = event.sentence(), "audit"),
        Outcome::Denied | Outcome::Failed => tracing::warn!(event = event.sentence(), "audit"),
    }
}
