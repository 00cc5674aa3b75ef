//! From a draft to a finished message: every field checked, the skeleton built by lettre, attachments left out of it
//! until it is written.

use std::time::SystemTime;

use lettre::Address;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, Date, HeaderName, HeaderValue, Headers, MIME_VERSION_1_0,
    MessageId,
};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use uuid::Uuid;

use super::address::{MAX_NAME, parse_addr_spec, parse_mailbox};
use super::attachment::{NamedType, check_file_name, content_type, encoded_len};
use super::{Attachment, Composed, Draft, Piece, headers};
use crate::accounts::{FieldProblem, Problem};
use crate::mailer::Envelope;

/// In to, cc and bcc together. RFC 5321 section 4.5.3.1.8 promises no more of a server.
const MAX_RECIPIENTS: usize = 100;
/// As the API documents it: more is a mistake or an attack.
pub(crate) const MAX_ATTACHMENTS: usize = 100;
/// As the API documents it.
const MAX_HEADERS: usize = 50;

/// Checks `draft` and builds the message, dated `now`.
///
/// # Errors
/// Every field that is wrong, not only the first.
pub(super) fn compose(draft: &Draft, now: SystemTime) -> Result<Composed, Vec<FieldProblem>> {
    let mut problems = Problems(Vec::new());
    let checked = Checked::of(draft, &mut problems);
    let (Some(checked), true) = (checked, problems.0.is_empty()) else {
        return Err(problems.0);
    };

    let message_id = format!("<{}@{}>", Uuid::now_v7(), checked.from.email.domain());
    let envelope = checked.envelope();
    let author = checked.from.email.to_string();
    // What stands for the attachments in the skeleton. Random, so that no text can hold it.
    let token = Uuid::new_v4().simple().to_string();
    let mut skeleton = checked.headers(&message_id, now).to_string().into_bytes();
    skeleton.extend(checked.body(draft, &token));
    let pieces = cut(&skeleton, &token, checked.attachments);
    let size = pieces.iter().map(Piece::size).sum();
    Ok(Composed { message_id, author, envelope, size, seven_bit: true, pieces })
}

/// Problems as they are found.
struct Problems(Vec<FieldProblem>);

impl Problems {
    /// The value, or its problem noted: "cc[1] has no valid domain after the @".
    fn read<T>(&mut self, field: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|what| self.invalid(field, format!("{field} {what}"))).ok()
    }

    fn invalid(&mut self, field: &str, text: impl Into<String>) {
        self.0.push(FieldProblem::new(field, Problem::Invalid, text));
    }

    fn at_most(&mut self, field: &str, count: usize, most: usize) {
        if count > most {
            self.invalid(field, format!("{field} has {count} entries, more than {most}"));
        }
    }
}

/// A draft whose fields are right.
struct Checked<'a> {
    from: Mailbox,
    envelope_from: Address,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    bcc: Vec<Mailbox>,
    subject: &'a str,
    headers: Vec<HeaderValue>,
    attachments: Vec<Part<'a>>,
}

/// An attachment whose fields are right.
struct Part<'a> {
    attachment: &'a Attachment,
    content_type: String,
    length: u64,
}

impl<'a> Checked<'a> {
    /// `None` only beside a problem.
    fn of(draft: &'a Draft, problems: &mut Problems) -> Option<Self> {
        let from = problems.read("sender_email", parse_addr_spec(draft.sender_email.trim()));
        let envelope_from = match draft.envelope_sender.as_str() {
            "" => from.clone(),
            address => problems.read("envelope_sender", parse_addr_spec(address)),
        };
        let name = draft.sender_name.trim();
        problems.read("sender_name", headers::check_line(name));
        if name.chars().count() > MAX_NAME {
            problems.invalid("sender_name", format!("sender_name has more than {MAX_NAME} characters"));
        }
        let count = draft.to.len() + draft.cc.len() + draft.bcc.len();
        if count == 0 {
            problems.invalid("to", "a message needs at least one recipient in to, cc or bcc");
        }
        if count > MAX_RECIPIENTS {
            problems.invalid(
                "to",
                format!("{count} recipients are more than {MAX_RECIPIENTS}; send several messages"),
            );
            return None;
        }
        problems.at_most("headers", draft.headers.len(), MAX_HEADERS);
        problems.at_most("attachments", draft.attachments.len(), MAX_ATTACHMENTS);
        problems.read("subject", headers::check_line(&draft.subject));
        Some(Self {
            to: mailboxes("to", &draft.to, problems),
            cc: mailboxes("cc", &draft.cc, problems),
            bcc: mailboxes("bcc", &draft.bcc, problems),
            subject: &draft.subject,
            headers: fields(draft, problems),
            attachments: parts(&draft.attachments, problems),
            envelope_from: envelope_from?,
            from: Mailbox::new((!name.is_empty()).then(|| name.to_owned()), from?),
        })
    }

