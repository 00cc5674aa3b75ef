//! The transcript of a session: both directions with their times, without secrets and without the content.
//!
//! A secret leaves us in AUTH only, and there the line is written down as `***` to begin with. What remains is a
//! server that repeats it: so everything that a server says after that goes through [`Recorder::scrub`].

use std::collections::VecDeque;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::certs::dangerous;
use crate::mailer::Transcript;

/// Bytes kept of a session's beginning, and of its end: a session with a thousand recipients is told by both.
const HEAD: usize = 48 * 1024;
const TAIL: usize = 16 * 1024;

/// Base64 characters by which a secret is recognised inside another text. Fewer would match by chance.
const SHORTEST_TRACE: usize = 6;

/// Writes a session down.
pub(in crate::mailer) struct Recorder {
    start: Instant,
    head: String,
    tail: VecDeque<String>,
    tail_size: usize,
    left_out: usize,
    traces: Vec<Zeroizing<String>>,
    hides_challenges: bool,
}

impl Recorder {
    pub(in crate::mailer) fn new() -> Self {
        Self {
            start: Instant::now(),
            head: String::new(),
            tail: VecDeque::new(),
            tail_size: 0,
            left_out: 0,
            traces: Vec::new(),
            hides_challenges: false,
        }
    }

    /// What we say.
    pub(super) fn client(&mut self, line: &str) {
        self.add('C', line);
    }

    /// What the server says, as it came.
    pub(super) fn server(&mut self, line: &[u8]) {
        let text = match line.split_at_checked(4) {
            Some((b"334 " | b"334-", text)) if self.hides_challenges && !text.is_empty() => {
                "334 ***".to_owned()
            }
            _ => self.scrub(&String::from_utf8_lossy(line)),
        };
        self.add('S', &text);
    }

    /// What happens besides.
    pub(in crate::mailer) fn remark(&mut self, text: &str) {
        self.add('*', text);
    }

    /// From now on, this is blotted out of what the server says, as it is and in base64, also as part of something
    /// longer.
    pub(in crate::mailer) fn hide(&mut self, secret: &str) {
        let mut traces = vec![Zeroizing::new(secret.to_owned()), Zeroizing::new(STANDARD.encode(secret))];
        traces
            .extend((0..3).map(|offset| base64_trace(secret, offset)).filter(|t| t.len() >= SHORTEST_TRACE));
        self.traces.extend(traces);
        self.sort();
    }

    /// Whether challenges are left out: with ours, the server's part of a proof is enough to try passwords against.
    pub(super) fn hide_challenges(&mut self, hides: bool) {
        self.hides_challenges = hides;
    }

    /// As [`Self::hide`], for what was sent as it is.
    pub(super) fn hide_exactly(&mut self, text: &str) {
        // "=" stands for an empty answer, and in every second line.
        if text != "=" {
            self.traces.push(Zeroizing::new(text.to_owned()));
            self.sort();
        }
    }

    fn sort(&mut self) {
        self.traces.retain(|trace| !trace.is_empty());
        // The longest first: a part of it must not leave the rest behind.
        self.traces.sort_by_key(|trace| std::cmp::Reverse(trace.len()));
    }

    /// The text without what is hidden.
    pub(in crate::mailer) fn scrub(&self, text: &str) -> String {
        self.traces.iter().fold(text.to_owned(), |text, trace| text.replace(trace.as_str(), "***"))
    }

    pub(in crate::mailer) fn finish(mut self) -> Transcript {
        self.take()
    }

    /// What was written so far; the next is that of another session on the same connection, where the same is hidden.
    pub(super) fn take(&mut self) -> Transcript {
        let mut text = std::mem::take(&mut self.head);
        if self.left_out > 0 {
            text.push_str(&format!("       * [{} lines left out]\n", self.left_out));
        }
        text.extend(std::mem::take(&mut self.tail));
        let truncated = std::mem::take(&mut self.left_out) > 0;
        self.tail_size = 0;
        Transcript { text, truncated }
    }

    /// Times are told from now on.
    pub(super) fn restart(&mut self) {
        self.start = Instant::now();
    }

    fn add(&mut self, who: char, text: &str) {
        let line = format!("{:>6} {who}: {}\n", self.start.elapsed().as_millis(), printable(text));
        if self.tail.is_empty() && self.head.len() + line.len() <= HEAD {
            self.head.push_str(&line);
            return;
        }
        self.tail_size += line.len();
        self.tail.push_back(line);
        while self.tail_size > TAIL
            && let Some(dropped) = self.tail.pop_front()
        {
            self.tail_size -= dropped.len();
            self.left_out += 1;
        }
    }
}

