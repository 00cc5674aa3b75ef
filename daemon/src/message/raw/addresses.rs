//! Lists of addresses as programs write them into headers: with comments, groups and names without a domain.

use lettre::message::Mailbox;

use crate::message::address::parse_mailbox;

/// Fields whose value is such a list.
pub(super) const FIELDS: &[&str] = &[
    "from",
    "sender",
    "to",
    "cc",
    "reply-to",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-cc",
    "disposition-notification-to",
    "return-receipt-to",
    "errors-to",
];

/// More in one list is no mail's.
const MAX_ENTRIES: usize = 1000;

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct Entry {
    /// What stands before it, as it came: quotes and encoded-words included.
    pub(in crate::message) phrase: String,
    /// The name in a comment, as in `root (Cron Daemon)`.
    pub(in crate::message) comment: String,
    /// As it came, maybe without a domain.
    pub(in crate::message) address: String,
}

/// The entries of a list; members of groups count as if there were none.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the field.
pub(in crate::message) fn entries(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut item = Item::default();
    let mut scan = Scan::default();
    for c in text.chars() {
        match scan.step(c) {
            Place::Separator => item.end(&mut entries)?,
            Place::Group => item = Item::default(),
            Place::Comment => item.comment.push(c),
            Place::Word => item.text.push(c),
            Place::Nothing => {}
        }
        if entries.len() > MAX_ENTRIES {
            return Err(format!("has more than {MAX_ENTRIES} addresses"));
        }
    }
    if scan.quoted || scan.angle || scan.depth > 0 || scan.literal {
        return Err("has a quote, a bracket or a parenthesis that is not closed".to_owned());
    }
    item.end(&mut entries)?;
    Ok(entries)
}

/// All of them, when each is whole and right, and none needs SMTPUTF8: whether a message does is seen by its envelope.
pub(super) fn mailboxes(text: &str) -> Option<Vec<Mailbox>> {
    let entries = entries(text).ok().filter(|entries| !entries.is_empty())?;
    entries.iter().map(|entry| entry.mailbox().filter(|mailbox| mailbox.email.user().is_ascii())).collect()
}

impl Entry {
    /// With its name decoded as far as it is not in encoded-words.
    fn mailbox(&self) -> Option<Mailbox> {
        // Encoded-words are for the writer of the message: encoding them anew would show their letters.
        if self.phrase.contains("=?") {
            return None;
        }
        let text = if self.phrase.is_empty() {
            self.address.clone()
        } else {
            format!("{} <{}>", self.phrase, self.address)
        };
        let mut mailbox = parse_mailbox(&text).ok()?;
        if mailbox.name.is_none() && !self.comment.is_empty() {
            mailbox.name = Some(self.comment.clone());
        }
        Some(mailbox)
    }
}

enum Place {
    /// Of an address or its phrase.
    Word,
    Comment,
    Separator,
    /// The colon after a group's name: what stood before it is no address.
    Group,
    Nothing,
}

#[derive(Default)]
struct Scan {
    quoted: bool,
    escaped: bool,
    angle: bool,
    literal: bool,
    /// Comments in comments.
    depth: usize,
}

impl Scan {
    fn step(&mut self, c: char) -> Place {
        if self.escaped {
            self.escaped = false;
            return if self.depth > 0 { Place::Comment } else { Place::Word };
        }
        if self.depth > 0 {
            match c {
                '\\' => {
                    self.escaped = true;
                    return Place::Nothing;
                }
                '(' => self.depth += 1,
                ')' => self.depth -= 1,
                _ => {}
            }
            return if self.depth > 0 { Place::Comment } else { Place::Nothing };
        }
        if self.quoted {
            match c {
                '\\' => self.escaped = true,
                '"' => self.quoted = false,
                _ => {}
            }
            return Place::Word;
        }
        match c {
            '"' => self.quoted = true,
            '(' => {
                self.depth = 1;
                return Place::Nothing;
            }
            '<' => self.angle = true,
            '>' => self.angle = false,
            '[' => self.literal = true,
            ']' => self.literal = false,
            ',' | ';' if !self.angle => return Place::Separator,
            ':' if !self.angle && !self.literal => return Place::Group,
            _ => {}
        }
        Place::Word
    }
}

