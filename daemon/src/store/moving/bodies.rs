//! Bodies that are files of the spool beside the embedded store, and pieces within a PostgreSQL one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::{MoveError, Store};
use crate::outbox::Spool;
use crate::store::postgres::{PIECE, spool_failed};
use crate::store::sql::{Connection, params};
use crate::store::{Backend, StoreError};

/// Pieces of one commit: so much of a body is written, or read anew after an interruption, at once.
const PIECES: usize = 4;

/// Messages that are looked for at once.
const MESSAGES: i64 = 200;

/// Two stores, and the spool of the embedded one.
pub(super) struct Bodies<'a> {
    files: &'a Store,
    pieces: &'a Store,
    spool: &'a Spool,
    into_files: bool,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(source: &'a Store, target: &'a Store, spool: &'a Spool) -> Result<Self, MoveError> {
        match (&source.backend, &target.backend) {
            (Backend::Sqlite(_), Backend::Postgres(_)) => {
                Ok(Self { files: source, pieces: target, spool, into_files: false })
            }
            (Backend::Postgres(_), Backend::Sqlite(_)) => {
                Ok(Self { files: target, pieces: source, spool, into_files: true })
            }
            _ => Err(MoveError::SameKind),
        }
    }

    pub(super) async fn copy(&self) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let messages = self.messages(after).await?;
            let Some(&(last, _)) = messages.last() else { return Ok(()) };
            for (seq, id) in messages {
                match self.into_files {
                    true => self.to_file(seq, id).await?,
                    false => self.to_pieces(seq, &id).await?,
                }
            }
            after = last;
        }
    }

    /// Compares all of them; gives how many there are, and how many were lost before. `None`: one differs.
    pub(super) async fn verify(&self) -> Result<Option<(u64, u64)>, StoreError> {
        let (mut after, mut found, mut lost) = (0, 0, 0);
        loop {
            let messages = self.messages(after).await?;
            let Some(&(last, _)) = messages.last() else { return Ok(Some((found, lost))) };
            for (seq, id) in messages {
                let path = self.spool.body(&id);
                let into_files = self.into_files;
                let (there, same) = self.pieces.read(move |c| compare(c, seq, &path, into_files)).await?;
                match (there, same) {
                    (true, true) => found += 1,
                    (false, true) => lost += 1,
                    (_, false) => return Ok(None),
                }
            }
            after = last;
        }
    }

    /// Unfinished messages whose body is not in a row: the same in both, when the rows are.
    async fn messages(&self, after: i64) -> Result<Vec<(i64, String)>, StoreError> {
        let from = if self.into_files { self.pieces } else { self.files };
        from.read(move |c| {
            let sql = "SELECT seq, id FROM message
                       WHERE state IN (1, 3) AND seq > ?1 AND NOT EXISTS (SELECT 1 FROM body WHERE message = seq)
                       ORDER BY seq LIMIT ?2";
            c.rows(sql, params![after, MESSAGES], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }

    /// The pieces after those that are there already.
    async fn to_pieces(&self, seq: i64, id: &str) -> Result<(), StoreError> {
        loop {
            let path = self.spool.body(id);
            if !self.pieces.write(move |c| write_pieces(c, seq, &path)).await? {
                return Ok(());
            }
        }
    }

    /// The file anew: one that is there may be what an interruption left of it.
    async fn to_file(&self, seq: i64, id: String) -> Result<(), StoreError> {
        let spool = self.spool.clone();
        let write = move |c: &Connection<'_>| {
            let Some(first) = piece(c, seq, 0)? else { return Ok(()) };
            match std::fs::remove_file(spool.body(&id)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(spool_failed(error)),
                _ => {}
            }
            let mut failed = None;
            let written = spool.store(&id, |out| {
                out.write_all(&first)?;
                for position in 1_i64.. {
                    match piece(c, seq, position) {
                        Ok(Some(piece)) => out.write_all(&piece)?,
                        Ok(None) => break,
                        Err(error) => {
                            failed = Some(error);
                            return Err(io::Error::other("the store"));
                        }
                    }
                }
                Ok(())
            });
            match failed {
                Some(error) => Err(error),
                None => written.map(drop).map_err(spool_failed),
            }
        };
        self.pieces.read(write).await
    }
}

/// Removes the pieces of a target.
pub(super) fn clear(c: &Connection<'_>) -> Result<(), StoreError> {
    match c {
        Connection::Sqlite(_) => Ok(()),
        Connection::Postgres(_) => c.execute("TRUNCATE body_piece", params![]).map(drop),
    }
}

fn piece(c: &Connection<'_>, seq: i64, position: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT content FROM body_piece WHERE message = ?1 AND position = ?2";
    c.optional(sql, params![seq, position], |row| row.get(0))
}

/// Whether there may be more.
fn write_pieces(c: &Connection<'_>, seq: i64, path: &Path) -> Result<bool, StoreError> {
    let Some(mut file) = opened(path)? else { return Ok(false) };
    let sql = "SELECT coalesce(max(position) + 1, 0) FROM body_piece WHERE message = ?1";
    let first: i64 = c.one(sql, params![seq], |row| row.get(0))?;
    file.seek(SeekFrom::Start(first.unsigned_abs() * PIECE as u64)).map_err(spool_failed)?;
    for position in (first..).take(PIECES) {
        let content = next(&mut file)?;
        if content.is_empty() {
            return Ok(false);
        }
        let sql = "INSERT INTO body_piece (message, position, content) VALUES (?1, ?2, ?3)";
        c.execute(sql, params![seq, position, content])?;
    }
    Ok(true)
}

/// Whether there is a body, and whether file and pieces have the same of it.
fn compare(c: &Connection<'_>, seq: i64, path: &Path, into_files: bool) -> Result<(bool, bool), StoreError> {
    let in_pieces = piece(c, seq, 0)?.is_some();
    let Some(mut file) = opened(path)? else { return Ok((false, !in_pieces)) };
    if into_files && !in_pieces {
        // Accepted on this machine, whose database had lost it: the file is all there is, and stays.
        return Ok((true, true));
    }
    for position in 0_i64.. {
        let (ours, theirs) = (next(&mut file)?, piece(c, seq, position)?.unwrap_or_default());
        if ours != theirs || ours.is_empty() {
            return Ok((true, ours == theirs));
        }
    }
    Ok((true, false))
}

/// `None`: there is no such file.
fn opened(path: &Path) -> Result<Option<File>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(spool_failed(error)),
    }
}

fn next(file: &mut File) -> Result<Vec<u8>, StoreError> {
    let mut piece = Vec::with_capacity(PIECE);
    file.take(PIECE as u64).read_to_end(&mut piece).map_err(spool_failed)?;
    Ok(piece)
}
