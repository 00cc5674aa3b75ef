//! The choice of the certificate that signs for a sender, as those who send mail see it.

use tokio::sync::watch;

use super::key::KeyReference;
use super::machine::Machine;

/// Where signing certificates come from.
pub trait SigningSource: Send + Sync {
    /// The certificate that signs for `sender` now: the one with this SHA-256 (hex), or if that is empty, the best that
    /// fits. It may touch the disk: not on the async runtime's own threads.
    ///
    /// # Errors
    /// Why there is none, one sentence that names every unmet requirement.
    fn choose(&self, sender: &str, configured: &str) -> Result<Chosen, String>;

    /// Changes whenever a certificate or the right to use a key does.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// A certificate that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// DER.
    pub certificate: Vec<u8>,
    /// From its issuer upwards, DER.
    pub chain: Vec<Vec<u8>>,
    /// Its private key.
    pub key: KeyReference,
}

impl SigningSource for Machine {
    fn choose(&self, sender: &str, configured: &str) -> Result<Chosen, String> {
        self.signer(sender, configured).map_err(|error| error.to_string())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
