//! Unix: the key is a systemd credential, or a file for the daemon's own eyes in the state folder.
//!
//! A file that others could have read or put there is refused: its secrets may be known, or chosen by them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use super::{KEY, Key, Secret, Vault, VaultError, fleet, key_file};

/// `LoadCredentialEncrypted=faxpost-key` in the unit.
const CREDENTIAL: &str = "faxpost-key";

/// What the sealed key of a fleet is bound to.
const FLEET_KEY: &[u8] = b"faxpost-fleet-key";

/// The key of this state folder, made if there is none.
///
/// # Errors
/// See [`super::Vault::open`].
pub(super) fn open_key(state_dir: &Path) -> Result<Key, VaultError> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    open_key_with(state_dir, credentials.as_ref().map(Path::new))
}

fn open_key_with(state_dir: &Path, credentials: Option<&Path>) -> Result<Key, VaultError> {
    if let Some(path) = credentials.map(|folder| folder.join(CREDENTIAL)) {
        match File::open(&path) {
            Ok(file) => return credential(file).map_err(|source| key_file::error(&path, source)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(key_file::error(&path, error)),
        }
    }
    let path = key_file::path(state_dir);
    let key = match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            key_file::there(create(&path, key_file::fresh().as_ref())).and_then(|()| read(&path))
        }
        other => other,
    };
    key.map_err(|source| key_file::error(&path, source))
}

/// 32 bytes, or 64 hexadecimal digits as `openssl rand -hex 32` prints them. systemd sees to who can read it.
fn credential(file: File) -> io::Result<Key> {
    let bytes = key_file::read(file)?;
    let digits = bytes.trim_ascii();
    if bytes.len() == KEY || digits.len() != 2 * KEY {
        return key_file::exactly(&bytes);
    }
    let mut key = Key::default();
    hex::decode_to_slice(digits, key.as_mut()).map_err(|_| key_file::wrong("it is not hexadecimal"))?;
    Ok(key)
}

fn read(path: &Path) -> io::Result<Key> {
    key_file::exactly(&key_file::read(open_private(path)?)?)
}

/// Opens a file that nobody but us and root can have read or put there.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    // NONBLOCK: a FIFO in its place must not stop the daemon.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(|error| {
        match error.raw_os_error() {
            Some(code) if code == nix::errno::Errno::ELOOP as i32 => key_file::wrong("it is a symbolic link"),
            _ => error,
        }
    })?;
    // Of the open file: the name may mean another one by now.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(key_file::wrong("it is not a regular file"));
    }
    let (owner, us) = (metadata.uid(), geteuid().as_raw());
    if owner != us && owner != 0 {
        return Err(key_file::wrong(format!("it belongs to user {owner}, not to {us} or root")));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!(
            "others have access to it (mode {mode:03o}): set it to 600, and change the passwords if others may have read it"
        );
        return Err(key_file::wrong(text));
    }
    Ok(file)
}

/// Seals the key of a fleet under this machine's own.
pub(super) fn seal_for_machine(state_dir: &Path, key: &Key) -> Result<Vec<u8>, VaultError> {
    let digits = Secret::new(hex::encode(key.as_ref()));
    Ok(Vault::open(state_dir)?.seal(&digits, FLEET_KEY))
}

/// Opens what [`seal_for_machine`] made.
pub(super) fn open_for_machine(state_dir: &Path, sealed: &[u8]) -> Result<Key, VaultError> {
    fleet::from_hex(&Vault::open(state_dir)?.unseal(sealed, FLEET_KEY)?)
}

/// A new file of these bytes, for our own eyes. One that is there stays.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let place = |temporary: &Path, path: &Path| {
        // A link fails where a rename would replace.
        std::fs::hard_link(temporary, path)?;
        std::fs::remove_file(temporary)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    key_file::create(path, bytes, OpenOptions::new().mode(0o600), place)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// The reason that is told for the key in this state folder.
    fn refused(folder: &Path) -> String {
        match open_key_with(folder, None).unwrap_err() {
            VaultError::Key { what, source } => format!("{what}: {source}"),
            VaultError::Unseal => panic!("nothing was unsealed"),
        }
    }

    #[test]
    fn h3_the_key_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        open_key_with(folder.path(), None).unwrap();
        let path = folder.path().join("secret.key");
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.len(), metadata.nlink()), (0o600, 32, 1));
        for mode in [0o640, 0o604, 0o620, 0o601, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let why = refused(folder.path());
            assert!(why.contains("secret.key") && why.contains(&format!("mode {mode:03o}")), "{why}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        open_key_with(folder.path(), None).unwrap();
    }

    #[test]
    fn h3_a_link_a_folder_or_a_fifo_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        fs::write(folder.path().join("other"), [7; 32]).unwrap();
        symlink(folder.path().join("other"), &path).unwrap();
        assert!(refused(folder.path()).contains("symbolic link"));
        fs::remove_file(&path).unwrap();
        symlink(folder.path().join("missing"), &path).unwrap();
        assert!(refused(folder.path()).contains("symbolic link"), "and nothing is made at its target");
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(refused(folder.path()).contains("regular file"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(refused(folder.path()).contains("regular file"));
    }

    #[test]
    fn h3_somebody_elses_key_is_refused() {
        if !geteuid().is_root() {
            return; // only root can give a file away
        }
        let folder = tempfile::tempdir().unwrap();
        open_key_with(folder.path(), None).unwrap();
        let path = folder.path().join("secret.key");
        nix::unistd::chown(&path, Some(65_534.into()), None).unwrap();
        assert!(refused(folder.path()).contains("belongs to user 65534"));
    }

    #[test]
    fn h3_a_state_folder_that_is_missing_is_told_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refused(&folder.path().join("missing")).contains("missing"));
    }

    #[test]
    fn h3_a_systemd_credential_comes_first() {
        let (state, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = credentials.path().join("faxpost-key");
        let open = || open_key_with(state.path(), Some(credentials.path()));
        for written in [&[7; 32][..], "07".repeat(32).as_bytes(), format!("{}\n", "07".repeat(32)).as_bytes()]
        {
            fs::write(&path, written).unwrap();
            assert_eq!(*open().unwrap(), [7; 32]);
        }
        assert!(!state.path().join("secret.key").exists());
        for wrong in [&b""[..], &[7; 31], &[b'x'; 64], &[7; 5000]] {
            fs::write(&path, wrong).unwrap();
            assert!(open().is_err());
        }
        assert!(!state.path().join("secret.key").exists(), "a wrong credential is not passed over");
        fs::remove_file(&path).unwrap();
        open().unwrap();
        assert!(state.path().join("secret.key").exists(), "without one the file is used");
    }
}
