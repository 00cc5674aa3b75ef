//! Reads a message from anywhere in it, with CRLF at the end of each line.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};

use crate::message::Content;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// The bytes of `content` from `offset` on, as they are.
pub(super) fn open(content: &Content, offset: u64) -> io::Result<Box<dyn Read + Send>> {
    Ok(match content {
        Content::Memory(bytes) => {
            let mut cursor = Cursor::new(bytes.clone());
            cursor.set_position(offset);
            Box::new(cursor)
        }
        Content::File(path) => {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            Box::new(file)
        }
        Content::Elsewhere(elsewhere) => elsewhere.open(offset),
    })
}

/// CRLF for every CRLF, CR or LF: what SMTP makes of them on the wire in any case.
pub(super) struct Canonical<R> {
    inner: R,
    input: Vec<u8>,
    output: Vec<u8>,
    given: usize,
    after_cr: bool,
    ended: bool,
}

impl<R: Read> Canonical<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            input: vec![0; PIECE],
            output: Vec::with_capacity(PIECE + PIECE / 16),
            given: 0,
            after_cr: false,
            ended: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.output.clear();
        self.given = 0;
        while self.output.is_empty() && !self.ended {
            let count = match self.inner.read(&mut self.input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count?,
            };
            if count == 0 {
                self.ended = true;
                if self.after_cr {
                    self.output.extend_from_slice(b"\r\n");
                }
            }
            self.convert(count);
        }
        Ok(())
    }

    fn convert(&mut self, count: usize) {
        let mut rest = &self.input[..count];
        while let Some(&first) = rest.first() {
            if self.after_cr {
                self.after_cr = false;
                self.output.extend_from_slice(b"\r\n");
                if first == b'\n' {
                    rest = &rest[1..];
                }
                continue;
            }
            let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
            let (line, end) = rest.split_at(length);
            self.output.extend_from_slice(line);
            rest = match end.split_first() {
                None => end,
                Some((b'\r', end)) => {
                    self.after_cr = true;
                    end
                }
                Some((_, end)) => {
                    self.output.extend_from_slice(b"\r\n");
                    end
                }
            };
        }
    }
}

impl<R: Read> Read for Canonical<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.output.len() {
            self.refill()?;
        }
        let count = out.len().min(self.output.len() - self.given);
        out[..count].copy_from_slice(&self.output[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives one byte at a time, as slow sources may.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(self.0.len()).min(1);
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn canonical(source: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        Canonical::new(source).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn c7_every_kind_of_line_end_becomes_crlf() {
        assert_eq!(canonical(&b"a\nb\rc\r\n\r\rd\n\r"[..]), b"a\r\nb\r\nc\r\n\r\n\r\nd\r\n\r\n");
        assert_eq!(canonical(&b""[..]), b"");
        assert_eq!(canonical(&b"a"[..]), b"a");
    }

    proptest! {
        #[test]
        fn c7_it_makes_no_difference_how_the_source_is_cut(
            bytes in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200)
        ) {
            let once = canonical(bytes.as_slice());
            prop_assert_eq!(&once, &canonical(Slow(&bytes)));
            prop_assert_eq!(&once, &canonical(once.as_slice()));
            for (at, byte) in once.iter().enumerate() {
                prop_assert!(*byte != b'\n' || at > 0 && once[at - 1] == b'\r');
                prop_assert!(*byte != b'\r' || once.get(at + 1) == Some(&b'\n'));
            }
        }
    }
}
