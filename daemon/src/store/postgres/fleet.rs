//! Which key the secrets of a database are sealed under: it knows an identifier of it, and whoever has not that key neither
//! works on the database nor stands by.

use std::path::{Path, PathBuf};

use tokio_postgres::Client;

use super::session::{answered, judge};
use super::{migrate, unusable};
use crate::secrets::{FleetId, FleetKey};
use crate::store::{OpenError, StoreError};

/// This machine's part: where it keeps the key.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) state_dir: PathBuf,
}

impl Member {
    /// Refuses a database whose key this machine has not. One without a key is nobody's yet.
    pub(super) async fn look(&self, client: &Client, server: &str) -> Result<(), OpenError> {
        // The tables are not there yet, or will be brought forward first.
        if migrate::look(client, server).await? < migrate::known() {
            return Ok(());
        }
        match identity(client).await.map_err(|error| unusable(server, &error))? {
            Some(id) => self.key_of(&id, server).map(drop),
            None => Ok(()),
        }
    }

    /// As [`Self::look`], for whoever holds the database: one without a key gets this machine's, which is made if need be.
    pub(super) async fn settle(&self, client: &Client, server: &str) -> Result<(), OpenError> {
        let failed = |error: StoreError| unusable(server, &error);
        if let Some(id) = identity(client).await.map_err(failed)? {
            self.key_of(&id, server)?;
        } else {
            let key = match FleetKey::open(&self.state_dir)? {
                Some(key) => key,
                None => self.made()?,
            };
            let id = key.id();
            let sql = "INSERT INTO fleet (key_id) VALUES ($1)";
            answered(client.execute(sql, &[&id.as_slice()])).await.map_err(|error| failed(error.error))?;
            tracing::info!("the database had no key: its secrets are sealed under this machine's fleet.key");
        }
        super::invitation::remove_expired(client).await.map_err(failed)
    }

    /// On the disk before the database knows of it.
    fn made(&self) -> Result<FleetKey, OpenError> {
        let key = FleetKey::fresh();
        key.keep(&self.state_dir)?;
        Ok(key)
    }

    fn key_of(&self, id: &FleetId, server: &str) -> Result<FleetKey, OpenError> {
        key_of(&self.state_dir, id, server)
    }
}

/// The key with this identifier, if this machine has it.
pub(super) fn key_of(state_dir: &Path, id: &FleetId, server: &str) -> Result<FleetKey, OpenError> {
    match FleetKey::open(state_dir)? {
        Some(key) if key.id() == *id => Ok(key),
        Some(_) => Err(OpenError::OtherKey { server: server.to_owned(), path: FleetKey::path(state_dir) }),
        None => Err(OpenError::NoKey { server: server.to_owned() }),
    }
}

/// Of the key that the database's secrets are sealed under; `None`: it has none yet.
pub(super) async fn identity(client: &Client) -> Result<Option<FleetId>, StoreError> {
    let row = answered(client.query_opt("SELECT key_id FROM fleet", &[])).await;
    let Some(row) = row.map_err(|failed| failed.error)? else { return Ok(None) };
    let id: &[u8] = row.try_get(0).map_err(|error| judge(&error))?;
    let id =
        id.try_into().map_err(|_| StoreError::Failed("the identifier of its key is damaged".to_owned()))?;
    Ok(Some(id))
}
