//! The layer in front of every method: who is there, may he, and has he a call slot left.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use faxpost_proto::reason;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tonic::body::Body;
use tonic::{Code, Request, Status};
use tower::{Layer, Service};

use super::body::{Held, Patient};
use super::error;
use super::ledger::{Ledger, Note, PRIVILEGED};
use super::{FRAMING, MAX_UNARY_BYTES, most_octets};
use crate::approvals::Permit;
use crate::audit::Audit;
use crate::caller::Caller;
use crate::ipc::{Charge, Peer};
use crate::mailer::worker::Account;
use crate::policy::{Decision, Policy, PolicyError, Role, UPDATE_ACCOUNT, name_of, role_of};
use crate::store::{Author, Store, StoreError};

/// A caller whom the policy let through; handlers find it in the request.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub(super) caller: Arc<Caller>,
    pub(super) role: Role,
    /// He may change accounts, so he may see their logins.
    pub(super) edits_accounts: bool,
    permit: Option<Permit>,
    note: Note,
    charge: Arc<Charge>,
}

impl Admitted {
    /// The one the layer put into `request`.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(unknown)
    }

    pub(super) fn is_administrator(&self) -> bool {
        self.role == Role::Administrator
    }

    /// `None` for administrators: everybody's messages and entries. Else only those of this caller.
    pub(super) fn only_own(&self) -> Option<String> {
        (!self.is_administrator()).then(|| self.caller.id.clone())
    }

    /// For the audit log: what the call is about, that it changes nothing, which request it is for.
    pub(super) fn note(&self) -> &Note {
        &self.note
    }

    /// The bytes of the request that are in memory.
    pub(super) fn charge(&self) -> &Charge {
        &self.charge
    }

    /// What this caller may do with this method, for the desk.
    pub(super) fn permit(&self) -> Result<Permit, Status> {
        self.permit.clone().ok_or_else(|| error::internal("a method without permit was to change something"))
    }

    pub(super) fn author(&self) -> Author {
        Author { id: self.caller.id.clone(), name: self.caller.name.clone() }
    }
}

/// The policy as it is now, and where its changes are kept.
pub struct PolicyKeeper {
    store: Store,
    /// The account that the mailer works under, where that is not the daemon's own.
    service_account: Option<String>,
    policy: RwLock<Arc<Policy>>,
    /// One change at a time, so that none is lost in memory that is in the store.
    changing: Mutex<()>,
}

impl PolicyKeeper {
    /// Reads the changes from the store.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let policy = RwLock::new(Arc::new(Self::read(&store).await?));
        Ok(Self { store, service_account: None, policy, changing: Mutex::new(()) })
    }

    /// Follows the store again, after a change of which nobody knows whether it was made.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read_again(&self) -> Result<(), StoreError> {
        let _one = self.changing.lock().await;
        let policy = Self::read(&self.store).await?;
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(())
    }

    async fn read(store: &Store) -> Result<Policy, StoreError> {
        let mut policy = Policy::default();
        for (method, role, decision) in store.policy_changes().await? {
            let role = Role::ALL.into_iter().find(|known| known.as_str() == role);
            // A word that this version does not know was never allowed by it.
            let decision = Decision::ALL.into_iter().find(|known| known.as_str() == decision);
            let decision = decision.unwrap_or(Decision::Deny);
            // A method that this version does not have is denied anyway.
            if let Some(role) = role
                && let Err(error) = policy.change(&method, role, Some(decision))
            {
                tracing::warn!(method, %error, "a change to the policy is left out");
            }
        }
        Ok(policy)
    }

    /// Whoever works under the mailer's account is a service, whatever groups it is in: the mailer talks to the network,
    /// and whoever has broken into it must not become more than that.
    #[must_use]
    pub fn with_service_account(mut self, account: &Account) -> Self {
        self.service_account = account.note.is_none().then(|| account.id.clone());
        self
    }

    fn role_of(&self, caller: &Caller) -> Option<Role> {
        let is_service = self.service_account.as_ref() == Some(&caller.id);
        role_of(caller).map(|role| if is_service { Role::Service } else { role })
    }

    pub(super) fn now(&self) -> Arc<Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn change(
        &self,
        method: &str,
        role: Role,
        decision: Option<Decision>,
    ) -> Result<Result<&'static str, PolicyError>, StoreError> {
        let _one = self.changing.lock().await;
        let mut policy = Policy::clone(&self.now());
        let name = match policy.change(method, role, decision) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        self.store.put_policy_change(name, role.as_str(), decision.map(Decision::as_str)).await?;
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(Ok(name))
    }
}

#[derive(Clone)]
pub(super) struct Authorize {
    policy: Arc<PolicyKeeper>,
    audit: Arc<Audit>,
    patience: Duration,
}

/// A call that may go on, or why not; and what the audit log has to know of it.
type Judged = (Result<(Admitted, OwnedSemaphorePermit), Status>, Option<Ledger>);

impl Authorize {
    pub(super) fn new(policy: Arc<PolicyKeeper>, audit: Arc<Audit>, patience: Duration) -> Self {
        Self { policy, audit, patience }
    }

