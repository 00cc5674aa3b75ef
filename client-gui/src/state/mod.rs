//! What the pages know and decide: plain data and functions, without a window, a clock or a connection.

pub mod account;
pub mod certificate;
pub mod discovery;
pub mod log;
pub mod outbox;
pub mod paged;
pub mod reach;
pub mod requests;
pub mod sign_in;
pub mod status;
pub mod test;
