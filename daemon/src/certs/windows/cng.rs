//! Keys of Windows CNG, in the machine's key storage. The key never leaves the provider.

#![allow(unsafe_code)] // providers and keys exist as raw handles only

use sha2::{Digest as _, Sha256};
use windows::Win32::Security::Cryptography::{
    BCRYPT_ECCPRIVATE_BLOB, BCRYPT_ECCPUBLIC_BLOB, BCRYPT_ECDSA_P256_ALGORITHM, BCRYPT_PKCS1_PADDING_INFO,
    BCRYPT_RSA_ALGORITHM, BCRYPT_RSAFULLPRIVATE_BLOB, BCRYPT_RSAPUBLIC_BLOB, BCRYPT_SHA256_ALGORITHM,
    CERT_KEY_SPEC, MS_KEY_STORAGE_PROVIDER, NCRYPT_ALGORITHM_GROUP_PROPERTY, NCRYPT_ALLOW_EXPORT_FLAG,
    NCRYPT_EXPORT_POLICY_PROPERTY, NCRYPT_FLAGS, NCRYPT_HANDLE, NCRYPT_KEY_HANDLE, NCRYPT_LENGTH_PROPERTY,
    NCRYPT_MACHINE_KEY_FLAG, NCRYPT_PAD_PKCS1_FLAG, NCRYPT_PERSIST_FLAG, NCRYPT_PROV_HANDLE,
    NCRYPT_SECURITY_DESCR_PROPERTY, NCRYPT_SILENT_FLAG, NCryptCreatePersistedKey, NCryptDeleteKey,
    NCryptExportKey, NCryptFinalizeKey, NCryptFreeObject, NCryptGetProperty, NCryptOpenKey,
    NCryptOpenStorageProvider, NCryptSetProperty, NCryptSignHash,
};
use windows::Win32::Security::{DACL_SECURITY_INFORMATION, OBJECT_SECURITY_INFORMATION};
use windows::core::{HSTRING, PCWSTR, Result};
use zeroize::Zeroizing;

use crate::certs::KeyAlgorithm;

/// Of a key's security descriptor, bytes at most: what an access list can have, and some more.
const DESCRIPTOR_LIMIT: usize = 128 * 1024;

/// Microsoft's provider for keys in software.
pub(super) fn provider() -> String {
    // SAFETY: a constant that ends with zero.
    String::from_utf16_lossy(unsafe { MS_KEY_STORAGE_PROVIDER.as_wide() })
}

/// A key, opened.
pub(super) struct Key(NCRYPT_KEY_HANDLE);

impl Key {
    /// One that is there.
    pub(super) fn open(name: &str, provider: &str) -> Result<Self> {
        let provider = Provider::open(&HSTRING::from(provider))?;
        let flags = NCRYPT_MACHINE_KEY_FLAG | NCRYPT_SILENT_FLAG;
        let mut key = NCRYPT_KEY_HANDLE::default();
        // SAFETY: the provider is open and the name ends with zero, as HSTRING has it; the handle has its owner at once.
        unsafe { NCryptOpenKey(provider.0, &mut key, &HSTRING::from(name), CERT_KEY_SPEC(0), flags) }?;
        Ok(Self(key))
    }

    /// Takes a BCRYPT_RSAFULLPRIVATE_BLOB or BCRYPT_ECCPRIVATE_BLOB.
    pub(super) fn import(
        name: &str,
        algorithm: KeyAlgorithm,
        blob: &Zeroizing<Vec<u8>>,
        exportable: bool,
    ) -> Result<Self> {
        let kind = match algorithm {
            KeyAlgorithm::Rsa => BCRYPT_RSAFULLPRIVATE_BLOB,
            KeyAlgorithm::EcP256 => BCRYPT_ECCPRIVATE_BLOB,
        };
        let key = Self::begin(name, algorithm)?;
        key.set(kind, blob, NCRYPT_FLAGS::default())?;
        let policy = if exportable { NCRYPT_ALLOW_EXPORT_FLAG } else { 0 };
        key.set(NCRYPT_EXPORT_POLICY_PROPERTY, &policy.to_le_bytes(), NCRYPT_PERSIST_FLAG)?;
        key.finish()
    }

    /// Makes a key that does not leave. `bits` is for RSA only: the curve has its own.
    pub(super) fn generate(name: &str, algorithm: KeyAlgorithm, bits: u32) -> Result<Self> {
        let key = Self::begin(name, algorithm)?;
        if algorithm == KeyAlgorithm::Rsa {
            key.set(NCRYPT_LENGTH_PROPERTY, &bits.to_le_bytes(), NCRYPT_PERSIST_FLAG)?;
        }
        key.set(NCRYPT_EXPORT_POLICY_PROPERTY, &0_u32.to_le_bytes(), NCRYPT_PERSIST_FLAG)?;
        key.finish()
    }

    fn begin(name: &str, algorithm: KeyAlgorithm) -> Result<Self> {
        let provider = Provider::open(MS_KEY_STORAGE_PROVIDER)?;
        let algorithm = match algorithm {
            KeyAlgorithm::Rsa => BCRYPT_RSA_ALGORITHM,
            KeyAlgorithm::EcP256 => BCRYPT_ECDSA_P256_ALGORITHM,
        };
        let (flags, no) = (NCRYPT_MACHINE_KEY_FLAG, CERT_KEY_SPEC(0));
        let mut key = NCRYPT_KEY_HANDLE::default();
        // SAFETY: as above.
        unsafe {
            NCryptCreatePersistedKey(provider.0, &mut key, algorithm, &HSTRING::from(name), no, flags)
        }?;
        Ok(Self(key))
    }

    fn finish(self) -> Result<Self> {
        // SAFETY: the key's handle is open.
        unsafe { NCryptFinalizeKey(self.0, NCRYPT_SILENT_FLAG) }?;
        Ok(self)
    }

