//! A provider of OAuth 2.0 in this process, on a free port of the loopback: all flows that mail services have, tokens that
//! rotate, with reuse detection, and misbehaviour at any endpoint when told so. The tests and the demo sign in at it.
//!
//! ```no_run
//! # use faxpost_tests::oauth::OauthServer;
//! # async fn example() {
//! let provider = OauthServer::builder().life(3600).start().await;
//! // … StartSignIn gives an address; a person agrees …
//! let query = provider.agree("http://127.0.0.1:…/authorize?…");
//! // … FinishSignIn with that query …
//! assert!(provider.accepts("an access token") || provider.requests().len() == 1);
//! # }
//! ```
//!
//! It is strict with clients: a wrong redirect, a wrong verifier, an old refresh token are refused as RFC 6749 says.

mod http;
mod script;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::smtp::Identity;

pub use script::{At, Fault};
pub use state::{Asked, Rotation};

use state::{Settings, State};

/// Client ID of the one registration.
pub const CLIENT_ID: &str = "faxpost-test-client";
/// Its secret, where the builder asks for one.
pub const CLIENT_SECRET: &str = "cl1ent-s3cret~of.the_test/+ %";

/// Makes an [`OauthServer`].
#[must_use]
pub struct Builder {
    settings: Settings,
    tls: Option<Identity>,
}

/// A running provider; dropped, it ends.
pub struct OauthServer {
    issuer: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl OauthServer {
    /// One with a public client, hour-long tokens, and refresh tokens that rotate.
    pub fn builder() -> Builder {
        Builder { settings: Settings::default(), tls: None }
    }

    /// One with everything at its default.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// "http://127.0.0.1:PORT", or "https://localhost:PORT" with TLS.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.issuer.clone()
    }

    /// One of authorize, token, device, revoke.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.issuer)
    }

    /// The person agrees: what a browser would be sent back with, after the question mark.
    ///
    /// # Panics
    /// The authorization request is not one that a provider takes; the panic says why.
    #[must_use]
    pub fn agree(&self, authorization_url: &str) -> String {
        self.answer(authorization_url, true)
    }

    /// The person says no.
    ///
    /// # Panics
    /// As [`Self::agree`].
    #[must_use]
    pub fn disagree(&self, authorization_url: &str) -> String {
        self.answer(authorization_url, false)
    }

    /// The person types the code, and agrees or not.
    ///
    /// # Panics
    /// There is no such code.
    pub fn decide_device(&self, user_code: &str, agrees: bool) {
        self.state().decide_device(user_code, agrees);
    }

    /// What a mail server asks: is this access token good?
    #[must_use]
    pub fn accepts(&self, access_token: &str) -> bool {
        self.state().accepts(access_token)
    }

    /// The same as a function of its own, for `SmtpServer`'s tokens: good for this login.
    pub fn introspection(&self, login: &str) -> impl Fn(&str, &str) -> bool + Send + Sync + 'static {
        let (state, login) = (self.state.clone(), login.to_owned());
        move |who, token| who == login && lock(&state).accepts(token)
    }

    /// Ends all access tokens before their time; refresh tokens stay good.
    pub fn end_access_tokens(&self) {
        self.state().end_access_tokens();
    }

    /// Ends everything: as if the person had withdrawn his consent.
    pub fn revoke_all(&self) {
        self.state().revoke_all();
    }

    /// Everything that was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Those of the token endpoint with this grant type.
    #[must_use]
    pub fn asked_for(&self, grant_type: &str) -> Vec<Asked> {
        let of_type = |asked: &Asked| asked.form("grant_type") == Some(grant_type);
        self.requests().into_iter().filter(|asked| asked.path == "/token" && of_type(asked)).collect()
    }

    /// Everything secret that was issued or received: tokens, codes, verifiers, client secrets.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    /// How long access tokens live from now on, in seconds.
    pub fn set_life(&self, seconds: i64) {
        self.state().settings.life = seconds;
    }

    /// Misbehaves so for the next `times`.
    pub fn fault(&self, times: u32, at: At, fault: Fault) {
        self.state().settings.script.add(at, fault, Some(times));
    }

    /// Forgets all faults.
    pub fn behave(&self) {
        self.state().settings.script.clear();
    }

    /// Waits until a request has met [`Fault::Stall`] or [`Fault::StallAfter`] `count` times.
    ///
    /// # Panics
    /// It does not within a minute.
    pub async fn stalled(&self, count: usize) {
        let mut stalls = self.state().stalls.subscribe();
        let waited = stalls.wait_for(|stalls| *stalls >= count);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), waited).await;
        waited.expect("a request stalls").expect("the provider runs");
    }

    fn answer(&self, authorization_url: &str, agrees: bool) -> String {
        let (_, query) = authorization_url.split_once('?').expect("an authorization request has a query");
        let location = self.state().authorize(query, agrees, &self.issuer());
        let location = location.unwrap_or_else(|why| panic!("{why}: {authorization_url}"));
        location.split_once('?').expect("a redirect has a query").1.to_owned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for OauthServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Builder {
    /// The client has [`CLIENT_SECRET`].
    pub fn confidential(mut self) -> Self {
        self.settings.secret = Some(CLIENT_SECRET.to_owned());
        self
    }

    /// Speaks TLS only.
    pub fn tls(mut self, identity: Identity) -> Self {
        self.tls = Some(identity);
        self
    }

    /// Life of access tokens in seconds, as it is told; they are good for a minute at least.
    pub fn life(mut self, seconds: i64) -> Self {
        self.settings.life = seconds;
        self
    }

    /// What becomes of a refresh token that was used.
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.settings.rotation = rotation;
        self
    }

    /// Gives no refresh tokens.
    pub fn without_refresh(mut self) -> Self {
        self.settings.refresh = false;
        self
    }

    /// What is granted, whatever was asked for.
    pub fn grants(mut self, scope: &str) -> Self {
        self.settings.granted = Some(scope.to_owned());
        self
    }

    /// Says how long refresh tokens live, in seconds.
    pub fn refresh_life(mut self, seconds: i64) -> Self {
        self.settings.refresh_life = Some(seconds);
        self
    }

    /// Misbehaves so for the first `times`.
    pub fn fault(mut self, times: u32, at: At, fault: Fault) -> Self {
        self.settings.script.add(at, fault, Some(times));
        self
    }

    /// Always misbehaves so.
    pub fn always(mut self, at: At, fault: Fault) -> Self {
        self.settings.script.add(at, fault, None);
        self
    }

    /// Listens.
    ///
    /// # Panics
    /// When the loopback has no free port.
    pub async fn start(self) -> OauthServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on the loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(Mutex::new(State::new(self.settings)));
        let issuer = match &self.tls {
            None => format!("http://{address}"),
            Some(_) => format!("https://localhost:{}", address.port()),
        };
        let acceptor = self.tls.map(|identity| TlsAcceptor::from(identity.config));
        let task = tokio::spawn(serve(listener, issuer.clone(), acceptor, state.clone()));
        OauthServer { issuer, state, task }
    }
}

async fn serve(
    listener: TcpListener,
    issuer: String,
    acceptor: Option<TlsAcceptor>,
    state: Arc<Mutex<State>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (issuer, acceptor, state) = (issuer.clone(), acceptor.clone(), state.clone());
                connections.spawn(async move {
                    match acceptor {
                        None => http::answer(stream, issuer, state).await,
                        Some(acceptor) => {
                            // A client that does not trust us hangs up here.
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            http::answer(stream, issuer, state).await;
                        }
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A test that panicked while holding it has failed already.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
