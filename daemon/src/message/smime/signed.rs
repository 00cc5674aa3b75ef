//! A signed message: what stands around the entity, and a reader of it all whose length is known beforehand.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::cms::{Hashed, signed_data};
use super::entity::Entity;
use super::lines::Watch;
use super::{Mode, Signer, SigningError};
use crate::message::Content;
use crate::message::attachment::{LINE_BYTES, LINES, encode_lines, encoded_len, fill};

/// A signed message. Its memory does not grow with the message.
pub struct Signed {
    entity: Entity,
    mode: Mode,
    /// What stands before the entity (Clear), or before the base64 (Opaque).
    head: Vec<u8>,
    /// What stands after the entity; as the entity does, within the base64 (Opaque).
    tail: Vec<u8>,
    /// Within the base64, before the entity; empty when Clear.
    before: Vec<u8>,
    entity_size: u64,
    size: u64,
    signer: String,
}

impl Signed {
    /// Octets, exactly.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Who signed it and how, for people.
    #[must_use]
    pub fn note(&self) -> String {
        let how = if self.mode == Mode::Clear { "multipart/signed" } else { "application/pkcs7-mime" };
        format!("signed by {}, {how}", self.signer)
    }

    /// The message as it goes out, from its beginning: CRLF, ASCII only as far as its entity goes.
    ///
    /// # Errors
    /// Its file cannot be opened.
    pub fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        let entity = Exactly { inner: self.entity.reader()?, left: self.entity_size };
        let (head, tail) = (Cursor::new(self.head.clone()), Cursor::new(self.tail.clone()));
        Ok(match self.mode {
            Mode::Clear => Box::new(head.chain(entity).chain(tail)),
            Mode::Opaque => {
                let der = Cursor::new(self.before.clone()).chain(entity).chain(tail);
                Box::new(head.chain(Base64Lines::new(der)))
            }
        })
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({:?}, {} bytes)", self.mode, self.size)
    }
}

pub(super) fn sign(
    message: Content,
    mode: Mode,
    signer: Signer<'_>,
    now: SystemTime,
) -> Result<Signed, SigningError> {
    let entity = Entity::of(message)?;
    let (digest, entity_size) = hash(&entity)?;
    let mut head = entity.outside.clone();
    head.extend_from_slice(b"MIME-Version: 1.0\r\n");
    let hashed = Hashed { digest, enclosed: (mode == Mode::Opaque).then_some(entity_size) };
    let (frame, subject) = signed_data(&hashed, &signer, now)?;
    let (before, tail, body_size) = match mode {
        Mode::Clear => {
            // Random, so that no entity can hold it.
            let boundary = format!("{}.signed", Uuid::new_v4().simple());
            head.extend_from_slice(clear_head(&boundary).as_bytes());
            let tail = clear_tail(&boundary, &[frame.before, frame.after].concat());
            let size = entity_size + tail.len() as u64;
            (Vec::new(), tail, size)
        }
        Mode::Opaque => {
            head.extend_from_slice(OPAQUE_HEAD.as_bytes());
            let der = frame.before.len() as u64 + entity_size + frame.after.len() as u64;
            // Each line has its CRLF, the last one, too.
            (frame.before, frame.after, encoded_len(der) + 2)
        }
    };
    let size = head.len() as u64 + body_size;
    Ok(Signed { entity, mode, head, tail, before, entity_size, size, signer: subject })
}

/// SHA-256 and size of an entity that survives its way.
fn hash(entity: &Entity) -> Result<([u8; 32], u64), SigningError> {
    let (mut hash, mut watch, mut size) = (Sha256::new(), Watch::default(), 0);
    let mut reader = entity.reader()?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = fill(&mut reader, &mut piece)?;
        if count == 0 {
            break;
        }
        hash.update(&piece[..count]);
        watch.push(&piece[..count]);
        size += count as u64;
    }
    match watch.finish() {
        None => Ok((hash.finalize().into(), size)),
        Some(flaw) => Err(SigningError::Message(format!("it has {}", flaw.text()))),
    }
}

const OPAQUE_HEAD: &str = "Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\n name=\"smime.p7m\"\r\n\
                           Content-Transfer-Encoding: base64\r\n\
                           Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n";

fn clear_head(boundary: &str) -> String {
    format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=sha-256;\r\n \
         boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
    )
}

fn clear_tail(boundary: &str, signature: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "\r\n--{boundary}\r\n\
         Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n"
    )
    .into_bytes();
    encode_lines(signature, &mut out);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    out
}

/// A reader that has so many bytes and ends then: a file that changed since it was hashed must not go out.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        match self.left.checked_sub(count as u64) {
            Some(left) if count > 0 || left == 0 || out.is_empty() => self.left = left,
            _ => return Err(io::Error::other("the message changed after it was signed")),
        }
        Ok(count)
    }
}

/// Lines of base64, each with its CRLF.
struct Base64Lines<R> {
    inner: R,
    input: Vec<u8>,
    output: Vec<u8>,
    given: usize,
}

impl<R: Read> Base64Lines<R> {
    fn new(inner: R) -> Self {
        Self { inner, input: vec![0; LINES * LINE_BYTES], output: Vec::new(), given: 0 }
    }
}

impl<R: Read> Read for Base64Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.output.len() {
            let count = fill(&mut self.inner, &mut self.input)?;
            self.output.clear();
            self.given = 0;
            if count > 0 {
                encode_lines(&self.input[..count], &mut self.output);
                self.output.extend_from_slice(b"\r\n");
            }
        }
        let count = out.len().min(self.output.len() - self.given);
        out[..count].copy_from_slice(&self.output[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
