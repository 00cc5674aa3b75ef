//! Windows: CURRENT_USER\MY. No window ever opens: a key for which Windows would have to ask counts as not exportable.

#![allow(unsafe_code)] // certificates and keys exist as raw calls only

use std::ptr;

use sha2::{Digest as _, Sha256};
use windows::Win32::Foundation::{
    NTE_BAD_KEY, NTE_BAD_KEY_STATE, NTE_BAD_TYPE, NTE_NOT_SUPPORTED, NTE_PERM, NTE_SILENT_CONTEXT,
};
use windows::Win32::Security::Cryptography::{
    CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL, CERT_CHAIN_CONTEXT, CERT_CHAIN_PARA, CERT_CONTEXT,
    CERT_KEY_PROV_INFO_PROP_ID, CERT_KEY_SPEC, CERT_OPEN_STORE_FLAGS, CERT_QUERY_ENCODING_TYPE,
    CERT_STORE_ADD_ALWAYS, CERT_STORE_ADD_USE_EXISTING, CERT_STORE_PROV_MEMORY, CERT_STORE_PROV_SYSTEM_W,
    CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_CURRENT_USER, CRYPT_EXPORT, CRYPT_INTEGER_BLOB,
    CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET, CRYPT_SILENT, CertAddCertificateContextToStore,
    CertCloseStore, CertDuplicateCertificateContext, CertEnumCertificatesInStore, CertFreeCertificateChain,
    CertFreeCertificateContext, CertGetCertificateChain, CertGetCertificateContextProperty, CertOpenStore,
    CryptAcquireContextW, CryptDestroyKey, CryptGetKeyParam, CryptGetUserKey, CryptReleaseContext,
    EXPORT_PRIVATE_KEYS, HCERTSTORE, KP_PERMISSIONS, NCRYPT_ALLOW_EXPORT_FLAG, NCRYPT_EXPORT_POLICY_PROPERTY,
    NCRYPT_FLAGS, NCRYPT_HANDLE, NCRYPT_KEY_HANDLE, NCRYPT_PROV_HANDLE, NCRYPT_SILENT_FLAG, NCryptFreeObject,
    NCryptGetProperty, NCryptOpenKey, NCryptOpenStorageProvider, PFXExportCertStoreEx,
    REPORT_NOT_ABLE_TO_EXPORT_PRIVATE_KEY,
};
use windows::Win32::Security::OBJECT_SECURITY_INFORMATION;
use windows::core::{HSTRING, PCWSTR, PWSTR, w};
use zeroize::Zeroizing;

use super::{Error, Exported, UserCertificate};

/// Random bytes in a password: nobody guesses 24.
const PASSWORD_BYTES: usize = 24;

pub(super) fn list() -> Result<Vec<UserCertificate>, Error> {
    let found = Store::users()?.certificates();
    Ok(found
        .iter()
        .map(|certificate| {
            let key = certificate.key();
            let exportable = key.as_ref().is_some_and(Key::exportable);
            UserCertificate { der: certificate.der().to_vec(), has_key: key.is_some(), exportable }
        })
        .collect())
}

pub(super) fn export(sha256: &[u8; 32]) -> Result<Exported, Error> {
    let found = Store::users()?.certificates();
    let found = found.iter().find(|certificate| Sha256::digest(certificate.der())[..] == sha256[..]);
    let certificate = found.ok_or(Error::NotFound)?;
    if !certificate.key().ok_or(Error::NoKey)?.exportable() {
        return Err(Error::NotExportable);
    }
    let parcel = Store::in_memory()?;
    parcel.add(certificate.0, CERT_STORE_ADD_ALWAYS)?;
    for issuer in certificate.issuers() {
        parcel.add(issuer.0, CERT_STORE_ADD_USE_EXISTING)?;
    }
    parcel.pkcs12()
}

