//! A private key as the rest of the daemon sees it: where it is, and that it signs. What it is stays with the platform.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a private key is. Says nothing of what it is, and crosses to the mailer with a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyReference {
    /// A PKCS#8 file (DER), opened by whoever signs, under the account he runs under.
    File(PathBuf),
    /// A key of Windows CNG.
    Cng {
        /// Key storage provider.
        provider: String,
        /// Its name there.
        name: String,
    },
    /// A key of the legacy Windows CryptoAPI, in the machine's key set.
    Capi {
        /// Cryptographic service provider.
        provider: String,
        /// PROV_RSA_AES and the like.
        provider_type: u32,
        /// Its container.
        container: String,
        /// AT_KEYEXCHANGE or AT_SIGNATURE.
        key_spec: u32,
    },
}

/// How a key signs; always with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017).
    Rsa,
    /// ECDSA on P-256, the signature as DER (RFC 3279 section 2.2.3).
    EcP256,
}

/// A private key, opened.
pub trait SigningKey: Send {
    /// How it signs.
    fn algorithm(&self) -> KeyAlgorithm;

    /// Signs `message`, which is hashed with SHA-256 here.
    ///
    /// # Errors
    /// See [`KeyError`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// Why a key does not sign. The names, in upper snake case with KEY_ before them, are stable codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum KeyError {
    /// It is not there. Windows says the same of a key that may not be seen.
    #[error("the private key is not there, or this account may not see it")]
    Missing,
    /// It is there, and this account may not use it.
    #[error("this account may not use the private key")]
    AccessDenied,
    /// Another algorithm or size than can sign here.
    #[error("the private key cannot sign here: {0}")]
    Unsupported(String),
    /// The platform failed.
    #[error("the private key cannot be used: {0}")]
    Failed(String),
}
