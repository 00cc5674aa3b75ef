//! The signature itself: CMS SignedData (RFC 5652) with one signer, in DER, as older readers know it too.
//!
//! The content may be in it and large: then what stands before and after it is made here, with all lengths right.

use std::time::SystemTime;

use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{Encode as _, Header, Length, Tag, TagNumber};
use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::{Signer, SigningError};
use crate::certs::{KeyAlgorithm, KeyError, SigningKey, rfc4514};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SMIME_CAPABILITIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.15");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ECDSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// AES-256, AES-192 and AES-128 with CBC: what every S/MIME reader of the certificate's owner decrypts.
const CAPABILITIES: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"),
];

/// NULL.
const NULL: [u8; 2] = [5, 0];

/// What is signed.
pub(super) struct Hashed {
    /// SHA-256 of the content.
    pub(super) digest: [u8; 32],
    /// Octets of the content, if it goes into the signature; `None`: it goes beside it.
    pub(super) enclosed: Option<u64>,
}

/// A ContentInfo, without its content.
pub(super) struct Frame {
    /// All of it, where no content is enclosed.
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
}

/// Signs; tells who did, too.
pub(super) fn signed_data(
    hashed: &Hashed,
    signer: &Signer<'_>,
    now: SystemTime,
) -> Result<(Frame, String), SigningError> {
    let certificate = Certificate::parse(signer.certificate)?;
    certificate.check_period(now)?;
    let signer_info = signer_info(&hashed.digest, &certificate, signer.key, now)?;
    let frame = frame(hashed.enclosed, &certificates(signer), &signer_info)
        .map_err(|_| SigningError::Message("it is too large for a signature of this kind".to_owned()))?;
    Ok((frame, rfc4514(certificate.parsed.subject())))
}

/// Checks that `signature` was made over `message` by the key of `certificate` (DER).
///
/// # Errors
/// [`SigningError::Key`]: it was not; [`SigningError::Certificate`]: its key is of a kind that does not sign here.
pub fn check_signature(certificate: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SigningError> {
    let certificate = Certificate::parse(certificate)?;
    certificate.verify(certificate.algorithm()?, message, signature)
}

/// What is needed of the signer's certificate.
struct Certificate<'a> {
    der: &'a [u8],
    parsed: X509Certificate<'a>,
}

impl<'a> Certificate<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, SigningError> {
        match X509Certificate::from_der(der) {
            Ok(([], parsed)) => Ok(Self { der, parsed }),
            _ => Err(SigningError::Certificate("the signing certificate cannot be read".to_owned())),
        }
    }

    /// Whoever chose it has looked already; but time has passed since, and this is the last place to see it.
    fn check_period(&self, now: SystemTime) -> Result<(), SigningError> {
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(seconds).unwrap_or(i64::MAX);
        let validity = self.parsed.validity();
        let wrong = if now > validity.not_after.timestamp() {
            format!("ended on {}", validity.not_after)
        } else if now < validity.not_before.timestamp() {
            format!("begins on {}", validity.not_before)
        } else {
            return Ok(());
        };
        let subject = self.parsed.subject();
        Err(SigningError::Certificate(format!("the signing certificate of {subject} {wrong}")))
    }

    fn algorithm(&self) -> Result<KeyAlgorithm, SigningError> {
        match self.parsed.public_key().algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.1" => Ok(KeyAlgorithm::Rsa),
            "1.2.840.10045.2.1" => Ok(KeyAlgorithm::EcP256),
            _ => Err(SigningError::Certificate("the signing certificate's key cannot sign here".to_owned())),
        }
    }

    fn verify(&self, by: KeyAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), SigningError> {
        let key = self.parsed.public_key().subject_public_key.data.as_ref();
        let verified = match by {
            KeyAlgorithm::Rsa => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature)
            }
            KeyAlgorithm::EcP256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(message, signature)
            }
        };
        verified.map_err(|_| KeyError::Failed("it is not that of the certificate".to_owned()).into())
    }

    /// IssuerAndSerialNumber's two fields.
    fn issuer_and_serial(&self) -> der::Result<(&[u8], Vec<u8>)> {
        Ok((self.parsed.issuer().as_raw(), wrap(Tag::Integer, &[self.parsed.raw_serial()])?))
    }
}

/// The certificates that go along, as the content of a SET.
fn certificates(signer: &Signer<'_>) -> Vec<u8> {
    let is_root = |der: &[u8]| {
        X509Certificate::from_der(der)
            .is_ok_and(|(_, link)| link.subject().as_raw() == link.issuer().as_raw())
    };
    // A root proves nothing by coming along: whoever trusts it has it.
    let chain = signer.chain.iter().map(Vec::as_slice).filter(|der| !is_root(der));
    let mut all: Vec<_> = std::iter::once(signer.certificate).chain(chain).collect();
    all.sort_unstable();
    all.dedup();
    all.concat()
}

