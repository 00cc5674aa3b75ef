//! PKCS#12 (RFC 7292), opened: what OpenSSL, NSS, Java and every Windows write.
//!
//! Own code over RustCrypto's ciphers and key derivations, and not the crate p12-keystore: that one counts as many rounds
//! as a file asks for, reads DER only, and has no words for what is wrong. Here everything is bounded.

use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _, block_padding::Pkcs7};
use pkcs5::pbes2::Kdf;
use pkcs5::{AlgorithmIdentifierRef, EncryptionScheme};
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use ring::hmac;
use zeroize::Zeroizing;

#[cfg(test)]
use super::super::asn1::write;
use super::super::asn1::{
    INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, from_ber, only, pieces,
};
use super::Bundle;
use crate::secrets::Secret;

/// Rounds of key derivation for one file, all of its parts together: some seconds. NSS asks for 600,000 a part, others for
/// far fewer.
const MAX_ROUNDS: u64 = 5_000_000;

/// Safes within safes.
const MAX_DEPTH: usize = 4;

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
/// 1.2.840.113549.1.12.10.1, and a number behind it.
const BAGS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];
/// 1.2.840.113549.1.12.1, and a number behind it.
const PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
const PBMAC1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 14];
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];

/// Why a file was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not with this password.
    WrongPassword,
    /// What is wrong, as the end of a sentence.
    Wrong(String),
}

fn damaged() -> Fault {
    Fault::Wrong("is not a PKCS#12 file, or is damaged or cut off".to_owned())
}

/// Opens a file: all certificates and keys that are in it.
pub(super) fn open(file: &[u8], password: &Secret) -> Result<Bundle, Fault> {
    let der = from_ber(file).ok_or_else(damaged)?;
    let (safe, mac) = outermost(&der).ok_or_else(damaged)?;
    let mut opener =
        Opener { passwords: Passwords::of(password), rounds: MAX_ROUNDS, bundle: Bundle::default() };
    if let Some(mac) = mac {
        opener.verify(safe, mac)?;
    }
    opener.safe(safe)?;
    Ok(opener.bundle)
}

/// The authenticated safe and the content of MacData.
fn outermost(der: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut pfx = Reader::new(only(der, SEQUENCE)?);
    if pfx.take(INTEGER)? != [3] {
        return None;
    }
    let mut content = Reader::new(pfx.take(SEQUENCE)?);
    let data = content.take(OBJECT_IDENTIFIER)? == DATA;
    let safe = only(content.take(0xa0)?, OCTET_STRING)?;
    data.then_some((safe, pfx.optional(SEQUENCE)))
}

/// The password in both of its writings, wiped after use.
struct Passwords {
    utf8: Secret,
    /// UTF-16, big endian, with a NUL (RFC 7292 appendix B.1).
    utf16: Zeroizing<Vec<u8>>,
}

impl Passwords {
    fn of(password: &Secret) -> Self {
        let mut utf16 = Zeroizing::new(Vec::with_capacity(2 * password.expose().len() + 2));
        password.expose().encode_utf16().for_each(|unit| utf16.extend_from_slice(&unit.to_be_bytes()));
        utf16.extend_from_slice(&[0, 0]);
        Self { utf8: password.clone(), utf16 }
    }
}

struct Opener {
    passwords: Passwords,
    rounds: u64,
    bundle: Bundle,
}

