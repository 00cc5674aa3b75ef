//! What an address must not hold, whoever made it: the last check before it stands in a command or a header line.

use lettre::Address;

use super::failure::Fault;
use super::{Envelope, FailureKind};

/// Octets of `local@domain`: RFC 5321 section 4.5.3.1.3 allows a path of 256 with its angle brackets.
const LONGEST: usize = 254;

/// The sender for MAIL FROM; `None` is the null sender of reports.
pub(super) fn sender(envelope: &Envelope) -> Result<Option<Address>, Fault> {
    if envelope.from.is_empty() {
        return Ok(None);
    }
    mailbox(&envelope.from)
        .map(Some)
        .ok_or_else(|| Fault::new(FailureKind::SenderRejected, unusable(&envelope.from)))
}

/// A recipient for RCPT TO, or why it cannot be one.
pub(super) fn recipient(text: &str) -> Result<Address, String> {
    mailbox(text).ok_or_else(|| unusable(text))
}

/// Not a full check: that is made where a person can still correct it. This one keeps commands and lines whole.
fn mailbox(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    let breaks_out = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>');
    // RFC 5321 section 4.1.2: a blank may stand in quotes, where it begins no parameter.
    let in_quotes = local.strip_prefix('"').and_then(|local| local.strip_suffix('"'));
    let local_is_whole = match in_quotes.filter(|inside| !inside.contains(['"', '\\'])) {
        Some(inside) => !inside.contains(|c| c != ' ' && breaks_out(c)),
        None => !local.contains(breaks_out),
    };
    let harmless = !local.is_empty()
        && !domain.is_empty()
        && text.len() <= LONGEST
        && local_is_whole
        && !domain.contains(breaks_out);
    harmless.then(|| Address::new_dangerous(local, domain))
}

fn unusable(text: &str) -> String {
    format!("\"{}\" cannot be used as an address", text.escape_debug())
}

/// Some address needs SMTPUTF8 (RFC 6531).
pub(super) fn is_internationalized(envelope: &Envelope) -> bool {
    !envelope.from.is_ascii() || envelope.to.iter().any(|to| !to.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_breaks_out_of_its_command() {
        for bad in [
            "a@b>\r\nRCPT TO:<x@y",
            "a@b\nDATA",
            "a b@c",
            "\"a b@c",
            "\"a b\"@c d",
            "\"a\" b\"@c",
            "\"a b\\\"@c",
            "a@b> SIZE=1",
            "@b",
            "a@",
            "nobody",
            "a\0@b",
            "a@b\u{85}c",
        ] {
            assert!(mailbox(bad).is_none(), "{bad:?}");
        }
        for good in [
            "\"Lee Ann\"@host",
            "faxpost@host",
            "a.b+c@example.com",
            "факс@xn--e1afmkfd.xn--p1ai",
            "x@[127.0.0.1]",
        ] {
            assert!(mailbox(good).is_some(), "{good}");
        }
    }
}
