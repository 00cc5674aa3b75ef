//! New private keys.
//!
//! ring makes EC keys and no RSA keys; those come from the crate `rsa`, which nothing else is done with here:
//! RUSTSEC-2023-0071 is about the timing of its private-key operations, and those are ring's.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use zeroize::Zeroizing;

use super::super::asn1::{BIT_STRING, SEQUENCE, write};
use super::super::store::{KeyType, StoreFault};

/// AlgorithmIdentifier of keys on P-256 (RFC 5480).
const P256: &[u8] =
    &[0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// A new key.
pub(super) struct Made {
    /// PKCS#8, DER.
    pub(super) key: Zeroizing<Vec<u8>>,
    /// SubjectPublicKeyInfo, DER.
    pub(super) public_key: Vec<u8>,
}

/// Makes a key. RSA takes a second or several.
pub(super) fn make(key_type: KeyType) -> Result<Made, StoreFault> {
    match key_type {
        KeyType::EcP256 => ec(),
        KeyType::Rsa(bits @ (2048 | 3072 | 4096)) => rsa(bits as usize),
        KeyType::Rsa(bits) => {
            Err(StoreFault::Unsupported(format!("RSA keys of {bits} bits are not made here")))
        }
    }
}

fn ec() -> Result<Made, StoreFault> {
    let failed = |what: &str| StoreFault::Failed(format!("no key could be made: {what}"));
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random)
        .map_err(|_| failed("the system has no randomness"))?;
    let key = Zeroizing::new(document.as_ref().to_vec());
    let pair =
        EcdsaKeyPair::from_pkcs8(algorithm, &key, &random).map_err(|error| failed(&error.to_string()))?;
    let public_key = write(SEQUENCE, &[P256, &write(BIT_STRING, &[&[0], pair.public_key().as_ref()])]);
    Ok(Made { key, public_key })
}

fn rsa(bits: usize) -> Result<Made, StoreFault> {
    let failed = |error: String| StoreFault::Failed(format!("no key could be made: {error}"));
    let key =
        RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).map_err(|error| failed(error.to_string()))?;
    let public = key.to_public_key().to_public_key_der().map_err(|error| failed(error.to_string()))?;
    let document = key.to_pkcs8_der().map_err(|error| failed(error.to_string()))?;
    Ok(Made { key: Zeroizing::new(document.as_bytes().to_vec()), public_key: public.into_vec() })
}

#[cfg(test)]
mod tests {
    use super::super::super::import::private_key::{Fit, fit};
    use super::*;

    #[test]
    fn c9_a_new_key_is_one_that_signs_here() {
        for key_type in [KeyType::EcP256, KeyType::Rsa(2048)] {
            let made = make(key_type).unwrap();
            assert!(matches!(fit(&made.key, &made.public_key), Fit::Fits(_)), "{key_type:?}");
        }
        assert!(make(KeyType::Rsa(1024)).is_err());
    }
}
