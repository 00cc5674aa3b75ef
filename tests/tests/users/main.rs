//! What other users of the machine may do, as the operating system knows them. Wants root. Run by `tests/run linux`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
