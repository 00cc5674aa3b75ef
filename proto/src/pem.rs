//! Certificates and keys in one text file, as people have them.

/// Whether this is PEM (RFC 7468) rather than a PKCS#12 file; then its text.
#[must_use]
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN "))
}

/// PEM without its keys, and its keys.
#[must_use]
pub fn split(text: &str) -> (String, String) {
    let (mut others, mut keys) = (String::new(), String::new());
    let mut in_key = false;
    for line in text.lines() {
        in_key |= line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY");
        let part = if in_key { &mut keys } else { &mut others };
        part.push_str(line);
        part.push('\n');
        in_key &= !line.starts_with("-----END ");
    }
    (others, keys)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn c4_a_key_in_the_same_file_travels_in_its_own_field() {
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN EC PRIVATE KEY-----\nBBBB\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(split(&format!("{certificate}{key}")), (certificate.to_owned(), key.to_owned()));
        assert_eq!(split(&format!("{key}{certificate}")), (certificate.to_owned(), key.to_owned()));
        assert_eq!(split(certificate).1, "");
        assert_eq!(split(&key.replace('\n', "\r\n")).1, key);
    }

    proptest! {
        #[test]
        fn c4_every_line_goes_to_one_side(text in "(-----BEGIN (RSA )?PRIVATE KEY-----\n|-----END X-----\n|[a-z]{0,5}\n){0,8}") {
            let (others, keys) = split(&text);
            prop_assert_eq!(others.lines().count() + keys.lines().count(), text.lines().count());
            prop_assert!(!others.contains("PRIVATE KEY"));
        }
    }
}
