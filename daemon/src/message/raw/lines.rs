//! A message in lines, whatever they end with, without ever holding a long one whole.

use std::io::{self, BufRead, BufReader, Read};

/// A longer line comes in several parts. More than any line of mail that is right.
const LONGEST: usize = 4096;

/// How a part of a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The line goes on in the next part, or the message ends without a line end.
    Cut,
    Lf,
    Cr,
    CrLf,
}

impl End {
    /// As it came.
    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Cut => b"",
            Self::Lf => b"\n",
            Self::Cr => b"\r",
            Self::CrLf => b"\r\n",
        }
    }
}

/// A line, or a part of a long one.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) text: Vec<u8>,
    /// It is at the beginning of its line.
    pub(super) begins: bool,
    pub(super) end: End,
}

pub(super) struct Lines<R> {
    reader: BufReader<R>,
    begins: bool,
    returned: Option<Part>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(64 * 1024, reader), begins: true, returned: None }
    }

    /// `part` is the next one again.
    pub(super) fn give_back(&mut self, part: Part) {
        self.returned = Some(part);
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Part>> {
        if let Some(part) = self.returned.take() {
            return Ok(Some(part));
        }
        let mut part = Part { text: Vec::new(), begins: self.begins, end: End::Cut };
        loop {
            let buffer = fill(&mut self.reader)?;
            if buffer.is_empty() {
                self.begins = true;
                return Ok((!part.text.is_empty()).then_some(part));
            }
            let room = LONGEST - part.text.len();
            match memchr::memchr2(b'\r', b'\n', buffer).filter(|at| *at <= room) {
                Some(at) => {
                    part.text.extend_from_slice(&buffer[..at]);
                    let is_cr = buffer[at] == b'\r';
                    self.reader.consume(at + 1);
                    part.end = match is_cr {
                        false => End::Lf,
                        true if fill(&mut self.reader)?.first() == Some(&b'\n') => {
                            self.reader.consume(1);
                            End::CrLf
                        }
                        true => End::Cr,
                    };
                    self.begins = true;
                    return Ok(Some(part));
                }
                None => {
                    let count = buffer.len().min(room);
                    part.text.extend_from_slice(&buffer[..count]);
                    self.reader.consume(count);
                    if part.text.len() == LONGEST {
                        self.begins = false;
                        return Ok(Some(part));
                    }
                }
            }
        }
    }
}

fn fill<R: Read>(reader: &mut BufReader<R>) -> io::Result<&[u8]> {
    while let Err(error) = reader.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // Filled already.
    reader.fill_buf()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &[u8]) -> Vec<Part> {
        let mut lines = Lines::new(text);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn f4_every_line_end_is_one() {
        let ends: Vec<_> =
            parts(b"a\nb\r\nc\rd\r\n\re").into_iter().map(|part| (part.text, part.end)).collect();
        let expected = [
            (&b"a"[..], End::Lf),
            (b"b", End::CrLf),
            (b"c", End::Cr),
            (b"d", End::CrLf),
            (b"", End::Cr),
            (b"e", End::Cut),
        ];
        assert_eq!(ends, expected.map(|(text, end)| (text.to_vec(), end)));
    }

    proptest! {
        #[test]
        fn f4_nothing_is_lost_and_no_part_is_long(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 1_usize..400), 0..6)
        ) {
            let text: Vec<u8> = pieces.into_iter().flat_map(|(bytes, times)| bytes.repeat(times)).collect();
            let mut again = Vec::new();
            for part in parts(&text) {
                prop_assert!(part.text.len() <= LONGEST && !part.text.contains(&b'\n') && !part.text.contains(&b'\r'));
                again.extend_from_slice(&part.text);
                again.extend_from_slice(part.end.bytes());
            }
            prop_assert!(again == text);
        }
    }
}
