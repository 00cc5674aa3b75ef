//! The key of a fleet: what the daemons on one database have in common, and the database has not.
//!
//! Each machine keeps it sealed by its own means (`fleet.key` in the state folder). The database knows an identifier that was
//! computed from it, so that a machine without it, or with another, notices before it seals or opens anything. It goes to
//! another machine through the database, sealed under a code that an administrator carries over ([`Code`]).

use std::io;
use std::path::{Path, PathBuf};

use ring::hkdf::{HKDF_SHA256, Salt};

use super::{Code, KEY, Key, Secret, Vault, VaultError, key_file, platform};

/// What keeps the three uses of one key apart.
const SEALING: &[u8] = b"faxpost-fleet-sealing-1";
const IDENTITY: &[u8] = b"faxpost-fleet-identity-1";
const INVITATION: &[u8] = b"faxpost-fleet-invitation-1";

/// The key. Wiped when dropped, `***` in `Debug`.
pub struct FleetKey(Key);

/// What tells keys apart, and nothing else of them.
pub type FleetId = [u8; KEY];

impl FleetKey {
    /// The name of its file in the state folder.
    pub const FILE: &str = "fleet.key";

    /// Where this machine keeps it.
    #[must_use]
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join(Self::FILE)
    }

    /// A new one.
    #[must_use]
    pub fn fresh() -> Self {
        Self(key_file::fresh())
    }

    /// The one that this machine keeps, if it has one.
    ///
    /// # Errors
    /// [`VaultError::Key`]: it is damaged, was sealed by another machine, or others have access to it.
    pub fn open(state_dir: &Path) -> Result<Option<Self>, VaultError> {
        let path = Self::path(state_dir);
        let sealed = match platform::open_private(&path).and_then(key_file::read) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(key_file::error(&path, error)),
        };
        match platform::open_for_machine(state_dir, &sealed) {
            Ok(key) => Ok(Some(Self(key))),
            Err(VaultError::Unseal) => {
                let why = "it is damaged, or was sealed under another key than this machine's; put the right one back from \
                           a backup, or move it away and run `faxpostd join`";
                Err(key_file::error(&path, key_file::wrong(why)))
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps it on this machine; when this returns it is there for good. One that is there is never replaced.
    ///
    /// # Errors
    /// [`VaultError::Key`].
    pub fn keep(&self, state_dir: &Path) -> Result<(), VaultError> {
        let sealed = platform::seal_for_machine(state_dir, &self.0)?;
        let path = Self::path(state_dir);
        platform::create(&path, &sealed).map_err(|source| key_file::error(&path, source))
    }

    /// What seals the fleet's secrets.
    #[must_use]
    pub fn vault(&self) -> Vault {
        Vault { key: derived(b"", self.0.as_ref(), SEALING) }
    }

    /// What the database may know of it.
    #[must_use]
    pub fn id(&self) -> FleetId {
        *derived(b"", self.0.as_ref(), IDENTITY)
    }

    /// For whoever has the code.
    #[must_use]
    pub fn seal_for(&self, code: &Code) -> Vec<u8> {
        let id = self.id();
        under(code, &id).seal(&Secret::new(hex::encode(self.0.as_ref())), &id)
    }

    /// Opens what [`Self::seal_for`] made of the key with this identifier.
    ///
    /// # Errors
    /// [`VaultError::Unseal`]: another code, another key, or damaged.
    pub fn open_with(code: &Code, sealed: &[u8], id: &FleetId) -> Result<Self, VaultError> {
        let key = Self(from_hex(&under(code, id).unseal(sealed, id)?)?);
        if key.id() == *id { Ok(key) } else { Err(VaultError::Unseal) }
    }
}

impl std::fmt::Debug for FleetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FleetKey(***)")
    }
}

/// The key that a secret holds as digits.
pub(super) fn from_hex(digits: &Secret) -> Result<Key, VaultError> {
    let mut key = Key::default();
    hex::decode_to_slice(digits.expose(), key.as_mut()).map_err(|_| VaultError::Unseal)?;
    Ok(key)
}

/// A code is random in all its 130 bits, so it needs no slow derivation.
fn under(code: &Code, id: &FleetId) -> Vault {
    Vault { key: derived(id, code.symbols(), INVITATION) }
}

