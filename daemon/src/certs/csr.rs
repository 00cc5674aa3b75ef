//! Requests for a CA: PKCS#10 (RFC 2986), signed by the key that waits in the machine's store.

use super::action::SigningRequest;
use super::asn1::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, write};
use super::fault::CertificateError;
use super::key::KeyAlgorithm;
use super::name::dangerous;
use super::open_key;
use super::store::PendingKey;
use crate::message::address::parse_addr_spec;

/// Longest subject that is taken, as text.
const MAX_SUBJECT: usize = 1024;

/// ub-common-name and its kin are 64; some CAs take more.
const MAX_VALUE: usize = 128;

const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// Attribute types by their names in RFC 4514, and what RFC 4519 and 2985 add.
const TYPES: [(&str, &str); 11] = [
    ("CN", "2.5.4.3"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("EMAILADDRESS", EMAIL_ADDRESS),
];

/// The subject to use, in RFC 4514: as asked for, or the address as common name.
///
/// # Errors
/// The field `subject` or `sender_email`.
pub(super) fn subject(asked: &str, address: &str) -> Result<String, CertificateError> {
    sender(address)?;
    let asked = asked.trim();
    if asked.is_empty() {
        let escaped: String =
            address.chars().flat_map(|c| [escapes(c).then_some('\\'), Some(c)]).flatten().collect();
        // Longer than a common name may be: then the address stands in subjectAltName alone.
        let fits = address.len() <= 64;
        return Ok(if fits { format!("CN={escaped}") } else { "CN=Faxpost".to_owned() });
    }
    name(asked).map(|_| asked.to_owned()).map_err(|what| CertificateError::invalid("subject", what))
}

/// The request for this subject and address, signed.
///
/// # Errors
/// Fields, or the key does not sign.
pub(super) fn make(
    subject_text: &str,
    address: &str,
    pending: &PendingKey,
) -> Result<SigningRequest, CertificateError> {
    let subject_text = subject(subject_text, address)?;
    let name = name(&subject_text).map_err(|what| CertificateError::invalid("subject", what))?;
    let attributes = write(0xa0, &[&extension_request(&general_name(address)?)]);
    let info = write(SEQUENCE, &[&write(INTEGER, &[&[0]]), &name, &pending.public_key, &attributes]);
    let failed = |error| CertificateError::Store(format!("the new key does not sign its request: {error}"));
    let key = open_key(&pending.key).map_err(failed)?;
    let signature = key.sign(&info).map_err(failed)?;
    let algorithm = match key.algorithm() {
        KeyAlgorithm::Rsa => write(SEQUENCE, &[&object_identifier("1.2.840.113549.1.1.11"), &[5, 0]]),
        KeyAlgorithm::EcP256 => write(SEQUENCE, &[&object_identifier("1.2.840.10045.4.3.2")]),
    };
    let der = write(SEQUENCE, &[&info, &algorithm, &write(BIT_STRING, &[&[0], &signature])]);
    use sha2::Digest as _;
    Ok(SigningRequest {
        id: sha2::Sha256::digest(&pending.public_key).into(),
        subject: subject_text,
        addresses: vec![address.to_owned()],
        key_algorithm: String::new(),
        created_at: 0,
        created_by: String::new(),
        pem: pem("CERTIFICATE REQUEST", &der),
    })
}

/// PEM (RFC 7468).
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let digits = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = digits.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn sender(address: &str) -> Result<lettre::Address, CertificateError> {
    parse_addr_spec(address)
        .map_err(|what| CertificateError::invalid("sender_email", format!("the sender's address {what}")))
}

/// rfc822Name, or SmtpUTF8Mailbox (RFC 9598) where the local part is not ASCII.
fn general_name(address: &str) -> Result<Vec<u8>, CertificateError> {
    let address = sender(address)?;
    if address.user().is_ascii() {
        let address: &str = address.as_ref();
        return Ok(write(0x81, &[address.as_bytes()]));
    }
    // Its domain stands as U-labels there.
    let (domain, _) = idna::domain_to_unicode(address.domain());
    let mailbox = format!("{}@{domain}", address.user());
    let value = write(0xa0, &[&write(0x0c, &[mailbox.as_bytes()])]);
    Ok(write(0xa0, &[&object_identifier("1.3.6.1.5.5.7.8.9"), &value]))
}

/// What the certificate should have: the address, and that it signs mail.
fn extension_request(general_name: &[u8]) -> Vec<u8> {
    let extension = |oid: &str, critical: bool, value: &[u8]| {
        let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
        write(SEQUENCE, &[&object_identifier(oid), critical, &write(OCTET_STRING, &[value])])
    };
    let names = write(SEQUENCE, &[general_name]);
    // digitalSignature: the first bit.
    let usage = write(BIT_STRING, &[&[7, 0x80]]);
    let purpose = write(SEQUENCE, &[&object_identifier("1.3.6.1.5.5.7.3.4")]);
    let extensions = write(
        SEQUENCE,
        &[
            &extension("2.5.29.17", false, &names),
            &extension("2.5.29.15", true, &usage),
            &extension("2.5.29.37", false, &purpose),
        ],
    );
    write(SEQUENCE, &[&object_identifier("1.2.840.113549.1.9.14"), &write(SET, &[&extensions])])
}

/// A distinguished name (RFC 4514) as DER.
fn name(text: &str) -> Result<Vec<u8>, String> {
    if text.len() > MAX_SUBJECT {
        return Err(format!("has more than {MAX_SUBJECT} octets"));
    }
    if text.contains(dangerous) {
        return Err("has a control character".to_owned());
    }
    let mut rdns = Vec::new();
    for rdn in split(text, ',')? {
        let mut attributes =
            split(&rdn, '+')?.iter().map(|text| attribute(text)).collect::<Result<Vec<_>, _>>()?;
        // DER wants the members of a set in order.
        attributes.sort();
        let parts: Vec<_> = attributes.iter().map(Vec::as_slice).collect();
        rdns.push(write(SET, &parts));
    }
    // The last RDN stands first in the text.
    let parts: Vec<_> = rdns.iter().rev().map(Vec::as_slice).collect();
    Ok(write(SEQUENCE, &parts))
}

/// Parts between separators that no backslash stands before; escapes stay.
fn split(text: &str, separator: char) -> Result<Vec<String>, String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == separator {
            parts.push(String::new());
            continue;
        }
        let part = parts.last_mut().ok_or("has no part")?;
        part.push(c);
        if c == '\\' {
            part.push(characters.next().ok_or("ends with a backslash")?);
        }
    }
    Ok(parts)
}

