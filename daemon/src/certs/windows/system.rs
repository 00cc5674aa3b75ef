//! The machine's certificate stores: what is in them, and where its keys are.

#![allow(unsafe_code)] // certificates exist as contexts in Windows' memory only

use std::ptr;

use windows::Win32::Foundation::CRYPT_E_NOT_FOUND;
use windows::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_KEY_PROV_INFO_PROP_ID, CERT_OPEN_STORE_FLAGS, CERT_QUERY_ENCODING_TYPE,
    CERT_STORE_ADD_ALWAYS, CERT_STORE_ADD_NEW, CERT_STORE_CTRL_COMMIT, CERT_STORE_PROV_SYSTEM_W,
    CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_LOCAL_MACHINE, CRL_CONTEXT, CRYPT_KEY_FLAGS,
    CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET, CertAddEncodedCertificateToStore, CertCloseStore,
    CertControlStore, CertDeleteCertificateFromStore, CertDuplicateCertificateContext, CertEnumCRLsInStore,
    CertEnumCertificatesInStore, CertFreeCertificateContext, CertGetCertificateContextProperty,
    CertOpenStore, CertSetCertificateContextProperty, HCERTSTORE, X509_ASN_ENCODING,
};
use windows::core::{HSTRING, PWSTR, Result};

use crate::certs::KeyReference;

/// A store of LOCAL_MACHINE.
pub(super) struct Store(HCERTSTORE);

/// Which one.
#[derive(Clone, Copy)]
pub(super) enum Name {
    /// Certificates with keys.
    My,
    /// Trusted as roots.
    Root,
    /// Intermediate authorities, and what they revoked.
    Ca,
}

impl Store {
    /// For looking only.
    pub(super) fn look(name: Name) -> Result<Self> {
        Self::open(name, CERT_STORE_READONLY_FLAG)
    }

    /// For changing; nothing is changed before [`Store::commit`].
    pub(super) fn change(name: Name) -> Result<Self> {
        Self::open(name, CERT_OPEN_STORE_FLAGS::default())
    }

    fn open(name: Name, flags: CERT_OPEN_STORE_FLAGS) -> Result<Self> {
        let name = HSTRING::from(match name {
            Name::My => "MY",
            Name::Root => "ROOT",
            Name::Ca => "CA",
        });
        let flags = CERT_OPEN_STORE_FLAGS(CERT_SYSTEM_STORE_LOCAL_MACHINE) | flags;
        let no = CERT_QUERY_ENCODING_TYPE::default();
        // SAFETY: the name ends with zero, as HSTRING has it, and outlives the call.
        unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, no, None, flags, Some(name.as_ptr().cast())) }
            .map(Self)
    }

    pub(super) fn certificates(&self) -> Vec<Context> {
        let mut found = Vec::new();
        let mut last: *const CERT_CONTEXT = ptr::null();
        loop {
            // SAFETY: the store is open; the call frees the context that it gave before, and each that is kept is a
            // duplicate.
            unsafe {
                last = CertEnumCertificatesInStore(self.0, Some(last));
                if last.is_null() {
                    return found;
                }
                found.push(Context(CertDuplicateCertificateContext(Some(last))));
            }
        }
    }

    pub(super) fn revocation_lists(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let mut last: *const CRL_CONTEXT = ptr::null();
        loop {
            // SAFETY: the store is open; the call frees the context that it gave before, after its bytes were copied.
            unsafe {
                last = CertEnumCRLsInStore(self.0, Some(last));
                if last.is_null() {
                    return found;
                }
                let bytes = std::slice::from_raw_parts((*last).pbCrlEncoded, (*last).cbCrlEncoded as usize);
                found.push(bytes.to_vec());
            }
        }
    }

    pub(super) fn find(&self, certificate: &[u8]) -> Option<Context> {
        self.certificates().into_iter().find(|found| found.certificate() == certificate)
    }

    /// Adds one that is not there.
    pub(super) fn add(&self, certificate: &[u8]) -> Result<Context> {
        self.add_with(certificate, CERT_STORE_ADD_ALWAYS)
    }

    /// Adds one unless it is there.
    pub(super) fn add_new(&self, certificate: &[u8]) -> Result<Option<Context>> {
        match self.add_with(certificate, CERT_STORE_ADD_NEW) {
            Err(_) if self.find(certificate).is_some() => Ok(None),
            added => added.map(Some),
        }
    }

    fn add_with(&self, certificate: &[u8], disposition: u32) -> Result<Context> {
        let mut added: *mut CERT_CONTEXT = ptr::null_mut();
        // SAFETY: the store is open; the context has its owner at once.
        unsafe {
            let to = Some(&raw mut added);
            CertAddEncodedCertificateToStore(Some(self.0), X509_ASN_ENCODING, certificate, disposition, to)?;
            Ok(Context(added))
        }
    }

    /// Writes what was changed.
    pub(super) fn commit(&self) -> Result<()> {
        // SAFETY: the store is open.
        unsafe { CertControlStore(self.0, Default::default(), CERT_STORE_CTRL_COMMIT, None) }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here; contexts that are still alive keep what they need.
        let _ = unsafe { CertCloseStore(Some(self.0), 0) };
    }
}

