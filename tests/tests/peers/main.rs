//! Against a real Postfix with Dovecot's sign-in. Run by `tests/run peers`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod callers;
mod delivery;
mod fault_points;
mod harness;
mod oauth;
mod signatures;
