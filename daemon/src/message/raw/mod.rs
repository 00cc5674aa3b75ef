//! Finished messages, as programs hand them to sendmail: read, made right, and sent as whom the account may send.
//!
//! Such programs know nothing of accounts. cron writes `From: root`, HylaFAX `From: fax@this-host`, and a provider takes
//! neither from somebody who signed in as another. So the author is replaced by the account's address, with the name that was
//! there, and who it was stands in X-Original-From and, if it can be answered to, in Reply-To.

mod addresses;
mod body;
mod encode;
mod fields;
mod lines;
mod mime;
mod senders;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::time::SystemTime;

use lettre::message::Mailbox;
use lettre::message::header::{Date, Headers};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Content, digest};
use crate::accounts::{FieldProblem, Problem};
use crate::mailer::Envelope;
use body::Plan;
use fields::{Field, Header};

pub(in crate::message) use addresses::entries;
use senders::Author;
pub use senders::{Aliases, Foreign, Senders};

/// In one message, as `compose` has it.
pub(crate) const MAX_RECIPIENTS: usize = 100;
/// Each is a hop. A message that has had so many goes round in circles (RFC 5321 section 6.3).
const MAX_HOPS: usize = 50;
/// Longer is no Message-ID that anybody made on purpose.
const MAX_MESSAGE_ID: usize = 250;

/// Not handed on: for nobody else's eyes, or written anew.
const DROPPED: &[&str] = &[
    "bcc",
    "resent-bcc",
    "apparently-to",
    "return-path",
    "x-original-from",
    "from",
    "sender",
    "to",
    "cc",
    "mime-version",
    // The envelope of a mail that is picked up.
    "x-sender",
    "x-receiver",
];
/// Once in a message at most (RFC 5322 section 3.6): the first counts.
const ONCE: &[&str] = &["date", "reply-to", "message-id", "in-reply-to", "references", "subject"];

/// A finished message, and what its caller says beside it.
#[derive(Clone, Debug)]
pub struct RawMail {
    /// As typed.
    pub recipients: Vec<String>,
    /// Those of the header, too.
    pub recipients_from_header: bool,
    /// MAIL FROM: empty, an address, or "<>".
    pub sender: String,
    /// The author's name, if the message does not say.
    pub sender_name: String,
    /// The bytes.
    pub message: Content,
}

/// Why a finished message is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    /// What is wrong with it.
    #[error("{} field(s) cannot be as they are", .0.len())]
    Fields(Vec<FieldProblem>),
    /// It is from somebody else.
    #[error(
        "the message is from {0}, and this account sends as {1}; an administrator can let it, in [sendmail] of faxpostd.toml"
    )]
    Foreign(String, String),
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl RawError {
    fn invalid(field: &str, text: impl Into<String>) -> Self {
        Self::Fields(vec![FieldProblem::new(field, Problem::Invalid, text)])
    }
}

/// A finished message that can go out.
#[derive(Debug)]
pub struct Finished {
    /// With angle brackets.
    pub message_id: String,
    /// The address in From, as whoever signs it reads it; empty: there is not exactly one.
    pub author: String,
    /// Sender and all recipients, each once.
    pub envelope: Envelope,
    /// For people.
    pub subject: String,
    head: Vec<u8>,
    plan: Plan,
    message: Content,
}

impl RawMail {
    /// SHA-256 over everything the caller gave.
    ///
    /// # Errors
    /// The message cannot be read.
    pub fn digest(&self) -> io::Result<[u8; 32]> {
        let mut hash = Sha256::new();
        hash.update("faxpost-raw-1");
        let flag = if self.recipients_from_header { "1" } else { "0" };
        let texts = [&self.sender, &self.sender_name].map(String::as_str);
        for text in self.recipients.iter().map(String::as_str).chain(texts).chain([flag]) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update((self.recipients.len() as u64).to_be_bytes());
        hash.update(digest::content(&self.message)?);
        Ok(hash.finalize().into())
    }

    /// Reads the message, and decides what goes out, from whom and to whom.
    ///
    /// # Errors
    /// See [`RawError`].
    pub fn finish(self, senders: &Senders, aliases: &Aliases) -> Result<Finished, RawError> {
        let (plan, header) = Plan::of(self.message.reader()?)?;
        if header.fields.iter().filter(|field| field.is("received")).count() > MAX_HOPS {
            return Err(RawError::invalid("header", "the message has gone round in circles"));
        }
        let author = senders.author(&header, &self.sender, &self.sender_name)?;
        let envelope = Envelope {
            from: senders.envelope_sender(&self.sender),
            to: recipients(&self, &header, aliases)?,
        };
        let message_id =
            message_id(&header).unwrap_or_else(|| format!("<{}@{}>", Uuid::now_v7(), senders.domain()));
        let subject = encode::decoded(&header.get("subject").map(Field::text).unwrap_or_default());
        let head = head(&header, author, &message_id, plan.is_mime)?;
        let subject = subject.chars().take(998).collect();
        let author = super::author(&Content::Memory(head.clone().into()))?.unwrap_or_default();
        Ok(Finished { message_id, author, envelope, subject, head, plan, message: self.message })
    }
}

