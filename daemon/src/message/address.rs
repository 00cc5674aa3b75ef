//! Names and addresses as people type them, made into what the wire needs.
//!
//! Domains become A-labels (RFC 5890) everywhere: every server and reader understands those. A local part that is not
//! ASCII stays UTF-8 and needs SMTPUTF8 at the server; nothing else could be done about it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lettre::Address;
use lettre::message::Mailbox;

/// RFC 5321 section 4.5.3.1.3: a path has 256 octets, angle brackets included.
pub(crate) const MAX_ADDRESS: usize = 254;
/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// A mailbox with its display name: one line of RFC 5322.
const MAX_MAILBOX: usize = 998;
/// A display name. Longer ones are no names, and each must fit into a header line whatever its characters are.
pub(crate) const MAX_NAME: usize = 128;

/// A domain or host name in lower case A-labels; `None`: it is none.
///
/// Underscores are let through: they are wrong in host names, and yet in use in many a local network.
pub(crate) fn domain_to_ascii(text: &str) -> Option<String> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
    let ascii = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::URL, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?;
    let letters_digits_hyphens =
        ascii.split('.').all(|label| label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    // What ends in a number is a mistyped IP address, not a name: no top-level domain is one.
    let number = ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    (letters_digits_hyphens && !number).then(|| ascii.into_owned())
}

/// An address literal of RFC 5321 section 4.1.3 in its canonical form: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
/// The prefix may be missing, as people leave it out.
pub(crate) fn address_literal(text: &str) -> Option<String> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    if let Ok(v4) = inside.parse::<Ipv4Addr>() {
        return Some(format!("[{v4}]"));
    }
    let v6 = match inside.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => &inside[5..],
        _ => inside,
    };
    v6.parse::<Ipv6Addr>().ok().map(|v6| format!("[IPv6:{v6}]"))
}

/// An addr-spec: the local part as typed, the domain as A-labels or an address literal.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the field.
pub(crate) fn parse_addr_spec(text: &str) -> Result<Address, String> {
    if text.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return Err("is not an e-mail address: it has no @".to_owned());
    };
    if local.is_empty() {
        return Err("has nothing before the @".to_owned());
    }
    if local.len() > MAX_LOCAL_PART {
        return Err(format!("has more than {MAX_LOCAL_PART} octets before the @"));
    }
    let domain = if domain.starts_with('[') { address_literal(domain) } else { domain_to_ascii(domain) }
        .ok_or_else(|| match domain.parse::<IpAddr>() {
            Ok(_) => format!("needs brackets around the IP address: {local}@[{domain}]"),
            Err(_) => "has no valid domain after the @".to_owned(),
        })?;
    // RFC 5321 section 4.1.2 lets a local part in quotes have anything. Readers that look for brackets first find another
    // address in it, and nobody has such a mailbox.
    if local.contains(['<', '>', '\\']) {
        return Err(
            "has a <, a > or a backslash before the @, which programs read as another address".to_owned()
        );
    }
    // lettre checks the local part here; its check of domains knows no IPv6 literals, so ours has to do.
    if Address::new(local, "example.com").is_err() || local.contains(|c: char| c.is_whitespace() && c != ' ')
    {
        return Err("has characters before the @ that an address cannot have without quotes".to_owned());
    }
    let address = Address::new_dangerous(local, domain);
    if text.len() > MAX_ADDRESS || AsRef::<str>::as_ref(&address).len() > MAX_ADDRESS {
        return Err(format!("has more than {MAX_ADDRESS} octets"));
    }
    Ok(address)
}

/// One mailbox: `ann@example.com`, `Ann Lee <ann@example.com>`, `"Lee, Ann" <ann@example.com>`.
///
/// More forgiving than RFC 5322 in the display name, where people type dots, brackets and any script without quotes.
///
/// # Errors
/// As [`parse_addr_spec`].
pub(crate) fn parse_mailbox(text: &str) -> Result<Mailbox, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    if text.len() > MAX_MAILBOX {
        return Err(format!("has more than {MAX_MAILBOX} octets"));
    }
    let scan = Scan::of(text);
    if scan.list {
        return Err(
            "must be one address; give several as several entries, and a name with a comma in quotes"
                .to_owned(),
        );
    }
    let Some(open) = scan.open else {
        return parse_addr_spec(text).map(Mailbox::from);
    };
    let Some(address) = text[open + 1..].strip_suffix('>') else {
        return Err("has a < without a > at its end".to_owned());
    };
    let address = parse_addr_spec(address.trim())?;
    let name = display_name(&text[..open]);
    if name.chars().count() > MAX_NAME {
        return Err(format!("has a name of more than {MAX_NAME} characters"));
    }
    Ok(Mailbox::new((!name.is_empty()).then_some(name), address))
}

/// Several mailboxes in one text, separated by commas: the values of header fields such as Reply-To.
///
/// # Errors
/// As [`parse_addr_spec`].
pub(crate) fn parse_mailbox_list(text: &str) -> Result<Vec<Mailbox>, String> {
    let mut rest = text;
    let mut mailboxes = Vec::new();
    while let Some(comma) = Scan::of(rest).comma {
        mailboxes.push(parse_mailbox(&rest[..comma])?);
        rest = &rest[comma + 1..];
    }
    mailboxes.push(parse_mailbox(rest)?);
    Ok(mailboxes)
}

/// Where the specials are that stand outside quotes.
#[derive(Default)]
struct Scan {
    /// First `<`.
    open: Option<usize>,
    /// First `,`.
    comma: Option<usize>,
    /// `,` or `;`: this is no single mailbox.
    list: bool,
}

