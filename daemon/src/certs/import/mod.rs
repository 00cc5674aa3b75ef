//! What people bring: PKCS#12 files, PEM, and the answers of CAs. All of it is bytes from outside, and every refusal names
//! the field.
//!
//! A password opens its file and is forgotten: what goes on is certificate, chain and key.

mod pem;
mod pkcs12;
pub(super) mod private_key;

use zeroize::Zeroizing;

use super::asn1::{INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, from_ber, only};
use super::fault::CertificateError;
use super::read::{Details, parse};
use super::store::Identity;
use crate::secrets::Secret;
use private_key::{Fit, Pkcs8, fit};

/// A PKCS#12 file with its chain; larger ones hold more than one person's keys.
pub const MAX_PKCS12: usize = 40_000;

/// Certificates and keys as PEM, and answers of CAs.
const MAX_TEXT: usize = 256 * 1024;

/// Of each: certificates and keys.
const MAX_ITEMS: usize = 50;

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

/// Certificates and keys as they came.
#[derive(Debug, Default)]
struct Bundle {
    certificates: Vec<Vec<u8>>,
    keys: Vec<Pkcs8>,
}

impl Bundle {
    fn certificate(&mut self, der: &[u8]) -> Result<(), pkcs12::Fault> {
        if self.certificates.len() >= MAX_ITEMS {
            return Err(pkcs12::Fault::Wrong(format!("has more than {MAX_ITEMS} certificates")));
        }
        if !self.certificates.iter().any(|known| known == der) {
            self.certificates.push(der.to_vec());
        }
        Ok(())
    }

    fn key(&mut self, pkcs8: &[u8]) -> Result<(), pkcs12::Fault> {
        if self.keys.len() >= MAX_ITEMS {
            return Err(pkcs12::Fault::Wrong(format!("has more than {MAX_ITEMS} private keys")));
        }
        self.keys.push(Zeroizing::new(pkcs8.to_vec()));
        Ok(())
    }
}

/// Opens a PKCS#12 file.
///
/// # Errors
/// See [`CertificateError`]; the fields are `pkcs12` and `password`.
pub fn pkcs12(file: &[u8], password: &Secret) -> Result<Identity, CertificateError> {
    let invalid = |what: String| CertificateError::invalid("pkcs12", format!("the file {what}"));
    if file.len() > MAX_PKCS12 {
        return Err(invalid(format!("is larger than {MAX_PKCS12} octets")));
    }
    let bundle = pkcs12::open(file, password).map_err(|fault| match fault {
        pkcs12::Fault::WrongPassword => CertificateError::WrongPassword,
        pkcs12::Fault::Wrong(what) => invalid(what),
    })?;
    choose(bundle, "pkcs12", "pkcs12")
}

/// Reads certificate, chain and key as PEM. The key may stand in either text.
///
/// # Errors
/// See [`CertificateError`]; the fields are `pem` and `key_pem`.
pub fn pem(certificates: &str, key: &Secret) -> Result<Identity, CertificateError> {
    let mut bundle = Bundle::default();
    for (field, text) in [("pem", certificates), ("key_pem", key.expose())] {
        let invalid = |what: String| CertificateError::invalid(field, format!("the text {what}"));
        if text.len() > MAX_TEXT {
            return Err(invalid(format!("is larger than {MAX_TEXT} octets")));
        }
        for block in pem::blocks(text).map_err(invalid)? {
            let damaged = || invalid(format!("has a block {:?} that is damaged", block.label));
            let added = match block.label.as_str() {
                "CERTIFICATE" | "X509 CERTIFICATE" => bundle.certificate(&block.der),
                "ENCRYPTED PRIVATE KEY" => return Err(encrypted(field)),
                _ if block.headers => return Err(encrypted(field)),
                "PRIVATE KEY" => bundle.key(&block.der),
                "RSA PRIVATE KEY" => bundle.key(&private_key::from_pkcs1(&block.der)),
                "EC PRIVATE KEY" => bundle.key(&private_key::from_sec1(&block.der).ok_or_else(damaged)?),
                _ => continue,
            };
            if let Err(pkcs12::Fault::Wrong(what)) = added {
                return Err(invalid(what));
            }
        }
    }
    choose(bundle, "pem", "key_pem")
}

/// Reads the answer of a CA: certificates as PEM, one as DER, or PKCS#7 as PEM or DER. In the order of the file.
///
/// # Errors
/// See [`CertificateError`]; the field is `answer`.
pub fn answer(bytes: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    let invalid = |what: String| CertificateError::invalid("answer", format!("the answer {what}"));
    if bytes.len() > MAX_TEXT {
        return Err(invalid(format!("is larger than {MAX_TEXT} octets")));
    }
    let none = || invalid("has no certificate: what is read is PEM, DER, and PKCS#7 in either".to_owned());
    let mut certificates = Vec::new();
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN ") => {
            for block in pem::blocks(text).map_err(invalid)? {
                match block.label.as_str() {
                    "CERTIFICATE" | "X509 CERTIFICATE" => certificates.push(block.der.to_vec()),
                    "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => {
                        certificates.extend(certificates_only(&block.der).ok_or_else(none)?);
                    }
                    _ => {}
                }
            }
        }
        _ if parse(bytes).is_ok() => certificates.push(bytes.to_vec()),
        _ => certificates = certificates_only(bytes).ok_or_else(none)?,
    }
    if certificates.is_empty() {
        return Err(none());
    }
    if certificates.len() > MAX_ITEMS {
        return Err(invalid(format!("has more than {MAX_ITEMS} certificates")));
    }
    for der in &certificates {
        parse(der).map_err(|what| invalid(format!("has a certificate that {what}")))?;
    }
    Ok(certificates)
}

