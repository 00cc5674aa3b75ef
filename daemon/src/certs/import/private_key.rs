//! Private keys in the forms that people have them, made into one: PKCS#8 with what ring needs, and only if it is the
//! key of a certificate.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RsaKeyPair};
use zeroize::Zeroizing;

use super::super::asn1::{
    BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, only, write,
};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// A private key, PKCS#8.
pub(in super::super) type Pkcs8 = Zeroizing<Vec<u8>>;

/// Whether a private key is that of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Fit {
    /// It is; here as PKCS#8 in the form that is stored.
    Fits(Pkcs8),
    /// It is another one.
    Differs,
    /// It cannot sign here, and why.
    Unusable(String),
}

/// Compares a private key (PKCS#8) with a SubjectPublicKeyInfo.
pub(in super::super) fn fit(pkcs8: &[u8], public_key: &[u8]) -> Fit {
    let Some((algorithm, key)) = take_apart(pkcs8) else {
        return Fit::Unusable("the private key is not PKCS#8, or is damaged".to_owned());
    };
    let public = only(public_key, SEQUENCE).and_then(|content| {
        let mut reader = Reader::new(content);
        Some((reader.take(SEQUENCE)?, reader.take(BIT_STRING)?.strip_prefix(&[0])?))
    });
    let Some((public_algorithm, public)) = public else { return Fit::Differs };
    let (oid, parameters) = identifier(algorithm);
    let (public_oid, public_parameters) = identifier(public_algorithm);
    match (oid, public_oid) {
        (Some(RSA), Some(RSA)) => fit_rsa(key, public),
        (Some(EC), Some(EC)) if parameters != public_parameters && !parameters.is_empty() => Fit::Differs,
        (Some(EC), Some(EC)) if only(public_parameters, OBJECT_IDENTIFIER) == Some(P256) => fit_p256(key, public),
        (Some(one), Some(other)) if one == other => Fit::Unusable(
            "a private key of this algorithm or curve cannot sign here; RSA of 2048 to 4096 bits and EC P-256 can".to_owned(),
        ),
        _ => Fit::Differs,
    }
}

/// PKCS#8 of an RSAPrivateKey (PKCS#1).
pub(super) fn from_pkcs1(key: &[u8]) -> Pkcs8 {
    let algorithm = write(SEQUENCE, &[&write(OBJECT_IDENTIFIER, &[RSA]), &[5, 0]]);
    put_together(&algorithm, key)
}

/// PKCS#8 of an ECPrivateKey (SEC 1); `None`: it is none.
pub(super) fn from_sec1(key: &[u8]) -> Option<Pkcs8> {
    let mut reader = Reader::new(only(key, SEQUENCE)?);
    reader.take(INTEGER)?;
    reader.take(OCTET_STRING)?;
    let p256 = write(OBJECT_IDENTIFIER, &[P256]);
    let curve = reader.optional(0xa0).unwrap_or(&p256);
    let algorithm = write(SEQUENCE, &[&write(OBJECT_IDENTIFIER, &[EC]), curve]);
    Some(put_together(&algorithm, key))
}

fn fit_rsa(key: &[u8], public: &[u8]) -> Fit {
    let modulus = |bytes| Reader::new(only(bytes, SEQUENCE)?).take(INTEGER);
    let private_modulus = only(key, SEQUENCE).and_then(|content| {
        let mut reader = Reader::new(content);
        reader.take(INTEGER)?;
        reader.take(INTEGER)
    });
    let Some(private_modulus) = private_modulus else {
        return Fit::Unusable("the RSA key is damaged".to_owned());
    };
    if Some(private_modulus) != modulus(public) {
        return Fit::Differs;
    }
    match RsaKeyPair::from_der(key) {
        Ok(_) => Fit::Fits(from_pkcs1(key)),
        Err(why) => Fit::Unusable(match why.to_string().as_str() {
            "TooSmall" | "PrivateModulusLenNotMultipleOf512Bits" => {
                "an RSA key needs at least 2048 bits (2048, 3072 or 4096) to sign here".to_owned()
            }
            "TooLarge" => "an RSA key may have 4096 bits at most to sign here".to_owned(),
            _ => "the parts of the RSA key do not fit together".to_owned(),
        }),
    }
}

