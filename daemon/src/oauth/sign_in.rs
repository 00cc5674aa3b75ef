//! Signing in and out. All three flows end in a grant that is stored before anybody is told.

use std::sync::Arc;

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use url::Url;

use super::flows::{Begun, LIFE};
use super::grant::{Grant, SealedTokens};
use super::profiles::{Endpoints, Flow};
use super::tokens::{ACCESS, REFRESH};
use super::view::SignIn;
use super::{Oauth, OauthError, lock, now, unexpected};
use crate::accounts::oauth::{is_loopback, token_binding};
use crate::accounts::{FieldProblem, OauthSettings, Problem};
use crate::mailer::{Answer, DeviceCodes, Exchange, ExchangeError, ExchangeFault, OauthClient, Tokens};
use crate::secrets::Secret;
use crate::store::{AccountRow, Author};

/// Of a redirect's query.
const MAX_QUERY: usize = 8192;
const MAX_REDIRECT: usize = 1024;

/// Of what a provider says in a redirect.
const MAX_WORDS: usize = 600;

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Started {
    /// For [`Oauth::finish`].
    pub id: String,
    /// For the browser.
    pub url: String,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// A sign-in on another device, under way.
#[derive(Debug)]
pub struct DeviceSignIn {
    /// For the person.
    pub codes: DeviceCodes,
    /// Unix milliseconds.
    pub expires_at: i64,
    client: OauthClient,
    plan: Plan,
}

/// For what somebody signs in. When it ends, the account must still be so.
#[derive(Clone, Debug)]
struct Plan {
    account: String,
    settings: OauthSettings,
    binding: Vec<u8>,
    flow: Flow,
    scope: String,
}

const UNKNOWN: &str = "there is no such sign-in under way: it was ended before, took more than ten minutes, or is \
                       somebody else's; begin again";
const CHANGED: &str = "the account was changed while somebody signed in; begin again";

impl Oauth {
    /// Begins the authorization code flow with PKCE.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub fn start(&self, account: &str, redirect_uri: &str, caller_id: &str) -> Result<Started, OauthError> {
        let row = self.account(account)?;
        parse_redirect(redirect_uri)?;
        let plan = plan(&row, Flow::AuthorizationCode)?;
        let client = self.client(&row)?;
        let settings = &row.account.oauth_settings;
        let endpoint = Endpoints::of(settings).authorization;
        if endpoint.is_empty() {
            let text = "required, unless oauth_profile names a known provider";
            return Err(field("oauth_authorization_endpoint", text));
        }
        let unusable = |error: url::ParseError| field("oauth_authorization_endpoint", &error.to_string());

        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let asker = BasicClient::new(ClientId::new(client.id))
            .set_auth_uri(AuthUrl::new(endpoint).map_err(unusable)?)
            // As it was given: providers compare it with that of the exchange, letter by letter.
            .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).map_err(unusable)?);
        let mut request = asker
            .authorize_url(CsrfToken::new_random)
            .add_scopes(plan.scope.split_ascii_whitespace().map(|word| Scope::new(word.to_owned())))
            .set_pkce_challenge(challenge);
        let profile = settings.profile();
        for (name, value) in profile.authorization_parameters {
            request = request.add_extra_param(*name, *value);
        }
        let login = row.account.effective_login();
        if profile.login_hint && login.contains('@') {
            request = request.add_extra_param("login_hint", login.to_owned());
        }
        let (url, state) = request.url();
        let id = self.flows.begin(Begun {
            caller_id: caller_id.to_owned(),
            account: plan.account,
            settings: plan.settings,
            binding: plan.binding,
            redirect_uri: redirect_uri.to_owned(),
            state: Secret::new(state.into_secret()),
            verifier: Secret::new(verifier.into_secret()),
        })?;
        let expires_at = now().saturating_add(LIFE.as_millis() as i64);
        Ok(Started { id, url: url.into(), expires_at })
    }

    /// Ends it: exchanges the code, and stores what it brings.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn finish(
        self: &Arc<Self>,
        id: &str,
        redirect_query: &str,
        caller: &Author,
    ) -> Result<SignIn, OauthError> {
        let redirect = Redirect::parse(redirect_query)?;
        let begun = self.flows.take(id, &caller.id, &redirect.state).ok_or(OauthError::Unknown(UNKNOWN))?;
        let row = self.registry.get(&begun.account).ok_or(OauthError::Unknown(CHANGED))?;
        let plan = plan(&row, Flow::AuthorizationCode).map_err(|_| OauthError::Unknown(CHANGED))?;
        if plan.binding != begun.binding || plan.settings != begun.settings {
            return Err(OauthError::Unknown(CHANGED));
        }
        // RFC 9207: an answer of another issuer must not be exchanged here.
        if let Some(issuer) = &redirect.issuer
            && !same_origin(issuer, &Endpoints::of(&plan.settings).authorization)
        {
            return Err(field("redirect_query", "the answer is of another issuer than the account's"));
        }
        let code = redirect.code?;
        let client = self.client(&row)?;
        let exchange =
            Exchange::Code { client, code, verifier: begun.verifier, redirect_uri: begun.redirect_uri };
        self.sign_in(plan, exchange, caller).await
    }

    /// Begins the device flow.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn device(&self, account: &str) -> Result<DeviceSignIn, OauthError> {
        let row = self.account(account)?;
        let plan = plan(&row, Flow::DeviceCode)?;
        let client = self.client(&row)?;
        let endpoint = Endpoints::of(&plan.settings).device;
        if endpoint.is_empty() {
            return Err(field(
                "oauth_device_authorization_endpoint",
                "required for a sign-in on another device",
            ));
        }
        let exchange = Exchange::Device { client: client.clone(), endpoint, scope: plan.scope.clone() };
        match self.mailer.exchange(exchange).await? {
            Answer::Device(codes) => {
                let life = codes.expires_in.min(LIFE.as_secs() * 6).saturating_mul(1000) as i64;
                Ok(DeviceSignIn { codes, expires_at: now().saturating_add(life), client, plan })
            }
            _ => Err(unexpected().into()),
        }
    }

    /// Waits until the person has decided. Dropping the future gives the sign-in up.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn device_end(
        self: &Arc<Self>,
        device: DeviceSignIn,
        caller: &Author,
    ) -> Result<SignIn, OauthError> {
        let DeviceSignIn { codes, client, plan, .. } = device;
        let asked_at = now();
        match self.mailer.exchange(Exchange::DevicePoll { client, codes }).await? {
            Answer::Tokens(tokens) => {
                let (this, caller) = (self.clone(), caller.clone());
                // From here on it ends, whoever hangs up.
                let kept =
                    self.exchanges.spawn(async move { this.keep(plan, tokens, asked_at, &caller).await });
                kept.await.map_err(|failed| OauthError::Failed(failed.to_string()))?
            }
            _ => Err(unexpected().into()),
        }
    }

    /// Signs the application in as itself.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn client_credentials(
        self: &Arc<Self>,
        account: &str,
        caller: &Author,
    ) -> Result<SignIn, OauthError> {
        let row = self.account(account)?;
        let plan = plan(&row, Flow::ClientCredentials)?;
        let client = self.client(&row)?;
        if client.secret.is_none() {
            return Err(field("oauth_client_secret", "required: with it the application proves who it is"));
        }
        let exchange = Exchange::ClientCredentials { client, scope: plan.scope.clone() };
        self.sign_in(plan, exchange, caller).await
    }

    /// Forgets the tokens, and takes them back at the provider. Why the latter did not succeed, if it did not.
    ///
    /// # Errors
    /// See [`OauthError`]; nothing is forgotten then.
    pub async fn sign_out(self: &Arc<Self>, account: &str) -> Result<(SignIn, Option<String>), OauthError> {
        let row = self.account(account)?;
        let (this, id) = (self.clone(), account.to_owned());
        let left = self.exchanges.spawn(async move {
            let slot = lock(&this.slots).entry(id.clone()).or_default().clone();
            // Not while a refresh is under way: it would bring tokens that nobody takes back.
            let _one = slot.lock().await;
            let _alone = this.store.alone_with_grant(&id).await?;
            let grant = this.store.grant(id.clone()).await?;
            this.store.forget_grant(id).await?;
            this.changed();
            let Some(grant) = grant else { return Ok(None) };
            Ok(this.revoke(&row, &grant).await.err().map(|error| error.to_string()))
        });
        let left: Result<Option<String>, OauthError> =
            left.await.map_err(|failed| OauthError::Failed(failed.to_string()))?;
        let why = left?;
        Ok((self.sign_in_of(account).await?, why))
    }

    async fn revoke(&self, row: &AccountRow, grant: &Grant) -> Result<(), OauthError> {
        let endpoint = Endpoints::of(&row.account.oauth_settings).revocation;
        let binding = token_binding(&row.id, &row.account);
        // Taking the refresh token back takes the access tokens of it along (RFC 7009 section 2.1).
        let SealedTokens { access, refresh, .. } = &grant.tokens;
        let (token, is_refresh) = match (refresh, access) {
            (Some(sealed), _) => (self.unseal(sealed, &binding, REFRESH)?, true),
            (None, Some(sealed)) => (self.unseal(sealed, &binding, ACCESS)?, false),
            (None, None) => return Ok(()),
        };
        if endpoint.is_empty() {
            return Ok(());
        }
        let client = self.client(row)?;
        self.mailer.exchange(Exchange::Revoke { client, endpoint, token, is_refresh }).await?;
        Ok(())
    }

    async fn sign_in(
        self: &Arc<Self>,
        plan: Plan,
        exchange: Exchange,
        caller: &Author,
    ) -> Result<SignIn, OauthError> {
        let (this, caller) = (self.clone(), caller.clone());
        let done = self.exchanges.spawn(async move {
            let asked_at = now();
            match this.mailer.exchange(exchange).await? {
                Answer::Tokens(tokens) => this.keep(plan, tokens, asked_at, &caller).await,
                _ => Err(unexpected().into()),
            }
        });
        done.await.map_err(|failed| OauthError::Failed(failed.to_string()))?
    }

    /// Stores what a sign-in brought, if the account is still the one it was for.
    async fn keep(&self, plan: Plan, tokens: Tokens, at: i64, caller: &Author) -> Result<SignIn, OauthError> {
        let tokens_sealed = self.seal(&tokens, None, &plan.binding, at);
        let mut grant = Grant {
            id: 0,
            account: plan.account.clone(),
            flow: plan.flow,
            scope: tokens.scope.unwrap_or_else(|| plan.scope.clone()),
            requested_scope: plan.scope,
            caller_id: caller.id.clone(),
            caller_name: caller.name.clone(),
            signed_in_at: at,
            tokens: tokens_sealed,
            refreshed_at: None,
            lost: None,
        };
        loop {
            let row = self.registry.get(&plan.account).ok_or(OauthError::Unknown(CHANGED))?;
            if !row.account.oauth || token_binding(&row.id, &row.account) != plan.binding {
                return Err(OauthError::Unknown(CHANGED));
            }
            match self.store.put_grant(grant.clone(), row.revision).await? {
                Some(id) => {
                    grant.id = id;
                    break;
                }
                // Changed in this moment, perhaps only in its sender's name: looked at again.
                None => tokio::task::yield_now().await,
            }
        }
        lock(&self.troubles).remove(&grant.account);
        tracing::info!(account = grant.account, caller = caller.name, "signed in");
        self.changed();
        self.sign_in_of(&plan.account).await
    }
}

