//! The machine's certificate store on Windows: what is installed, who may use its key, and what it signs.
//!
//! Under Wine CNG keeps no keys, so these are keys of the legacy CryptoAPI there; on Windows they are CNG's.
#![cfg(windows)]
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use faxpost_proto::security::{ADMINISTRATORS, SYSTEM, Token};
use faxpost_tests::pki::{Issued, Kind, Pki, pem};
use faxpost_tests::restricted::spawn_restricted;
use faxpostd::certs::{
    CertificateStore, Fingerprint, Identity, KeyAlgorithm, KeyError, KeyReference, KeyType, PendingKey,
    SigningKey, StoreFault, Stored, Trustee, machine_store, open_key,
};
use faxpostd::message::smime::{Mode, Signer, check_signature, sign};
use faxpostd::message::{Content, Draft};
use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const ADDRESS: &str = "fax@example.test";
const MESSAGE: &[u8] = b"a message to sign";

const NETWORK_SERVICE: &str = "S-1-5-20";
const LOCAL_SERVICE: &str = "S-1-5-19";

/// Takes what a test installed out again, however the test ends.
struct Installed {
    store: Arc<dyn CertificateStore>,
    stored: Stored,
}

impl Installed {
    fn new(issued: &Issued, exportable: bool) -> Self {
        let store = store();
        let stored = store.install(&identity(issued), exportable).unwrap();
        Self { store, stored }
    }

    fn key(&self) -> &KeyReference {
        self.stored.key.as_ref().unwrap()
    }

    fn listed(&self) -> Option<Stored> {
        listed(&*self.store, &self.stored.certificate)
    }

    fn holders(&self) -> Vec<(String, bool, bool)> {
        let holders = self.store.holders(self.key()).unwrap();
        holders.into_iter().map(|holder| (holder.trustee.id, holder.full, holder.builtin)).collect()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = self.store.delete(&fingerprint(&self.stored.certificate));
    }
}

fn store() -> Arc<dyn CertificateStore> {
    machine_store(Path::new(r"C:\no\such\folder")).unwrap()
}

fn identity(issued: &Issued) -> Identity {
    Identity {
        certificate: issued.certificate.clone(),
        chain: issued.chain.clone(),
        key: Zeroizing::new(issued.key.clone()),
    }
}

fn fingerprint(certificate: &[u8]) -> Fingerprint {
    Sha256::digest(certificate).into()
}

fn listed(store: &dyn CertificateStore, certificate: &[u8]) -> Option<Stored> {
    store.list().unwrap().into_iter().find(|stored| stored.certificate == certificate)
}

fn rsa() -> Issued {
    Pki::new(Kind::EcP256).person(ADDRESS, Kind::Rsa2048)
}

fn other_rsa() -> Issued {
    Pki::new(Kind::EcP256).person("other@example.test", Kind::OtherRsa2048)
}

/// Whether a signature is by a certificate's key.
fn verifies(certificate: &[u8], signature: &[u8]) -> bool {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
    let key = certificate.public_key().subject_public_key.data.to_vec();
    verifies_with(&key, signature)
}

fn verifies_with(key: &[u8], signature: &[u8]) -> bool {
    let is_point = key.first() == Some(&4);
    let by = |algorithm: &'static dyn ring::signature::VerificationAlgorithm| {
        UnparsedPublicKey::new(algorithm, key).verify(MESSAGE, signature).is_ok()
    };
    if is_point { by(&ECDSA_P256_SHA256_ASN1) } else { by(&RSA_PKCS1_2048_8192_SHA256) }
}

/// Signs as a client without an administrator's rights.
fn sign_restricted(key: &KeyReference) -> Result<Vec<u8>, String> {
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let program: PathBuf = folder.join("sign.exe");
    assert!(program.is_file(), "{} is built with these tests", program.display());
    let key = serde_json::to_string(key).unwrap();
    let message = std::str::from_utf8(MESSAGE).unwrap();
    let (code, said) = spawn_restricted(&program, &[&key, message]).unwrap();
    let said = said.trim().to_owned();
    match code {
        0 => Ok(hex::decode(said).unwrap()),
        1 => Err(said),
        _ => panic!("{code}: {said}"),
    }
}

