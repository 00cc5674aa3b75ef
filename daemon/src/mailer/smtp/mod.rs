//! SMTP submission (RFC 5321, RFC 6409): one session, one message; sessions of one account use a connection in turn.
//!
//! lettre gives the commands. Its connection is not used: it knows no step times and no transcript, no certificate
//! check of our own, no pipelining, and reads whatever length of answer a server sends.
//!
//! - [`session`]: the steps up to the sign-in; `transaction`: sender, recipients, content
//! - `connection`: bytes and replies, with their limits and timeouts
//! - `pool`, `reuse`: connections that wait for the next message
//! - `connect`, `tls`, `certificate`, `sasl`: one duty each
//! - `reply`, `capabilities`, `content`, `transcript`: pure

mod capabilities;
pub(in crate::mailer) mod certificate;
mod connect;
mod connection;
mod content;
mod pool;
mod reply;
mod reuse;
mod sasl;
mod session;
pub(in crate::mailer) mod tls;
mod transaction;
mod transcript;

pub(super) use content::Content;
pub(super) use pool::Pool;
pub(super) use session::Session;
pub(super) use transcript::Recorder;