/// A certificate in a store.
pub(super) struct Context(*const CERT_CONTEXT);

impl Context {
    /// DER.
    pub(super) fn certificate(&self) -> &[u8] {
        // SAFETY: the context is alive as long as `self`, and nobody writes to its bytes.
        unsafe {
            let context = &*self.0;
            std::slice::from_raw_parts(context.pbCertEncoded, context.cbCertEncoded as usize)
        }
    }

    /// Where its key is; `None` also when that is a user's key set, which no service reaches.
    pub(super) fn key(&self) -> Result<Option<KeyReference>> {
        let mut bytes = 0;
        // SAFETY: the context is alive; the first call only tells the length, and the second writes into memory of that
        // length, aligned for its pointers, which lead into the same memory. The texts are copied before it goes.
        unsafe {
            if let Err(error) =
                CertGetCertificateContextProperty(self.0, CERT_KEY_PROV_INFO_PROP_ID, None, &mut bytes)
            {
                return if error.code() == CRYPT_E_NOT_FOUND { Ok(None) } else { Err(error) };
            }
            let room = (bytes as usize).max(size_of::<CRYPT_KEY_PROV_INFO>()).div_ceil(8);
            let mut answer = vec![0_u64; room];
            let to = Some(answer.as_mut_ptr().cast());
            CertGetCertificateContextProperty(self.0, CERT_KEY_PROV_INFO_PROP_ID, to, &mut bytes)?;
            let info = &*answer.as_ptr().cast::<CRYPT_KEY_PROV_INFO>();
            if info.dwFlags.0 & CRYPT_MACHINE_KEYSET.0 == 0 {
                return Ok(None);
            }
            let (provider, name) = (text(info.pwszProvName), text(info.pwszContainerName));
            Ok(Some(match info.dwProvType {
                0 => KeyReference::Cng { provider, name },
                provider_type => {
                    KeyReference::Capi { provider, provider_type, container: name, key_spec: info.dwKeySpec }
                }
            }))
        }
    }

    /// Says where its key is.
    pub(super) fn set_key(&self, key: &KeyReference) -> Result<()> {
        let (provider, name, provider_type, key_spec) = match key {
            KeyReference::Cng { provider, name } => (provider, name, 0, 0),
            KeyReference::Capi { provider, provider_type, container, key_spec } => {
                (provider, container, *provider_type, *key_spec)
            }
            KeyReference::File(_) => return Err(windows::Win32::Foundation::E_INVALIDARG.into()),
        };
        let (provider, name) = (HSTRING::from(provider), HSTRING::from(name));
        let info = CRYPT_KEY_PROV_INFO {
            pwszContainerName: PWSTR(name.as_ptr().cast_mut()),
            pwszProvName: PWSTR(provider.as_ptr().cast_mut()),
            dwProvType: provider_type,
            // CNG has the same number for it.
            dwFlags: CRYPT_KEY_FLAGS(CRYPT_MACHINE_KEYSET.0),
            dwKeySpec: key_spec,
            ..CRYPT_KEY_PROV_INFO::default()
        };
        // SAFETY: the context is alive; the texts end with zero, as HSTRING has it, are only read, and outlive the call.
        unsafe {
            let info = Some((&raw const info).cast());
            CertSetCertificateContextProperty(self.0, CERT_KEY_PROV_INFO_PROP_ID, 0, info)
        }
    }

    /// Takes it out of its store.
    pub(super) fn delete(self) -> Result<()> {
        // SAFETY: the call frees the context that it gets, whatever comes of it: a duplicate.
        unsafe { CertDeleteCertificateFromStore(CertDuplicateCertificateContext(Some(self.0))) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it belongs to this value alone.
        let _ = unsafe { CertFreeCertificateContext(Some(self.0)) };
    }
}

/// # Safety
/// `text` ends with zero, unless there is none.
unsafe fn text(text: PWSTR) -> String {
    // SAFETY: as the caller has it.
    if text.is_null() { String::new() } else { String::from_utf16_lossy(unsafe { text.as_wide() }) }
}
