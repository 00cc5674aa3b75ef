//! The content of a message on its way into DATA or BDAT: read in pieces, and for DATA dot-stuffed (RFC 5321 section
//! 4.5.2).

use std::io;

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::mailer::Body;

/// Bytes read at once: large enough that TLS records and system calls are full, and all the memory a message needs.
pub(super) const PIECE: usize = 64 * 1024;

/// An open message.
pub(in crate::mailer) struct Content<'a> {
    reader: Reader<'a>,
    left: u64,
}

enum Reader<'a> {
    Plain(Box<dyn AsyncRead + Send + Unpin + 'a>),
    /// Made while it is read, from a file: not here, but where it keeps nobody waiting. `None` after it failed.
    Signed(Option<Box<dyn io::Read + Send>>),
}

impl<'a> Content<'a> {
    pub(in crate::mailer) async fn open(body: &'a Body) -> io::Result<Self> {
        let reader = match body {
            Body::Inline(bytes) => Reader::Plain(Box::new(bytes.as_slice())),
            Body::File { path, .. } => Reader::Plain(Box::new(File::open(path).await?)),
            Body::Signed(signed) => Reader::Signed(Some(signed.reader()?)),
            Body::Remote(remote) => Reader::Plain(Box::new(remote.reader())),
        };
        Ok(Self { reader, left: body.size() })
    }

    /// Fills `piece` with the next bytes, at most [`PIECE`]; leaves it empty at the end.
    pub(in crate::mailer) async fn read(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        // No larger than what is left, and a byte that would be too many: most messages are small, and many at once.
        let room = usize::try_from(self.left.saturating_add(1)).unwrap_or(PIECE).min(PIECE);
        piece.resize(room, 0);
        let count = match &mut self.reader {
            Reader::Plain(reader) => reader.read(piece).await?,
            Reader::Signed(reader) => read_elsewhere(reader, piece).await?,
        };
        piece.truncate(count);
        match self.left.checked_sub(count as u64) {
            Some(left) if count > 0 || left == 0 => self.left = left,
            // Not one byte less may be taken for a whole message, and SIZE= was said to the server.
            _ => return Err(io::Error::other("the file of the message has another size than it had")),
        }
        Ok(())
    }

    /// Reads all of it, from the cache; the composer makes 7-bit lines that end with CRLF, others may not.
    pub(super) async fn survey(mut self) -> io::Result<Survey> {
        let mut piece = Vec::new();
        let mut survey = Survey::default();
        let mut last = b'\n';
        loop {
            self.read(&mut piece).await?;
            if piece.is_empty() {
                survey.bare_line_end |= last != b'\n';
                return Ok(survey);
            }
            survey.look(&mut last, &piece);
        }
    }
}

/// What must be known of a message before it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    /// Bytes above 127.
    pub(super) eight_bit: bool,
    /// A lone CR or LF, or a last line that does not end: BDAT would pass them on as they are.
    pub(super) bare_line_end: bool,
}

impl Survey {
    /// `last`: the byte before this piece, and after it the piece's last one.
    fn look(&mut self, last: &mut u8, piece: &[u8]) {
        self.eight_bit |= !piece.is_ascii();
        self.bare_line_end |= *last == b'\r' && piece.first() != Some(&b'\n');
        for at in memchr::memchr2_iter(b'\r', b'\n', piece) {
            self.bare_line_end |= match piece[at] {
                b'\n' => at.checked_sub(1).map_or(*last, |before| piece[before]) != b'\r',
                _ => piece.get(at + 1).is_some_and(|next| *next != b'\n'),
            };
        }
        *last = piece.last().copied().unwrap_or(*last);
    }
}

/// Fills `piece` as far as the reader goes.
async fn read_elsewhere(
    reader: &mut Option<Box<dyn io::Read + Send>>,
    piece: &mut Vec<u8>,
) -> io::Result<usize> {
    let (mut source, mut buffer) = (reader.take().ok_or(io::ErrorKind::BrokenPipe)?, std::mem::take(piece));
    let work = move || {
        let mut filled = 0;
        while filled < buffer.len() {
            match source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((source, buffer, filled))
    };
    let (source, buffer, filled) = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)??;
    (*reader, *piece) = (Some(source), buffer);
    Ok(filled)
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
            let length = memchr::memchr2(b'\r', b'\n', input).unwrap_or(input.len());
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

    /// As [`Self::push`], for what is known to have no lone CR or LF: nothing but the dots has to be looked for.
    pub(super) fn push_clean(&mut self, input: &[u8], output: &mut Vec<u8>) {
        let Some(last) = input.last() else { return };
        if self.at == Position::LineBeginning && input.first() == Some(&b'.') {
            output.push(b'.');
        }
        let mut from = 0;
        for line_end in memchr::memmem::find_iter(input, b"\n.") {
            output.extend_from_slice(&input[from..=line_end]);
            output.push(b'.');
            from = line_end + 1;
        }
        output.extend_from_slice(&input[from..]);
        self.at = if *last == b'\n' { Position::LineBeginning } else { Position::InLine };
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
        fn a_survey_finds_exactly_what_the_stuffing_would_change(message in wild(), cut in 0_usize..200) {
            let (one, two) = message.split_at(cut.min(message.len()));
            let (mut survey, mut last) = (Survey::default(), b'\n');
            for piece in [one, two].into_iter().filter(|piece| !piece.is_empty()) {
                survey.look(&mut last, piece);
            }
            survey.bare_line_end |= last != b'\n';
            prop_assert_eq!(survey.bare_line_end, unstuff(&stuff(&[&message])) != message);
            prop_assert_eq!(survey.eight_bit, !message.is_ascii());
        }

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
            let wire = stuff(&pieces);
            prop_assert_eq!(unstuff(&wire), message.as_slice());
            // There is no lone line end in it: the short way comes to the same, wherever the pieces are cut.
            let (mut stuffer, mut short) = (Stuffer::default(), Vec::new());
            pieces.iter().for_each(|piece| stuffer.push_clean(piece, &mut short));
            stuffer.finish(&mut short);
            prop_assert_eq!(short, wire);
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
