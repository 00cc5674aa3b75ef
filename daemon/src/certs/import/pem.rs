//! PEM (RFC 7468), and what stands in its blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// e.g. "CERTIFICATE".
    pub(super) label: String,
    /// Header lines of the old form (RFC 1421), such as "Proc-Type: 4,ENCRYPTED".
    pub(super) headers: bool,
    /// DER.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Blocks of a text; what stands between them is for people.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut digits = Zeroizing::new(String::with_capacity(text.len()));
        let (mut closed, mut headers) = (false, false);
        for line in lines.by_ref() {
            if line == end {
                closed = true;
                break;
            }
            if line.contains(':') {
                headers = true;
            } else {
                digits.push_str(line);
            }
        }
        if !closed {
            return Err(format!("is cut off: a block {label:?} has no end"));
        }
        let mut der = Zeroizing::new(vec![0; digits.len()]);
        let length = if headers { Ok(0) } else { STANDARD.decode_slice(digits.as_bytes(), &mut der) };
        let length = length.map_err(|_| format!("has a block {label:?} that is not Base64"))?;
        der.truncate(length);
        blocks.push(Block { label: label.to_owned(), headers, der });
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::test_pki::pem;
    use super::*;

    #[test]
    fn c4_blocks_are_found_between_words_for_people() {
        let text =
            format!("Bag Attributes\r\n{}words\n{}", pem("A B", b"one").replace('\n', "\r\n"), pem("C", b""));
        let found = blocks(&text).unwrap();
        let found: Vec<_> = found.iter().map(|block| (block.label.as_str(), &**block.der)).collect();
        assert_eq!(found, [("A B", &b"one"[..]), ("C", &b""[..])]);
        assert_eq!(blocks("").unwrap(), []);
        assert!(blocks("-----BEGIN A-----\nAAAA\n").unwrap_err().contains("cut off"));
        assert!(blocks("-----BEGIN A-----\n!\n-----END A-----").unwrap_err().contains("Base64"));
        let old =
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert!(blocks(old).unwrap()[0].headers);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-BEGINDABC a=:\n]{0,200}", der in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = blocks(&text);
            prop_assert_eq!(&*blocks(&pem("X", &der)).unwrap()[0].der, &der);
        }
    }
}
