//! Names of machines as people type them: the server's, and our own in EHLO.

use std::net::{IpAddr, Ipv6Addr};

use crate::message::address::{address_literal, domain_to_ascii};

/// RFC 1035: 255 octets on the wire, 253 as text.
const MAX_HOST: usize = 253;

/// A server, as it is kept: without brackets around an IPv6 address and without the dot of the root, otherwise as
/// typed.
///
/// # Errors
/// What is wrong and what would be right, as a sentence.
pub(super) fn parse_server(typed: &str) -> Result<String, String> {
    let text = typed.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() && typed.trim().is_empty() {
        return Ok(String::new());
    }
    if text.len() > MAX_HOST {
        return Err(format!("the server's name has more than {MAX_HOST} octets"));
    }
    if let Some(v6) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let wrong = || format!("{text} is not an IPv6 address");
        return v6.parse::<Ipv6Addr>().map(|v6| v6.to_string()).map_err(|_| wrong());
    }
    if text.parse::<IpAddr>().is_ok() || domain_to_ascii(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(explain(text))
}

/// What the wire and the binding need: lower case A-labels, or an IP address in its canonical form.
pub(super) fn server_to_ascii(server: &str) -> String {
    match server.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => domain_to_ascii(server).unwrap_or_else(|| server.to_ascii_lowercase()),
    }
}

/// A proxy, HOST:PORT, as it is kept.
///
/// # Errors
/// As [`parse_server`].
pub(super) fn parse_proxy(typed: &str) -> Result<String, String> {
    let text = typed.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let wrong = "must be HOST:PORT, e.g. proxy.example.com:1080 or [2001:db8::1]:1080";
    if text.contains("://") {
        return Err(format!("{wrong}, without socks5:// or the like"));
    }
    if text.contains('@') {
        return Err(format!("{wrong}; proxies that want a user name and a password are not supported"));
    }
    let (host, port) = split_proxy(text).ok_or(wrong)?;
    if port == 0 {
        return Err("a proxy's port is a number from 1 to 65535".to_owned());
    }
    Ok(match host.parse::<Ipv6Addr>() {
        Ok(v6) => format!("[{v6}]:{port}"),
        Err(_) => format!("{}:{port}", parse_server(host)?),
    })
}

/// Host, without brackets, and port.
pub(super) fn split_proxy(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok())??;
    match host.strip_prefix('[') {
        Some(v6) => v6.strip_suffix(']').filter(|v6| v6.parse::<Ipv6Addr>().is_ok()).map(|v6| (v6, port)),
        None => (!host.is_empty() && !host.contains([':', ']'])).then_some((host, port)),
    }
}

/// The name given in EHLO (RFC 5321 section 4.1.1.1): a domain, kept as A-labels, or an address literal.
///
/// # Errors
/// As [`parse_server`].
pub(super) fn parse_ehlo_name(typed: &str) -> Result<String, String> {
    let text = typed.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let name = if text.starts_with('[') { address_literal(text) } else { domain_to_ascii(text) };
    name.filter(|name| name.len() <= MAX_HOST).ok_or_else(|| match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => format!("an IP address needs brackets here: [{text}]"),
        Ok(IpAddr::V6(_)) => format!("an IP address needs brackets here: [IPv6:{text}]"),
        Err(_) => "must be a host name such as fax.example.com, or an IP address in brackets".to_owned(),
    })
}