fn plan(row: &AccountRow, flow: Flow) -> Result<Plan, OauthError> {
    let settings = &row.account.oauth_settings;
    if !row.account.oauth {
        return Err(field("oauth", "the account does not use OAuth 2.0; turn it on first"));
    }
    let profile = settings.profile();
    if settings.token_endpoint.is_empty() && !profile.flows.contains(&flow) {
        let text = match flow {
            Flow::DeviceCode => "does not take a sign-in on another device for mail; sign in with a browser",
            Flow::ClientCredentials => {
                "does not take an application's own sign-in for mail; sign in as a person"
            }
            Flow::AuthorizationCode => "does not take a sign-in with a browser",
        };
        return Err(field("oauth_profile", &format!("{} {text}", profile.title)));
    }
    let known = match flow {
        Flow::ClientCredentials => profile.client_credentials_scope,
        Flow::AuthorizationCode | Flow::DeviceCode => profile.scope,
    };
    let scope = if settings.scope.is_empty() { known } else { &settings.scope };
    Ok(Plan {
        account: row.id.as_str().to_owned(),
        // When the secret ends has nothing to do with who signs in.
        settings: OauthSettings { client_secret_expires_at: None, ..settings.clone() },
        binding: token_binding(&row.id, &row.account),
        flow,
        scope: scope.to_owned(),
    })
}

