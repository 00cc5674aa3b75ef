//! After a database server went away in the middle of changes: which of them were made? Until that is known, a message that
//! may have been accepted keeps its share and its body.

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

impl Outbox {
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
