//! Bodies that are files of the spool, in pieces: so that another machine, or this one without its disk, can deliver them.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::session::Session;
use super::{Postgres, blocking};
use crate::store::StoreError;
use crate::store::sql::params;

/// Bytes of a piece: so much of a body is in memory.
pub(in crate::store) const PIECE: usize = 256 * 1024;

/// Writes the pieces of `file` within the transaction of the session.
pub(super) async fn write(session: &Session, message: i64, file: &Path) -> Result<(), StoreError> {
    let insert = "INSERT INTO body_piece (message, position, content) VALUES (?1, ?2, ?3)";
    let mut open = File::open(file).map_err(failed)?;
    for position in 0_i64.. {
        let piece = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            (&open).take(PIECE as u64).read_to_end(&mut piece).map(|_| (piece, open))
        });
        let (piece, rest) = piece.await.map_err(io::Error::other).flatten().map_err(failed)?;
        open = rest;
        if piece.is_empty() {
            break;
        }
        session.run(insert, params![message, position, piece]).await?;
    }
    Ok(())
}

impl Postgres {
    /// Makes the file of a body anew. `false`: there are no pieces of it.
    pub(in crate::store) async fn body_file(&self, message: i64, file: PathBuf) -> Result<bool, StoreError> {
        let taken = self.pool.take().await?;
        blocking(move || {
            let part = file.with_extension("part");
            let made = make(taken.session(), message, &part);
            if matches!(made, Ok(true)) {
                std::fs::rename(&part, &file).map_err(failed)?;
            } else {
                let _ = std::fs::remove_file(&part);
            }
            taken.give_back();
            made
        })
        .await
    }
}

fn make(session: &Session, message: i64, file: &Path) -> Result<bool, StoreError> {
    let mut out = File::create(file).map_err(failed)?;
    for position in 0_i64.. {
        let sql = "SELECT content FROM body_piece WHERE message = ?1 AND position = ?2";
        let Some(row) = session.query(sql, params![message, position])?.into_iter().next() else {
            out.sync_all().map_err(failed)?;
            return Ok(position > 0);
        };
        let piece: &[u8] = row.try_get(0).map_err(|error| StoreError::Failed(error.to_string()))?;
        out.write_all(piece).map_err(failed)?;
    }
    Ok(false)
}

/// Of the spool.
pub(in crate::store) fn failed(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull => StoreError::Full,
        _ => StoreError::Failed(format!("spool: {error}")),
    }
}
