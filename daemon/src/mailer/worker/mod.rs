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

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::discovery::{self, Findings, Lookup};
use super::progress::Gate;
use super::signing::{Keys, SigningCheck, check_signing};
use super::{Body, Engine, Event, Exchange, ExchangeError, Job, Outcome, Signing, oauth};
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
}

impl Task {
    /// The message in it, which travels beside it.
    fn body(&mut self) -> Option<&mut Body> {
        match self {
            Self::Deliver(job) => Some(&mut job.body),
            Self::Exchange(_) | Self::Discover(_) | Self::CheckSigning(_) | Self::Sign(..) => None,
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
