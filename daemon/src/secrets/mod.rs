//! Secrets: held in memory so that they are wiped and never printed, and sealed before they reach the disk.
//!
//! One random key seals everything. The platform guards it: systemd or a file that only root can read on Unix, DPAPI on
//! Windows. Whoever is administrator of the machine can get at it; nobody else can. Daemons on one database have a key in
//! common instead ([`FleetKey`]), which each machine guards so.

mod code;
mod fleet;
mod key_file;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use self::unix as platform;
#[cfg(windows)]
use self::windows as platform;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize as _, Zeroizing};

pub use code::{Code, NoCode};
pub use fleet::{FleetId, FleetKey};

/// First byte of what [`Vault::seal`] makes.
const FORMAT: u8 = 1;
/// XChaCha20's nonce is long enough to be random every time.
const NONCE: usize = 24;
/// Keeps what is sealed here apart from anything else that a later version may seal under the same key.
const LABEL: &[u8] = b"faxpost-secret-1\0";

/// The master key.
type Key = Zeroizing<[u8; KEY]>;
const KEY: usize = 32;

/// A password or token in memory: wiped when dropped, `***` in `Debug`, no `Display`, no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself; the caller sees to it that it goes nowhere but to its destination.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// `#[serde(with = "…")]` for the one place where a secret travels: the private channel to the mailer.
pub mod exposed {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Secret;

    /// Writes the secret in clear.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    /// Reads it back.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// As [`exposed`], for a secret that may be missing.
pub mod exposed_option {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Secret;

    /// Writes the secret in clear.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

/// The password in the first line of a file that an administrator wrote, and that nobody else can read.
///
/// # Errors
/// It cannot be read, others have access to it, or the line is empty.
pub fn password_file(path: &std::path::Path) -> std::io::Result<Secret> {
    first_line(platform::open_private(path)?)
}

/// As [`password_file`], of a credential: systemd sees to who can read it. `None`: there is none of this name.
///
/// # Errors
/// It cannot be read, or the line is empty.
pub fn password_credential(name: &str) -> std::io::Result<Option<Secret>> {
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    match std::fs::File::open(std::path::Path::new(&folder).join(name)) {
        Ok(file) => first_line(file).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn first_line(file: std::fs::File) -> std::io::Result<Secret> {
    let bytes = key_file::read(file)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| key_file::wrong("it is not UTF-8"))?;
    match text.lines().next().unwrap_or_default() {
        "" => Err(key_file::wrong("its first line is empty instead of a password")),
        line => Ok(Secret::new(line.to_owned())),
    }
}

/// Seals secrets for the disk under a key that only the daemon's account can have.
pub struct Vault {
    key: Key,
}

/// Why a vault could not be opened or a secret not be unsealed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key could not be read, made or guarded.
    #[error("the sealing key {what} is not usable")]
    Key {
        /// Which file or credential.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Sealed with another key, bound to something else, or damaged.
    #[error(
        "a sealed secret cannot be opened: it was sealed with another key, for something else, or is damaged"
    )]
    Unseal,
}

impl Vault {
    /// Opens the vault of this state folder, and makes its key on a fresh install.
    ///
    /// # Errors
    /// [`VaultError::Key`]; a key that is there and wrong is never replaced.
    pub fn open(state_dir: &std::path::Path) -> Result<Self, VaultError> {
        Ok(Self { key: platform::open_key(state_dir)? })
    }

    /// Seals `secret`, so that it opens only together with the same `bound_to`.
    #[must_use]
    pub fn seal(&self, secret: &Secret, bound_to: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        random(&mut nonce);
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &associated(bound_to) };
        let sealed = self
            .cipher()
            .encrypt(XNonce::from_slice(&nonce), payload)
            .expect("the cipher takes anything shorter than 256 GB");
        [&[FORMAT][..], &nonce, &sealed].concat()
    }

    /// Opens what [`Vault::seal`] made.
    ///
    /// # Errors
    /// [`VaultError::Unseal`].
    pub fn unseal(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Secret, VaultError> {
        let rest = sealed.strip_prefix(&[FORMAT]).ok_or(VaultError::Unseal)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(VaultError::Unseal)?;
        let payload = Payload { msg: sealed, aad: &associated(bound_to) };
        let opened =
            self.cipher().decrypt(XNonce::from_slice(nonce), payload).map_err(|_| VaultError::Unseal)?;
        String::from_utf8(opened).map(Secret::new).map_err(|error| {
            error.into_bytes().zeroize();
            VaultError::Unseal
        })
    }

    /// Wipes its copy of the key when it is dropped.
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key.as_ref().into())
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(***)")
    }
}

