//! Keys that sign where they are: opened without a window, under the account that this process runs under.

use windows::Win32::Foundation::{
    E_ACCESSDENIED, ERROR_FILE_NOT_FOUND, NTE_BAD_ALGID, NTE_BAD_KEYSET, NTE_KEYSET_NOT_DEF, NTE_NO_KEY,
    NTE_NOT_FOUND, NTE_NOT_SUPPORTED, NTE_PERM, NTE_SILENT_CONTEXT,
};
use windows::core::Error;

use super::blob::{self, BadKey};
use super::{capi, cng};
use crate::certs::{KeyAlgorithm, KeyError, KeyReference, SigningKey};

/// Opens a key.
///
/// # Errors
/// See [`KeyError`].
pub fn open_key(key: &KeyReference) -> Result<Box<dyn SigningKey>, KeyError> {
    match key {
        KeyReference::Cng { provider, name } => {
            let key = cng::Key::open(name, provider).map_err(key_error)?;
            let algorithm = key.algorithm().map_err(key_error)?.ok_or_else(|| {
                KeyError::Unsupported("only RSA keys and EC keys on P-256 can sign here".to_owned())
            })?;
            // Other curves are told by their public half.
            let public_key = key.public_key(algorithm).map_err(key_error)?;
            blob::from_cng(&public_key).map_err(unsupported)?;
            Ok(Box::new(CngKey { key, algorithm }))
        }
        KeyReference::Capi { provider, provider_type, container, key_spec } => {
            let container = capi::Container::open(container, provider, *provider_type, *key_spec);
            Ok(Box::new(CapiKey(container.map_err(key_error)?)))
        }
        KeyReference::File(_) => {
            Err(KeyError::Unsupported("keys are no files on Windows, but live in its key storage".to_owned()))
        }
    }
}

struct CngKey {
    key: cng::Key,
    algorithm: KeyAlgorithm,
}

impl SigningKey for CngKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.key.sign(self.algorithm, message).map_err(key_error)?;
        match self.algorithm {
            KeyAlgorithm::Rsa => Ok(signature),
            KeyAlgorithm::EcP256 => {
                blob::ecdsa_signature(&signature).map_err(|error| KeyError::Failed(error.to_string()))
            }
        }
    }
}

struct CapiKey(capi::Container);

impl SigningKey for CapiKey {
    /// The old providers have no other.
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::Rsa
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.0.sign(message).map_err(key_error)
    }
}

/// What an error of Windows means for whoever wants to sign.
pub(super) fn key_error(error: Error) -> KeyError {
    let code = error.code();
    if code == ERROR_FILE_NOT_FOUND.to_hresult() {
        return KeyError::Missing;
    }
    match code {
        // Said of a key that is not there, and of one that may not be seen.
        NTE_BAD_KEYSET | NTE_KEYSET_NOT_DEF | NTE_NO_KEY | NTE_NOT_FOUND => KeyError::Missing,
        NTE_PERM | E_ACCESSDENIED => KeyError::AccessDenied,
        NTE_SILENT_CONTEXT => KeyError::Unsupported(
            "Windows wants a PIN or a confirmation on the screen for it, which a service cannot give; install the \
             certificate with its key into the machine's store, without strong protection"
                .to_owned(),
        ),
        NTE_BAD_ALGID | NTE_NOT_SUPPORTED => KeyError::Unsupported(format!(
            "its provider does not know SHA-256, or not this kind of key ({})",
            said(&error)
        )),
        _ => KeyError::Failed(said(&error)),
    }
}

/// What Windows says, with its number: the words are in the system's language.
pub(super) fn said(error: &Error) -> String {
    format!("{} ({:#010x})", error.message().trim_end(), error.code().0)
}

fn unsupported(error: BadKey) -> KeyError {
    KeyError::Unsupported(error.to_string())
}

#[cfg(test)]
mod tests {
    use windows::Win32::Foundation::NTE_FAIL;

    use super::*;

    #[test]
    fn c5_each_refusal_of_windows_has_its_word() {
        let of = |code: windows::core::HRESULT| key_error(Error::from_hresult(code));
        assert_eq!(of(NTE_BAD_KEYSET), KeyError::Missing);
        assert_eq!(of(NTE_PERM), KeyError::AccessDenied);
        assert_eq!(of(E_ACCESSDENIED), KeyError::AccessDenied);
        let silent = of(NTE_SILENT_CONTEXT).to_string();
        assert!(silent.contains("PIN") && silent.contains("machine's store"), "{silent}");
        assert!(matches!(of(NTE_FAIL), KeyError::Failed(text) if text.contains("0x80090020")));
    }

    #[test]
    fn c7_a_key_that_is_not_there_is_missing() {
        let capi = KeyReference::Capi {
            provider: capi::PROVIDER.to_owned(),
            provider_type: capi::PROVIDER_TYPE,
            container: "faxpost-no-such-container".to_owned(),
            key_spec: capi::KEY_SPEC,
        };
        assert!(matches!(open_key(&capi), Err(KeyError::Missing)));
        let file = KeyReference::File("C:\\key.der".into());
        assert!(matches!(open_key(&file), Err(KeyError::Unsupported(_))));
    }
}