/// The account that the restricted client has, too.
fn own() -> Trustee {
    store().trustee(&Token::own().unwrap().facts().unwrap().user).unwrap()
}

#[test]
fn c4_a_certificate_is_installed_listed_signs_and_is_deleted() {
    let issued = rsa();
    let installed = Installed::new(&issued, false);
    assert_eq!(installed.stored.certificate, issued.certificate);
    assert_eq!(installed.stored.chain.first(), issued.chain.first(), "its intermediate came along");
    assert!(!installed.stored.exportable);

    // As another process sees it: nothing is only in this store's memory.
    let listed = installed.listed().unwrap();
    assert_eq!(listed.key, installed.stored.key);
    assert!(!listed.exportable);
    let key = open_key(installed.key()).unwrap();
    assert_eq!(key.algorithm(), KeyAlgorithm::Rsa);
    assert!(verifies(&issued.certificate, &key.sign(MESSAGE).unwrap()));
    assert!(!verifies(&issued.certificate, &key.sign(b"another message").unwrap()));
    drop(key);

    let authorities = installed.store.authorities().unwrap();
    assert!(authorities.intermediates.contains(&issued.chain[0]));
    assert!(!authorities.roots.contains(&issued.chain[1]), "a root is not trusted by the way");

    installed.store.delete(&fingerprint(&issued.certificate)).unwrap();
    assert!(installed.listed().is_none());
    assert!(matches!(open_key(installed.key()), Err(KeyError::Missing)), "the key went with it");
    assert_eq!(installed.store.delete(&fingerprint(&issued.certificate)), Err(StoreFault::NotFound));
}

#[test]
fn c4_a_second_certificate_leaves_the_first_ones_key_alone() {
    let (one, two) = (rsa(), other_rsa());
    let first = Installed::new(&one, false);
    let second = Installed::new(&two, true);
    assert_ne!(first.key(), second.key());
    for (installed, issued) in [(&first, &one), (&second, &two)] {
        let signature = open_key(installed.key()).unwrap().sign(MESSAGE).unwrap();
        assert!(verifies(&issued.certificate, &signature));
    }
    assert!(second.listed().unwrap().exportable && !first.listed().unwrap().exportable);

    drop(second);
    let signature = open_key(first.key()).unwrap().sign(MESSAGE).unwrap();
    assert!(verifies(&one.certificate, &signature));
}

#[test]
fn c4_installed_again_it_keeps_its_key_and_who_may_use_it() {
    let issued = rsa();
    let installed = Installed::new(&issued, false);
    let service = installed.store.service_account().unwrap();
    installed.store.grant(installed.key(), &service).unwrap();
    let holders = installed.holders();

    let again = installed.store.install(&identity(&issued), true).unwrap();
    assert_eq!(again.key, installed.stored.key);
    assert!(!again.exportable, "it does not become exportable by the way");
    assert_eq!(installed.holders(), holders);
    let all = installed.store.list().unwrap();
    assert_eq!(all.iter().filter(|stored| stored.certificate == issued.certificate).count(), 1);
}

#[test]
fn c4_a_certificate_that_cannot_be_installed_leaves_nothing() {
    let (issued, others) = (rsa(), other_rsa());
    let store = store();
    let mut broken_chain = identity(&issued);
    broken_chain.chain.push(b"no certificate".to_vec());
    let anothers_key = Identity { key: Zeroizing::new(others.key), ..identity(&issued) };
    let no_key = Identity { key: Zeroizing::new(Vec::new()), ..identity(&issued) };
    let no_certificate = Identity { certificate: b"no certificate".to_vec(), ..identity(&issued) };
    for identity in [broken_chain, anothers_key, no_key, no_certificate] {
        assert!(store.install(&identity, false).is_err());
        assert!(listed(&*store, &issued.certificate).is_none());
        assert!(!store.authorities().unwrap().intermediates.contains(&issued.chain[0]));
    }
}