    /// Deletes it.
    pub(super) fn delete(self) -> Result<()> {
        // SAFETY: the key's handle is open; the call closes it when it succeeds, and then nobody else does.
        unsafe { NCryptDeleteKey(self.0, NCRYPT_SILENT_FLAG.0) }?;
        std::mem::forget(self);
        Ok(())
    }

    /// How it signs; `None` when it is neither RSA nor on a curve.
    pub(super) fn algorithm(&self) -> Result<Option<KeyAlgorithm>> {
        let group = self.get(NCRYPT_ALGORITHM_GROUP_PROPERTY, 1024, OBJECT_SECURITY_INFORMATION(0))?;
        let wide: Vec<u16> =
            group.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        Ok(match String::from_utf16_lossy(&wide).trim_end_matches('\0') {
            "RSA" => Some(KeyAlgorithm::Rsa),
            "ECDSA" => Some(KeyAlgorithm::EcP256),
            _ => None,
        })
    }

    /// BCRYPT_RSAPUBLIC_BLOB or BCRYPT_ECCPUBLIC_BLOB.
    pub(super) fn public_key(&self, algorithm: KeyAlgorithm) -> Result<Vec<u8>> {
        let kind = match algorithm {
            KeyAlgorithm::Rsa => BCRYPT_RSAPUBLIC_BLOB,
            KeyAlgorithm::EcP256 => BCRYPT_ECCPUBLIC_BLOB,
        };
        let (mut blob, mut length) = (vec![0; 8192], 0);
        // SAFETY: the key's handle is open.
        unsafe {
            NCryptExportKey(self.0, None, kind, None, Some(&mut blob), &mut length, NCRYPT_SILENT_FLAG)
        }?;
        blob.truncate(length as usize);
        Ok(blob)
    }

    /// Whether it may leave.
    pub(super) fn exportable(&self) -> Result<bool> {
        let policy = self.get(NCRYPT_EXPORT_POLICY_PROPERTY, 4, OBJECT_SECURITY_INFORMATION(0))?;
        Ok(policy.first().is_some_and(|low| u32::from(*low) & NCRYPT_ALLOW_EXPORT_FLAG != 0))
    }

    /// Who may use it: a security descriptor.
    pub(super) fn descriptor(&self) -> Result<Vec<u8>> {
        self.get(NCRYPT_SECURITY_DESCR_PROPERTY, DESCRIPTOR_LIMIT, DACL_SECURITY_INFORMATION)
    }

    pub(super) fn set_descriptor(&self, descriptor: &[u8]) -> Result<()> {
        let flags = NCRYPT_FLAGS(DACL_SECURITY_INFORMATION.0) | NCRYPT_PERSIST_FLAG | NCRYPT_SILENT_FLAG;
        // SAFETY: the key's handle is open; the descriptor is whole, and Windows copies it.
        unsafe { NCryptSetProperty(self.handle(), NCRYPT_SECURITY_DESCR_PROPERTY, descriptor, flags) }
    }

    /// RSASSA-PKCS1-v1_5, or ECDSA as r and s one after the other; with SHA-256.
    pub(super) fn sign(&self, algorithm: KeyAlgorithm, message: &[u8]) -> Result<Vec<u8>> {
        let digest = Sha256::digest(message);
        let padding = BCRYPT_PKCS1_PADDING_INFO { pszAlgId: BCRYPT_SHA256_ALGORITHM };
        let (padding, flags) = match algorithm {
            KeyAlgorithm::Rsa => {
                (Some((&raw const padding).cast()), NCRYPT_PAD_PKCS1_FLAG | NCRYPT_SILENT_FLAG)
            }
            KeyAlgorithm::EcP256 => (None, NCRYPT_SILENT_FLAG),
        };
        // As long as the largest RSA key's.
        let (mut signature, mut length) = (vec![0; 2048], 0);
        // SAFETY: the key's handle is open, and the padding outlives the call.
        unsafe { NCryptSignHash(self.0, padding, &digest, Some(&mut signature), &mut length, flags) }?;
        signature.truncate(length as usize);
        Ok(signature)
    }

    fn set(&self, property: PCWSTR, value: &[u8], flags: NCRYPT_FLAGS) -> Result<()> {
        // SAFETY: the key's handle is open.
        unsafe { NCryptSetProperty(self.handle(), property, value, flags) }
    }

    fn get(&self, property: PCWSTR, limit: usize, flags: OBJECT_SECURITY_INFORMATION) -> Result<Vec<u8>> {
        let mut length = 0;
        // SAFETY: the key's handle is open; the first call only tells the length.
        unsafe {
            NCryptGetProperty(self.handle(), property, None, &mut length, flags)?;
            let mut value = vec![0; (length as usize).min(limit)];
            NCryptGetProperty(self.handle(), property, Some(&mut value), &mut length, flags)?;
            value.truncate(length as usize);
            Ok(value)
        }
    }

    fn handle(&self) -> NCRYPT_HANDLE {
        NCRYPT_HANDLE(self.0.0)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here; what is persistent stays.
        let _ = unsafe { NCryptFreeObject(self.handle()) };
    }
}

struct Provider(NCRYPT_PROV_HANDLE);

impl Provider {
    fn open(name: impl windows::core::Param<PCWSTR>) -> Result<Self> {
        let mut provider = NCRYPT_PROV_HANDLE::default();
        // SAFETY: the name ends with zero; the handle has its owner at once.
        unsafe { NCryptOpenStorageProvider(&mut provider, name, 0) }?;
        Ok(Self(provider))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here; keys of it stay open.
        let _ = unsafe { NCryptFreeObject(NCRYPT_HANDLE(self.0.0)) };
    }
}
