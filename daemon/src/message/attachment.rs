//! Attachments: names, types, and their base64 form, streamed so that memory does not grow with them.

use std::fs::File;
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};

use super::headers::encoded_words;
use super::{Attachment, Content};

/// As the API documents it; also what file systems take.
const MAX_FILE_NAME: usize = 255;
/// Longer than any registered type with its parameters.
const MAX_CONTENT_TYPE: usize = 255;
/// RFC 2045 section 6.8: lines of at most 76 characters, which are 57 bytes.
const LINE: usize = 76;
pub(super) const LINE_BYTES: usize = 57;
/// Lines encoded at once: 58 KB in, 80 KB out.
pub(super) const LINES: usize = 1024;

/// What is known without asking the system: a fax server's files, and what people attach beside them.
const TYPES: &[(&str, &str)] = &[
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("eml", "message/rfc822"),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("mp3", "audio/mpeg"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ps", "application/postscript"),
    ("rtf", "application/rtf"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// Checks a file name.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the field.
pub(super) fn check_file_name(name: &str) -> Result<(), String> {
    if name.trim().is_empty() || name == "." || name == ".." {
        return Err("is empty or no name of a file".to_owned());
    }
    if name.chars().count() > MAX_FILE_NAME {
        return Err(format!("has more than {MAX_FILE_NAME} characters"));
    }
    if name.contains(['/', '\\']) {
        return Err("has a path separator: give the name alone".to_owned());
    }
    if name.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    Ok(())
}

/// The type as given, or by the extension.
///
/// # Errors
/// As [`check_file_name`].
pub(super) fn content_type(attachment: &Attachment) -> Result<String, String> {
    let given = attachment.content_type.trim();
    if given.is_empty() {
        return Ok(by_extension(&attachment.file_name).to_owned());
    }
    let wrong = || "is no MIME type such as image/tiff".to_owned();
    if given.len() > MAX_CONTENT_TYPE || !given.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err(wrong());
    }
    // Trailing semicolons are in circulation, and mean nothing.
    let given = given.trim_end_matches([';', ' ']);
    let checked = ContentType::parse(given).map_err(|_| wrong())?;
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // lettre lets these through.
    if essence.contains('*') || essence.split('/').any(str::is_empty) {
        return Err(wrong());
    }
    if essence.starts_with("multipart/") {
        return Err("is multipart, which an attachment cannot be".to_owned());
    }
    let mut headers = lettre::message::header::Headers::new();
    headers.set(checked);
    Ok(headers.get_raw("Content-Type").unwrap_or(&essence).to_owned())
}

fn by_extension(file_name: &str) -> &'static str {
    let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let known = TYPES.iter().find(|(known, _)| extension.as_deref() == Some(known));
    known.map_or("application/octet-stream", |(_, content_type)| content_type)
}

/// Content-Type with the file name in it. Outlook and many gateways look there first, and know it in the form of
/// RFC 2047 inside quotes, which no standard allows and everybody writes; Content-Disposition has it by RFC 2231.
#[derive(Clone)]
pub(super) struct NamedType {
    pub(super) content_type: String,
    pub(super) file_name: String,
}

impl Header for NamedType {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self { content_type: text.to_owned(), file_name: String::new() })
    }

    fn display(&self) -> HeaderValue {
        let name = if self.file_name.is_ascii() {
            self.file_name.replace('"', "\\\"")
        } else {
            encoded_words(&self.file_name, " name=\"".len())
        };
        let encoded = match self.content_type.to_ascii_lowercase().contains("name=") {
            true => self.content_type.clone(),
            false => format!("{};\r\n name=\"{name}\"", self.content_type),
        };
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.content_type.clone(), encoded)
    }
}

impl Content {
    /// Bytes, before encoding.
    ///
    /// # Errors
    /// The file's.
    pub(super) fn len(&self) -> io::Result<u64> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Elsewhere(elsewhere) => Ok(elsewhere.size()),
        }
    }

    /// The bytes from the first on.
    ///
    /// # Errors
    /// The file's.
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Memory(bytes) => Box::new(bytes.as_ref()),
            Self::File(path) => Box::new(File::open(path)?),
            Self::Elsewhere(elsewhere) => elsewhere.open(0),
        })
    }
}

