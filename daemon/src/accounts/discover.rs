//! From an address to proposals (requirement A11). What the mailer found is judged here: which of it may be proposed, and
//! how far it can be relied on. Nothing is saved, and no proposal goes without TLS.
//!
//! DNS is not authenticated. What it says of a server within the address's own domain is taken (RFC 6186 section 6): that
//! server's certificate will show whose it is. Everything else that DNS leads to must be confirmed by a person.

use super::host::{parse_server, server_to_ascii};
use super::model::Security;
use super::presets::{Password, Preset, is_within, of_domain, of_exchanger, of_server};
use crate::mailer::discovery::{Document, Findings, Outgoing, Service, Socket};
use crate::message::address::parse_addr_spec;

/// More are no help to a person.
const MOST: usize = 8;

/// Longest login that is proposed, in octets.
const LONGEST_LOGIN: usize = 254;

/// Longest sentence or name of a source, in characters.
const LONGEST_TEXT: usize = 400;

/// An address to look for.
#[derive(Clone, Debug)]
pub struct Wanted {
    address: String,
    local: String,
    /// As A-labels.
    domain: String,
}

/// How far a proposal can be relied on, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Faxpost comes with it.
    BuiltIn,
    /// The domain says so over HTTPS.
    Authenticated,
    /// DNS says so, and the server is within the domain.
    SameDomain,
    /// DNS led to somebody else.
    Unconfirmed,
}

/// Settings that may work.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The address.
    pub sender_email: String,
    /// SMTP server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// When TLS begins; never [`Security::None`].
    pub security: Security,
    /// Whether to sign in, and as whom.
    pub login: Option<String>,
    /// How far to rely on it.
    pub trust: Trust,
    /// Where it is from.
    pub source: String,
    /// The preset that it is of.
    pub preset: Option<Preset>,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Source {
    /// As in [`Proposal::source`].
    pub name: String,
    /// How many proposals it has brought.
    pub found: usize,
    /// Why there are none.
    pub text: String,
}

/// Everything that a person decides by.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// Best first.
    pub proposals: Vec<Proposal>,
    /// In order.
    pub sources: Vec<Source>,
}

