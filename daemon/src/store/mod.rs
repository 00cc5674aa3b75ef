//! The store: the only place that knows SQL. One embedded SQLite database, one writer that commits what has gathered.
//!
//! Nothing is told to a caller before the commit that holds it has returned (synchronous=FULL).

mod accounts;
mod audit;
mod held;
mod log;
mod messages;
mod oauth;
mod policy;
mod requests;
mod retention;
mod revisions;
mod sql;
mod sqlite;

use std::path::{Path, PathBuf};

use sql::{Connection, Row, Value, Wanted};

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
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Sqlite(sqlite::Sqlite),
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
    /// Reads rows until there are `limit`, or their bytes reach [`PAGE_BYTES`].
    fn read(
        c: &Connection<'_>,
        sql: &str,
        values: &[Value<'_>],
        limit: usize,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
        bytes: impl Fn(&T) -> usize,
    ) -> Result<Self, StoreError> {
        let mut page = Self { rows: Vec::new(), more: false };
        let mut filled = 0;
        c.each(sql, values, |row| {
            let row = read(row)?;
            filled += bytes(&row);
            page.rows.push(row);
            page.more = page.rows.len() >= limit || filled >= PAGE_BYTES;
            Ok(if page.more { Wanted::NoMore } else { Wanted::More })
        })?;
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
        let database = sqlite::Sqlite::open(&state_dir.join(DATABASE))?;
        Ok(Self { backend: Backend::Sqlite(database) })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.read(work).await,
        }
    }

    /// As [`Self::read`], on this thread: for what is short, and surely in memory. `None`: not now, or not here.
    fn read_here<T>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        match &self.backend {
            Backend::Sqlite(database) => database.read_here(work),
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.write(work).await,
        }
    }

    async fn write_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.write_later(work).await,
        }
    }
}
