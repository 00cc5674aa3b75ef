//! What an administrator does about the key of a fleet: `faxpostd invite` where it is, `faxpostd join` where it is to be.
//!
//! Both read what only an administrator of the machine can read, and talk to the database themselves: on the one machine a daemon
//! works meanwhile, on the other it does not come up without the key.

mod invite;
mod join;

use anyhow::{Context as _, anyhow};

pub use invite::invite;
pub use join::join;

use crate::config::Config;
use crate::service::words::Words;
use crate::store::Fleet;

async fn fleet(config: &Config, words: &Words) -> anyhow::Result<Fleet> {
    let address = config.store.address.as_ref().context(words.no_server)?;
    let password = config.store.password()?;
    Fleet::connect(address, password.as_ref()).await?.ok_or_else(|| anyhow!(words.no_fleet))
}
