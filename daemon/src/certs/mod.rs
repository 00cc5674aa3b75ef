//! Signing certificates: the machine's store, who may use the keys in it, and which certificate fits a sender.

mod action;
mod asn1;
mod candidates;
mod carry;
mod chain;
mod choose;
mod csr;
mod fault;
pub mod import;
mod key;
mod machine;
mod name;
mod prepare;
mod read;
mod requests;
mod revocation;
mod store;
#[cfg(test)]
#[path = "../../../tests/src/pki.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the whole, which use more of it")]
mod test_pki;
#[cfg(unix)]
mod unix;
#[cfg(any(windows, test))]
mod windows;

pub use action::{Action, Done, Effect, Plan, SigningRequest};
pub use candidates::{KeyState, Requirement, Unmet, judge, same_address};
pub use carry::{Certificates, Users};
pub use chain::{Chain, Link};
pub use choose::{Chosen, SigningSource};
pub use fault::CertificateError;
pub use key::{KeyAlgorithm, KeyError, KeyReference, SigningKey};
pub use machine::{Candidate, Entry, Machine};
pub use prepare::Source;
pub use read::{Details, verifies};
pub use requests::Requests;
pub use revocation::Revocation;
pub use store::{
    Authorities, CertificateStore, Fingerprint, Holder, Identity, KeyType, PendingKey, StoreFault, Stored,
    Trustee,
};
#[cfg(unix)]
pub use unix::{machine_store, open_key};
#[cfg(windows)]
pub use windows::{machine_store, open_key};

pub(crate) use name::{dangerous, rfc4514};
