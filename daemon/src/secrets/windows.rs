//! Windows: the key lies in the state folder, sealed by DPAPI for the account the daemon runs as.
//!
//! The blob opens on this machine and under this account only: a copy of the folder is worth nothing elsewhere.
#![allow(unsafe_code)] // DPAPI and descriptors of files are C interfaces

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsHandle as _;
use std::path::Path;

use faxpost_proto::security::{ADMINISTRATORS, Descriptor, SYSTEM, Token, account_name};
use windows::Win32::Foundation::{ERROR_ALREADY_EXISTS, ERROR_FILE_EXISTS, HLOCAL, LocalFree};
use windows::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_LOCAL_MACHINE, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData,
    CryptUnprotectData,
};
use windows::Win32::Security::{
    DACL_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, SetFileSecurityW,
};
use windows::Win32::Storage::FileSystem::{
    FILE_FLAG_OPEN_REPARSE_POINT, MOVEFILE_WRITE_THROUGH, MoveFileExW,
};
use windows::core::{HSTRING, PCWSTR};
use zeroize::{Zeroize as _, Zeroizing};

use super::{FleetKey, Key, VaultError, key_file};

/// Keeps the blob from being opened by another program of the same account by mistake. Not a secret.
const ENTROPY: &[u8] = b"faxpost-master-key-1";

/// The key of this state folder, made if there is none.
///
/// # Errors
/// See [`super::Vault::open`].
pub(super) fn open_key(state_dir: &Path) -> Result<Key, VaultError> {
    let path = key_file::path(state_dir);
    let key = match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            key_file::there(make(&path)).and_then(|()| read(&path))
        }
        other => other,
    };
    key.map_err(|source| key_file::error(&path, source))
}

fn read(path: &Path) -> io::Result<Key> {
    let blob = key_file::read(open(path)?)?;
    let key = transform(Direction::Unprotect, &blob).map_err(|error| {
        key_file::wrong(format!(
            "it is damaged, or was sealed for another account or machine; put the right one back from a backup ({error})"
        ))
    })?;
    key_file::exactly(&key)
}

fn open(path: &Path) -> io::Result<File> {
    let file: File = OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT.0).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(key_file::wrong("it is a link or not a regular file")),
    }
}

/// Opens a file that nobody but us, SYSTEM and administrators can have read or put there.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    let own = Token::own()?.facts()?.user;
    let trusted = |sid: &str| [SYSTEM, ADMINISTRATORS, &own].contains(&sid);
    let shown = |sid: &str| account_name(sid).unwrap_or_else(|| sid.to_owned());
    let descriptor = Descriptor::of(file.as_handle())?;
    let owner = descriptor.owner()?.unwrap_or_default();
    if !trusted(&owner) {
        let text = format!("it belongs to {}, not to the daemon or an administrator", shown(&owner));
        return Err(key_file::wrong(text));
    }
    let everybody = || vec![("S-1-1-0".to_owned(), u32::MAX)];
    let grants = descriptor.grants()?.unwrap_or_else(everybody);
    // OWNER RIGHTS: the owner was looked at.
    let other = grants.iter().find(|(sid, mask)| *mask != 0 && !trusted(sid) && sid != "S-1-3-4");
    match other {
        None => Ok(file),
        Some((sid, _)) => Err(key_file::wrong(format!(
            "others have access to it ({}); take that away: icacls \"{}\" /inheritance:r /grant *{SYSTEM}:F \
             *{ADMINISTRATORS}:F, and change the password if others may have read it",
            shown(sid),
            path.display()
        ))),
    }
}

fn make(path: &Path) -> io::Result<()> {
    create(path, &transform(Direction::Protect, key_file::fresh().as_ref())?)
}

/// Seals the key of a fleet for every account of this machine: an administrator hands it over, and the service works with it.
/// Whom the file's descriptor lets read is all that keeps other accounts from it, as [`open_private`] looks.
pub(super) fn seal_for_machine(state_dir: &Path, key: &Key) -> Result<Vec<u8>, VaultError> {
    let sealed = transform(Direction::ProtectForMachine, key.as_ref());
    let sealed = sealed.map_err(|source| key_file::error(&FleetKey::path(state_dir), source))?;
    Ok(sealed.to_vec())
}

/// Opens what [`seal_for_machine`] made.
pub(super) fn open_for_machine(_state_dir: &Path, sealed: &[u8]) -> Result<Key, VaultError> {
    let key = transform(Direction::Unprotect, sealed).map_err(|_| VaultError::Unseal)?;
    key_file::exactly(&key).map_err(|_| VaultError::Unseal)
}

