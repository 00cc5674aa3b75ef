//! Bodies that bound what a peer can hold: a request that stalls ends, and a call slot is kept until the answer is out.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use faxpost_proto::reason;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tonic::body::Body;
use tonic::{Code, Status};

use super::error;
use crate::ipc::Charge;

/// A request body that fails when nothing comes for too long, when it is larger than its method takes, when the caller has
/// no memory left for it, and when it is cut off. tonic takes the cancellation of a
/// stream for its end, and hyper its reset with NO_ERROR: half a fax would pass for a whole one.
pub(super) struct Patient {
    body: Body,
    charge: Arc<Charge>,
    /// Octets that may still come.
    left: Option<usize>,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Patient {
    pub(super) fn new(body: Body, charge: Arc<Charge>, most: Option<usize>, patience: Duration) -> Self {
        Self { body, charge, left: most, patience, deadline: Box::pin(tokio::time::sleep(patience)) }
    }
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let next = Instant::now() + self.patience;
            self.deadline.as_mut().reset(next);
            let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len));
            let bytes = bytes.unwrap_or(0);
            if let Some(left) = &mut self.left {
                let Some(rest) = left.checked_sub(bytes) else {
                    return Poll::Ready(Some(Err(error::too_large())));
                };
                *left = rest;
            }
            if !self.charge.take(bytes) {
                let text = "your calls under way, or those of all callers, have as many bytes as they may; wait for some \
                            to end";
                let status = error::status(Code::ResourceExhausted, reason::TOO_MANY_CALLS, text);
                return Poll::Ready(Some(Err(status)));
            }
            let cut_off = match &frame {
                Some(Ok(_)) => false,
                Some(Err(status)) => status.code() == Code::Cancelled,
                None => !self.body.is_end_stream(),
            };
            if cut_off {
                let text = "the request was cut off before its end; nothing was accepted";
                return Poll::Ready(Some(Err(error::invalid("part", text))));
            }
            return Poll::Ready(frame);
        }
        ready!(self.deadline.as_mut().poll(context));
        let text = format!("nothing came for {} seconds; the call was ended", self.patience.as_secs());
        Poll::Ready(Some(Err(error::status(Code::DeadlineExceeded, reason::TOO_SLOW, text))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer that holds its caller's call slot until it is out.
pub(super) struct Held {
    body: Body,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn new(body: Body, permit: OwnedSemaphorePermit) -> Self {
        Self { body, _permit: permit }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