fn signer_info(
    digest: &[u8; 32],
    certificate: &Certificate<'_>,
    key: &dyn SigningKey,
    now: SystemTime,
) -> Result<Vec<u8>, SigningError> {
    let encoding =
        |_| SigningError::Certificate("the signing certificate cannot be named in a signature".into());
    let attributes = signed_attributes(digest, certificate, now).map_err(encoding)?;
    // Signed with the tag of a SET, sent with that of its field (RFC 5652 section 5.4).
    let to_sign = wrap(Tag::Set, &[&attributes]).map_err(encoding)?;
    let signature = key.sign(&to_sign)?;
    // A key that is not this certificate's would sign just as well, and nobody could verify it.
    certificate.verify(key.algorithm(), &to_sign, &signature)?;

    let encode = || -> der::Result<Vec<u8>> {
        let (issuer, serial) = certificate.issuer_and_serial()?;
        let signature_algorithm = match key.algorithm() {
            // Not sha256WithRSAEncryption: this is what every reader since PKCS #7 knows.
            KeyAlgorithm::Rsa => wrap(Tag::Sequence, &[&RSA_ENCRYPTION.to_der()?, &NULL])?,
            KeyAlgorithm::EcP256 => wrap(Tag::Sequence, &[&ECDSA_WITH_SHA_256.to_der()?])?,
        };
        wrap(
            Tag::Sequence,
            &[
                &1_u8.to_der()?,
                &wrap(Tag::Sequence, &[issuer, &serial])?,
                &wrap(Tag::Sequence, &[&SHA_256.to_der()?])?,
                &wrap(field(0), &[&attributes])?,
                &signature_algorithm,
                &wrap(Tag::OctetString, &[&signature])?,
            ],
        )
    };
    encode().map_err(encoding)
}

/// SignedAttributes, as the content of a SET: in the order of DER.
fn signed_attributes(
    digest: &[u8; 32],
    certificate: &Certificate<'_>,
    now: SystemTime,
) -> der::Result<Vec<u8>> {
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = match UtcTime::from_unix_duration(since_1970) {
        Ok(time) => time.to_der()?,
        // RFC 5652 section 11.3: from 2050 on.
        Err(_) => GeneralizedTime::from_unix_duration(since_1970)?.to_der()?,
    };
    let mut capabilities = Vec::new();
    for algorithm in CAPABILITIES {
        capabilities.extend(wrap(Tag::Sequence, &[&algorithm.to_der()?])?);
    }
    let mut all = [
        attribute(CONTENT_TYPE, &DATA.to_der()?)?,
        attribute(SIGNING_TIME, &time)?,
        attribute(MESSAGE_DIGEST, &wrap(Tag::OctetString, &[digest])?)?,
        attribute(SMIME_CAPABILITIES, &wrap(Tag::Sequence, &[&capabilities])?)?,
        attribute(SIGNING_CERTIFICATE_V2, &signing_certificate(certificate)?)?,
    ];
    all.sort_unstable();
    Ok(all.concat())
}

/// SigningCertificateV2 (RFC 5035 section 3): nobody can put another certificate of the same key in place of this one.
/// SHA-256 is the default there and so goes without saying.
fn signing_certificate(certificate: &Certificate<'_>) -> der::Result<Vec<u8>> {
    let (issuer, serial) = certificate.issuer_and_serial()?;
    // GeneralNames with one directoryName.
    let issuer = wrap(Tag::Sequence, &[&wrap(field(4), &[issuer])?])?;
    let hash = wrap(Tag::OctetString, &[&Sha256::digest(certificate.der)])?;
    let id = wrap(Tag::Sequence, &[&hash, &wrap(Tag::Sequence, &[&issuer, &serial])?])?;
    wrap(Tag::Sequence, &[&wrap(Tag::Sequence, &[&id])?])
}

fn attribute(name: ObjectIdentifier, value: &[u8]) -> der::Result<Vec<u8>> {
    wrap(Tag::Sequence, &[&name.to_der()?, &wrap(Tag::Set, &[value])?])
}

/// ContentInfo and SignedData around the content.
fn frame(enclosed: Option<u64>, certificates: &[u8], signer_info: &[u8]) -> der::Result<Frame> {
    let version = 1_u8.to_der()?;
    let digest_algorithms = wrap(Tag::Set, &[&wrap(Tag::Sequence, &[&SHA_256.to_der()?])?])?;
    let after = [wrap(field(0), &[certificates])?, wrap(Tag::Set, &[signer_info])?].concat();
    let data = DATA.to_der()?;

    // From the inside to the outside: each header needs the length of all that is in it.
    let (mut before, content) = match enclosed {
        None => (wrap(Tag::Sequence, &[&data])?, Length::ZERO),
        Some(octets) => {
            let content =
                Length::try_from(usize::try_from(octets).map_err(|_| Tag::OctetString.length_error())?)?;
            let mut inner = opening(Tag::OctetString, content)?;
            inner = [opening(field(0), (Length::try_from(inner.len())? + content)?)?, inner].concat();
            inner = [data, inner].concat();
            inner = [opening(Tag::Sequence, (Length::try_from(inner.len())? + content)?)?, inner].concat();
            (inner, content)
        }
    };
    before = [version, digest_algorithms, before].concat();
    let rest = (content + Length::try_from(after.len())?)?;
    for tag in [Tag::Sequence, field(0)] {
        before = [opening(tag, (Length::try_from(before.len())? + rest)?)?, before].concat();
    }
    before = [SIGNED_DATA.to_der()?, before].concat();
    before = [opening(Tag::Sequence, (Length::try_from(before.len())? + rest)?)?, before].concat();
    Ok(Frame { before, after })
}

/// `[number]`, of a constructed field.
const fn field(number: u8) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber::new(number) }
}

fn wrap(tag: Tag, parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    let length = Length::try_from(parts.iter().map(|part| part.len()).sum::<usize>())?;
    let mut out = opening(tag, length)?;
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(out)
}

/// Tag and length.
fn opening(tag: Tag, length: Length) -> der::Result<Vec<u8>> {
    let mut out = Vec::new();
    Header::new(tag, length)?.encode_to_vec(&mut out)?;
    Ok(out)
}
