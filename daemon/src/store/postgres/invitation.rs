//! Handing the fleet's key over to another machine, through the database and closed to it: sealed under a code, for a quarter of
//! an hour of the server's clock, for one machine, and gone after five wrong codes.
//!
//! Works beside whatever daemon holds the database, on a connection of the administrator's own.

use std::path::Path;

use tokio_postgres::Client;

use super::session::{Failed, answered, judge};
use super::{APPLICATION, Address, Connector, fleet, migrate, unusable};
use crate::secrets::{Code, FleetId, FleetKey, Secret, VaultError};
use crate::store::{OpenError, StoreError};

/// Long enough to walk from one machine to the other.
const MINUTES: i32 = 15;

/// Wrong codes until the invitation is gone. Nobody finds a code by trying; somebody who tries should be noticed.
const TRIES: i64 = 5;

/// A connection to a fleet's database, of an administrator who hands over its key.
pub struct Fleet {
    client: Client,
    server: String,
    id: FleetId,
}

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// This machine has the key, and nobody else can use the code.
    Yes,
    /// It is another code. So many more tries are left; 0: the invitation is gone.
    Wrong(i64),
    /// There is none that is still valid.
    NotInvited,
}

/// Why the key was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key cannot be kept on this machine.
    #[error(transparent)]
    Key(#[from] VaultError),
}

impl Fleet {
    /// Connects. `None`: no daemon has worked on this database, so it has no key yet.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn connect(address: &Address, password: Option<&Secret>) -> Result<Option<Self>, OpenError> {
        let server = address.to_string();
        let connector = Connector::new(address, password.map(Secret::expose)).await?;
        let connected = connector.connect(&format!("{APPLICATION} (key)")).await;
        let client = connected.map_err(|error| unusable(&server, &error))?;
        if migrate::look(&client, &server).await? < migrate::known() {
            return Ok(None);
        }
        let id = fleet::identity(&client).await.map_err(|error| unusable(&server, &error))?;
        Ok(id.map(|id| Self { client, server, id }))
    }

    /// The key, if this machine has it.
    ///
    /// # Errors
    /// [`OpenError::NoKey`], [`OpenError::OtherKey`], or it cannot be read.
    pub fn key(&self, state_dir: &Path) -> Result<FleetKey, OpenError> {
        fleet::key_of(state_dir, &self.id, &self.server)
    }

    /// Invites whoever has the code that is given; an invitation from before is gone.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn invite(&self, key: &FleetKey) -> Result<Code, StoreError> {
        let code = Code::fresh();
        let sql = "INSERT INTO invitation (sealed, expires_at) VALUES ($1, now() + make_interval(mins => $2))
                   ON CONFLICT (one) DO UPDATE SET sealed = $1, expires_at = excluded.expires_at, wrong = 0";
        let sealed = key.seal_for(&code);
        let asked = answered(self.client.execute(sql, &[&sealed, &MINUTES])).await;
        asked.map_err(|failed| failed.error)?;
        Ok(code)
    }

    /// Whether somebody is invited now.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn is_invited(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT FROM invitation WHERE expires_at > now())";
        let row = answered(self.client.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
        row.try_get(0).map_err(|error| judge(&error))
    }

    /// Opens the invitation with a code, and keeps the key on this machine. Of several who try at once, one is the first and
    /// the others find nothing.
    ///
    /// # Errors
    /// See [`JoinError`]; the invitation is then still there.
    pub async fn join(&mut self, code: &Code, state_dir: &Path) -> Result<Joined, JoinError> {
        let of = |failed: Failed| failed.error;
        let transaction = answered(self.client.transaction()).await.map_err(of)?;
        let sql = "SELECT sealed, wrong FROM invitation WHERE expires_at > clock_timestamp() FOR UPDATE";
        let Some(row) = answered(transaction.query_opt(sql, &[])).await.map_err(of)? else {
            return Ok(Joined::NotInvited);
        };
        let sealed: &[u8] = row.try_get(0).map_err(|error| judge(&error))?;
        let wrong: i64 = row.try_get(1).map_err(|error| judge(&error))?;
        let (sql, joined) = match FleetKey::open_with(code, sealed, &self.id) {
            Ok(key) => {
                // On the disk first: a commit without an answer leaves a machine that has the key, and asks for nothing more.
                key.keep(state_dir)?;
                ("DELETE FROM invitation", Joined::Yes)
            }
            Err(_) if wrong + 1 >= TRIES => ("DELETE FROM invitation", Joined::Wrong(0)),
            Err(_) => ("UPDATE invitation SET wrong = wrong + 1", Joined::Wrong(TRIES - wrong - 1)),
        };
        answered(transaction.execute(sql, &[])).await.map_err(of)?;
        answered(transaction.commit()).await.map_err(Failed::of_commit)?;
        Ok(joined)
    }
}

/// What nobody used need not lie there.
pub(super) async fn remove_expired(client: &Client) -> Result<(), StoreError> {
    let removed = client.execute("DELETE FROM invitation WHERE expires_at <= now()", &[]);
    answered(removed).await.map(drop).map_err(|failed| failed.error)
}
