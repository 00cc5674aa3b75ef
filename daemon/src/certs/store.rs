//! The machine's store of signing certificates: what each platform must be able to do.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key::KeyReference;

/// SHA-256 of a DER certificate.
pub type Fingerprint = [u8; 32];

/// A machine store. Calls may touch disk or another process: not on the async runtime's own threads.
pub trait CertificateStore: Send + Sync {
    /// Everything in it that has a private key, or is an end-entity certificate.
    ///
    /// # Errors
    /// See [`StoreFault`]; so with all of them.
    fn list(&self) -> Result<Vec<Stored>, StoreFault>;

    /// Takes a certificate with its key and chain. Nothing is left behind when it fails.
    fn install(&self, identity: &Identity, exportable: bool) -> Result<Stored, StoreFault>;

    /// Removes a certificate and its key.
    fn delete(&self, certificate: &Fingerprint) -> Result<(), StoreFault>;

    /// Who may use a key.
    fn holders(&self, key: &KeyReference) -> Result<Vec<Holder>, StoreFault>;

    /// Whether this account can use a key, by itself, by a group it is in or by the system's own rules.
    fn may_use(&self, key: &KeyReference, trustee: &Trustee) -> Result<bool, StoreFault>;

    /// Adds the right to read, and nothing else; a holder stays one.
    fn grant(&self, key: &KeyReference, trustee: &Trustee) -> Result<(), StoreFault>;

    /// Takes exactly that right away.
    fn revoke(&self, key: &KeyReference, trustee: &Trustee) -> Result<(), StoreFault>;

    /// An account of the operating system by its name, SID or uid.
    fn trustee(&self, text: &str) -> Result<Trustee, StoreFault>;

    /// The account that mail is sent under where nobody named one: NETWORK SERVICE on Windows; on Linux the user
    /// "faxpost" if there is one and the daemon is root, else the daemon's own.
    fn service_account(&self) -> Result<Trustee, StoreFault>;

    /// Makes a key that waits for its certificate.
    fn create_key(&self, key_type: KeyType) -> Result<PendingKey, StoreFault>;

    /// Puts a certificate onto a key that waits for it. The caller has seen that they belong together. When it fails, the
    /// key goes on waiting.
    fn complete(
        &self,
        pending: &PendingKey,
        certificate: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Stored, StoreFault>;

    /// Deletes a key that waits.
    fn discard(&self, pending: &PendingKey) -> Result<(), StoreFault>;

    /// Certificates of authorities that are at hand for building chains, DER: intermediates and trusted roots.
    fn authorities(&self) -> Result<Authorities, StoreFault>;
}

/// What chains are built from.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    /// Trusted as roots by this machine.
    pub roots: Vec<Vec<u8>>,
    /// Known, and trusted only through a root.
    pub intermediates: Vec<Vec<u8>>,
    /// Revocation lists at hand.
    pub revocation_lists: Vec<Vec<u8>>,
}

/// A certificate in the store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// What was stored with it, DER.
    pub chain: Vec<Vec<u8>>,
    /// Its private key, if there is one.
    pub key: Option<KeyReference>,
    /// The key may leave the store.
    pub exportable: bool,
}

/// A certificate with its private key, on the way into the store.
///
/// Written out it holds the key: only for a private channel, and for what is sealed before it reaches the disk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// DER.
    #[serde(with = "hex::serde")]
    pub certificate: Vec<u8>,
    /// DER, from the issuer upwards.
    #[serde(with = "super::action::hex_list")]
    pub chain: Vec<Vec<u8>>,
    /// PKCS#8 (RFC 5958), DER.
    #[serde(with = "super::action::hex_secret")]
    pub key: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { certificate, chain, key: _ } = self;
        write!(f, "Identity({} bytes, chain of {}, key ***)", certificate.len(), chain.len())
    }
}

/// An account of the operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trustee {
    /// SID, or "uid:107".
    pub id: String,
    /// Its name in the system's language.
    pub name: String,
}

/// Somebody who may use a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    pub trustee: Trustee,
    /// More than to read it.
    pub full: bool,
    /// By the system, and not to be revoked here.
    pub builtin: bool,
}

/// Keys that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyType {
    /// RSA of so many bits.
    Rsa(u32),
    /// ECDSA on P-256.
    EcP256,
}

/// A key that waits for its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingKey {
    /// Where it is.
    pub key: KeyReference,
    /// Its SubjectPublicKeyInfo, DER.
    #[serde(with = "hex::serde")]
    pub public_key: Vec<u8>,
}

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// No such certificate or key.
    #[error("it is not in the machine's certificate store")]
    NotFound,
    /// No such account of the operating system.
    #[error("there is no account {0:?} on this machine")]
    TrusteeUnknown(String),
    /// The right comes from the system and stays.
    #[error("{0} may use every key of this machine by the system's own rules, which cannot be changed here")]
    Builtin(String),
    /// The platform cannot do this with this key.
    #[error("{0}")]
    Unsupported(String),
    /// The platform failed.
    #[error("the machine's certificate store failed: {0}")]
    Failed(String),
}
