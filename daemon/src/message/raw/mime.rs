//! Walks over the parts of a message (RFC 2046), however large, and tells a [`Sink`] what it comes to.

use std::io::Read;

use super::RawError;
use super::fields::{Header, split};
use super::lines::{End, Lines};

/// Multiparts in multiparts that are taken apart. What lies deeper stays as it is.
const DEPTH: usize = 20;
/// Parts of a message.
const MAX_PARTS: usize = 1000;
/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Parts, between lines with this.
    Multipart(String),
    /// A message that is not encoded.
    Message,
    /// Text that is not encoded.
    Text,
    /// Anything else that is not encoded; whether its line ends are bytes like others.
    Data {
        binary: bool,
    },
    QuotedPrintable,
    Base64,
    /// What must not be touched: signed, encrypted, or encoded in a way that is not known here.
    Opaque,
}

impl Kind {
    /// By the header of the part.
    fn of(header: &Header) -> Self {
        let text = |name| header.get(name).map(|field| field.text().to_ascii_lowercase()).unwrap_or_default();
        let encoding = text("content-transfer-encoding");
        let encoding = encoding.split(';').next().unwrap_or_default().trim().to_owned();
        let content_type = header.get("content-type").map(|field| field.text()).unwrap_or_default();
        let lower = content_type.to_ascii_lowercase();
        let essence = lower.split(';').next().unwrap_or_default().trim();
        let (kind, subtype) = essence.split_once('/').unwrap_or(("text", "plain"));
        let identity = matches!(encoding.as_str(), "" | "7bit" | "8bit" | "binary");
        match (kind, subtype, encoding.as_str()) {
            ("multipart", "signed" | "encrypted", _) => Self::Opaque,
            ("multipart", _, _) if identity => boundary(&content_type).map_or(Self::Opaque, Self::Multipart),
            ("message", "rfc822" | "global", _) if identity => Self::Message,
            ("multipart" | "message", _, _) => Self::Opaque,
            (_, _, "quoted-printable") => Self::QuotedPrintable,
            (_, _, "base64") => Self::Base64,
            (_, _, "binary") => Self::Data { binary: true },
            ("text", _, _) if identity => Self::Text,
            _ if identity => Self::Data { binary: false },
            _ => Self::Opaque,
        }
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let parameter = |part: &&str| {
        part.split_once('=').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
    };
    let (_, value) = split(content_type, ';').into_iter().find(parameter)?.split_once('=')?;
    let value = value.trim().trim_matches('"').replace('\\', "");
    let good =
        (1..=MAX_BOUNDARY).contains(&value.len()) && value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    (good && !value.contains('"')).then_some(value)
}

/// Who is told of the parts.
pub(super) trait Sink {
    /// The header of a part was read. The first one is that of the message.
    fn header(&mut self, header: &Header, kind: &Kind) -> Result<(), RawError>;
    /// A part of a line of what has no parts itself.
    fn text(&mut self, text: &[u8]) -> Result<(), RawError>;
    /// The end of such a line.
    fn line_end(&mut self, end: End) -> Result<(), RawError>;
    /// A part of a line before, between or after parts.
    fn skipped(&mut self, text: &[u8], end: End) -> Result<(), RawError>;
    /// The end of what has no parts itself.
    fn leaf_ends(&mut self) -> Result<(), RawError>;
    /// A line between parts, or after the last.
    fn boundary(&mut self, boundary: &str, last: bool) -> Result<(), RawError>;
}

/// Walks over the whole message.
pub(super) fn walk<R: Read>(lines: &mut Lines<R>, sink: &mut impl Sink) -> Result<(), RawError> {
    let mut walk = Walk { open: Vec::new(), inside: false, held: End::Cut, parts: 0 };
    walk.part(lines, sink)?;
    while let Some(part) = lines.next()? {
        if part.begins
            && let Some((level, last)) = walk.boundary(&part.text)
        {
            walk.leave(sink, level)?;
            let boundary = walk.open[level].clone();
            sink.boundary(&boundary, last)?;
            if last {
                walk.open.truncate(level);
            } else {
                walk.part(lines, sink)?;
            }
            continue;
        }
        if walk.inside {
            walk.give_line_end(sink)?;
            sink.text(&part.text)?;
            walk.held = part.end;
        } else {
            sink.skipped(&part.text, part.end)?;
        }
    }
    if walk.inside {
        walk.give_line_end(sink)?;
    }
    walk.leave(sink, 0)?;
    match walk.open.pop() {
        Some(boundary) => sink.boundary(&boundary, true),
        None => Ok(()),
    }
}

struct Walk {
    /// Boundaries of the multiparts that are open, the innermost last.
    open: Vec<String>,
    /// In what has no parts itself, and not before, between or after parts.
    inside: bool,
    /// The end of the last line: before a boundary it belongs to that.
    held: End,
    parts: usize,
}

impl Walk {
    /// Reads the header of a part, and those of a message in it.
    fn part<R: Read>(&mut self, lines: &mut Lines<R>, sink: &mut impl Sink) -> Result<(), RawError> {
        loop {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                return Err(RawError::invalid(
                    "chunk",
                    format!("the message has more than {MAX_PARTS} parts"),
                ));
            }
            let header = Header::read(lines, |line| self.boundary(line).is_some())?;
            let mut kind = Kind::of(&header);
            if matches!(kind, Kind::Multipart(_)) && self.open.len() >= DEPTH {
                kind = Kind::Opaque;
            }
            sink.header(&header, &kind)?;
            self.held = End::Cut;
            self.inside = false;
            match kind {
                Kind::Message => {}
                Kind::Multipart(boundary) => {
                    self.open.push(boundary);
                    return Ok(());
                }
                _ => {
                    self.inside = true;
                    return Ok(());
                }
            }
        }
    }

    /// Which multipart a line is the boundary of, and whether it is the last one.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        let line = line.strip_prefix(b"--")?.trim_ascii_end();
        let is_of = |boundary: &String| line.strip_prefix(boundary.trim_end().as_bytes());
        self.open.iter().enumerate().rev().find_map(|(level, boundary)| match is_of(boundary)? {
            b"" => Some((level, false)),
            b"--" => Some((level, true)),
            _ => None,
        })
    }

    /// Ends what is open within this level.
    fn leave(&mut self, sink: &mut impl Sink, level: usize) -> Result<(), RawError> {
        if std::mem::take(&mut self.inside) {
            sink.leaf_ends()?;
        }
        while self.open.len() > level + 1
            && let Some(boundary) = self.open.pop()
        {
            sink.boundary(&boundary, true)?;
        }
        self.held = End::Cut;
        Ok(())
    }

    fn give_line_end(&mut self, sink: &mut impl Sink) -> Result<(), RawError> {
        match std::mem::replace(&mut self.held, End::Cut) {
            End::Cut => Ok(()),
            end => sink.line_end(end),
        }
    }
}
