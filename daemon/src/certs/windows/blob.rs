//! Keys in the shapes that Windows takes and gives, and in those of everybody else: PKCS#8 in, SubjectPublicKeyInfo out.
//!
//! Knows no call of Windows, so that its rules are proven everywhere.

use pkcs8::der::asn1::{AnyRef, BitStringRef, UintRef};
use pkcs8::der::{self, Decode as _, Encode as _};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use zeroize::Zeroizing;

use crate::certs::KeyAlgorithm;

/// rsaEncryption (RFC 8017), id-ecPublicKey and its curve P-256 (RFC 5480).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Bytes of a number on P-256.
const FIELD: usize = 32;

/// RSA keys outside of these are not for signing today, or more than the old providers take.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=16384;

/// CALG_RSA_KEYX: a key for both signing and decrypting, as every importer makes.
const KEY_EXCHANGE: u32 = 0xa400;

/// Heads of the old provider's blobs: PRIVATEKEYBLOB and PUBLICKEYBLOB, of version 2; "RSA2", "RSA1".
const PRIVATE_HEAD: [u8; 4] = [7, 2, 0, 0];
const PUBLIC_HEAD: [u8; 4] = [6, 2, 0, 0];
const RSA2: u32 = 0x3241_5352;
const RSA1: u32 = 0x3141_5352;

/// Heads of CNG's: "RSA3", "ECS1", "ECS2".
const RSA3: u32 = 0x3341_5352;
const ECS1: u32 = 0x3153_4345;
const ECS2: u32 = 0x3253_4345;

/// A key that cannot be used here: why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadKey(&'static str);

const DAMAGED: BadKey = BadKey("the private key is damaged");
const NOT_OURS: BadKey = BadKey("only RSA keys and EC keys on P-256 can sign here");
const DAMAGED_PUBLIC: BadKey = BadKey("Windows gave a public key that is none");

/// A private key, in numbers with their highest byte first.
pub(super) enum PrivateKey {
    Rsa(RsaKey),
    EcP256 { x: [u8; FIELD], y: [u8; FIELD], secret: Zeroizing<[u8; FIELD]> },
}

/// As in RFC 8017, section 3.2.
pub(super) struct RsaKey {
    modulus: Vec<u8>,
    public_exponent: Vec<u8>,
    private_exponent: Zeroizing<Vec<u8>>,
    /// p, q, dP, dQ, qInv.
    parts: [Zeroizing<Vec<u8>>; 5],
}

impl PrivateKey {
    /// From PKCS#8. `certificate_key` is the SubjectPublicKeyInfo that it has to belong to: an EC key need not say its
    /// public half itself.
    ///
    /// # Errors
    /// It is damaged, of another kind, or another certificate's.
    pub(super) fn read(pkcs8: &[u8], certificate_key: &[u8]) -> Result<Self, BadKey> {
        let info = PrivateKeyInfo::from_der(pkcs8).map_err(|_| DAMAGED)?;
        let key = match info.algorithm.oid {
            RSA => Self::Rsa(RsaKey::read(info.private_key)?),
            EC => {
                let named = info.algorithm.parameters_oid().ok();
                let key = sec1::EcPrivateKey::from_der(info.private_key).map_err(|_| DAMAGED)?;
                let inner = key.parameters.and_then(|parameters| parameters.named_curve());
                if named.or(inner) != Some(P256) {
                    return Err(NOT_OURS);
                }
                let secret: [u8; FIELD] = key.private_key.try_into().map_err(|_| DAMAGED)?;
                let point = match key.public_key {
                    Some(point) => point.to_vec(),
                    None => public_bits(certificate_key).ok_or(DAMAGED)?,
                };
                let [4, numbers @ ..] = point.as_slice() else { return Err(NOT_OURS) };
                let (x, y) = numbers.split_at_checked(FIELD).ok_or(NOT_OURS)?;
                Self::EcP256 {
                    x: x.try_into().map_err(|_| DAMAGED)?,
                    y: y.try_into().map_err(|_| NOT_OURS)?,
                    secret: Zeroizing::new(secret),
                }
            }
            _ => return Err(NOT_OURS),
        };
        if same_key(&key.public()?, certificate_key) {
            Ok(key)
        } else {
            Err(BadKey("the private key is not the certificate's"))
        }
    }

