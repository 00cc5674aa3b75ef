//! The content of a finished message, made so that it survives every way: 7-bit, short lines, and nothing that servers
//! change (`smime/lines.rs` has the list). A signature holds over it then, and no server need have 8BITMIME.
//!
//! What needs nothing goes out as it came, but for its line ends. Else only the parts that need it are encoded. What is
//! signed or encrypted already is never touched.

use std::io::{Read, Write};

use super::RawError;
use super::encode::{Base64, Encoder, Quoted};
use super::fields::{Field, Header};
use super::lines::{End, Lines};
use super::mime::{Kind, Sink, walk};
use crate::message::smime::lines::Watch;

/// The charset of text that says of none.
const ASCII: &str = "us-ascii";

/// What a part needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    encoding: bool,
    /// Only text.
    charset: Option<&'static str>,
    /// Mostly not ASCII: base64 is shorter.
    base64: bool,
}

/// What the whole message needs: seen by reading it once.
#[derive(Debug, Default)]
pub(super) struct Plan {
    parts: Vec<Needs>,
    /// What is not touched has bytes above 127.
    wide: bool,
    /// Nothing at all.
    pub(super) is_fit: bool,
    /// It says how it is encoded, or will.
    pub(super) is_mime: bool,
}

impl Plan {
    pub(super) fn of(message: impl Read) -> Result<(Self, Header), RawError> {
        let mut survey = Survey::default();
        walk(&mut Lines::new(message), &mut survey)?;
        let Survey { parts, header, between, skipped, opaque_wide: wide, .. } = survey;
        let is_fit =
            !between && skipped.finish().is_none() && parts.iter().all(|needs| *needs == Needs::default());
        let says = header.fields.iter().any(|field| field.name.to_ascii_lowercase().starts_with("content-"));
        let is_mime = says || !is_fit || header.get("mime-version").is_some();
        Ok((Self { parts, wide, is_fit, is_mime }, header))
    }

    /// Writes the message, its own header written already but for what belongs to MIME.
    pub(super) fn write(&self, message: impl Read, out: impl Write) -> Result<(), RawError> {
        let mut lines = Lines::new(message);
        let mut writer =
            Writer { plan: self, out, part: 0, encoder: Encoder::AsItIs, buffer: Vec::new(), open: false };
        if self.is_fit {
            let header = Header::read(&mut lines, |_| false)?;
            writer.header(&header, &Kind::Opaque)?;
            while let Some(part) = lines.next()? {
                writer.text(&part.text)?;
                match part.end {
                    End::Cut => {}
                    end => writer.line_end(end)?,
                }
            }
        } else {
            walk(&mut lines, &mut writer)?;
        }
        writer.finish()
    }
}

/// Looks, and writes nothing.
#[derive(Default)]
struct Survey {
    parts: Vec<Needs>,
    header: Header,
    watch: Watch,
    kind: Option<Kind>,
    has_charset: bool,
    utf8: Utf8,
    /// Bytes of the part, and those that are not ASCII.
    bytes: u64,
    wide: u64,
    /// Something that is not right stands in the header of a part.
    between: bool,
    /// What stands between parts.
    skipped: Watch,
    opaque_wide: bool,
}

impl Sink for Survey {
    fn header(&mut self, header: &Header, kind: &Kind) -> Result<(), RawError> {
        match self.parts.is_empty() {
            true => self.header = header.clone(),
            false => self.between |= !header.is_fit(),
        }
        // What cannot be written must be known before anything is.
        let mut scratch = Vec::new();
        header.fields.iter().try_for_each(|field| field.write(&mut scratch))?;
        let content_type =
            header.get("content-type").map(Field::text).unwrap_or_default().to_ascii_lowercase();
        self.has_charset = content_type.contains("charset") && !content_type.contains(ASCII);
        self.kind = Some(kind.clone());
        (self.watch, self.utf8, self.bytes, self.wide) = Default::default();
        self.parts.push(Needs::default());
        Ok(())
    }

    fn text(&mut self, text: &[u8]) -> Result<(), RawError> {
        self.watch.push(text);
        self.utf8.push(text);
        self.bytes += text.len() as u64;
        self.wide += text.iter().filter(|byte| !byte.is_ascii()).count() as u64;
        Ok(())
    }

    fn line_end(&mut self, _: End) -> Result<(), RawError> {
        self.watch.push(b"\r\n");
        self.bytes += 2;
        Ok(())
    }

    fn skipped(&mut self, text: &[u8], end: End) -> Result<(), RawError> {
        self.skipped.push(text);
        if end != End::Cut {
            self.skipped.push(b"\r\n");
        }
        Ok(())
    }

    fn leaf_ends(&mut self) -> Result<(), RawError> {
        let flawed = std::mem::take(&mut self.watch).finish().is_some();
        let kind = self.kind.take().unwrap_or(Kind::Opaque);
        self.opaque_wide |= kind == Kind::Opaque && self.wide > 0;
        let charset = (kind == Kind::Text && self.wide > 0 && !self.has_charset)
            .then(|| if std::mem::take(&mut self.utf8).is_right() { "utf-8" } else { "iso-8859-1" });
        if let Some(needs) = self.parts.last_mut().filter(|_| flawed) {
            *needs = Needs {
                encoding: kind != Kind::Opaque,
                charset,
                base64: matches!(kind, Kind::Data { .. }) || self.wide * 3 > self.bytes,
            };
        }
        Ok(())
    }

