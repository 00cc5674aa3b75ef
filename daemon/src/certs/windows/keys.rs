//! One key of either kind: made, found again, asked, deleted.
//!
//! New keys go to CNG. Whether it kept one is not believed but seen, by opening it anew; where it keeps none, RSA keys go
//! to the legacy CryptoAPI, each into a container of its own.

use uuid::Uuid;
use windows::core::Error;
use zeroize::Zeroizing;

use super::blob::{self, PrivateKey};
use super::descriptor::{Descriptor, Sid};
use super::key::{key_error, said};
use super::{capi, cng};
use crate::certs::{KeyAlgorithm, KeyError, KeyReference, KeyType, StoreFault};

/// Whom Windows lets use every key of the machine: the system and its administrators.
const BUILTIN: [&str; 2] = [faxpost_proto::security::SYSTEM, faxpost_proto::security::ADMINISTRATORS];

/// Bits of RSA keys that are made: fewer are not for signing today, and more are not made by Windows.
const RSA_BITS: std::ops::RangeInclusive<u16> = 2048..=16384;

/// A key that was just made, and is deleted again unless it is [kept](Made::keep).
pub(super) struct Made(Option<KeyReference>);

impl Made {
    /// Puts a private key into the machine's key storage.
    ///
    /// # Errors
    /// Nothing here keeps such a key.
    pub(super) fn import(key: &PrivateKey, exportable: bool) -> Result<Self, StoreFault> {
        let (algorithm, blob) = (key.algorithm(), key.cng());
        let capi = match key {
            PrivateKey::Rsa(key) => Some(key),
            PrivateKey::EcP256 { .. } => None,
        };
        Self::make(
            |name| cng::Key::import(name, algorithm, &blob, exportable),
            capi.map(|key| {
                |container: &capi::Container| -> Result<(), StoreFault> {
                    let blob: Zeroizing<Vec<u8>> =
                        key.capi().map_err(|error| StoreFault::Unsupported(error.to_string()))?;
                    container.import(&blob, exportable).map_err(store_fault)
                }
            }),
        )
    }

    /// Makes a new key, which does not leave.
    ///
    /// # Errors
    /// Nothing here makes such a key.
    pub(super) fn generate(key_type: KeyType) -> Result<Self, StoreFault> {
        let (algorithm, bits) = match key_type {
            KeyType::Rsa(bits) => (KeyAlgorithm::Rsa, Some(bits)),
            KeyType::EcP256 => (KeyAlgorithm::EcP256, None),
        };
        let capi = bits.map(|bits| u16::try_from(bits).ok().filter(|bits| RSA_BITS.contains(bits)));
        if capi == Some(None) {
            return Err(StoreFault::Unsupported(
                "an RSA key has 2048 bits or more, and 16384 at most".to_owned(),
            ));
        }
        Self::make(
            |name| cng::Key::generate(name, algorithm, bits.unwrap_or_default()),
            capi.flatten()
                .map(|bits| move |container: &capi::Container| container.generate(bits).map_err(store_fault)),
        )
    }

    fn make(
        cng: impl FnOnce(&str) -> windows::core::Result<cng::Key>,
        capi: Option<impl FnOnce(&capi::Container) -> Result<(), StoreFault>>,
    ) -> Result<Self, StoreFault> {
        let name = format!("faxpost-{}", Uuid::new_v4());
        let refused = match in_cng(&name, cng) {
            Ok(made) => return Ok(made),
            Err(refused) => refused,
        };
        let Some(capi) = capi else {
            return Err(StoreFault::Unsupported(format!(
                "the key storage of this Windows (CNG) keeps no such key, and the legacy CryptoAPI knows only RSA: \
                 {refused}"
            )));
        };
        tracing::debug!(
            "the machine's key storage (CNG) does not keep keys, the legacy CryptoAPI is used: {refused}"
        );
        let made = Self(Some(KeyReference::Capi {
            provider: capi::PROVIDER.to_owned(),
            provider_type: capi::PROVIDER_TYPE,
            container: name.clone(),
            key_spec: capi::KEY_SPEC,
        }));
        let container = capi::Container::create(&name).map_err(store_fault)?;
        capi(&container)?;
        container.set_descriptor(&closed().bytes()).map_err(store_fault)?;
        Ok(made)
    }

    pub(super) fn reference(&self) -> &KeyReference {
        // It is there until `keep` takes it, and that takes the whole.
        self.0.as_ref().unwrap_or_else(|| unreachable!("a key that was kept is no longer new"))
    }

    /// It stays.
    pub(super) fn keep(mut self) -> KeyReference {
        self.0.take().unwrap_or_else(|| unreachable!("a key is kept once"))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(key) = self.0.take()
            && let Err(error) = delete(&key)
            && error != StoreFault::NotFound
        {
            tracing::warn!("a new private key that is not wanted could not be deleted: {key:?}: {error}");
        }
    }
}

