//! `faxpostd migrate`: moves everything between the state folder and a database of a PostgreSQL server, while no daemon works on
//! either. It holds both as a daemon would, so one that is started meanwhile is refused, or stands by.

use anyhow::{Context as _, bail};

use crate::config::Config;
use crate::outbox::Spool;
use crate::secrets::{FleetKey, Vault};
use crate::service;
use crate::state::StateLock;
use crate::store::{Connected, DATABASE, How, Keys, Moved, Store};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Into the database of the server.
    ToServer,
    /// From there into the state folder.
    FromServer,
}

/// Moves everything, or the rest of it after an interruption; returns when the other store is the one that counts.
///
/// # Errors
/// A sentence that says what to do. The target is not to be worked on; nor is the source, if only the target's mark is missing.
pub async fn migrate(config: &Config, way: Way) -> anyhow::Result<Moved> {
    let Some(address) = &config.store.address else { bail!("no database of a server is named") };
    let folder = &config.state_dir;
    if way == Way::ToServer && !folder.join(DATABASE).exists() {
        bail!("there is no {DATABASE} in {}, so nothing that could be moved", folder.display());
    }
    service::prepare_state_dir(folder)?;
    let _lock = StateLock::take(folder, "moving its store")?;
    let password = config.store.password()?;
    let server = match Store::connect(address, password.as_ref(), folder, How::Alone).await? {
        Connected::Held(store) => store,
        Connected::Standby(_) => {
            bail!("a daemon works on {address}; stop all of them before its store is moved")
        }
    };
    if server.keeps_mail() {
        bail!(
            "mail that was accepted while the database was away waits here; start the daemon once, so that it is handed over"
        );
    }
    // Whoever holds a database has its key, and the first one made it.
    let fleet = FleetKey::open(folder)?.context("fleet.key was removed just now; start again")?.vault();
    let machine = Vault::open(folder)?;
    let embedded = Store::open(folder)?;
    let spool = Spool::open(folder).context("the spool cannot be opened")?;
    let (source, target, keys) = match way {
        Way::ToServer => (&embedded, &server, Keys { from: machine, to: fleet }),
        Way::FromServer => (&server, &embedded, Keys { from: fleet, to: machine }),
    };
    tracing::info!(from = source.place(), to = target.place(), "moving everything");
    Ok(source.move_to(target, &spool, Some(keys)).await?)
}
