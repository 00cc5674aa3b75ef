//! The spool: bodies too large for the database, and uploads under way, as files of the state folder.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::service::private_folder;

/// Bodies up to this size live in the database: one commit instead of a file, its fsync and the folder's.
pub(super) const INLINE_BYTES: u64 = 64 * 1024;

/// Folder of the spool.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
}

/// A file that goes when it is dropped: an attachment on its way in.
#[derive(Debug)]
pub struct Upload {
    path: PathBuf,
}

impl Spool {
    /// Opens the spool.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        let folder = state_dir.join("spool");
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        private_folder(&folder)
            // The first accepted mail must not lose its folder to a power cut.
            .and_then(|()| sync_folder(state_dir))
            .map_err(|error| named(&folder, error))?;
        Ok(Self { folder })
    }

    /// The names of its files without extension: ids of messages, and whatever else a crash left.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn stems(&self) -> io::Result<Vec<String>> {
        let stem = |path: PathBuf| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        Ok(self.files()?.into_iter().filter_map(stem).collect())
    }

    /// Removes what a crash left: uploads, and bodies of messages that are not in `unfinished`.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn tidy(&self, unfinished: &[String]) -> io::Result<()> {
        let unfinished: HashSet<&str> = unfinished.iter().map(String::as_str).collect();
        for path in self.files()? {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if unfinished.contains(stem) {
                continue;
            }
            if let Err(error) = fs::remove_file(&path) {
                // A virus scanner may hold it: no reason not to start. The next start tries again.
                tracing::warn!(%error, file = %path.display(), "a file that is not needed stays in the spool");
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.folder.display()));
        let files = fs::read_dir(&self.folder).map_err(named)?;
        files.map(|file| Ok(file.map_err(named)?.path())).collect()
    }

    /// Where the body of this message is, if it is not in the database.
    #[must_use]
    pub fn body(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.eml"))
    }

    /// Writes a body and returns its bytes when it is on the disk.
    ///
    /// # Errors
    /// Of the disk; nothing is left behind.
    pub(crate) fn store(
        &self,
        id: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<u64> {
        let path = self.body(id);
        let written = write_synced(&path, write).and_then(|size| sync_folder(&self.folder).map(|()| size));
        if written.is_err() {
            let _ = fs::remove_file(&path);
        }
        written
    }

    /// Removes a body that is no longer needed.
    pub(super) fn remove(&self, id: &str) {
        match fs::remove_file(self.body(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // The next start removes it.
                tracing::warn!(%error, message = id, "a body could not be removed from the spool");
            }
            _ => {}
        }
    }

    /// A new, empty file for an attachment on its way in.
    ///
    /// # Errors
    /// Of the disk.
    pub fn upload(&self) -> io::Result<(Upload, File)> {
        let path = self.folder.join(format!("upload-{}", uuid::Uuid::new_v4()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok((Upload { path }, file))
    }
}

impl Upload {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn write_synced(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<u64> {
    let mut out =
        BufWriter::with_capacity(256 * 1024, OpenOptions::new().write(true).create_new(true).open(path)?);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Makes a new name in `folder` last. Windows cannot open a folder as a file; NTFS journals names by itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_is_removed_and_what_is_needed_stays() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path()).unwrap();
        fs::write(spool.body("wanted"), "x").unwrap();
        fs::write(spool.body("orphan"), "x").unwrap();
        // A crash closes the file and removes nothing.
        let (upload, file) = spool.upload().unwrap();
        drop(file);
        std::mem::forget(upload);

        let spool = Spool::open(state.path()).unwrap();
        assert_eq!(spool.stems().unwrap().len(), 3);
        spool.tidy(&["wanted".to_owned()]).unwrap();
        assert!(spool.body("wanted").exists());
        assert_eq!(fs::read_dir(state.path().join("spool")).unwrap().count(), 1);
    }

    #[test]
    fn an_upload_goes_with_its_owner() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path()).unwrap();
        let (upload, file) = spool.upload().unwrap();
        assert!(upload.path().exists());
        drop((file, upload));
        assert_eq!(fs::read_dir(state.path().join("spool")).unwrap().count(), 0);
    }
}
