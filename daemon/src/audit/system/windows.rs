//! The Windows Event Log is not written yet: the daemon's own output has every event.

use std::io;

use super::Event;

pub(super) fn write(_event: &Event) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
