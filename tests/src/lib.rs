//! What the tests share: daemons of their own, peers to talk to, and things to send.

pub mod bins;
pub mod daemon;
pub mod dice;
pub mod dns;
pub mod measure;
pub mod oauth;
#[cfg(unix)]
pub mod peers;
pub mod pki;
pub mod raw;
pub mod restricted;
pub mod smtp;
pub mod socks;
pub mod tiff;
pub mod trust;
#[cfg(unix)]
pub mod verify;
pub mod web;
