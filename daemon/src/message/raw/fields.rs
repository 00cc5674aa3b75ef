//! Header fields as they come from anywhere, bounded, and made into ones that every server takes: 7-bit, in lines of at
//! most 998 octets, without control characters.

use std::io::Read;

use lettre::message::header::{HeaderName, Headers};

use super::RawError;
use super::addresses;
use super::lines::{End, Lines};
use crate::message::headers::{encoded_words, mailboxes, unstructured};

/// Octets of one header. More is no mail's, and all of it is held in memory.
const MAX_HEADER: usize = 128 * 1024;
/// Fields of one header.
const MAX_FIELDS: usize = 1000;
/// Octets of a line (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;
/// Words of fields may have a structure that encoding would destroy: they are left alone as long as a line holds them.
const MAX_WORD: usize = 900;
/// Where lines are folded that are too long.
const FOLD: usize = 78;

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// After the colon, with its line breaks as CRLF; no control character else, no blank line.
    value: Vec<u8>,
}

/// A header.
#[derive(Clone, Debug, Default)]
pub(super) struct Header {
    pub(super) fields: Vec<Field>,
    /// Something had to be taken out while it was read.
    cleaned: bool,
}

impl Header {
    /// Reads as far as the empty line, or as there are fields: what is none begins the body, as sendmail has it. `stops`
    /// says whether a line is the end in any case.
    pub(super) fn read<R: Read>(
        lines: &mut Lines<R>,
        stops: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, RawError> {
        let mut header = Self::default();
        let mut octets = 0;
        while let Some(mut part) = lines.next()? {
            if part.text.is_empty() && part.begins && part.end != End::Cut {
                break;
            }
            let is_fold = matches!(part.text.first(), Some(b' ' | b'\t')) && !header.fields.is_empty();
            // The separator of mailbox files, which old programs write first.
            if octets == 0 && part.text.starts_with(b"From ") && part.text.contains(&b':') {
                (octets, header.cleaned) = (part.text.len(), true);
                // All of it: the rest of a long one is no field.
                while part.end == End::Cut {
                    match lines.next()? {
                        Some(next) if !next.begins => part = next,
                        Some(next) => {
                            lines.give_back(next);
                            break;
                        }
                        None => break,
                    }
                }
                continue;
            }
            if part.begins && !is_fold && (stops(&part.text) || name(&part.text).is_none()) {
                lines.give_back(part);
                break;
            }
            octets += part.text.len() + 2;
            if octets > MAX_HEADER || header.fields.len() >= MAX_FIELDS {
                let text = format!("the header has more than {MAX_HEADER} octets or {MAX_FIELDS} fields");
                return Err(RawError::invalid("header", text));
            }
            // NUL and its like are in no field that is right, and end it for some readers.
            for byte in part.text.iter_mut().filter(|byte| byte.is_ascii_control() && **byte != b'\t') {
                (*byte, header.cleaned) = (b' ', true);
            }
            header.cleaned |= part.text.ends_with(b" ") || part.text.ends_with(b"\t");
            match header.fields.last_mut() {
                Some(field) if !part.begins => field.value.extend_from_slice(&part.text),
                Some(field) if is_fold => field.go_on(&part.text),
                _ => {
                    let (name, after) = name(&part.text).unwrap_or_default();
                    let value = part.text.get(after..).unwrap_or_default().to_vec();
                    header.fields.push(Field { name, value });
                }
            }
        }
        for field in &mut header.fields {
            field.trim_end();
        }
        Ok(header)
    }

    /// It can go out as it came.
    pub(super) fn is_fit(&self) -> bool {
        !self.cleaned && self.fields.iter().all(Field::is_fit)
    }

    /// The first of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.is(name))
    }

    /// All of this name, their values as one list; empty ones add nothing to it.
    pub(super) fn list(&self, name: &str) -> Option<String> {
        let values = self.fields.iter().filter(|field| field.is(name)).map(Field::text);
        let values = values.filter(|text| !text.is_empty()).collect::<Vec<_>>();
        self.get(name).map(|_| values.join(", "))
    }
}

