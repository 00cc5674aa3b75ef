//! Streams that end when the daemon stops, and say so.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::error;

/// The answer of a watching method.
pub(super) type Watch<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// `states` until the daemon stops; then STOPPING, so that a client knows that this was not the end of the story.
pub(super) fn until_stopping<T: Send + 'static>(
    states: impl Stream<Item = Result<T, Status>> + Send + 'static,
    stopping: &CancellationToken,
) -> Watch<T> {
    let cut = stopping.clone();
    let farewell = stream::once(async move { cut.is_cancelled() })
        .filter_map(|cut| async move { cut.then(|| Err(error::stopping())) });
    Box::pin(states.take_until(stopping.clone().cancelled_owned()).chain(farewell))
}
