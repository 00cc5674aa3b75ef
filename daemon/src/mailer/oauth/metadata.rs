//! An issuer's metadata: RFC 8414, and OpenID Connect Discovery, which came before it and is what most have.

use std::future::Future;

use oauth2::HttpResponse;
use url::Url;

use super::exchange::{Answer, ExchangeError, ExchangeFault, Metadata};
use super::http::fault;
use super::read::words;

/// Of scopes: more than any provider of mail has.
const MAX_SCOPES: usize = 200;

/// Asks both well-known places; the first good answer counts.
pub(super) async fn discover<F>(issuer: &str, get: impl Fn(String) -> F) -> Result<Answer, ExchangeError>
where
    F: Future<Output = Result<HttpResponse, ExchangeError>>,
{
    let mut first = None;
    for place in places(issuer)? {
        let found = match get(place).await {
            Ok(response) => read(issuer, &response),
            Err(error) => Err(error),
        };
        match found {
            Ok(metadata) => return Ok(Answer::Metadata(metadata)),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| fault(ExchangeFault::Nonsense, "the issuer has no metadata".to_owned())))
}

/// OpenID Connect appends to the issuer's path, RFC 8414 puts it between host and path.
fn places(issuer: &str) -> Result<[String; 2], ExchangeError> {
    let url = Url::parse(issuer)
        .map_err(|error| fault(ExchangeFault::Nonsense, format!("the issuer is not a URL: {error}")))?;
    let path = url.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut place = url.clone();
        place.set_path(&path);
        place.set_query(None);
        place.set_fragment(None);
        place.to_string()
    };
    Ok([
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ])
}

pub(super) fn read(issuer: &str, response: &HttpResponse) -> Result<Metadata, ExchangeError> {
    if !response.status().is_success() {
        let text =
            format!("the issuer's metadata cannot be read (HTTP status {})", response.status().as_u16());
        return Err(fault(ExchangeFault::Refused, text));
    }
    let mut metadata: Metadata = serde_json::from_slice(response.body()).map_err(|_| {
        fault(ExchangeFault::Nonsense, "what is there is no metadata of an issuer".to_owned())
    })?;
    // RFC 8414 section 3.3: who answers for another is not believed.
    if metadata.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
        let text = format!("the metadata is that of another issuer: {}", words(&metadata.issuer));
        return Err(fault(ExchangeFault::Nonsense, text));
    }
    metadata.scopes_supported.truncate(MAX_SCOPES);
    for text in metadata.scopes_supported.iter_mut().chain([&mut metadata.issuer]) {
        *text = words(text);
    }
    Ok(metadata)
}
