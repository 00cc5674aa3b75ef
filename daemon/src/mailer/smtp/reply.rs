//! Replies (RFC 5321 section 4.2), put together line by line from whatever a server sends.
//!
//! lettre's parser wants the whole reply as one `str`, and begins anew with every line that arrives; this one takes
//! bytes, keeps to limits, and cleans the text of control characters before anybody shows it.

use super::transcript::printable;
use crate::mailer::Reply;

/// Octets of a reply line with its line end. RFC 5321 says 512; servers put policies and addresses into it.
pub(super) const LONGEST_LINE: usize = 4096;

/// Lines of one reply. The longest EHLO answers have about 20, some banners 50.
const MOST_LINES: usize = 128;

/// Why what came is no reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Does not begin with three digits and a space or hyphen.
    NotAReply,
    /// The lines of one reply have different codes.
    CodeChanged,
    /// More than [`MOST_LINES`].
    TooManyLines,
}

/// A reply as far as it has come.
#[derive(Default)]
pub(super) struct Parser {
    code: Option<u16>,
    lines: Vec<String>,
}

impl Parser {
    /// Takes a line without its line end; gives the reply with its last line.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<Option<Reply>, Malformed> {
        let (code, last, text) = split(line).ok_or(Malformed::NotAReply)?;
        if *self.code.get_or_insert(code) != code {
            return Err(Malformed::CodeChanged);
        }
        if self.lines.len() == MOST_LINES {
            return Err(Malformed::TooManyLines);
        }
        self.lines.push(printable(&String::from_utf8_lossy(text)));
        Ok(last.then(|| {
            let lines = std::mem::take(&mut self.lines);
            self.code = None;
            Reply { code, enhanced: enhanced(code, &lines[0]), lines }
        }))
    }
}

impl Reply {
    /// An answer as another program tells it.
    pub(in crate::mailer) fn retold(code: u16, lines: &[String]) -> Self {
        let lines: Vec<String> = lines.iter().take(MOST_LINES).map(|line| printable(line)).collect();
        let enhanced = lines.first().and_then(|line| enhanced(code, line));
        Self { code, enhanced, lines }
    }
}

/// Code, whether it is the last line, and the text. "250" alone is a last line, too: section 4.2 asks clients for that.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// The code of RFC 3463 at the beginning of the text, if its class agrees with the reply's (RFC 2034 section 4).
fn enhanced(code: u16, text: &str) -> Option<String> {
    let word = text.split_ascii_whitespace().next()?;
    let parts: Vec<&str> = word.split('.').collect();
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let well_formed = parts.len() == 3 && parts.iter().all(number) && parts[0] == (code / 100).to_string();
    well_formed.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::fuzz;
    use crate::mailer::smtp::capabilities::Capabilities;

    fn parse(lines: &[&[u8]]) -> Result<Option<Reply>, Malformed> {
        let mut parser = Parser::default();
        let mut result = Ok(None);
        for line in lines {
            result = parser.push(line);
        }
        result
    }

    #[test]
    fn a_reply_of_several_lines_is_one_reply() {
        let reply = parse(&[b"535-5.7.8 Username and Password not accepted.", b"535 5.7.8  https://support"])
            .unwrap()
            .unwrap();
        assert_eq!((reply.code, reply.enhanced.as_deref()), (535, Some("5.7.8")));
        assert_eq!(reply.lines, ["5.7.8 Username and Password not accepted.", "5.7.8  https://support"]);
        assert_eq!(parse(&[b"250"]).unwrap().unwrap().lines, [""]);
    }

    #[test]
    fn an_enhanced_code_agrees_with_the_code() {
        assert_eq!(parse(&[b"550 4.7.1 strange"]).unwrap().unwrap().enhanced, None);
        assert_eq!(parse(&[b"250 1.2.3.4 greets you"]).unwrap().unwrap().enhanced, None);
        assert_eq!(parse(&[b"535 5.7.139 off"]).unwrap().unwrap().enhanced.as_deref(), Some("5.7.139"));
    }

    #[test]
    fn what_is_no_reply_is_told_apart() {
        assert_eq!(parse(&[b"SSH-2.0-OpenSSH_9.6"]), Err(Malformed::NotAReply));
        assert_eq!(parse(&[b"HTTP/1.1 400 Bad Request"]), Err(Malformed::NotAReply));
        assert_eq!(parse(&[b"220x"]), Err(Malformed::NotAReply));
        assert_eq!(parse(&[b"220-a", b"250 b"]), Err(Malformed::CodeChanged));
        assert_eq!(parse(&[b"220-x".as_slice(); MOST_LINES + 1]), Err(Malformed::TooManyLines));
    }

    /// What a server might say, more and less wrong.
    fn said() -> impl Strategy<Value = Vec<u8>> {
        let garbage = prop::collection::vec(any::<u8>(), 0..300);
        let tail = prop_oneof!["[ -~]{0,60}".prop_map(String::into_bytes), garbage.clone()];
        let near = ("[1-6][0-9]{1,3}", "[ -]?", "([245]\\.[0-9]{1,4}\\.[0-9]{1,4})?", tail).prop_map(
            |(code, separator, enhanced, tail)| {
                [format!("{code}{separator}{enhanced}").into_bytes(), tail].concat()
            },
        );
        let word =
            "(250|334)[ -](SIZE|AUTH|DSN|8BITMIME|CHUNKING)[ =]?[ -~]{0,40}".prop_map(String::into_bytes);
        prop_oneof![garbage, near, word]
    }

    #[test]
    fn fuzz_replies() {
        let lines = prop::collection::vec(said(), 1..150);
        fuzz("replies of servers", &lines, |lines| {
            let mut parser = Parser::default();
            for line in &lines {
                match parser.push(line) {
                    Ok(Some(reply)) => {
                        prop_assert!((200..600).contains(&reply.code) && !reply.lines.is_empty());
                        prop_assert!(reply.lines.len() <= MOST_LINES);
                        let shown = reply.to_string() + &reply.in_one_line();
                        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{:?}", shown);
                        let class = (reply.code / 100).to_string();
                        prop_assert!(reply.enhanced.is_none_or(|code| code.starts_with(&class)));
                    }
                    Ok(None) => prop_assert!(parser.lines.len() <= MOST_LINES),
                    Err(_) => parser = Parser::default(),
                }
            }
            let shown = lines.iter().map(|line| printable(&String::from_utf8_lossy(line))).collect();
            let _ = Capabilities::parse(&Reply { code: 250, enhanced: None, lines: shown });
            Ok(())
        });
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_and_never_shown_raw(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20)
        ) {
            let mut parser = Parser::default();
            for line in &lines {
                if let Ok(Some(reply)) = parser.push(line) {
                    prop_assert!((200..600).contains(&reply.code));
                    prop_assert!(!reply.to_string().chars().any(|c| c.is_control() && c != '\n'));
                }
            }
        }

        #[test]
        fn what_a_server_means_is_what_is_read(
            code in 200_u16..600, texts in prop::collection::vec("[ -~]{0,80}", 1..MOST_LINES)
        ) {
            let mut parser = Parser::default();
            let (last, before) = texts.split_last().unwrap();
            for text in before {
                prop_assert_eq!(parser.push(format!("{code}-{text}").as_bytes()), Ok(None));
            }
            let reply = parser.push(format!("{code} {last}").as_bytes()).unwrap().unwrap();
            prop_assert_eq!(reply.code, code);
            prop_assert_eq!(reply.lines, texts);
        }
    }
}
