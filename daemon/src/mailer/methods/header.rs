//! The header of a finished message, field by field, for methods that want to have it so.
//!
//! Whoever gives a message to the daemon writes its header: nothing here trusts it, and everything is bounded.

use std::io;

use mail_parser::{Addr, Address, MessageParser};

use crate::mailer::Body;
use crate::mailer::smtp::Content;
use crate::message::address::parse_addr_spec;

/// Bytes of a header; a list of recipients may be long.
const LONGEST: usize = 1024 * 1024;

/// The body of a message, open at its beginning.
pub(super) struct Rest<'a> {
    /// What was read with the header.
    begin: Vec<u8>,
    rest: Content<'a>,
}

/// The fields, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header(Vec<Field>);

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// As it stands there.
    pub(super) name: String,
    /// Without the blank behind the colon; its lines, if there are several, end with CRLF and begin with a blank.
    pub(super) value: String,
}

/// A name, which may be empty, and an address with its domain in ASCII.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Mailbox {
    pub(super) name: String,
    pub(super) address: String,
}

/// Reads as far as the header goes.
pub(super) async fn open(body: &Body) -> io::Result<(Header, Rest<'_>)> {
    let mut rest = Content::open(body).await?;
    let (mut read, mut piece) = (Vec::new(), Vec::new());
    let end = loop {
        rest.read(&mut piece).await?;
        if piece.is_empty() {
            break read.len();
        }
        let from = read.len().saturating_sub(3);
        read.extend_from_slice(&piece);
        if let Some(at) = end_of_header(&read, from) {
            break at;
        }
        if read.len() > LONGEST {
            return Err(io::Error::other("the header of the message is too large"));
        }
    };
    let begin = read.split_off(end);
    Ok((Header::parse(&read), Rest { begin, rest }))
}

impl Rest<'_> {
    /// The next bytes of the body; none at its end.
    pub(super) async fn read(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        if self.begin.is_empty() {
            return self.rest.read(piece).await;
        }
        *piece = std::mem::take(&mut self.begin);
        Ok(())
    }
}

/// Behind the empty line. A message may begin with it.
fn end_of_header(read: &[u8], from: usize) -> Option<usize> {
    if read.starts_with(b"\r\n") {
        return Some(2);
    }
    read[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4)
}

impl Header {
    /// What is no field is left out.
    pub(super) fn parse(header: &[u8]) -> Self {
        let text = String::from_utf8_lossy(header);
        let mut fields: Vec<Field> = Vec::new();
        for line in text.split("\r\n").flat_map(|line| line.split('\n')) {
            // A lone CR or another control character never stands in a line that is made of this.
            let line = line.replace(|c: char| c.is_control() && c != '\t', " ");
            match (line.starts_with([' ', '\t']), fields.last_mut()) {
                // A line of blanks alone would look like the end to some.
                (true, Some(field)) if !line.trim().is_empty() => {
                    field.value.push_str("\r\n");
                    field.value.push_str(&line);
                }
                (false, _) => {
                    let Some((name, value)) = line.split_once(':') else { continue };
                    let name = name.trim_end();
                    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) {
                        fields.push(Field { name: name.to_owned(), value: value.trim_start().to_owned() });
                    }
                }
                _ => {}
            }
        }
        Self(fields)
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }

    /// The first field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.is(name))
    }

    /// Everybody in a list of mailboxes, as far as they have addresses.
    pub(super) fn mailboxes(&self, name: &str) -> Vec<Mailbox> {
        let read = |list: Option<&Address<'_>>| -> Vec<Mailbox> {
            list.into_iter().flat_map(Address::iter).filter_map(Mailbox::of).collect()
        };
        self.lists(name, read).concat()
    }

    /// The same where it is certain that others read nobody else in it: `None` when there is nobody, a group, a name without a
    /// domain, or what is no address.
    pub(super) fn everybody(&self, name: &str) -> Option<Vec<Mailbox>> {
        let read = |list: Option<&Address<'_>>| -> Option<Vec<Mailbox>> {
            match list? {
                Address::List(list) => list.iter().map(Mailbox::of).collect(),
                Address::Group(_) => None,
            }
        };
        let lists: Option<Vec<_>> = self.lists(name, read).into_iter().collect();
        Some(lists?.concat()).filter(|everybody| !everybody.is_empty())
    }

    /// What is read in each field of this name.
    fn lists<T>(&self, name: &str, read: impl Fn(Option<&Address<'_>>) -> T) -> Vec<T> {
        let fields = self.0.iter().filter(|field| field.is(name));
        let read = |field: &Field| {
            // By the name of a field that it takes for a list of addresses.
            let text = format!("To: {}\r\n\r\n", field.value);
            let parsed = MessageParser::new().with_address_headers().parse_headers(text.as_bytes());
            read(parsed.as_ref().and_then(|message| message.to()))
        };
        fields.map(read).collect()
    }
}

