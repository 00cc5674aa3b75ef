//! The query of an address (application/x-www-form-urlencoded), as far as a client looks at it.

/// What stands between `?` and `#`; empty: nothing.
pub(super) fn of_address(address: &str) -> &str {
    let address = address.split_once('#').map_or(address, |(before, _)| before);
    address.split_once('?').map_or("", |(_, query)| query)
}

/// The first value of this name, decoded.
pub(super) fn value_of(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key) == name).then(|| decoded(value))
    })
}

/// Without %XX and +; what is no UTF-8 becomes U+FFFD, and a lone % stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).and_then(|(digits, after)| {
            let digits = str::from_utf8(digits).ok().filter(|_| first == b'%')?;
            // `from_str_radix` would take a sign, too.
            let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some((u8::from_str_radix(digits, 16).ok().filter(|_| hex)?, after))
        });
        let byte;
        (byte, rest) = escaped.unwrap_or((if first == b'+' { b' ' } else { first }, after));
        bytes.push(byte);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn b2_values_are_found_and_decoded() {
        let address = "https://login.example/authorize?client_id=a%20b&state=x%2By%3D&x#state=no";
        assert_eq!(value_of(of_address(address), "state").as_deref(), Some("x+y="));
        assert_eq!(value_of(of_address(address), "client_id").as_deref(), Some("a b"));
        assert_eq!(value_of(of_address(address), "x").as_deref(), Some(""));
        assert_eq!(value_of(of_address("https://login.example/authorize"), "state"), None);
        let query = "error=access_denied&error_description=The+user+said+%D0%BD%D0%B5%D1%82&state=1%";
        assert_eq!(value_of(query, "error_description").as_deref(), Some("The user said нет"));
        assert_eq!(value_of(query, "state").as_deref(), Some("1%"));
        assert_eq!(value_of("a=%+1%2", "a").as_deref(), Some("% 1%2"));
    }

    proptest! {
        #[test]
        fn b2_any_query_is_read_or_not(query in "\\PC{0,80}", name in "[a-z%]{0,8}") {
            let _ = value_of(of_address(&query), &name);
        }

        #[test]
        fn b2_what_was_encoded_is_found_again(value in "\\PC{0,40}") {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(value_of(&format!("a=1&state={encoded}"), "state"), Some(value));
        }
    }
}
