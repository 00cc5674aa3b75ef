//! The mailer: one job in, one outcome and transcript out.
//!
//! It knows neither the store nor the policy nor who asked: everything it needs is in the [`Job`]. Both sides of the
//! seam are serialisable, because it runs in another process under another account: see [`worker`].

pub mod discovery;
mod envelope;
mod failure;
mod job;
mod methods;
mod oauth;
mod progress;
mod signing;
mod smtp;
mod turns;
pub mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

pub use job::*;
pub use methods::missing;
pub use oauth::{Answer, DeviceCodes, Exchange, ExchangeError, ExchangeFault, Metadata, OauthClient, Tokens};
pub use signing::{SigningCheck, check_signing};

use discovery::{Findings, Lookup};
use methods::cdo_message::is_worn_out;
use progress::{Gate, Progress};
use signing::Keys;
use worker::{Account, Supervisor};

/// The mailer as the rest of the daemon calls it.
#[derive(Clone, Debug)]
pub struct Mailer(Place);

#[derive(Clone, Debug)]
enum Place {
    Here(Engine),
    Process(Supervisor),
}

impl Mailer {
    /// One in a process of its own, under `account` or the platform's default. `state_dir` has the keys that it signs with.
    ///
    /// # Errors
    /// There is no such account.
    pub fn new(account: Option<&str>, state_dir: &Path) -> anyhow::Result<Self> {
        Self::with_program(account, state_dir, None)
    }

    /// As [`Self::new`], with this program in the process: for what is not the daemon's program, and measures it.
    ///
    /// # Errors
    /// As [`Self::new`], or the program cannot be read.
    pub fn with_program(
        account: Option<&str>,
        state_dir: &Path,
        program: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let process = Supervisor::new(account, state_dir.join("certificates"), program)?;
        methods::install(&state_dir.join(methods::PROGRAMS), &process.account().id);
        Ok(Self(Place::Process(process)))
    }

    /// One that works in this process: to test the work itself, and to measure what the other costs.
    #[must_use]
    pub fn in_process() -> Self {
        Self(Place::Here(Engine::default()))
    }

    /// The account that it works under.
    #[must_use]
    pub fn account(&self) -> Account {
        match &self.0 {
            Place::Here(_) => Account::own(),
            Place::Process(process) => process.account().clone(),
        }
    }

    /// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
    pub async fn deliver(&self, job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
        match (&self.0, &job.route) {
            (Place::Here(engine), _) => engine.run(job, events).await,
            (Place::Process(process), Route::Smtp(_) | Route::SystemNetMail(_) | Route::CdoMessage(_)) => {
                process.deliver(job, events).await
            }
            // No byte of it comes from a network, and the folder may be one that the service account cannot write to. Only
            // the signature is made there.
            (Place::Process(process), Route::Pickup { .. }) => {
                Engine::default().run_with(job, events, None, process.keys()).await
            }
        }
    }

    /// Signs something with the key of `signing`, under the account that signs mail.
    pub async fn check_signing(&self, signing: Signing) -> SigningCheck {
        match &self.0 {
            Place::Here(_) => check_signing(signing).await,
            Place::Process(process) => process.check_signing(signing).await,
        }
    }

    /// Asks a provider of OAuth 2.0. Dropping the future gives it up.
    ///
    /// # Errors
    /// See [`ExchangeError`].
    pub async fn exchange(&self, exchange: Exchange) -> Result<Answer, ExchangeError> {
        match &self.0 {
            Place::Here(_) => oauth::run(exchange).await,
            Place::Process(process) => process.exchange(exchange).await,
        }
    }

    /// Looks for the servers of a domain. Dropping the future gives it up.
    pub async fn discover(&self, lookup: Lookup) -> Findings {
        match &self.0 {
            Place::Here(_) => discovery::run(lookup).await,
            Place::Process(process) => process.discover(lookup).await,
        }
    }

    /// Returns when the account has no more connections than this, idle ones too.
    pub async fn narrow(&self, shared: Shared) {
        match &self.0 {
            Place::Here(engine) => engine.narrow(&shared).await,
            Place::Process(process) => process.narrow(shared).await,
        }
    }

    /// Ends the process; jobs that it has come to nothing.
    pub async fn stop(&self) {
        if let Place::Process(process) = &self.0 {
            process.stop().await;
        }
    }
}

/// Does jobs in this process, and keeps connections between them.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pool: smtp::Pool,
    turns: smtp::Turns,
    /// Where the daemon has put the programs that methods need. Empty: there are none.
    programs: PathBuf,
}

impl Engine {
    /// One for a process that was told where the keys are: the programs lie beside them.
    fn with_programs_beside(keys: &Path) -> Self {
        Self { programs: keys.with_file_name(methods::PROGRAMS), ..Self::default() }
    }

    /// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
    pub async fn run(&self, job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
        self.run_with(job, events, None, Keys::own()).await
    }

    /// As [`Self::run`], with these keys; whatever ends the message waits for `gate` first.
    async fn run_with(
        &self,
        mut job: Job,
        events: Option<UnboundedSender<Event>>,
        gate: Option<Gate>,
        keys: Keys,
    ) -> Outcome {
        match signing::sign(&mut job, keys).await {
            Ok(()) => {
                let job = Arc::new(job);
                let opening = smtp::Opening::of(&job);
                let key = opening.as_ref().map(smtp::Opening::key);
                let mut turn = self.turns.take(job.pool.as_ref(), opening).await;
                self.hand_over(&job, Progress::new(events, gate), key, &mut turn).await
            }
            Err(fault) => signing::failed(self, job, fault, events).await,
        }
    }

    /// See [`Mailer::narrow`].
    async fn narrow(&self, shared: &Shared) {
        self.turns.narrow(shared).await;
        // From now on each connection is a job's that has its turn, or was.
        self.pool.end_idle(&shared.name).await;
    }

    /// What is left when it is signed.
    async fn hand_over(
        &self,
        job: &Job,
        progress: Progress,
        key: Option<smtp::Key>,
        turn: &mut smtp::JobTurn,
    ) -> Outcome {
        match &job.route {
            Route::Smtp(route) => {
                let pool = key.map(|key| (&self.pool, key));
                methods::secure_smtp_client::run(job, route, progress, pool, turn).await
            }
            Route::SystemNetMail(route) => {
                methods::system_net_mail::run(job, route, progress, &self.programs).await
            }
            Route::CdoMessage(route) => methods::cdo_message::run(job, route, progress).await,
            Route::Pickup { directory, file_stem } => {
                methods::pickup::run(job, directory, file_stem, progress).await
            }
        }
    }
}
