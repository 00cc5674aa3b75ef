//! What the tests share: daemons of their own, peers to talk to, and things to send.

pub mod bins;
pub mod daemon;
pub mod dns;
pub mod oauth;
#[cfg(feature = "peers")]
pub mod peers;
pub mod pki;
pub mod restricted;
pub mod smtp;
pub mod socks;
pub mod tiff;
pub mod trust;
#[cfg(unix)]
pub mod verify;
pub mod web;
