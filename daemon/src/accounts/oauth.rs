//! What of an account is about OAuth 2.0: where tokens come from, for which client and scope; and what client secret and
//! tokens are bound to (requirement D3).

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::model::{Account, AccountId};
use super::update::{bound_parts, parse_line};
use crate::oauth::profiles::{Endpoints, Profile, profile, profiles};
use crate::secrets::Secret;

/// RFC 6749 leaves it open; providers have up to 200.
const MAX_CLIENT_ID: usize = 512;
const MAX_CLIENT_SECRET: usize = 1024;
const MAX_SCOPE: usize = 2048;
/// A directory's domain.
const MAX_TENANT: usize = 253;
/// Of an endpoint or an issuer.
const MAX_URL: usize = 1024;

/// The settings. Empty: what the profile has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OauthSettings {
    /// Id of a profile; empty: "custom".
    pub profile: String,
    /// The user's own registration.
    pub client_id: String,
    /// When the client secret ends, Unix milliseconds.
    pub client_secret_expires_at: Option<i64>,
    /// Microsoft's directory; empty: "common".
    pub tenant: String,
    /// Space-separated.
    pub scope: String,
    /// URL.
    pub authorization_endpoint: String,
    /// URL.
    pub token_endpoint: String,
    /// URL.
    pub device_authorization_endpoint: String,
    /// URL.
    pub revocation_endpoint: String,
}

impl OauthSettings {
    /// Its profile; "custom" for one that a later version wrote and this one does not know.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        profile(&self.profile).or_else(|| profile("")).unwrap_or(&profiles()[0])
    }
}

/// One field to set. An empty text is the field's default.
#[derive(Clone, Debug)]
pub enum SetOauth {
    /// `oauth_profile`
    Profile(String),
    /// `oauth_client_id`
    ClientId(String),
    /// `oauth_client_secret`; empty: forget it.
    ClientSecret(Secret),
    /// `oauth_client_secret_expire_time`, Unix milliseconds.
    ClientSecretExpires(Option<i64>),
    /// `oauth_tenant`
    Tenant(String),
    /// `oauth_scope`
    Scope(String),
    /// `oauth_authorization_endpoint`
    AuthorizationEndpoint(String),
    /// `oauth_token_endpoint`
    TokenEndpoint(String),
    /// `oauth_device_authorization_endpoint`
    DeviceEndpoint(String),
    /// `oauth_revocation_endpoint`
    RevocationEndpoint(String),
}

impl SetOauth {
    /// The field's name in the API.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Profile(_) => "oauth_profile",
            Self::ClientId(_) => "oauth_client_id",
            Self::ClientSecret(_) => "oauth_client_secret",
            Self::ClientSecretExpires(_) => "oauth_client_secret_expire_time",
            Self::Tenant(_) => "oauth_tenant",
            Self::Scope(_) => "oauth_scope",
            Self::AuthorizationEndpoint(_) => "oauth_authorization_endpoint",
            Self::TokenEndpoint(_) => "oauth_token_endpoint",
            Self::DeviceEndpoint(_) => "oauth_device_authorization_endpoint",
            Self::RevocationEndpoint(_) => "oauth_revocation_endpoint",
        }
    }

    /// Sets it. A client secret is only checked: it is not among the settings.
    pub(super) fn apply(&self, to: &mut OauthSettings) -> Result<(), String> {
        match self {
            Self::Profile(id) => {
                let known = profile(id.trim()).ok_or_else(|| {
                    let known: Vec<_> = profiles().iter().map(|profile| profile.id).collect();
                    format!("no such profile; there are {}", known.join(", "))
                })?;
                to.profile = if id.trim().is_empty() { String::new() } else { known.id.to_owned() };
            }
            Self::ClientId(text) => {
                let text = parse_line(text.trim(), MAX_CLIENT_ID)?;
                if !text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
                    return Err("has characters that no client ID has".to_owned());
                }
                to.client_id = text;
            }
            Self::ClientSecret(secret) => check_secret(secret)?,
            Self::ClientSecretExpires(at) => to.client_secret_expires_at = *at,
            Self::Tenant(text) => {
                let text = text.trim();
                let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
                if text.len() > MAX_TENANT || !text.chars().all(known) || text.starts_with('.') {
                    return Err(
                        "a tenant is an id, a domain, or common, organizations or consumers".to_owned()
                    );
                }
                to.tenant = text.to_owned();
            }
            Self::Scope(text) => to.scope = parse_scope(text)?,
            Self::AuthorizationEndpoint(text) => to.authorization_endpoint = parse_endpoint(text)?,
            Self::TokenEndpoint(text) => to.token_endpoint = parse_endpoint(text)?,
            Self::DeviceEndpoint(text) => to.device_authorization_endpoint = parse_endpoint(text)?,
            Self::RevocationEndpoint(text) => to.revocation_endpoint = parse_endpoint(text)?,
        }
        Ok(())
    }
}

