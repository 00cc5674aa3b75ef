//! Reading what the other side says, through a buffer that keeps nothing: credentials cross here, and an ordinary buffer has
//! them until something else is read over them (requirement H3).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes asked of the system at once. Whoever wants as many gets them without a copy.
const BUFFER: usize = 64 * 1024;

/// A reader with a buffer that is wiped as it is read from.
pub(super) struct Wiping<R> {
    inner: R,
    buffer: Box<[u8]>,
    /// What was read and not yet given on.
    from: usize,
    to: usize,
}

impl<R> Wiping<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, buffer: vec![0; BUFFER].into(), from: 0, to: 0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Wiping<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.from == this.to {
            if out.remaining() >= this.buffer.len() {
                return Pin::new(&mut this.inner).poll_read(context, out);
            }
            let mut read = ReadBuf::new(&mut this.buffer);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut read))?;
            (this.from, this.to) = (0, read.filled().len());
        }
        let end = this.to.min(this.from + out.remaining());
        let given = &mut this.buffer[this.from..end];
        out.put_slice(given);
        // The buffer is read into again: no compiler can take this for useless, and it is faster than volatile writes.
        given.fill(0);
        this.from = end;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn h3_what_was_read_is_not_kept() {
        let said: Vec<u8> = (0..200_000_u32).map(|n| 1 + (n % 251) as u8).collect();
        let mut reader = Wiping::new(&said[..]);
        let mut heard = vec![0; 10];
        reader.read_exact(&mut heard).await.unwrap();
        assert!(reader.buffer[..10].iter().all(|byte| *byte == 0) && reader.buffer[10] == said[10]);
        // More than the buffer has, and more than fits into it; then byte by byte.
        heard.resize(150_010, 0);
        reader.read_exact(&mut heard[10..]).await.unwrap();
        let mut one = [0];
        while reader.read(&mut one).await.unwrap() > 0 {
            heard.push(one[0]);
        }
        assert!(heard == said);
        assert!(reader.buffer.iter().all(|byte| *byte == 0));
    }
}
