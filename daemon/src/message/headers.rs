//! Header fields: what a caller may give, and how they are written so that nothing can be smuggled in.
//!
//! lettre encodes and folds. It is helped where it would write a line that is too long for RFC 5322 (998 octets): it
//! folds neither between addresses nor inside a long word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;
use lettre::message::header::{Header, HeaderName, HeaderValue, Headers, Sender};

use super::address::parse_mailbox_list;

/// lettre's own bound.
const MAX_FIELD_NAME: usize = 76;
/// RFC 5322 section 2.1.1, as the API documents it.
const MAX_VALUE: usize = 998;
/// A word of a subject that is longer is encoded, so that lines stay below 78 octets.
const MAX_SUBJECT_WORD: usize = 60;
/// Words of other fields may have a structure, which encoding would destroy: they are left alone as long as a line can
/// hold them.
const MAX_WORD: usize = 900;
/// Bytes in one encoded-word: 60 characters of base64 and 12 around them, at most 75 (RFC 2047 section 2).
const ENCODED_WORD: usize = 45;

/// Fields that Faxpost writes itself, or that only a server on the way may write.
const RESERVED: &[&str] = &[
    "apparently-to",
    "authentication-results",
    "bcc",
    "cc",
    "date",
    "delivered-to",
    "dkim-signature",
    "from",
    "message-id",
    "mime-version",
    "received",
    "received-spf",
    "return-path",
    "sender",
    "subject",
    "to",
    // The envelope of a mail that is picked up.
    "x-receiver",
    "x-sender",
];
/// Families of the same kind.
const RESERVED_PREFIXES: &[&str] = &["arc-", "content-", "resent-"];
/// Fields whose value is a list of mailboxes: names in them are encoded one by one.
const MAILBOXES: &[&str] = &["reply-to", "disposition-notification-to", "return-receipt-to", "errors-to"];

/// Checks the name of a caller's header field.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the field.
pub(super) fn check_name(name: &str) -> Result<HeaderName, String> {
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name.len() > MAX_FIELD_NAME {
        return Err(format!("has more than {MAX_FIELD_NAME} characters"));
    }
    // RFC 5322 section 3.6.8: printable ASCII without the colon.
    if !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
        return Err("may have printable ASCII characters only, and no colon".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
    {
        return Err(format!("is {name}, which is not for callers to set"));
    }
    HeaderName::new_from_ascii(name.to_owned()).map_err(|_| "is no name of a header field".to_owned())
}

/// A caller's header field, encoded.
///
/// # Errors
/// As [`check_name`], about the value.
pub(super) fn field(name: HeaderName, value: &str) -> Result<HeaderValue, String> {
    check_line(value)?;
    if !MAILBOXES.contains(&name.to_ascii_lowercase().as_str()) {
        return Ok(unstructured(name, value.trim(), MAX_WORD));
    }
    let list = parse_mailbox_list(value)?;
    // Whether a message needs SMTPUTF8 is seen by its envelope, and these addresses are not in it.
    if list.iter().any(|mailbox| !mailbox.email.user().is_ascii()) {
        return Err("has an address with characters before the @ that are not ASCII".to_owned());
    }
    Ok(mailboxes(name, &list))
}

/// Checks that `text` is one line that a header field can hold.
///
/// # Errors
/// As [`check_name`].
pub(super) fn check_line(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err("has a line break or another control character".to_owned());
    }
    if text.chars().count() > MAX_VALUE {
        return Err(format!("has more than {MAX_VALUE} characters"));
    }
    Ok(())
}

/// The subject, encoded.
pub(super) fn subject(text: &str) -> HeaderValue {
    unstructured(HeaderName::new_from_ascii_str("Subject"), text, MAX_SUBJECT_WORD)
}

/// A list of mailboxes, each on a line of its own.
pub(super) fn mailboxes(name: HeaderName, list: &[Mailbox]) -> HeaderValue {
    let raw = list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let encoded = list.iter().map(encoded_mailbox).collect::<Vec<_>>().join(",\r\n ");
    HeaderValue::dangerous_new_pre_encoded(name, raw, encoded)
}

/// `text` as encoded-words, none longer than RFC 2047 allows, one a line. `taken`: octets on the first line before it.
pub(super) fn encoded_words(text: &str, taken: usize) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    let mut room = (ENCODED_WORD.saturating_sub(taken * 3 / 4) / 3 * 3).max(4);
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(room));
        words.push(format!("=?utf-8?b?{}?=", STANDARD.encode(word)));
        (rest, room) = (after, ENCODED_WORD);
    }
    words.join("\r\n ")
}

/// lettre encodes one mailbox well; only its lists are not folded. Its encoder shows through a whole field alone.
pub(super) fn encoded_mailbox(mailbox: &Mailbox) -> String {
    let mut headers = Headers::new();
    headers.insert_raw(Sender::from(mailbox.clone()).display());
    let line = headers.to_string();
    line.strip_prefix("Sender: ").unwrap_or(&line).trim_end().to_owned()
}

pub(super) fn unstructured(name: HeaderName, text: &str, longest_word: usize) -> HeaderValue {
    let word_fits = |word: &str| !word.is_empty() && (!word.is_ascii() || word.len() <= longest_word);
    // What a reader would take for an encoded-word, and blanks that folding or a server on the way may lose, are
    // encoded, so that the text arrives as it was given.
    if text.is_empty() || (!text.contains("=?") && text.split(' ').all(word_fits)) {
        return HeaderValue::new(name, text.to_owned());
    }
    let encoded = encoded_words(text, name.len() + ": ".len());
    HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: HeaderValue) -> String {
        let mut headers = Headers::new();
        headers.insert_raw(value);
        headers.to_string()
    }

    #[test]
    fn f1_names_that_faxpost_writes_itself_are_refused_in_any_case() {
        for name in [
            "From",
            "BCC",
            "X-Sender",
            "x-receiver",
            "content-type",
            "Content-Whatever",
            "RESENT-To",
            "Received",
            "MIME-Version",
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["", "X Y", "X:Y", "X\r\nBcc", "Икс", "X\u{7f}", &"x".repeat(77)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["Reply-To", "X-Fax-Id", "In-Reply-To", "List-Id", "Auto-Submitted", &"x".repeat(76)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn f1_names_in_a_reply_to_are_encoded_and_addresses_left_alone() {
        let name = check_name("reply-to").unwrap();
        let value = field(name.clone(), "\"Отдел, продаж\" <sales@пример.рф>, b@example.com").unwrap();
        assert_eq!(
            line(value),
            "reply-to: =?utf-8?b?0J7RgtC00LXQuywg0L/RgNC+0LTQsNC2?= <sales@xn--e1afmkfd.xn--p1ai>,\r\n b@example.com\r\n"
        );
        assert!(field(name.clone(), "nobody").is_err());
        assert!(field(name, "иван@example.com").is_err());
    }

    #[test]
    fn f1_long_lists_are_folded() {
        let list: Vec<Mailbox> =
            (0..100).map(|n| format!("someone-{n}@example.com").parse().unwrap()).collect();
        let text = line(mailboxes(HeaderName::new_from_ascii_str("To"), &list));
        assert!(text.lines().all(|line| line.len() < 78), "{text}");
    }

    #[test]
    fn f1_words_too_long_for_a_line_are_encoded() {
        let text = line(subject(&"x".repeat(998)));
        assert!(text.lines().all(|line| line.len() < 78), "{text}");
        let name = check_name(&"n".repeat(76)).unwrap();
        let text = line(field(name, &"я".repeat(998)).unwrap());
        assert!(text.lines().all(|line| line.len() <= 998), "{text}");
    }
}
