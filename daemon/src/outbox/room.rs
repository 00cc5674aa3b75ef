//! What is on its way in: written to the disk before anybody knows whether it can be accepted, and so taken from the
//! caller's share as it arrives. Else one could fill the disk with calls that are refused at their ends.

use std::sync::Arc;

use super::accept::{AcceptError, check_request_id};
use super::{Outbox, lock};

/// The bytes of one call that are on the disk. They come back when it is dropped.
pub struct Room {
    outbox: Arc<Outbox>,
    caller: String,
    request_id: String,
    bytes: u64,
    /// The share is used up, and this may be a message that was accepted before.
    again: bool,
}

impl Outbox {
    /// For a call of this caller. `request_id`: as in [`super::Request`].
    #[must_use]
    pub fn room(self: &Arc<Self>, caller: &str, request_id: &str) -> Room {
        let (caller, request_id) = (caller.to_owned(), request_id.to_owned());
        Room { outbox: self.clone(), caller, request_id, bytes: 0, again: false }
    }
}

impl Room {
    /// Takes so many more.
    ///
    /// # Errors
    /// The caller has used up his share, and there is no earlier message of this request id whose answer he might have lost.
    pub async fn take(&mut self, bytes: u64) -> Result<(), AcceptError> {
        if self.again {
            return Ok(());
        }
        let reserved = self.reserve(bytes);
        if reserved.is_err() && self.is_known().await? && self.goes_again() {
            return Ok(());
        }
        reserved
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), AcceptError> {
        let Outbox { queued_per_caller, queued_bytes_per_caller, .. } = *self.outbox;
        let mut shares = lock(&self.outbox.shares);
        let used = shares.get(&self.caller).copied().unwrap_or_default();
        if used.messages >= queued_per_caller {
            return Err(AcceptError::QueueShare(queued_per_caller));
        }
        let arriving = used.arriving.saturating_add(bytes);
        if used.bytes.saturating_add(arriving) > queued_bytes_per_caller {
            return Err(AcceptError::BytesShare(queued_bytes_per_caller));
        }
        shares.entry(self.caller.clone()).or_default().arriving = arriving;
        self.bytes += bytes;
        Ok(())
    }

    async fn is_known(&self) -> Result<bool, AcceptError> {
        let Self { outbox, caller, request_id, .. } = self;
        if request_id.is_empty() {
            return Ok(false);
        }
        check_request_id(request_id)?;
        Ok(outbox.store.message_of_request(caller.clone(), request_id.clone()).await?.is_some())
    }

    /// One of a caller at a time: such a call is bounded by the size of a message only.
    fn goes_again(&mut self) -> bool {
        let mut shares = lock(&self.outbox.shares);
        let used = shares.entry(self.caller.clone()).or_default();
        self.again = !std::mem::replace(&mut used.again, true);
        self.again
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut shares = lock(&self.outbox.shares);
        if let Some(used) = shares.get_mut(&self.caller) {
            used.arriving = used.arriving.saturating_sub(self.bytes);
            used.again &= !self.again;
            if used.is_nothing() {
                shares.remove(&self.caller);
            }
        }
    }
}
