//! Opens private keys where Windows keeps them.

use crate::certs::{KeyError, KeyReference, SigningKey};

/// Opens a key under the account that this process runs under.
///
/// # Errors
/// See [`KeyError`].
pub fn open_key(key: &KeyReference) -> Result<Box<dyn SigningKey>, KeyError> {
    let why = match key {
        KeyReference::File(_) => "keys are no files on Windows",
        KeyReference::Cng { .. } | KeyReference::Capi { .. } => "keys of Windows come with a later version",
    };
    Err(KeyError::Unsupported(why.to_owned()))
}
