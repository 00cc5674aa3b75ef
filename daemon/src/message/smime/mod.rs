//! S/MIME signatures (RFC 8551): a finished message becomes a signed one.
//!
//! What is signed is the message's MIME entity: its Content-… fields and its body. The other fields stay outside, where
//! servers and readers look for them. The entity goes out exactly as it was hashed: lines that end with CRLF, have 998
//! octets at most and only ASCII, and hold nothing that servers on the way are known to change. Lone CR and LF become
//! CRLF, as SMTP makes them; what is otherwise not so is refused. A broken signature is worse than none.
//!
//! Memory does not grow with the message: it is read once to be hashed, and again to be sent.

mod cms;
mod entity;
pub(in crate::message) mod lines;
mod signed;
mod source;

use std::io;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Content;
use crate::certs::{KeyError, SigningKey};

pub use cms::check_signature;
pub use signed::Signed;

/// How the signature is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// multipart/signed: readable without S/MIME.
    Clear,
    /// application/pkcs7-mime: content and signature in one.
    Opaque,
}

/// Who signs.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// DER.
    pub certificate: &'a [u8],
    /// What the reader needs to find a root he trusts, DER. Roots in it are left out.
    pub chain: &'a [Vec<u8>],
    /// The certificate's key.
    pub key: &'a dyn SigningKey,
}

/// Why a message was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody would accept a signature of this certificate.
    #[error("{0}")]
    Certificate(String),
    /// A signature of this message would not survive.
    #[error("the message cannot be signed: {0}")]
    Message(String),
    /// The message cannot be read.
    #[error("the message cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Signs `message`, RFC 5322. It is read here once, and again by whoever reads the result: it must not change between.
///
/// # Errors
/// See [`SigningError`].
pub fn sign(
    message: Content,
    mode: Mode,
    signer: Signer<'_>,
    now: SystemTime,
) -> Result<Signed, SigningError> {
    signed::sign(message, mode, signer, now)
}
