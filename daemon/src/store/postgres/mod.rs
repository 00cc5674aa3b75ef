//! A database of a PostgreSQL server. It groups commits itself, so each change is a transaction of its own, on one of a
//! few connections.
//!
//! Several daemons may work on a database at the same time: see node.rs. Where a row that was read decides what is written, it is locked
//! (`FOR UPDATE`): works are run once, so the isolation is that of READ COMMITTED, which never asks for repeating them.

mod accept;
mod address;
mod alone;
mod body;
mod fleet;
mod give;
mod invitation;
mod members;
mod migrate;
mod node;
mod notices;
mod pool;
mod session;
mod tls;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use super::{OpenError, StoreError, sql};
use node::{Candidate, Hold, Node};
use pool::{Connector, Pool};

pub use address::Address;
pub(in crate::store) use alone::Alone;
pub(in crate::store) use body::{PIECE, failed as spool_failed};
pub use invitation::{Fleet, JoinError, Joined};
pub use members::{Member, Members};
pub use notices::Heard;
pub(in crate::store) use notices::messages as name_messages;
pub(in crate::store) use session::{Session, storable};

/// How connections of the pool are known on the server.
const APPLICATION: &str = "faxpostd";

/// The server ends a statement that takes longer.
const STATEMENT_MS: u32 = 30_000;

/// The database, as long as this daemon works on it.
#[derive(Clone)]
pub(super) struct Postgres {
    pool: Pool,
    node: Arc<Node>,
}

/// A database that cannot be worked on yet: somebody is alone with it, or others keep this one from being alone.
pub(super) struct Standby(Candidate);

impl Standby {
    /// Goes on when that has ended.
    pub(super) async fn wait(mut self) -> Result<Postgres, OpenError> {
        let node = self.0.later().await?;
        Ok(Postgres::of(&self.0, node))
    }
}

impl Postgres {
    /// The database, or what waits for it. `alone`: while no other daemon works on it.
    pub(super) async fn open(
        address: &Address,
        password: Option<&str>,
        state_dir: &Path,
        alone: bool,
    ) -> Result<Result<Self, Standby>, OpenError> {
        let pool = Pool::new(Connector::new(address, password).await?, node::machine(state_dir));
        let member = fleet::Member { state_dir: state_dir.to_owned() };
        let hold = if alone { Hold::Alone } else { Hold::Beside };
        let mut candidate = Candidate::new(&address.to_string(), pool, member, hold).await?;
        let node = candidate.now().await?;
        Ok(match node {
            Some(node) => Ok(Self::of(&candidate, node)),
            None => Err(Standby(candidate)),
        })
    }

    fn of(candidate: &Candidate, node: Node) -> Self {
        Self { pool: candidate.pool().clone(), node: Arc::new(node) }
    }

    /// For people: the server, without what is nobody's business.
    pub(super) fn place(&self) -> String {
        self.node.server().to_owned()
    }

    /// Since when this daemon works on it.
    pub(super) fn held_since(&self) -> SystemTime {
        self.node.since()
    }

    /// Who works on it.
    pub(super) fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.node.members()
    }

    /// What other nodes said, as soon as there is something.
    pub(super) async fn heard(&self) -> Heard {
        self.node.notices().heard().await
    }

    /// Tells the other nodes. Nobody may be listening, and what is not heard is found later.
    pub(super) async fn tell(&self, said: &[String]) -> Result<(), StoreError> {
        let taken = self.pool.take().await?;
        for words in said {
            let payload = format!("{} {words}", self.pool.node());
            taken.session().run("SELECT pg_notify('faxpost', ?1)", &[payload.into()]).await?;
        }
        taken.give_back();
        Ok(())
    }

    /// How often changes that were not answered were settled so far.
    pub(super) fn settled(&self) -> watch::Receiver<u64> {
        self.pool.settled()
    }

    /// Resolves when this daemon can't go on with the database, with the reason.
    pub(super) async fn ended(&self) -> String {
        self.node.ended().await
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
