//! After a database server went away in the middle of changes: which of them were made? Until that is known, a message that
//! may have been accepted keeps its share and its body.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Outbox, lock};
use crate::store::StoreError;

/// A message that may have been accepted; its caller was not told so.
pub(super) struct Doubt {
    id: String,
    caller: String,
    size: u64,
}

impl Doubt {
    pub(super) fn of(id: &str, caller: &str, size: u64) -> Self {
        Self { id: id.to_owned(), caller: caller.to_owned(), size }
    }
}

/// So often it is looked whether kept mail can be handed over.
const LOOK: Duration = Duration::from_secs(1);

impl Outbox {
    /// Hands over what was accepted while the database was away, as soon as it is back, until `shutdown`.
    pub async fn hand_over_kept(self: Arc<Self>, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            if !self.store.keeps_mail() {
                continue;
            }
            let (handed, ended) = self.store.hand_over(&self.spool).await;
            for duplicate in handed.iter().filter(|one| one.is_duplicate) {
                self.give_share_back(&duplicate.caller_id, duplicate.size);
                self.spool.remove(&duplicate.id);
            }
            if let Err(error) = ended {
                tracing::debug!(%error, "kept mail cannot be handed over yet");
            }
            if handed.is_empty() {
                continue;
            }
            tracing::info!(messages = handed.len(), "mail that was kept is in the database now");
            let read = async {
                self.log.read_again().await?;
                self.fill().await
            };
            if let Err(error) = read.await {
                tracing::warn!(%error, "mail that was handed over is not known yet");
            }
            for one in handed {
                self.changed(&one.id);
            }
        }
    }

    /// Finds out what became of the changes in doubt, and follows the store again: a message that it has queued, and the
    /// queue does not know, is delivered.
    ///
    /// # Errors
    /// See [`StoreError`]. What is not known yet stays in doubt.
    pub async fn read_again(&self) -> Result<(), StoreError> {
        let doubts = std::mem::take(&mut *lock(&self.doubts));
        let mut left = doubts.into_iter();
        while let Some(doubt) = left.next() {
            match self.store.message(doubt.id.clone(), None).await {
                // Its end, which is settled as any other's, gives the share back.
                Ok(Some(_)) => tracing::info!(message = doubt.id, "a message that was in doubt was accepted"),
                Ok(None) => {
                    self.give_share_back(&doubt.caller, doubt.size);
                    self.spool.remove(&doubt.id);
                }
                Err(error) => {
                    let mut doubts = lock(&self.doubts);
                    doubts.push(doubt);
                    doubts.extend(left);
                    return Err(error);
                }
            }
        }
        self.fill().await
    }
}