/// RFC 8252 section 7.3: a port of this machine, which the client listens on.
fn parse_redirect(text: &str) -> Result<Url, OauthError> {
    let wrong = |text: &str| field("redirect_uri", text);
    if text.len() > MAX_REDIRECT {
        return Err(wrong("has more than 1024 octets"));
    }
    let url = Url::parse(text).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if url.scheme() != "http" || !is_loopback(&url) || url.port().is_none_or(|port| port == 0) || !plain {
        return Err(wrong("must be http://127.0.0.1:PORT/…, http://[::1]:PORT/… or http://localhost:PORT/…"));
    }
    Ok(url)
}

/// What a redirect brought.
struct Redirect {
    state: String,
    issuer: Option<String>,
    code: Result<Secret, OauthError>,
}

impl Redirect {
    fn parse(query: &str) -> Result<Self, OauthError> {
        let wrong = |text: &str| field("redirect_query", text);
        if query.len() > MAX_QUERY {
            return Err(wrong("has more than 8192 octets"));
        }
        let (mut state, mut code, mut error, mut words, mut issuer) = (None, None, None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            let place = match &*name {
                "state" => &mut state,
                "code" => &mut code,
                "error" => &mut error,
                "error_description" => &mut words,
                "iss" => &mut issuer,
                _ => continue,
            };
            // RFC 6749 section 3.1: no parameter twice.
            if place.replace(value.into_owned()).is_some() {
                return Err(wrong(&format!("has {name} twice")));
            }
        }
        let state = state.ok_or_else(|| wrong("has no state"))?;
        let code = match (code, error) {
            (Some(code), None) if !code.is_empty() => Ok(Secret::new(code)),
            (None, Some(error)) => Err(refused(&error, &words.unwrap_or_default())),
            _ => return Err(wrong("has neither code nor error, or both")),
        };
        Ok(Self { state, issuer, code })
    }
}

