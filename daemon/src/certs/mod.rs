//! Signing certificates: the machine's store, who may use the keys in it, and which certificate fits a sender.

mod action;
mod fault;
mod key;
mod store;
#[cfg(any(windows, test))]
mod windows;

pub use action::{Action, Done, Effect, Plan, SigningRequest};
pub use fault::CertificateError;
pub use key::{KeyAlgorithm, KeyError, KeyReference, SigningKey};
pub use store::{
    Authorities, CertificateStore, Fingerprint, Holder, Identity, KeyType, PendingKey, StoreFault, Stored,
    Trustee,
};
#[cfg(windows)]
pub use windows::{MachineStore, open_key};
