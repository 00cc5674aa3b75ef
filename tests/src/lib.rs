//! What the tests share: peers to talk to, and things to send.

#[cfg(feature = "peers")]
pub mod peers;
pub mod tiff;
