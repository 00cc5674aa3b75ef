//! ASN.1 as far as keys and their containers need it: elements read and written one by one, and BER, which old programs
//! write, made into DER.
//!
//! The typed readers of others keep neither the exact bytes of a certificate nor BER, and both are needed here.

use zeroize::Zeroizing;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;

/// Nesting of what is read; PKCS#12 has a dozen.
const MAX_DEPTH: usize = 32;

/// A tag and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Class, constructed bit and number; long numbers are not read.
    pub(super) tag: u8,
    /// Without tag and length.
    pub(super) content: &'a [u8],
    /// With them.
    pub(super) whole: &'a [u8],
}

/// Elements one after the other, DER.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next one; `None`: there is none, or it is no DER.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        let (tag, length, begin) = header(self.0)?;
        let end = begin.checked_add(length?)?;
        let element = Element { tag, content: self.0.get(begin..end)?, whole: &self.0[..end] };
        self.0 = &self.0[end..];
        Some(element)
    }

    /// The content of the next one, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.tag == tag).map(|element| element.content)
    }

    /// The content of the next one if it has this tag; else it stays.
    pub(super) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let content = ahead.take(tag)?;
        *self = ahead;
        Some(content)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The content of the one element of this tag that fills `bytes`.
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let content = reader.take(tag)?;
    reader.is_empty().then_some(content)
}

/// An element with these parts in it.
pub(super) fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    // With its whole room at once: a vector that grows leaves pieces of a key behind.
    let mut bytes = Vec::with_capacity(length + 8);
    put_header(&mut bytes, tag, length);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// BER made into DER as far as it matters here: lengths are definite and shortest, and octet strings in one piece.
pub(super) fn from_ber(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut der = Zeroizing::new(Vec::with_capacity(bytes.len() + 16));
    let end = convert(bytes, &mut der, 0)?;
    (end == bytes.len()).then_some(der)
}

/// Tag, length (`None`: indefinite) and where the content begins.
fn header(bytes: &[u8]) -> Option<(u8, Option<usize>, usize)> {
    let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
    if tag & 0x1f == 0x1f {
        return None;
    }
    match first {
        0..=0x7f => Some((tag, Some(first.into()), 2)),
        0x80 => Some((tag, None, 2)),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let digits = bytes.get(2..2 + count)?;
            let length = digits.iter().fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
            Some((tag, usize::try_from(length).ok(), 2 + count))
        }
        _ => None,
    }
}

fn put_header(bytes: &mut Vec<u8>, tag: u8, length: usize) {
    bytes.push(tag);
    if length < 0x80 {
        // Smaller than the mark of a longer form.
        bytes.push(length as u8);
        return;
    }
    let digits = length.to_be_bytes();
    let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
    bytes.push(0x80 | digits.len() as u8);
    bytes.extend_from_slice(digits);
}

/// Converts the element that `bytes` begin with, and says where it ends.
fn convert(bytes: &[u8], der: &mut Vec<u8>, depth: usize) -> Option<usize> {
    if depth > MAX_DEPTH {
        return None;
    }
    let (tag, length, begin) = header(bytes)?;
    if tag & CONSTRUCTED == 0 {
        let content = bytes.get(begin..begin.checked_add(length?)?)?;
        put_header(der, tag, content.len());
        der.extend_from_slice(content);
        return Some(begin + content.len());
    }
    let limit = match length {
        Some(length) => begin.checked_add(length).filter(|end| *end <= bytes.len())?,
        None => bytes.len(),
    };
    let mut content = Zeroizing::new(Vec::with_capacity(limit - begin));
    let mut at = begin;
    let end = loop {
        match length {
            Some(_) if at == limit => break at,
            None if bytes.get(at..at + 2)? == [0, 0] => break at + 2,
            _ => {}
        }
        at += convert(&bytes[at..limit], &mut content, depth + 1)?;
    };
    if tag == OCTET_STRING | CONSTRUCTED {
        let whole = pieces(&content)?;
        put_header(der, OCTET_STRING, whole.len());
        der.extend_from_slice(&whole);
    } else {
        put_header(der, tag, content.len());
        der.extend_from_slice(&content);
    }
    Some(end)
}

/// Octet strings one after the other, as one.
pub(super) fn pieces(content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(content.len()));
    let mut reader = Reader::new(content);
    while !reader.is_empty() {
        whole.extend_from_slice(reader.take(OCTET_STRING)?);
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn c4_ber_becomes_der() {
        for (ber, der) in [
            ("3080020101040161 0000", "3006020101040161"),
            ("24800402616204016300 00", "0403616263"),
            ("3081 03020101", "3003020101"),
            ("a0803080020105 0000 0000", "a0053003020105"),
            ("0400", "0400"),
            ("3000", "3000"),
        ] {
            let bytes = hex::decode(ber.replace(' ', "")).unwrap();
            assert_eq!(hex::encode(&*from_ber(&bytes).unwrap()), der);
        }
        for broken in
            ["30", "3080", "308002", "0480", "3002020101", "1f8101", "30850000000001", "24800201010000"]
        {
            assert_eq!(from_ber(&hex::decode(broken).unwrap()), None, "{broken}");
        }
        let deep = [[0x30, 0x80].repeat(100), [0, 0].repeat(100)].concat();
        assert_eq!(from_ber(&deep), None);
    }

    #[test]
    fn c4_what_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let written = write(OCTET_STRING, &[&content[..length / 2], &content[length / 2..]]);
            assert_eq!(only(&written, OCTET_STRING).unwrap(), content);
            assert_eq!(*from_ber(&written).unwrap(), written);
            assert_eq!(only(&written, INTEGER), None);
            assert_eq!(only(&written[..written.len() - 1], OCTET_STRING), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_der_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(der) = from_ber(&bytes) {
                prop_assert_eq!(&*from_ber(&der).unwrap(), &*der);
            }
            let mut reader = Reader::new(&bytes);
            while let Some(element) = reader.next() {
                prop_assert!(element.content.len() < element.whole.len());
            }
        }
    }
}
