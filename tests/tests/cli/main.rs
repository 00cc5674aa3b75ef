//! The command line as scripts and people use it: the real programs, their words, exits and JSON.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod account;
#[cfg(unix)] // the editor of the tests is a shell script
mod account_edit;
mod account_files;
mod account_history;
mod account_test;
#[cfg(unix)] // on Windows all daemons have one store: that of the machine
mod cert;
mod failures;
mod generated;
mod json;
mod kit;
mod languages;
mod log;
mod outbox;
mod password;
mod policy;
mod request;
mod send;
mod sendmail;
mod signin;
mod status;
