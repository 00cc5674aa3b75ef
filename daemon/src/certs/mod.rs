//! Signing certificates: the machine's store, who may use the keys in it, and which certificate fits a sender.

mod action;
mod chain;
mod fault;
mod key;
mod name;
mod read;
mod revocation;
mod store;
#[cfg(test)]
#[path = "../../../tests/src/pki.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the whole, which use more of it")]
mod test_pki;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use action::{Action, Done, Effect, Plan, SigningRequest};
pub use chain::{Chain, Link};
pub use fault::CertificateError;
pub use key::{KeyAlgorithm, KeyError, KeyReference, SigningKey};
pub use read::Details;
pub use revocation::Revocation;
pub use store::{
    Authorities, CertificateStore, Fingerprint, Holder, Identity, KeyType, PendingKey, StoreFault, Stored,
    Trustee,
};

pub(crate) use name::{dangerous, rfc4514};
#[cfg(unix)]
pub use unix::open_key;
#[cfg(windows)]
pub use windows::open_key;
