//! The embedded database of one machine: one writer that commits what has gathered, a few readers beside it.

mod migrate;
mod reader;
mod writer;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{OpenError, StoreError, sql};

#[derive(Clone)]
pub(super) struct Sqlite {
    writer: writer::Writer,
    reader: reader::Reader,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = migrate::open(path)?;
        let reader = reader::Reader::new(path.to_owned());
        Ok(Self { writer: writer::Writer::start(connection), reader })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sql::Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.reader.run(|c| work(&sql::Connection::Sqlite(c))).await
    }

    pub(super) fn read_here<T>(
        &self,
        work: impl FnOnce(&sql::Connection<'_>) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        self.reader.run_here(|c| work(&sql::Connection::Sqlite(c)))
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sql::Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(|c| work(&sql::Connection::Sqlite(c))).await
    }

    pub(super) async fn write_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sql::Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run_later(|c| work(&sql::Connection::Sqlite(c))).await
    }

    /// Bytes of the database that hold something.
    pub(super) async fn used_bytes(&self) -> Result<u64, StoreError> {
        self.reader
            .run(|c| {
                let used =
                    number(c, "PRAGMA page_count")?.saturating_sub(number(c, "PRAGMA freelist_count")?);
                Ok(used * number(c, "PRAGMA page_size")?)
            })
            .await
    }

    /// Gives free pages back to the file system, at most `limit` of them, and keeps `keep` for what comes next; gives
    /// how many it gave back.
    pub(super) async fn give_pages_back(&self, keep: u64, limit: u64) -> Result<u64, StoreError> {
        self.writer
            .run(move |c| {
                let free = number(c, "PRAGMA freelist_count")?;
                let pages = free.saturating_sub(keep).min(limit);
                // Without a number it would be all of them.
                if pages > 0 {
                    // Each row is a page given back: it must be read to its end.
                    let mut statement = c.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
                    let mut rows = statement.query([])?;
                    while rows.next()?.is_some() {}
                }
                Ok(free.saturating_sub(number(c, "PRAGMA freelist_count")?))
            })
            .await
    }

    /// Moves what is committed from the WAL into the database, as far as no reader needs it there. Through a
    /// connection of its own: the writer goes on meanwhile.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        let path = self.reader.path().to_owned();
        let work = move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            // The database must be on the disk before the WAL may be used anew.
            connection.pragma_update(None, "synchronous", "full")?;
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            Ok(())
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Failed(error.to_string()))?
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
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn number(c: &Connection, sql: &str) -> rusqlite::Result<u64> {
    c.prepare_cached(sql)?.query_row([], |row| row.get(0))
}
