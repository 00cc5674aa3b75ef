//! One folder a certificate, named by its SHA-256, and one a key that waits for its certificate.
//!
//! ```text
//! certificates/                 0711: who was granted a key passes through
//!   SHA-256/certificate.pem     0644
//!          /chain.pem           0644
//!          /key.p8              0600, and an entry of its access control list for each account that was granted it
//!   pending/SHA-256/key.p8      0600; of the public key
//!   authorities/                PEM or DER, put there by an administrator: own CAs
//!   revocation/                 PEM or DER: revocation lists
//! ```
//! A folder gets its name when it is whole and on the disk: what a crash leaves has another name, and is removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};

use super::super::key::KeyReference;
use super::super::store::{
    Authorities, CertificateStore, Fingerprint, Holder, Identity, KeyType, PendingKey, StoreFault, Stored,
    Trustee,
};
use super::acl::{Acl, Reader};
use super::{account, files, make};

const CERTIFICATE: &str = "certificate.pem";
const CHAIN: &str = "chain.pem";
const KEY: &str = "key.p8";

/// Begins the names of folders that are not whole yet, or not any more.
const UNFINISHED: &str = ".unfinished-";

/// Certificates of the store. Far more than anybody signs with.
const MOST: usize = 500;

/// The store.
pub(super) struct FileStore {
    folder: PathBuf,
    pending: PathBuf,
}

impl FileStore {
    /// Opens the store of a state folder, and removes what a crash left.
    pub(super) fn open(state_dir: &Path) -> Result<Self, StoreFault> {
        let folder = state_dir.join("certificates");
        let store = Self { pending: folder.join("pending"), folder };
        let opened = (|| {
            passable(&store.folder)?;
            for closed in ["pending", "authorities", "revocation"] {
                crate::service::private_folder(&store.folder.join(closed))?;
            }
            for folder in [&store.folder, &store.pending] {
                for entry in fs::read_dir(folder)? {
                    let entry = entry?;
                    if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                        fs::remove_dir_all(entry.path())?;
                    }
                }
            }
            files::sync(state_dir)
        })();
        opened.map_err(|error| failed(&store.folder, &error))?;
        Ok(store)
    }

    fn place(&self, certificate: &Fingerprint) -> PathBuf {
        self.folder.join(hex::encode(certificate))
    }

    /// A certificate that is there.
    fn stored(&self, folder: &Path) -> io::Result<Stored> {
        let mut certificates = files::certificates(&folder.join(CERTIFICATE))?;
        if certificates.is_empty() {
            return Err(io::Error::new(ErrorKind::NotFound, "it has no certificate"));
        }
        let key = folder.join(KEY);
        let key = key.exists().then_some(KeyReference::File(key));
        let chain = files::certificates(&folder.join(CHAIN))?;
        Ok(Stored { certificate: certificates.swap_remove(0), chain, key, exportable: false })
    }

    /// A new folder that is not whole yet, filled by `fill`, and then called `place`.
    fn build(&self, place: &Path, mode: u32, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let parent = place.parent().unwrap_or(&self.folder);
        let unfinished = parent.join(format!("{UNFINISHED}{}", uuid::Uuid::new_v4()));
        let built = (|| {
            DirBuilder::new().mode(mode).create(&unfinished)?;
            // The umask may have taken away more than those who were granted a key can do without.
            fs::set_permissions(&unfinished, fs::Permissions::from_mode(mode))?;
            fill(&unfinished)?;
            files::sync(&unfinished)?;
            fs::rename(&unfinished, place)?;
            files::sync(parent)
        })();
        if built.is_err() {
            // Its own failure says less than the first.
            let _ = fs::remove_dir_all(&unfinished);
        }
        built
    }

    /// Takes a folder away at once, whatever happens while its files are removed.
    fn remove(&self, place: &Path) -> io::Result<()> {
        let parent = place.parent().unwrap_or(&self.folder);
        let unfinished = parent.join(format!("{UNFINISHED}{}", uuid::Uuid::new_v4()));
        fs::rename(place, &unfinished)?;
        files::sync(parent)?;
        fs::remove_dir_all(&unfinished)
    }

    fn put(
        &self,
        certificate: &[u8],
        chain: &[Vec<u8>],
        key: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<Stored, StoreFault> {
        let place = self.place(&Sha256::digest(certificate).into());
        let put = (|| {
            if place.exists() {
                // Its certificate is there without a key: the key alone is missing.
                let unfinished = place.join(format!("{UNFINISHED}{KEY}"));
                match fs::remove_file(&unfinished) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => key(&unfinished)?,
                }
                fs::rename(&unfinished, place.join(KEY))?;
                files::sync(&place)?;
            } else {
                self.build(&place, 0o711, |folder| {
                    files::write(
                        &folder.join(CERTIFICATE),
                        files::to_pem(&[certificate.to_vec()]).as_bytes(),
                        0o644,
                    )?;
                    files::write(&folder.join(CHAIN), files::to_pem(chain).as_bytes(), 0o644)?;
                    key(&folder.join(KEY))
                })?;
            }
            self.stored(&place)
        })();
        put.map_err(|error| failed(&place, &error))
    }

    /// The file of a key of this store.
    fn key_file(&self, key: &KeyReference) -> Result<(PathBuf, File), StoreFault> {
        let KeyReference::File(path) = key else {
            return Err(StoreFault::Unsupported("a key of Windows is not in this store".to_owned()));
        };
        if !path.starts_with(&self.folder) {
            return Err(StoreFault::NotFound);
        }
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
            Ok(file) => Ok((path.clone(), file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(StoreFault::NotFound),
            Err(error) => Err(failed(path, &error)),
        }
    }

    fn change(&self, key: &KeyReference, change: impl FnOnce(&mut Acl)) -> Result<(), StoreFault> {
        let (path, file) = self.key_file(key)?;
        let changed = Acl::of(&file).and_then(|before| {
            let mut acl = before.clone();
            change(&mut acl);
            if acl == before { Ok(()) } else { acl.set(&file).and_then(|()| file.sync_all()) }
        });
        changed.map_err(|error| failed(&path, &error))
    }
}

