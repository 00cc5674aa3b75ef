//! Channel bindings (RFC 5056): what only the two ends of one TLS connection know. Signed together with the password's
//! proof, it shows that nobody sits in between, whatever certificate he has.

use ring::digest;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, ProtocolVersion};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// RFC 9266: bytes, and the label they are exported under.
const EXPORTED: usize = 32;
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// One channel binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mailer::smtp) struct Binding {
    /// Its registered name.
    pub(super) name: &'static str,
    pub(super) data: Vec<u8>,
}

/// Those that this connection has, the better first: tls-exporter (RFC 9266) of TLS 1.3, and tls-server-end-point
/// (RFC 5929) for servers that do not know it yet. Of TLS 1.2 only the latter: there, keys may be exported alike in two
/// connections (RFC 7627).
pub(in crate::mailer::smtp) fn bindings(session: &ClientConnection) -> Vec<Binding> {
    let mut found = Vec::new();
    if session.protocol_version() == Some(ProtocolVersion::TLSv1_3)
        && let Ok(data) = session.export_keying_material(vec![0; EXPORTED], LABEL, Some(&[]))
    {
        found.push(Binding { name: "tls-exporter", data });
    }
    if let Some(data) = session.peer_certificates().and_then(<[_]>::first).and_then(end_point) {
        found.push(Binding { name: "tls-server-end-point", data });
    }
    found
}

/// RFC 5929 section 4.1: the certificate's hash, by the function of its own signature. `None` where that is not said.
fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = &parsed.signature_algorithm;
    let oid = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => parameters.hash_algorithm_oid().to_id_string(),
        _ => algorithm.algorithm.to_id_string(),
    };
    let hash = match oid.as_str() {
        // MD5 and SHA-1 count as SHA-256.
        "1.2.840.113549.1.1.4" | "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.3.14.3.2.26" => {
            &digest::SHA256
        }
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" | "2.16.840.1.101.3.4.2.1" => &digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn h3_the_end_point_is_hashed_by_the_function_of_its_signature() {
        for (algorithm, hash) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Some(&digest::SHA256)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Some(&digest::SHA384)),
            (&rcgen::PKCS_ED25519, None),
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let own = CertificateParams::new(["mail.test".to_owned()]).unwrap().self_signed(&key).unwrap();
            let expected = hash.map(|hash| digest::digest(hash, own.der()).as_ref().to_vec());
            assert_eq!(end_point(own.der()), expected);
        }
        assert_eq!(end_point(&CertificateDer::from(b"garbage".to_vec())), None);
    }
}
