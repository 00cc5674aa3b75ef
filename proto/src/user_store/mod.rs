//! The certificates of the person at this client: what is there, and one of them as a PKCS#12 file for the daemon.
//!
//! Only his own programs can reach his keys, so this is the one thing that a client does by itself.

use zeroize::Zeroizing;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as platform;

/// A certificate in the user's store.
#[derive(Debug)]
pub struct UserCertificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Its private key is there.
    pub has_key: bool,
    /// And may leave the store. `false` also when Windows would have to ask before it says so.
    pub exportable: bool,
}

/// A certificate with its key and chain, on its way to the daemon.
pub struct Exported {
    /// PKCS#12.
    pub pkcs12: Zeroizing<Vec<u8>>,
    /// Made for this once.
    pub password: Zeroizing<String>,
}

/// Why there is nothing to list, or to export.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// This system keeps no such store.
    NoStore,
    /// No certificate with this SHA-256.
    NotFound,
    /// It has no private key here.
    NoKey,
    /// Its private key must not leave the store, or Windows would have to ask for that.
    NotExportable,
    /// The system failed; what it said.
    Failed(String),
}

/// All of the user's own certificates.
///
/// # Errors
/// See [`Error`].
pub fn list() -> Result<Vec<UserCertificate>, Error> {
    platform::list()
}

/// One of them with its key and chain, sealed with a new password.
///
/// # Errors
/// See [`Error`].
pub fn export(sha256: &[u8; 32]) -> Result<Exported, Error> {
    platform::export(sha256)
}
