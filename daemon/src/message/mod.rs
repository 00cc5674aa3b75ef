//! Messages: addresses checked, MIME built by lettre, large attachments streamed around it; and finished ones, made right.

pub(crate) mod address;
mod attachment;
mod author;
mod compose;
mod digest;
mod headers;
pub mod raw;
pub mod smime;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::accounts::FieldProblem;
use crate::mailer::Envelope;

pub use author::author;
pub(crate) use compose::MAX_ATTACHMENTS;

/// What a caller wants to send.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Display name of the sender; empty: none.
    pub sender_name: String,
    /// Address of the sender.
    pub sender_email: String,
    /// As typed: RFC 5322 mailboxes.
    pub to: Vec<String>,
    /// As typed.
    pub cc: Vec<String>,
    /// As typed; never in the message.
    pub bcc: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text part; empty with `html` empty, too: an empty text.
    pub text: String,
    /// HTML part; empty: none.
    pub html: String,
    /// Additional header fields.
    pub headers: Vec<(String, String)>,
    /// Reply-To, unless `headers` has one; empty: none. The account's, as the sender.
    pub reply_to: String,
    /// MAIL FROM; empty: the sender's address.
    pub envelope_sender: String,
    /// Files.
    pub attachments: Vec<Attachment>,
}

/// A file to attach.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Without folders.
    pub file_name: String,
    /// MIME type; empty: by the extension.
    pub content_type: String,
    /// The bytes.
    pub content: Content,
}

/// Where an attachment's bytes are.
#[derive(Clone, Debug)]
pub enum Content {
    /// Here.
    Memory(Bytes),
    /// In a file of the spool.
    File(PathBuf),
    /// In another process.
    Elsewhere(Arc<dyn Elsewhere>),
}

/// Bytes that are read through somebody else.
pub trait Elsewhere: std::fmt::Debug + Send + Sync {
    /// Bytes in all.
    fn size(&self) -> u64;

    /// Reads from there on. The reader waits, so it is not for the async runtime's own threads.
    fn open(&self, offset: u64) -> Box<dyn Read + Send>;
}

/// A finished message, not yet written.
#[derive(Debug)]
pub struct Composed {
    /// With angle brackets.
    pub message_id: String,
    /// The address in From; empty: there is not exactly one.
    pub author: String,
    /// Sender and all recipients, each once, domains as A-labels.
    pub envelope: Envelope,
    /// Bytes that [`Composed::write_to`] writes.
    pub size: u64,
    /// Known to have nothing but 7-bit lines that end with CRLF. What is composed here has; what others wrote may not.
    pub seven_bit: bool,
    /// In the order of writing.
    pieces: Vec<Piece>,
}

/// A stretch of a finished message.
#[derive(Debug)]
enum Piece {
    /// As it goes out.
    Text(Vec<u8>),
    /// Encoded while it is written.
    Attachment {
        content: Content,
        /// Bytes when the message was composed.
        length: u64,
        /// Bytes in base64, line breaks included.
        encoded: u64,
    },
}

impl Piece {
    fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Attachment { encoded, .. } => *encoded,
        }
    }
}

impl Draft {
    /// Checks every field and builds the message.
    ///
    /// # Errors
    /// Every field that is wrong, not only the first.
    pub fn compose(&self) -> Result<Composed, Vec<FieldProblem>> {
        compose::compose(self, SystemTime::now())
    }

    /// SHA-256 over everything the caller gave: two drafts with the same digest are the same request. The sender is
    /// not in it: it comes from the account, and a retry is the same request though the account was changed meanwhile.
    ///
    /// # Errors
    /// An attachment's file cannot be read.
    pub fn digest(&self) -> io::Result<[u8; 32]> {
        digest::digest(self)
    }
}

impl Composed {
    /// What is written already, and nothing is left of it here.
    pub(crate) fn written(message_id: String, author: String, envelope: Envelope, size: u64) -> Self {
        Self { message_id, author, envelope, size, seven_bit: false, pieces: Vec::new() }
    }

    /// Writes the message, RFC 5322 with CRLF line ends, in pieces: memory does not grow with attachments in files.
    ///
    /// # Errors
    /// Of `out`, and of reading attachments.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.write_all(text)?,
                Piece::Attachment { content, length, .. } => attachment::write_base64(content, *length, out)?,
            }
        }
        Ok(())
    }
}