/// Words of RFC 6749 section 3.3, one blank between them.
///
/// # Errors
/// What is wrong.
pub fn parse_scope(text: &str) -> Result<String, String> {
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    let scope = words.join(" ");
    if scope.len() > MAX_SCOPE {
        return Err(format!("has more than {MAX_SCOPE} octets"));
    }
    if !scope.chars().all(|c| c == ' ' || (c.is_ascii_graphic() && c != '"' && c != '\\')) {
        return Err("has characters that no scope has".to_owned());
    }
    Ok(scope)
}

/// A URL that secrets may be sent to: https, or http to this machine. Empty stays empty.
///
/// # Errors
/// What is wrong.
pub fn parse_endpoint(text: &str) -> Result<String, String> {
    let text = parse_line(text.trim(), MAX_URL)?;
    if text.is_empty() {
        return Ok(text);
    }
    let url = Url::parse(&text).map_err(|error| format!("is not a URL: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("must begin with https://; http:// is for loopback hosts only".to_owned()),
        _ => return Err("must begin with https://".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment".to_owned());
    }
    Ok(text)
}

/// The host is this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn check_secret(secret: &Secret) -> Result<(), String> {
    let text = secret.expose();
    if text.len() > MAX_CLIENT_SECRET {
        return Err(format!("has more than {MAX_CLIENT_SECRET} octets"));
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    Ok(())
}

/// What the client secret of account `id` is bound to: the client, and every endpoint that it is sent to.
#[must_use]
pub fn client_secret_binding(id: &AccountId, account: &Account) -> Vec<u8> {
    bytes(b"faxpost-client-secret-binding-1", id, &client_parts(account))
}

/// What its tokens are bound to: as the client secret, and as a password to the server that they sign in to.
#[must_use]
pub fn token_binding(id: &AccountId, account: &Account) -> Vec<u8> {
    let server = bound_parts(account, account.effective_login());
    let parts: Vec<_> = client_parts(account).into_iter().chain(server).collect();
    bytes(b"faxpost-token-binding-1", id, &parts)
}

fn client_parts(account: &Account) -> Vec<Vec<u8>> {
    let Endpoints { token, device, revocation, .. } = Endpoints::of(&account.oauth_settings);
    [account.oauth_settings.client_id.clone(), token, device, revocation].map(String::into_bytes).to_vec()
}

/// Each part with its length, so that no two lists are the same bytes.
fn bytes(label: &[u8], id: &AccountId, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = label.to_vec();
    for part in std::iter::once(id.as_str().as_bytes()).chain(parts.iter().map(Vec::as_slice)) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b1_endpoints_are_https_or_this_machine() {
        for good in [
            "",
            "https://sso.example/token",
            "https://sso.example:8443/a/b?c=d",
            "http://127.0.0.1:8080/token",
            "http://[::1]:8080/token",
            "http://localhost/token",
        ] {
            assert_eq!(parse_endpoint(good).as_deref(), Ok(good));
        }
        for bad in [
            "http://sso.example/token",
            "http://127.0.0.1.example/token",
            "http://localhost.example/",
            "ftp://sso.example",
            "javascript:alert(1)",
            "sso.example/token",
            "https://user:pw@sso.example/",
            "https://sso.example/#x",
            "https://sso.example/\u{7}",
            &format!("https://sso.example/{}", "a".repeat(1024)),
        ] {
            assert!(parse_endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn b1_scopes_are_words_with_one_blank_between() {
        assert_eq!(parse_scope("  a   b:c ").as_deref(), Ok("a b:c"));
        assert!(parse_scope("a\"b").is_err());
        assert!(parse_scope("å").is_err());
    }

    #[test]
    fn d3_tokens_are_bound_to_client_endpoints_and_server() {
        let id = AccountId::default_account();
        let account = Account {
            server: "mail.example".to_owned(),
            login: "fax@example".to_owned(),
            oauth: true,
            ..Account::default()
        };
        let changed = |change: fn(&mut Account)| {
            let mut other = account.clone();
            change(&mut other);
            let (token, secret) = (token_binding(&id, &other), client_secret_binding(&id, &other));
            (token != token_binding(&id, &account), secret != client_secret_binding(&id, &account))
        };
        assert_eq!(changed(|a| a.server = "evil.example".to_owned()), (true, false));
        assert_eq!(changed(|a| a.port = Some(26)), (true, false));
        assert_eq!(changed(|a| a.login = "x".to_owned()), (true, false));
        assert_eq!(changed(|a| a.security = crate::accounts::Security::Starttls), (true, false));
        assert_eq!(changed(|a| a.tls_check = crate::accounts::TlsCheck::AcceptInvalid), (true, false));
        assert_eq!(changed(|a| a.oauth_settings.client_id = "x".to_owned()), (true, true));
        assert_eq!(changed(|a| a.oauth_settings.profile = "google".to_owned()), (true, true));
        assert_eq!(changed(|a| a.oauth_settings.token_endpoint = "https://x/".to_owned()), (true, true));
        assert_eq!(changed(|a| a.oauth_settings.revocation_endpoint = "https://x/".to_owned()), (true, true));
        assert_eq!(
            changed(|a| a.oauth_settings.device_authorization_endpoint = "https://x/".to_owned()),
            (true, true)
        );
        assert_eq!(changed(|a| a.sender_name = "x".to_owned()), (false, false));
    }
}
