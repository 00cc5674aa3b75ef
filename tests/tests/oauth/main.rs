//! Signing in with OAuth 2.0 through the real API, against a provider and a mail server in this process: every flow and
//! every way to fail, tokens that rotate while daemons are killed, mail that is held and released.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod binding;
mod code;
mod crash;
mod faults;
mod flows;
mod kit;
mod mail;
mod secrets;
mod tokens;