fn associated(bound_to: &[u8]) -> Vec<u8> {
    [LABEL, bound_to].concat()
}

fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("without the system's random numbers nothing may be sealed");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault { key: Zeroizing::new([byte; KEY]) }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn h3_what_was_sealed_is_not_readable_and_differs_each_time() {
        let (one, two) = (vault(1).seal(&secret("hunter2"), b"b"), vault(1).seal(&secret("hunter2"), b"b"));
        assert_ne!(one, two);
        assert_eq!(one.len(), 1 + NONCE + "hunter2".len() + 16);
        assert!(!one.windows(7).any(|window| window == b"hunter2"));
    }

    #[test]
    fn h3_every_changed_byte_is_noticed() {
        let sealed = vault(1).seal(&secret("hunter2"), b"bound");
        for at in 0..sealed.len() {
            for bit in [1, 0x80] {
                let mut tampered = sealed.clone();
                tampered[at] ^= bit;
                assert!(vault(1).unseal(&tampered, b"bound").is_err(), "byte {at}");
            }
            assert!(vault(1).unseal(&sealed[..at], b"bound").is_err(), "cut at {at}");
        }
        assert!(vault(1).unseal(&[&sealed[..], &[0]].concat(), b"bound").is_err());
    }

    #[test]
    fn d3_another_binding_or_another_key_does_not_open_it() {
        let sealed = vault(1).seal(&secret("hunter2"), b"bound");
        assert_eq!(vault(1).unseal(&sealed, b"bound").unwrap(), secret("hunter2"));
        for other in [&b""[..], b"boun", b"bound2", b"\0bound"] {
            assert!(matches!(vault(1).unseal(&sealed, other), Err(VaultError::Unseal)));
        }
        assert!(matches!(vault(2).unseal(&sealed, b"bound"), Err(VaultError::Unseal)));
    }

    #[test]
    fn h3_the_key_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = Vault::open(folder.path()).unwrap().seal(&secret("hunter2"), b"");
        let again = Vault::open(folder.path()).unwrap();
        assert_eq!(again.unseal(&sealed, b"").unwrap(), secret("hunter2"));
        let files: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(files, ["secret.key"], "nothing is left over");

        let elsewhere = tempfile::tempdir().unwrap();
        assert!(
            Vault::open(elsewhere.path()).unwrap().unseal(&sealed, b"").is_err(),
            "every install has its own"
        );
    }

    #[test]
    fn h3_a_damaged_key_is_kept_and_reported() {
        for damaged in [&b""[..], b"short", &[7; 33], &[7; 70_000]] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("secret.key");
            drop(Vault::open(folder.path()).unwrap());
            std::fs::write(&path, damaged).unwrap();
            let error = Vault::open(folder.path()).unwrap_err();
            assert!(error.to_string().contains("secret.key"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), damaged, "not replaced");
        }
    }

    #[test]
    fn h3_many_openers_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Vault::open(folder.path()).unwrap().key;
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn h3_no_debug_output_shows_a_secret() {
        use crate::accounts::{Account, Applied, PasswordChange, Set};
        use crate::mailer::Credential;
        let shown = [
            format!("{:?}", secret("hunter2")),
            format!("{:?}", Set::Password(secret("hunter2"))),
            format!("{:?}", PasswordChange::Set(secret("hunter2"))),
            format!(
                "{:?}",
                Applied {
                    account: Account::default(),
                    password: PasswordChange::Set(secret("hunter2")),
                    client_secret: PasswordChange::Set(secret("hunter2")),
                    tokens_stay: true,
                }
            ),
            format!("{:#?}", Credential::Password(secret("hunter2"))),
            format!("{:?}", Vault { key: Zeroizing::new([b'h'; KEY]) }),
        ];
        for text in shown {
            assert!(text.contains("***") && !text.contains("hunter2") && !text.contains("104"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn h3_any_secret_comes_back(text in "\\PC*", bound_to in proptest::collection::vec(any::<u8>(), 0..40)) {
            let sealed = vault(1).seal(&secret(&text), &bound_to);
            prop_assert_eq!(vault(1).unseal(&sealed, &bound_to).unwrap(), secret(&text));
        }

        #[test]
        fn h3_arbitrary_bytes_never_panic(sealed in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(vault(1).unseal(&sealed, b"").is_err());
        }
    }
}