fn failed(error: windows::core::Error) -> Error {
    match error.code() {
        NTE_BAD_KEY | NTE_BAD_KEY_STATE | NTE_BAD_TYPE | NTE_NOT_SUPPORTED | NTE_PERM
        | NTE_SILENT_CONTEXT => Error::NotExportable,
        code => Error::Failed(format!("{} ({:#010x})", error.message(), code.0)),
    }
}

struct Store(HCERTSTORE);

impl Store {
    fn users() -> Result<Self, Error> {
        let flags = CERT_SYSTEM_STORE_CURRENT_USER | CERT_STORE_READONLY_FLAG.0;
        // SAFETY: the name ends with zero and lives for ever.
        unsafe {
            let name = w!("MY").as_ptr().cast();
            let flags = CERT_OPEN_STORE_FLAGS(flags);
            CertOpenStore(
                CERT_STORE_PROV_SYSTEM_W,
                CERT_QUERY_ENCODING_TYPE::default(),
                None,
                flags,
                Some(name),
            )
        }
        .map(Self)
        .map_err(failed)
    }

    fn in_memory() -> Result<Self, Error> {
        let none = CERT_QUERY_ENCODING_TYPE::default();
        // SAFETY: a store in memory takes no parameters.
        unsafe { CertOpenStore(CERT_STORE_PROV_MEMORY, none, None, CERT_OPEN_STORE_FLAGS::default(), None) }
            .map(Self)
            .map_err(failed)
    }

    fn certificates(&self) -> Vec<Certificate> {
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
                found.push(Certificate(CertDuplicateCertificateContext(Some(last))));
            }
        }
    }

    fn add(&self, certificate: *const CERT_CONTEXT, disposition: u32) -> Result<(), Error> {
        // SAFETY: the context is alive while its owner is borrowed, and the store is open.
        unsafe { CertAddCertificateContextToStore(Some(self.0), certificate, disposition, None) }
            .map_err(failed)
    }

    /// All that is in it; the keys of all that have one.
    fn pkcs12(&self) -> Result<Exported, Error> {
        let password = password()?;
        let wide = Zeroizing::new(password.encode_utf16().chain([0]).collect::<Vec<u16>>());
        // Issuers have no key: only one that must not leave is an error.
        let flags = EXPORT_PRIVATE_KEYS | REPORT_NOT_ABLE_TO_EXPORT_PRIVATE_KEY;
        let mut blob = CRYPT_INTEGER_BLOB::default();
        // SAFETY: the password ends with zero; the first call only tells the length, and the second writes into memory
        // of that length. All of it outlives the calls.
        unsafe {
            let password = PCWSTR(wide.as_ptr());
            PFXExportCertStoreEx(self.0, &mut blob, password, ptr::null(), flags).map_err(failed)?;
            let mut pkcs12 = Zeroizing::new(vec![0; blob.cbData as usize]);
            blob.pbData = pkcs12.as_mut_ptr();
            PFXExportCertStoreEx(self.0, &mut blob, password, ptr::null(), flags).map_err(failed)?;
            pkcs12.truncate(blob.cbData as usize);
            Ok(Exported {
                pkcs12,
                password: Zeroizing::new(String::from_utf16_lossy(&wide[..wide.len() - 1])),
            })
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here; contexts that are still alive keep what they need.
        let _ = unsafe { CertCloseStore(Some(self.0), 0) };
    }
}

/// A certificate's context of its own.
struct Certificate(*const CERT_CONTEXT);

impl Certificate {
    fn der(&self) -> &[u8] {
        // SAFETY: the context is alive as long as `self`, and nobody writes to its bytes.
        unsafe {
            let context = &*self.0;
            std::slice::from_raw_parts(context.pbCertEncoded, context.cbCertEncoded as usize)
        }
    }