    /// Each recipient once, in order. Domains are lower case already; local parts are the server's business.
    fn envelope(&self) -> Envelope {
        let mut to: Vec<String> = Vec::new();
        for mailbox in self.to.iter().chain(&self.cc).chain(&self.bcc) {
            let address = mailbox.email.to_string();
            if !to.contains(&address) {
                to.push(address);
            }
        }
        Envelope { from: self.envelope_from.to_string(), to }
    }

    fn headers(&self, message_id: &str, now: SystemTime) -> Headers {
        let name = HeaderName::new_from_ascii_str;
        let mut all = Headers::new();
        all.insert_raw(headers::mailboxes(name("From"), std::slice::from_ref(&self.from)));
        for (name, list) in [(name("To"), &self.to), (name("Cc"), &self.cc)] {
            if !list.is_empty() {
                all.insert_raw(headers::mailboxes(name, list));
            }
        }
        if self.to.is_empty() && self.cc.is_empty() {
            // Filters take mail without any recipient field for spam; the empty group says that it is meant.
            let nobody = "undisclosed-recipients:;".to_owned();
            all.insert_raw(HeaderValue::dangerous_new_pre_encoded(name("To"), nobody.clone(), nobody));
        }
        if !self.subject.is_empty() {
            all.insert_raw(headers::subject(self.subject));
        }
        // lettre panics on a clock before 1970.
        all.set(Date::new(now.max(SystemTime::UNIX_EPOCH)));
        all.set(MessageId::from(message_id.to_owned()));
        for field in &self.headers {
            all.insert_raw(field.clone());
        }
        all.set(MIME_VERSION_1_0);
        all
    }

    /// The rest, beginning with the outermost part's own header fields.
    fn body(&self, draft: &Draft, token: &str) -> Vec<u8> {
        let plain = || SinglePart::builder().header(lettre::message::header::ContentType::TEXT_PLAIN);
        let html = || SinglePart::builder().header(lettre::message::header::ContentType::TEXT_HTML);
        let plain = || plain().body(text(&draft.text));
        let html = || html().body(text(&draft.html));
        let boundary = |level: u8| format!("{}-{level}", Uuid::new_v4().simple());
        let alternative =
            || MultiPart::alternative().boundary(boundary(2)).singlepart(plain()).singlepart(html());
        let (has_text, has_html) = (!draft.text.is_empty(), !draft.html.is_empty());
        if self.attachments.is_empty() {
            return match (has_text, has_html) {
                (true, true) => alternative().formatted(),
                (false, true) => html().formatted(),
                (_, false) => plain().formatted(),
            };
        }
        let mixed = MultiPart::mixed().boundary(boundary(1));
        let mut mixed = match (has_text, has_html) {
            (true, true) => mixed.multipart(alternative()),
            (false, true) => mixed.singlepart(html()),
            (_, false) => mixed.singlepart(plain()),
        };
        for (n, part) in self.attachments.iter().enumerate() {
            mixed = mixed.singlepart(part.skeleton(&placeholder(token, n)));
        }
        mixed.formatted()
    }
}

impl Part<'_> {
    fn skeleton(&self, placeholder: &str) -> SinglePart {
        let file_name = self.attachment.file_name.clone();
        SinglePart::builder()
            .header(ContentDisposition::attachment(&file_name))
            .header(NamedType { content_type: self.content_type.clone(), file_name })
            .body(Body::dangerous_pre_encoded(placeholder.into(), ContentTransferEncoding::Base64))
    }
}

fn mailboxes(field: &str, typed: &[String], problems: &mut Problems) -> Vec<Mailbox> {
    let read = |(n, text): (usize, &String)| {
        let parsed = parse_mailbox(text).map_err(|what| format!("{:?} {what}", beginning(text)));
        problems.read(&format!("{field}[{n}]"), parsed)
    };
    typed.iter().enumerate().filter_map(read).collect()
}

/// Enough of an address to find it again among many.
fn beginning(text: &str) -> String {
    const ENOUGH: usize = 60;
    text.chars().take(ENOUGH).collect()
}

