//! Signing in with OAuth 2.0, once, and keeping the tokens fresh from then on (requirement B).
//!
//! The daemon keeps verifier, client secret and tokens; the mailer asks the providers. A token never goes where it was
//! not meant to go: its seal is bound to client, endpoints and mail server.

mod alarms;
mod flows;
mod grant;
mod meaning;
pub mod profiles;
mod sign_in;
mod tokens;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::oauth::parse_endpoint;
use crate::accounts::{FieldProblem, Method, Problem, Registry};
use crate::mailer::{
    Answer, Exchange, ExchangeError, ExchangeFault, Failure, FailureKind, Mailer, Metadata, OauthClient, Step,
};
use crate::secrets::{Vault, VaultError};
use crate::store::{AccountRow, Store, StoreError};

pub use alarms::alarms;
pub use flows::LIFE as SIGN_IN_LIFE;
pub use grant::{Grant, Loss, LossKind, SealedTokens};
pub use meaning::{SIGN_IN_FIRST, advice_codes};
pub use profiles::Flow;
pub use sign_in::{DeviceSignIn, Started};
pub use tokens::AccessToken;
pub(crate) use tokens::{access_binding, refresh_binding};
pub use view::{SignIn, SignInState};

use flows::Flows;
use tokens::{Slot, Trouble, Unsaved};

/// How often the daemon looks after its grants.
const ROUND: Duration = Duration::from_secs(60);

/// How long a stop waits for exchanges under way: an answer that nobody stores may be a refresh token lost.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// The sign-ins of all accounts.
pub struct Oauth {
    store: Store,
    registry: Arc<Registry>,
    vault: Arc<Vault>,
    mailer: Mailer,
    flows: Flows,
    /// One refresh at a time an account.
    slots: Mutex<HashMap<String, Slot>>,
    /// Accounts whose provider could not be asked.
    troubles: Mutex<HashMap<String, Trouble>>,
    /// Tokens that came and could not be written yet.
    unsaved: Mutex<HashMap<String, Unsaved>>,
    /// Exchanges whose answers must be written.
    exchanges: TaskTracker,
    changes: watch::Sender<u64>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum OauthError {
    /// No such account.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// Settings or arguments that do not do.
    #[error("{} field(s) cannot be as they are", .0.len())]
    Fields(Vec<FieldProblem>),
    /// No such sign-in under way.
    #[error("{0}")]
    Unknown(&'static str),
    /// The provider refused.
    #[error("{0}")]
    Refused(ExchangeError),
    /// The provider could not be asked.
    #[error("{0}")]
    Unavailable(ExchangeError),
    /// Nobody has signed in.
    #[error("{0}")]
    NotSignedIn(&'static str),
    /// The sign-in was lost.
    #[error("the sign-in was lost: {}", .0.text)]
    Lost(Loss),
    /// More than was granted.
    #[error("the scope {0} was not granted")]
    ScopeDenied(String),
    /// Too many sign-ins under way.
    #[error("too many sign-ins are under way; try again in some minutes")]
    TooMany,
    /// A secret cannot be unsealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task that did it failed.
    #[error("the daemon failed at this: {0}")]
    Failed(String),
}

impl From<ExchangeError> for OauthError {
    fn from(error: ExchangeError) -> Self {
        match error.kind {
            ExchangeFault::Refused => Self::Refused(error),
            ExchangeFault::Unreachable | ExchangeFault::Busy | ExchangeFault::Nonsense => {
                Self::Unavailable(error)
            }
        }
    }
}

impl OauthError {
    /// The same for an attempt to send.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let (kind, text) = match self {
            Self::NotSignedIn(_) | Self::Fields(_) | Self::Unknown(_) => {
                (FailureKind::NotSignedIn, format!("{self}; sign in, and the mail goes"))
            }
            Self::Lost(_) | Self::Refused(_) => {
                (FailureKind::SignInLost, format!("{self}; sign in again, and the mail goes"))
            }
            Self::Vault(_) => {
                let text = "the account's tokens or client secret cannot be unsealed: the sealing key was replaced, or \
                            the database edited; sign in again";
                (FailureKind::SignInLost, text.to_owned())
            }
            _ => (FailureKind::TokenUnavailable, format!("no access token: {self}")),
        };
        Failure { step: Step::SignIn, kind, text, reply: None }
    }
}

impl Oauth {
    /// The sign-ins in `store`.
    #[must_use]
    pub fn new(store: Store, registry: Arc<Registry>, vault: Arc<Vault>, mailer: Mailer) -> Self {
        Self {
            store,
            registry,
            vault,
            mailer,
            flows: Flows::default(),
            slots: Mutex::default(),
            troubles: Mutex::default(),
            unsaved: Mutex::default(),
            exchanges: TaskTracker::new(),
            changes: watch::Sender::new(0),
        }
    }

