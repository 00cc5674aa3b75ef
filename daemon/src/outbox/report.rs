//! The report to the sender of a message that was given up (RFC 3464): a message of its own, from nobody, so that it is
//! never reported itself.

use std::fmt::Write as _;
use std::io::Read as _;

use lettre::message::header::{Date, Headers};

use super::Outbox;
use super::accept::{NO_DIGEST, entry_about};
use super::model::{Message, Recipient, RecipientState, State};
use super::settle::settle;
use crate::log::{Kind, Outcome as LogOutcome};
use crate::mailer::Outcome;
use crate::store::{Author, NewMessage};

/// Bytes of the undelivered message's header that are given back.
const HEADER: usize = 16 * 1024;

impl Outbox {
    /// The report about a message whose last attempt has ended, if anybody is to have one.
    pub(super) async fn report(&self, message: &Message, outcome: &Outcome, at: i64) -> Option<NewMessage> {
        if !self.reports || message.sender.is_empty() {
            return None;
        }
        let verdict = settle(message, outcome, at, &self.schedule, true);
        let failed: Vec<_> =
            verdict.recipients.into_iter().filter(|r| r.state == RecipientState::Failed).collect();
        if failed.is_empty() {
            return None;
        }
        let from =
            self.registry.look(&message.account, |row| row.account.effective_sender(&self.host.name))?;
        let id = uuid::Uuid::now_v7().to_string();
        let message_id = format!("<{id}@{}>", self.host.name);
        let header = self.header_of(message).await;
        let parts = Parts { message, failed: &failed, from: &from, message_id: &message_id, header: &header };
        let body = parts.write(&self.host.name, at);
        let report = Message {
            seq: 0,
            id,
            message_id,
            account: message.account.clone(),
            caller_id: message.caller_id.clone(),
            caller_name: message.caller_name.clone(),
            state: State::Queued,
            sender: String::new(),
            subject: subject(message),
            recipients: vec![Recipient {
                address: message.sender.clone(),
                state: RecipientState::Pending,
                answer: String::new(),
            }],
            size: body.len() as u64,
            attempts: 0,
            accepted_at: at,
            next_attempt_at: Some(at),
            expires_at: at.saturating_add(self.give_up_ms),
            last_error: String::new(),
            last_error_reason: String::new(),
            not_before: None,
            delivery_status: String::new(),
            // The header of the message that it is about is as its sender wrote it.
            seven_bit: false,
            held_for: String::new(),
        };
        let author = Author { id: message.caller_id.clone(), name: message.caller_name.clone() };
        let entry = entry_about(&report, Kind::Accepted, LogOutcome::Ok, at, &author);
        let body = Some(body);
        Some(NewMessage {
            message: report,
            author: from,
            request_id: None,
            digest: NO_DIGEST,
            body,
            file: None,
            entry,
        })
    }

    /// The report was written with the outcome; it is a message like any other now.
    pub(super) fn reported(&self, report: Option<(i64, i64)>, account: &str, caller: &str) {
        if let Some((seq, entry)) = report {
            self.log.written(entry);
            self.enqueue(seq, account, caller, None, None);
        }
    }

    /// As far as it is still there; a report without it tells enough.
    async fn header_of(&self, message: &Message) -> Vec<u8> {
        let stored = self.store.with_body(message.seq).await.ok().flatten();
        let mut bytes = stored.and_then(|due| due.body).unwrap_or_default();
        bytes.truncate(HEADER);
        if bytes.is_empty()
            && let Ok(file) = std::fs::File::open(self.spool.body(&message.id))
        {
            // What cannot be read is left out.
            let _ = file.take(HEADER as u64).read_to_end(&mut bytes);
        }
        if bytes.is_empty() {
            bytes = format!("Message-ID: {}\r\nSubject: {}\r\n", message.message_id, word(&message.subject))
                .into_bytes();
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 2);
        let end = end.or_else(|| bytes.windows(2).rposition(|window| window == b"\r\n").map(|at| at + 2));
        bytes.truncate(end.unwrap_or(0));
        bytes
    }
}

