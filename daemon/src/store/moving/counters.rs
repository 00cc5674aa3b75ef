//! The numbers that tables give out: those of removed rows, too, are never given again, in whichever store.

use super::tables::Table;
use crate::store::StoreError;
use crate::store::sql::{Connection, params};

/// The largest number that was ever given; 0: none, or the table gives none.
pub(super) fn read(c: &Connection<'_>, table: &Table) -> Result<i64, StoreError> {
    let Some(key) = table.counted() else { return Ok(0) };
    let last = match c {
        Connection::Sqlite(_) => {
            c.optional("SELECT seq FROM sqlite_sequence WHERE name = ?1", params![table.name], |row| {
                row.get(0)
            })?
        }
        Connection::Postgres(_) => {
            let sql = "SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(?1, ?2) AS regclass))";
            c.one(sql, params![table.name, key], |row| row.get(0))?
        }
    };
    let sql = format!("SELECT max({key}) FROM {}", table.name);
    let largest: Option<i64> = c.one(&sql, params![], |row| row.get(0))?;
    Ok(last.max(largest).unwrap_or(0))
}

pub(super) fn write(c: &Connection<'_>, table: &Table, last: i64) -> Result<(), StoreError> {
    let Some(key) = table.counted().filter(|_| last > 0) else { return Ok(()) };
    match c {
        Connection::Sqlite(_) => {
            c.execute("DELETE FROM sqlite_sequence WHERE name = ?1", params![table.name])?;
            let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
            c.execute(sql, params![table.name, last]).map(drop)
        }
        Connection::Postgres(_) => {
            let sql = "SELECT setval(CAST(pg_get_serial_sequence(?1, ?2) AS regclass), ?3)";
            c.one(sql, params![table.name, key, last], |_| Ok(()))
        }
    }
}