    pub(super) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Rsa(_) => KeyAlgorithm::Rsa,
            Self::EcP256 { .. } => KeyAlgorithm::EcP256,
        }
    }

    /// Its SubjectPublicKeyInfo, DER.
    fn public(&self) -> Result<Vec<u8>, BadKey> {
        match self {
            Self::Rsa(key) => rsa_public(&key.modulus, &key.public_exponent),
            Self::EcP256 { x, y, .. } => ec_public(x, y),
        }
    }

    /// BCRYPT_RSAFULLPRIVATE_BLOB or BCRYPT_ECCPRIVATE_BLOB.
    pub(super) fn cng(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let lengths: [&[u8]; 4] = [&key.public_exponent, &key.modulus, &key.parts[0], &key.parts[1]];
                let mut out = Blob::new(&[]);
                out.numbers(&[RSA3, bits(&key.modulus)]);
                out.numbers(&lengths.map(|number| number.len() as u32));
                out.0.extend(&key.public_exponent);
                out.0.extend(&key.modulus);
                for (part, size) in key.parts.iter().zip(key.sizes()) {
                    out.padded(part, size);
                }
                out.padded(&key.private_exponent, key.modulus.len());
                out.0
            }
            Self::EcP256 { x, y, secret } => {
                let mut out = Blob::new(&[]);
                out.numbers(&[ECS2, FIELD as u32]);
                [x, y, &**secret].into_iter().for_each(|number| out.padded(number, FIELD));
                out.0
            }
        }
    }
}

impl RsaKey {
    fn read(pkcs1: &[u8]) -> Result<Self, BadKey> {
        let key = pkcs1::RsaPrivateKey::from_der(pkcs1).map_err(|_| DAMAGED)?;
        let secret = |number: UintRef<'_>| Zeroizing::new(number.as_bytes().to_vec());
        let key = Self {
            modulus: key.modulus.as_bytes().to_vec(),
            public_exponent: key.public_exponent.as_bytes().to_vec(),
            private_exponent: secret(key.private_exponent),
            parts: [key.prime1, key.prime2, key.exponent1, key.exponent2, key.coefficient].map(secret),
        };
        let fits = key.parts.iter().zip(key.sizes()).all(|(part, size)| part.len() <= size)
            && key.private_exponent.len() <= key.modulus.len();
        if !fits || key.public_exponent.is_empty() {
            return Err(DAMAGED);
        }
        if !RSA_BITS.contains(&(bits(&key.modulus) as usize)) {
            return Err(BadKey("an RSA key needs at least 1024 bits, and 16384 at most"));
        }
        Ok(key)
    }

    /// Bytes of p, q, dP, dQ and qInv in CNG's blob.
    fn sizes(&self) -> [usize; 5] {
        let (p, q) = (self.parts[0].len(), self.parts[1].len());
        [p, q, p, q, p]
    }

    /// PRIVATEKEYBLOB: numbers with their lowest byte first, all primes of half the modulus.
    ///
    /// # Errors
    /// The old providers cannot hold it.
    pub(super) fn capi(&self) -> Result<Zeroizing<Vec<u8>>, BadKey> {
        let no = BadKey("this RSA key is of a shape that the legacy CryptoAPI cannot hold");
        let (length, half) = (self.modulus.len(), self.modulus.len() / 2);
        let exponent = small(&self.public_exponent).ok_or(no)?;
        if !bits(&self.modulus).is_multiple_of(16) || self.parts.iter().any(|part| part.len() > half) {
            return Err(no);
        }
        let mut out = Blob::new(&PRIVATE_HEAD);
        out.numbers(&[KEY_EXCHANGE, RSA2, bits(&self.modulus), exponent]);
        out.reversed(&self.modulus, length);
        for part in &self.parts {
            out.reversed(part, half);
        }
        out.reversed(&self.private_exponent, length);
        Ok(out.0)
    }
}

/// SubjectPublicKeyInfo from a PUBLICKEYBLOB.
///
/// # Errors
/// It is none.
pub(super) fn from_capi(blob: &[u8]) -> Result<Vec<u8>, BadKey> {
    let modulus = blob.get(20..).ok_or(DAMAGED_PUBLIC)?;
    let length = number(blob, 12).ok_or(DAMAGED_PUBLIC)? as usize / 8;
    if blob[..4] != PUBLIC_HEAD || number(blob, 8) != Some(RSA1) || length == 0 {
        return Err(DAMAGED_PUBLIC);
    }
    let mut modulus = modulus.get(..length).ok_or(DAMAGED_PUBLIC)?.to_vec();
    modulus.reverse();
    rsa_public(&modulus, &number(blob, 16).ok_or(DAMAGED_PUBLIC)?.to_be_bytes())
}

