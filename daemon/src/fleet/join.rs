//! `faxpostd join`

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::fleet;
use crate::config::Config;
use crate::secrets::{Code, NoCode};
use crate::service;
use crate::service::words::Words;
use crate::store::{Joined, OpenError};

/// Larger than any code as it is typed.
const MAX_LINE: u64 = 256;

/// Asks for the code, and keeps the key that it opens. Gives what to tell.
///
/// # Errors
/// The database cannot be asked, nobody is invited, it is another code, or the key cannot be kept.
pub async fn join(config: &Config, words: &Words) -> anyhow::Result<&'static str> {
    service::prepare_state_dir(&config.state_dir)?;
    let mut fleet = fleet(config, words).await?;
    match fleet.key(&config.state_dir) {
        Ok(_) => return Ok(words.joined_before),
        Err(OpenError::NoKey { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    // Before anybody types for nothing. What comes through a pipe may be invited only now.
    if io::stdin().is_terminal() && !fleet.is_invited().await? {
        bail!(words.not_invited);
    }
    let code = tokio::task::spawn_blocking({
        let prompt = words.code_prompt;
        move || line(prompt)
    });
    let code = Code::parse(&code.await?.context(words.code_not_read)?);
    let code = match code {
        Ok(code) => code,
        Err(NoCode::Shape) => bail!(words.no_code),
        Err(NoCode::Mistyped) => bail!(words.mistyped),
    };
    match fleet.join(&code, &config.state_dir).await? {
        Joined::Yes => Ok(words.joined),
        Joined::Wrong(left) => bail!((words.wrong_code)(left)),
        Joined::NotInvited => bail!(words.not_invited),
    }
}

/// One line of standard input; of a terminal without showing it.
fn line(prompt: &str) -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map(Zeroizing::new);
    }
    let mut line = Zeroizing::new(String::with_capacity(MAX_LINE as usize));
    io::stdin().lock().take(MAX_LINE).read_line(&mut line)?;
    Ok(line)
}
