//! `faxpostd invite`

use zeroize::Zeroizing;

use super::fleet;
use crate::config::Config;
use crate::service::words::Words;

/// Gives the code with which one other machine gets the key.
///
/// # Errors
/// The database cannot be asked, or this machine has not its key.
pub async fn invite(config: &Config, words: &Words) -> anyhow::Result<Zeroizing<String>> {
    let fleet = fleet(config, words).await?;
    let key = fleet.key(&config.state_dir)?;
    Ok(fleet.invite(&key).await?.show())
}
