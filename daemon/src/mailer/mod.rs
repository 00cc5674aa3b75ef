//! The mailer: one job in, one outcome and transcript out.
//!
//! It knows neither the store nor the policy nor who asked: everything it needs is in the [`Job`]. Both sides of the
//! seam are serialisable, so that it can run in another process under another account.

mod job;

use tokio::sync::mpsc::UnboundedSender;

pub use job::*;

/// Does one job. Steps are told to `events` as they begin and end. Dropping the future stops the job at once.
pub async fn run(job: Job, events: Option<UnboundedSender<Event>>) -> Outcome {
    let _ = (job, events);
    std::future::pending().await
}
