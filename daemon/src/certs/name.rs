//! Distinguished names for people (RFC 4514), of server certificates as well as of signing ones.

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A distinguished name by RFC 4514: the last RDN first. x509-parser writes them in the order of the encoding and
/// escapes nothing.
pub(crate) fn rfc4514(name: &X509Name<'_>) -> String {
    let mut rdns: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    rdns.reverse();
    rdns.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let short = match oid.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return format!("{oid}=#{}", hex::encode(attribute.as_slice())),
    };
    match attribute.as_str() {
        Ok(value) => format!("{short}={}", escape(value)),
        Err(_) => format!("{short}=#{}", hex::encode(attribute.as_slice())),
    }
}

/// RFC 4514 section 2.4; control characters, which it lets pass, are escaped as it allows.
fn escape(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    value.chars().enumerate().fold(String::new(), |mut escaped, (index, c)| {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
            || (index == 0 && matches!(c, ' ' | '#'))
            || (index == last && c == ' ');
        if special {
            escaped.push('\\');
            escaped.push(c);
        } else if dangerous(c) {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).bytes();
            escaped.extend(bytes.map(|byte| format!("\\{byte:02X}")));
        } else {
            escaped.push(c);
        }
        escaped
    })
}

/// Would move a terminal's cursor, or turn the direction of what follows.
pub(crate) fn dangerous(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}