/// SubjectPublicKeyInfo from a BCRYPT_RSAPUBLIC_BLOB or a BCRYPT_ECCPUBLIC_BLOB on P-256.
///
/// # Errors
/// It is none.
pub(super) fn from_cng(blob: &[u8]) -> Result<Vec<u8>, BadKey> {
    let at = |index: usize| number(blob, index * 4).map(|length| length as usize).ok_or(DAMAGED_PUBLIC);
    match number(blob, 0) {
        Some(RSA1) => {
            let (exponent, modulus) = (at(2)?, at(3)?);
            let numbers = blob.get(24..).ok_or(DAMAGED_PUBLIC)?;
            let (exponent, numbers) = numbers.split_at_checked(exponent).ok_or(DAMAGED_PUBLIC)?;
            rsa_public(numbers.get(..modulus).ok_or(DAMAGED_PUBLIC)?, exponent)
        }
        Some(ECS1) if at(1)? == FIELD => {
            let numbers = blob.get(8..8 + 2 * FIELD).ok_or(DAMAGED_PUBLIC)?;
            ec_public(&numbers[..FIELD], &numbers[FIELD..])
        }
        _ => Err(NOT_OURS),
    }
}

/// Whether two SubjectPublicKeyInfo hold the same key: its parameters may be written in more than one way.
pub(super) fn same_key(one: &[u8], other: &[u8]) -> bool {
    let bits = public_bits(one);
    bits.is_some() && bits == public_bits(other)
}

/// ECDSA-Sig-Value (RFC 3279) from r and s, one after the other.
///
/// # Errors
/// They are none.
pub(super) fn ecdsa_signature(raw: &[u8]) -> Result<Vec<u8>, BadKey> {
    let broken = BadKey("Windows gave a signature that is none");
    if raw.len() != 2 * FIELD {
        return Err(broken);
    }
    let (r, s) = raw.split_at(FIELD);
    let number = |bytes| UintRef::new(bytes).and_then(|number| number.to_der()).map_err(|_| broken);
    sequence(&[number(r)?, number(s)?]).map_err(|_| broken)
}

fn rsa_public(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, BadKey> {
    let number = |bytes| UintRef::new(bytes).map_err(|_| DAMAGED_PUBLIC);
    let key = pkcs1::RsaPublicKey { modulus: number(modulus)?, public_exponent: number(exponent)? };
    let key = key.to_der().map_err(|_| DAMAGED_PUBLIC)?;
    public_key_info(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, &key)
}

fn ec_public(x: &[u8], y: &[u8]) -> Result<Vec<u8>, BadKey> {
    let curve = AnyRef::from(&P256);
    public_key_info(AlgorithmIdentifierRef { oid: EC, parameters: Some(curve) }, &[&[4], x, y].concat())
}

fn public_key_info(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Vec<u8>, BadKey> {
    let subject_public_key = BitStringRef::from_bytes(key).map_err(|_| DAMAGED_PUBLIC)?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().map_err(|_| DAMAGED_PUBLIC)
}

fn public_bits(info: &[u8]) -> Option<Vec<u8>> {
    let info = SubjectPublicKeyInfoRef::from_der(info).ok()?;
    Some(info.subject_public_key.as_bytes()?.to_vec())
}

fn sequence(parts: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    AnyRef::new(der::Tag::Sequence, &parts.concat())?.to_der()
}

/// Bits of a number without leading zeros.
fn bits(number: &[u8]) -> u32 {
    let zeros = number.first().map_or(0, |first| first.leading_zeros());
    (number.len() as u32 * 8).saturating_sub(zeros)
}

/// A number of at most 32 bits.
fn small(number: &[u8]) -> Option<u32> {
    (number.len() <= 4).then(|| number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// A blob under way; it may hold a private key, so it never grows: what it left behind would not be wiped.
struct Blob(Zeroizing<Vec<u8>>);

impl Blob {
    fn new(head: &[u8]) -> Self {
        // More than the largest key here takes.
        let mut blob = Zeroizing::new(Vec::with_capacity(16 * 1024));
        blob.extend(head);
        Self(blob)
    }

    fn numbers(&mut self, numbers: &[u32]) {
        self.0.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    /// Highest byte first, zeros before it.
    fn padded(&mut self, number: &[u8], length: usize) {
        self.0.extend(std::iter::repeat_n(0, length.saturating_sub(number.len())));
        self.0.extend(number);
    }

    /// Lowest byte first, zeros behind it.
    fn reversed(&mut self, number: &[u8], length: usize) {
        self.0.extend(number.iter().rev());
        self.0.extend(std::iter::repeat_n(0, length.saturating_sub(number.len())));
    }
}

#[cfg(test)]
mod tests;
