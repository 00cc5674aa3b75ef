//! What the tests share: daemons of their own, peers to talk to, and things to send.

pub mod bins;
pub mod cdo;
pub mod daemon;
pub mod dice;
pub mod dns;
pub mod measure;
#[cfg(unix)]
pub mod memory;
pub mod oauth;
pub mod outbox;
#[cfg(unix)]
pub mod peers;
pub mod pki;
#[cfg(unix)]
pub mod postgres;
pub mod raw;
pub mod restricted;
pub mod sink;
pub mod smtp;
pub mod socks;
pub mod tiff;
pub mod trust;
#[cfg(unix)]
pub mod verify;
pub mod web;

/// A method that is missing where the tests run: CDO on Linux, .NET under Wine.
pub const MISSING_METHOD: faxpost_proto::v1::Method = if cfg!(windows) {
    faxpost_proto::v1::Method::SystemNetMail
} else {
    faxpost_proto::v1::Method::CdoMessage
};

/// The same as an argument of the command line.
pub const SET_MISSING_METHOD: &str =
    if cfg!(windows) { "method=system-net-mail" } else { "method=cdo-message" };
