//! Messages: addresses checked, MIME built by lettre, large attachments streamed around it.

pub(crate) mod address;

use std::io::{self, Write};
use std::path::PathBuf;

use bytes::Bytes;

use crate::accounts::FieldProblem;
use crate::mailer::Envelope;

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
}

/// A finished message, not yet written.
#[derive(Debug)]
pub struct Composed {
    /// With angle brackets.
    pub message_id: String,
    /// Sender and all recipients, each once, domains as A-labels.
    pub envelope: Envelope,
    /// Bytes that [`Composed::write_to`] writes.
    pub size: u64,
}

impl Draft {
    /// Checks every field and builds the message.
    ///
    /// # Errors
    /// Every field that is wrong, not only the first.
    pub fn compose(&self) -> Result<Composed, Vec<FieldProblem>> {
        Err(Vec::new())
    }

    /// SHA-256 over everything the caller gave: two drafts with the same digest are the same request.
    ///
    /// # Errors
    /// An attachment's file cannot be read.
    pub fn digest(&self) -> io::Result<[u8; 32]> {
        Ok([0; 32])
    }
}

impl Composed {
    /// Writes the message, RFC 5322 with CRLF line ends, in pieces: memory does not grow with attachments in files.
    ///
    /// # Errors
    /// Of `out`, and of reading attachments.
    pub fn write_to(&self, _out: &mut impl Write) -> io::Result<()> {
        Ok(())
    }
}
