//! What needs an administrator's approval (requirement C6), and what the audit log has of privileged actions (H4), over the
//! real wire.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod audit;
mod kit;
#[cfg(unix)] // on Windows all daemons have one store, that of the machine, and Wine keeps no EC keys
mod requests;
