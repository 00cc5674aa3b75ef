//! Bodies that do not travel with their job: the mailer asks for pieces, the daemon reads them from the spool.
//!
//! So the mailer needs no access to the spool, and neither side holds more than [`PIECES`] pieces of a message.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Cursor, Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot};
use tokio_util::io::StreamReader;

use super::wire::{Frame, Kind, PIECE, PIECES, invalid};
use crate::mailer::Body;
use crate::message::Elsewhere;

/// Pieces that one reader asks for ahead. Two readers of a message at the same time stay below [`PIECES`].
const AHEAD: usize = 2;

/// A message that the daemon has and the mailer reads, any number of times.
#[derive(Clone, Debug)]
pub struct Remote {
    id: u32,
    size: u64,
    out: mpsc::UnboundedSender<Frame>,
    awaited: Arc<Awaited>,
}

/// Who waits for which piece: they come in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Awaited(Mutex<VecDeque<oneshot::Sender<io::Result<Vec<u8>>>>>);

impl Awaited {
    /// The next piece has come.
    pub(super) fn came(&self, piece: io::Result<Vec<u8>>) {
        if let Some(waiting) = lock(&self.0).pop_front() {
            // Its reader may be gone.
            let _ = waiting.send(piece);
        }
    }
}

impl Remote {
    pub(super) fn new(id: u32, size: u64, out: mpsc::UnboundedSender<Frame>) -> (Self, Arc<Awaited>) {
        let awaited = Arc::new(Awaited::default());
        (Self { id, size, out, awaited: awaited.clone() }, awaited)
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> impl AsyncRead + Send + Unpin + use<> {
        let this = self.clone();
        let offsets = (0..self.size).step_by(PIECE as usize);
        let pieces = futures_util::stream::iter(offsets).map(move |offset| {
            // Asked for here and not in the future, so that what comes is in the order of the offsets.
            let answer = this.ask(offset);
            async move {
                let piece = answer.await.unwrap_or_else(|_| Err(io::ErrorKind::UnexpectedEof.into()))?;
                Ok::<_, io::Error>(bytes::Bytes::from(piece))
            }
        });
        StreamReader::new(pieces.buffered(AHEAD))
    }

    fn ask(&self, offset: u64) -> oneshot::Receiver<io::Result<Vec<u8>>> {
        let (sender, receiver) = oneshot::channel();
        let mut awaited = lock(&self.awaited.0);
        awaited.push_back(sender);
        // With the connection gone, so is everything else.
        let _ = self.out.send(Frame::new(Kind::Read, self.id, offset.to_le_bytes().to_vec()));
        receiver
    }
}

impl Elsewhere for Remote {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self, offset: u64) -> Box<dyn io::Read + Send> {
        Box::new(Waiting {
            remote: self.clone(),
            next: offset,
            asked: VecDeque::new(),
            piece: Cursor::default(),
        })
    }
}

/// Reads as [`Remote::reader`] does, for those who wait.
struct Waiting {
    remote: Remote,
    next: u64,
    asked: VecDeque<oneshot::Receiver<io::Result<Vec<u8>>>>,
    piece: Cursor<Vec<u8>>,
}

impl io::Read for Waiting {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.piece.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            while self.asked.len() < AHEAD && self.next < self.remote.size {
                self.asked.push_back(self.remote.ask(self.next));
                self.next += u64::from(PIECE);
            }
            let Some(asked) = self.asked.pop_front() else { return Ok(0) };
            let piece = asked.blocking_recv().unwrap_or_else(|_| Err(io::ErrorKind::UnexpectedEof.into()))?;
            self.piece = Cursor::new(piece);
        }
    }
}

/// The daemon's side of one body.
pub(super) struct Source(mpsc::Sender<u64>);