/// Reads revocation lists: PEM, or one as DER.
///
/// # Errors
/// There is none in it; as a sentence.
#[allow(dead_code, reason = "Windows has a store for revocation lists, and needs no files")]
pub(super) fn revocation_lists(bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, String> {
    let mut lists = Vec::new();
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains("-----BEGIN ") => {
            let blocks = pem::blocks(text)?;
            lists.extend(
                blocks.into_iter().filter(|block| block.label == "X509 CRL").map(|block| block.der.to_vec()),
            );
        }
        _ => lists.push(bytes),
    }
    lists.retain(|der| x509_parser::parse_x509_crl(der).is_ok());
    if lists.is_empty() { Err("it has no revocation list".to_owned()) } else { Ok(lists) }
}

/// Those of `others` that are above `certificate`, from its issuer upwards.
#[must_use]
pub fn above(certificate: &[u8], others: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut chain: Vec<Vec<u8>> = Vec::new();
    let mut current = certificate.to_vec();
    while let Ok(parsed) = parse(&current) {
        let issuer = others.iter().find(|other| {
            *other != &current
                && !chain.contains(other)
                && parse(other).is_ok_and(|other| other.subject().as_raw() == parsed.issuer().as_raw())
        });
        let Some(issuer) = issuer.filter(|_| parsed.subject().as_raw() != parsed.issuer().as_raw()).cloned()
        else {
            break;
        };
        chain.push(issuer.clone());
        current = issuer;
    }
    chain
}

/// The certificates of SignedData without signers (RFC 5652 section 5.1).
fn certificates_only(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let der = from_ber(bytes)?;
    let mut info = Reader::new(only(&der, SEQUENCE)?);
    if info.take(OBJECT_IDENTIFIER)? != SIGNED_DATA {
        return None;
    }
    let mut data = Reader::new(only(info.take(0xa0)?, SEQUENCE)?);
    data.take(INTEGER)?;
    data.take(SET)?;
    data.take(SEQUENCE)?;
    let mut set = Reader::new(data.take(0xa0)?);
    let mut certificates = Vec::new();
    while let Some(element) = set.next() {
        if element.tag == SEQUENCE {
            certificates.push(element.whole.to_vec());
        }
    }
    Some(certificates)
}

/// The certificate whose key is here, and what stands above it.
fn choose(
    bundle: Bundle,
    field: &'static str,
    key_field: &'static str,
) -> Result<Identity, CertificateError> {
    let invalid = |what: String| CertificateError::invalid(field, what);
    if bundle.certificates.is_empty() {
        return Err(invalid("there is no certificate in it".to_owned()));
    }
    if bundle.keys.is_empty() {
        let text = "there is no private key in it: export the certificate together with its private key";
        return Err(CertificateError::KeyMissing { field: key_field, text: text.to_owned() });
    }
    let mut read = Vec::new();
    for (at, der) in bundle.certificates.iter().enumerate() {
        let details = Details::read(der).map_err(|what| invalid(format!("certificate {} {what}", at + 1)))?;
        read.push((der, details));
    }
    let (mut fits, mut unusable) = (Vec::new(), None);
    for (der, details) in &read {
        for key in &bundle.keys {
            match fit(key, &details.public_key) {
                Fit::Fits(key) => {
                    fits.push((*der, details, key));
                    // The same key twice is one.
                    break;
                }
                Fit::Unusable(what) => unusable = Some(what),
                Fit::Differs => {}
            }
        }
    }
    match (fits.len(), unusable) {
        (1, _) => {
            let (certificate, _, key) = fits.remove(0);
            let chain = above(certificate, &bundle.certificates);
            Ok(Identity { certificate: certificate.clone(), chain, key })
        }
        (0, Some(what)) => Err(CertificateError::invalid(key_field, what)),
        (0, None) => {
            let text = "the private key is not that of the certificate";
            let text = if bundle.keys.len() == 1 && read.len() == 1 {
                text
            } else {
                "no private key belongs to a certificate in it"
            };
            Err(CertificateError::invalid(key_field, text))
        }
        (_, _) => {
            let names: Vec<_> = fits.iter().map(|(_, details, _)| format!("{:?}", details.subject)).collect();
            Err(invalid(format!(
                "there are several certificates with private keys in it ({}); export the one that is meant alone",
                names.join(", ")
            )))
        }
    }
}

fn encrypted(field: &'static str) -> CertificateError {
    let text = "the private key is encrypted; bring it as PKCS#12 with its password, or without encryption (openssl pkey -in …)";
    CertificateError::invalid(field, text)
}

#[cfg(test)]
mod tests;
