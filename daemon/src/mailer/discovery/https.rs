//! Documents over HTTPS: bounded in size and time, with a certificate that is checked as for SMTP. Redirects are followed
//! to https only: whoever was asked vouches for where he sends us, and nothing of ours goes along.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;

use super::Lookup;
use super::dns::Dns;
use crate::mailer::oauth::tls_of_the_system;

/// Documents of large providers are below ten kilobytes.
const MAX_DOCUMENT: usize = 64 * 1024;

const REDIRECTS: usize = 3;
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(8);

pub(super) struct Https(Client);

impl Https {
    pub(super) async fn new(lookup: &Lookup, dns: &Dns) -> Result<Self, String> {
        let tls = tls_of_the_system().await.map_err(|error| format!("TLS cannot be used: {error}"))?;
        let redirects = Policy::custom(|attempt| {
            if attempt.url().scheme() == "https" && attempt.previous().len() <= REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(redirects)
            .http1_only()
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .user_agent(concat!("Faxpost/", env!("CARGO_PKG_VERSION")));
        if dns.is_special() {
            builder = builder.dns_resolver(Arc::new(Resolver(dns.clone())));
        }
        if lookup.https_port != 443 {
            // Only an installation without a way out has another port; a proxy has no part in it.
            builder = builder.no_proxy();
        }
        builder.build().map(Self).map_err(|error| sentence(&error))
    }

    /// Reads a document.
    pub(super) async fn get(&self, url: &str) -> Result<String, String> {
        let asked = self.0.get(url).header(ACCEPT, "text/xml, application/xml").send().await;
        let mut answer = asked.map_err(|error| sentence(&error.without_url()))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err("it redirects to a place that is not followed".to_owned());
        }
        if !status.is_success() {
            return Err(format!("there is no such document (HTTP status {})", status.as_u16()));
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

/// The name server of the settings, for the hosts of documents as well.
struct Resolver(Dns);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = self.0.clone();
        Box::pin(async move {
            let found = dns.addresses(name.as_str()).await?;
            let addresses: Addrs = Box::new(found.into_iter().map(|address| (address, 0).into()));
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
