//! Mail that is accepted while the database of a server is away, if the administrator wants that: in a small database of the
//! state folder, as durable as the embedded store, and handed over when the server is back. It waits on this machine alone until
//! then, and nobody tries it.
//!
//! A message is removed here only after it is there. So it may be handed over twice, and is known by its id the second time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::sql::{Connection, params};
use super::sqlite::Sqlite;
use super::{Backend, Inserted, NewMessage, OpenError, Store, StoreError, log, messages};
use crate::outbox::Spool;

/// File name of the database in the state folder.
const DATABASE: &str = "kept.db";

/// What was kept here.
#[derive(Clone)]
pub(super) struct Kept {
    database: Sqlite,
    /// Messages that wait: nobody asks the database as long as there are none.
    waiting: Arc<AtomicUsize>,
}

/// A message that is in the database of the server now.
#[derive(Debug)]
pub struct Handed {
    /// UUID.
    pub id: String,
    /// Who sent it.
    pub caller_id: String,
    /// Bytes.
    pub size: u64,
    /// The same request had been accepted there before: this one is no message of its own any more.
    pub is_duplicate: bool,
}

impl Kept {
    /// Opens it, or makes an empty one. One that is there is opened in any case: what it holds was accepted.
    pub(super) async fn open(state_dir: &Path, wanted: bool) -> Result<Option<Self>, OpenError> {
        let path = state_dir.join(DATABASE);
        if !wanted && !path.exists() {
            return Ok(None);
        }
        let kept = Self { database: Sqlite::open(&path)?, waiting: Arc::default() };
        let count =
            kept.database.read(|c| c.one("SELECT count(*) FROM message", params![], |row| row.get::<i64>(0)));
        let count = count.await.map_err(|error| OpenError::Unusable { path, why: error.to_string() })?;
        kept.waiting.store(usize::try_from(count).unwrap_or_default(), Ordering::SeqCst);
        Ok(Some(kept))
    }

    pub(super) async fn keep(&self, new: NewMessage) -> Result<Inserted, StoreError> {
        let inserted = self.database.write(move |c| messages::accept(c, &new)).await?;
        Ok(match inserted {
            Inserted::New { .. } => {
                if self.waiting.fetch_add(1, Ordering::SeqCst) == 0 {
                    tracing::warn!("the database is away: mail is kept in the state folder until it is back");
                }
                Inserted::Kept
            }
            other => other,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// Which of these messages wait here.
    pub(super) async fn among(&self, ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.database.read(move |c| messages::unfinished_among(c, ids)).await
    }

    /// The eldest.
    async fn next(&self, spool: &Spool) -> Result<Option<(i64, NewMessage)>, StoreError> {
        let next = self.database.read(|c| {
            let sql = "SELECT seq FROM message ORDER BY seq LIMIT 1";
            let Some(seq) = c.optional(sql, params![], |row| row.get::<i64>(0))? else { return Ok(None) };
            Ok(read(c, seq)?.map(|new| (seq, new)))
        });
        let Some((seq, mut new)) = next.await? else { return Ok(None) };
        new.file = new.body.is_none().then(|| spool.body(&new.message.id));
        Ok(Some((seq, new)))
    }

    async fn remove(&self, seq: i64, id: String) -> Result<(), StoreError> {
        self.database
            .write(move |c| {
                for sql in [
                    "DELETE FROM body WHERE message = ?1",
                    "DELETE FROM recipient WHERE message = ?1",
                    "DELETE FROM message WHERE seq = ?1",
                ] {
                    c.execute(sql, params![seq])?;
                }
                c.execute("DELETE FROM entry WHERE message = ?1", params![id]).map(drop)
            })
            .await?;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

fn read(c: &Connection<'_>, seq: i64) -> Result<Option<NewMessage>, StoreError> {
    let Some(due) = messages::due(c, seq)? else { return Ok(None) };
    let sql = "SELECT author, request_id, digest FROM message WHERE seq = ?1";
    let (author, request_id, digest) =
        c.one(sql, params![seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let entry = log::of_message(c, &due.message.id)?;
    let (message, body) = (due.message, due.body);
    Ok(Some(NewMessage { message, author, request_id, digest, body, file: None, entry }))
}

impl Store {
    /// Hands over what was kept while the server was away, the eldest first; gives what was, also when the rest must wait.
    pub async fn hand_over(&self, spool: &Spool) -> (Vec<Handed>, Result<(), StoreError>) {
        let mut handed = Vec::new();
        let (Backend::Postgres(database), Some(kept)) = (&self.backend, &self.kept) else {
            return (handed, Ok(()));
        };
        while !kept.is_empty() {
            let one = async {
                let Some((seq, mut new)) = kept.next(spool).await? else { return Ok(None) };
                let (id, caller_id) = (new.message.id.clone(), new.message.caller_id.clone());
                let size = new.message.size;
                let is_duplicate = match self.message(id.clone(), None).await? {
                    // From the last time, whose end was not noted here.
                    Some(_) => false,
                    None => match database.accept(&new).await? {
                        Inserted::Duplicate(_) => true,
                        // Another message has its request id: this one was accepted all the same.
                        Inserted::Reused => {
                            new.request_id = None;
                            database.accept(&new).await?;
                            false
                        }
                        Inserted::New { .. } | Inserted::Kept => false,
                    },
                };
                kept.remove(seq, id.clone()).await?;
                Ok(Some(Handed { id, caller_id, size, is_duplicate }))
            };
            match one.await {
                Ok(Some(one)) => handed.push(one),
                Ok(None) => break,
                Err(error) => return (handed, Err(error)),
            }
        }
        (handed, Ok(()))
    }

    /// Whether mail waits here for the server.
    #[must_use]
    pub fn keeps_mail(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.is_empty())
    }
}
