//! LOCAL_MACHINE\ROOT.
#![allow(unsafe_code)] // certificates exist as contexts in Windows' memory only

use std::io;
use std::ptr;

use faxpost_proto::security::system_error;
use windows::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_OPEN_STORE_FLAGS, CERT_QUERY_ENCODING_TYPE, CERT_STORE_ADD_ALWAYS,
    CERT_STORE_CTRL_COMMIT, CERT_STORE_PROV_SYSTEM_W, CERT_SYSTEM_STORE_LOCAL_MACHINE,
    CertAddEncodedCertificateToStore, CertCloseStore, CertControlStore, CertDeleteCertificateFromStore,
    HCERTSTORE, X509_ASN_ENCODING,
};
use windows::core::w;

/// A root that this machine trusts as long as this value lives.
pub struct TrustedRoot {
    store: HCERTSTORE,
    root: *const CERT_CONTEXT,
}

impl TrustedRoot {
    /// DER.
    ///
    /// # Errors
    /// This process may not say whom the machine trusts.
    pub fn new(root: &[u8]) -> io::Result<Self> {
        let flags = CERT_OPEN_STORE_FLAGS(CERT_SYSTEM_STORE_LOCAL_MACHINE);
        let no = CERT_QUERY_ENCODING_TYPE::default();
        let name = Some(w!("ROOT").as_ptr().cast());
        let mut added = ptr::null_mut();
        // SAFETY: the name ends with zero and lives for ever; store and context have their owner at once.
        unsafe {
            let store =
                CertOpenStore(CERT_STORE_PROV_SYSTEM_W, no, None, flags, name).map_err(system_error)?;
            let mut trusted = Self { store, root: ptr::null() };
            let to = Some(&raw mut added);
            CertAddEncodedCertificateToStore(Some(store), X509_ASN_ENCODING, root, CERT_STORE_ADD_ALWAYS, to)
                .map_err(system_error)?;
            trusted.root = added;
            trusted.commit().map_err(system_error)?;
            Ok(trusted)
        }
    }

    fn commit(&self) -> windows::core::Result<()> {
        // SAFETY: the store is open as long as `self`.
        unsafe { CertControlStore(self.store, Default::default(), CERT_STORE_CTRL_COMMIT, None) }
    }
}

impl Drop for TrustedRoot {
    fn drop(&mut self) {
        // SAFETY: context and store belong to this value alone; the first call frees the context that it gets.
        unsafe {
            if !self.root.is_null() {
                let _ = CertDeleteCertificateFromStore(self.root);
                let _ = self.commit();
            }
            let _ = CertCloseStore(Some(self.store), 0);
        }
    }
}
