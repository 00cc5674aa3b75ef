//! Rows of a table in the order of its key: read in batches, written, and summed up.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::cell::Cell;
use super::reseal::{self, Keys};
use super::tables::Table;
use crate::secrets::Vault;
use crate::store::sql::{Connection, Row, Value, Wanted, params};
use crate::store::{Store, StoreError};

/// A batch ends, too, when its rows have this many bytes.
const BATCH: usize = 1024 * 1024;

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    digest: [u8; 32],
}

impl Table {
    pub(super) fn key_of(&self, line: &[Cell]) -> Vec<Cell> {
        line[..self.key].to_vec()
    }
}

/// The rows after this key, or from the first on: one batch; empty: there are no more.
pub(super) fn read(
    c: &Connection<'_>,
    table: &Table,
    after: Option<&[Cell]>,
) -> Result<Vec<Vec<Cell>>, StoreError> {
    let (columns, key, name, most) = (table.list(), table.key_list(), table.name, table.most);
    let values: Vec<Value<'_>> = after.unwrap_or_default().iter().map(Cell::value).collect();
    let bound = match values.len() {
        0 => String::new(),
        count => format!("WHERE ({key}) > ({})", vec!["?"; count].join(", ")),
    };
    let sql = format!("SELECT {columns} FROM {name} {bound} ORDER BY {key} LIMIT {most}");
    let (mut lines, mut size) = (Vec::new(), 0);
    c.each(&sql, &values, |row| {
        let line = line(row, table, table.columns.len())?;
        size += line.iter().map(Cell::size).sum::<usize>();
        lines.push(line);
        Ok(if size >= BATCH { Wanted::NoMore } else { Wanted::More })
    })?;
    Ok(lines)
}

/// The key of the last row.
pub(super) fn last(c: &Connection<'_>, table: &Table) -> Result<Option<Vec<Cell>>, StoreError> {
    let down: Vec<_> = table.columns[..table.key].iter().map(|(name, _)| format!("{name} DESC")).collect();
    let sql = format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", table.key_list(), table.name, down.join(", "));
    c.optional(&sql, params![], |row| line(row, table, table.key))
}

/// Writes a batch in one statement.
pub(super) fn insert(c: &Connection<'_>, table: &Table, lines: &[Vec<Cell>]) -> Result<(), StoreError> {
    let one = format!("({})", vec!["?"; table.columns.len()].join(", "));
    let all = vec![one; lines.len()].join(", ");
    let values: Vec<Value<'_>> = lines.iter().flatten().map(Cell::value).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES {all}", table.name, table.list());
    let written = c.execute(&sql, &values)?;
    match written == lines.len() {
        true => Ok(()),
        false => Err(StoreError::Failed(format!("{written} of {} rows were written", lines.len()))),
    }
}

/// Empties the table, or removes a batch of it and says that there may be more.
pub(super) fn clear(c: &Connection<'_>, table: &Table) -> Result<bool, StoreError> {
    let (key, name) = (table.key_list(), table.name);
    match c {
        Connection::Sqlite(_) => {
            // What can be undone is kept in memory: so not all of it at once.
            let sql = format!(
                "DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {name} ORDER BY {key} LIMIT {})",
                table.most
            );
            let removed = c.execute(&sql, params![])?;
            if removed == 0 && table.counts {
                c.execute("DELETE FROM sqlite_sequence WHERE name = ?1", params![name])?;
            }
            Ok(removed > 0)
        }
        Connection::Postgres(_) => {
            c.execute(&format!("TRUNCATE {name} RESTART IDENTITY"), params![])?;
            Ok(false)
        }
    }
}

/// Reads all of it. `keys`: sealed values count as what they are under the key that `which` chooses.
pub(super) async fn sum(
    store: &Store,
    table: &'static Table,
    keys: Option<Arc<Keys>>,
    which: fn(&Keys) -> &Vault,
) -> Result<Sum, StoreError> {
    let (mut hash, mut rows, mut after) = (Sha256::new(), 0, None::<Vec<Cell>>);
    loop {
        let (from, keys) = (after.take(), keys.clone());
        let mut so_far = hash;
        let (count, last, next) = store
            .read(move |c| {
                let lines = read(c, table, from.as_deref())?;
                for line in &lines {
                    match &keys {
                        Some(keys) => reseal::hash(c, which(keys), table, line, &mut so_far)?,
                        None => line.iter().for_each(|cell| cell.hash(&mut so_far)),
                    }
                }
                Ok((lines.len(), lines.last().map(|line| table.key_of(line)), so_far))
            })
            .await?;
        (hash, after, rows) = (next, last, rows + count as u64);
        if after.is_none() {
            return Ok(Sum { rows, digest: hash.finalize().into() });
        }
    }
}

fn line(row: &Row<'_>, table: &Table, columns: usize) -> Result<Vec<Cell>, StoreError> {
    let columns = table.columns[..columns].iter().enumerate();
    columns.map(|(at, &(_, kind))| Cell::read(row, at, kind)).collect()
}
