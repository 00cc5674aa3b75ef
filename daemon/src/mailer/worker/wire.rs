//! What crosses between the daemon and the mailer's process: frames of a length, a kind, a number and a payload.
//!
//! ```text
//! length: u32 LE (of all that follows) | kind: u8 | id: u32 LE | payload
//! ```
//!
//! The daemon takes the other side for hostile: every length is checked before memory is taken, every payload is parsed
//! whole, and what is not as it should be ends the process at the other end.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::oneshot;
use zeroize::Zeroize as _;

use super::{Answer, Task};

/// Changes with the frames. Both sides are the same program; after an update a daemon still starts its own.
pub(super) const PROTOCOL: u32 = 1;

/// Longest frame, in bytes after its length.
pub(super) const LONGEST_FRAME: usize = 1024 * 1024;

/// Kind and id.
const HEAD: usize = 5;

/// Bytes of a message asked for at once.
pub(super) const PIECE: u32 = 128 * 1024;

/// Pieces of one message that may be asked for before they have come.
pub(super) const PIECES: usize = 5;

/// A body of this size travels with its job; a larger one is asked for in pieces.
pub(super) const INLINE: usize = 128 * 1024;

/// Longest answer to a job, over all its frames.
pub(super) const LONGEST_ANSWER: usize = 4 * LONGEST_FRAME;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// To the mailer: a job. [`Order`], and after it the body if that travels with it.
    Start = 1,
    /// To the mailer: the next piece of a body, as it was asked for.
    Piece = 2,
    /// To the mailer: the next piece cannot be read; why.
    Unreadable = 3,
    /// To the mailer: the job is no longer wanted.
    Cancel = 4,
    /// To the mailer: is it alive?
    Ping = 5,
    /// From the mailer: it is ready. [`Hello`].
    Hello = 16,
    /// From the mailer: [`crate::mailer::Event`].
    Event = 17,
    /// From the mailer: asks for a piece. Offset, u64 LE.
    Read = 18,
    /// From the mailer: a part of an answer, and not the last.
    Part = 19,
    /// From the mailer: the last part of the answer, [`Done`]. Every job has exactly one.
    Answer = 20,
    /// From the mailer: it is alive.
    Pong = 21,
    /// From the mailer: the end of a message leaves with the next thing it does.
    FinalDot = 22,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        use Kind::{
            Answer, Cancel, Event, FinalDot, Hello, Part, Piece, Ping, Pong, Read, Start, Unreadable,
        };
        [Start, Piece, Unreadable, Cancel, Ping, Hello, Event, Read, Part, Answer, Pong, FinalDot]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// A job on its way to the mailer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// What to do; its body is left out.
    pub(super) task: Task,
    /// How the body comes.
    pub(super) body: Carried,
    /// Somebody wants to be told of every step.
    pub(super) told: bool,
}

/// How a body comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Carried {
    /// Behind the order, to the end of the frame. Tasks without a body have an empty one.
    Along,
    /// In pieces when they are asked for; so many bytes in all.
    Asked(u64),
}

/// The mailer's first words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// [`PROTOCOL`].
    pub(super) protocol: u32,
    /// How it is confined, for the log.
    pub(super) confined: String,
}

/// How a job ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Done {
    /// By itself.
    Answered(Answer),
    /// By [`Kind::Cancel`].
    Cancelled,
    /// By a panic: a bug.
    Panicked,
}

/// One frame.
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) id: u32,
    /// Wiped when `secret`.
    pub(super) payload: Vec<u8>,
    /// What follows the payload in the same frame: the body that travels with a job.
    tail: Vec<u8>,
    secret: bool,
    /// Told when the frame is in the system's hands, from where it arrives even if this process dies.
    pub(super) written: Option<oneshot::Sender<()>>,
}

impl Drop for Frame {
    fn drop(&mut self) {
        if self.secret {
            // What was never filled has nothing to wipe.
            self.payload.as_mut_slice().zeroize();
        }
    }
}

impl Frame {
    pub(super) fn new(kind: Kind, id: u32, payload: Vec<u8>) -> Self {
        Self { kind, id, payload, tail: Vec::new(), secret: false, written: None }
    }

    /// A frame with this in it.
    pub(super) fn with(kind: Kind, id: u32, content: &impl Serialize) -> io::Result<Self> {
        Ok(Self::new(kind, id, serde_json::to_vec(content)?))
    }

    /// [`Kind::Start`]: the length of the order, the order, the body.
    pub(super) fn start(id: u32, order: &Order, tail: Vec<u8>) -> io::Result<Self> {
        // One allocation for nearly all: those left behind while it grows would not be wiped.
        let mut payload = Vec::with_capacity(16 * 1024);
        payload.extend_from_slice(&[0; 4]);
        serde_json::to_writer(&mut payload, order)?;
        let length = u32::try_from(payload.len() - 4).map_err(|_| too_long())?;
        payload[..4].copy_from_slice(&length.to_le_bytes());
        let frame = Self { kind: Kind::Start, id, payload, tail, secret: true, written: None };
        if frame.payload.len() + frame.tail.len() + HEAD > LONGEST_FRAME {
            return Err(too_long());
        }
        Ok(frame)
    }

    /// What [`Self::start`] put in.
    pub(super) fn order(mut self) -> io::Result<(Order, Vec<u8>)> {
        let mut payload = std::mem::take(&mut self.payload);
        let end = payload
            .first_chunk()
            .and_then(|length| 4_usize.checked_add(u32::from_le_bytes(*length) as usize))
            .filter(|end| *end <= payload.len())
            .ok_or_else(|| invalid("a job without its order"))?;
        let order = serde_json::from_slice(&payload[4..end]);
        payload[..end].zeroize();
        payload.drain(..end);
        Ok((order?, payload))
    }

