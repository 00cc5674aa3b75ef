//! The mailer: one job in, one outcome and transcript out.
//!
//! It knows neither the store nor the policy nor who asked: everything it needs is in the [`Job`]. Both sides of the
//! seam are serialisable, because it runs in another process under another account: see [`worker`].

mod envelope;
mod failure;
mod job;
mod methods;
mod progress;
mod smtp;
pub mod worker;

use std::path::Path;

use tokio::sync::mpsc::UnboundedSender;

pub use job::*;

use progress::{Gate, Progress};
use worker::{Account, Supervisor};

/// The mailer as the rest of the daemon calls it.
#[derive(Clone, Debug)]
pub struct Mailer(Supervisor);

impl Mailer {
    /// One in a process of its own, under `account` or the platform's default. `state_dir` has the keys that it signs with.
    ///
    /// # Errors
    /// There is no such account.
    pub fn new(account: Option<&str>, state_dir: &Path) -> anyhow::Result<Self> {
        Ok(Self(Supervisor::new(account, state_dir.join("certificates"))?))
    }

    /// The account that it works under.
    #[must_use]
    pub fn account(&self) -> &Account {
        self.0.account()
    }

    /// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
    pub async fn deliver(&self, job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
        match &job.route {
            Route::Smtp(_) => self.0.deliver(job, events).await,
            // No byte of it comes from a network, and the folder may be one that the service account cannot write to.
            Route::Pickup { .. } => run(job, events).await,
        }
    }

    /// Ends the process; jobs that it has come to nothing.
    pub async fn stop(&self) {
        self.0.stop().await;
    }
}

/// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
pub async fn run(job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
    run_gated(job, events, None).await
}

/// As [`run`]; whatever ends the message waits for `gate` first.
async fn run_gated(job: Job, events: Option<UnboundedSender<Event>>, gate: Option<Gate>) -> Outcome {
    let progress = Progress::new(events, gate);
    match &job.route {
        Route::Smtp(route) => methods::secure_smtp_client::run(&job, route, progress).await,
        Route::Pickup { directory, file_stem } => {
            methods::pickup::run(&job, directory, file_stem, progress).await
        }
    }
}
