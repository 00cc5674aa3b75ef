//! What of a message is signed: its MIME entity, which is its Content-… fields and its body.

use std::io::{self, BufRead as _, BufReader, Cursor, Read};

use super::SigningError;
use super::source::{Canonical, open};
use crate::message::Content;

/// More is no mail's header.
const MAX_HEADER: usize = 512 * 1024;

/// A message, its header taken apart.
pub(super) struct Entity {
    message: Content,
    /// Where the body begins.
    body: u64,
    /// The fields that stay outside, each with its CRLF.
    pub(super) outside: Vec<u8>,
    /// The Content-… fields, and the empty line.
    inside: Vec<u8>,
}

impl Entity {
    /// Reads the header.
    pub(super) fn of(message: Content) -> Result<Self, SigningError> {
        let (lines, body) = header(&message)?;
        let (mut outside, mut inside) = (Vec::new(), Vec::new());
        // The lines of a field go where its first one went.
        let mut place = Place::Outside;
        for line in lines {
            if !matches!(line.first(), Some(b' ' | b'\t')) {
                place = Place::of(&line);
            }
            let text = match place {
                Place::Outside => &mut outside,
                Place::Inside => &mut inside,
                Place::Nowhere => continue,
            };
            text.extend_from_slice(&line);
            text.extend_from_slice(b"\r\n");
        }
        if inside.is_empty() {
            // RFC 2045 section 5.2 has it as the default; said, no reader has to know that.
            inside.extend_from_slice(b"Content-Type: text/plain; charset=us-ascii\r\n");
        }
        inside.extend_from_slice(b"\r\n");
        Ok(Self { message, body, outside, inside })
    }

    /// The entity as it is signed and sent.
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        let body = Canonical::new(open(&self.message, self.body)?);
        Ok(Box::new(Cursor::new(self.inside.clone()).chain(body)))
    }
}

#[derive(Clone, Copy)]
enum Place {
    Outside,
    Inside,
    /// Written anew.
    Nowhere,
}

impl Place {
    fn of(line: &[u8]) -> Self {
        let begins =
            |name: &[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if begins(b"content-") {
            Self::Inside
        } else if begins(b"mime-version:") {
            Self::Nowhere
        } else {
            Self::Outside
        }
    }
}

/// The lines of the header without their ends, and where the body begins.
fn header(message: &Content) -> Result<(Vec<Vec<u8>>, u64), SigningError> {
    let mut reader = BufReader::new(open(message, 0)?);
    let (mut lines, mut line, mut read, mut after_cr) = (Vec::new(), Vec::new(), 0_usize, false);
    loop {
        let buffer = reader.fill_buf()?;
        let Some(&byte) = buffer.first() else { break };
        // A lone CR or LF ends a line, too, as in the body.
        if after_cr || byte == b'\n' {
            if byte == b'\n' {
                reader.consume(1);
                read += 1;
            }
            after_cr = false;
            if line.is_empty() {
                return Ok((lines, read as u64));
            }
            lines.push(std::mem::take(&mut line));
            continue;
        }
        reader.consume(1);
        read += 1;
        if byte == b'\r' {
            after_cr = true;
        } else {
            line.push(byte);
        }
        if read > MAX_HEADER {
            return Err(SigningError::Message("its header is too large".to_owned()));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    Ok((lines, read as u64))
}