impl Opener {
    fn verify(&mut self, safe: &[u8], mac: &[u8]) -> Result<(), Fault> {
        let ([digest_algorithm, expected, salt], rounds) = mac_parts(mac).ok_or_else(damaged)?;
        if digest_algorithm == PBMAC1 {
            let text = "is protected by PBMAC1 (RFC 9579), which is not read here; export it with an older MAC \
                        (openssl pkcs12 -export without -pbmac1_pbkdf2)";
            return Err(Fault::Wrong(text.to_owned()));
        }
        self.spend(rounds)?;
        let rounds = rounds_of(rounds)?;
        let key = |password: &[u8]| {
            let mac = Pkcs12KeyType::Mac;
            Some(match digest_algorithm {
                [0x2b, 0x0e, 3, 2, 0x1a] => {
                    let key = derive_key::<sha1::Sha1>(password, salt, mac, rounds, 20);
                    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &Zeroizing::new(key))
                }
                [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] => {
                    let key = derive_key::<sha2::Sha256>(password, salt, mac, rounds, 32);
                    hmac::Key::new(hmac::HMAC_SHA256, &Zeroizing::new(key))
                }
                [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] => {
                    let key = derive_key::<sha2::Sha384>(password, salt, mac, rounds, 48);
                    hmac::Key::new(hmac::HMAC_SHA384, &Zeroizing::new(key))
                }
                [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] => {
                    let key = derive_key::<sha2::Sha512>(password, salt, mac, rounds, 64);
                    hmac::Key::new(hmac::HMAC_SHA512, &Zeroizing::new(key))
                }
                _ => return None,
            })
        };
        let unknown = || Fault::Wrong("is protected by a digest that is not known here".to_owned());
        let right =
            |password: &[u8]| Ok(hmac::verify(&key(password).ok_or_else(unknown)?, safe, expected).is_ok());
        if right(&self.passwords.utf16)? {
            return Ok(());
        }
        // "No password" is written in two ways.
        if self.passwords.utf8.is_empty() && right(&[])? {
            self.passwords.utf16.clear();
            return Ok(());
        }
        Err(Fault::WrongPassword)
    }

    /// AuthenticatedSafe: SEQUENCE OF ContentInfo.
    fn safe(&mut self, safe: &[u8]) -> Result<(), Fault> {
        let der = from_ber(safe).ok_or_else(damaged)?;
        let mut contents = Reader::new(only(&der, SEQUENCE).ok_or_else(damaged)?);
        while !contents.is_empty() {
            let mut info = Reader::new(contents.take(SEQUENCE).ok_or_else(damaged)?);
            let (kind, content) = info.take(OBJECT_IDENTIFIER).zip(info.take(0xa0)).ok_or_else(damaged)?;
            if kind == DATA {
                let content = only(content, OCTET_STRING).ok_or_else(damaged)?;
                self.bags(content, 0)?;
            } else if kind == ENCRYPTED_DATA {
                let (algorithm, sealed) = encrypted(content).ok_or_else(damaged)?;
                let opened = self.decrypt(algorithm, &sealed)?;
                self.bags(&opened, 0)?;
            } else {
                let text = "is sealed for a certificate (public-key mode) and not with a password, which is not read here";
                return Err(Fault::Wrong(text.to_owned()));
            }
        }
        Ok(())
    }

    /// SafeContents: SEQUENCE OF SafeBag.
    fn bags(&mut self, contents: &[u8], depth: usize) -> Result<(), Fault> {
        // What was decrypted with a wrong key is no DER.
        let der = from_ber(contents).ok_or_else(damaged)?;
        let mut bags = Reader::new(only(&der, SEQUENCE).ok_or_else(damaged)?);
        while !bags.is_empty() {
            let mut bag = Reader::new(bags.take(SEQUENCE).ok_or_else(damaged)?);
            let (kind, value) = bag.take(OBJECT_IDENTIFIER).zip(bag.take(0xa0)).ok_or_else(damaged)?;
            match kind.strip_prefix(BAGS) {
                Some([1]) => self.bundle.key(value)?,
                Some([2]) => {
                    let mut sealed = Reader::new(only(value, SEQUENCE).ok_or_else(damaged)?);
                    let algorithm = sealed.next().filter(|element| element.tag == SEQUENCE);
                    let (algorithm, sealed) = algorithm.zip(sealed.take(OCTET_STRING)).ok_or_else(damaged)?;
                    let opened = self.decrypt(algorithm.whole, sealed)?;
                    let key = from_ber(&opened).ok_or_else(damaged)?;
                    self.bundle.key(&key)?;
                }
                Some([3]) => {
                    let mut bag = Reader::new(only(value, SEQUENCE).ok_or_else(damaged)?);
                    let (kind, value) =
                        bag.take(OBJECT_IDENTIFIER).zip(bag.take(0xa0)).ok_or_else(damaged)?;
                    if kind == X509 {
                        self.bundle.certificate(only(value, OCTET_STRING).ok_or_else(damaged)?)?;
                    }
                }
                Some([6]) if depth < MAX_DEPTH => self.bags(value, depth + 1)?,
                Some([6]) => return Err(damaged()),
                // Revocation lists and secrets: nothing that is wanted here.
                _ => {}
            }
        }
        Ok(())
    }

    fn decrypt(&mut self, algorithm: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut reader = Reader::new(only(algorithm, SEQUENCE).ok_or_else(damaged)?);
        let oid = reader.take(OBJECT_IDENTIFIER).ok_or_else(damaged)?;
        if oid == PBES2 {
            return self.decrypt_pbes2(algorithm, sealed);
        }
        let unknown = || Fault::Wrong("is encrypted by a cipher that is not read here".to_owned());
        let cipher = oid.strip_prefix(PBE).ok_or_else(unknown)?;
        let parameters = reader.take(SEQUENCE).ok_or_else(damaged)?;
        let mut parameters = Reader::new(parameters);
        let salt = parameters.take(OCTET_STRING).filter(|salt| salt.len() <= 1024).ok_or_else(damaged)?;
        let rounds = number(parameters.take(INTEGER).ok_or_else(damaged)?).ok_or_else(damaged)?;
        // Key and vector are derived one after the other.
        self.spend(rounds.saturating_mul(2))?;
        let rounds = rounds_of(rounds)?;
        let derive = |kind, length| {
            Zeroizing::new(derive_key::<sha1::Sha1>(&self.passwords.utf16, salt, kind, rounds, length))
        };
        let (key, iv) = (|length| derive(Pkcs12KeyType::EncryptionKey, length), derive(Pkcs12KeyType::Iv, 8));
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let length = match cipher {
            [3] => cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key(24), &iv)
                .ok()
                .and_then(|cipher| Some(cipher.decrypt_padded_mut::<Pkcs7>(&mut buffer).ok()?.len())),
            [4] => cbc::Decryptor::<des::TdesEde2>::new_from_slices(&key(16), &iv)
                .ok()
                .and_then(|cipher| Some(cipher.decrypt_padded_mut::<Pkcs7>(&mut buffer).ok()?.len())),
            [5] => rc2_decrypt(&key(16), 128, &iv, &mut buffer),
            [6] => rc2_decrypt(&key(5), 40, &iv, &mut buffer),
            _ => return Err(unknown()),
        };
        // Without a MAC, the padding is the only thing that tells.
        buffer.truncate(length.ok_or(Fault::WrongPassword)?);
        Ok(buffer)
    }

    fn decrypt_pbes2(&mut self, algorithm: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        use pkcs5::der::Decode as _;
        let unknown = || Fault::Wrong("is encrypted by a cipher that is not read here".to_owned());
        let scheme = AlgorithmIdentifierRef::from_der(algorithm)
            .ok()
            .and_then(|algorithm| EncryptionScheme::try_from(algorithm).ok())
            .ok_or_else(unknown)?;
        match scheme.pbes2().map(|parameters| &parameters.kdf) {
            Some(Kdf::Pbkdf2(kdf)) => {
                // A key longer than a digest takes the rounds twice.
                self.spend(u64::from(kdf.iteration_count).saturating_mul(2))?;
            }
            _ => return Err(Fault::Wrong("derives its key by scrypt, which is not read here".to_owned())),
        }
        let opened =
            scheme.decrypt(self.passwords.utf8.expose(), sealed).map_err(|_| Fault::WrongPassword)?;
        Ok(Zeroizing::new(opened))
    }

    /// Takes rounds from what one file may cost.
    fn spend(&mut self, rounds: u64) -> Result<(), Fault> {
        self.rounds = self.rounds.checked_sub(rounds).ok_or_else(|| {
            let text = format!(
                "asks for more than {MAX_ROUNDS} rounds of key derivation in all; export it with fewer"
            );
            Fault::Wrong(text)
        })?;
        Ok(())
    }
}

