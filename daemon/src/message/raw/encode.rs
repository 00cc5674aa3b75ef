//! The encodings of RFC 2045, over pieces of any size: for what would not survive its way as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::message::attachment::{LINE_BYTES, encode_lines};

/// RFC 2045 section 6.7: at most 76 characters in a line, one of them the = of a soft break.
const LONGEST: usize = 75;

/// Encodes what it is given, line by line.
pub(super) enum Encoder {
    /// NUL is left out: it is forbidden everywhere.
    AsItIs,
    Quoted(Quoted),
    Base64(Base64),
    /// Of what is base64 already: its alphabet, in lines that are right.
    Base64Again(Vec<u8>),
}

impl Encoder {
    /// A part of a line.
    pub(super) fn text(&mut self, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::AsItIs => out.extend(text.iter().filter(|byte| **byte != 0)),
            Self::Quoted(quoted) => text.iter().for_each(|byte| quoted.byte(*byte, out)),
            Self::Base64(base64) => base64.push(text, out),
            Self::Base64Again(line) => {
                let is_of_it = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
                for byte in text.iter().filter(is_of_it) {
                    if line.len() == 76 {
                        out.append(line);
                        out.extend_from_slice(b"\r\n");
                    }
                    line.push(*byte);
                }
            }
        }
    }

    /// The end of a line, `raw` as it came.
    pub(super) fn line_end(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::AsItIs => out.extend_from_slice(b"\r\n"),
            Self::Quoted(quoted) => quoted.line_end(out),
            Self::Base64(base64) => {
                let end = if base64.binary { raw } else { b"\r\n" };
                base64.push(end, out);
            }
            Self::Base64Again(_) => {}
        }
    }

    /// The end of all, without a line end of its own.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::AsItIs => {}
            Self::Quoted(quoted) => quoted.blank_at_end(out),
            Self::Base64(base64) => base64.finish(out),
            Self::Base64Again(line) => out.append(line),
        }
    }
}

/// Quoted-printable.
#[derive(Default)]
pub(super) struct Quoted {
    /// It is quoted-printable already, and only made right: its = stays.
    again: bool,
    column: usize,
    /// Octets of an escape that must not be cut.
    escape: usize,
    /// A blank is encoded if it turns out to be the last of its line.
    blank: Option<u8>,
}

impl Quoted {
    pub(super) fn again() -> Self {
        Self { again: true, ..Self::default() }
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if let Some(blank) = self.blank.take() {
            self.token(&[blank], out);
        }
        if matches!(byte, b' ' | b'\t') {
            self.blank = Some(byte);
        } else if byte == b'=' && self.again {
            // It and the two after it are one.
            if self.column + 3 > LONGEST {
                self.soft_break(out);
            }
            out.push(b'=');
            (self.column, self.escape) = (self.column + 1, 2);
        } else if (byte.is_ascii_graphic() && byte != b'=')
            && !(self.begins_a_line() && matches!(byte, b'F' | b'.' | b'-'))
        {
            self.token(&[byte], out);
        } else {
            // "From ", a dot and what could be taken for a boundary at the beginning of a line are encoded, too.
            self.token(format!("={byte:02X}").as_bytes(), out);
        }
    }

    /// The next octet stands at the beginning of a line, of a new one perhaps.
    fn begins_a_line(&self) -> bool {
        self.column == 0 || self.escape == 0 && self.column == LONGEST
    }

    fn token(&mut self, token: &[u8], out: &mut Vec<u8>) {
        if self.escape == 0 && self.column + token.len() > LONGEST {
            self.soft_break(out);
        }
        self.escape = self.escape.saturating_sub(1);
        out.extend_from_slice(token);
        self.column += token.len();
    }

    fn soft_break(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"=\r\n");
        self.column = 0;
    }

    fn line_end(&mut self, out: &mut Vec<u8>) {
        self.blank_at_end(out);
        (self.column, self.escape) = (0, 0);
        out.extend_from_slice(b"\r\n");
    }

    fn blank_at_end(&mut self, out: &mut Vec<u8>) {
        // RFC 2045 section 6.7 (3): at the end of a line of quoted-printable a blank was added on the way.
        if let Some(blank) = self.blank.take().filter(|_| !self.again) {
            self.token(format!("={blank:02X}").as_bytes(), out);
        }
    }
}

/// Base64.
pub(super) struct Base64 {
    /// Line ends are bytes like others.
    binary: bool,
    /// What does not fill a line yet.
    rest: Vec<u8>,
    begun: bool,
}

impl Base64 {
    pub(super) fn new(binary: bool) -> Self {
        Self { binary, rest: Vec::with_capacity(2 * LINE_BYTES), begun: false }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / LINE_BYTES * LINE_BYTES;
        if whole > 0 {
            self.lines(whole, out);
        }
    }

    fn lines(&mut self, count: usize, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(b"\r\n");
        }
        encode_lines(&self.rest[..count], out);
        self.rest.drain(..count);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let count = self.rest.len();
        if count > 0 {
            self.lines(count, out);
        }
    }
}