/// A new file of these bytes, for SYSTEM, administrators and its owner, whatever the state folder would let it have. One that is
/// there stays.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    key_file::create(path, bytes, &mut OpenOptions::new(), |from, to| {
        close(from).and_then(|()| place(from, to))
    })
}

/// Takes a file away from all others.
fn close(path: &Path) -> io::Result<()> {
    let descriptor = Descriptor::from_sddl("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)")?;
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the path ends with zero, as HSTRING has it; the descriptor outlives the call.
    Ok(unsafe {
        SetFileSecurityW(&HSTRING::from(path), what, PSECURITY_DESCRIPTOR(descriptor.as_ptr())).ok()
    }?)
}

/// Renames, and fails where the standard library's rename would replace.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    let wide = |path: &Path| path.as_os_str().encode_wide().chain([0]).collect::<Vec<u16>>();
    let (from, to) = (wide(from), wide(to));
    // SAFETY: both are NUL-terminated and live until the call returns.
    let moved = unsafe { MoveFileExW(PCWSTR(from.as_ptr()), PCWSTR(to.as_ptr()), MOVEFILE_WRITE_THROUGH) };
    moved.map_err(|error| {
        let exists =
            [ERROR_ALREADY_EXISTS, ERROR_FILE_EXISTS].iter().any(|code| error.code() == code.to_hresult());
        if exists { io::ErrorKind::AlreadyExists.into() } else { io::Error::other(error) }
    })
}

#[derive(Clone, Copy)]
enum Direction {
    Protect,
    ProtectForMachine,
    Unprotect,
}

impl Direction {
    fn flags(self) -> u32 {
        match self {
            Self::Protect | Self::Unprotect => CRYPTPROTECT_UI_FORBIDDEN,
            Self::ProtectForMachine => CRYPTPROTECT_UI_FORBIDDEN | CRYPTPROTECT_LOCAL_MACHINE,
        }
    }
}

/// Seals by DPAPI under the current account, or for all of the machine, or opens. No window ever opens: a service has no one to ask.
fn transform(direction: Direction, input: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    let blob = |bytes: &[u8]| -> io::Result<CRYPT_INTEGER_BLOB> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        Ok(CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_ptr().cast_mut() })
    };
    let (input, entropy) = (blob(input)?, blob(ENTROPY)?);
    let mut output = CRYPT_INTEGER_BLOB::default();
    // SAFETY: the input blobs point into slices that outlive the calls, which only read them; `output` is written by
    // the call, and then owned by us as one LocalAlloc block.
    unsafe {
        match direction {
            Direction::Protect | Direction::ProtectForMachine => CryptProtectData(
                &input,
                PCWSTR::null(),
                Some(&entropy),
                None,
                None,
                direction.flags(),
                &mut output,
            ),
            Direction::Unprotect => {
                CryptUnprotectData(&input, None, Some(&entropy), None, None, direction.flags(), &mut output)
            }
        }
    }
    .map_err(io::Error::other)?;
    if output.pbData.is_null() {
        return Err(io::Error::other("DPAPI gave nothing"));
    }
    // SAFETY: the call succeeded, so that `output` is a block of cbData initialised bytes that nobody else has.
    let bytes = unsafe { std::slice::from_raw_parts_mut(output.pbData, output.cbData as usize) };
    let copy = Zeroizing::new(bytes.to_vec());
    bytes.zeroize();
    // SAFETY: the block came from LocalAlloc, is not used after this, and is freed once.
    unsafe { LocalFree(Some(HLOCAL(output.pbData.cast()))) };
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h3_dpapi_round_trips_and_refuses_what_was_tampered_with() {
        let sealed = transform(Direction::Protect, &[7; 32]).unwrap();
        assert!(!sealed.windows(32).any(|window| window == [7; 32]));
        assert_eq!(transform(Direction::Unprotect, &sealed).unwrap().as_slice(), [7; 32]);
        let mut tampered = sealed.clone();
        let last = tampered.len() - 1;
        tampered[last] ^= 1;
        assert!(transform(Direction::Unprotect, &tampered).is_err());
        assert!(transform(Direction::Unprotect, b"").is_err());
    }

    #[test]
    fn h3_the_key_does_not_lie_open_in_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let key = open_key(folder.path()).unwrap();
        let file = std::fs::read(folder.path().join("secret.key")).unwrap();
        assert!(!file.windows(32).any(|window| window == key.as_slice()));
    }

    #[test]
    fn h3_a_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        std::fs::write(&path, b"kept").unwrap();
        assert_eq!(make(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }
}
