//! Requests for a CA that wait for their answer: what was sent, and which key it was made for.
//!
//! Files of the state folder and not rows of the database: keys belong to this machine, and a database may be several
//! machines'.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::action::SigningRequest;
use super::fault::CertificateError;
use super::read::MAX_CERTIFICATE;
use super::store::PendingKey;
use crate::service::{private_file, private_folder};

/// Requests that wait at once. Nobody needs many, and each costs a key.
const MOST: usize = 50;

/// The requests of this machine.
pub struct Requests {
    folder: PathBuf,
}

/// A request with its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) request: SigningRequest,
    pub(super) pending: PendingKey,
}

impl Requests {
    /// Those of this state folder.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("requests") }
    }

    /// All of them, the newest first.
    pub(super) fn list(&self) -> Result<Vec<Waiting>, CertificateError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(&error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| self.failed(&error))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                found.push(self.read(&path)?);
            }
        }
        found.sort_by_key(|waiting| (std::cmp::Reverse(waiting.request.created_at), waiting.request.id));
        Ok(found)
    }

    /// One of them.
    pub(super) fn get(&self, id: &[u8; 32]) -> Result<Waiting, CertificateError> {
        let path = self.path(id);
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = format!("no request {} waits for its answer", hex::encode(id));
                return Err(CertificateError::RequestNotFound(text));
            }
            Err(error) => return Err(self.failed(&error)),
            Ok(_) => {}
        }
        self.read(&path)
    }

    /// Whether one more may wait.
    pub(super) fn has_room(&self) -> Result<(), CertificateError> {
        if self.list()?.len() < MOST { Ok(()) } else { Err(CertificateError::TooMany(MOST)) }
    }

    /// Notes a new one, durably.
    pub(super) fn put(
        &self,
        mut request: SigningRequest,
        pending: &PendingKey,
        created_by: String,
    ) -> Result<SigningRequest, CertificateError> {
        self.has_room()?;
        request.created_at = jiff::Timestamp::now().as_millisecond();
        request.created_by = created_by;
        let waiting = Waiting { request, pending: pending.clone() };
        let written = (|| {
            let bytes = serde_json::to_vec(&waiting)?;
            private_folder(&self.folder)?;
            let path = self.path(&waiting.request.id);
            let temporary = path.with_extension("new");
            let mut file = private_file(&temporary)?;
            file.set_len(0)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            sync_folder(&self.folder)
        })();
        written.map_err(|error: io::Error| self.failed(&error))?;
        Ok(waiting.request)
    }

    /// Forgets one.
    pub(super) fn remove(&self, id: &[u8; 32]) -> Result<(), CertificateError> {
        fs::remove_file(self.path(id)).map_err(|error| self.failed(&error))
    }

    fn path(&self, id: &[u8; 32]) -> PathBuf {
        self.folder.join(format!("{}.json", hex::encode(id)))
    }

    fn read(&self, path: &Path) -> Result<Waiting, CertificateError> {
        let bytes = fs::read(path).map_err(|error| self.failed(&error))?;
        let read = if bytes.len() > 2 * MAX_CERTIFICATE { None } else { serde_json::from_slice(&bytes).ok() };
        read.ok_or_else(|| {
            CertificateError::Store(format!("{} is not a request as it was written", path.display()))
        })
    }

    fn failed(&self, error: &io::Error) -> CertificateError {
        CertificateError::Store(format!("the requests in {} cannot be used: {error}", self.folder.display()))
    }
}

/// Windows writes a folder's entries with the file, and opens no folder.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}