fn attribute(text: &str) -> Result<Vec<u8>, String> {
    let shape = || format!("has a part {text:?}; a subject is written like CN=Fax, O=Firm, C=DE");
    let (kind, value) = text.split_once('=').ok_or_else(shape)?;
    let kind = kind.trim().to_ascii_uppercase();
    let oid = match TYPES.iter().find(|(name, _)| *name == kind) {
        Some((_, oid)) => (*oid).to_owned(),
        None if kind.contains('.') && is_oid(&kind) => kind.clone(),
        None => {
            return Err(format!(
                "has an unknown attribute {kind:?}; known are CN, O, OU, C, ST, L, STREET, DC, UID, \
                                    serialNumber, emailAddress, and OIDs"
            ));
        }
    };
    let value = unescape(value.trim_start()).ok_or_else(shape)?;
    if value.is_empty() || value.len() > MAX_VALUE {
        return Err(format!("has an attribute {kind} that is empty or longer than {MAX_VALUE} octets"));
    }
    let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    let tag = match oid.as_str() {
        "2.5.4.6" if value.len() != 2 || !value.bytes().all(|b| b.is_ascii_alphabetic()) => {
            return Err("has a country (C) that is not a code of two letters".to_owned());
        }
        "2.5.4.5" if !value.chars().all(printable) => {
            return Err("has a serialNumber with characters that it cannot have".to_owned());
        }
        "2.5.4.5" | "2.5.4.6" => 0x13,
        EMAIL_ADDRESS | "0.9.2342.19200300.100.1.25" if value.is_ascii() => 0x16,
        _ => 0x0c,
    };
    Ok(write(SEQUENCE, &[&object_identifier(&oid), &write(tag, &[value.as_bytes()])]))
}

