//! The mailer: one job in, one outcome and transcript out.
//!
//! It knows neither the store nor the policy nor who asked: everything it needs is in the [`Job`]. Both sides of the
//! seam are serialisable, so that it can run in another process under another account.

mod envelope;
mod failure;
mod job;
mod methods;
mod oauth;
mod progress;
mod signing;
mod smtp;

use tokio::sync::mpsc::UnboundedSender;

pub use job::*;
pub use oauth::{Answer, DeviceCodes, Exchange, ExchangeError, ExchangeFault, Metadata, OauthClient, Tokens};
pub use signing::{SigningCheck, check_signing};

use progress::Progress;

/// The mailer as the rest of the daemon calls it, wherever it runs.
#[derive(Clone, Debug)]
pub struct Mailer(Engine);

impl Mailer {
    /// One that works in this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self(Engine::default())
    }

    /// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
    pub async fn deliver(&self, job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
        self.0.run(job, events).await
    }

    /// Signs something with the key of `signing`, under the account that signs mail.
    pub async fn check_signing(&self, signing: Signing) -> SigningCheck {
        check_signing(signing).await
    }

    /// Asks a provider of OAuth 2.0. Dropping the future gives it up.
    ///
    /// # Errors
    /// See [`ExchangeError`].
    pub async fn exchange(&self, exchange: Exchange) -> Result<Answer, ExchangeError> {
        oauth::run(exchange).await
    }
}

/// Does jobs in this process, and keeps connections between them.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pool: smtp::Pool,
}

impl Engine {
    /// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
    pub async fn run(&self, mut job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
        match signing::sign(&mut job).await {
            Ok(()) => self.hand_over(&job, Progress::new(events)).await,
            Err(fault) => signing::failed(self, job, fault, events).await,
        }
    }

    /// What is left when it is signed.
    async fn hand_over(&self, job: &Job, progress: Progress) -> Outcome {
        match &job.route {
            Route::Smtp(route) => methods::secure_smtp_client::run(job, route, progress, &self.pool).await,
            Route::Pickup { directory, file_stem } => {
                methods::pickup::run(job, directory, file_stem, progress).await
            }
        }
    }
}
