//! Signing certificates: the machine's store, who may use the keys in it, and which certificate fits a sender.

mod key;
mod store;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use key::{KeyAlgorithm, KeyError, KeyReference, SigningKey};
pub use store::{
    Authorities, CertificateStore, Fingerprint, Holder, Identity, KeyType, PendingKey, StoreFault, Stored,
    Trustee,
};
#[cfg(unix)]
pub use unix::open_key;
#[cfg(windows)]
pub use windows::open_key;
