//! Every method of the API over the real wire: what it does, whom and what it refuses, and what it says when it cannot.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
mod accounts_change;
mod accounts_password;
mod admin;
mod authorization;
mod diagnostics;
mod diagnostics_test;
mod discover;
#[cfg(unix)]
mod faults;
mod history;
mod kit;
mod log;
mod mail;
mod mail_outbox;
mod mail_schedule;
mod mail_stream;
mod raw_mail;
mod reflection;
mod secrets;
#[cfg(unix)]
mod signing;