fn subject(message: &Message) -> String {
    let subject: String = message.subject.chars().take(200).collect();
    format!("Undelivered: {subject}")
}

struct Parts<'a> {
    message: &'a Message,
    failed: &'a [Recipient],
    from: &'a str,
    message_id: &'a str,
    header: &'a [u8],
}

impl Parts<'_> {
    fn write(&self, host: &str, at: i64) -> Vec<u8> {
        let boundary = uuid::Uuid::new_v4().simple().to_string();
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.begin(&mut text, &boundary, host, at);
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.header);
        bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        bytes
    }

    fn begin(&self, out: &mut String, boundary: &str, host: &str, at: i64) -> std::fmt::Result {
        let Self { message, failed, from, message_id, .. } = self;
        write!(out, "From: Faxpost <{from}>\r\nTo: <{}>\r\n", message.sender)?;
        write!(out, "Subject: {}\r\nDate: {}\r\n", word(&subject(message)), date(at))?;
        write!(out, "Message-ID: {message_id}\r\nReferences: {}\r\n", message.message_id)?;
        write!(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n")?;
        write!(
            out,
            "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n"
        )?;

        write!(out, "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n")?;
        write!(out, "Content-Transfer-Encoding: base64\r\n\r\n{}", base64(&self.text()))?;

        write!(out, "--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n")?;
        write!(out, "Reporting-MTA: dns; {host}\r\nArrival-Date: {}\r\n", date(message.accepted_at))?;
        for recipient in *failed {
            // RFC 3464 section 2.3.6: what stands here must be ASCII.
            let kind = if recipient.address.is_ascii() { "rfc822" } else { "utf-8" };
            write!(out, "\r\nFinal-Recipient: {kind}; {}\r\nAction: failed\r\n", recipient.address)?;
            write!(out, "Status: {}\r\nLast-Attempt-Date: {}\r\n", status(&recipient.answer), date(at))?;
            if recipient.answer.starts_with(|c: char| c.is_ascii_digit()) {
                write!(out, "Diagnostic-Code: smtp; {}\r\n", ascii(&recipient.answer))?;
            }
        }
        write!(out, "\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n")
    }

    fn text(&self) -> String {
        let mut text = format!(
            "The message \"{}\" could not be delivered in time, and was given up.\r\n\r\nNot reached:\r\n",
            self.message.subject
        );
        for recipient in self.failed {
            text.push_str(&format!("  {}: {}\r\n", recipient.address, recipient.answer.replace('\n', " ")));
        }
        text
    }
}

/// RFC 3463: the server's own code where it gave one of failure, or else that the time is over.
fn status(answer: &str) -> String {
    let code = answer.split_ascii_whitespace().nth(1).unwrap_or_default();
    let parts: Vec<_> = code.split('.').collect();
    let well_formed = parts.len() == 3
        && matches!(parts[0], "4" | "5")
        && parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    if well_formed { code.to_owned() } else { "4.4.7".to_owned() }
}

fn date(millis: i64) -> String {
    let since = std::time::Duration::from_millis(millis.max(0).unsigned_abs());
    let mut headers = Headers::new();
    headers.set(Date::new(std::time::SystemTime::UNIX_EPOCH + since));
    headers.to_string().trim_start_matches("Date: ").trim_end().to_owned()
}

/// One line of ASCII, of a length that a header line may have.
fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(800).collect()
}

/// Of a subject: as it is where that is safe, or else as encoded-words (RFC 2047).
fn word(text: &str) -> String {
    if text.len() < 70 && text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for c in text.chars() {
        if words.last().is_some_and(|word| word.len() + c.len_utf8() > 45) {
            words.push(String::new());
        }
        words.last_mut().map(|word| word.push(c)).unwrap_or_default();
    }
    let encode = |word: &String| {
        use base64::Engine as _;
        format!("=?utf-8?b?{}?=", base64::engine::general_purpose::STANDARD.encode(word))
    };
    words.iter().map(encode).collect::<Vec<_>>().join("\r\n ")
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let lines = encoded.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line));
    lines.fold(String::new(), |text, line| text + &line + "\r\n")
}