#[derive(Default)]
struct Item {
    text: String,
    comment: String,
}

impl Item {
    fn end(&mut self, entries: &mut Vec<Entry>) -> Result<(), String> {
        let Self { text, comment } = std::mem::take(self);
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        let (phrase, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            // RFC 5322 section 4.4: a route before the address means nothing any more.
            Some((phrase, address)) => {
                (phrase.trim(), address.rsplit_once(':').map_or(address, |(_, address)| address))
            }
            None if text.contains(['<', '>']) && !text.contains('"') => {
                return Err("has a < or > that does not stand around an address".to_owned());
            }
            None => ("", text),
        };
        let address = address.trim();
        if address.is_empty() {
            return Err("has an empty address".to_owned());
        }
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        entries.push(Entry { phrase: phrase.to_owned(), comment, address: address.to_owned() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        entries(text)
            .unwrap_or_else(|e| panic!("{text} {e}"))
            .into_iter()
            .map(|entry| entry.address)
            .collect()
    }

    #[test]
    fn f4_lists_as_programs_write_them() {
        for (text, expected) in [
            ("a@b.example", &["a@b.example"][..]),
            ("root", &["root"]),
            ("root (Cron Daemon)", &["root"]),
            ("\"Lee, Ann\" <ann@b.example>, Bob <bob@b.example>,", &["ann@b.example", "bob@b.example"]),
            ("undisclosed-recipients:;", &[]),
            (
                "Friends: a@b.example, \"x: y\" <c@d.example>; e@f.example",
                &["a@b.example", "c@d.example", "e@f.example"],
            ),
            ("Ann (a, b \\) (c)) <ann@b.example>", &["ann@b.example"]),
            ("<@relay.example,@other.example:a@b.example>", &["a@b.example"]),
            ("fax@[IPv6:2001:db8::1]", &["fax@[IPv6:2001:db8::1]"]),
            ("\"a <b,c\"@example.com", &["\"a <b,c\"@example.com"]),
            ("=?utf-8?q?A=2C_B?= <a@b.example>", &["a@b.example"]),
            ("", &[]),
        ] {
            assert_eq!(addresses(text), expected, "{text}");
        }
        let cron = entries("root (Cron Daemon)").unwrap().remove(0);
        assert_eq!(cron.comment, "Cron Daemon");
        for wrong in ["\"a@b.example", "a <b@c.example", "a (b", "<>", "a > b", "a <b> c"] {
            assert!(entries(wrong).is_err(), "{wrong}");
        }
        assert!(entries(&"a@b.c,".repeat(1002)).is_err());
    }

    proptest! {
        #[test]
        fn f4_any_text_is_a_list_or_is_refused(text in "[a-z@<>(),;:\"\\\\ .\\[\\]é=?]{0,60}") {
            if let Ok(entries) = entries(&text) {
                for entry in &entries {
                    prop_assert!(!entry.address.is_empty());
                }
            }
            let _ = mailboxes(&text);
        }

        /// Whoever reads the message must find those that it was sent to.
        #[test]
        fn f4_an_independent_reader_finds_the_same_addresses(
            list in prop::collection::vec(("([A-Z][a-z]{0,8} ?){0,2}|\"[a-z, :;]{1,9}\"", "[a-z0-9.]{0,6}[a-z0-9]@[a-z]{1,8}\\.test", "[a-z ]{0,6}"), 1..6)
        ) {
            let texts: Vec<_> = list.iter().map(|(phrase, address, comment)| {
                let comment = if comment.trim().is_empty() { String::new() } else { format!(" ({comment})") };
                if phrase.trim().is_empty() { format!("{address}{comment}") } else { format!("{phrase} <{address}>{comment}") }
            }).collect();
            let text = texts.join(", ");
            let message = format!("To: {text}\r\n\r\n");
            let parsed = mail_parser::MessageParser::new().parse(message.as_bytes()).unwrap();
            let theirs: Vec<_> = parsed.to().unwrap().iter().filter_map(|addr| addr.address().map(str::to_owned)).collect();
            prop_assert_eq!(addresses(&text), theirs, "{}", text);
        }
    }
}