/// The characters that `secret` is sure to become in base64 when `offset` bytes (modulo 3) stand before it: those at
/// the borders depend on its neighbours, and are left away.
fn base64_trace(secret: &str, offset: usize) -> Zeroizing<String> {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(secret.as_bytes());
    let encoded = Zeroizing::new(STANDARD.encode(&*padded));
    let first = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    Zeroizing::new(encoded.get(first..end).unwrap_or_default().to_owned())
}

/// Nothing that could steer a terminal, hide text or forge a line of a log: control characters, line separators and
/// direction marks are escaped.
pub(super) fn printable(text: &str) -> String {
    if !text.contains(dangerous) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 16), |mut clean, c| {
        if dangerous(c) {
            clean.extend(c.escape_default())
        } else {
            clean.push(c)
        }
        clean
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::fuzz;

    #[test]
    fn e2_control_characters_are_escaped() {
        let mut recorder = Recorder::new();
        recorder.server(b"250 \x1b[31mred\x07\xff");
        let text = recorder.finish().text;
        assert!(text.contains("S: 250 \\u{1b}[31mred\\u{7}\u{fffd}\n"), "{text}");
    }

    #[test]
    fn e2_a_long_session_keeps_its_beginning_and_its_end() {
        let mut recorder = Recorder::new();
        for number in 0..10_000 {
            recorder.client(&format!("RCPT TO:<number{number}@example.com>"));
        }
        let transcript = recorder.finish();
        assert!(transcript.truncated && transcript.text.len() <= HEAD + TAIL + 100);
        assert!(transcript.text.contains("number0@") && transcript.text.contains("number9999@"));
        assert!(transcript.text.contains("lines left out]"));
    }

    /// What a server may do to a secret: repeat it, in base64, inside something, between garbage.
    fn repeated() -> impl Strategy<Value = (usize, Vec<u8>, Vec<u8>)> {
        let around = || {
            prop_oneof!["[ -~]{0,9}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..9)]
        };
        (0..5_usize, around(), around())
    }

    #[test]
    fn fuzz_transcripts() {
        let session = ("[\\PC--*: 0-9]{7,40}", prop::collection::vec(repeated(), 1..60));
        fuzz("transcripts", &session, |(secret, lines)| {
            let mut recorder = Recorder::new();
            recorder.hide(&secret);
            for (how, before, after) in lines {
                let inside = [&before, secret.as_bytes(), &after].concat();
                match how {
                    0 => recorder.server(&inside),
                    1 => recorder.server(STANDARD.encode(&inside).as_bytes()),
                    2 => recorder.server(&[&before, STANDARD.encode(&secret).as_bytes(), &after].concat()),
                    3 => {
                        recorder.hide_challenges(true);
                        recorder.server(&[b"334 ".as_slice(), STANDARD.encode(&inside).as_bytes()].concat());
                        recorder.hide_challenges(false);
                    }
                    _ => recorder.server(&before),
                }
            }
            let text = recorder.finish().text;
            prop_assert!(!text.contains(&secret), "{}", text);
            prop_assert!(!text.contains(&STANDARD.encode(&secret)), "{}", text);
            for offset in 0..3 {
                prop_assert!(!text.contains(&*base64_trace(&secret, offset)), "{} {}", offset, text);
            }
            prop_assert!(text.len() <= HEAD + TAIL + 100);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{:?}", text);
            Ok(())
        });
    }

    proptest! {
        #[test]
        fn h3_a_secret_does_not_come_back_from_the_server(
            secret in "[\\PC--*]{1,40}".prop_filter("stands for an empty answer", |secret| secret != "="), before in "[a-z \0]{0,7}", after in "[a-z \0]{0,7}"
        ) {
            let mut recorder = Recorder::new();
            recorder.hide(&secret);
            let plain = format!("{before}{secret}{after}");
            let scrubbed = recorder.scrub(&plain);
            prop_assert!(!scrubbed.contains(&secret));
            let exactly = recorder.scrub(&STANDARD.encode(&secret));
            prop_assert_eq!(exactly, "***");
            // Inside something longer, as in the answer of PLAIN; secrets below 7 bytes leave too short a trace.
            if secret.len() >= 7 {
                let inside = recorder.scrub(&STANDARD.encode(&plain));
                prop_assert!(inside.contains("***"), "{}", inside);
            }
        }

        #[test]
        fn e2_nothing_unprintable_gets_into_it(line in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut recorder = Recorder::new();
            recorder.server(&line);
            let text = recorder.finish().text;
            prop_assert_eq!(text.lines().count(), 1);
            prop_assert!(!text.trim_end_matches('\n').chars().any(char::is_control));
        }
    }
}