    fn judge(&self, path: &str, peer: Option<&Peer>) -> Judged {
        let Some(peer) = peer else { return (Err(unknown()), None) };
        peer.request_seen();
        let Some(caller) = peer.caller.clone() else { return (Err(unknown()), None) };
        let method = path.strip_prefix('/').unwrap_or(path);
        let policy = self.policy.now();
        let role = self.policy.role_of(&caller);
        let note = Note::default();
        // What is no method is denied, too; but its name is anybody's invention, and is not written down.
        let name = name_of(method);
        let ledger = |name| Ledger::new(self.audit.clone(), &caller, role, peer.process, name, note.clone());
        let Some(role) = role.filter(|role| policy.decide(method, *role) != Decision::Deny) else {
            return (Err(denied(method, &caller, role)), name.map(ledger));
        };
        let ledger = name.filter(|name| PRIVILEGED.contains(name)).map(ledger);
        if peer.over_limit {
            let text = "you have too many connections open; close some";
            return (Err(error::status(Code::ResourceExhausted, reason::TOO_MANY_CONNECTIONS, text)), ledger);
        }
        let Ok(slot) = peer.calls.clone().try_acquire_owned() else {
            let text = "you have too many calls under way; wait for some to end";
            return (Err(error::status(Code::ResourceExhausted, reason::TOO_MANY_CALLS, text)), ledger);
        };
        let edits_accounts = policy.decide(UPDATE_ACCOUNT, role) == Decision::Allow;
        let author = Author { id: caller.id.clone(), name: caller.name.clone() };
        let permit = Permit::of(&policy, method, role, author);
        let charge = Arc::new(peer.budget.charge(MAX_UNARY_BYTES + FRAMING));
        (Ok((Admitted { caller, role, edits_accounts, permit, note, charge }, slot)), ledger)
    }
}

fn unknown() -> Status {
    let text = "the operating system did not say who is calling, so nothing is allowed";
    error::status(Code::Unauthenticated, reason::CALLER_UNKNOWN, text)
}

fn denied(method: &str, caller: &Caller, role: Option<Role>) -> Status {
    let text = match role {
        Some(role) => {
            let method = method.trim_start_matches("faxpost.v1.");
            let (name, role) = (&caller.name, role.as_str());
            format!(
                "you are {name}, with the role {role}, and may not call {method}; an administrator can allow it: \
                 faxpost policy set {method} {role}=allow"
            )
        }
        None => format!("you are {}, have no role here, and may do nothing", caller.name),
    };
    error::status(Code::PermissionDenied, reason::POLICY_DENIED, text)
}

impl<S> Layer<S> for Authorize {
    type Service = Authorized<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authorized { rule: self.clone(), inner }
    }
}

#[derive(Clone)]
pub(super) struct Authorized<S> {
    rule: Authorize,
    inner: S,
}

impl<S> Service<http::Request<Body>> for Authorized<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (judged, ledger) = self.rule.judge(request.uri().path(), request.extensions().get::<Peer>());
        let (admitted, slot) = match judged {
            Ok(admitted) => admitted,
            Err(status) => {
                return Box::pin(async move {
                    if let Some(ledger) = ledger {
                        ledger.refused(&status).await;
                    }
                    Ok(status.into_http())
                });
            }
        };
        let patience = self.rule.patience;
        let charge = admitted.charge.clone();
        let most = most_octets(request.uri().path().trim_start_matches('/'));
        let mut request = request.map(|body| Body::new(Patient::new(body, charge, most, patience)));
        request.extensions_mut().insert(admitted);

        // The service that was polled ready is the one to call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let after_panic = ledger.clone();
        // A task of its own, which ends what it has begun even if the caller hangs up: a change must not reach the store
        // and not the memory, nor a caller start one work after the other by hanging up on each. Until its end it
        // takes his slot.
        let call = tokio::spawn(async move {
            let response = explain(inner.call(request).await?);
            let response = match ledger {
                Some(ledger) => ledger.close(response).await,
                None => response,
            };
            Ok(response.map(|body| Body::new(Held::new(body, slot))))
        });
        Box::pin(async move {
            match call.await {
                Ok(answered) => answered,
                // Only a panic ends a call otherwise.
                Err(failed) => {
                    let status = error::internal(failed);
                    if let Some(ledger) = after_panic {
                        ledger.refused(&status).await;
                    }
                    Ok(status.into_http())
                }
            }
        })
    }
}

/// tonic refuses by itself, and without a reason, what is too large (OUT_OF_RANGE) and what cannot be decoded (INTERNAL,
/// as if that were our fault). Every failure of a handler has details.
fn explain(response: http::Response<Body>) -> http::Response<Body> {
    let headers = response.headers();
    if headers.contains_key("grpc-status-details-bin") {
        return response;
    }
    let Some(code) = headers.get("grpc-status") else { return response };
    let (reason, text) = match Code::from_bytes(code.as_bytes()) {
        Code::OutOfRange => return error::too_large().into_http(),
        Code::Internal => (
            reason::INVALID_FIELD,
            "the request is not a message of this method; client and daemon may not fit together",
        ),
        _ => return response,
    };
    error::status(Code::InvalidArgument, reason, text).into_http()
}