impl Wanted {
    /// An address whose domain can be asked for.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed = parse_addr_spec(text.trim())?;
        let domain = parsed.domain().to_owned();
        if domain.starts_with('[') || !domain.contains('.') {
            return Err("has a domain that no name server knows".to_owned());
        }
        let address = text.trim().to_owned();
        Ok(Self { address, local: parsed.user().to_owned(), domain })
    }

    /// Its domain, as A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The preset of its domain: nobody needs to be asked then.
    #[must_use]
    pub fn known(&self) -> Option<Discovered> {
        let preset = of_domain(&self.domain)?;
        let source = format!("preset {}", preset.id);
        let sources = vec![Source { name: source.clone(), found: 1, text: String::new() }];
        Some(Discovered { proposals: vec![self.of_preset(preset, Trust::BuiltIn, source)], sources })
    }

    /// What was found, judged.
    #[must_use]
    pub fn judge(&self, findings: Findings) -> Discovered {
        let mut all = Discovered::default();
        let Findings { services, documents, exchangers, exchanger_documents } = findings;
        for document in documents {
            self.take_document(document, Trust::Authenticated, &mut all);
        }
        for service in services {
            self.take_service(service, &mut all);
        }
        if let Some(exchangers) = exchangers {
            let (hosts, mut text) = match exchangers.hosts {
                Ok(hosts) => (hosts, "no provider is known by these hosts".to_owned()),
                Err(why) => (Vec::new(), why),
            };
            let preset = hosts.iter().find_map(|host| of_exchanger(host));
            let found = usize::from(preset.is_some());
            if let Some(preset) = preset {
                all.proposals.push(self.of_preset(preset, Trust::Unconfirmed, exchangers.name.clone()));
                text = String::new();
            }
            all.sources.push(Source { name: exchangers.name, found, text });
        }
        for document in exchanger_documents {
            self.take_document(document, Trust::Unconfirmed, &mut all);
        }
        // A stable sort: of two that are as good, what was asked first, and there what is preferred.
        all.proposals.sort_by_key(|proposal| proposal.trust);
        let mut seen = Vec::new();
        all.proposals.retain(|proposal| {
            let key = (proposal.server.clone(), proposal.port);
            let new = !seen.contains(&key);
            seen.push(key);
            new
        });
        all.proposals.truncate(MOST);
        // Five or six are asked; the process that asked is not trusted with more.
        all.sources.truncate(2 * MOST);
        for source in &mut all.sources {
            source.text = source.text.chars().take(LONGEST_TEXT).collect();
            source.name = source.name.chars().take(LONGEST_TEXT).collect();
        }
        all
    }

    fn of_preset(&self, preset: Preset, trust: Trust, source: String) -> Proposal {
        Proposal {
            sender_email: self.address.clone(),
            server: preset.server.to_owned(),
            port: preset.port,
            security: preset.security,
            login: Some(self.address.clone()),
            trust,
            source,
            preset: Some(preset),
        }
    }

    fn take_document(&self, document: Document, trust: Trust, all: &mut Discovered) {
        let (servers, mut text) = match document.servers {
            Ok(servers) => (servers, "no server in it has TLS and a name that can be used".to_owned()),
            Err(why) => (Vec::new(), why),
        };
        let before = all.proposals.len();
        for Outgoing { host, port, socket, username, authentication } in servers {
            let security = match socket {
                Socket::Implicit => Security::Implicit,
                Socket::Starttls => Security::Starttls,
                // A password would be read by everybody on the way.
                Socket::Plain => continue,
            };
            let Some(server) = usable(&host) else { continue };
            let open = |way: &String| ["none", "client-ip-address", "smtp-after-pop"].contains(&way.as_str());
            let signs_in = authentication.is_empty() || !authentication.iter().all(open);
            all.proposals.push(Proposal {
                sender_email: self.address.clone(),
                preset: of_server(&server),
                server,
                port,
                security,
                login: signs_in.then(|| self.login(&username)),
                trust,
                source: document.url.clone(),
            });
        }
        let found = all.proposals.len() - before;
        if found > 0 {
            text = String::new();
        }
        all.sources.push(Source { name: document.url, found, text });
    }

    fn take_service(&self, service: Service, all: &mut Discovered) {
        let (targets, mut text) = match service.targets {
            Ok(targets) => (targets, "no host in it has a name that can be used".to_owned()),
            Err(why) => (Vec::new(), why),
        };
        let before = all.proposals.len();
        for (host, port) in targets {
            let Some(server) = usable(&host).filter(|_| port > 0) else { continue };
            let own = is_within(&server, &self.domain);
            all.proposals.push(Proposal {
                sender_email: self.address.clone(),
                preset: of_server(&server),
                server,
                port,
                security: if service.implicit { Security::Implicit } else { Security::Starttls },
                // RFC 6186 section 4: the whole address first.
                login: Some(self.address.clone()),
                trust: if own { Trust::SameDomain } else { Trust::Unconfirmed },
                source: service.name.clone(),
            });
        }
        let found = all.proposals.len() - before;
        if found > 0 {
            text = String::new();
        }
        all.sources.push(Source { name: service.name, found, text });
    }

    /// A document's template filled in; what cannot be is the address.
    fn login(&self, template: &str) -> String {
        let filled = template
            .replace("%EMAILADDRESS%", &self.address)
            .replace("%EMAILLOCALPART%", &self.local)
            .replace("%EMAILDOMAIN%", &self.domain);
        let usable = !filled.is_empty()
            && filled.len() <= LONGEST_LOGIN
            && !filled.contains('%')
            && !filled.contains(char::is_control);
        if usable { filled } else { self.address.clone() }
    }
}

impl Proposal {
    /// A password signs in, and of what kind; what is not known of a provider is its own.
    #[must_use]
    pub fn password(&self) -> Password {
        match (&self.login, &self.preset) {
            (None, _) => Password::None,
            (Some(_), Some(preset)) => preset.password,
            (Some(_), None) => Password::Own,
        }
    }
}

