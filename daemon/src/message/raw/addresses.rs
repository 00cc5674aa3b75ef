//! Lists of addresses as programs write them into headers: with comments, groups and names without a domain.

use std::borrow::Cow;

use lettre::message::Mailbox;

use crate::message::address::{parse_addr_spec, parse_mailbox};

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

/// Readers differ in which of two they take: `From: <one@bank.test> <other@example.test>`.
const STRAY: &str = "has a < or > that does not stand around an address";

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

/// A list.
pub(super) struct List {
    entries: Vec<Entry>,
    /// Every reader finds these entries in it: no special character outside quotes that old or careless readers would take for
    /// the beginning of another address.
    is_plain: bool,
}

/// The entries of a list; members of groups count as if there were none.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the field.
pub(in crate::message) fn entries(text: &str) -> Result<Vec<Entry>, String> {
    Ok(List::of(text)?.entries)
}

/// The list as every reader understands it: as it came, or written anew. What is no list stays as it is, and so do names
/// without a domain.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    match List::of(text) {
        Ok(list) if !list.is_plain => {
            list.entries.iter().filter_map(Entry::plain).collect::<Vec<_>>().join(", ").into()
        }
        _ => text.into(),
    }
}

impl List {
    fn of(text: &str) -> Result<Self, String> {
        let mut list = Self { entries: Vec::new(), is_plain: true };
        let (mut item, mut scan, mut in_group) = (Item::default(), Scan::default(), false);
        for c in text.chars() {
            match scan.step(c) {
                Place::Separator => {
                    // A semicolon ends a group, and is no comma.
                    list.is_plain &= c == ',' || in_group;
                    in_group &= c == ',';
                    item.end(&mut list)?;
                }
                Place::Group => {
                    let name = std::mem::take(&mut item);
                    list.is_plain &=
                        !in_group && name.comment.is_empty() && is_plain_phrase(name.text.trim());
                    in_group = true;
                }
                Place::Comment => item.comment.push(c),
                Place::Open if item.open.is_none() => {
                    item.open = Some(item.text.len());
                    item.text.push(c);
                }
                Place::Close if item.close.is_none() => {
                    item.close = Some(item.text.len());
                    item.text.push(c);
                }
                Place::Open | Place::Close => return Err(STRAY.to_owned()),
                Place::Word => item.text.push(c),
                Place::Gap => item.text.push(' '),
                Place::Nothing => {}
            }
            if list.entries.len() > MAX_ENTRIES {
                return Err(format!("has more than {MAX_ENTRIES} addresses"));
            }
        }
        if scan.quoted || scan.angle || scan.depth > 0 || scan.literal {
            return Err("has a quote, a bracket or a parenthesis that is not closed".to_owned());
        }
        item.end(&mut list)?;
        Ok(list)
    }
}

/// All of them, when each is whole and right, and none needs SMTPUTF8: whether a message does is seen by its envelope.
pub(super) fn mailboxes(text: &str) -> Option<Vec<Mailbox>> {
    let entries = entries(text).ok().filter(|entries| !entries.is_empty())?;
    entries.iter().map(|entry| entry.mailbox().filter(|mailbox| mailbox.email.user().is_ascii())).collect()
}

impl Entry {
    /// In a list, without anything that could be misread; `None`: no address.
    fn plain(&self) -> Option<String> {
        let Ok(address) = parse_addr_spec(&self.address) else {
            return is_atoms(&self.address).then(|| self.address.clone());
        };
        let name = self.mailbox().and_then(|mailbox| mailbox.name);
        Some(match name {
            _ if !self.phrase.is_empty() && is_plain_phrase(&self.phrase) => {
                format!("{} <{address}>", self.phrase)
            }
            Some(name) => Mailbox::new(Some(name), address).to_string(),
            // Without brackets, some take what is in quotes for a name, and the rest for an address.
            None if self.address.starts_with('"') => format!("<{address}>"),
            None => address.to_string(),
        })
    }

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
    /// The bracket before an address.
    Open,
    /// That behind it.
    Close,
    Comment,
    Separator,
    /// The colon after a group's name: what stood before it is no address.
    Group,
    /// A comment begins: what stands before and behind it is not one word (RFC 5322 section 3.2.2).
    Gap,
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
                return Place::Gap;
            }
            '<' => {
                self.angle = true;
                return Place::Open;
            }
            '>' => {
                self.angle = false;
                return Place::Close;
            }
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
    /// Where the brackets stand in `text`.
    open: Option<usize>,
    close: Option<usize>,
}