impl Mailbox {
    /// `None`: it has no usable address.
    fn of(member: &Addr<'_>) -> Option<Self> {
        let address = parse_addr_spec(member.address.as_deref()?).ok()?.to_string();
        Some(Self { name: member.name.as_deref().unwrap_or_default().to_owned(), address })
    }
}

impl Field {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// In one line.
    pub(super) fn unfolded(&self) -> String {
        self.value.replace("\r\n", "")
    }

    /// As people read it.
    pub(super) fn decoded(&self) -> String {
        let text = format!("Subject: {}\r\n\r\n", self.value);
        let parsed = MessageParser::new().default_header_text().parse_headers(text.as_bytes());
        parsed.and_then(|message| message.subject().map(str::to_owned)).unwrap_or_else(|| self.unfolded())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a7_a_message_is_opened_behind_its_header() {
        let body = Body::Inline(b"To: a@b\r\nSubject: one\r\n two\r\n\r\n.body\r\n\r\n".to_vec());
        let (header, mut opened) = open(&body).await.unwrap();
        assert_eq!(header.get("subject").unwrap().value, "one\r\n two");
        let (mut whole, mut piece) = (Vec::new(), Vec::new());
        loop {
            opened.read(&mut piece).await.unwrap();
            if piece.is_empty() {
                break;
            }
            whole.extend_from_slice(&piece);
        }
        assert_eq!(whole, b".body\r\n\r\n");
    }

    #[test]
    fn a7_names_and_addresses_are_read_as_people_mean_them() {
        let header = Header::parse(
            "To: =?utf-8?b?0J/RkdGC0YA=?= <petr@пример.рф>,\r\n \"Lee, Ann\" <ann@example.com>, group: c@d.test;\r\nTO: e@f.test\r\nSubject: =?utf-8?b?0KTQsNC6?=\r\n =?utf-8?b?0YE=?=\r\n".as_bytes(),
        );
        let names: Vec<_> = header.mailboxes("to").into_iter().map(|one| (one.name, one.address)).collect();
        let expected = [
            ("Пётр", "petr@xn--e1afmkfd.xn--p1ai"),
            ("Lee, Ann", "ann@example.com"),
            ("", "c@d.test"),
            ("", "e@f.test"),
        ];
        assert_eq!(names, expected.map(|(name, address)| (name.to_owned(), address.to_owned())));
        assert_eq!(header.get("subject").unwrap().decoded(), "Факс");
    }

    proptest! {
        #[test]
        fn h6_any_bytes_make_fields_that_stay_within_their_lines(bytes in prop::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b' '), Just(b'<'), Just(b'a'), any::<u8>()], 0..200)
        ) {
            let header = Header::parse(&bytes);
            for field in header.fields() {
                prop_assert!(field.name.bytes().all(|byte| byte.is_ascii_graphic()));
                for (number, line) in field.value.split("\r\n").enumerate() {
                    prop_assert!(number == 0 || line.starts_with([' ', '\t']) && !line.trim().is_empty());
                    prop_assert!(!line.contains(|c: char| c.is_control() && c != '\t'));
                }
                let _ = field.decoded();
            }
            for name in ["to", "a", "from"] {
                for mailbox in header.mailboxes(name) {
                    prop_assert!(!mailbox.address.contains(char::is_control));
                }
                if let Some(everybody) = header.everybody(name) {
                    prop_assert_eq!(everybody, header.mailboxes(name));
                }
            }
        }
    }
}