    fn boundary(&mut self, _: &str, _: bool) -> Result<(), RawError> {
        Ok(())
    }
}

/// Whether bytes are UTF-8, however they are cut.
#[derive(Default)]
struct Utf8 {
    rest: Vec<u8>,
    wrong: bool,
}

impl Utf8 {
    fn push(&mut self, bytes: &[u8]) {
        if self.wrong || (self.rest.is_empty() && bytes.is_ascii()) {
            return;
        }
        self.rest.extend_from_slice(bytes);
        match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.clear(),
            Err(error) if error.error_len().is_none() => {
                self.rest.drain(..error.valid_up_to());
            }
            Err(_) => self.wrong = true,
        }
    }

    fn is_right(self) -> bool {
        !self.wrong && self.rest.is_empty()
    }
}

struct Writer<'a, W> {
    plan: &'a Plan,
    out: W,
    /// Headers seen.
    part: usize,
    encoder: Encoder,
    buffer: Vec<u8>,
    /// The last line has not ended.
    open: bool,
}

/// Bytes gathered before they are written.
const GATHER: usize = 64 * 1024;

impl<W: Write> Writer<'_, W> {
    fn flush(&mut self, least: usize) -> Result<(), RawError> {
        if self.buffer.len() >= least {
            if let Some(last) = self.buffer.last() {
                self.open = *last != b'\n';
            }
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), RawError> {
        self.flush(1)?;
        if std::mem::take(&mut self.open) {
            self.out.write_all(b"\r\n")?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), RawError> {
        self.encoder.finish(&mut self.buffer);
        self.end_line()
    }
}

impl<W: Write> Sink for Writer<'_, W> {
    fn header(&mut self, header: &Header, kind: &Kind) -> Result<(), RawError> {
        let needs = self.plan.parts.get(self.part).copied().unwrap_or_default();
        let first = self.part == 0;
        self.part += 1;
        let (encoder, encoding) = match kind {
            Kind::QuotedPrintable if needs.encoding => (Encoder::Quoted(Quoted::again()), None),
            Kind::Base64 if needs.encoding => (Encoder::Base64Again(Vec::new()), None),
            Kind::Data { binary } if needs.encoding => {
                (Encoder::Base64(Base64::new(*binary)), Some("base64"))
            }
            _ if needs.encoding && needs.base64 => (Encoder::Base64(Base64::new(false)), Some("base64")),
            _ if needs.encoding => (Encoder::Quoted(Quoted::default()), Some("quoted-printable")),
            // What was announced as 8-bit and is not, or will not be.
            Kind::QuotedPrintable | Kind::Base64 | Kind::Opaque => (Encoder::AsItIs, None),
            Kind::Multipart(_) | Kind::Message if self.plan.wide => (Encoder::AsItIs, None),
            _ => (Encoder::AsItIs, header.get("content-transfer-encoding").map(|_| "7bit")),
        };
        self.encoder = encoder;
        let mut fields = Vec::new();
        for field in &header.fields {
            let belongs = field.name.to_ascii_lowercase().starts_with("content-");
            let twice = belongs && fields.iter().any(|other: &Field| other.is(&field.name));
            let anew = field.is("content-transfer-encoding") && encoding.is_some();
            // Those of the message that are not MIME's stand above already.
            if (belongs || !first) && !anew && !twice {
                fields.push(field.clone());
            }
        }
        if let Some(charset) = needs.charset {
            let given = fields.iter().position(|field| field.is("content-type"));
            let text = given.map(|at| fields.remove(at).text()).filter(|text| !text.is_empty());
            let text = text.unwrap_or_else(|| "text/plain".to_owned());
            // Who says so of what is not knows no better.
            let text = match text.to_ascii_lowercase().find(ASCII) {
                Some(at) => text[..at].to_owned() + charset + &text[at + ASCII.len()..],
                None => format!("{}; charset={charset}", text.trim_end_matches([';', ' '])),
            };
            fields.push(Field::new("Content-Type", &text));
        }
        fields.extend(encoding.map(|encoding| Field::new("Content-Transfer-Encoding", encoding)));
        for field in fields {
            field.write(&mut self.buffer)?;
        }
        self.buffer.extend_from_slice(b"\r\n");
        self.flush(1)
    }

    fn text(&mut self, text: &[u8]) -> Result<(), RawError> {
        self.encoder.text(text, &mut self.buffer);
        self.flush(GATHER)
    }

    fn line_end(&mut self, end: End) -> Result<(), RawError> {
        self.encoder.line_end(end.bytes(), &mut self.buffer);
        self.flush(GATHER)
    }

    /// Nobody is shown it.
    fn skipped(&mut self, _: &[u8], _: End) -> Result<(), RawError> {
        Ok(())
    }

    fn leaf_ends(&mut self) -> Result<(), RawError> {
        self.encoder.finish(&mut self.buffer);
        self.encoder = Encoder::AsItIs;
        self.flush(GATHER)
    }

    fn boundary(&mut self, boundary: &str, last: bool) -> Result<(), RawError> {
        // The line end before it belongs to it.
        self.buffer
            .extend_from_slice(format!("\r\n--{boundary}{}\r\n", if last { "--" } else { "" }).as_bytes());
        self.flush(GATHER)
    }
}
