//! A connection whose caller is known. It closes itself when no whole request comes in time, and when it was let in only
//! to be told that it is one too many; its place at the door is given back when it is dropped.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::transport::server::Connected;

use super::quota::Slot;
use super::{Peer, platform};

/// A connection of an identified caller: what tonic serves.
#[derive(Debug)]
pub struct Conn {
    stream: platform::Stream,
    /// What was read to find out who is there, and is still to be given to the reader.
    prefix: bytes::Bytes,
    peer: Peer,
    patience: Option<Pin<Box<Sleep>>>,
    _slot: Slot,
}

impl Conn {
    pub(super) fn new(
        stream: platform::Stream,
        prefix: bytes::Bytes,
        peer: Peer,
        slot: Slot,
        deadline: Instant,
    ) -> Self {
        Self { stream, prefix, peer, patience: Some(Box::pin(sleep_until(deadline))), _slot: slot }
    }

    /// What the door knows about this connection.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Fails once the time for a first request is over. Asked while reading and while writing: a peer that does not
    /// take what it is told is as silent as one that says nothing.
    fn check_patience(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(patience) = &mut self.patience else { return Ok(()) };
        // Who is over his limit has to go in any case, so that his client dials again when there is room.
        if !self.peer.over_limit && self.peer.was_request_seen() {
            self.patience = None;
        } else if patience.as_mut().poll(cx).is_ready() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no request came in time"));
        }
        Ok(())
    }
}

impl Connected for Conn {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.check_patience(cx)?;
        if !this.prefix.is_empty() {
            let part = this.prefix.split_to(this.prefix.len().min(buffer.remaining()));
            buffer.put_slice(&part);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_patience(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_patience(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