    /// Where its key is, if it has one.
    fn key(&self) -> Option<Key> {
        let mut bytes = 0;
        // SAFETY: the context is alive; the first call only tells the length, and the second writes into memory of that
        // length, aligned for its pointers, which lead into the same memory. The texts are copied before it goes.
        unsafe {
            CertGetCertificateContextProperty(self.0, CERT_KEY_PROV_INFO_PROP_ID, None, &mut bytes).ok()?;
            let room = (bytes as usize).max(size_of::<CRYPT_KEY_PROV_INFO>()).div_ceil(8);
            let mut answer = vec![0_u64; room];
            let to = Some(answer.as_mut_ptr().cast());
            CertGetCertificateContextProperty(self.0, CERT_KEY_PROV_INFO_PROP_ID, to, &mut bytes).ok()?;
            let info = &*answer.as_ptr().cast::<CRYPT_KEY_PROV_INFO>();
            Some(Key {
                container: text(info.pwszContainerName),
                provider: text(info.pwszProvName),
                provider_type: info.dwProvType,
                of_machine: info.dwFlags.0 & CRYPT_MACHINE_KEYSET.0,
                key_spec: info.dwKeySpec,
            })
        }
    }

    /// From the issuer upwards, as far as they are at hand. Nothing is fetched.
    fn issuers(&self) -> Vec<Self> {
        let question =
            CERT_CHAIN_PARA { cbSize: size_of::<CERT_CHAIN_PARA>() as u32, ..CERT_CHAIN_PARA::default() };
        let mut chain: *mut CERT_CHAIN_CONTEXT = ptr::null_mut();
        let offline = CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL;
        // SAFETY: the context is alive and the question whole. The answer has as many chains and elements as it says; it
        // is freed after what is kept of it was duplicated.
        unsafe {
            if CertGetCertificateChain(None, self.0, None, None, &question, offline, None, &mut chain)
                .is_err()
            {
                return Vec::new();
            }
            let mut issuers = Vec::new();
            if (*chain).cChain > 0 {
                let first = &**(*chain).rgpChain;
                let elements = std::slice::from_raw_parts(first.rgpElement, first.cElement as usize);
                issuers.extend(
                    elements
                        .iter()
                        .skip(1)
                        .map(|element| Self(CertDuplicateCertificateContext(Some((**element).pCertContext)))),
                );
            }
            CertFreeCertificateChain(chain);
            issuers
        }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: a duplicate that belongs to this value alone.
        let _ = unsafe { CertFreeCertificateContext(Some(self.0)) };
    }
}

struct Key {
    container: HSTRING,
    provider: HSTRING,
    /// 0 for CNG.
    provider_type: u32,
    /// CRYPT_MACHINE_KEYSET, or nothing; CNG has the same number for it.
    of_machine: u32,
    key_spec: u32,
}

impl Key {
    fn exportable(&self) -> bool {
        let answer = if self.provider_type == 0 { self.cng_exportable() } else { self.capi_exportable() };
        answer.unwrap_or(false)
    }

    fn capi_exportable(&self) -> windows::core::Result<bool> {
        let (mut context, mut key) = (0, 0);
        let (mut permissions, mut bytes) = ([0_u8; 4], 4);
        // SAFETY: the texts end with zero, as HSTRING has it; both handles are closed before the function ends, and the
        // answer has the length that is said.
        unsafe {
            let flags = CRYPT_SILENT | self.of_machine;
            CryptAcquireContextW(&mut context, &self.container, &self.provider, self.provider_type, flags)?;
            let answer = CryptGetUserKey(context, self.key_spec, &mut key).and_then(|()| {
                let to = Some(permissions.as_mut_ptr());
                let answer = CryptGetKeyParam(key, KP_PERMISSIONS, to, &mut bytes, 0);
                let _ = CryptDestroyKey(key);
                answer
            });
            let _ = CryptReleaseContext(context, 0);
            answer?;
        }
        Ok(u32::from_le_bytes(permissions) & CRYPT_EXPORT != 0)
    }

