//! What a certificate (RFC 5280) says. It is bytes from outside: bounded, and what cannot be read is an error, never a
//! panic.

use sha2::{Digest as _, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::key::KeyAlgorithm;
use super::name::rfc4514;
use super::store::Fingerprint;

/// Larger than certificates with logos or hundreds of names are.
pub(super) const MAX_CERTIFICATE: usize = 64 * 1024;

/// otherName of RFC 9598: an address whose local part is not ASCII.
const SMTP_UTF8_MAILBOX: &str = "1.3.6.1.5.5.7.8.9";

/// A certificate, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// SHA-256 of the DER certificate.
    pub sha256: Fingerprint,
    /// SHA-1, the "thumbprint" of Windows.
    pub sha1: [u8; 20],
    /// RFC 4514.
    pub subject: String,
    /// RFC 4514.
    pub issuer: String,
    /// Lower-case hex.
    pub serial: String,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// rfc822Name and SmtpUTF8Mailbox of subjectAltName, and emailAddress of the subject.
    pub addresses: Vec<String>,
    /// keyUsage, e.g. "digitalSignature"; `None`: not limited.
    pub key_usage: Option<Vec<String>>,
    /// extendedKeyUsage, e.g. "emailProtection"; `None`: not limited.
    pub extended_key_usage: Option<Vec<String>>,
    /// e.g. "RSA 2048", "EC P-256".
    pub key_algorithm: String,
    /// How its key signs here; `None`: it does not.
    pub signs_with: Option<KeyAlgorithm>,
    /// e.g. "sha256WithRSAEncryption".
    pub signature_algorithm: String,
    /// It may issue certificates (basicConstraints).
    pub authority: bool,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
}

impl Details {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// Why it is none, as the end of a sentence.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let certificate = parse(der)?;
        let subject = certificate.subject();
        let algorithm = &certificate.signature_algorithm;
        let (key_algorithm, signs_with) = key(certificate.public_key());
        let mut details = Self {
            sha256: Sha256::digest(der).into(),
            sha1: sha1(der),
            subject: rfc4514(subject),
            issuer: rfc4514(certificate.issuer()),
            serial: hex::encode(certificate.raw_serial()),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            addresses: Vec::new(),
            key_usage: None,
            extended_key_usage: None,
            key_algorithm,
            signs_with,
            signature_algorithm: signature_algorithm(algorithm),
            authority: false,
            public_key: certificate.public_key().raw.to_vec(),
        };
        for extension in certificate.extensions() {
            details.extension(extension.parsed_extension());
        }
        let of_subject = subject.iter_email().filter_map(|address| address.as_str().ok());
        for address in of_subject {
            details.address(address);
        }
        Ok(details)
    }

    /// Its name in the API.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(self.sha256)
    }

    fn extension(&mut self, extension: &ParsedExtension<'_>) {
        match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in &names.general_names {
                    match name {
                        GeneralName::RFC822Name(address) => self.address(address),
                        GeneralName::OtherName(oid, value) if oid.to_id_string() == SMTP_UTF8_MAILBOX => {
                            if let Some(address) = utf8(value) {
                                self.address(address);
                            }
                        }
                        _ => {}
                    }
                }
            }
            ParsedExtension::KeyUsage(usage) => {
                let named = [
                    (usage.digital_signature(), "digitalSignature"),
                    (usage.non_repudiation(), "nonRepudiation"),
                    (usage.key_encipherment(), "keyEncipherment"),
                    (usage.data_encipherment(), "dataEncipherment"),
                    (usage.key_agreement(), "keyAgreement"),
                    (usage.key_cert_sign(), "keyCertSign"),
                    (usage.crl_sign(), "cRLSign"),
                    (usage.encipher_only(), "encipherOnly"),
                    (usage.decipher_only(), "decipherOnly"),
                ];
                self.key_usage = Some(chosen(&named));
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let mut names = chosen(&[
                    (usage.any, "anyExtendedKeyUsage"),
                    (usage.email_protection, "emailProtection"),
                    (usage.client_auth, "clientAuth"),
                    (usage.server_auth, "serverAuth"),
                    (usage.code_signing, "codeSigning"),
                    (usage.time_stamping, "timeStamping"),
                    (usage.ocsp_signing, "OCSPSigning"),
                ]);
                names.extend(usage.other.iter().map(ToString::to_string));
                self.extended_key_usage = Some(names);
            }
            ParsedExtension::BasicConstraints(constraints) => self.authority = constraints.ca,
            _ => {}
        }
    }

    fn address(&mut self, address: &str) {
        let known = self.addresses.iter().any(|known| known == address);
        // Shown to people: what would move a cursor is no address.
        if !known && !address.is_empty() && !address.contains(super::name::dangerous) {
            self.addresses.push(address.to_owned());
        }
    }
}