impl CertificateStore for FileStore {
    fn list(&self) -> Result<Vec<Stored>, StoreFault> {
        let wrong = |error| failed(&self.folder, &error);
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(wrong)? {
            let folder = entry.map_err(wrong)?.path();
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.len() != 64 || all.len() >= MOST {
                continue;
            }
            match self.stored(&folder) {
                Ok(stored) if hex::encode(Sha256::digest(&stored.certificate)) == name => all.push(stored),
                Ok(_) => tracing::warn!(folder = %folder.display(), "the certificate in it is another one"),
                Err(error) => {
                    tracing::warn!(folder = %folder.display(), %error, "a certificate cannot be read")
                }
            }
        }
        Ok(all)
    }

    fn install(&self, identity: &Identity, _exportable: bool) -> Result<Stored, StoreFault> {
        self.put(&identity.certificate, &identity.chain, |path| files::write(path, &identity.key, 0o600))
    }

    fn delete(&self, certificate: &Fingerprint) -> Result<(), StoreFault> {
        let place = self.place(certificate);
        match self.remove(&place) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(StoreFault::NotFound),
            other => other.map_err(|error| failed(&place, &error)),
        }
    }

    fn holders(&self, key: &KeyReference) -> Result<Vec<Holder>, StoreFault> {
        let (path, file) = self.key_file(key)?;
        let wrong = |error| failed(&path, &error);
        let metadata = file.metadata().map_err(wrong)?;
        let mut holders = vec![Holder { trustee: account::of_uid(0), full: true, builtin: true }];
        if metadata.uid() != 0 {
            holders.push(Holder { trustee: account::of_uid(metadata.uid()), full: true, builtin: true });
        }
        let acl = match Acl::of(&file) {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(holders),
            other => other.map_err(wrong)?,
        };
        for reader in acl.readers(metadata.gid()) {
            let trustee = match reader {
                Reader::User(uid) => account::of_uid(uid),
                Reader::Group(gid) => account::of_gid(gid),
                Reader::Everybody => Trustee { id: "everybody".to_owned(), name: "everybody".to_owned() },
            };
            holders.push(Holder { trustee, full: false, builtin: false });
        }
        Ok(holders)
    }

    fn may_use(&self, key: &KeyReference, trustee: &Trustee) -> Result<bool, StoreFault> {
        let (path, file) = self.key_file(key)?;
        let wrong = |error| failed(&path, &error);
        let (uid, metadata) = (account::uid_of(trustee)?, file.metadata().map_err(wrong)?);
        if uid == 0 || uid == metadata.uid() {
            return Ok(true);
        }
        match Acl::of(&file) {
            Ok(acl) => Ok(acl.lets_read(uid, &account::groups_of(uid), metadata.gid())),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(false),
            Err(error) => Err(wrong(error)),
        }
    }

    fn grant(&self, key: &KeyReference, trustee: &Trustee) -> Result<(), StoreFault> {
        let uid = account::uid_of(trustee)?;
        let (path, file) = self.key_file(key)?;
        let owner = file.metadata().map_err(|error| failed(&path, &error))?.uid();
        // They may everything as it is, and an entry would be a promise that a revoke cannot keep.
        if uid == 0 || uid == owner { Ok(()) } else { self.change(key, |acl| acl.grant(uid)) }
    }

    fn revoke(&self, key: &KeyReference, trustee: &Trustee) -> Result<(), StoreFault> {
        let uid = account::uid_of(trustee)?;
        let (path, file) = self.key_file(key)?;
        let owner = file.metadata().map_err(|error| failed(&path, &error))?.uid();
        if uid == 0 || uid == owner {
            return Err(StoreFault::Builtin(trustee.name.clone()));
        }
        self.change(key, |acl| acl.revoke(uid))
    }

    fn trustee(&self, text: &str) -> Result<Trustee, StoreFault> {
        account::trustee(text)
    }

    fn service_account(&self) -> Result<Trustee, StoreFault> {
        Ok(account::service_account())
    }

    fn create_key(&self, key_type: KeyType) -> Result<PendingKey, StoreFault> {
        let made = make::make(key_type)?;
        let place = self.pending.join(hex::encode(Sha256::digest(&made.public_key)));
        self.build(&place, 0o700, |folder| files::write(&folder.join(KEY), &made.key, 0o600))
            .map_err(|error| failed(&place, &error))?;
        Ok(PendingKey { key: KeyReference::File(place.join(KEY)), public_key: made.public_key })
    }

    fn complete(
        &self,
        pending: &PendingKey,
        certificate: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Stored, StoreFault> {
        let (path, _) = self.key_file(&pending.key)?;
        let stored = self.put(certificate, chain, |place| fs::hard_link(&path, place))?;
        // The key has its place now; what is left of the other is removed, if not now, then by whoever looks.
        if let Err(error) = self.discard(pending) {
            tracing::warn!(%error, "the folder of a key that waited stays");
        }
        Ok(stored)
    }

    fn discard(&self, pending: &PendingKey) -> Result<(), StoreFault> {
        let (path, _) = self.key_file(&pending.key)?;
        let place = path
            .parent()
            .filter(|place| place.parent() == Some(&*self.pending))
            .ok_or(StoreFault::NotFound)?;
        self.remove(place).map_err(|error| failed(place, &error))
    }

    fn authorities(&self) -> Result<Authorities, StoreFault> {
        Ok(files::authorities(&self.folder.join("authorities"), &self.folder.join("revocation")))
    }
}

/// Makes a folder that others may pass through, and not list.
fn passable(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o711).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))
}

fn failed(path: &Path, error: &io::Error) -> StoreFault {
    match error.kind() {
        ErrorKind::Unsupported => StoreFault::Unsupported(format!(
            "access to {} cannot be granted: {error}; put the state folder on one that has them (ext4, xfs, btrfs)",
            path.display()
        )),
        _ => StoreFault::Failed(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests;
