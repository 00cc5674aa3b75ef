//! Signatures as others read them: our composer's messages and those of others, verified by OpenSSL.

#![cfg(unix)] // keys are files here; those of Windows have tests of their own
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod kit;
mod mailer;
mod messages;
mod structure;