impl Field {
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: format!(" {value}").into_bytes() }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value in one line, as text: what is no UTF-8 is taken for Latin-1.
    pub(super) fn text(&self) -> String {
        let bytes: Vec<u8> = self.value.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
        };
        // C1 controls are as little wanted as C0.
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
    }

    fn go_on(&mut self, line: &[u8]) {
        self.trim_end();
        // A line of blanks only would be taken for the end of the header by some.
        if !line.trim_ascii().is_empty() {
            self.value.extend_from_slice(b"\r\n");
            self.value.extend_from_slice(line);
        }
    }

    fn trim_end(&mut self) {
        let length = self.value.trim_ascii_end().len();
        self.value.truncate(length);
    }

    /// It can go out as it is.
    fn is_fit(&self) -> bool {
        let mut lines = self.value.split(|byte| *byte == b'\n');
        let first = self.name.len() + 1;
        self.value.is_ascii()
            && lines.next().is_none_or(|line| first + line.len() <= MAX_LINE)
            && lines.all(|line| line.len() <= MAX_LINE)
    }

    /// Writes it, with its CRLF.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), RawError> {
        if self.is_fit() {
            out.extend_from_slice(self.name.as_bytes());
            out.push(b':');
            if !matches!(self.value.first(), None | Some(b' ' | b'\t' | b'\r')) {
                out.push(b' ');
            }
            out.extend_from_slice(&self.value);
            out.extend_from_slice(b"\r\n");
            return Ok(());
        }
        let text = self.text();
        if text.is_empty() {
            // It was nothing but control characters. A blank after the colon would be the end of its line.
            out.extend_from_slice(format!("{}:\r\n", self.name).as_bytes());
            return Ok(());
        }
        let lower = self.name.to_ascii_lowercase();
        let too_long =
            || RawError::invalid("header", format!("{} has a word that no line can hold", self.name));
        let name = HeaderName::new_from_ascii(self.name.clone()).map_err(|_| too_long())?;
        let is_list = addresses::FIELDS.contains(&lower.as_str());
        let list = if is_list { addresses::mailboxes(&text) } else { None };
        let value = match list {
            Some(list) => mailboxes(name, &list),
            None if lower.starts_with("content-") || (is_list && text.is_ascii()) => {
                let value = if text.is_ascii() { text } else { encoded_parameters(&text) };
                let lines = fold(&value, self.name.len() + 2).ok_or_else(too_long)?;
                out.extend_from_slice(format!("{}: {lines}\r\n", self.name).as_bytes());
                return Ok(());
            }
            None => unstructured(name, &text, MAX_WORD),
        };
        let mut headers = Headers::new();
        headers.insert_raw(value);
        out.extend_from_slice(headers.to_string().as_bytes());
        Ok(())
    }
}

/// Name of the field that a line begins, and where its value does.
fn name(line: &[u8]) -> Option<(String, usize)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let good = !name.is_empty() && name.len() <= 76 && name.iter().all(u8::is_ascii_graphic);
    good.then(|| (String::from_utf8_lossy(name).into_owned(), colon + 1))
}

/// Words that are not ASCII as encoded-words, in quotes where they are values of parameters. No standard allows that; all
/// readers know it, and what came was allowed even less.
fn encoded_parameters(text: &str) -> String {
    let part = |part: &str| {
        if part.is_ascii() {
            return part.trim().to_owned();
        }
        match part.split_once('=') {
            Some((name, value)) if name.is_ascii() => {
                let value = value.trim().trim_matches('"').replace("\\\"", "\"");
                format!("{}=\"{}\"", name.trim(), encoded_words(&value, name.len() + 4))
            }
            _ => encoded_words(part.trim(), 0),
        }
    };
    split(text, ';').into_iter().map(part).collect::<Vec<_>>().join("; ")
}

