//! What a server says it can do, from its answer to EHLO. lettre's `ServerInfo` keeps neither the order of the
//! sign-in mechanisms nor SIZE and PIPELINING.

use crate::mailer::Reply;

/// What is of use here, and every line for people.
#[derive(Debug, Default)]
pub(super) struct Capabilities {
    pub(super) lines: Vec<String>,
    pub(super) starttls: bool,
    pub(super) pipelining: bool,
    pub(super) eight_bit_mime: bool,
    pub(super) smtputf8: bool,
    /// BDAT (RFC 3030).
    pub(super) chunking: bool,
    /// Reports of delivery (RFC 3461).
    pub(super) dsn: bool,
    /// SIZE is offered (RFC 1870); the limit in bytes, or 0: none stated.
    pub(super) size: Option<u64>,
    /// SASL mechanisms in the server's order, upper case.
    pub(super) mechanisms: Vec<String>,
}

impl Capabilities {
    pub(super) fn parse(reply: &Reply) -> Self {
        let mut this = Self::default();
        // The first line is the server's name.
        for line in reply.lines.iter().skip(1) {
            // Old servers write "AUTH=LOGIN PLAIN", for old clients.
            let upper = line.trim().to_ascii_uppercase().replacen("AUTH=", "AUTH ", 1);
            let mut words = upper.split_ascii_whitespace();
            match words.next().unwrap_or_default() {
                "STARTTLS" => this.starttls = true,
                "PIPELINING" => this.pipelining = true,
                "8BITMIME" => this.eight_bit_mime = true,
                "SMTPUTF8" => this.smtputf8 = true,
                "CHUNKING" => this.chunking = true,
                "DSN" => this.dsn = true,
                "SIZE" => this.size = Some(words.next().and_then(|limit| limit.parse().ok()).unwrap_or(0)),
                "AUTH" => this.add_mechanisms(words),
                _ => {}
            }
            this.lines.push(line.trim().to_owned());
        }
        this
    }

    /// What a message may have at most, in bytes.
    pub(super) fn size_limit(&self) -> Option<u64> {
        self.size.filter(|limit| *limit > 0)
    }

    fn add_mechanisms<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if !self.mechanisms.iter().any(|known| known == name) {
                self.mechanisms.push(name.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Capabilities {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        Capabilities::parse(&Reply { code: 250, enhanced: None, lines })
    }

    #[test]
    fn the_order_of_mechanisms_is_the_servers_and_the_old_spelling_is_read() {
        let found = parse(&["host", "AUTH=LOGIN", "auth login XOAUTH2 Plain", "SIZE 35882577", "8BITMIME"]);
        assert_eq!(found.mechanisms, ["LOGIN", "XOAUTH2", "PLAIN"]);
        assert_eq!(found.size_limit(), Some(35_882_577));
        assert!(found.eight_bit_mime && !found.starttls && !found.pipelining);
    }

    #[test]
    fn size_without_a_limit_is_offered_but_limits_nothing() {
        for line in ["SIZE", "SIZE 0", "SIZE much"] {
            let found = parse(&["host", line]);
            assert_eq!((found.size, found.size_limit()), (Some(0), None), "{line}");
        }
        assert_eq!(parse(&["STARTTLS"]).lines.len(), 0, "the first line is a name");
    }
}
