//! The mailer: one job in, one outcome and transcript out.
//!
//! It knows neither the store nor the policy nor who asked: everything it needs is in the [`Job`]. Both sides of the
//! seam are serialisable, so that it can run in another process under another account.

mod envelope;
mod failure;
mod job;
mod methods;
mod progress;
mod signing;
mod smtp;

use tokio::sync::mpsc::UnboundedSender;

pub use job::*;
pub use signing::{SigningCheck, check_signing};

use progress::Progress;

/// The mailer as the rest of the daemon calls it, wherever it runs.
#[derive(Clone, Debug)]
pub struct Mailer(());

impl Mailer {
    /// One that works in this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self(())
    }

    /// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
    pub async fn deliver(&self, job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
        run(job, events).await
    }

    /// Signs something with the key of `signing`, under the account that signs mail.
    pub async fn check_signing(&self, signing: Signing) -> SigningCheck {
        check_signing(signing).await
    }
}

/// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
pub async fn run(mut job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
    match signing::sign(&mut job).await {
        Ok(()) => hand_over(&job, Progress::new(events)).await,
        Err(fault) => signing::failed(job, fault, events).await,
    }
}

async fn hand_over(job: &Job, progress: Progress) -> Outcome {
    match &job.route {
        Route::Smtp(route) => methods::secure_smtp_client::run(job, route, progress).await,
        Route::Pickup { directory, file_stem } => {
            methods::pickup::run(job, directory, file_stem, progress).await
        }
    }
}