    fn cng_exportable(&self) -> windows::core::Result<bool> {
        let (mut provider, mut key) = (NCRYPT_PROV_HANDLE::default(), NCRYPT_KEY_HANDLE::default());
        let (mut policy, mut bytes) = ([0_u8; 4], 0);
        let silent = NCRYPT_FLAGS(NCRYPT_SILENT_FLAG.0 | self.of_machine);
        // SAFETY: as above.
        unsafe {
            NCryptOpenStorageProvider(&mut provider, &self.provider, 0)?;
            let opened =
                NCryptOpenKey(provider, &mut key, &self.container, CERT_KEY_SPEC(self.key_spec), silent);
            let answer = opened.and_then(|()| {
                let to = Some(&mut policy[..]);
                let no = OBJECT_SECURITY_INFORMATION::default();
                let answer = NCryptGetProperty(
                    NCRYPT_HANDLE(key.0),
                    NCRYPT_EXPORT_POLICY_PROPERTY,
                    to,
                    &mut bytes,
                    no,
                );
                let _ = NCryptFreeObject(NCRYPT_HANDLE(key.0));
                answer
            });
            let _ = NCryptFreeObject(NCRYPT_HANDLE(provider.0));
            answer?;
        }
        Ok(u32::from_le_bytes(policy) & NCRYPT_ALLOW_EXPORT_FLAG != 0)
    }
}

/// # Safety
/// `text` ends with zero, unless there is none.
unsafe fn text(text: PWSTR) -> HSTRING {
    // SAFETY: as the caller has it.
    if text.is_null() { HSTRING::new() } else { unsafe { text.to_hstring() } }
}