/// A host name that somebody else gave: a name of the DNS, and no address or this computer.
fn usable(host: &str) -> Option<String> {
    let server = server_to_ascii(&parse_server(host).ok()?);
    let is_name = server.contains('.') && server.parse::<std::net::IpAddr>().is_err();
    (is_name && !is_within(&server, "localhost")).then_some(server)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mailer::discovery::Exchangers;

    fn wanted() -> Wanted {
        Wanted::parse("fax@example.org").unwrap()
    }

    fn service(name: &str, implicit: bool, targets: &[(&str, u16)]) -> Service {
        let targets = targets.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        Service { name: name.to_owned(), implicit, targets: Ok(targets) }
    }

    fn outgoing(host: &str, port: u16, socket: Socket) -> Outgoing {
        Outgoing {
            host: host.to_owned(),
            port,
            socket,
            username: "%EMAILLOCALPART%".to_owned(),
            authentication: Vec::new(),
        }
    }

    fn document(servers: Vec<Outgoing>) -> Document {
        Document {
            url: "https://autoconfig.example.org/mail/config-v1.1.xml".to_owned(),
            servers: Ok(servers),
        }
    }

    #[test]
    fn a11_the_domain_of_a_provider_is_known_without_asking() {
        let known = Wanted::parse("Somebody@GMail.com").unwrap().known().unwrap();
        assert_eq!(known.proposals[0].server, "smtp.gmail.com");
        assert_eq!(known.proposals[0].trust, Trust::BuiltIn);
        assert_eq!(known.proposals[0].login.as_deref(), Some("Somebody@GMail.com"));
        assert!(wanted().known().is_none());
        for bad in ["nobody", "a@localhost", "a@[192.0.2.1]", "a@b c.example", ""] {
            assert!(Wanted::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a11_only_names_within_the_domain_are_taken_from_dns_without_question() {
        let found = wanted().judge(Findings {
            services: vec![
                service(
                    "_submissions._tcp.example.org",
                    true,
                    &[
                        ("mail.provider.example", 465),
                        ("smtp.example.org", 465),
                        ("notexample.org", 465),
                        ("127.0.0.1", 465),
                        ("localhost", 465),
                        ("smtp.example.org", 0),
                    ],
                ),
                service("_submission._tcp.example.org", false, &[("example.org", 587)]),
            ],
            ..Findings::default()
        });
        let told: Vec<_> =
            found.proposals.iter().map(|p| (p.server.as_str(), p.port, p.security, p.trust)).collect();
        assert_eq!(
            told,
            [
                ("smtp.example.org", 465, Security::Implicit, Trust::SameDomain),
                ("example.org", 587, Security::Starttls, Trust::SameDomain),
                ("mail.provider.example", 465, Security::Implicit, Trust::Unconfirmed),
                ("notexample.org", 465, Security::Implicit, Trust::Unconfirmed),
            ]
        );
        assert_eq!((found.sources[0].found, found.sources[1].found), (3, 1));
    }

    #[test]
    fn a11_a_document_of_the_domain_vouches_and_never_proposes_a_connection_without_tls() {
        let servers = vec![
            outgoing("smtp.provider.example", 587, Socket::Starttls),
            outgoing("smtp.example.org", 25, Socket::Plain),
        ];
        let found = wanted().judge(Findings { documents: vec![document(servers)], ..Findings::default() });
        assert_eq!(found.proposals.len(), 1);
        assert_eq!(found.proposals[0].trust, Trust::Authenticated);
        assert_eq!(found.proposals[0].login.as_deref(), Some("fax"));
        assert_eq!(found.proposals[0].password(), Password::Own);

        let plain = vec![outgoing("smtp.example.org", 25, Socket::Plain)];
        let none = wanted().judge(Findings { documents: vec![document(plain)], ..Findings::default() });
        assert!(none.proposals.is_empty() && none.sources[0].text.contains("TLS"));
    }

    #[test]
    fn a11_mail_hosts_lead_to_a_preset_that_must_be_confirmed() {
        let hosts = Ok(vec!["aspmx.l.google.com".to_owned()]);
        let exchangers = Some(Exchangers { name: "MX example.org".to_owned(), hosts });
        let found = wanted().judge(Findings { exchangers, ..Findings::default() });
        assert_eq!(found.proposals[0].preset.as_ref().unwrap().id, "google");
        assert_eq!(found.proposals[0].trust, Trust::Unconfirmed);
        assert_eq!(found.proposals[0].password(), Password::App);
    }

    #[test]
    fn a11_what_was_found_twice_is_proposed_once_as_who_vouches_best() {
        let found = wanted().judge(Findings {
            services: vec![service("_submission._tcp.example.org", false, &[("mail.provider.example", 587)])],
            documents: vec![document(vec![outgoing("mail.provider.example", 587, Socket::Starttls)])],
            ..Findings::default()
        });
        assert_eq!(found.proposals.len(), 1);
        assert_eq!(found.proposals[0].trust, Trust::Authenticated);
    }

    proptest! {
        #[test]
        fn a11_whatever_strangers_say_is_a_usable_proposal_or_none(
            host in prop_oneof![any::<String>(), "[a-z.]{0,20}"], port in any::<u16>(),
            username in any::<String>(), way in any::<String>(),
        ) {
            let outgoing = Outgoing {
                host: host.clone(), port, socket: Socket::Implicit, username, authentication: vec![way],
            };
            let found = wanted().judge(Findings {
                services: vec![service("x", true, &[(&host, port)])],
                documents: vec![document(vec![outgoing])],
                ..Findings::default()
            });
            for proposal in found.proposals {
                prop_assert_eq!(parse_server(&proposal.server), Ok(proposal.server.clone()));
                let login = proposal.login.unwrap_or_default();
                prop_assert!(login.len() <= LONGEST_LOGIN && !login.contains(char::is_control));
            }
        }
    }
}
