//! The privileged mail daemon of a fax system.

pub mod accounts;
pub mod caller;
pub mod config;
pub mod diagnose;
pub mod ipc;
pub mod mailer;
pub mod message;
pub mod secrets;
