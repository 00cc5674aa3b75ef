//! Asking a provider of OAuth 2.0: one exchange in, one answer out. The privileged side reads no byte of the network.
//!
//! The crate oauth2 makes the requests and reads the answers; what it does not know (AADSTS codes, answers that ask for
//! patience, secrets repeated in error texts) is done here.

mod exchange;
mod http;
mod metadata;
mod read;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthorizationCode, Client, ClientId, ClientSecret, DeviceAuthorizationUrl, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope,
    StandardDeviceAuthorizationResponse, StandardRevocableToken, StandardTokenResponse, TokenUrl,
};

pub use exchange::{
    Answer, DeviceCodes, Exchange, ExchangeError, ExchangeFault, Metadata, OauthClient, Tokens,
};

pub(in crate::mailer) use self::http::tls_of_the_system;
use self::http::{Http, fault};
use crate::secrets::Secret;

type Asker = Client<
    BasicErrorResponse,
    StandardTokenResponse<read::Extra, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Asks. Dropping the future gives it up.
pub(super) async fn run(exchange: Exchange) -> Result<Answer, ExchangeError> {
    let secrets = exchange.secrets();
    let http = Arc::new(Http::for_url(exchange.url()).await?);
    let asked = match exchange {
        Exchange::Discover { issuer } => {
            metadata::discover(&issuer, |url: String| http.clone().get(url)).await
        }
        other => ask(other, move |request: HttpRequest| http.clone().send(request)).await,
    };
    asked.map_err(|error| read::redact(error, &secrets))
}

/// The exchange itself, over any way of sending a request.
async fn ask<S, F>(exchange: Exchange, send: S) -> Result<Answer, ExchangeError>
where
    S: Fn(HttpRequest) -> F + Send + Sync,
    F: Future<Output = Result<HttpResponse, ExchangeError>> + Send + 'static,
{
    // What some providers send as a success is an error (RFC 6749 section 5.2 wants 400).
    let send = |request| {
        let sent = send(request);
        async move { sent.await.map(read::honest_status) }
    };
    match exchange {
        Exchange::Code { client, code, verifier, redirect_uri } => {
            let redirect = RedirectUrl::new(redirect_uri).map_err(|e| no_url("redirect", &e))?;
            let asker = asker(&client)?.set_redirect_uri(redirect);
            let request = asker
                .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
                .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
            request.request_async(&send).await.map_err(read::error).map(read::tokens)
        }
        Exchange::Refresh { client, refresh_token, scope } => {
            let asker = asker(&client)?;
            let token = RefreshToken::new(refresh_token.expose().to_owned());
            let request = asker.exchange_refresh_token(&token).add_scopes(scopes(&scope));
            request.request_async(&send).await.map_err(read::error).map(read::tokens)
        }
        Exchange::ClientCredentials { client, scope } => {
            let asker = asker(&client)?;
            let request = asker.exchange_client_credentials().add_scopes(scopes(&scope));
            request.request_async(&send).await.map_err(read::error).map(read::tokens)
        }
        Exchange::Device { client, endpoint, scope } => {
            let url = DeviceAuthorizationUrl::new(endpoint).map_err(|e| no_url("device", &e))?;
            let asker = asker(&client)?.set_device_authorization_url(url);
            let request = asker.exchange_device_code().add_scopes(scopes(&scope));
            let codes: StandardDeviceAuthorizationResponse =
                request.request_async(&send).await.map_err(read::error)?;
            read::device_codes(&codes).map(Answer::Device)
        }
        Exchange::DevicePoll { client, codes } => {
            let asker = asker(&client)?;
            let details = read::as_the_crate_has_them(&codes)?;
            let request = asker.exchange_device_access_token(&details);
            let polled = request.request_async(&send, tokio::time::sleep, Some(read::lifetime(&codes)));
            polled.await.map_err(read::error).map(read::tokens)
        }
        Exchange::Revoke { client, endpoint, token, is_refresh } => {
            let request = revocation(&client, &endpoint, &token, is_refresh)?;
            read::revoked(&send(request).await?)
        }
        Exchange::Discover { .. } => Err(fault(ExchangeFault::Nonsense, "not asked so".to_owned())),
    }
}

fn asker(client: &OauthClient) -> Result<Asker, ExchangeError> {
    let token_url = TokenUrl::new(client.token_endpoint.clone()).map_err(|error| no_url("token", &error))?;
    let asker = Client::new(ClientId::new(client.id.clone()))
        .set_token_uri(token_url)
        .set_auth_type(if client.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth });
    Ok(match &client.secret {
        Some(secret) => asker.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => asker,
    })
}

/// RFC 7009. Made here, because the crate takes https only, and a loopback provider may do without.
fn revocation(
    client: &OauthClient,
    endpoint: &str,
    token: &Secret,
    is_refresh: bool,
) -> Result<HttpRequest, ExchangeError> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token.expose());
    form.append_pair("token_type_hint", if is_refresh { "refresh_token" } else { "access_token" });
    let mut request = ::http::Request::post(endpoint)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json");
    match &client.secret {
        Some(secret) if !client.secret_in_body => {
            request = request.header("authorization", format!("Basic {}", basic(&client.id, secret)));
        }
        secret => {
            form.append_pair("client_id", &client.id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret.expose());
            }
        }
    }
    request.body(form.finish().into_bytes()).map_err(|error| no_url("revocation", &error))
}

/// RFC 6749 section 2.3.1.
fn basic(id: &str, secret: &Secret) -> String {
    STANDARD.encode(format!("{}:{}", form_encoded(id), form_encoded(secret.expose())))
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn scopes(text: &str) -> impl Iterator<Item = Scope> + '_ {
    text.split_ascii_whitespace().map(|scope| Scope::new(scope.to_owned()))
}

fn no_url(which: &str, error: &dyn std::fmt::Display) -> ExchangeError {
    fault(ExchangeFault::Nonsense, format!("the {which} endpoint is not usable: {error}"))
}

impl Exchange {
    /// Where it goes.
    fn url(&self) -> &str {
        match self {
            Self::Code { client, .. }
            | Self::Refresh { client, .. }
            | Self::ClientCredentials { client, .. }
            | Self::DevicePoll { client, .. } => &client.token_endpoint,
            Self::Device { endpoint, .. } | Self::Revoke { endpoint, .. } => endpoint,
            Self::Discover { issuer } => issuer,
        }
    }

    /// Everything secret in it, in the forms in which it is sent.
    fn secrets(&self) -> Vec<Secret> {
        let (client, own) = match self {
            Self::Code { client, code, verifier, .. } => (client, vec![code, verifier]),
            Self::Refresh { client, refresh_token, .. } => (client, vec![refresh_token]),
            Self::ClientCredentials { client, .. } | Self::Device { client, .. } => (client, vec![]),
            Self::DevicePoll { client, codes } => (client, vec![&codes.device_code]),
            Self::Revoke { client, token, .. } => (client, vec![token]),
            Self::Discover { .. } => return Vec::new(),
        };
        let basic = client.secret.as_ref().map(|secret| Secret::new(basic(&client.id, secret)));
        let plain = own.into_iter().chain(&client.secret).cloned();
        plain.flat_map(|secret| [Secret::new(form_encoded(secret.expose())), secret]).chain(basic).collect()
    }
}

/// A poll ends at most this long after its codes, whatever the provider says of their life.
const LONGEST_POLL: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