/// Octets of `length` bytes in lines of base64, without a line break at the end.
pub(super) fn encoded_len(length: u64) -> u64 {
    let characters = length.div_ceil(3) * 4;
    let breaks = characters.div_ceil(LINE as u64).saturating_sub(1);
    characters + 2 * breaks
}

/// Writes `content` in lines of base64, without a line break at the end.
///
/// # Errors
/// Of either side; [`io::ErrorKind::InvalidData`] when the content has not `length` bytes any more.
pub(super) fn write_base64(content: &Content, length: u64, out: &mut impl Write) -> io::Result<()> {
    let changed =
        || io::Error::new(io::ErrorKind::InvalidData, "an attachment changed after the message was composed");
    // One byte more than expected is enough to see that there are more.
    let mut reader = content.reader()?.take(length + 1);
    let mut input = vec![0; LINES * LINE_BYTES];
    let mut output = Vec::with_capacity(LINES * (LINE + 2));
    let mut done = 0;
    loop {
        let filled = fill(&mut reader, &mut input)?;
        if filled == 0 {
            break;
        }
        output.clear();
        if done > 0 {
            output.extend_from_slice(b"\r\n");
        }
        encode_lines(&input[..filled], &mut output);
        done += filled as u64;
        if done > length {
            return Err(changed());
        }
        out.write_all(&output)?;
    }
    if done == length { Ok(()) } else { Err(changed()) }
}

/// Appends `input` in lines of base64, without a line break at the end. Pieces that are followed by others must fill
/// whole lines.
pub(super) fn encode_lines(input: &[u8], output: &mut Vec<u8>) {
    for (n, line) in input.chunks(LINE_BYTES).enumerate() {
        if n > 0 {
            output.extend_from_slice(b"\r\n");
        }
        let at = output.len();
        output.resize(at + LINE, 0);
        // A line of so many bytes always fits.
        let octets = STANDARD.encode_slice(line, &mut output[at..]).unwrap_or_default();
        output.truncate(at + octets);
    }
}

/// Reads until `buffer` is full or the end is reached: short reads would end base64 lines early.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn with_type(file_name: &str, content_type: &str) -> Attachment {
        Attachment {
            file_name: file_name.to_owned(),
            content_type: content_type.to_owned(),
            content: Content::Memory(Bytes::new()),
        }
    }

    #[test]
    fn f1_types_come_from_the_caller_or_the_extension() {
        for (file_name, given, found) in [
            ("fax.TIF", "", "image/tiff"),
            ("fax.tiff", "", "image/tiff"),
            ("факс.pdf", "", "application/pdf"),
            ("fax", "", "application/octet-stream"),
            ("tif", "", "application/octet-stream"),
            ("fax.xyz", "", "application/octet-stream"),
            ("fax.tif", " application/x-fax; ", "application/x-fax"),
            ("a.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(
                content_type(&with_type(file_name, given)).as_deref(),
                Ok(found),
                "{file_name} {given}"
            );
        }
        for wrong in
            ["tiff", "image/", "*/*", "image/*", "multipart/mixed; boundary=x", "image/tiff\r\nX: y", "a b/c"]
        {
            assert!(content_type(&with_type("a.tif", wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn f1_file_names_have_no_folders_and_no_control_characters() {
        for wrong in ["", " ", ".", "..", "a/b", "a\\b", "a\nb", "a\0", &"я".repeat(256)] {
            assert!(check_file_name(wrong).is_err(), "{wrong}");
        }
        for good in ["fax.tif", "факс от 1 мая.pdf", "a\"b'c;d=e.txt", &"я".repeat(255)] {
            assert!(check_file_name(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_size_is_known_before_encoding() {
        for length in
            [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, LINES * LINE_BYTES, LINES * LINE_BYTES + 1, 200_000]
        {
            let content = Content::Memory(Bytes::from(vec![7; length]));
            let mut out = Vec::new();
            write_base64(&content, length as u64, &mut out).unwrap();
            assert_eq!(out.len() as u64, encoded_len(length as u64), "{length}");
            let decoded =
                STANDARD.decode(out.iter().copied().filter(|b| !b"\r\n".contains(b)).collect::<Vec<_>>());
            assert_eq!(decoded.unwrap(), vec![7; length]);
            assert!(String::from_utf8(out).unwrap().split("\r\n").all(|line| line.len() <= LINE));
        }
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_an_error() {
        let content = Content::Memory(Bytes::from_static(b"four"));
        for length in [3, 5] {
            let error = write_base64(&content, length, &mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