/// One certificate, and nothing behind it.
///
/// # Errors
/// Why it is none, as the end of a sentence.
pub(super) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    if der.len() > MAX_CERTIFICATE {
        return Err(format!("is larger than {MAX_CERTIFICATE} octets"));
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err("has something behind its end".to_owned()),
        Err(_) => Err("is not an X.509 certificate, or is damaged".to_owned()),
    }
}

/// Whether a signature over `message` is by this certificate's key.
#[must_use]
pub fn verifies(details: &Details, algorithm: KeyAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
    };
    let Ok((_, info)) = SubjectPublicKeyInfo::from_der(&details.public_key) else { return false };
    let by: &dyn VerificationAlgorithm = match algorithm {
        KeyAlgorithm::Rsa => &RSA_PKCS1_2048_8192_SHA256,
        KeyAlgorithm::EcP256 => &ECDSA_P256_SHA256_ASN1,
    };
    details.signs_with == Some(algorithm)
        && UnparsedPublicKey::new(by, &info.subject_public_key.data).verify(message, signature).is_ok()
}

pub(super) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    // The digest of this algorithm has this length.
    digest.as_ref().try_into().unwrap_or_default()
}

fn chosen(named: &[(bool, &str)]) -> Vec<String> {
    named.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect()
}

/// The UTF8String in `[0] EXPLICIT`.
fn utf8(value: &[u8]) -> Option<&str> {
    let value = element(value, 0xa0).unwrap_or(value);
    std::str::from_utf8(element(value, 0x0c)?).ok()
}

/// The content of a DER element of this tag that fills `bytes`.
fn element(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    match bytes {
        [found, length @ 0..=0x7f, rest @ ..] if *found == tag && rest.len() == usize::from(*length) => {
            Some(rest)
        }
        [found, 0x81, length, rest @ ..] if *found == tag && rest.len() == usize::from(*length) => Some(rest),
        _ => None,
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> (String, Option<KeyAlgorithm>) {
    let oid = &info.algorithm.algorithm;
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => {
            let bits = modulus_bits(key.modulus);
            let signs = (2048..=4096).contains(&bits).then_some(KeyAlgorithm::Rsa);
            (format!("RSA {bits}"), signs)
        }
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match curve {
                Some(curve) if curve == oid_registry::OID_EC_P256 => {
                    ("EC P-256".to_owned(), Some(KeyAlgorithm::EcP256))
                }
                Some(curve) if curve == oid_registry::OID_NIST_EC_P384 => ("EC P-384".to_owned(), None),
                Some(curve) if curve == oid_registry::OID_NIST_EC_P521 => ("EC P-521".to_owned(), None),
                Some(curve) => (format!("EC {}", curve.to_id_string()), None),
                None => ("EC".to_owned(), None),
            }
        }
        _ if *oid == oid_registry::OID_SIG_ED25519 => ("Ed25519".to_owned(), None),
        _ => (oid.to_id_string(), None),
    }
}

fn modulus_bits(modulus: &[u8]) -> usize {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros).map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    modulus.len().saturating_sub(zeros + 1) * 8 + first
}

