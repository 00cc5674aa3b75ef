//! The mailer as a process of its own, under the service account (requirement H6): the daemon, which may do everything,
//! parses no byte from the network, and the process that does may do next to nothing.
//!
//! `faxpostd mailer` is that process. The daemon starts it with the first job, over a connection that only the two have,
//! starts it again when it died, and takes it for hostile: see [`link`]. One process does all jobs at the same time.
//!
//! Adding a kind of work: a variant of [`Task`] and of [`Answer`], and a line in [`perform`].

mod body;
mod child;
mod keys;
mod link;
mod program;
mod reader;
mod serve;
mod supervisor;
mod wire;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::discovery::{self, Findings, Lookup};
use super::progress::Gate;
use super::signing::{Keys, SigningCheck, check_signing};
use super::{Body, Engine, Event, Exchange, ExchangeError, Job, Outcome, Shared, Signing, oauth};
use crate::certs::{KeyAlgorithm, KeyError, KeyReference, open_key};

pub use body::Remote;
pub use child::{Confined, confine, main};
pub use supervisor::Account;
pub(super) use supervisor::Supervisor;

/// What the process is started with.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// The account to become; `None`: stay what it is, even root.
    pub account: Option<String>,
    /// The folder of private keys: readable as far as the account may.
    pub keys: PathBuf,
}

impl Arguments {
    /// What the daemon starts it with, read without the machinery that reads what people type: that alone would take this
    /// process 1.5 MiB. `None`: anything else.
    pub fn told(line: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut line = line.into_iter();
        if line.next()? != "mailer" {
            return None;
        }
        let (mut account, mut stays, mut keys) = (None, false, None);
        while let Some(word) = line.next() {
            match word.to_str()? {
                "--account" => account = Some(line.next()?.into_string().ok()?),
                "--own-account" => stays = true,
                "--keys" => keys = Some(PathBuf::from(line.next()?)),
                _ => return None,
            }
        }
        // To stay what it is must have been said.
        (account.is_some() != stays).then_some(Self { account, keys: keys? })
    }
}

/// Work for the mailer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// Hand a message over, or test an account.
    Deliver(Box<Job>),
    /// Ask a provider of OAuth 2.0.
    Exchange(Box<Exchange>),
    /// Look for the servers of a domain.
    Discover(Lookup),
    /// Sign a probe.
    CheckSigning(Box<Signing>),
    /// Sign what the daemon has: for methods that it does itself.
    Sign(KeyReference, Vec<u8>),
    /// Wait until an account has no more connections than this.
    Narrow(Shared),
}

/// What came of a [`Task`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// Of [`Task::Deliver`].
    Deliver(Box<Outcome>),
    /// Of [`Task::Exchange`].
    Exchange(Box<Result<super::Answer, ExchangeError>>),
    /// Of [`Task::Discover`].
    Discover(Box<Findings>),
    /// Of [`Task::CheckSigning`].
    CheckSigning(Box<SigningCheck>),
    /// Of [`Task::Sign`].
    Sign(Result<(KeyAlgorithm, Vec<u8>), KeyError>),
    /// Of [`Task::Narrow`].
    Narrow,
}

impl Task {
    /// The message in it, which travels beside it.
    fn body(&mut self) -> Option<&mut Body> {
        match self {
            Self::Deliver(job) => Some(&mut job.body),
            Self::Exchange(_)
            | Self::Discover(_)
            | Self::CheckSigning(_)
            | Self::Sign(..)
            | Self::Narrow(_) => None,
        }
    }
}

/// Does it, here.
async fn perform(engine: Engine, task: Task, events: Option<UnboundedSender<Event>>, gate: Gate) -> Answer {
    match task {
        Task::Deliver(job) => {
            let mut outcome = engine.run_with(*job, events, Some(gate), Keys::own()).await;
            outcome.shorten();
            Answer::Deliver(Box::new(outcome))
        }
        Task::Exchange(exchange) => Answer::Exchange(Box::new(oauth::run(*exchange).await)),
        Task::Discover(lookup) => Answer::Discover(Box::new(discovery::run(lookup).await)),
        Task::CheckSigning(signing) => Answer::CheckSigning(Box::new(check_signing(*signing).await)),
        Task::Narrow(shared) => {
            engine.narrow(&shared).await;
            Answer::Narrow
        }
        Task::Sign(key, message) => {
            let work = move || {
                let key = open_key(&key)?;
                Ok((key.algorithm(), key.sign(&message)?))
            };
            let failed = |error: tokio::task::JoinError| Err(KeyError::Failed(error.to_string()));
            Answer::Sign(tokio::task::spawn_blocking(work).await.unwrap_or_else(failed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn told(line: &[&str]) -> Option<(Option<String>, String)> {
        let told = Arguments::told(line.iter().map(Into::into));
        told.map(|told| (told.account, told.keys.to_string_lossy().into_owned()))
    }

    #[test]
    fn h6_the_mailer_stays_what_it_is_only_when_told_to() {
        let keys = "/keys".to_owned();
        assert_eq!(told(&["mailer", "--keys", "/keys", "--own-account"]), Some((None, keys.clone())));
        let fax = Some("fax".to_owned());
        assert_eq!(told(&["mailer", "--account", "fax", "--keys", "/keys"]), Some((fax, keys)));
        for line in [
            &["mailer", "--keys", "/keys"][..],
            &["mailer", "--keys", "/keys", "--own-account", "--account", "fax"],
            &["mailer", "--own-account"],
            &["mailer", "--own-account", "--keys"],
            &["mailer", "--own-account", "--keys", "/keys", "--help"],
            &["run", "--own-account", "--keys", "/keys"],
            &[],
        ] {
            assert_eq!(told(line), None, "{line:?}");
        }
    }
}
