//! Documents over HTTPS: bounded in size and time, with a certificate that is checked as for SMTP.
//!
//! Any user may have this machine ask, for a domain of his own. So it asks only what he could ask himself: public addresses,
//! looked at after the name was resolved; one port; redirects within the domain that was asked; no proxy, behind which
//! another one would resolve the name; and what answers with something else than a document, it does not tell apart.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::Lookup;
use super::dns::Dns;
use super::public::is_public;
use crate::mailer::oauth::tls_of_the_system;

/// Documents of large providers are below ten kilobytes.
const MAX_DOCUMENT: usize = 64 * 1024;

const REDIRECTS: usize = 3;
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(8);

pub(super) struct Https {
    client: Client,
    port: u16,
}

impl Https {
    pub(super) async fn new(lookup: &Lookup, dns: &Dns) -> Result<Self, String> {
        let tls = tls_of_the_system().await.map_err(|error| format!("TLS cannot be used: {error}"))?;
        let port = lookup.https_port;
        let redirects = Policy::custom(move |attempt| {
            let asked = attempt.previous().first().and_then(Url::host_str).unwrap_or_default();
            if is_within(attempt.url(), asked, port) && attempt.previous().len() <= REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(redirects)
            .dns_resolver(Arc::new(Resolver { dns: dns.clone(), private: lookup.private_addresses }))
            .no_proxy()
            .http1_only()
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .user_agent(concat!("Faxpost/", env!("CARGO_PKG_VERSION")));
        let client = builder.build().map_err(|error| sentence(&error))?;
        Ok(Self { client, port })
    }

    /// Reads a document.
    pub(super) async fn get(&self, url: &str) -> Result<String, String> {
        let url = Url::parse(url).map_err(|_| "the domain is none of the web".to_owned())?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !is_within(&url, &host, self.port) {
            return Err("the domain is none of the web".to_owned());
        }
        let asked = self.client.get(url).header(ACCEPT, "text/xml, application/xml").send().await;
        let mut answer = asked.map_err(|error| sentence(&error.without_url()))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err("it redirects to a place that is not followed".to_owned());
        }
        if !status.is_success() {
            return Err("there is no such document".to_owned());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| sentence(&error.without_url()))? {
            if body.len() + chunk.len() > MAX_DOCUMENT {
                return Err(format!("the document is larger than {MAX_DOCUMENT} octets"));
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| "the document is not UTF-8".to_owned())
    }
}

/// Over https and this port, to the host that was asked or another one of its domain. "autoconfig.example.org" is asked for
/// example.org. Numbers are no hosts of a domain, and are not resolved, so nobody would look at them.
fn is_within(url: &Url, asked: &str, port: u16) -> bool {
    let Some(url::Host::Domain(host)) = url.host() else { return false };
    let domain = asked.strip_prefix("autoconfig.").unwrap_or(asked);
    let within = host == domain || host.strip_suffix(domain).is_some_and(|below| below.ends_with('.'));
    url.scheme() == "https" && url.port_or_known_default() == Some(port) && within
}

/// Addresses of the hosts of documents, and of those only what may be asked.
struct Resolver {
    dns: Dns,
    /// Also of closed networks.
    private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (dns, private) = (self.dns.clone(), self.private);
        Box::pin(async move {
            let mut found: Vec<SocketAddr> = if dns.is_special() {
                dns.addresses(name.as_str()).await?.into_iter().map(|address| (address, 0).into()).collect()
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            found.retain(|address| private || is_public(address.ip()));
            if found.is_empty() {
                return Err("its name leads to no public address".into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// The first cause alone says only that sending failed.
fn sentence(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    format!("cannot be read: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a11_redirects_stay_in_the_domain_on_its_port() {
        let within = |url: &str, asked| is_within(&Url::parse(url).unwrap(), asked, 443);
        for (url, asked) in [
            ("https://autoconfig.example.org/mail/config-v1.1.xml", "autoconfig.example.org"),
            ("https://www.example.org:443/x", "autoconfig.example.org"),
            ("https://EXAMPLE.org/x", "example.org"),
        ] {
            assert!(within(url, asked), "{url}");
        }
        for (url, asked) in [
            ("http://example.org/x", "example.org"),
            ("https://example.org:8443/x", "example.org"),
            ("https://evilexample.org/x", "example.org"),
            ("https://example.org.evil.test/x", "example.org"),
            ("https://localhost/x", "example.org"),
            ("https://127.0.0.1/x", "127.0.0.1"),
            ("https://0x7f.1/x", "0x7f.1"),
            ("https://2130706433/x", "2130706433"),
            ("https://[::1]/x", "[::1]"),
        ] {
            assert!(!within(url, asked), "{url}");
        }
    }
}
