//! Finding the server of a domain: SRV and MX records, and autoconfig over HTTPS. Asked here, because what answers is a
//! stranger; what it means is judged by the daemon (`accounts::discover`).
//!
//! Of an address only its domain is ever asked for. No credential is anywhere near.

mod autoconfig;
mod dns;
mod https;
mod public;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::dns::Dns;
use self::https::Https;

/// One question, with what it takes to answer it. There are two rounds of them, each asked at the same time: a person waits for
/// twenty seconds at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest text that crosses to the daemon.
const LONGEST_TEXT: usize = 300;

/// What to look for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    /// The domain, as A-labels.
    pub domain: String,
    /// The name server to ask; `None`: those of the system.
    pub dns_server: Option<SocketAddr>,
    /// Where autoconfig is served.
    pub https_port: u16,
    /// Documents may come from addresses of closed networks and of this machine.
    pub private_addresses: bool,
}

/// What was found, as it was said; each with the place that was asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Findings {
    /// Services, by the names of RFC 6186 and RFC 8314.
    pub services: Vec<Service>,
    /// Documents of the domain itself.
    pub documents: Vec<Document>,
    /// Who takes the domain's mail in, best first.
    pub exchangers: Option<Exchangers>,
    /// Documents of who takes the domain's mail in.
    pub exchanger_documents: Vec<Document>,
}

/// The SRV records of one name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Service {
    /// E.g. "_submissions._tcp.example.org".
    pub name: String,
    /// TLS comes first there.
    pub implicit: bool,
    /// Host and port, best first; or why there are none.
    pub targets: Result<Vec<(String, u16)>, String>,
}

/// The MX records of the domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exchangers {
    /// "MX example.org".
    pub name: String,
    /// Hosts, best first; or why there are none.
    pub hosts: Result<Vec<String>, String>,
}

/// An autoconfig document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Its URL.
    pub url: String,
    /// What it has, in its order; or why it has nothing.
    pub servers: Result<Vec<Outgoing>, String>,
}

/// One outgoing server of an autoconfig document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// When TLS begins.
    pub socket: Socket,
    /// The login, with %EMAILADDRESS% and the like in it.
    pub username: String,
    /// Ways to sign in, lower case.
    pub authentication: Vec<String>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Socket {
    /// Never.
    Plain,
    /// At once.
    Implicit,
    /// By STARTTLS.
    Starttls,
}

/// Looks everywhere. Never fails as a whole: what could not be asked says why.
pub(super) async fn run(lookup: Lookup) -> Findings {
    let domain = lookup.domain.as_str();
    let dns = match Dns::new(lookup.dns_server) {
        Ok(dns) => dns,
        Err(why) => {
            let name = format!("MX {domain}");
            return Findings {
                exchangers: Some(Exchangers { name, hosts: Err(why) }),
                ..Findings::default()
            };
        }
    };
    let https = Https::new(&lookup, &dns).await;
    let service = async |name: &str, implicit| {
        let name = format!("{name}.{domain}");
        let targets = within(dns.services(&name)).await;
        Service { name, implicit, targets }
    };
    let document = async |url: String| {
        let servers = match &https {
            Ok(https) => within(https.get(&url)).await.and_then(|text| autoconfig::parse(&text)),
            Err(why) => Err(why.clone()),
        };
        Document { url, servers }
    };
    let port = if lookup.https_port == 443 { String::new() } else { format!(":{}", lookup.https_port) };
    let own = format!("https://autoconfig.{domain}{port}/mail/config-v1.1.xml");
    let well_known = format!("https://{domain}{port}/.well-known/autoconfig/mail/config-v1.1.xml");
    let exchangers = async {
        let hosts = within(dns.exchangers(domain)).await;
        Exchangers { name: format!("MX {domain}"), hosts }
    };
    let (submissions, submission, own, well_known, exchangers) = tokio::join!(
        service("_submissions._tcp", true),
        service("_submission._tcp", false),
        document(own),
        document(well_known),
        exchangers,
    );
    let documents = vec![own, well_known];
    let mut exchanger_documents = Vec::new();
    // Who has documents of his own is not asked about by way of others.
    if documents.iter().all(|document| document.servers.is_err()) {
        let host = exchangers.hosts.as_ref().ok().and_then(|hosts| hosts.first());
        let parents = host.map_or_else(Vec::new, |host| parents(host, domain));
        let asked = parents
            .iter()
            .map(|parent| document(format!("https://autoconfig.{parent}{port}/mail/config-v1.1.xml")));
        exchanger_documents = futures_util::future::join_all(asked).await;
        // The nearer one speaks for the host.
        let enough = exchanger_documents.iter().position(|document| document.servers.is_ok());
        exchanger_documents.truncate(enough.map_or(exchanger_documents.len(), |at| at + 1));
    }
    let services = vec![submissions, submission];
    Findings { services, documents, exchangers: Some(exchangers), exchanger_documents }
}

async fn within<T>(asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    answered.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(|why| shortened(&why))
}

/// The domains that a mail host may belong to: without its first label, and the last two. Which of them is a registry's
/// (co.uk) is not known here; asking there does no harm, and nothing found by MX is relied on unasked.
fn parents(host: &str, domain: &str) -> Vec<String> {
    let labels: Vec<_> = host.split('.').collect();
    let mut parents = Vec::new();
    for begin in [1, labels.len().saturating_sub(2)] {
        let parent = labels.get(begin..).unwrap_or_default().join(".");
        if parent.contains('.') && parent != domain && !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    parents
}

/// Text of others in a sentence of ours.
fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a11_the_domain_of_a_mail_host_is_guessed_and_never_a_single_label() {
        assert_eq!(
            parents("mx1.mail.provider.example", "a.example"),
            ["mail.provider.example", "provider.example"]
        );
        assert_eq!(parents("mx.provider.example", "a.example"), ["provider.example"]);
        assert_eq!(parents("mx.a.example", "a.example"), Vec::<String>::new());
        assert_eq!(parents("localhost", "a.example"), Vec::<String>::new());
        assert_eq!(parents("", "a.example"), Vec::<String>::new());
    }
}