fn fit_p256(key: &[u8], public: &[u8]) -> Fit {
    let scalar = only(key, SEQUENCE).and_then(|content| {
        let mut reader = Reader::new(content);
        reader.take(INTEGER)?;
        reader.take(OCTET_STRING)
    });
    let Some(scalar) = scalar.filter(|scalar| !scalar.is_empty()) else {
        return Fit::Unusable("the EC key is damaged".to_owned());
    };
    // Some leave zeros out, and some put one before: SEC 1 wants exactly 32 octets.
    let zeros = scalar.iter().take_while(|byte| **byte == 0).count();
    let digits = &scalar[zeros..];
    let mut exact = Zeroizing::new([0; 32]);
    let Some(begin) = 32_usize.checked_sub(digits.len()) else {
        return Fit::Unusable("the EC key is not on the curve P-256".to_owned());
    };
    exact[begin..].copy_from_slice(digits);
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &*exact,
        public,
        &SystemRandom::new(),
    );
    if pair.is_err() {
        return Fit::Differs;
    }
    // With the public key in it, which ring wants there.
    let public = write(0xa1, &[&write(BIT_STRING, &[&[0], public])]);
    let key = Zeroizing::new(write(SEQUENCE, &[&[2, 1, 1], &[4, 32], &*exact, &public]));
    let algorithm = write(SEQUENCE, &[&write(OBJECT_IDENTIFIER, &[EC]), &write(OBJECT_IDENTIFIER, &[P256])]);
    Fit::Fits(put_together(&algorithm, &key))
}

/// AlgorithmIdentifier's content and the key of a PrivateKeyInfo.
fn take_apart(pkcs8: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(only(pkcs8, SEQUENCE)?);
    reader.take(INTEGER)?;
    Some((reader.take(SEQUENCE)?, reader.take(OCTET_STRING)?))
}

/// The OID of an AlgorithmIdentifier's content, and its parameters with their tag.
fn identifier(content: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut reader = Reader::new(content);
    let oid = reader.take(OBJECT_IDENTIFIER);
    (oid, reader.next().map_or(&[], |parameters| parameters.whole))
}

fn put_together(algorithm: &[u8], key: &[u8]) -> Pkcs8 {
    let key = Zeroizing::new(write(OCTET_STRING, &[key]));
    Zeroizing::new(write(SEQUENCE, &[&[2, 1, 0], algorithm, &key]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::read::Details;
    use super::super::super::test_pki::{Kind, Pki};
    use super::*;

    fn pair(kind: Kind) -> (Vec<u8>, Vec<u8>) {
        let issued = Pki::new(Kind::EcP256).person("a@example.com", kind);
        (issued.key, Details::read(&issued.certificate).unwrap().public_key)
    }

    #[test]
    fn c4_a_key_fits_its_own_certificate_and_no_other() {
        let kinds =
            [Kind::Rsa2048, Kind::OtherRsa2048, Kind::EcP256, Kind::EcP256, Kind::EcP384, Kind::Ed25519];
        let pairs = kinds.map(pair);
        for (at, (key, _)) in pairs.iter().enumerate() {
            for (other, (_, public)) in pairs.iter().enumerate() {
                let found = fit(key, public);
                match kinds[at] {
                    Kind::EcP384 | Kind::Ed25519 if at == other => assert!(matches!(found, Fit::Unusable(_))),
                    _ if at == other => {
                        let Fit::Fits(stored) = found else { panic!("{found:?}") };
                        assert_eq!(
                            fit(&stored, public),
                            Fit::Fits(stored.clone()),
                            "the stored form is stable"
                        );
                    }
                    _ => assert_eq!(found, Fit::Differs, "{:?} {:?}", kinds[at], kinds[other]),
                }
            }
        }
    }

    #[test]
    fn c4_a_short_ec_key_and_one_without_its_public_key_become_whole() {
        let (key, public) = pair(Kind::EcP256);
        let Fit::Fits(stored) = fit(&key, &public) else { panic!() };
        let (_, ec) = take_apart(&key).unwrap();
        let mut reader = Reader::new(only(ec, SEQUENCE).unwrap());
        reader.take(INTEGER);
        let scalar = reader.take(OCTET_STRING).unwrap();
        let padded = write(SEQUENCE, &[&[2, 1, 1], &write(OCTET_STRING, &[&[0], scalar])]);
        assert_eq!(fit(&from_sec1(&padded).unwrap(), &public), Fit::Fits(stored));
        let long = write(SEQUENCE, &[&[2, 1, 1], &write(OCTET_STRING, &[&[1], scalar])]);
        assert!(matches!(fit(&from_sec1(&long).unwrap(), &public), Fit::Unusable(_)));
    }

    proptest! {
        #[test]
        fn altered_keys_never_fit_another_certificate(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let (key, public) = pair(Kind::EcP256);
            let _ = fit(&key[..cut.index(key.len())], &public);
            let mut altered = key.clone();
            let at = at.index(altered.len());
            altered[at] = byte;
            if let (Fit::Fits(one), Fit::Fits(other)) = (fit(&altered, &public), fit(&key, &public)) {
                prop_assert_eq!(one, other);
            }
        }
    }
}