    /// Its payload, parsed whole.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> io::Result<T> {
        Ok(serde_json::from_slice(&self.payload)?)
    }

    /// The offset of [`Kind::Read`].
    pub(super) fn offset(&self) -> io::Result<u64> {
        let bytes = self.payload.as_slice().try_into().map_err(|_| invalid("an offset is not a number"))?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// The frames of an answer, as many as it takes.
    pub(super) fn answer(id: u32, done: &Done) -> io::Result<Vec<Self>> {
        const MOST: usize = LONGEST_FRAME / 2;
        let bytes = serde_json::to_vec(done)?;
        if bytes.len() > LONGEST_ANSWER {
            return Err(too_long());
        }
        let mut frames: Vec<_> =
            bytes.chunks(MOST).map(|part| Self::new(Kind::Part, id, part.to_vec())).collect();
        if let Some(last) = frames.last_mut() {
            last.kind = Kind::Answer;
        }
        Ok(frames)
    }

    /// Bytes on the wire.
    pub(super) fn length(&self) -> usize {
        4 + HEAD + self.payload.len() + self.tail.len()
    }

    /// Writes it, without flushing.
    pub(super) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let length = self.length() - 4;
        let mut head = [0; 4 + HEAD];
        head[..4].copy_from_slice(&u32::try_from(length).map_err(|_| too_long())?.to_le_bytes());
        head[4] = self.kind as u8;
        head[5..].copy_from_slice(&self.id.to_le_bytes());
        to.write_all(&head).await?;
        to.write_all(&self.payload).await?;
        to.write_all(&self.tail).await
    }

    /// Reads the next one; `None` at the end between two frames.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut head = [0; 4 + HEAD];
        // The first byte apart: there, and only there, the connection may end.
        if from.read(&mut head[..1]).await? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut head[1..]).await?;
        let length = head.first_chunk().map_or(0, |length| u32::from_le_bytes(*length)) as usize;
        let id = head.last_chunk().map_or(0, |id| u32::from_le_bytes(*id));
        let kind = Kind::of(head[4]).ok_or_else(|| invalid("a frame of an unknown kind"))?;
        let payload = length.checked_sub(HEAD).ok_or_else(|| invalid("a frame that is too short"))?;
        if length > LONGEST_FRAME {
            return Err(too_long());
        }
        let mut frame = Self::new(kind, id, vec![0; payload]);
        frame.secret = kind == Kind::Start;
        from.read_exact(&mut frame.payload).await?;
        Ok(Some(frame))
    }
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn too_long() -> io::Error {
    invalid("a frame that is too long")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wire(frames: &[Frame]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let writing = async {
            for frame in frames {
                frame.write(&mut bytes).await.unwrap();
            }
        };
        futures_util::FutureExt::now_or_never(writing).unwrap();
        bytes
    }

    fn read(mut bytes: &[u8]) -> io::Result<Option<Frame>> {
        futures_util::FutureExt::now_or_never(Frame::read(&mut bytes)).unwrap()
    }

    #[test]
    fn h6_a_frame_arrives_as_it_was_sent() {
        let bytes = wire(&[Frame::new(Kind::Read, 7, 9_u64.to_le_bytes().to_vec())]);
        let frame = read(&bytes).unwrap().unwrap();
        assert_eq!((frame.kind, frame.id, frame.offset().unwrap()), (Kind::Read, 7, 9));
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&bytes[..bytes.len() - 1]).is_err(), "cut off");
    }

    #[test]
    fn h6_a_frame_that_is_too_long_takes_no_memory() {
        let mut bytes = wire(&[Frame::new(Kind::Pong, 0, Vec::new())]);
        for length in [u32::MAX, LONGEST_FRAME as u32 + 1, 4, 0] {
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            assert!(read(&bytes).is_err(), "{length}");
        }
    }

    #[test]
    fn h6_a_long_answer_comes_in_parts() {
        let outcome = crate::mailer::Outcome {
            reused: false,
            answer: "x".repeat(3 * LONGEST_FRAME / 2),
            failure: None,
            recipients: Vec::new(),
            transcript: crate::mailer::Transcript::default(),
            tls: None,
        };
        let frames = Frame::answer(3, &Done::Answered(Answer::Deliver(Box::new(outcome)))).unwrap();
        let kinds: Vec<_> = frames.iter().map(|frame| frame.kind).collect();
        assert_eq!(kinds, [Kind::Part, Kind::Part, Kind::Part, Kind::Answer]);
        let whole: Vec<u8> = frames.iter().flat_map(|frame| frame.payload.clone()).collect();
        assert!(matches!(serde_json::from_slice(&whole).unwrap(), Done::Answered(Answer::Deliver(_))));
    }

    proptest! {
        #[test]
        fn h6_arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), honest in any::<bool>()) {
            if honest && bytes.len() > 9 {
                let length = bytes.len() as u32 - 4;
                bytes[..4].copy_from_slice(&length.to_le_bytes());
                bytes[4] = 1 + bytes[4] % 22;
            }
            if let Ok(Some(frame)) = read(&bytes) {
                let _ = (frame.offset(), frame.parse::<Done>(), frame.parse::<Hello>());
                let _ = (frame.parse::<crate::mailer::Event>(), frame.order());
            }
        }
    }
}
