use proptest::prelude::*;
use ring::signature::{self, KeyPair as _};

use super::*;

/// The PKCS#8 and the SubjectPublicKeyInfo of a new key on a curve.
fn curve(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
    (pair.serialize_der(), rcgen::PublicKeyData::subject_public_key_info(&pair))
}

fn rsa() -> (Vec<u8>, Vec<u8>) {
    let (_, document) =
        pkcs8::SecretDocument::from_pem(include_str!("../../../../../tests/keys/rsa-2048-1.pem")).unwrap();
    let pkcs8 = document.as_bytes().to_vec();
    let pair = signature::RsaKeyPair::from_pkcs8(&pkcs8).unwrap();
    let algorithm = AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) };
    (pkcs8, public_key_info(algorithm, pair.public_key().as_ref()).unwrap())
}

#[test]
fn c4_an_rsa_key_goes_into_both_shapes_of_windows() {
    let (pkcs8, public) = rsa();
    let PrivateKey::Rsa(key) = PrivateKey::read(&pkcs8, &public).unwrap() else { panic!("an RSA key") };

    let capi = key.capi().unwrap();
    assert_eq!(capi.len(), 20 + 256 + 5 * 128 + 256);
    // The public blob is the beginning of the private one, with other heads.
    let mut half = capi[..20 + 256].to_vec();
    half[0] = 6;
    half[8..12].copy_from_slice(b"RSA1");
    assert_eq!(from_capi(&half).unwrap(), public);
    let prime = |at: usize| capi[at..at + 128].iter().rev().copied().collect::<Vec<u8>>();
    assert_eq!(prime(276), **key.parts[0]);
    assert_eq!(prime(276 + 4 * 128), [vec![0; 128 - key.parts[4].len()], key.parts[4].to_vec()].concat());
    let exponent: Vec<u8> = capi[capi.len() - 256..].iter().rev().copied().collect();
    assert_eq!(exponent, [vec![0; 256 - key.private_exponent.len()], key.private_exponent.to_vec()].concat());

    let cng = PrivateKey::read(&pkcs8, &public).unwrap().cng();
    assert_eq!(cng.len(), 24 + 3 + 256 + 5 * 128 + 256);
    let mut half = cng[..24 + 3 + 256].to_vec();
    half[..4].copy_from_slice(b"RSA1");
    half[16..24].fill(0);
    assert_eq!(from_cng(&half).unwrap(), public);
    assert_eq!(cng[283..283 + 128], **key.parts[0]);
}

#[test]
fn c4_a_key_on_p256_goes_into_cngs_shape() {
    let (pkcs8, public) = curve(&rcgen::PKCS_ECDSA_P256_SHA256);
    let key = PrivateKey::read(&pkcs8, &public).unwrap();
    assert_eq!(key.algorithm(), KeyAlgorithm::EcP256);
    let cng = key.cng();
    assert_eq!(cng.len(), 8 + 3 * 32);
    let mut half = cng[..8 + 64].to_vec();
    half[..4].copy_from_slice(b"ECS1");
    assert_eq!(from_cng(&half).unwrap(), public);

    let random = ring::rand::SystemRandom::new();
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = signature::EcdsaKeyPair::from_private_key_and_public_key(
        algorithm,
        &cng[72..],
        pair_public(&cng).as_ref(),
        &random,
    );
    assert!(pair.is_ok(), "its private half belongs to its public one");
}

fn pair_public(cng: &[u8]) -> Vec<u8> {
    [&[4], &cng[8..72]].concat()
}

#[test]
fn c4_a_key_on_p256_that_does_not_say_its_public_half() {
    let (pkcs8, public) = curve(&rcgen::PKCS_ECDSA_P256_SHA256);
    let info = PrivateKeyInfo::from_der(&pkcs8).unwrap();
    let inner = sec1::EcPrivateKey::from_der(info.private_key).unwrap();
    let short = sec1::EcPrivateKey { public_key: None, ..inner }.to_der().unwrap();
    let short = PrivateKeyInfo::new(info.algorithm, &short).to_der().unwrap();
    let (short, whole) =
        (PrivateKey::read(&short, &public).unwrap(), PrivateKey::read(&pkcs8, &public).unwrap());
    assert_eq!(short.cng(), whole.cng());
}

#[test]
fn c4_keys_that_cannot_sign_here_say_why() {
    let (p256, public) = curve(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, others) = curve(&rcgen::PKCS_ECDSA_P256_SHA256);
    let why = |pkcs8: &[u8], public: &[u8]| PrivateKey::read(pkcs8, public).err().unwrap().to_string();
    assert!(why(&p256, &others).contains("not the certificate's"));
    assert!(why(&rsa().0, &others).contains("not the certificate's"));
    assert!(why(&p256[..p256.len() - 1], &public).contains("damaged"));
    assert!(why(b"", &public).contains("damaged"));
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let (pkcs8, public) = curve(algorithm);
        assert_eq!(why(&pkcs8, &public), NOT_OURS.to_string());
    }
}

#[test]
fn c9_a_public_key_of_windows_that_is_none() {
    for wrong in [&b""[..], b"RSA1", &[6, 2, 0, 0, 0, 0xa4, 0, 0], &[0xff; 30]] {
        assert!(from_capi(wrong).is_err() && from_cng(wrong).is_err(), "{wrong:?}");
    }
    let mut endless = [PUBLIC_HEAD.as_slice(), &KEY_EXCHANGE.to_le_bytes(), &RSA1.to_le_bytes()].concat();
    endless.extend([0xff; 64]);
    assert!(from_capi(&endless).is_err());
}

#[test]
fn c7_an_ecdsa_signature_of_windows_is_what_everybody_else_reads() {
    let random = ring::rand::SystemRandom::new();
    let fixed = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = signature::EcdsaKeyPair::generate_pkcs8(fixed, &random).unwrap();
    let pair = signature::EcdsaKeyPair::from_pkcs8(fixed, pkcs8.as_ref(), &random).unwrap();
    let public = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, pair.public_key());
    // Some of them begin with zeros or with a high bit.
    for n in 0..100_u32 {
        let raw = pair.sign(&random, &n.to_le_bytes()).unwrap();
        let signature = ecdsa_signature(raw.as_ref()).unwrap();
        public.verify(&n.to_le_bytes(), &signature).unwrap();
    }
    assert!(ecdsa_signature(&[1; 63]).is_err() && ecdsa_signature(&[]).is_err());
}

proptest! {
    #[test]
    fn c9_whatever_windows_gives_as_a_public_key_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = (from_capi(&bytes), from_cng(&bytes), ecdsa_signature(&bytes));
    }

    #[test]
    fn c4_whatever_comes_as_a_private_key_is_no_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (mut pkcs8, public) = rsa();
        let at = at.index(pkcs8.len());
        pkcs8[at] = byte;
        if let Ok(PrivateKey::Rsa(key)) = PrivateKey::read(&pkcs8, &public) {
            let _ = key.capi();
        }
    }
}
