//! Readers: a few connections beside the writer; WAL lets them read while it commits.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::StoreError;

/// Reads at the same time. Each costs a connection with its cache.
const READERS: usize = 4;

#[derive(Clone)]
pub(super) struct Reader {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Reader {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default(), places: Arc::new(Semaphore::new(READERS)) }
    }

    /// The database.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let failed = |what: String| StoreError::Failed(what);
        let place = self.places.clone().acquire_owned().await.map_err(|e| failed(e.to_string()))?;
        let reader = self.clone();
        tokio::task::spawn_blocking(move || {
            let connection = reader.take()?;
            let result = work(&connection);
            reader.give_back(connection);
            drop(place);
            result
        })
        .await
        .map_err(|error| failed(error.to_string()))?
    }

    /// As [`Self::run`], on this thread: for what is short, and surely in memory. `None`: all readers are busy.
    pub(super) fn run_here<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let _place = self.places.try_acquire().ok()?;
        Some(self.take().and_then(|connection| {
            let result = work(&connection);
            self.give_back(connection);
            result
        }))
    }

    fn give_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    fn take(&self) -> Result<Connection, StoreError> {
        if let Some(connection) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        configure_reader(&connection)?;
        Ok(connection)
    }
}

fn configure_reader(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -512)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}
