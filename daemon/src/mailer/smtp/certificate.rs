//! Server certificates for people: what they need in order to trust one, or to pin it.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::transcript::printable;
use crate::certs::rfc4514;
use crate::mailer::CertificateInfo;

/// Certificates shown of a chain. Usual ones have three; TLS allows any number.
const MOST: usize = 8;

/// As the server sent it, its own certificate first.
pub(in crate::mailer) fn describe_chain(chain: &[CertificateDer<'_>]) -> Vec<CertificateInfo> {
    chain.iter().take(MOST).map(describe).collect()
}

/// SHA-256 of the whole certificate, and of its SubjectPublicKeyInfo if it can be read.
pub(super) fn fingerprints(der: &CertificateDer<'_>) -> ([u8; 32], Option<[u8; 32]>) {
    let key = X509Certificate::from_der(der).ok().map(|(_, parsed)| sha256(parsed.public_key().raw));
    (sha256(der), key)
}

/// Issued by itself.
pub(super) fn is_self_signed(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, parsed)| parsed.subject() == parsed.issuer())
}

fn describe(der: &CertificateDer<'_>) -> CertificateInfo {
    let (sha256, key) = fingerprints(der);
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        return CertificateInfo {
            subject: "unreadable certificate".to_owned(),
            issuer: String::new(),
            not_before: 0,
            not_after: 0,
            sha256,
            public_key_sha256: [0; 32],
            names: Vec::new(),
        };
    };
    CertificateInfo {
        subject: rfc4514(parsed.subject()),
        issuer: rfc4514(parsed.issuer()),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        sha256,
        public_key_sha256: key.unwrap_or_default(),
        names: names(&parsed),
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// DNS names and IP addresses of subjectAltName.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    Some(address.to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn d1_a_certificate_is_described_for_people() {
        let names = ["mail.test".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Fax, Söhne+Co #1\n ");
        params.distinguished_name.push(DnType::CommonName, "mail.test");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let info = describe(certificate.der());
        assert_eq!(info.subject, "CN=mail.test,O=Fax\\, Söhne\\+Co #1\\0A\\ ,C=DE");
        assert_eq!(info.issuer, info.subject);
        assert_eq!(info.names, ["mail.test", "127.0.0.1", "::1"]);
        assert_eq!(info.sha256, sha256(certificate.der()));
        assert_eq!(info.public_key_sha256, sha256(&rcgen::PublicKeyData::subject_public_key_info(&key)));
        assert!(info.not_before < info.not_after);
    }

    #[test]
    fn what_is_no_certificate_is_still_told() {
        let info = describe(&CertificateDer::from(b"garbage".to_vec()));
        assert_eq!(info.subject, "unreadable certificate");
        assert_eq!(info.sha256, sha256(b"garbage"));
    }
}