/// RC2 in CBC mode: its crate takes the effective key length only where it makes the cipher itself.
fn rc2_decrypt(key: &[u8], bits: usize, iv: &[u8], buffer: &mut [u8]) -> Option<usize> {
    use cbc::cipher::InnerIvInit as _;
    let cipher = rc2::Rc2::new_with_eff_key_len(key, bits);
    let decryptor = cbc::Decryptor::inner_iv_slice_init(cipher, iv).ok()?;
    Some(decryptor.decrypt_padded_mut::<Pkcs7>(buffer).ok()?.len())
}

/// Digest algorithm, digest, salt and rounds of MacData.
fn mac_parts(mac: &[u8]) -> Option<([&[u8]; 3], u64)> {
    let mut reader = Reader::new(mac);
    let mut info = Reader::new(reader.take(SEQUENCE)?);
    let algorithm = Reader::new(info.take(SEQUENCE)?).take(OBJECT_IDENTIFIER)?;
    let digest = info.take(OCTET_STRING)?;
    let salt = reader.take(OCTET_STRING).filter(|salt| salt.len() <= 1024)?;
    let rounds = if reader.is_empty() { 1 } else { number(reader.take(INTEGER)?)? };
    Some(([algorithm, digest, salt], rounds))
}

/// Algorithm (whole) and sealed bytes of EncryptedData.
fn encrypted(content: &[u8]) -> Option<(&[u8], Zeroizing<Vec<u8>>)> {
    let mut data = Reader::new(only(content, SEQUENCE)?);
    data.take(INTEGER)?;
    let mut info = Reader::new(data.take(SEQUENCE)?);
    info.take(OBJECT_IDENTIFIER)?;
    let algorithm = info.next().filter(|element| element.tag == SEQUENCE)?;
    let sealed = info.next()?;
    let sealed = match sealed.tag {
        0x80 => Zeroizing::new(sealed.content.to_vec()),
        // In pieces, as BER allows it.
        0xa0 => pieces(sealed.content)?,
        _ => return None,
    };
    Some((algorithm.whole, sealed))
}