/// What it came to instead, as text.
fn in_cng(name: &str, make: impl FnOnce(&str) -> windows::core::Result<cng::Key>) -> Result<Made, String> {
    let provider = cng::provider();
    let key = make(name).map_err(|error| said(&error))?;
    let made = Made(Some(KeyReference::Cng { provider, name: name.to_owned() }));
    let algorithm = key.algorithm().map_err(|error| said(&error))?.ok_or("it lost its algorithm")?;
    let new = key.public_key(algorithm).map_err(|error| said(&error))?;
    key.set_descriptor(&closed().bytes()).map_err(|error| said(&error))?;
    drop(key);
    // What is only in this process' memory is not found again.
    let kept = public_key(made.reference()).map_err(|error| error.to_string())?;
    let new = blob::from_cng(&new).map_err(|error| error.to_string())?;
    if blob::same_key(&new, &kept) { Ok(made) } else { Err("another key came back".to_owned()) }
}

fn closed() -> Descriptor {
    Descriptor::closed(&BUILTIN.map(|sid| sid.parse::<Sid>()).into_iter().flatten().collect::<Vec<_>>())
}

/// The key's SubjectPublicKeyInfo.
///
/// # Errors
/// It is not there, may not be seen, or is of a kind that does not sign here.
pub(super) fn public_key(key: &KeyReference) -> Result<Vec<u8>, KeyError> {
    let public = match key {
        KeyReference::Cng { provider, name } => {
            let key = cng::Key::open(name, provider).map_err(key_error)?;
            let algorithm = key.algorithm().map_err(key_error)?.unwrap_or(KeyAlgorithm::Rsa);
            blob::from_cng(&key.public_key(algorithm).map_err(key_error)?)
        }
        KeyReference::Capi { .. } => blob::from_capi(&container(key)?.public_key().map_err(key_error)?),
        KeyReference::File(_) => return Err(KeyError::Missing),
    };
    public.map_err(|error| KeyError::Unsupported(error.to_string()))
}

/// Whether it may leave the store; not, if that cannot be found out.
pub(super) fn exportable(key: &KeyReference) -> bool {
    match key {
        KeyReference::Cng { provider, name } => {
            cng::Key::open(name, provider).and_then(|key| key.exportable()).unwrap_or(false)
        }
        KeyReference::Capi { .. } => {
            container(key).is_ok_and(|container| container.exportable().unwrap_or(false))
        }
        KeyReference::File(_) => false,
    }
}

/// Who may use it.
///
/// # Errors
/// See [`StoreFault`].
pub(super) fn descriptor(key: &KeyReference) -> Result<Descriptor, StoreFault> {
    let bytes = match key {
        KeyReference::Cng { provider, name } => {
            cng::Key::open(name, provider).and_then(|key| key.descriptor()).map_err(store_fault)?
        }
        KeyReference::Capi { .. } => container(key).map_err(key_fault)?.descriptor().map_err(store_fault)?,
        KeyReference::File(_) => return Err(StoreFault::NotFound),
    };
    Descriptor::read(&bytes).map_err(|error| StoreFault::Failed(error.to_string()))
}

/// Lets others use it.
///
/// # Errors
/// See [`StoreFault`].
pub(super) fn set_descriptor(key: &KeyReference, descriptor: &Descriptor) -> Result<(), StoreFault> {
    let bytes = descriptor.bytes();
    match key {
        KeyReference::Cng { provider, name } => {
            cng::Key::open(name, provider).and_then(|key| key.set_descriptor(&bytes)).map_err(store_fault)
        }
        KeyReference::Capi { .. } => {
            container(key).map_err(key_fault)?.set_descriptor(&bytes).map_err(store_fault)
        }
        KeyReference::File(_) => Err(StoreFault::NotFound),
    }
}

/// Deletes it, for good.
///
/// # Errors
/// See [`StoreFault`].
pub(super) fn delete(key: &KeyReference) -> Result<(), StoreFault> {
    match key {
        KeyReference::Cng { provider, name } => cng::Key::open(name, provider).and_then(cng::Key::delete),
        KeyReference::Capi { provider, provider_type, container, .. } => {
            capi::Container::delete(container, provider, *provider_type)
        }
        KeyReference::File(_) => return Err(StoreFault::NotFound),
    }
    .map_err(store_fault)
}

fn container(key: &KeyReference) -> Result<capi::Container, KeyError> {
    match key {
        KeyReference::Capi { provider, provider_type, container, key_spec } => {
            capi::Container::open(container, provider, *provider_type, *key_spec).map_err(key_error)
        }
        _ => Err(KeyError::Missing),
    }
}

/// What an error of Windows means for the store.
pub(super) fn store_fault(error: Error) -> StoreFault {
    key_fault(key_error(error))
}

fn key_fault(error: KeyError) -> StoreFault {
    match error {
        KeyError::Missing => StoreFault::NotFound,
        KeyError::AccessDenied => StoreFault::Failed(
            "Windows denies access to it; the daemon has to run as the system or an administrator".to_owned(),
        ),
        KeyError::Unsupported(why) => {
            StoreFault::Unsupported(format!("the private key cannot be used: {why}"))
        }
        KeyError::Failed(why) => StoreFault::Failed(why),
    }
}