    /// Looks after the grants until `shutdown`: uses refresh tokens often enough that none ends of disuse, and asks
    /// again where a provider could not be asked.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut accounts = self.registry.watch();
        self.look_after().await;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                // What an account is changed to may sign it out.
                changed = accounts.changed() => match changed {
                    Ok(()) => self.changed(),
                    Err(_) => break,
                },
                () = tokio::time::sleep(ROUND) => self.look_after().await,
            }
        }
        self.exchanges.close();
        if tokio::time::timeout(STOP_GRACE, self.exchanges.wait()).await.is_err() {
            tracing::warn!("a provider's answer was cut off by the stop; a sign-in may be lost");
        }
    }

    /// Grows with every change of any sign-in.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Reads an issuer's metadata. A proposal: nothing is saved.
    ///
    /// # Errors
    /// See [`OauthError`].
    pub async fn discover(&self, issuer: &str) -> Result<Metadata, OauthError> {
        let problem =
            |text: String| OauthError::Fields(vec![FieldProblem::new("issuer", Problem::Invalid, text)]);
        let issuer = parse_endpoint(issuer).map_err(problem)?;
        if issuer.is_empty() {
            return Err(problem("required: the issuer's URL".to_owned()));
        }
        match self.mailer.exchange(Exchange::Discover { issuer }).await? {
            Answer::Metadata(metadata) => {
                let endpoints = [
                    &metadata.authorization_endpoint,
                    &metadata.token_endpoint,
                    &metadata.device_authorization_endpoint,
                    &metadata.revocation_endpoint,
                ];
                if let Some(why) = endpoints.iter().find_map(|endpoint| parse_endpoint(endpoint).err()) {
                    return Err(nonsense(format!("an endpoint of the issuer's metadata {why}")).into());
                }
                Ok(metadata)
            }
            _ => Err(unexpected().into()),
        }
    }

    /// Whether mail of this account can go, as far as its sign-in is concerned.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn may_send(&self, row: &AccountRow) -> Result<bool, StoreError> {
        if !uses_oauth(row) {
            return Ok(true);
        }
        let grant = self.store.grant(row.id.as_str().to_owned()).await?;
        Ok(grant.is_some_and(|grant| grant.lost.is_none()))
    }

    /// Who asks, and where, for this account.
    fn client(&self, row: &AccountRow) -> Result<OauthClient, OauthError> {
        let settings = &row.account.oauth_settings;
        let profile = settings.profile();
        let secret = self.registry.client_secret(row)?;
        let token_endpoint = profiles::Endpoints::of(settings).token;
        let mut problems = Vec::new();
        let mut missing = |field: &str, text: &str| {
            problems.push(FieldProblem::new(field, Problem::Invalid, text));
        };
        if settings.client_id.is_empty() {
            missing("oauth_client_id", "required: the client ID of your own registration at the provider");
        }
        if token_endpoint.is_empty() {
            missing("oauth_token_endpoint", "required, unless oauth_profile names a known provider");
        }
        if secret.is_none() && profile.secret_required && settings.token_endpoint.is_empty() {
            missing("oauth_client_secret", "required: clients of this provider have a secret");
        }
        if !problems.is_empty() {
            return Err(OauthError::Fields(problems));
        }
        Ok(OauthClient {
            id: settings.client_id.clone(),
            secret,
            secret_in_body: profile.secret_in_body,
            token_endpoint,
        })
    }

    fn account(&self, id: &str) -> Result<AccountRow, OauthError> {
        self.registry.get(id).ok_or_else(|| OauthError::NoAccount(id.to_owned()))
    }

    /// Some sign-in is another, perhaps.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

/// Its mail waits for tokens.
fn uses_oauth(row: &AccountRow) -> bool {
    row.account.oauth && row.account.authentication && row.account.method != Method::Pickup
}

/// The maps stay whole even if a thread died while holding them: every change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nonsense(text: String) -> ExchangeError {
    ExchangeError {
        kind: ExchangeFault::Nonsense,
        code: String::new(),
        error: String::new(),
        text,
        retry_after: None,
    }
}

fn unexpected() -> ExchangeError {
    nonsense("the mailer answered another question".to_owned())
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
