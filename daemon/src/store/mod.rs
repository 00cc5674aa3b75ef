//! The store: the only place that knows SQL. The embedded SQLite database of one machine (sqlite/), or one of a PostgreSQL
//! server (postgres/); what is asked is said once, to either (sql/).
//!
//! Nothing is told to a caller before the commit that holds it has returned (synchronous=FULL, synchronous_commit=on). Only what
//! came of an attempt may be without its sync for a moment (sqlite/writer.rs).

mod accounts;
mod audit;
mod fleet;
mod held;
mod kept;
mod log;
mod messages;
mod moving;
mod oauth;
mod policy;
mod postgres;
mod requests;
mod retention;
mod revisions;
mod sql;
mod sqlite;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::secrets::{Secret, VaultError};
use sql::{Connection, Row, Value, Wanted};

pub use accounts::{AccountPut, AccountRow, Author, DAEMON};
pub use audit::AuditFilter;
pub use fleet::{Given, Said, Standing};
pub use held::Released;
pub use kept::Handed;
pub use log::From as EntriesFrom;
pub use messages::{Due, Inserted, Listing, NewMessage, Queued, Settled, Unfinished, Written};
pub use moving::{Keys, MoveError, Moved, NotHere};
pub use postgres::{Address, Fleet, Heard, JoinError, Joined, Member, Members};
pub use requests::{Asked, RequestFilter, RequestLimits, RequestStep, Stepped};

/// File name of the database in the state folder.
pub const DATABASE: &str = "faxpost.db";

/// The open database.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    /// Mail that was accepted while the server was away.
    kept: Option<kept::Kept>,
    /// Whether more may be.
    keeps: bool,
}

#[derive(Clone)]
enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// What became of a connection to a database of a server.
pub enum Connected {
    /// This daemon works on it.
    Held(Store),
    /// It must wait: a program is alone with the database, or others keep this one from being alone.
    Standby(Standby),
}

/// How a database of a server is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Beside others; while it is away, nothing is accepted.
    Beside,
    /// Beside others; mail that is accepted while it is away is kept in the state folder.
    Keeping,
    /// Alone.
    Alone,
}

struct Way {
    state_dir: PathBuf,
    keeps: bool,
}

/// Waits until a database can be worked on.
pub struct Standby(postgres::Standby, Way);

