//! One HTTPS request to a provider: bounded in size and time, and never to another place than the one asked for.
//!
//! Certificates are checked as for SMTP, by the platform. HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment hold,
//! but not for loopback hosts. Redirects are not followed: they would carry secrets to whom the redirect names.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use oauth2::{HttpRequest, HttpResponse};
use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::exchange::{ExchangeError, ExchangeFault};
use crate::mailer::smtp::tls::{provider, system_check};

/// Tokens are a few kilobytes; metadata of large issuers are below ten.
const MAX_ANSWER: usize = 64 * 1024;

/// Connect, TLS and answer together. Long enough for a provider that is busy, short enough for a person who waits.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);

/// A client for one exchange: none is kept, so no connection can have died while it was idle.
pub(super) struct Http(Client);

impl Http {
    /// `url`: what will be asked, for what depends on it.
    pub(super) async fn for_url(url: &str) -> Result<Self, ExchangeError> {
        let tls = tls_of_the_system().await;
        let tls = tls.map_err(|error| unreachable(format!("TLS cannot be used: {error}")))?;
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .http1_only()
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .user_agent(concat!("Faxpost/", env!("CARGO_PKG_VERSION")));
        let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
        builder.build().map(Self).map_err(|error| unreachable(sentence(&error)))
    }

    /// Sends, and reads the whole answer. What says "not now" is an error here already.
    pub(super) async fn send(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ExchangeError> {
        let request = request.try_into().map_err(|error: reqwest::Error| unreachable(sentence(&error)))?;
        let mut answer =
            self.0.execute(request).await.map_err(|error| unreachable(sentence(&error.without_url())))?;
        let status = answer.status();
        let retry_after =
            answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Some(chunk) =
            answer.chunk().await.map_err(|error| unreachable(sentence(&error.without_url())))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                let text = format!("the provider's answer is larger than {MAX_ANSWER} octets");
                return Err(ExchangeError { retry_after, ..fault(ExchangeFault::Nonsense, text) });
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_server_error() || status.as_u16() == 429 {
            let text = format!("the provider cannot answer now (HTTP status {})", status.as_u16());
            return Err(ExchangeError { retry_after, ..fault(ExchangeFault::Busy, text) });
        }
        if status.is_redirection() {
            let text =
                "the endpoint redirects to another address, which is not followed; check the endpoint's URL";
            return Err(fault(ExchangeFault::Nonsense, text.to_owned()));
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = status;
        Ok(response)
    }

    /// Reads a document.
    pub(super) async fn get(self: Arc<Self>, url: String) -> Result<HttpResponse, ExchangeError> {
        let request = http::Request::get(url).header(ACCEPT, "application/json").body(Vec::new());
        self.send(request.map_err(|error| unreachable(error.to_string()))?).await
    }
}

/// TLS whose certificates the platform checks, as for SMTP.
pub(in crate::mailer) async fn tls_of_the_system() -> Result<rustls::ClientConfig, rustls::Error> {
    let verifier = system_check().await?;
    Ok(rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// The machine itself: a proxy has no part in it.
fn is_loopback(url: &str) -> bool {
    Url::parse(url).ok().is_some_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

pub(super) fn fault(kind: ExchangeFault, text: String) -> ExchangeError {
    ExchangeError { kind, code: String::new(), error: String::new(), text, retry_after: None }
}

fn unreachable(text: String) -> ExchangeError {
    fault(ExchangeFault::Unreachable, text)
}

/// The chain of causes; the first alone says only that sending failed.
fn sentence(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string);
    match (error.is_timeout(), causes.collect::<Vec<_>>().join(": ").as_str()) {
        (true, "") => "the provider did not answer in time".to_owned(),
        (true, causes) => format!("the provider did not answer in time: {causes}"),
        (false, "") => "the provider cannot be reached".to_owned(),
        (false, causes) => format!("the provider cannot be reached: {causes}"),
    }
}
