//! Files to attach.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::error::Error;

/// A file, looked at and not yet read.
pub(super) struct File {
    path: PathBuf,
    name: String,
    /// Bytes; `None`: not a plain file, so only reading tells.
    size: Option<u64>,
}

impl File {
    /// Finds out early what is wrong with it.
    pub(super) fn look(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let size = metadata.is_file().then_some(metadata.len());
        if size.is_some() {
            // A message half uploaded is work for nothing.
            fs::File::open(path).map_err(failed)?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path: path.to_owned(), name, size })
    }

    /// The name without folders.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes, if that is known.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// A pipe gives its content once.
    pub(super) fn can_be_read_again(&self) -> bool {
        self.size.is_some()
    }

    /// All of it; it was small when it was looked at, and is refused if it grew.
    pub(super) async fn read(&self) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        let file = fs::File::open(&self.path).map_err(|source| self.failed(source))?;
        file.take(super::UNARY + 1).read_to_end(&mut content).map_err(|source| self.failed(source))?;
        Ok(content)
    }

    /// To be read piece by piece.
    pub(super) async fn open(&self) -> Result<tokio::fs::File, Error> {
        tokio::fs::File::open(&self.path).await.map_err(|source| self.failed(source))
    }

    /// Reading failed.
    pub(super) fn failed(&self, source: io::Error) -> Error {
        Error::Read { path: self.path.clone(), source }
    }
}