impl Standby {
    /// The database, when it can be worked on, however long that takes.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn wait(self) -> Result<Store, OpenError> {
        Store::of(self.0.wait().await?, &self.1).await
    }
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
    /// The disk is full, of the state folder or of the database server; what is stored is safe.
    #[error("the disk of the store is full")]
    Full,
    /// The database server cannot be worked with now. Nothing was changed.
    #[error("the database server is away: {0}")]
    Away(String),
    /// The server did not answer to a commit: the change may have been made. Whoever repeats it must find it, if so.
    #[error("the database server went away while a change was written, which may have been made: {0}")]
    Unknown(String),
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
    /// The server, or its database, cannot be used.
    #[error("{server} cannot be used: {why}")]
    Server {
        /// Which.
        server: String,
        /// What it said.
        why: String,
    },
    /// The server's database has a schema of our name, but not of ours.
    #[error(
        "the schema faxpost of {server} is of another program; it was left as it is. Choose another database"
    )]
    ServerForeign {
        /// Which.
        server: String,
    },
    /// The server's database was made by a later version.
    #[error(
        "the database of {server} was made by a newer Faxpost (schema {found}, this one knows {known}); install that \
         version again"
    )]
    ServerNewer {
        /// Which.
        server: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Its secrets are sealed under a key that this machine has not.
    #[error(
        "the secrets of {server} are sealed under a key that this machine does not have: run `faxpostd invite` on a \
         machine that works on it, and then `faxpostd join` here"
    )]
    NoKey {
        /// Which.
        server: String,
    },
    /// This machine has another key.
    #[error(
        "{path} is not the key of {server}, but of another database; if that one is not needed any more, move the file \
         away, run `faxpostd invite` on a machine that works on this one, and then `faxpostd join` here"
    )]
    OtherKey {
        /// Which.
        server: String,
        /// The file.
        path: PathBuf,
    },
    /// This machine's key cannot be used.
    #[error(transparent)]
    Key(#[from] VaultError),
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
        Ok(Self { backend: Backend::Sqlite(database), kept: None, keeps: false })
    }

    /// Opens a database of a server; makes our schema in it on a fresh install, and the key of its secrets in the state
    /// folder. Waits a while for a server that starts, and for another program that ends. Others work on it at the same time, unless
    /// one is alone with it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn connect(
        address: &Address,
        password: Option<&Secret>,
        state_dir: &Path,
        how: How,
    ) -> Result<Connected, OpenError> {
        let password = password.map(Secret::expose);
        let way = Way { state_dir: state_dir.to_owned(), keeps: how == How::Keeping };
        let opened = postgres::Postgres::open(address, password, state_dir, how == How::Alone).await?;
        Ok(match opened {
            Ok(database) => Connected::Held(Self::of(database, &way).await?),
            Err(standby) => Connected::Standby(Standby(standby, way)),
        })
    }

    async fn of(database: postgres::Postgres, way: &Way) -> Result<Self, OpenError> {
        let kept = kept::Kept::open(&way.state_dir, way.keeps).await?;
        Ok(Self { backend: Backend::Postgres(database), kept, keeps: way.keeps })
    }

    /// Where it is, for people: never with a secret.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.backend {
            Backend::Sqlite(_) => "SQLite in the state folder".to_owned(),
            Backend::Postgres(database) => database.place(),
        }
    }

    /// Who else works on it, and this daemon among them; `None`: nobody else can.
    #[must_use]
    pub fn members(&self) -> Option<watch::Receiver<Arc<Members>>> {
        let Backend::Postgres(database) = &self.backend else { return None };
        Some(database.members())
    }

    /// What other daemons said, as soon as there is something.
    pub async fn heard(&self) -> Heard {
        match &self.backend {
            Backend::Sqlite(_) => std::future::pending().await,
            Backend::Postgres(database) => database.heard().await,
        }
    }

    /// Since when this daemon works on it, Unix milliseconds, if others could.
    #[must_use]
    pub fn held_since(&self) -> Option<i64> {
        let Backend::Postgres(database) = &self.backend else { return None };
        let since = database.held_since().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok()
    }

    /// Resolves when changes that were not answered ([`StoreError::Unknown`]) have been made or can't be made any more, and
    /// `known` does not count that; counts it. What is remembered of the store has to be read again then.
    pub async fn settled(&self, known: &mut u64) {
        match &self.backend {
            Backend::Sqlite(_) => std::future::pending().await,
            Backend::Postgres(database) => {
                let mut settled = database.settled();
                let times = settled.wait_for(|times| times != known).await.map(|times| *times);
                match times {
                    Ok(times) => *known = times,
                    Err(_) => std::future::pending().await,
                }
            }
        }
    }

    /// Resolves when the daemon can't go on with this store and must be started anew, with the reason.
    pub async fn ended(&self) -> String {
        match &self.backend {
            Backend::Sqlite(_) => std::future::pending().await,
            Backend::Postgres(database) => database.ended().await,
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.read(work).await,
            Backend::Postgres(database) => database.read(work).await,
        }
    }

    /// As [`Self::read`], on this thread: for what is short, and surely in memory. `None`: not now, or not here.
    fn read_here<T>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        match &self.backend {
            Backend::Sqlite(database) => database.read_here(work),
            // A server is waited for, and not on this thread.
            Backend::Postgres(_) => None,
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.write(work).await,
            Backend::Postgres(database) => database.write(work).await,
        }
    }

    /// As [`Self::write`], for what nobody waits for, and what may be undone if the power goes at once.
    async fn write_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.write_later(work).await,
            Backend::Postgres(database) => database.write(work).await,
        }
    }
}
