//! A database of a PostgreSQL server. It groups commits itself, so each change is a transaction of its own, on one of a
//! few connections.
//!
//! One daemon at a time works on a database: see holder.rs. Where a row that was read decides what is written, it is locked
//! (`FOR UPDATE`): works are run once, so the isolation is that of READ COMMITTED, which never asks for repeating them.

mod accept;
mod address;
mod body;
mod fleet;
mod holder;
mod invitation;
mod migrate;
mod pool;
mod session;
mod tls;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use super::{OpenError, StoreError, sql};
use holder::{Candidate, Holder};
use pool::{Connector, Pool};

pub use address::Address;
pub(in crate::store) use body::{PIECE, failed as spool_failed};
pub use invitation::{Fleet, JoinError, Joined};
pub(in crate::store) use session::{Session, storable};

/// How connections of the pool are known on the server.
const APPLICATION: &str = "faxpostd";

/// The server ends a statement that takes longer.
const STATEMENT_MS: u32 = 30_000;

/// The database, as long as this daemon holds it.
#[derive(Clone)]
pub(super) struct Postgres {
    pool: Pool,
    holder: Arc<holder::Holder>,
}

/// A database that another daemon holds.
pub(super) struct Standby(Candidate);

impl Standby {
    /// The machine of that daemon.
    pub(super) fn behind(&self) -> &str {
        self.0.ahead()
    }

    /// Takes the database when it is free.
    pub(super) async fn wait(mut self) -> Result<Postgres, OpenError> {
        let holder = self.0.later().await?;
        Ok(Postgres::of(&self.0, holder))
    }
}

impl Postgres {
    /// The database, or what waits for it.
    pub(super) async fn open(
        address: &Address,
        password: Option<&str>,
        state_dir: &Path,
    ) -> Result<Result<Self, Standby>, OpenError> {
        let pool = Pool::new(Connector::new(address, password).await?);
        let member = fleet::Member { state_dir: state_dir.to_owned() };
        let mut candidate = Candidate::new(&address.to_string(), pool, member).await?;
        let holder = candidate.now().await?;
        Ok(match holder {
            Some(holder) => Ok(Self::of(&candidate, holder)),
            None => Err(Standby(candidate)),
        })
    }

    fn of(candidate: &Candidate, holder: Holder) -> Self {
        Self { pool: candidate.pool().clone(), holder: Arc::new(holder) }
    }

    /// For people: the server, without what is nobody's business.
    pub(super) fn place(&self) -> String {
        self.holder.server().to_owned()
    }

    /// When this daemon took it.
    pub(super) fn held_since(&self) -> SystemTime {
        self.holder.since()
    }

    /// How often changes that were not answered were settled so far.
    pub(super) fn settled(&self) -> watch::Receiver<u64> {
        self.pool.settled()
    }

    /// Resolves when this daemon can't go on with the database, with the reason.
    pub(super) async fn ended(&self) -> String {
        self.holder.ended().await
    }

    /// Runs a work that reads. It is run once.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sql::Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let taken = self.pool.take().await?;
        blocking(move || {
            let result = work(&sql::Connection::Postgres(taken.session()));
            taken.give_back();
            result
        })
        .await
    }

    /// Runs a work in a transaction. It is run once; its `Err` undoes what it did.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sql::Connection<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let taken = self.pool.begin().await?;
        let (result, taken) = blocking(move || {
            let result = work(&sql::Connection::Postgres(taken.session()));
            Ok((result, taken))
        })
        .await?;
        match result {
            Ok(result) => {
                // What is not given back is closed: after a commit without an answer nothing is known of a connection.
                self.pool.noted(taken.session().commit().await)?;
                taken.give_back();
                Ok(result)
            }
            Err(error) => {
                if taken.session().say("ROLLBACK").await.is_ok() {
                    taken.give_back();
                }
                Err(error)
            }
        }
    }

    pub(super) async fn remove_expired_invitation(&self) -> Result<(), StoreError> {
        let taken = self.pool.take().await?;
        invitation::remove_expired(taken.session().client()).await?;
        taken.give_back();
        Ok(())
    }

    /// Bytes that rows hold. Not of the files: those shrink late or never, and retention would go on for ever.
    pub(super) async fn used_bytes(&self) -> Result<u64, StoreError> {
        self.read(|c| {
            let sql = "SELECT CAST(
                         (SELECT coalesce(sum(pg_column_size(entry.*)), 0) FROM entry)
                         + (SELECT coalesce(sum(pg_column_size(message.*)), 0) FROM message)
                         + (SELECT coalesce(sum(pg_column_size(recipient.*)), 0) FROM recipient)
                         + (SELECT coalesce(sum(pg_column_size(content)), 0) FROM body)
                         + (SELECT coalesce(sum(pg_column_size(content)), 0) FROM body_piece) AS BIGINT)";
            c.one(sql, sql::params![], |row| row.get(0))
        })
        .await
    }
}

fn unusable(server: &str, error: &StoreError) -> OpenError {
    OpenError::Server { server: server.to_owned(), why: error.to_string() }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Failed(error.to_string()))?
}
