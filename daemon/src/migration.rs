//! `faxpostd migrate`: moves everything between the state folder and a database of a PostgreSQL server, while no daemon works on
//! either. It holds both as a daemon would, so one that is started meanwhile is refused, or stands by.

use anyhow::{Context as _, bail};

use crate::config::Config;
use crate::outbox::Spool;
use crate::service;
use crate::state::StateLock;
use crate::store::{Connected, DATABASE, Moved, Store};

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
    let server = match Store::connect(address.clone(), password.as_ref()).await? {
        Connected::Held(store) => store,
        Connected::Standby(standby) => bail!(
            "a daemon on {} works on {address}; stop it, and every standby, before its store is moved",
            standby.behind()
        ),
    };
    let embedded = Store::open(folder)?;
    let spool = Spool::open(folder).context("the spool cannot be opened")?;
    let (source, target) = match way {
        Way::ToServer => (&embedded, &server),
        Way::FromServer => (&server, &embedded),
    };
    tracing::info!(from = source.place(), to = target.place(), "moving everything");
    // Both are sealed under the key of this machine.
    Ok(source.move_to(target, &spool, None).await?)
}
