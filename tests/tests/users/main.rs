//! What other users of this machine may do, as the operating system knows them, and what a full disk does. Wants root:
//! it becomes those users, and mounts a small disk. Run by `tests/run peers`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod approvals;
mod certificates;
mod disk;
mod history;
mod kit;
mod mailer;
mod own;
mod roles;
mod signing;