fn password() -> Result<Zeroizing<String>, Error> {
    let mut bytes = Zeroizing::new([0_u8; PASSWORD_BYTES]);
    getrandom::fill(&mut *bytes).map_err(|error| Error::Failed(error.to_string()))?;
    let mut password = Zeroizing::new(String::with_capacity(2 * PASSWORD_BYTES));
    for byte in *bytes {
        password
            .extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use windows::Win32::Security::Cryptography::{
        AT_SIGNATURE, CALG_RSA_SIGN, CERT_CREATE_SELFSIGN_FLAGS, CERT_STORE_CTRL_COMMIT, CRYPT_DELETEKEYSET,
        CRYPT_EXPORTABLE, CRYPT_KEY_FLAGS, CRYPT_NEWKEYSET, CertControlStore, CertCreateCertificateContext,
        CertCreateSelfSignCertificate, CertDeleteCertificateFromStore, CryptGenKey,
        HCRYPTPROV_OR_NCRYPT_KEY_HANDLE, PROV_RSA_AES, X509_ASN_ENCODING,
    };

    use super::*;

    /// Takes the test's certificate and key out again.
    struct Mine {
        container: HSTRING,
        der: Vec<u8>,
    }

    /// CN=a, as a name is encoded.
    const NAME: [u8; 14] = [0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, b'a'];

    impl Mine {
        /// A certificate in the user's own store, with an RSA key of the legacy CryptoAPI.
        fn new(container: &str, exportable: bool, with_key: bool) -> Self {
            let container = HSTRING::from(format!("faxpost-test-{container}-{}", std::process::id()));
            let (mut context, mut key) = (0, 0);
            let size = CRYPT_KEY_FLAGS(2048 << 16);
            let flags = if exportable { size | CRYPT_EXPORTABLE } else { size };
            let name = CRYPT_INTEGER_BLOB { cbData: 14, pbData: NAME.as_ptr().cast_mut() };
            // SAFETY: the texts end with zero, as HSTRING has it; all of it outlives the calls, and the handles and the
            // context are closed below.
            unsafe {
                CryptAcquireContextW(
                    &mut context,
                    &container,
                    PCWSTR::null(),
                    PROV_RSA_AES,
                    CRYPT_NEWKEYSET | CRYPT_SILENT,
                )
                .unwrap();
                CryptGenKey(context, CALG_RSA_SIGN, flags, &mut key).unwrap();
                CryptDestroyKey(key).unwrap();
                let info = CRYPT_KEY_PROV_INFO {
                    pwszContainerName: PWSTR(container.as_ptr().cast_mut()),
                    dwProvType: PROV_RSA_AES,
                    dwKeySpec: AT_SIGNATURE.0,
                    ..CRYPT_KEY_PROV_INFO::default()
                };
                let handle = HCRYPTPROV_OR_NCRYPT_KEY_HANDLE(context);
                let no = CERT_CREATE_SELFSIGN_FLAGS::default();
                let made = CertCreateSelfSignCertificate(
                    Some(handle),
                    &name,
                    no,
                    Some(&info),
                    None,
                    None,
                    None,
                    None,
                );
                assert!(!made.is_null());
                let made = Certificate(made);
                CryptReleaseContext(context, 0).unwrap();
                let der = made.der().to_vec();
                let store = Self::open();
                if with_key {
                    store.add(made.0, CERT_STORE_ADD_ALWAYS).unwrap();
                } else {
                    let bare = Certificate(CertCreateCertificateContext(X509_ASN_ENCODING, &der));
                    store.add(bare.0, CERT_STORE_ADD_ALWAYS).unwrap();
                }
                CertControlStore(store.0, Default::default(), CERT_STORE_CTRL_COMMIT, None).unwrap();
                Self { container, der }
            }
        }

        /// To be changed.
        fn open() -> Store {
            let flags = CERT_OPEN_STORE_FLAGS(CERT_SYSTEM_STORE_CURRENT_USER);
            let no = CERT_QUERY_ENCODING_TYPE::default();
            let name = Some(w!("MY").as_ptr().cast());
            // SAFETY: the name ends with zero and lives for ever.
            Store(unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, no, None, flags, name) }.unwrap())
        }

        fn listed(&self) -> (bool, bool) {
            let listed = list().unwrap().into_iter().find(|found| found.der == self.der).unwrap();
            (listed.has_key, listed.exportable)
        }

        fn export(&self) -> Result<Exported, Error> {
            export(&Sha256::digest(&self.der).into())
        }
    }

    impl Drop for Mine {
        fn drop(&mut self) {
            let store = Self::open();
            let mut none = 0;
            // SAFETY: the call frees the context that it gets: a duplicate.
            unsafe {
                for certificate in store.certificates().iter().filter(|found| found.der() == self.der) {
                    let _ =
                        CertDeleteCertificateFromStore(CertDuplicateCertificateContext(Some(certificate.0)));
                }
                let _ = CertControlStore(store.0, Default::default(), CERT_STORE_CTRL_COMMIT, None);
                let flags = CRYPT_DELETEKEYSET | CRYPT_SILENT;
                let _ = CryptAcquireContextW(&mut none, &self.container, PCWSTR::null(), PROV_RSA_AES, flags);
            }
        }
    }

    /// One test: Wine's user store takes one writer at a time.
    #[test]
    fn c1_c4_the_users_own_store_says_what_it_would_hand_out() {
        let open = Mine::new("open", true, true);
        let closed = Mine::new("closed", false, true);
        let bare = Mine::new("bare", true, false);
        assert_eq!(open.listed(), (true, true));
        assert_eq!(closed.listed(), (true, false));
        assert_eq!(bare.listed(), (false, false));

        assert_eq!(closed.export().err(), Some(Error::NotExportable));
        assert_eq!(bare.export().err(), Some(Error::NoKey));
        match open.export() {
            Ok(exported) => {
                assert_eq!(exported.pkcs12.first(), Some(&0x30));
                assert_eq!(exported.password.len(), 2 * PASSWORD_BYTES);
            }
            // Wine's PFXExportCertStoreEx does nothing.
            Err(Error::Failed(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn c4_a_certificate_that_is_not_there_is_said() {
        assert!(matches!(export(&[7; 32]), Err(Error::NotFound)));
    }

    #[test]
    fn c4_every_password_is_another_one() {
        let passwords = [password().unwrap(), password().unwrap()];
        assert_ne!(passwords[0], passwords[1]);
        assert!(passwords.iter().all(|password| password.len() == 2 * PASSWORD_BYTES));
    }
}
