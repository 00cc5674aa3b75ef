//! Keys of the legacy CryptoAPI, in the machine's key set. The key never leaves the provider.

#![allow(unsafe_code)] // providers and keys exist as raw handles only

use sha2::{Digest as _, Sha256};
use windows::Win32::Security::Cryptography::{
    AT_KEYEXCHANGE, CALG_RSA_KEYX, CALG_SHA_256, CRYPT_DELETEKEYSET, CRYPT_EXPORT, CRYPT_EXPORTABLE,
    CRYPT_KEY_FLAGS, CRYPT_MACHINE_KEYSET, CRYPT_NEWKEYSET, CRYPT_SILENT, CryptAcquireContextW,
    CryptCreateHash, CryptDestroyHash, CryptDestroyKey, CryptExportKey, CryptGenKey, CryptGetKeyParam,
    CryptGetProvParam, CryptGetUserKey, CryptImportKey, CryptReleaseContext, CryptSetHashParam,
    CryptSetProvParam, CryptSignHashW, HP_HASHVAL, KP_PERMISSIONS, PP_KEYSET_SEC_DESCR, PROV_RSA_AES,
    PUBLICKEYBLOB,
};
use windows::Win32::Security::DACL_SECURITY_INFORMATION;
use windows::core::{HSTRING, PCWSTR, Result};

use super::privilege::Privilege;

/// The one of Microsoft's providers that knows SHA-256.
pub(super) const PROVIDER: &str = "Microsoft Enhanced RSA and AES Cryptographic Provider";
pub(super) const PROVIDER_TYPE: u32 = PROV_RSA_AES;
pub(super) const KEY_SPEC: u32 = AT_KEYEXCHANGE.0;

/// Microsoft's others. They share their containers with it, and cannot do SHA-256 themselves.
const OLDER: [&str; 4] = [
    "Microsoft Base Cryptographic Provider v1.0",
    "Microsoft Enhanced Cryptographic Provider v1.0",
    "Microsoft Strong Cryptographic Provider",
    "Microsoft RSA SChannel Cryptographic Provider",
];

/// A container of keys in the machine's key set, opened.
pub(super) struct Container {
    handle: usize,
    key_spec: u32,
}

impl Container {
    /// A new and empty one.
    pub(super) fn create(container: &str) -> Result<Self> {
        Self::acquire(container, PROVIDER, PROVIDER_TYPE, CRYPT_NEWKEYSET, KEY_SPEC)
    }

    /// One that is there.
    pub(super) fn open(container: &str, provider: &str, provider_type: u32, key_spec: u32) -> Result<Self> {
        if OLDER.contains(&provider) {
            Self::acquire(container, PROVIDER, PROVIDER_TYPE, 0, key_spec)
        } else {
            Self::acquire(container, provider, provider_type, 0, key_spec)
        }
    }

    /// Deletes one with its keys.
    pub(super) fn delete(container: &str, provider: &str, provider_type: u32) -> Result<()> {
        let (container, provider) = (HSTRING::from(container), HSTRING::from(provider));
        let flags = CRYPT_DELETEKEYSET | CRYPT_MACHINE_KEYSET.0 | CRYPT_SILENT;
        let mut none = 0;
        // SAFETY: the texts end with zero, as HSTRING has it; with this flag no handle comes back.
        unsafe { CryptAcquireContextW(&mut none, &container, &provider, provider_type, flags) }
    }

    fn acquire(
        container: &str,
        provider: &str,
        provider_type: u32,
        flags: u32,
        key_spec: u32,
    ) -> Result<Self> {
        let (container, provider) = (HSTRING::from(container), HSTRING::from(provider));
        let flags = flags | CRYPT_MACHINE_KEYSET.0 | CRYPT_SILENT;
        let mut handle = 0;
        // SAFETY: the texts end with zero, as HSTRING has it; the handle has its owner at once.
        unsafe { CryptAcquireContextW(&mut handle, &container, &provider, provider_type, flags) }?;
        Ok(Self { handle, key_spec })
    }

    /// Takes a PRIVATEKEYBLOB.
    pub(super) fn import(&self, blob: &[u8], exportable: bool) -> Result<()> {
        let mut key = 0;
        // SAFETY: the context is open; the key's handle has its owner at once.
        unsafe { CryptImportKey(self.handle, blob, 0, leave(exportable), &mut key) }?;
        drop(Key(key));
        Ok(())
    }

