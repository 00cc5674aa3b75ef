//! Who a finished message is from, as its reader sees it.

use std::io::{self, BufRead as _, BufReader, Read};

use super::Content;
use super::address::parse_addr_spec;
use super::raw::entries;

/// As much of a message as is looked at.
const HEAD: u64 = 256 * 1024;

/// The address in the From field: it is what a certificate must be for. `None`: there is not exactly one.
///
/// # Errors
/// The message cannot be read.
pub fn author(message: &Content) -> io::Result<Option<String>> {
    let mut lines = BufReader::new(message.reader()?.take(HEAD)).split(b'\n');
    let (mut found, mut count, mut inside) = (String::new(), 0, false);
    while let Some(line) = lines.next().transpose()? {
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            inside = line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"from:"));
            count += usize::from(inside);
        }
        if inside {
            found.push_str(&String::from_utf8_lossy(line));
        }
    }
    let entries = entries(found.get(5..).unwrap_or_default()).unwrap_or_default();
    let only = entries.first().filter(|_| count == 1 && entries.len() == 1);
    Ok(only.and_then(|entry| parse_addr_spec(&entry.address).ok()).map(|address| address.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(message: &str) -> Option<String> {
        author(&Content::Memory(message.to_owned().into())).unwrap()
    }

    #[test]
    fn c8_the_author_is_who_readers_see() {
        assert_eq!(
            of("To: x@y.test\r\nFrom: fax@example.test\r\n\r\nFrom: z@z.test\r\n").unwrap(),
            "fax@example.test"
        );
        assert_eq!(of("FROM: =?utf-8?b?0KQ=?=\r\n <fax@example.test>\r\n\r\n").unwrap(), "fax@example.test");
        let long = "=?utf-8?b?0JTQu9C40L3QvdC+0LU=?= ".repeat(20);
        assert_eq!(of(&format!("From: {long}<fax@example.test>\r\n\r\n")).unwrap(), "fax@example.test");
        assert_eq!(of("From: \"a@b.test\" <fax@example.test>\n\n").unwrap(), "fax@example.test");
        for none in [
            "Subject: x\r\n\r\nFrom: a@b.test\r\n",
            "From: a@b.test\r\nFrom: c@d.test\r\n\r\n",
            "From: a@b.test, c@d.test\r\n\r\n",
            "From: nobody\r\n\r\n",
            "From: <ceo@bank.test> <fax@example.test>\r\n\r\n",
            "From: x <ceo@bank.test>, <fax@example.test>\r\n\r\n",
            "",
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