/// CNG alone keeps keys on curves; where it keeps none, that is said.
#[test]
fn c4_a_key_on_p256_is_kept_by_cng_or_refused() {
    let issued = Pki::new(Kind::EcP256).person(ADDRESS, Kind::EcP256);
    let store = store();
    match store.install(&identity(&issued), false) {
        Ok(stored) => {
            let installed = Installed { store, stored };
            assert!(matches!(installed.key(), KeyReference::Cng { .. }));
            let key = open_key(installed.key()).unwrap();
            assert_eq!(key.algorithm(), KeyAlgorithm::EcP256);
            assert!(verifies(&issued.certificate, &key.sign(MESSAGE).unwrap()));
        }
        Err(StoreFault::Unsupported(why)) => {
            assert!(why.contains("CNG") && why.contains("only RSA"), "{why}");
            assert!(listed(&*store, &issued.certificate).is_none());
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn c5_an_account_signs_only_between_grant_and_revoke() {
    let issued = rsa();
    let installed = Installed::new(&issued, false);
    let (store, key) = (&installed.store, installed.key());
    let builtin = [(SYSTEM.to_owned(), true, true), (ADMINISTRATORS.to_owned(), true, true)];
    assert_eq!(installed.holders(), builtin, "a new key is nobody else's");
    let own = own();
    assert_eq!(sign_restricted(key), Err("Missing".to_owned()), "Windows says so of what may not be seen");

    // Somebody else's right is not his.
    let service = store.service_account().unwrap();
    store.grant(key, &service).unwrap();
    assert_eq!(sign_restricted(key), Err("Missing".to_owned()));
    let before = installed.holders();

    store.grant(key, &own).unwrap();
    store.grant(key, &own).unwrap();
    let granted = [before.clone(), vec![(own.id.clone(), false, false)]].concat();
    assert_eq!(installed.holders(), granted, "one entry more, once");
    assert!(store.may_use(key, &own).unwrap());
    assert!(verifies(&issued.certificate, &sign_restricted(key).unwrap()));

    store.revoke(key, &own).unwrap();
    assert_eq!(installed.holders(), before, "the others' entries are as they were");
    assert_eq!(sign_restricted(key), Err("Missing".to_owned()));
    store.revoke(key, &own).unwrap();
    assert_eq!(installed.holders(), before);
    // Who may always, goes on.
    assert!(verifies(&issued.certificate, &open_key(key).unwrap().sign(MESSAGE).unwrap()));
}

#[test]
fn c5_what_cannot_be_granted_or_revoked_is_said() {
    let installed = Installed::new(&rsa(), false);
    let (store, key) = (&installed.store, installed.key());
    let account = |id: &str| store.trustee(id).unwrap();
    for builtin in [SYSTEM, ADMINISTRATORS] {
        assert!(matches!(store.revoke(key, &account(builtin)), Err(StoreFault::Builtin(_))));
        assert!(matches!(store.grant(key, &account(builtin)), Err(StoreFault::Builtin(_))));
        assert!(store.may_use(key, &account(builtin)).unwrap());
    }
    for everybody in ["S-1-1-0", "S-1-5-11", "S-1-5-32-545"] {
        let refused = store.grant(key, &account(everybody)).unwrap_err();
        assert!(refused.to_string().contains("nearly everybody"), "{refused}");
    }
    let nobody = account("S-1-5-21-1-2-3-4444");
    assert_eq!(store.grant(key, &nobody), Err(StoreFault::TrusteeUnknown(nobody.id.clone())));
    store.revoke(key, &nobody).unwrap();
    assert!(!store.may_use(key, &account(LOCAL_SERVICE)).unwrap());
    assert_eq!(installed.holders().len(), 2);

    let gone = KeyReference::Capi {
        provider: "Microsoft Enhanced RSA and AES Cryptographic Provider".to_owned(),
        provider_type: 24,
        container: "faxpost-no-such-container".to_owned(),
        key_spec: 1,
    };
    assert_eq!(store.holders(&gone), Err(StoreFault::NotFound));
    assert_eq!(store.grant(&gone, &account(NETWORK_SERVICE)), Err(StoreFault::NotFound));
}

#[test]
fn c5_an_account_is_known_by_sid_and_by_name() {
    let store = store();
    let service = store.service_account().unwrap();
    assert_eq!(service.id, NETWORK_SERVICE);
    assert_ne!(service.name, NETWORK_SERVICE, "the system has a name for it");
    assert_eq!(store.trustee(&service.name).unwrap(), service);
    let faxpost = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    assert_eq!(store.trustee(faxpost).unwrap().id, faxpost, "a service need not be installed");
    for unknown in ["", "nobody-of-this-name", "S-1-", "uid:0", "a\0b"] {
        assert!(matches!(store.trustee(unknown), Err(StoreFault::TrusteeUnknown(_))), "{unknown:?}");
    }
}

/// Encoded objects (X.690), one after the other: tag, and content.
fn objects(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [tag, length, rest @ ..] = der {
        let digits = if *length < 0x80 { 0 } else { usize::from(length & 0x7f) };
        let long = rest[..digits].iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        let length = if digits == 0 { usize::from(*length) } else { long };
        found.push((*tag, &rest[digits..digits + length]));
        der = &rest[digits + length..];
    }
    found
}

/// What is signed of a ContentInfo (RFC 5652): the enclosed content, if there is one; the signed attributes, as they are
/// hashed; the signature over them.
fn taken_apart(content_info: &[u8]) -> (Option<Vec<u8>>, Vec<u8>, Vec<u8>) {
    let signed_data = objects(objects(objects(content_info)[0].1)[1].1)[0].1;
    let parts = objects(signed_data);
    let enclosed = objects(parts[2].1).get(1).map(|(_, explicit)| objects(explicit)[0].1.to_vec());
    let signer = objects(objects(parts.last().unwrap().1)[0].1);
    let (_, attributes) = signer.iter().find(|(tag, _)| *tag == 0xa0).unwrap();
    // Hashed as the SET that they are, and not with the tag they have there.
    let length = u16::try_from(attributes.len()).unwrap();
    let head = match length {
        0..0x80 => vec![0x31, length as u8],
        0x80..0x100 => vec![0x31, 0x81, length as u8],
        _ => [&[0x31, 0x82][..], &length.to_be_bytes()].concat(),
    };
    let (tag, signature) = *signer.last().unwrap();
    assert_eq!(tag, 4, "no unsigned attributes here");
    (enclosed, [&head, *attributes].concat(), signature.to_vec())
}

/// The body of the last part with such a type, decoded.
fn base64_part(message: &str, content_type: &str) -> Vec<u8> {
    let (_, part) = message.rsplit_once(content_type).unwrap();
    let (_, body) = part.split_once("\r\n\r\n").unwrap();
    BASE64.decode(body.lines().take_while(|line| !line.starts_with("--")).collect::<String>()).unwrap()
}

/// A reader on another system, `tests/run`'s openssl, gets them, too: in the folder `FAXPOST_SIGNED`.
#[test]
fn c7_mail_signed_with_a_key_of_windows_is_good() {
    let pki = Pki::new(Kind::EcP256);
    let issued = pki.person(ADDRESS, Kind::Rsa2048);
    let installed = Installed::new(&issued, false);
    let draft = Draft {
        sender_email: ADDRESS.to_owned(),
        to: vec!["Пётр <petr@example.test>".to_owned()],
        subject: "Входящий факс".to_owned(),
        text: "Три страницы.\n.\nFrom отдела.\n".to_owned(),
        ..Draft::default()
    };
    let mut message = Vec::new();
    draft.compose().unwrap().write_to(&mut message).unwrap();

    let key = open_key(installed.key()).unwrap();
    for (name, mode) in [("clear", Mode::Clear), ("opaque", Mode::Opaque)] {
        let signer = Signer { certificate: &issued.certificate, chain: &installed.stored.chain, key: &*key };
        let signed = sign(Content::Memory(message.clone().into()), mode, signer, SystemTime::now()).unwrap();
        let mut text = String::new();
        signed.reader().unwrap().read_to_string(&mut text).unwrap();

        let kind = if mode == Mode::Clear { "application/pkcs7-signature" } else { "application/pkcs7-mime" };
        let (enclosed, attributes, signature) = taken_apart(&base64_part(&text, kind));
        let content = enclosed.unwrap_or_else(|| {
            let (_, boundary) = text.split_once("boundary=\"").unwrap();
            let line = format!("\r\n--{}", boundary.split_once('"').unwrap().0);
            let (_, first) = text.split_once(&format!("{line}\r\n")).unwrap();
            first.split_once(&line).unwrap().0.as_bytes().to_vec()
        });
        let digest = Sha256::digest(&content);
        assert!(
            attributes.windows(32).any(|window| window == &digest[..]),
            "{name}: another content is signed"
        );
        check_signature(&issued.certificate, &attributes, &signature).unwrap();

        if let Some(folder) = std::env::var_os("FAXPOST_SIGNED").map(PathBuf::from) {
            std::fs::write(folder.join(format!("{name}.eml")), &text).unwrap();
            std::fs::write(folder.join(format!("{name}.pem")), pem("CERTIFICATE", &pki.root())).unwrap();
        }
    }
}

/// A key of the machine, as rcgen signs a request with it.
struct Requesting {
    key: Box<dyn SigningKey>,
    /// The SubjectPublicKeyInfo's bit string.
    public_key: Vec<u8>,
}

impl rcgen::PublicKeyData for Requesting {
    fn der_bytes(&self) -> &[u8] {
        &self.public_key
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.key.algorithm() {
            KeyAlgorithm::Rsa => &rcgen::PKCS_RSA_SHA256,
            KeyAlgorithm::EcP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        }
    }
}

impl rcgen::SigningKey for Requesting {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

fn request(pending: &PendingKey, pki: &Pki) -> String {
    use x509_parser::prelude::FromDer as _;
    let (_, public_key) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&pending.public_key).unwrap();
    let public_key = public_key.subject_public_key.data.to_vec();
    let requesting = Requesting { key: open_key(&pending.key).unwrap(), public_key };
    assert!(verifies_with(&requesting.public_key, &requesting.key.sign(MESSAGE).unwrap()));
    let mut params = pki.params(ADDRESS);
    params.serial_number = None;
    params.use_authority_key_identifier_extension = false;
    params.not_before = rcgen::CertificateParams::default().not_before;
    params.not_after = rcgen::CertificateParams::default().not_after;
    params.serialize_request(&requesting).unwrap().pem().unwrap()
}

#[test]
fn c9_a_key_made_in_the_store_gets_the_cas_answer() {
    let store = store();
    let pki = Pki::new(Kind::EcP256);
    let pending = store.create_key(KeyType::Rsa(2048)).unwrap();
    let answer = pki.answer(&request(&pending, &pki));

    // Somebody else's is refused, and the key goes on waiting.
    let others = other_rsa();
    assert!(matches!(store.complete(&pending, &others.certificate, &[]), Err(StoreFault::Unsupported(_))));
    assert!(listed(&*store, &others.certificate).is_none());

    let stored = store.complete(&pending, &answer, &[pki.intermediate()]).unwrap();
    let installed = Installed { store, stored };
    assert_eq!(installed.listed().unwrap().key.as_ref(), Some(&pending.key));
    assert!(!installed.stored.exportable, "a key that was made here never leaves");
    assert_eq!(installed.stored.chain, [pki.intermediate()]);
    assert_eq!(installed.holders().len(), 2);
    assert!(verifies(&answer, &open_key(&pending.key).unwrap().sign(MESSAGE).unwrap()));
}

#[test]
fn c9_a_key_that_waits_is_discarded() {
    let store = store();
    let pending = store.create_key(KeyType::Rsa(2048)).unwrap();
    assert!(open_key(&pending.key).is_ok());
    store.discard(&pending).unwrap();
    assert!(matches!(open_key(&pending.key), Err(KeyError::Missing)));
    assert_eq!(store.discard(&pending), Err(StoreFault::NotFound));
    for size in [0, 70_000] {
        assert!(store.create_key(KeyType::Rsa(size)).is_err(), "{size}");
    }
}
