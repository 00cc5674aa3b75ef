//! Private keys that are files: PKCS#8 (RFC 5958), opened and read by whoever signs, under the account he runs under.
//! So the file's permissions are the grant, and nothing else is.
//!
//! ring signs: it is what TLS computes with already, builds everywhere, and checks each RSA signature before it gives
//! it out, so that a faulty computation cannot give the key away. What its speed is beside others': BENCHMARKS.md.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use zeroize::Zeroizing;

use crate::certs::{KeyAlgorithm, KeyError, KeyReference, SigningKey};

/// Far more than a key of RSA 4096 needs: what is larger is no key.
const MAX_FILE: u64 = 16 * 1024;

/// Octets of the modulus. No smaller RSA key is safe, and no larger one is computed with.
const RSA_OCTETS: std::ops::RangeInclusive<usize> = 2048 / 8..=4096 / 8;

/// Opens a key under the account that this process runs under.
///
/// # Errors
/// See [`KeyError`].
pub fn open_key(key: &KeyReference) -> Result<Box<dyn SigningKey>, KeyError> {
    let KeyReference::File(path) = key else {
        return Err(KeyError::Unsupported("it is a key of Windows".to_owned()));
    };
    let file = read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => KeyError::Missing,
        ErrorKind::PermissionDenied => KeyError::AccessDenied,
        _ => KeyError::Failed(error.to_string()),
    })?;
    Ok(Box::new(parse(&file)?))
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // With its whole room at once: a buffer that grows leaves pieces of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::new(ErrorKind::InvalidData, "the file is too large for a private key"));
    }
    Ok(bytes)
}

fn parse(pkcs8: &[u8]) -> Result<FileKey, KeyError> {
    let no_rsa = match RsaKeyPair::from_pkcs8(pkcs8) {
        Ok(pair) if RSA_OCTETS.contains(&pair.public().modulus_len()) => {
            return Ok(FileKey::Rsa(Box::new(pair)));
        }
        Ok(_) => "TooLarge".to_owned(),
        Err(rejected) => rejected.to_string(),
    };
    if no_rsa != "WrongAlgorithm" {
        return Err(unsupported(&no_rsa));
    }
    let random = SystemRandom::new();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random)
        .map(|pair| FileKey::EcP256(Box::new(pair), random))
        .map_err(|rejected| unsupported(&rejected.to_string()))
}

/// ring's words for why it takes no key, for people.
fn unsupported(word: &str) -> KeyError {
    let text = match word {
        "TooSmall" => "an RSA key needs 2048 bits at least",
        "TooLarge" => "an RSA key may have 4096 bits at most",
        "PrivateModulusLenNotMultipleOf512Bits" => "the size of an RSA key must be a multiple of 512 bits",
        "WrongAlgorithm" => "it is neither RSA nor on the curve P-256",
        "InvalidEncoding" | "VersionNotSupported" => "the file holds no private key as PKCS#8",
        "InconsistentComponents" | "InvalidComponent" => "the parts of the key do not fit together",
        "PublicKeyIsMissing" => "its public half is not in the file",
        other => other,
    };
    KeyError::Unsupported(text.to_owned())
}

enum FileKey {
    Rsa(Box<RsaKeyPair>),
    EcP256(Box<EcdsaKeyPair>, SystemRandom),
}

impl SigningKey for FileKey {
    fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Rsa(_) => KeyAlgorithm::Rsa,
            Self::EcP256(..) => KeyAlgorithm::EcP256,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Failed("the computation failed".to_owned());
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // PKCS#1 v1.5 takes no randomness.
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::EcP256(pair, random) => Ok(pair.sign(random, message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}
