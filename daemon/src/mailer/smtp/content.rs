//! The content of a message on its way into DATA: read in pieces, dot-stuffed (RFC 5321 section 4.5.2).

use std::io;

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::mailer::Body;

/// Bytes read at once: large enough that TLS records and system calls are full, and all the memory a message needs.
pub(super) const PIECE: usize = 64 * 1024;

/// An open message.
pub(super) struct Content<'a> {
    reader: Box<dyn AsyncRead + Send + Unpin + 'a>,
    left: u64,
}

impl<'a> Content<'a> {
    pub(super) async fn open(body: &'a Body) -> io::Result<Self> {
        let reader: Box<dyn AsyncRead + Send + Unpin> = match body {
            Body::Inline(bytes) => Box::new(bytes.as_slice()),
            Body::File { path, .. } => Box::new(File::open(path).await?),
            Body::Remote(remote) => Box::new(remote.reader()),
        };
        Ok(Self { reader, left: body.size() })
    }

    /// Fills `piece` with the next bytes, at most [`PIECE`]; leaves it empty at the end.
    pub(super) async fn read(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        piece.resize(PIECE, 0);
        let count = self.reader.read(piece).await?;
        piece.truncate(count);
        match self.left.checked_sub(count as u64) {
            Some(left) if count > 0 || left == 0 => self.left = left,
            // Not one byte less may be taken for a whole message, and SIZE= was said to the server.
            _ => return Err(io::Error::other("the file of the message has another size than it had")),
        }
        Ok(())
    }

    /// It has bytes above 127. Reads all of it, from the cache; the composer makes 7-bit, others may not.
    pub(super) async fn has_eight_bit(mut self) -> io::Result<bool> {
        let mut piece = Vec::new();
        loop {
            self.read(&mut piece).await?;
            if piece.is_empty() || !piece.is_ascii() {
                return Ok(!piece.is_empty());
            }
        }
    }
}

/// Doubles the dots at line beginnings, wherever the pieces are cut. A lone CR or LF becomes CRLF: servers disagree
/// on it, and what one of them takes for a line end could end the message for another (SMTP smuggling).
#[derive(Default)]
pub(super) struct Stuffer {
    at: Position,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Position {
    #[default]
    LineBeginning,
    InLine,
    AfterCr,
}

impl Stuffer {
    pub(super) fn push(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while let Some(&first) = input.first() {
            match self.at {
                Position::AfterCr => {
                    output.extend_from_slice(b"\r\n");
                    self.at = Position::LineBeginning;
                    if first == b'\n' {
                        input = &input[1..];
                    }
                    continue;
                }
                Position::LineBeginning if first == b'.' => output.push(b'.'),
                _ => {}
            }
            let length = input.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(input.len());
            let (line, rest) = input.split_at(length);
            output.extend_from_slice(line);
            (self.at, input) = match rest.split_first() {
                None => (Position::InLine, rest),
                Some((b'\r', rest)) => (Position::AfterCr, rest),
                Some((_, rest)) => {
                    output.extend_from_slice(b"\r\n");
                    (Position::LineBeginning, rest)
                }
            };
        }
    }

    /// The end of the last line, and the final dot.
    pub(super) fn finish(self, output: &mut Vec<u8>) {
        if self.at != Position::LineBeginning {
            output.extend_from_slice(b"\r\n");
        }
        output.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuff(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut stuffer, mut output) = (Stuffer::default(), Vec::new());
        for piece in pieces {
            stuffer.push(piece, &mut output);
        }
        stuffer.finish(&mut output);
        output
    }

    /// As a server does it, written independently: line by line.
    fn unstuff(wire: &[u8]) -> Vec<u8> {
        let text = wire.strip_suffix(b".\r\n").expect("the final dot");
        let mut message = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            assert_ne!(line, b".\r\n", "ended early");
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        message
    }

    #[test]
    fn dots_at_line_beginnings_are_doubled() {
        assert_eq!(stuff(&[b".\r\n..a\r\nb.\r\n"]), b"..\r\n...a\r\nb.\r\n.\r\n");
        assert_eq!(stuff(&[b""]), b".\r\n");
        assert_eq!(stuff(&[b"a"]), b"a\r\n.\r\n");
    }

    #[test]
    fn never_a_bare_cr_or_lf_on_the_wire() {
        assert_eq!(stuff(&[b"a\nb\rc\r", b"\n\r.\n.\r\n"]), b"a\r\nb\r\nc\r\n\r\n..\r\n..\r\n.\r\n");
    }

    /// Bytes that make the interesting cases likely.
    fn wild() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200)
    }

    proptest! {
        #[test]
        fn what_arrives_is_what_was_written(
            lines in prop::collection::vec("[.a-z\u{80}-\u{ff}]{0,5}", 0..40), cuts in prop::collection::vec(1_usize..9, 1..9)
        ) {
            let message: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
            let (mut rest, mut pieces) = (message.as_slice(), Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(unstuff(&stuff(&pieces)), message);
        }

        #[test]
        fn any_bytes_end_where_they_should_and_hold_no_bare_line_end(message in wild(), cut in 0_usize..200) {
            let (one, two) = message.split_at(cut.min(message.len()));
            let wire = stuff(&[one, two]);
            prop_assert_eq!(&wire, &stuff(&[&message]));
            unstuff(&wire);
            for (index, byte) in wire.iter().enumerate() {
                prop_assert!(*byte != b'\n' || index > 0 && wire[index - 1] == b'\r');
                prop_assert!(*byte != b'\r' || wire.get(index + 1) == Some(&b'\n'));
            }
        }
    }
}