impl Scan {
    fn of(text: &str) -> Self {
        let mut scan = Self::default();
        let (mut quoted, mut escaped) = (false, false);
        for (at, c) in text.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                '<' => scan.open = scan.open.or(Some(at)),
                ',' => {
                    scan.comma = scan.comma.or(Some(at));
                    scan.list = true;
                }
                ';' => scan.list = true,
                _ => {}
            }
        }
        scan
    }
}

/// A phrase without its quotes and escapes, blanks single.
fn display_name(phrase: &str) -> String {
    let mut name = String::with_capacity(phrase.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in phrase.chars() {
        match c {
            _ if escaped => {
                name.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => name.push(c),
        }
    }
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let mailbox = parse_mailbox(text).unwrap_or_else(|e| panic!("{text} {e}"));
        (mailbox.name.unwrap_or_default(), mailbox.email.to_string())
    }

    #[test]
    fn f1_mailboxes_as_people_type_them() {
        for (typed, name, address) in [
            ("ann@example.com", "", "ann@example.com"),
            ("  <ann@example.com> ", "", "ann@example.com"),
            ("Ann Lee <ann@Example.COM>", "Ann Lee", "ann@example.com"),
            ("\"Lee, Ann\" <ann@example.com>", "Lee, Ann", "ann@example.com"),
            (r#""Ann \"the fax\" Lee" <ann@example.com>"#, "Ann \"the fax\" Lee", "ann@example.com"),
            ("J. Q. Public (Sales) <j@example.com>", "J. Q. Public (Sales)", "j@example.com"),
            ("Иван Петров <ivan@пример.рф>", "Иван Петров", "ivan@xn--e1afmkfd.xn--p1ai"),
            ("иван@пример.рф", "", "иван@xn--e1afmkfd.xn--p1ai"),
            (r#"<"a b,c"@example.com>"#, "", r#""a b,c"@example.com"#),
            ("fax@[192.0.2.1]", "", "fax@[192.0.2.1]"),
            ("fax@[2001:db8::1]", "", "fax@[IPv6:2001:db8::1]"),
            ("fax@[ipv6:2001:db8::1]", "", "fax@[IPv6:2001:db8::1]"),
            ("fax@localhost", "", "fax@localhost"),
            ("fax@mail_1", "", "fax@mail_1"),
        ] {
            assert_eq!(parsed(typed), (name.to_owned(), address.to_owned()), "{typed}");
        }
    }

    #[test]
    fn f1_what_is_no_mailbox_is_refused_with_a_reason() {
        for (typed, reason) in [
            ("", "is empty"),
            ("ann", "no @"),
            ("@example.com", "nothing before"),
            ("ann@", "no valid domain"),
            ("ann@exa mple.com", "no valid domain"),
            ("ann@-example.com", "no valid domain"),
            ("ann@a..b", "no valid domain"),
            ("ann@192.0.2.1", "brackets"),
            ("ann@192.0.2.999", "no valid domain"),
            ("ann@[192.0.2.999]", "no valid domain"),
            ("ann lee@example.com", "without quotes"),
            ("\"ann\u{a0}lee\"@example.com", "without quotes"),
            ("\"<ceo@bank.example>\"@example.com", "another address"),
            (r#""a\"b"@example.com"#, "another address"),
            ("ann@example.com, bob@example.com", "one address"),
            ("ann@example.com; bob@example.com", "one address"),
            ("Lee, Ann <ann@example.com>", "in quotes"),
            ("Ann <ann@example.com", "without a >"),
            ("Ann <ann@example.com> x", "without a >"),
            ("ann@example.com\r\nBcc: eve@example.com", "control character"),
            ("\"a\u{7}\"@example.com", "control character"),
            ("Ann <<ann@example.com>>", ""),
        ] {
            let error = parse_mailbox(typed).expect_err(typed);
            assert!(error.contains(reason), "{typed}: {error}");
        }
        assert!(parse_mailbox(&format!("{}@example.com", "x".repeat(65))).is_err());
        let long = format!("x@{}example.com", "a.".repeat(130));
        assert!(parse_mailbox(&long).is_err());
        assert!(parse_mailbox(&format!("{} <a@b.c>", "n".repeat(129))).is_err());
    }

    #[test]
    fn lists_split_at_commas_outside_quotes() {
        let list = parse_mailbox_list("\"Lee, Ann\" <ann@example.com>, bob@example.com").unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].name.as_deref(), Some("Lee, Ann"));
        assert!(parse_mailbox_list("a@b.c,").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_what_passes_is_safe_on_the_wire(text in "\\PC*|[ -~\\r\\n\\x00]{0,60}") {
            if let Ok(mailbox) = parse_mailbox(&text) {
                let address = mailbox.email.to_string();
                prop_assert!(!address.chars().any(char::is_control));
                prop_assert!(address.len() <= MAX_ADDRESS);
                prop_assert!(mailbox.email.domain().is_ascii());
            }
            let _ = parse_mailbox_list(&text);
        }

        #[test]
        fn what_looks_like_an_address_comes_back(
            local in "[a-z0-9+]{1,20}", domain in "[a-z]{1,10}(\\.[a-z]{2,6}){0,2}", name in "[a-zA-Zа-я ,.\"\\\\]{0,30}",
        ) {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let mailbox = parse_mailbox(&format!("\"{quoted}\" <{local}@{domain}>")).unwrap();
            prop_assert_eq!(mailbox.email.to_string(), format!("{local}@{domain}"));
            let tidy = name.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(mailbox.name.unwrap_or_default(), tidy);
        }
    }
}
