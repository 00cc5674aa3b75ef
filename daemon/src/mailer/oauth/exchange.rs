//! What crosses the mailer's seam for OAuth 2.0: one question to a provider, one answer. All of it is serialisable.

use serde::{Deserialize, Serialize};

use crate::secrets::{Secret, exposed, exposed_option};

/// One question to a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Exchange {
    /// A code of the authorization code flow for tokens (RFC 6749 section 4.1.3, RFC 7636).
    Code {
        /// Who asks.
        client: OauthClient,
        /// From the redirect.
        #[serde(with = "exposed")]
        code: Secret,
        /// Of PKCE.
        #[serde(with = "exposed")]
        verifier: Secret,
        /// As in the authorization request.
        redirect_uri: String,
    },
    /// A refresh token for an access token, and perhaps a new refresh token (RFC 6749 section 6).
    Refresh {
        /// Who asks.
        client: OauthClient,
        /// The one at hand.
        #[serde(with = "exposed")]
        refresh_token: Secret,
        /// Space-separated; some providers want it again.
        scope: String,
    },
    /// An access token for the application itself (RFC 6749 section 4.4).
    ClientCredentials {
        /// Who asks.
        client: OauthClient,
        /// Space-separated.
        scope: String,
    },
    /// Codes for a sign-in on another device (RFC 8628 section 3.1).
    Device {
        /// Who asks.
        client: OauthClient,
        /// Device authorization endpoint.
        endpoint: String,
        /// Space-separated.
        scope: String,
    },
    /// Asks again and again until the person has decided (RFC 8628 section 3.4). Lasts as long as the codes do.
    DevicePoll {
        /// Who asks.
        client: OauthClient,
        /// What [`Exchange::Device`] was answered.
        codes: DeviceCodes,
    },
    /// Takes a token back (RFC 7009).
    Revoke {
        /// Who asks.
        client: OauthClient,
        /// Revocation endpoint.
        endpoint: String,
        /// Refresh or access token.
        #[serde(with = "exposed")]
        token: Secret,
        /// It is a refresh token.
        is_refresh: bool,
    },
    /// An issuer's metadata (RFC 8414, OpenID Connect Discovery).
    Discover {
        /// Its URL.
        issuer: String,
    },
}

/// A client registration, and where it asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OauthClient {
    /// client_id.
    pub id: String,
    /// client_secret.
    #[serde(with = "exposed_option")]
    pub secret: Option<Secret>,
    /// The secret goes into the form; else into the Authorization header (RFC 6749 section 2.3.1).
    pub secret_in_body: bool,
    /// Token endpoint.
    pub token_endpoint: String,
}

/// What a provider answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Exchange::Code`], [`Exchange::Refresh`], [`Exchange::ClientCredentials`] and [`Exchange::DevicePoll`].
    Tokens(Tokens),
    /// To [`Exchange::Device`].
    Device(DeviceCodes),
    /// To [`Exchange::Revoke`].
    Revoked,
    /// To [`Exchange::Discover`].
    Metadata(Metadata),
}

/// Tokens as they came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tokens {
    /// access_token.
    #[serde(with = "exposed")]
    pub access: Secret,
    /// expires_in, seconds.
    pub expires_in: Option<u64>,
    /// refresh_token; none: the one at hand stays.
    #[serde(with = "exposed_option")]
    pub refresh: Option<Secret>,
    /// refresh_token_expires_in, seconds; some providers say it.
    pub refresh_expires_in: Option<u64>,
    /// What was granted, space-separated; none: what was asked for.
    pub scope: Option<String>,
}

/// A sign-in on another device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceCodes {
    /// Ours.
    #[serde(with = "exposed")]
    pub device_code: Secret,
    /// The person's.
    pub user_code: String,
    /// Where he types it.
    pub verification_uri: String,
    /// With the code in it.
    pub verification_uri_complete: Option<String>,
    /// Seconds.
    pub expires_in: u64,
    /// Seconds between two questions.
    pub interval: u64,
}

/// What an issuer says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Its URL.
    pub issuer: String,
    /// RFC 8414.
    pub authorization_endpoint: String,
    /// RFC 8414.
    pub token_endpoint: String,
    /// RFC 8628.
    pub device_authorization_endpoint: String,
    /// RFC 8414.
    pub revocation_endpoint: String,
    /// RFC 8414.
    pub scopes_supported: Vec<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct ExchangeError {
    /// What kind.
    pub kind: ExchangeFault,
    /// The provider's error code: AADSTS… where there is one, else that of RFC 6749 section 5.2. Empty: it said none.
    pub code: String,
    /// The RFC's code alone.
    pub error: String,
    /// What happened, in English, with the provider's words; without secrets.
    pub text: String,
    /// Seconds after which it may be asked again, as it said.
    pub retry_after: Option<u64>,
}

/// Kinds of [`ExchangeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExchangeFault {
    /// No connection, no TLS, no answer in time.
    Unreachable,
    /// It cannot answer now: 5xx, 429, temporarily_unavailable.
    Busy,
    /// The answer is none of OAuth 2.0.
    Nonsense,
    /// An error of OAuth 2.0: asking the same again will not help.
    Refused,
}