fn derived(salt: &[u8], secret: &[u8], purpose: &[u8]) -> Key {
    let mut key = Key::default();
    let pseudorandom = Salt::new(HKDF_SHA256, salt).extract(secret);
    let filled = pseudorandom.expand(&[purpose], HKDF_SHA256).and_then(|output| output.fill(key.as_mut()));
    filled.expect("HKDF gives as many bytes as its hash has");
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn j1_a_fleets_key_is_kept_sealed_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        assert!(FleetKey::open(folder.path()).unwrap().is_none());
        let key = FleetKey::fresh();
        key.keep(folder.path()).unwrap();
        let file = std::fs::read(FleetKey::path(folder.path())).unwrap();
        assert!(!file.windows(8).any(|part| key.0.windows(8).any(|ours| ours == part)), "not in clear");
        let again = FleetKey::open(folder.path()).unwrap().unwrap();
        assert_eq!((again.id(), &again.0), (key.id(), &key.0));
        let sealed = key.vault().seal(&Secret::new("hunter2".to_owned()), b"account");
        assert_eq!(again.vault().unseal(&sealed, b"account").unwrap().expose(), "hunter2");
        assert!(FleetKey::fresh().vault().unseal(&sealed, b"account").is_err());
        assert!(
            Vault { key: again.0.clone() }.unseal(&sealed, b"account").is_err(),
            "it seals nothing itself"
        );
        assert_ne!(again.id(), *again.0);
        assert_eq!(format!("{key:?}"), "FleetKey(***)");
    }

    #[test]
    fn j1_a_fleets_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let key = FleetKey::fresh();
        key.keep(folder.path()).unwrap();
        let error = FleetKey::fresh().keep(folder.path()).unwrap_err();
        assert!(error.to_string().contains("fleet.key"), "{error}");
        assert_eq!(FleetKey::open(folder.path()).unwrap().unwrap().id(), key.id());
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        let left = left.iter().filter(|file| file.file_name().to_string_lossy().contains("key-")).count();
        assert_eq!(left, 0, "nothing is left over");
    }

    #[test]
    fn j1_a_fleets_key_that_is_damaged_is_told_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        FleetKey::fresh().keep(folder.path()).unwrap();
        let path = FleetKey::path(folder.path());
        let good = std::fs::read(&path).unwrap();
        for damaged in [&b""[..], b"short", &good[..good.len() - 1], &[7; 70_000]] {
            std::fs::write(&path, damaged).unwrap();
            let error = FleetKey::open(folder.path()).unwrap_err();
            assert!(error.to_string().contains("fleet.key"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), damaged);
        }
    }

    #[cfg(unix)]
    #[test]
    fn j1_a_copy_of_the_file_opens_on_no_other_machine() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        FleetKey::fresh().keep(ours.path()).unwrap();
        std::fs::copy(FleetKey::path(ours.path()), FleetKey::path(theirs.path())).unwrap();
        let Err(VaultError::Key { source, .. }) = FleetKey::open(theirs.path()) else { panic!("it opens") };
        assert!(source.to_string().contains("faxpostd join"), "{source}");
    }

    #[cfg(unix)]
    #[test]
    fn h3_a_fleets_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        FleetKey::fresh().keep(folder.path()).unwrap();
        let path = FleetKey::path(folder.path());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(FleetKey::open(folder.path()).is_err());
    }

    #[test]
    fn j1_only_the_code_opens_an_invitation() {
        let (key, code) = (FleetKey::fresh(), Code::fresh());
        let sealed = key.seal_for(&code);
        assert_eq!(FleetKey::open_with(&code, &sealed, &key.id()).unwrap().id(), key.id());
        assert!(FleetKey::open_with(&Code::fresh(), &sealed, &key.id()).is_err());
        assert!(FleetKey::open_with(&code, &sealed, &FleetKey::fresh().id()).is_err());
        assert!(key.vault().unseal(&sealed, &key.id()).is_err());
        for at in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[at] ^= 1;
            assert!(FleetKey::open_with(&code, &tampered, &key.id()).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn j1_arbitrary_bytes_are_no_invitation(sealed in proptest::collection::vec(any::<u8>(), 0..150)) {
            prop_assert!(FleetKey::open_with(&Code::fresh(), &sealed, &[0; KEY]).is_err());
        }
    }
}