/// Why `text` is no server, by what people get wrong most.
fn explain(text: &str) -> String {
    if text.contains("://") {
        return "give the host name alone, without smtp:// or the like".to_owned();
    }
    if text.contains('@') {
        return "this is an e-mail address; give the host name of its server".to_owned();
    }
    let port = text.rsplit_once(':').map(|(_, port)| port);
    if port.is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())) {
        return "give the host name alone, and the port in `port`".to_owned();
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return "a host name has no blanks or control characters".to_owned();
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return "this is not a valid IP address".to_owned();
    }
    "must be a host name such as mail.example.com, or an IP address".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a2_servers_as_people_type_them() {
        for (typed, kept, ascii) in [
            (" mail.example.com ", "mail.example.com", "mail.example.com"),
            ("Mail.Example.com.", "Mail.Example.com", "mail.example.com"),
            ("localhost", "localhost", "localhost"),
            ("почта.пример.рф", "почта.пример.рф", "xn--80a1acny.xn--e1afmkfd.xn--p1ai"),
            (
                "xn--80a1acny.xn--e1afmkfd.xn--p1ai",
                "xn--80a1acny.xn--e1afmkfd.xn--p1ai",
                "xn--80a1acny.xn--e1afmkfd.xn--p1ai",
            ),
            ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("2001:DB8::0:1", "2001:DB8::0:1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1", "2001:db8::1"),
            ("fax_mail_1", "fax_mail_1", "fax_mail_1"),
            ("", "", ""),
        ] {
            assert_eq!(parse_server(typed).as_deref(), Ok(kept), "{typed}");
            assert_eq!(server_to_ascii(kept), ascii, "{typed}");
        }
    }

    #[test]
    fn a10_proxies_as_people_type_them() {
        for (typed, kept) in [
            (" proxy.example.com:1080 ", "proxy.example.com:1080"),
            ("127.0.0.1:9050", "127.0.0.1:9050"),
            ("[2001:DB8::0:1]:1080", "[2001:db8::1]:1080"),
            ("прокси.рф:1080", "прокси.рф:1080"),
            ("", ""),
        ] {
            assert_eq!(parse_proxy(typed).as_deref(), Ok(kept), "{typed}");
            assert_eq!(parse_proxy(kept).as_deref(), Ok(kept), "{typed}");
        }
        for (typed, said) in [
            ("proxy.example.com", "HOST:PORT"),
            ("socks5://proxy.example.com:1080", "without socks5://"),
            ("user:secret@proxy.example.com:1080", "not supported"),
            ("proxy.example.com:0", "1 to 65535"),
            ("proxy.example.com:65536", "HOST:PORT"),
            ("proxy.example.com:+80", "HOST:PORT"),
            ("2001:db8::1:1080", "HOST:PORT"),
            ("[::1]", "HOST:PORT"),
            ("two words:1080", "blanks"),
            (":1080", "HOST:PORT"),
        ] {
            let why = parse_proxy(typed).unwrap_err();
            assert!(why.contains(said) && !why.contains("secret"), "{typed}: {why}");
        }
    }

    #[test]
    fn a2_what_is_no_server_is_refused_with_the_way_out() {
        for (typed, reason) in [
            ("smtp://mail.example.com", "without smtp://"),
            ("mail.example.com:587", "port in `port`"),
            ("[2001:db8::1]:25", "port in `port`"),
            ("fax@example.com", "e-mail address"),
            ("mail example com", "no blanks"),
            ("mail\0.example.com", "no blanks or control"),
            ("mail.example.com/x", "must be a host name"),
            ("192.0.2.300", "not a valid IP"),
            ("[192.0.2.3]", "not an IPv6"),
            ("-mail.example.com", "must be a host name"),
            (".", "not a valid IP"),
            ("a..b", "must be a host name"),
            ("fe80::1%eth0", "must be a host name"),
        ] {
            let error = parse_server(typed).expect_err(typed);
            assert!(error.contains(reason), "{typed}: {error}");
        }
        assert!(parse_server(&"a.".repeat(127)).is_ok());
        assert!(parse_server(&"a.".repeat(128)).is_err());
    }

    #[test]
    fn ehlo_names_are_domains_or_address_literals() {
        assert_eq!(parse_ehlo_name(" Fax.Example.com").as_deref(), Ok("fax.example.com"));
        assert_eq!(parse_ehlo_name("факс.рф").as_deref(), Ok("xn--80auvj.xn--p1ai"));
        assert_eq!(parse_ehlo_name("[192.0.2.1]").as_deref(), Ok("[192.0.2.1]"));
        assert_eq!(parse_ehlo_name("[IPv6:::1]").as_deref(), Ok("[IPv6:::1]"));
        assert!(parse_ehlo_name("192.0.2.1").unwrap_err().contains("[192.0.2.1]"));
        for wrong in ["a b", "a\r\nMAIL FROM:<x>", "[::1", "http://x", "-a"] {
            assert!(parse_ehlo_name(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_what_passes_is_safe(text in "\\PC*|[ -~\\r\\n\\x00]{0,40}|[0-9a-f:.\\[\\]]{0,20}") {
            if let Ok(server) = parse_server(&text) {
                prop_assert_eq!(parse_server(&server), Ok(server.clone()));
                let ascii = server_to_ascii(&server);
                prop_assert!(ascii.bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(server_to_ascii(&ascii), ascii.clone());
            }
            if let Ok(name) = parse_ehlo_name(&text) {
                prop_assert!(name.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