    /// Makes an RSA key that does not leave.
    pub(super) fn generate(&self, bits: u16) -> Result<()> {
        let flags = CRYPT_KEY_FLAGS(u32::from(bits) << 16) | leave(false);
        let mut key = 0;
        // SAFETY: as above.
        unsafe { CryptGenKey(self.handle, CALG_RSA_KEYX, flags, &mut key) }?;
        drop(Key(key));
        Ok(())
    }

    /// PUBLICKEYBLOB.
    pub(super) fn public_key(&self) -> Result<Vec<u8>> {
        let key = self.key()?;
        answer(|to, length| {
            // SAFETY: the key's handle is open, and `answer` hands on memory of that length.
            unsafe { CryptExportKey(key.0, 0, PUBLICKEYBLOB, CRYPT_KEY_FLAGS::default(), to, length) }
        })
    }

    /// Whether the key may leave.
    pub(super) fn exportable(&self) -> Result<bool> {
        let key = self.key()?;
        let (mut permissions, mut length) = ([0; 4], 4);
        // SAFETY: the key's handle is open, and the answer is as long as is said.
        unsafe { CryptGetKeyParam(key.0, KP_PERMISSIONS, Some(permissions.as_mut_ptr()), &mut length, 0) }?;
        Ok(u32::from_le_bytes(permissions) & CRYPT_EXPORT != 0)
    }

    /// Who may use its keys: a security descriptor.
    pub(super) fn descriptor(&self) -> Result<Vec<u8>> {
        let _privilege = Privilege::security();
        answer(|to, length| {
            let which = DACL_SECURITY_INFORMATION.0;
            // SAFETY: the context is open, and `answer` hands on memory of that length.
            unsafe { CryptGetProvParam(self.handle, PP_KEYSET_SEC_DESCR.0, to, length, which) }
        })
    }

    pub(super) fn set_descriptor(&self, descriptor: &[u8]) -> Result<()> {
        let _privilege = Privilege::security();
        let aligned = aligned(descriptor);
        // SAFETY: the context is open; the descriptor is whole, aligned for its words, and outlives the call.
        unsafe {
            let from = aligned.as_ptr().cast();
            CryptSetProvParam(self.handle, PP_KEYSET_SEC_DESCR, from, DACL_SECURITY_INFORMATION.0)
        }
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let digest = Sha256::digest(message);
        let mut hash = 0;
        // SAFETY: the context is open; the hash's handle has its owner at once, and the digest is as long as SHA-256 has
        // it.
        let hash = unsafe {
            CryptCreateHash(self.handle, CALG_SHA_256, 0, 0, &mut hash)?;
            let hash = Hash(hash);
            CryptSetHashParam(hash.0, HP_HASHVAL, digest.as_ptr(), 0)?;
            hash
        };
        let mut signature = answer(|to, length| {
            // SAFETY: the hash's handle is open, and `answer` hands on memory of that length.
            unsafe { CryptSignHashW(hash.0, self.key_spec, PCWSTR::null(), 0, to, length) }
        })?;
        // The old interface has the lowest byte first.
        signature.reverse();
        Ok(signature)
    }

    fn key(&self) -> Result<Key> {
        let mut key = 0;
        // SAFETY: the context is open; the key's handle has its owner at once.
        unsafe { CryptGetUserKey(self.handle, self.key_spec, &mut key) }?;
        Ok(Key(key))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here.
        let _ = unsafe { CryptReleaseContext(self.handle, 0) };
    }
}

struct Key(usize);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here; what is persistent stays.
        let _ = unsafe { CryptDestroyKey(self.0) };
    }
}

struct Hash(usize);

impl Drop for Hash {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here.
        let _ = unsafe { CryptDestroyHash(self.0) };
    }
}

fn leave(exportable: bool) -> CRYPT_KEY_FLAGS {
    if exportable { CRYPT_EXPORTABLE } else { CRYPT_KEY_FLAGS::default() }
}

/// Asks for the length, and then for the answer.
fn answer(mut ask: impl FnMut(Option<*mut u8>, &mut u32) -> Result<()>) -> Result<Vec<u8>> {
    let mut length = 0;
    ask(None, &mut length)?;
    let mut bytes = vec![0; length as usize];
    ask(Some(bytes.as_mut_ptr()), &mut length)?;
    bytes.truncate(length as usize);
    Ok(bytes)
}

/// A copy on an address that fits any of Windows' structures.
fn aligned(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    });
    words.collect()
}
