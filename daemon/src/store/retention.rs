//! What can go, and giving its space back: small works for the one writer, so that accepting never waits long.
//!
//! Which and when is decided in `log/retention.rs`.

use super::sql::{Connection, params};
use super::{Backend, Store, StoreError};

impl Store {
    /// Removes entries of the log from before `before`, the oldest first, at most `limit`; gives how many.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_entries(&self, before: i64, limit: usize) -> Result<usize, StoreError> {
        self.write(move |c| {
            let sql =
                "DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE at < ?1 ORDER BY at LIMIT ?2)";
            c.execute(sql, params![before, limit])
        })
        .await
    }

    /// Removes the first transcripts of entries after `after`, at most `limit`; gives the last entry that lost its
    /// one, and how many did. `None`: there are no more.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_first_transcripts(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Option<(i64, usize)>, StoreError> {
        // Looking for them may take a while, and is not the writer's work.
        let last: Option<i64> = self
            .read(move |c| {
                let sql = "SELECT max(id) FROM
                           (SELECT id FROM entry WHERE id > ?1 AND transcript IS NOT NULL ORDER BY id LIMIT ?2) AS first";
                c.one(sql, params![after, limit], |row| row.get(0))
            })
            .await?;
        let Some(last) = last else { return Ok(None) };
        self.write(move |c| {
            let sql = "UPDATE entry SET transcript = NULL, truncated = FALSE
                       WHERE id > ?1 AND id <= ?2 AND transcript IS NOT NULL";
            Ok(Some((last, c.execute(sql, params![after, last])?)))
        })
        .await
    }

    /// Removes an invitation that nobody has used in its time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_expired_invitation(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(database) => database.remove_expired_invitation().await,
        }
    }

    /// Removes messages that were finished before `before`, and their recipients, at most `limit`; gives how many.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_finished(&self, before: i64, limit: usize) -> Result<usize, StoreError> {
        self.write(move |c| {
            // The states as well: whatever else may be wrong with a row, an unfinished message stays.
            let which = "SELECT seq FROM message WHERE finished_at < ?1 AND state IN (4, 5, 6)
                         ORDER BY finished_at, seq LIMIT ?2";
            let sql = format!("DELETE FROM recipient WHERE message IN ({which})");
            c.execute(&sql, params![before, limit])?;
            let sql = format!("DELETE FROM message WHERE seq IN ({which})");
            c.execute(&sql, params![before, limit])
        })
        .await
    }

    /// When the oldest entry was written, and when the oldest finished message was finished.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn oldest(&self) -> Result<(Option<i64>, Option<i64>), StoreError> {
        self.read(|c| {
            let sql = "SELECT (SELECT min(at) FROM entry),
                              (SELECT min(finished_at) FROM message WHERE finished_at IS NOT NULL)";
            c.one(sql, params![], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }

    /// Bytes of the database that hold something.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn used_bytes(&self) -> Result<u64, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.used_bytes().await,
            Backend::Postgres(database) => database.used_bytes().await,
        }
    }

    /// Bytes of the database that are bodies of unfinished messages.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn waiting_bytes(&self) -> Result<u64, StoreError> {
        self.read(|c| {
            let bodies = match c {
                Connection::Sqlite(_) => "body",
                Connection::Postgres(_) => {
                    "(SELECT content FROM body UNION ALL SELECT content FROM body_piece) AS bodies"
                }
            };
            let sql = format!("SELECT CAST(coalesce(sum(length(content)), 0) AS BIGINT) FROM {bodies}");
            c.one(&sql, params![], |row| row.get(0))
        })
        .await
    }

    /// Gives free pages back to the file system, at most `limit` of them, and keeps `keep` for what comes next; gives
    /// how many it gave back.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn give_pages_back(&self, keep: u64, limit: u64) -> Result<u64, StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.give_pages_back(keep, limit).await,
            // Its own vacuum does.
            Backend::Postgres(_) => Ok(0),
        }
    }

    /// Moves what is committed from the WAL into the database, as far as no reader needs it there. Through a
    /// connection of its own: the writer goes on meanwhile.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(database) => database.checkpoint().await,
            Backend::Postgres(_) => Ok(()),
        }
    }
}
