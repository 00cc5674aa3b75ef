//! A stream of parts to the daemon, as fast as it takes them.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_stream::Stream;

/// The size of a piece that the protocol recommends.
pub(super) const CHUNK: usize = 64 << 10;
/// Pieces read ahead: one is on its way while the next is read.
const AHEAD: usize = 2;

/// Where the parts come in.
pub(super) struct Parts<T>(Sender<Option<T>>);

/// The stream of a message. It ends only when the message is whole: a stream that ended because something could not be
/// read would be accepted as a shorter message.
pub(super) struct Upload<T> {
    parts: Receiver<Option<T>>,
    ended: bool,
}

pub(super) fn channel<T>() -> (Parts<T>, Upload<T>) {
    let (sender, parts) = mpsc::channel(AHEAD);
    (Parts(sender), Upload { parts, ended: false })
}

impl<T> Parts<T> {
    pub(super) async fn put(&self, part: T) {
        if self.0.send(Some(part)).await.is_err() {
            // The call is over; its answer is the one that counts, so wait for it to be taken.
            std::future::pending::<()>().await;
        }
    }

    /// Nothing follows: the message is whole.
    pub(super) async fn finish(&self) {
        // A closed channel: the call is over, and its answer says why.
        let _ = self.0.send(None).await;
    }
}

impl<T> Stream for Upload<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<T>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.parts.poll_recv(task) {
            Poll::Ready(Some(Some(part))) => Poll::Ready(Some(part)),
            Poll::Ready(Some(None)) => {
                self.ended = true;
                Poll::Ready(None)
            }
            // Broken off: neither more nor an end.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn f1_an_upload_that_breaks_off_never_ends_as_if_it_were_whole() {
        let (parts, mut upload) = channel();
        parts.0.try_send(Some(1)).unwrap();
        drop(parts);
        let mut task = Task::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut upload).poll_next(&mut task), Poll::Ready(Some(1))));
        assert!(Pin::new(&mut upload).poll_next(&mut task).is_pending(), "the stream ended");
    }
}