/// The parts between separators that stand outside quotes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// ASCII in lines; `None`: a word is too long for any. `taken`: octets on the first line before it.
fn fold(text: &str, taken: usize) -> Option<String> {
    let (mut out, mut column) = (String::new(), taken);
    for line in text.split("\r\n ") {
        if !out.is_empty() {
            out.push_str("\r\n ");
            column = 1;
        }
        for (n, word) in line.split(' ').filter(|word| !word.is_empty()).enumerate() {
            if word.len() > MAX_WORD {
                return None;
            }
            if n > 0 {
                let breaks = column + 1 + word.len() > FOLD;
                out.push_str(if breaks { "\r\n " } else { " " });
                column = if breaks { 1 } else { column + 1 };
            }
            out.push_str(word);
            column += word.len();
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<(Header, Vec<u8>), RawError> {
        let mut lines = Lines::new(text);
        let header = Header::read(&mut lines, |_| false)?;
        let mut rest = Vec::new();
        while let Some(part) = lines.next()? {
            rest.extend_from_slice(&part.text);
            rest.extend_from_slice(part.end.bytes());
        }
        Ok((header, rest))
    }

    fn written(header: &Header) -> String {
        let mut out = Vec::new();
        header.fields.iter().for_each(|field| field.write(&mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn f4_a_header_ends_where_sendmail_ends_it() {
        let (header, rest) = read(b"A: 1\n two\n \t \n three\nB : 4 \n\nbody: x\n").unwrap();
        assert_eq!(written(&header), "A: 1\r\n two\r\n three\r\nB: 4\r\n");
        assert_eq!(rest, b"body: x\n");
        for (text, fields, body) in [
            ("hello\nworld: x\n", 0, "hello\nworld: x\n"),
            ("A: 1\nhello, world\n", 1, "hello, world\n"),
            (" A: 1\n", 0, " A: 1\n"),
            ("\nA: 1\n", 0, "A: 1\n"),
            ("A:1", 1, ""),
        ] {
            let (header, rest) = read(text.as_bytes()).unwrap();
            assert_eq!((header.fields.len(), &*rest), (fields, body.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn f4_raw_8_bit_becomes_encoded_words() {
        let text = "To: \"Отдел, продаж\" <a@b.example>, c@d.example\n\
                    Content-Disposition: attachment; filename=\"Факс 1.tif\"; size=3\nSubject: Получен факс\n";
        let (header, _) = read(text.as_bytes()).unwrap();
        let written = written(&header);
        let structured = "To: =?utf-8?b?0J7RgtC00LXQuywg0L/RgNC+0LTQsNC2?= <a@b.example>,\r\n c@d.example\r\n\
             Content-Disposition: attachment; filename=\"=?utf-8?b?0KTQsNC60YEgMS50aWY=?=\";\r\n size=3\r\n\
             Subject: ";
        let subject = written.strip_prefix(structured).unwrap_or_else(|| panic!("{written}"));
        assert!(subject.is_ascii());
        let subject = subject.replace("\r\n ", " ");
        assert_eq!(crate::message::raw::encode::decoded(subject.trim_end()), "Получен факс");
    }

    #[test]
    fn f4_a_mailbox_separator_is_no_field_however_long_it_is() {
        for length in [80, 4080, 4096, 4097, 10_000] {
            let line = format!("From root 17:00{}", "Bcc: x@y.test".repeat(length / 13 + 1));
            let (header, rest) = read(format!("{}\nA: 1\n\nbody\n", &line[..length]).as_bytes()).unwrap();
            assert_eq!(written(&header), "A: 1\r\n", "{length}");
            assert_eq!(rest, b"body\n");
        }
        assert_eq!(read(&[&b"From x:"[..], &[b'y'; 9000]].concat()).unwrap().0.fields, []);
    }

    #[test]
    fn h5_a_header_has_bounds() {
        assert!(read(&b"X: y\n".repeat(1001)).is_err());
        assert!(read(&[&b"X: "[..], &[b'x'; MAX_HEADER]].concat()).is_err());
        let word = [&b"References: "[..], &[b'x'; 1000], b"\n"].concat();
        let (header, _) = read(&word).unwrap();
        assert!(written(&header).lines().all(|line| line.len() <= 998));
    }

    proptest! {
        #[test]
        fn f4_any_field_is_written_as_lines_that_every_server_takes(
            value in "[ -~\u{0}-\u{1f}а-яé\u{80}-\u{9f}]{0,80}", times in 1_usize..40,
            name in "(Subject|To|X-Y|Content-Type|Content-Disposition|Received)", junk in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut text = format!("{name}: {}", value.repeat(times)).into_bytes();
            text.extend(junk);
            if let Ok((header, _)) = read(&text) {
                let mut out = Vec::new();
                if header.fields.iter().all(|field| field.write(&mut out).is_ok()) && !out.is_empty() {
                    prop_assert!(out.ends_with(b"\r\n") && out.is_ascii());
                    let text = String::from_utf8(out).unwrap();
                    for line in text.trim_end_matches("\r\n").split("\r\n") {
                        prop_assert!(line.len() <= 998 && !line.chars().any(|c| c.is_control() && c != '\t'), "{line:?}");
                        prop_assert!(!line.trim().is_empty());
                    }
                    // What was one field stays one: no line begins another.
                    let again = read(text.as_bytes()).unwrap().0;
                    prop_assert_eq!(again.fields.len(), header.fields.len(), "{}", text);
                }
            }
        }
    }
}
