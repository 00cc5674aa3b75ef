//! Signing certificates over the real wire: the machine's store, who may use its keys, and what signs for whom.
//!
//! The store is the one of Linux; that of Windows has its own tests.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod account;
mod change;
mod check;
mod fault;
mod keys;
mod kit;
mod read;
mod requests;