fn signature_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let oid = algorithm.algorithm.to_id_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        _ => return oid,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{DnType, ExtendedKeyUsagePurpose as Purpose, KeyUsagePurpose, SanType};

    use super::super::test_pki::{Kind, Pki, key_pair};
    use super::*;

    #[test]
    fn c2_a_certificate_says_what_it_is() {
        let pki = Pki::new(Kind::EcP256);
        let mut params = pki.params("fax@Example.com");
        params.distinguished_name.push(DnType::OrganizationName, "Fax, GmbH");
        params.subject_alt_names.push(SanType::Rfc822Name("second@example.com".try_into().unwrap()));
        params.subject_alt_names.push(SanType::DnsName("example.com".try_into().unwrap()));
        let details = Details::read(&pki.issue(params, Kind::EcP256).certificate).unwrap();
        assert_eq!(details.subject, "O=Fax\\, GmbH,CN=fax@Example.com");
        assert_eq!(details.issuer, "CN=Test Intermediate CA");
        assert_eq!(details.addresses, ["fax@Example.com", "second@example.com"]);
        assert_eq!(details.key_usage.unwrap(), ["digitalSignature"]);
        assert_eq!(details.extended_key_usage.unwrap(), ["emailProtection"]);
        assert_eq!(
            (details.key_algorithm.as_str(), details.signs_with),
            ("EC P-256", Some(KeyAlgorithm::EcP256))
        );
        assert_eq!(details.signature_algorithm, "ecdsa-with-SHA256");
        assert!(!details.authority && details.not_before < details.not_after);
    }

    #[test]
    fn c2_usages_are_told_by_their_names_and_absent_ones_as_no_limit() {
        let pki = Pki::new(Kind::EcP256);
        let mut params = pki.params("fax@example.com");
        params.key_usages = vec![KeyUsagePurpose::ContentCommitment, KeyUsagePurpose::KeyAgreement];
        params.extended_key_usages = vec![Purpose::Any, Purpose::Other(vec![1, 2, 840, 1])];
        let details = Details::read(&pki.issue(params, Kind::EcP256).certificate).unwrap();
        assert_eq!(details.key_usage.unwrap(), ["nonRepudiation", "keyAgreement"]);
        assert_eq!(details.extended_key_usage.unwrap(), ["anyExtendedKeyUsage", "1.2.840.1"]);

        let mut params = pki.params("fax@example.com");
        (params.key_usages, params.extended_key_usages) = (Vec::new(), Vec::new());
        let details = Details::read(&pki.issue(params, Kind::EcP256).certificate).unwrap();
        assert_eq!((details.key_usage, details.extended_key_usage), (None, None));
    }

    #[test]
    fn c2_an_address_of_the_subject_and_one_in_utf8_count() {
        let pki = Pki::new(Kind::EcP256);
        let mut params = pki.params("x");
        params.subject_alt_names.clear();
        params
            .distinguished_name
            .push(DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]), "old@example.com");
        let mailbox = rcgen::OtherNameValue::Utf8String("факс@example.com".to_owned());
        params.subject_alt_names.push(SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 9], mailbox)));
        let details = Details::read(&pki.issue(params, Kind::EcP256).certificate).unwrap();
        assert_eq!(details.addresses, ["факс@example.com", "old@example.com"]);
    }

    #[test]
    fn c7_only_keys_that_sign_here_have_an_algorithm() {
        let pki = Pki::new(Kind::EcP256);
        let certificate =
            |kind| Details::read(&pki.issue(pki.params("a@example.com"), kind).certificate).unwrap();
        let found = |kind| {
            let details = certificate(kind);
            (details.key_algorithm, details.signs_with)
        };
        assert_eq!(found(Kind::Rsa2048), ("RSA 2048".to_owned(), Some(KeyAlgorithm::Rsa)));
        assert_eq!(found(Kind::EcP384), ("EC P-384".to_owned(), None));
        assert_eq!(found(Kind::Ed25519), ("Ed25519".to_owned(), None));
        assert_eq!(certificate(Kind::Rsa2048).public_key, {
            let key = key_pair(Kind::Rsa2048);
            rcgen::PublicKeyData::subject_public_key_info(&key)
        });
    }

    proptest! {
        #[test]
        fn garbage_truncated_and_altered_certificates_are_errors_or_read(
            garbage in proptest::collection::vec(any::<u8>(), 0..300), cut in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let pki = Pki::new(Kind::EcP256);
            let mut der = pki.issue(pki.params("fax@example.com"), Kind::EcP256).certificate;
            prop_assert!(Details::read(&der[..cut.index(der.len())]).is_err());
            let _ = Details::read(&garbage);
            // Before it is altered: the length may come to be one more.
            der.push(0);
            prop_assert!(Details::read(&der).is_err());
            der.pop();
            let at = at.index(der.len());
            der[at] = byte;
            let _ = Details::read(&der);
        }
    }
}
