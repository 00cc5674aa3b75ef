//! Our own small connection: each statement is written once, in words that both databases understand.
//!
//! Values are marked `?1`, or `?` in their order. Where no wording does for both, the few words that differ come from here
//! ([`Connection::contains`]), or a file of queries looks which database it talks to.

mod row;
mod value;

use rusqlite::params_from_iter;

use super::StoreError;
use super::postgres::Session;

pub(super) use row::{Row, out_of_range, unreadable};
pub(super) use value::{Kind, ToValue, Value, params};

/// A connection, within a transaction if it is one that writes.
pub(super) enum Connection<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a Session),
}

impl Connection<'_> {
    /// Runs a statement; gives how many rows it changed.
    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        match self {
            Self::Sqlite(c) => Ok(c.prepare_cached(sql)?.execute(params_from_iter(values))?),
            Self::Postgres(c) => c.execute(sql, values),
        }
    }

    /// Inserts a row; gives the number that its column `key` was given.
    pub(super) fn insert(&self, sql: &str, key: &str, values: &[Value<'_>]) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(c) => {
                c.prepare_cached(sql)?.execute(params_from_iter(values))?;
                Ok(c.last_insert_rowid())
            }
            Self::Postgres(c) => c.insert(sql, key, values),
        }
    }

    /// Reads rows one after the other, until `each` says that it was the last that is wanted.
    pub(super) fn each(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<Wanted, StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(c) => {
                let mut statement = c.prepare_cached(sql)?;
                let mut rows = statement.query(params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    if each(&Row::Sqlite(row))? == Wanted::NoMore {
                        break;
                    }
                }
            }
            // All of them are here before the first is looked at: statements have limits. So `each` may ask further.
            Self::Postgres(c) => {
                for row in c.query(sql, values)? {
                    if each(&Row::Postgres(&row))? == Wanted::NoMore {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// All rows.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.each(sql, values, |row| {
            all.push(read(row)?);
            Ok(Wanted::More)
        })?;
        Ok(all)
    }

    /// The first row, if there is one.
    pub(super) fn optional<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let (mut read, mut found) = (Some(read), None);
        self.each(sql, values, |row| {
            found = read.take().map(|read| read(row)).transpose()?;
            Ok(Wanted::NoMore)
        })?;
        Ok(found)
    }

    /// As [`Self::optional`], for a row that decides what is written: nobody else changes it until this change has ended.
    pub(super) fn optional_locked<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            // There is one writer.
            Self::Sqlite(_) => self.optional(sql, values, read),
            Self::Postgres(_) => self.optional(&format!("{sql} FOR UPDATE"), values, read),
        }
    }

    /// As [`Self::optional_locked`], for a row that is read in another way after this.
    pub(super) fn lock(&self, sql: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(c) => c.query(&format!("{sql} FOR UPDATE"), values).map(drop),
        }
    }

    /// The row of a question that always has an answer.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let found = self.optional(sql, values, read)?;
        found.ok_or_else(|| StoreError::Failed("a question had no answer".to_owned()))
    }

    /// Whether the text `column` holds the next `?`.
    pub(super) fn contains(&self, column: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("instr({column}, ?)"),
            Self::Postgres(_) => format!("strpos({column}, ?) > 0"),
        }
    }

    /// The JSON array `column` as a table with a column `value`.
    pub(super) fn json_each(&self, column: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("json_each({column})"),
            Self::Postgres(_) => format!("json_array_elements(CAST({column} AS json))"),
        }
    }

    /// Keeps every other work of this kind waiting until this one has ended: for one that counts what others add.
    pub(super) fn alone(&self, table: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(c) => {
                c.execute(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"), &[]).map(drop)
            }
        }
    }
}

/// Whether another row is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    More,
    NoMore,
}