/// The text of encoded-words (RFC 2047) in UTF-8, ASCII or Latin-1; others stay as they are. For people only: nothing
/// is decided by it.
pub(super) fn decoded(text: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), text, false);
    while let Some(at) = rest.find("=?") {
        let (before, word) = rest.split_at(at);
        // Blanks between two of them belong to neither.
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        match one_word(word) {
            Some((decoded, length)) => {
                out.push_str(&decoded);
                (rest, after_word) = (&word[length..], true);
            }
            None => {
                out.push_str("=?");
                (rest, after_word) = (&word[2..], false);
            }
        }
    }
    out + rest
}

fn one_word(text: &str) -> Option<(String, usize)> {
    let (charset, after) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, after) = after.split_once('?')?;
    // No ? is in the data: so each of them is passed a few times at most, whatever there are and however they stand.
    let (data, _) = after.split_once('?').filter(|(_, after)| after.starts_with('='))?;
    let bytes = match encoding {
        "b" | "B" => STANDARD.decode(data).ok()?,
        "q" | "Q" => unquoted(data)?,
        _ => return None,
    };
    let decoded = match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok()?,
        "iso-8859-1" => bytes.into_iter().map(char::from).collect(),
        _ => return None,
    };
    let length = "=?".len() + charset.len() + 1 + encoding.len() + 1 + data.len() + "?=".len();
    Some((decoded.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(), length))
}

fn unquoted(data: &str) -> Option<Vec<u8>> {
    let (mut out, mut bytes) = (Vec::new(), data.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'_' => b' ',
            b'=' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(mut encoder: Encoder, lines: &[Vec<u8>], cut: usize) -> String {
        let mut out = Vec::new();
        for line in lines {
            line.chunks(cut).for_each(|part| encoder.text(part, &mut out));
            encoder.line_end(b"\n", &mut out);
        }
        encoder.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// By an independent reader.
    fn read(encoding: &str, body: &str) -> Vec<u8> {
        let message = format!(
            "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"
        );
        mail_parser::MessageParser::new()
            .parse(message.as_bytes())
            .unwrap()
            .part(0)
            .unwrap()
            .contents()
            .to_vec()
    }

    #[test]
    fn f4_words_of_headers_are_read_for_people() {
        assert_eq!(decoded("=?utf-8?b?0KTQsNC60YE=?= =?UTF-8?Q?_=E2=84=96_7?= x"), "Факс № 7 x");
        for same in ["=?koi8-r?b?4Q==?=", "=?", "=?utf-8?b?!?=", "a =?x?q?b", "plain"] {
            assert_eq!(decoded(same), same);
        }
    }

    #[test]
    fn h5_words_that_never_end_take_no_time() {
        // Read to the end for each of them, these would take hours.
        for word in ["=?a?q?", "=?", "=?a?", "=?utf-8?q?=3F"] {
            let text = word.repeat(2_000_000 / word.len());
            assert_eq!(decoded(&text), text);
            // The end is that of the last one at most.
            assert!(decoded(&format!("{text}?=")).len() >= text.len() - word.len());
        }
    }

    proptest! {
        #[test]
        fn f4_quoted_printable_says_what_it_was_given(
            lines in prop::collection::vec(prop_oneof![
                prop::collection::vec(prop::sample::select(b"From .-=ab \t\xd0\0".to_vec()), 0..200),
                prop::collection::vec(any::<u8>().prop_filter("no line end", |byte| !b"\r\n".contains(byte)), 0..200)
            ], 0..5),
            cut in 1_usize..50,
        ) {
            let text = encoded(Encoder::Quoted(Quoted::default()), &lines, cut);
            for line in text.split("\r\n") {
                prop_assert!(line.len() <= 76 && line.is_ascii() && !line.ends_with([' ', '\t']) && !line.starts_with("From "));
            }
            let given: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\r\n"[..]].concat()).collect();
            prop_assert!(read("quoted-printable", &text) == given);
            // And once more over it: it says the same.
            let again: Vec<_> = text.split("\r\n").map(|line| line.as_bytes().to_vec()).collect();
            let again = encoded(Encoder::Quoted(Quoted::again()), &again[..again.len() - 1], cut);
            prop_assert!(read("quoted-printable", &again) == given);
        }

        #[test]
        fn f4_base64_says_what_it_was_given(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5), cut in 1_usize..50,
            binary: bool,
        ) {
            let text = encoded(Encoder::Base64(Base64::new(binary)), &lines, cut);
            prop_assert!(text.split("\r\n").all(|line| line.len() <= 76));
            let end = if binary { &b"\n"[..] } else { b"\r\n" };
            let given: Vec<u8> = lines.iter().flat_map(|line| [line, end].concat()).collect();
            prop_assert!(read("base64", &text) == given);
            let long = text.replace("\r\n", " \0");
            let again = encoded(Encoder::Base64Again(Vec::new()), &[long.into_bytes()], cut);
            prop_assert_eq!(again, text);
        }
    }
}