impl Item {
    fn end(&mut self, list: &mut List) -> Result<(), String> {
        let Self { text, comment, open, close } = std::mem::take(self);
        let (phrase, address) = match (open, close) {
            (None, None) => ("", text.trim()),
            (Some(open), Some(close)) if open < close && text[close + 1..].trim().is_empty() => {
                (text[..open].trim(), text[open + 1..close].trim())
            }
            _ => return Err(STRAY.to_owned()),
        };
        if text.trim().is_empty() {
            // A comment alone, which is nobody.
            list.is_plain &= comment.is_empty();
            return Ok(());
        }
        // RFC 5322 section 4.4: a route before the address means nothing any more.
        let (route, address) = match open.and_then(|_| address.rsplit_once(':')) {
            Some((route, address)) if !route.contains(['"', '[']) => (Some(route), address.trim()),
            _ => (None, address),
        };
        if address.is_empty() {
            return Err("has an empty address".to_owned());
        }
        let is_address = is_atoms(address) || parse_addr_spec(address).is_ok();
        list.is_plain &= route.is_none()
            && is_address
            && (open.is_some() || !address.starts_with('"'))
            && is_plain_phrase(phrase)
            && is_plain_comment(&comment);
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        list.entries.push(Entry { phrase: phrase.to_owned(), comment, address: address.to_owned() });
        Ok(())
    }
}

/// Atoms, dots and quoted strings only (RFC 5322 section 3.2.5): encoded-words are atoms, too.
pub(super) fn is_plain_phrase(phrase: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for c in phrase.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            c => {
                if !is_atom(c) && c != ' ' && c != '\t' {
                    return false;
                }
            }
        }
    }
    !quoted
}

/// A comment in which nobody finds an address.
fn is_plain_comment(comment: &str) -> bool {
    !comment.contains(['<', '>', '@', '"', '\\', ',', ';'])
}

fn is_atoms(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_atom)
}

/// Of an atom, or a dot; what is not ASCII is encoded before it goes out.
fn is_atom(c: char) -> bool {
    c.is_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
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
        for wrong in [
            "\"a@b.example",
            "a <b@c.example",
            "a (b",
            "<>",
            "a > b",
            "a <b> c",
            "<a@b.c> <d@e.f>",
            "x <a@b.c>>",
            "<<a@b.c>",
            "\"x\" <a@b.c> \"y\"",
        ] {
            assert!(entries(wrong).is_err(), "{wrong}");
        }
        assert!(entries(&"a@b.c,".repeat(1002)).is_err());
    }

    #[test]
    fn f4_what_readers_could_misread_is_written_anew() {
        for same in [
            "a@b.example, \"Lee, Ann\" <ann@b.example>, root (Cron Daemon)",
            "undisclosed-recipients:;",
            "Friends: a@b.example, c@d.example;, J. Q. Public <j@b.example>",
            "=?utf-8?q?A=2C_B?= <a@b.example>",
            "no list <",
            "",
        ] {
            assert_eq!(plain(same), same);
        }
        for (given, written) in [
            ("ann@bank.example <a@b.example>", "\"ann@bank.example\" <a@b.example>"),
            ("[Sales] <a@b.example>, c@d.example", "\"[Sales]\" <a@b.example>, c@d.example"),
            ("<@relay.example:a@b.example>", "a@b.example"),
            ("<:a@b.example>", "a@b.example"),
            ("<ceo@bank.example>: a@b.example;", "a@b.example"),
            ("a@b.example; c@d.example", "a@b.example, c@d.example"),
            ("Fax (<ceo@bank.example>) <a@b.example>", "Fax <a@b.example>"),
            ("(ceo@bank.example), root, a@@b", "root"),
            ("a@b.example, c@d.example(x)net", "a@b.example"),
            ("\"Lee Ann\"@b.example, c@d.example", "<\"Lee Ann\"@b.example>, c@d.example"),
            ("\"<ceo@bank.example>\"@b.example, c@d.example", "c@d.example"),
        ] {
            assert_eq!(plain(given), written, "{given}");
            assert_eq!(plain(written), written);
        }
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

        /// However it is put together: who reads what goes out finds nobody else.
        #[test]
        fn f4_an_independent_reader_finds_nobody_else(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "<a@x.test>", "<b@y.test>", "c@z.test", "Ann", "\"q\"", "\"<d@w.test>\"", ",", ", ", ":", ";", "(c)", "(<e@v.test>)",
                "[", "]", "@", "<", ">", " ", ".", "\\", "=?utf-8?q?=3Cf@u.test=3E?=",
            ]), 1..8)
        ) {
            let text = pieces.concat();
            let Ok(ours) = entries(&text) else { return Ok(()) };
            let ours: Vec<_> = ours.iter().filter_map(|entry| Some(parse_addr_spec(&entry.address).ok()?.to_string())).collect();
            let message = format!("To: {}\r\n\r\n", plain(&text));
            let parsed = mail_parser::MessageParser::new().parse(message.as_bytes()).unwrap();
            let theirs: Vec<_> = parsed.to().map_or_else(Vec::new, |to| to.iter().filter_map(|addr| addr.address().map(str::to_owned)).collect());
            for address in theirs.iter().filter(|address| address.contains('@')) {
                prop_assert!(ours.iter().any(|our| our.eq_ignore_ascii_case(address)), "{} {}", text, message);
            }
        }
    }
}
