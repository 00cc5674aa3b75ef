//! The store: the only place that knows SQL. One embedded SQLite database, one writer that commits what has gathered.
//!
//! Nothing is told to a caller before the commit that holds it has returned (synchronous=FULL).

mod accounts;
mod audit;
mod held;
mod log;
mod messages;
mod migrate;
mod oauth;
mod policy;
mod reader;
mod requests;
mod retention;
mod revisions;
mod writer;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use accounts::{AccountPut, AccountRow, Author, DAEMON};
pub use audit::AuditFilter;
pub use held::Released;
pub use log::From as EntriesFrom;
pub use messages::{Due, Inserted, Listing, NewMessage, Queued, Settled, Unfinished, Written};
pub use requests::{Asked, RequestFilter, RequestLimits, RequestStep, Stepped};

/// File name of the database in the state folder.
pub const DATABASE: &str = "faxpost.db";

/// The open database.
#[derive(Clone)]
pub struct Store {
    writer: writer::Writer,
    reader: reader::Reader,
}

/// Rows in their order, and whether there are more.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// It ended because it was full.
    pub more: bool,
}

/// A page ends, too, when its rows have this many bytes: gRPC clients refuse answers of more than 4 MiB, and every
/// caller may ask for many at once.
const PAGE_BYTES: usize = 1024 * 1024;

impl<T> Page<T> {
    /// Takes from `rows` until there are `limit`, or their bytes reach [`PAGE_BYTES`].
    fn fill(
        rows: impl Iterator<Item = Result<T, StoreError>>,
        limit: usize,
        bytes: impl Fn(&T) -> usize,
    ) -> Result<Self, StoreError> {
        let mut page = Self { rows: Vec::new(), more: false };
        let mut filled = 0;
        for row in rows {
            let row = row?;
            filled += bytes(&row);
            page.rows.push(row);
            if page.rows.len() >= limit || filled >= PAGE_BYTES {
                page.more = true;
                break;
            }
        }
        Ok(page)
    }
}

/// Why the store did not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full; what is stored is safe.
    #[error("the disk of the state folder is full")]
    Full,
    /// The database failed, or the writer stopped after a failed commit.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// Why the database was not opened. It is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a database, or damaged.
    #[error(
        "{path} is damaged or not a database ({why}); it was left as it is. Restore it from a backup, or move it \
         away to begin with an empty one"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// A database, but not one of Faxpost.
    #[error("{path} is a database of another program; it was left as it is. Choose another state folder")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Made by a later version.
    #[error(
        "{path} was made by a newer Faxpost (schema {found}, this one knows {known}); install that version again"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It cannot be opened or made.
    #[error("{path} cannot be opened: {why}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl Store {
    /// Opens the database of this state folder; makes it on a fresh install.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(state_dir: &Path) -> Result<Self, OpenError> {
        let path = state_dir.join(DATABASE);
        let connection = migrate::open(&path)?;
        let reader = reader::Reader::new(path);
        Ok(Self { writer: writer::Writer::start(connection), reader })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.reader.run(work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(work).await
    }

    async fn write_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run_later(work).await
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Settings every connection has.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    // FULL: a commit returns when the WAL is on the disk. This is what "accepted" rests on.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What one commit changes must fit, or it is written twice: 256 messages change some 2,000 pages. It is taken as it is
    // needed; an idle daemon stays small.
    connection.pragma_update(None, "cache_size", -8192)?;
    // What a savepoint would undo is otherwise kept in a file of the folder for temporary files: pages with mail, outside the
    // state folder, and more writing than the commit itself. It is as large as what one work changes.
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
