//! As whom an account sends what others have written, and who is meant by a name without a domain. `[sendmail]` in
//! `faxpostd.toml`.

use std::collections::BTreeMap;

use lettre::message::Mailbox;

use super::addresses::{Entry, entries, is_plain_phrase};
use super::fields::{Field, Header};
use super::{RawError, value};
use crate::message::address::{MAX_NAME, parse_addr_spec, parse_mailbox};

/// Octets of a name in encoded-words, which are longer than it is.
const MAX_PHRASE: usize = 400;

/// What becomes of a message from somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Foreign {
    /// It is sent as the account's.
    #[default]
    Rewrite,
    /// It is not taken.
    Refuse,
}

/// As whom an account sends.
#[derive(Clone, Debug)]
pub struct Senders {
    /// Its address.
    pub email: String,
    /// Its name; empty: none.
    pub name: String,
    /// Reply-To, unless a message has one; empty: none.
    pub reply_to: String,
    /// MAIL FROM; empty: its address.
    pub envelope_sender: String,
    /// Who it may send as, too: addresses, and "@domain" for everybody there.
    pub others: Vec<String>,
    /// What becomes of a message from anybody else.
    pub foreign: Foreign,
}

/// The fields that say who a message is from.
#[derive(Debug)]
pub(super) struct Author {
    pub(super) fields: Vec<Field>,
}

impl Senders {
    pub(super) fn domain(&self) -> &str {
        self.email.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }

    /// Whether this is an address that it may send as.
    fn may(&self, address: &str) -> bool {
        let Ok(address) = parse_addr_spec(address) else { return false };
        let same = |other: &str| {
            let domain =
                other.strip_prefix('@').is_some_and(|domain| domain.eq_ignore_ascii_case(address.domain()));
            domain || other.eq_ignore_ascii_case(address.as_ref())
        };
        same(&self.email) || self.others.iter().any(|other| same(other))
    }

    pub(super) fn envelope_sender(&self, given: &str) -> String {
        let address = given.trim().trim_start_matches('<').trim_end_matches('>');
        let own = if self.envelope_sender.is_empty() { &self.email } else { &self.envelope_sender };
        match address {
            "" if given.trim() == "<>" => String::new(),
            address if self.may(address) => {
                parse_addr_spec(address).map_or_else(|_| own.clone(), |a| a.to_string())
            }
            _ => own.clone(),
        }
    }

    /// Who the message is from, as its readers see it.
    pub(super) fn author(&self, header: &Header, sender: &str, name: &str) -> Result<Author, RawError> {
        let given = header.list("from").unwrap_or_default();
        let list = entries(&given).unwrap_or_default();
        let (mut fields, mut answer_to) = (Vec::new(), None);
        match list.as_slice() {
            [] if given.is_empty() => {
                let address = sender.trim().trim_start_matches('<').trim_end_matches('>');
                let address = if self.may(address) { address } else { &self.email };
                let name = if name.is_empty() { &self.name } else { name };
                fields.push(Field::new("From", &self.from(address, name)));
            }
            [entry] if self.may(&entry.address) => {
                fields.push(Field::new("From", &self.written(entry, &entry.address)))
            }
            list => {
                if self.foreign == Foreign::Refuse {
                    return Err(RawError::Foreign(given, self.email.clone()));
                }
                let first = list.first();
                let from = first.map_or_else(
                    || self.from(&self.email, &self.name),
                    |entry| self.written(entry, &self.email),
                );
                fields.push(Field::new("From", &from));
                fields.push(Field::new("X-Original-From", &given));
                answer_to = first.map(|entry| entry.address.clone());
            }
        }
        if let Some(entry) = header.list("sender").and_then(|list| entries(&list).ok()?.into_iter().next())
            && self.may(&entry.address)
        {
            fields.push(Field::new("Sender", &self.written(&entry, &entry.address)));
        }
        if header.get("reply-to").is_none() {
            // A host that nobody outside knows cannot be answered to.
            let known = |address: &String| {
                parse_addr_spec(address)
                    .is_ok_and(|address| address.domain().contains('.') && address.user().is_ascii())
            };
            let reply_to = match self.reply_to.is_empty() {
                true => answer_to.filter(known),
                false => Some(self.reply_to.clone()),
            };
            fields.extend(reply_to.map(|address| Field::new("Reply-To", &address)));
        }
        Ok(Author { fields })
    }

    /// A name and an address; a name that cannot be is left out.
    fn from(&self, address: &str, name: &str) -> String {
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let name =
            Some(name.trim().to_owned()).filter(|name| !name.is_empty() && name.chars().count() <= MAX_NAME);
        match parse_addr_spec(address) {
            Ok(address) => value(Mailbox::new(name, address)).replace("\r\n", ""),
            Err(_) => address.to_owned(),
        }
    }

    /// The entry with that address instead, its name as it came where that can be.
    fn written(&self, entry: &Entry, address: &str) -> String {
        if entry.phrase.is_empty() {
            let name = if entry.comment.is_empty() && address != entry.address {
                &self.name
            } else {
                &entry.comment
            };
            return self.from(address, name);
        }
        let address =
            parse_addr_spec(address).map_or_else(|_| address.to_owned(), |address| address.to_string());
        let text = format!("{} <{address}>", entry.phrase);
        // In any other, a reader could find another address before this one.
        let is_plain = entry.phrase.is_ascii() && is_plain_phrase(&entry.phrase);
        if is_plain && entry.phrase.len() <= MAX_PHRASE {
            return text;
        }
        match parse_mailbox(&text) {
            Ok(mailbox) => value(mailbox).replace("\r\n", ""),
            Err(_) => self.from(&address, &self.name),
        }
    }
}

/// Who is meant by names without a domain, and at this host.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    /// Names in lower case, "*" for every other, and the addresses they stand for.
    pub names: BTreeMap<String, Vec<String>>,
    /// What this host is called.
    pub hosts: Vec<String>,
}

impl Aliases {
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the field.
    pub(super) fn resolve(&self, entries: Vec<Entry>) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        for Entry { address, .. } in entries {
            let here = |domain: &str| self.hosts.iter().any(|host| host.eq_ignore_ascii_case(domain));
            let local = match address.rsplit_once('@') {
                None => Some(address.as_str()),
                Some((local, domain)) if here(domain) => Some(local),
                Some(_) => None,
            };
            let alias =
                local.and_then(|name| self.names.get(&name.to_lowercase()).or_else(|| self.names.get("*")));
            match alias {
                Some(addresses) => found.extend(addresses.iter().cloned()),
                None if local == Some(address.as_str()) => {
                    return Err(format!(
                        "has {address:?}, a name without @ that [sendmail.aliases] of faxpostd.toml does not know"
                    ));
                }
                None => {
                    let parsed = parse_addr_spec(&address);
                    found.push(parsed.map_err(|what| format!("has {address:?}, which {what}"))?.to_string());
                }
            }
        }
        Ok(found)
    }
}
