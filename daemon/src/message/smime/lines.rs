//! What servers on the way change, or are free to: a signature over it would break.

/// A property of text that does not survive every transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::message) enum Flaw {
    /// Bytes above 127: a server without 8BITMIME behind the first one encodes them anew.
    EightBit,
    /// A NUL is forbidden, and cut or dropped.
    Nul,
    /// More than 998 octets (RFC 5322 section 2.1.1): cut into lines.
    LongLine,
    /// "From " at the beginning of a line gets a > before it in mailboxes.
    FromLine,
    /// Blanks at the end of a line are dropped by some.
    TrailingBlank,
}

impl Flaw {
    /// What it is, after "it has".
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::EightBit => "bytes above 127",
            Self::Nul => "NUL bytes",
            Self::LongLine => "lines of more than 998 octets",
            Self::FromLine => "lines that begin with \"From \"",
            Self::TrailingBlank => "blanks at the end of lines",
        }
    }
}

const FROM: &[u8] = b"From ";
const LONGEST: usize = 998;

/// Looks at canonical lines as they pass, however they are cut.
#[derive(Debug, Default)]
pub(in crate::message) struct Watch {
    /// Of the line at hand, as far as it has passed, without its CRLF.
    length: usize,
    beginning: [u8; FROM.len()],
    ends_blank: bool,
    worst: Option<Flaw>,
}

impl Watch {
    pub(in crate::message) fn push(&mut self, piece: &[u8]) {
        if !piece.is_ascii() {
            self.found(Flaw::EightBit);
        }
        if piece.contains(&0) {
            self.found(Flaw::Nul);
        }
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.part(part);
        }
    }

    /// The first in order of what was found, if anything was.
    pub(in crate::message) fn finish(mut self) -> Option<Flaw> {
        self.line_ends();
        self.worst
    }

    /// A line or a piece of one.
    fn part(&mut self, part: &[u8]) {
        let text = part.strip_suffix(b"\n").unwrap_or(part);
        // In canonical lines a CR is that of a CRLF, though its LF may come with the next piece.
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        for (at, byte) in self.beginning.iter_mut().enumerate().skip(self.length) {
            *byte = text.get(at - self.length).copied().unwrap_or_default();
        }
        self.length += text.len();
        if let Some(last) = text.last() {
            self.ends_blank = matches!(last, b' ' | b'\t');
        }
        if self.length > LONGEST {
            self.found(Flaw::LongLine);
        }
        if self.beginning == FROM {
            self.found(Flaw::FromLine);
        }
        if part.ends_with(b"\n") {
            self.line_ends();
        }
    }

    fn line_ends(&mut self) {
        if self.ends_blank {
            self.found(Flaw::TrailingBlank);
        }
        *self = Self { worst: self.worst, ..Self::default() };
    }

    fn found(&mut self, flaw: Flaw) {
        self.worst = Some(self.worst.map_or(flaw, |worst| worst.min(flaw)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn worst(pieces: &[&[u8]]) -> Option<Flaw> {
        let mut watch = Watch::default();
        for piece in pieces {
            watch.push(piece);
        }
        watch.finish()
    }

    #[test]
    fn c7_what_breaks_a_signature_on_the_way_is_seen() {
        let long = [&[b'x'; 999][..], b"\r\n"].concat();
        for (text, flaw) in [
            (&b"a\r\nFrom here\r\n"[..], Some(Flaw::FromLine)),
            (b"From here", Some(Flaw::FromLine)),
            (b"a \r\n", Some(Flaw::TrailingBlank)),
            (b"a\r\n-- ", Some(Flaw::TrailingBlank)),
            (b"\t\r\n", Some(Flaw::TrailingBlank)),
            (b"caf\xe9\r\n", Some(Flaw::EightBit)),
            (b"a\0\r\n", Some(Flaw::Nul)),
            (&long, Some(Flaw::LongLine)),
            (&long[1..], None),
            (b"a From b\r\n >From\r\nFrom\r\n.\r\n..\r\n\r\n", None),
            (b"", None),
        ] {
            assert_eq!(worst(&[text]), flaw, "{:?}", String::from_utf8_lossy(text));
        }
    }

    proptest! {
        #[test]
        fn c7_it_makes_no_difference_where_the_text_is_cut(
            lines in prop::collection::vec("(From |Fro|[^\r\n]|\t| |é|x{990,1002}){0,3}", 0..8), cut in 0_usize..1000,
        ) {
            let text = lines.join("\r\n").into_bytes();
            let (one, two) = text.split_at(cut.min(text.len()));
            prop_assert_eq!(worst(&[one, two]), worst(&[&text]));
            let bytes: Vec<_> = text.chunks(1).collect();
            prop_assert_eq!(worst(&bytes), worst(&[&text]));
        }
    }
}
