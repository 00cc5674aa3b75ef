//! The file that holds the key: made once, whole or not at all, and never overwritten.
//!
//! Without its key every stored password is lost, so a key that looks wrong is an administrator's business.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KEY, Key, VaultError, random};

/// Larger than any key as it is kept (a DPAPI blob has some 200 bytes): what is larger is no key.
const MAX_FILE: u64 = 4096;

/// Where the key is kept when nothing else guards it.
pub(super) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("secret.key")
}

/// A new key.
pub(super) fn fresh() -> Key {
    let mut key = Zeroizing::new([0; KEY]);
    random(key.as_mut());
    key
}

/// The error of this key.
pub(super) fn error(path: &Path, source: io::Error) -> VaultError {
    VaultError::Key { what: path.display().to_string(), source }
}

/// A key that somebody else made in the meantime is as good as one's own.
///
/// # Errors
/// All others.
pub(super) fn there(made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// What is wrong with a key that is there.
pub(super) fn wrong(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

/// All of a file that can be a key.
///
/// # Errors
/// The file's, or that it is too large.
pub(super) fn read(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all from the beginning: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(wrong("it is too large to be a key or a password"));
    }
    Ok(bytes)
}

/// The key, if these are 32 bytes.
///
/// # Errors
/// How many there are.
pub(super) fn exactly(bytes: &[u8]) -> io::Result<Key> {
    let mut key = Zeroizing::new([0; KEY]);
    if bytes.len() != KEY {
        let text =
            format!("it has {} bytes instead of {KEY}; put the right one back from a backup", bytes.len());
        return Err(wrong(text));
    }
    key.copy_from_slice(bytes);
    Ok(key)
}

/// Writes a new file beside `path`, synced, and gives it its name by `place`, which must refuse to replace one.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`]: somebody else was faster.
pub(super) fn create(
    path: &Path,
    bytes: &[u8],
    options: &mut OpenOptions,
    place: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut suffix = [0; 8];
    random(&mut suffix);
    let temporary = path.with_extension(format!("key-{}", hex::encode(suffix)));
    let mut file = options.write(true).create_new(true).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let placed = written.and_then(|()| place(&temporary, path));
    if placed.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&temporary);
    }
    placed
}
