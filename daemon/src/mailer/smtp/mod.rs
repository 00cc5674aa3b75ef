//! SMTP submission (RFC 5321, RFC 6409): one session, one message; sessions of one account use a connection in turn.
//!
//! lettre gives the commands. Its connection is not used: it knows no step times and no transcript, no certificate
//! check of our own, no pipelining, and reads whatever length of answer a server sends.
//!
//! - [`session`]: the steps up to the sign-in; `transaction`: sender, recipients, content
//! - `connection`: bytes and replies, with their limits and timeouts
//! - `asking`, `recipients`: what is said of a message beforehand, and to whom it goes
//! - `pool`, `reuse`: connections that wait for the next message; `ahead`: and the next message that waits for one
//! - `connect`, `tls`, `certificate`, `sasl`: one duty each
//! - `reply`, `capabilities`, `content`, `transcript`: pure

mod acknowledge;
mod ahead;
mod asking;
mod capabilities;
pub(in crate::mailer) mod certificate;
mod connect;
mod connection;
mod content;
mod pool;
mod recipients;
mod reply;
mod reuse;
mod sasl;
mod session;
pub(in crate::mailer) mod tls;
mod transaction;
mod transcript;

pub(super) use ahead::Opening;
pub(super) use content::Content;
pub(super) use pool::{Kept, Key, Pool};
pub(super) use session::Session;
pub(super) use transcript::Recorder;

/// A job's turn, with the connection that the one before has left it.
pub(super) type JobTurn = super::turns::Turn<Opening, Box<Kept>>;

/// Who may begin.
pub(super) type Turns = super::turns::Turns<Opening, Box<Kept>>;