impl Source {
    /// Reads pieces of `body` as they are asked for, until it is dropped.
    pub(super) fn new(id: u32, body: Body, out: mpsc::Sender<Frame>) -> Self {
        let (sender, mut offsets) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            let mut open = Open::new(body);
            while let Some(offset) = offsets.recv().await {
                let read = tokio::task::spawn_blocking(move || {
                    let piece = open.piece(offset);
                    (open, piece)
                });
                // A panic in it, or the end of the runtime.
                let Ok((same, piece)) = read.await else { return };
                open = same;
                let frame = match piece {
                    Ok(piece) => Frame::new(Kind::Piece, id, piece),
                    Err(error) => Frame::new(Kind::Unreadable, id, error.to_string().into_bytes()),
                };
                if out.send(frame).await.is_err() {
                    return;
                }
            }
        });
        Self(sender)
    }

    /// Asks for a piece.
    ///
    /// # Errors
    /// More were asked for at once than may be.
    pub(super) fn ask(&self, offset: u64) -> io::Result<()> {
        self.0.try_send(offset).map_err(|_| invalid("more of a message is asked for than may be at once"))
    }
}

/// A body, and its file once it was read from.
struct Open {
    body: Body,
    file: Option<File>,
}

impl Open {
    fn new(body: Body) -> Self {
        Self { body, file: None }
    }

    fn piece(&mut self, offset: u64) -> io::Result<Vec<u8>> {
        let left = self.body.size().saturating_sub(offset).min(PIECE.into());
        let length = usize::try_from(left).unwrap_or(0);
        match &self.body {
            Body::Inline(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes[from..from + length].to_vec())
            }
            Body::File { path, .. } => {
                let file = match &mut self.file {
                    Some(file) => file,
                    none => none.insert(File::open(path)?),
                };
                file.seek(SeekFrom::Start(offset))?;
                let mut piece = vec![0; length];
                file.read_exact(&mut piece)?;
                Ok(piece)
            }
            Body::Remote(_) | Body::Signed(_) => Err(invalid("such a message does not cross")),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// A mailer that reads `body` as often as said, and the daemon's side of it.
    async fn read(body: Body, times: usize) -> Vec<io::Result<Vec<u8>>> {
        let (asks, mut asked) = mpsc::unbounded_channel();
        let (remote, awaited) = Remote::new(1, body.size(), asks);
        let (out, mut pieces) = mpsc::channel(1);
        let source = Source::new(1, body, out);
        let serving = tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(frame) = asked.recv() => source.ask(frame.offset().unwrap()).unwrap(),
                    Some(mut frame) = pieces.recv() => awaited.came(match frame.kind {
                        Kind::Piece => Ok(std::mem::take(&mut frame.payload)),
                        _ => Err(io::Error::other(String::from_utf8_lossy(&frame.payload).into_owned())),
                    }),
                }
            }
        });
        let mut results = Vec::new();
        for _ in 0..times {
            let mut whole = Vec::new();
            results.push(remote.reader().read_to_end(&mut whole).await.map(|_| whole));
        }
        serving.abort();
        results
    }

    #[tokio::test]
    async fn h6_a_body_is_read_in_pieces_and_more_than_once() {
        let message: Vec<u8> = (0..5 * PIECE + 77).map(|n| (n / 255) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spooled");
        std::fs::write(&path, &message).unwrap();
        for body in
            [Body::Inline(message.clone()), Body::File { path: path.clone(), size: message.len() as u64 }]
        {
            for whole in read(body, 2).await {
                assert!(whole.unwrap() == message);
            }
        }
        assert_eq!(read(Body::Inline(Vec::new()), 1).await.remove(0).unwrap(), b"");
    }

    #[tokio::test]
    async fn h6_a_file_that_is_missing_or_cut_fails_the_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spooled");
        let body = Body::File { path: path.clone(), size: 200_000 };
        assert!(read(body.clone(), 1).await.remove(0).is_err());
        std::fs::write(&path, vec![1; 190_000]).unwrap();
        assert!(read(body, 1).await.remove(0).is_err());
    }
}