fn number(integer: &[u8]) -> Option<u64> {
    match integer {
        [] => None,
        [first, ..] if *first >= 0x80 => None,
        digits if digits.len() > 5 => Some(u64::MAX),
        digits => Some(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit))),
    }
}

fn rounds_of(rounds: u64) -> Result<i32, Fault> {
    i32::try_from(rounds).ok().filter(|rounds| *rounds > 0).ok_or_else(damaged)
}

/// A key without encryption, as the tests make files of their own.
#[cfg(test)]
pub(super) fn plain_file(bags: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let bags: Vec<_> = bags
        .iter()
        .map(|(kind, value)| {
            let oid = write(OBJECT_IDENTIFIER, &[BAGS, &[*kind]]);
            write(SEQUENCE, &[&oid, &write(0xa0, &[value])])
        })
        .collect();
    let contents = write(SEQUENCE, &bags.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let data = |content: &[u8]| {
        let content = write(0xa0, &[&write(OCTET_STRING, &[content])]);
        write(SEQUENCE, &[&write(OBJECT_IDENTIFIER, &[DATA]), &content])
    };
    let safe = write(SEQUENCE, &[&data(&contents)]);
    write(SEQUENCE, &[&[2, 1, 3], &data(&safe)])
}

/// A certificate's bag.
#[cfg(test)]
pub(super) fn certificate_bag(der: &[u8]) -> (u8, Vec<u8>) {
    let value = write(0xa0, &[&write(OCTET_STRING, &[der])]);
    (3, write(SEQUENCE, &[&write(OBJECT_IDENTIFIER, &[X509]), &value]))
}
