//! The mailer's own process (requirement H6): it may die, hang or be taken over, and no message is lost, nor the daemon.
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

#[cfg(unix)]
mod death_unix;
mod kit;
#[cfg(unix)]
mod memory_unix;
#[cfg(unix)]
mod net_mail_unix;
mod rogue;