/// Without escapes, and without blanks at the end that are not escaped.
fn unescape(text: &str) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut kept = 0;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            if c == '"' {
                return None;
            }
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            if c != ' ' {
                kept = bytes.len();
            }
            continue;
        }
        let first = characters.next()?;
        match first.to_digit(16) {
            Some(high) => bytes.push(u8::try_from(high * 16 + characters.next()?.to_digit(16)?).ok()?),
            None if first.is_ascii_punctuation() || first == ' ' => bytes.push(first as u8),
            None => return None,
        }
        kept = bytes.len();
    }
    bytes.truncate(kept);
    String::from_utf8(bytes).ok().filter(|text| !text.contains(dangerous))
}

fn escapes(c: char) -> bool {
    matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '#' | '=')
}

fn is_oid(text: &str) -> bool {
    let numbers: Vec<Option<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    let fits = matches!(
        numbers.as_slice(),
        [Some(0 | 1), Some(0..=39), Some(_), ..] | [Some(2), Some(0..=47), Some(_), ..]
    );
    fits && numbers.len() <= 20 && numbers.iter().all(Option::is_some)
}

/// An OID that [`is_oid`] takes.
fn object_identifier(text: &str) -> Vec<u8> {
    let numbers: Vec<u32> = text.split('.').filter_map(|part| part.parse().ok()).collect();
    let mut content = Vec::new();
    if let [first, second, rest @ ..] = numbers.as_slice() {
        content.push((first * 40 + second) as u8);
        for number in rest {
            let groups =
                (0..5).rev().map(|group| (number >> (7 * group)) & 0x7f).skip_while(|group| *group == 0);
            let mut groups: Vec<u8> = groups.map(|group| group as u8 | 0x80).collect();
            match groups.last_mut() {
                Some(last) => *last &= 0x7f,
                None => groups.push(0),
            }
            content.extend(groups);
        }
    }
    write(OBJECT_IDENTIFIER, &[&content])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use x509_parser::prelude::{FromDer as _, X509Name};

    use super::super::name::rfc4514;
    use super::*;

    fn read_back(text: &str) -> String {
        let der = name(text).unwrap();
        let (rest, parsed) = X509Name::from_der(&der).unwrap();
        assert!(rest.is_empty());
        rfc4514(&parsed)
    }

    #[test]
    fn c9_subjects_are_read_as_rfc_4514_and_as_people_write_them() {
        for (text, expected) in [
            ("CN=Fax, O=Firm, C=DE", "CN=Fax,O=Firm,C=DE"),
            ("cn=Fax+OU=x,dc=example,DC=com", "OU=x+CN=Fax,DC=example,DC=com"),
            (
                r"CN=Lee\, Ann\2C \D0\A4,emailAddress=a@example.com",
                r"CN=Lee\, Ann\, Ф,emailAddress=a@example.com",
            ),
            (r"CN=end\ ,2.5.4.65=pseudonym", r"CN=end\ ,2.5.4.65=#70736575646f6e796d"),
            ("CN=Факс = Büro ", "CN=Факс = Büro"),
        ] {
            assert_eq!(read_back(text), expected, "{text}");
        }
        for wrong in [
            "Fax",
            "CN=",
            "XX=1",
            "C=DEU",
            "CN=a\\",
            "CN=\"a\"",
            "CN=a\u{7}",
            "CN=\\00",
            "1.2=x",
            &"CN=a,".repeat(300),
        ] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn c9_without_a_subject_the_address_is_the_common_name() {
        assert_eq!(subject("", "fax@example.com").unwrap(), "CN=fax@example.com");
        assert_eq!(read_back(&subject(" ", "a+b@example.com").unwrap()), r"CN=a\+b@example.com");
        let long = format!("{}@{}.com", "a".repeat(60), "b".repeat(40));
        assert_eq!(subject("", &long).unwrap(), "CN=Faxpost");
        assert_eq!(subject("CN=x", "nothing").unwrap_err().field(), Some("sender_email"));
        assert_eq!(subject("x", "a@example.com").unwrap_err().field(), Some("subject"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_refused(text in "[A-Z=,+\\\\ a-f0-9#\"é.]{0,60}") {
            if let Ok(der) = name(&text) {
                prop_assert!(X509Name::from_der(&der).is_ok());
            }
            let _ = subject(&text, "a@example.com");
        }
    }
}