impl Finished {
    /// Writes the message: RFC 5322 with CRLF line ends, 7-bit but for what must not be touched. Memory does not grow with
    /// it.
    ///
    /// # Errors
    /// Of `out`, and of reading the message.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.head)?;
        let written = self.plan.write(self.message.reader()?, out);
        written.map_err(|error| match error {
            RawError::Io(error) => error,
            // It was read to its end before.
            changed => io::Error::new(io::ErrorKind::InvalidData, changed.to_string()),
        })
    }
}

/// The header as it goes out, but for what says how the content is encoded.
fn head(header: &Header, author: Author, message_id: &str, is_mime: bool) -> Result<Vec<u8>, RawError> {
    let mut out = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for field in author.fields {
        field.write(&mut out)?;
        seen.push(field.name.to_ascii_lowercase());
    }
    let named = ["To", "Cc"].map(|name| (name, header.list(name).unwrap_or_default()));
    let named = named.each_ref().map(|(name, list)| (*name, addresses::plain(list)));
    for (name, list) in named.iter().filter(|(_, list)| !list.is_empty()) {
        Field::new(name, list).write(&mut out)?;
    }
    if named.iter().all(|(_, list)| list.is_empty()) {
        // Filters take mail without any recipient field for spam; the empty group says that it is meant.
        out.extend_from_slice(b"To: undisclosed-recipients:;\r\n");
    }
    for field in &header.fields {
        let lower = field.name.to_ascii_lowercase();
        let once = ONCE.contains(&lower.as_str());
        let is_mime = lower.starts_with("content-");
        if DROPPED.contains(&lower.as_str())
            || is_mime
            || (once && seen.contains(&lower))
            || lower == "message-id"
        {
            continue;
        }
        if lower == "date" && field.text().is_empty() {
            continue;
        }
        field.write(&mut out)?;
        seen.push(lower);
    }
    if !seen.iter().any(|name| name == "date") {
        let mut date = Headers::new();
        // lettre panics on a clock before 1970.
        date.set(Date::new(SystemTime::now().max(SystemTime::UNIX_EPOCH)));
        out.extend_from_slice(date.to_string().as_bytes());
    }
    out.extend_from_slice(format!("Message-ID: {message_id}\r\n").as_bytes());
    if is_mime {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
    Ok(out)
}

/// The message's own, if it is one that others can refer to.
fn message_id(header: &Header) -> Option<String> {
    let id = header.get("message-id")?.text();
    let inside = id.strip_prefix('<')?.strip_suffix('>')?;
    let good = id.len() <= MAX_MESSAGE_ID
        && inside.contains('@')
        && inside.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"(),".contains(&byte));
    good.then_some(id)
}

/// Each once, in order.
fn recipients(mail: &RawMail, header: &Header, aliases: &Aliases) -> Result<Vec<String>, RawError> {
    let mut lists = Vec::new();
    for (n, typed) in mail.recipients.iter().enumerate() {
        lists.push((format!("recipients[{n}]"), typed.clone()));
    }
    if mail.recipients_from_header {
        // RFC 5322 section 3.6.6: who a message is sent on to stands there.
        let resent = ["Resent-To", "Resent-Cc", "Resent-Bcc"];
        let is_resent = resent.iter().any(|name| header.get(name).is_some());
        for name in if is_resent { resent } else { ["To", "Cc", "Bcc"] } {
            lists.extend(header.list(name).map(|list| (format!("header.{name}"), list)));
        }
    }
    let (mut found, mut problems): (Vec<String>, Vec<FieldProblem>) = Default::default();
    for (field, list) in lists {
        match entries(&list).and_then(|entries| aliases.resolve(entries)) {
            Ok(addresses) => {
                for address in addresses {
                    if !found.contains(&address) {
                        found.push(address);
                    }
                }
            }
            Err(what) => {
                problems.push(FieldProblem::new(&field, Problem::Invalid, format!("{field} {what}")))
            }
        }
        if found.len() > MAX_RECIPIENTS {
            let text = format!("more than {MAX_RECIPIENTS} recipients; send several messages");
            return Err(RawError::invalid("recipients", text));
        }
    }
    if !problems.is_empty() {
        return Err(RawError::Fields(problems));
    }
    if found.is_empty() {
        return Err(RawError::invalid("recipients", "a message needs at least one recipient"));
    }
    Ok(found)
}

/// A mailbox as the value of a field.
fn value(mailbox: Mailbox) -> String {
    super::headers::encoded_mailbox(&mailbox)
}