fn fields(draft: &Draft, problems: &mut Problems) -> Vec<HeaderValue> {
    let given = &draft.headers;
    let mut fields = Vec::new();
    let mut seen = Vec::new();
    for (n, (name, value)) in given.iter().enumerate().take(MAX_HEADERS) {
        let Some(name) = problems.read(&format!("headers[{n}].name"), headers::check_name(name)) else {
            continue;
        };
        let lower = name.to_ascii_lowercase();
        if seen.contains(&lower) {
            problems
                .invalid(&format!("headers[{n}].name"), format!("headers[{n}].name {lower} is given twice"));
        }
        seen.push(lower);
        fields.extend(problems.read(&format!("headers[{n}].value"), headers::field(name, value)));
    }
    let reply_to = "reply-to".to_owned();
    if !draft.reply_to.is_empty() && !seen.contains(&reply_to) {
        let field = headers::field(HeaderName::new_from_ascii_str("Reply-To"), &draft.reply_to);
        fields.extend(problems.read("reply_to", field));
    }
    fields
}

fn parts<'a>(given: &'a [Attachment], problems: &mut Problems) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for (n, attachment) in given.iter().enumerate().take(MAX_ATTACHMENTS) {
        let field = |name: &str| format!("attachments[{n}].{name}");
        problems.read(&field("file_name"), check_file_name(&attachment.file_name));
        let content_type = problems.read(&field("content_type"), content_type(attachment));
        let length = attachment.content.len().map_err(|error| format!("cannot be read: {error}"));
        if let (Some(content_type), Some(length)) = (content_type, problems.read(&field("content"), length)) {
            parts.push(Part { attachment, content_type, length });
        }
    }
    parts
}

/// A text, encoded so that it arrives as it was given, with CRLF line ends: 7bit where that is safe.
fn text(given: &str) -> Body {
    let text = crlf(given);
    // Blanks at line ends and control characters get lost on the way, and "From " at the beginning of a line gets a >
    // before it in mailboxes; lettre leaves them in 7bit.
    let blank_end = |line: &str| line.ends_with([' ', '\t']);
    let ascii = text.is_ascii();
    let control = |line: &str| {
        // Most text is ASCII, and its bytes are looked at several at a time.
        if ascii {
            line.bytes().any(|b| b.is_ascii_control() && b != b'\t')
        } else {
            line.chars().any(|c| c.is_control() && c != '\t')
        }
    };
    let fragile = text.split("\r\n").any(|line| blank_end(line) || control(line) || line.starts_with(FROM));
    let body = Body::new(text);
    let body = if fragile && matches!(body.encoding(), ContentTransferEncoding::SevenBit) {
        let text = crlf(given);
        Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable).unwrap_or(body)
    } else {
        body
    };
    match body.encoding() {
        ContentTransferEncoding::QuotedPrintable => hide_from(body),
        _ => body,
    }
}

/// What a line of a mailbox file must not begin with.
const FROM: &str = "From ";

/// Encodes the F of quoted-printable lines that begin with "From ".
fn hide_from(body: Body) -> Body {
    let Ok(text) = std::str::from_utf8(body.as_ref()) else { return body };
    if !text.split("\r\n").any(|line| line.starts_with(FROM)) {
        return body;
    }
    let line = |line: &str| {
        let mut out = String::new();
        let mut rest = line;
        while let Some(after) = rest.strip_prefix(FROM) {
            out.push_str("=46rom ");
            rest = after;
            // RFC 2045 section 6.7: at most 76 characters in a line.
            if line.len() + 2 > 76 {
                out.push_str("=\r\n");
            } else {
                break;
            }
        }
        out + rest
    };
    let hidden = text.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n");
    Body::dangerous_pre_encoded(hidden.into_bytes(), ContentTransferEncoding::QuotedPrintable)
}

/// CRLF for every CRLF, CR or LF. Not left to lettre, which takes quadratic time over it.
fn crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut rest = text;
    // Both are ASCII, and so what stands before and behind them is whole characters.
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        out.push_str("\r\n");
        let end = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    out.push_str(rest);
    out
}

fn placeholder(token: &str, n: usize) -> String {
    format!("{token}#{n:03}#")
}

/// Cuts the skeleton at the placeholders.
fn cut(skeleton: &[u8], token: &str, parts: Vec<Part<'_>>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = skeleton;
    for (n, part) in parts.into_iter().enumerate() {
        let placeholder = placeholder(token, n);
        let at = rest
            .windows(placeholder.len())
            .position(|window| window == placeholder.as_bytes())
            .expect("lettre writes a pre-encoded body as it is");
        pieces.push(Piece::Text(rest[..at].to_vec()));
        pieces.push(Piece::Attachment {
            content: part.attachment.content.clone(),
            length: part.length,
            encoded: encoded_len(part.length),
        });
        rest = &rest[at + placeholder.len()..];
    }
    pieces.push(Piece::Text(rest.to_vec()));
    pieces
}

#[cfg(test)]
mod tests;
