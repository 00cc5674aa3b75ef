//! The files of the store: PEM of a certificate and its chain, roots and intermediates and lists that somebody put there.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::super::import;
use super::super::read::parse;
use super::super::revocation::MAX_LIST;
use super::super::store::Authorities;

/// Files of one folder of authorities or lists.
const MAX_FILES: usize = 1000;

/// A file of certificates.
const MAX_PEM: u64 = 1024 * 1024;

/// Everything of a file that is not larger than `most`.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // NONBLOCK: a FIFO must not stop the daemon.
    let flags = nix::fcntl::OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large"));
    }
    Ok(bytes)
}

/// Writes a new file with this mode, whatever the umask; synced.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What is in a folder is on the disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The certificates of a PEM file; none, if it is not there.
pub(super) fn certificates(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    match read(path, MAX_PEM) {
        Ok(bytes) if bytes.is_empty() => Ok(Vec::new()),
        Ok(bytes) => import::answer(&bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// PEM of certificates.
pub(super) fn to_pem(certificates: &[Vec<u8>]) -> String {
    certificates.iter().map(|der| super::super::csr::pem("CERTIFICATE", der)).collect()
}

/// The system's roots; and of the store's own folders the authorities (self-signed: trusted) and the lists.
pub(super) fn authorities(own: &Path, lists: &Path) -> Authorities {
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a root of the system cannot be read");
    }
    let mut known = Authorities {
        roots: native.certs.iter().map(|root| root.to_vec()).collect(),
        ..Authorities::default()
    };
    each(own, MAX_PEM, |bytes| {
        for der in import::answer(&bytes).map_err(|error| error.to_string())? {
            let self_signed = parse(&der).is_ok_and(|read| read.subject().as_raw() == read.issuer().as_raw());
            if self_signed { known.roots.push(der) } else { known.intermediates.push(der) }
        }
        Ok(())
    });
    each(lists, MAX_LIST as u64, |bytes| {
        known.revocation_lists.extend(import::revocation_lists(bytes)?);
        Ok(())
    });
    known
}

/// Every file of a folder; what is wrong with one is told in the daemon's log.
fn each(folder: &Path, most: u64, mut take: impl FnMut(Vec<u8>) -> Result<(), String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().take(MAX_FILES) {
        let path = entry.path();
        if !path.is_file() {
            continue;
        }
        if let Err(why) = read(&path, most).map_err(|error| error.to_string()).and_then(&mut take) {
            tracing::warn!(file = %path.display(), why, "a file of authorities or lists is left out");
        }
    }
}