/// The person said no, or the provider did.
fn refused(error: &str, words: &str) -> OauthError {
    let clean = |text: &str| {
        let text: String =
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect();
        text.trim().to_owned()
    };
    let (error, words) = (clean(error), clean(words));
    let text = match words.as_str() {
        "" => format!("the provider refused: {error}"),
        words => format!("the provider refused: {error}: {words}"),
    };
    let kind = match error.as_str() {
        "temporarily_unavailable" | "server_error" => ExchangeFault::Busy,
        _ => ExchangeFault::Refused,
    };
    ExchangeError { kind, code: error.clone(), error, text, retry_after: None }.into()
}

fn same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        _ => false,
    }
}

fn field(name: &str, text: &str) -> OauthError {
    OauthError::Fields(vec![FieldProblem::new(name, Problem::Invalid, text)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn b2_the_redirect_is_a_port_of_this_machine() {
        for good in [
            "http://127.0.0.1:1024/",
            "http://[::1]:8080/cb",
            "http://localhost:9/x/y",
            "http://127.0.0.1:8080",
        ] {
            assert!(parse_redirect(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "https://127.0.0.1:1/",
            "http://127.0.0.1/",
            "http://127.0.0.1:0/",
            "http://evil.example:80/",
            "http://localhost.evil.example:8080/",
            "http://user@127.0.0.1:8080/",
            "http://127.0.0.1:8080/?a=b",
            "http://127.0.0.1:8080/#x",
            "http://0.0.0.0:8080/",
        ] {
            assert!(parse_redirect(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn b2_a_redirects_query_is_a_code_or_an_error_with_its_state() {
        let good =
            Redirect::parse("?code=a%2Bb&state=s&session_state=x&iss=https%3A%2F%2Fsso.example").unwrap();
        assert_eq!((good.state.as_str(), good.issuer.as_deref()), ("s", Some("https://sso.example")));
        assert_eq!(good.code.unwrap().expose(), "a+b");
        let denied =
            Redirect::parse("error=access_denied&error_description=no+thanks%0d%0a&state=s").unwrap();
        assert_eq!(denied.code.unwrap_err().to_string(), "the provider refused: access_denied: no thanks");
        for bad in
            ["", "code=x", "state=s", "code=&state=s", "code=a&code=b&state=s", "code=a&error=b&state=s"]
        {
            assert!(matches!(Redirect::parse(bad), Err(OauthError::Fields(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn b2_any_query_is_taken_or_refused(query in "\\PC{0,200}") {
            let _ = Redirect::parse(&query);
            let _ = parse_redirect(&query);
        }
    }
}
