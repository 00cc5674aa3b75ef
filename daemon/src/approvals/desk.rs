//! Where privileged actions are handed in, kept, decided, and carried out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use faxpost_proto::reason;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::permit::{Permit, method_of};
use super::request::{Event, Request, State};
use super::seal;
use crate::certs::{Action, CertificateError, Done, Effect, Plan};
use crate::policy::{Decision, Policy, Role};
use crate::secrets::Vault;
use crate::store::{Asked, Author, Page, RequestFilter, RequestLimits, RequestStep, Store, StoreError};

/// More would keep an administrator from finding what matters; and what waits is held on disk for a stranger.
const LIMITS: RequestLimits = RequestLimits { caller: 20, all: 1000, ended: 100 };

/// An action, written out: a PKCS#12 file of the largest size, with its chain, as hexadecimal digits.
const LONGEST_ACTION: usize = 256 * 1024;

/// What is shown of an action, each part in characters, and the parts: names in a certificate can be of any length.
const LONGEST_TEXT: usize = 1000;
/// See [`LONGEST_TEXT`].
const MOST_EFFECTS: usize = 32;

/// Between two looks for what has expired, at most: the clock may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Ended requests that a watcher is still shown.
const SHOWN_ENDED: usize = 50;

/// A future of a [`Hands`].
pub type Working<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who knows what an action would do, and carries it out. Only the desk calls `carry_out`.
pub trait Hands: Send + Sync {
    /// What it would do; an error if it cannot be done.
    fn check<'a>(&'a self, action: &'a Action) -> Working<'a, Result<Plan, CertificateError>>;

    /// Does it, for `author`.
    fn carry_out(&self, action: Action, author: Author) -> Working<'_, Result<Done, CertificateError>>;
}

/// What became of an action that was handed in.
#[derive(Debug)]
pub enum Submitted {
    /// It was allowed, and is done.
    Done(Done),
    /// It waits for an administrator under this number.
    Pending(i64),
}

/// Why an action was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It cannot be done, or failed.
    #[error(transparent)]
    Action(#[from] CertificateError),
    /// The caller has too many requests that wait.
    #[error(
        "you have {0} requests that wait for an administrator; wait for a decision, or withdraw some: faxpost request list"
    )]
    TooManyOfCaller(i64),
    /// All together have too many.
    #[error("{0} requests wait for an administrator already; one must decide some first")]
    TooManyInAll(i64),
    /// It is too large to be kept.
    #[error("what is asked for is too large to wait for an administrator; ask him to do it himself")]
    TooLarge,
    /// A fault of the handler: another method's permit.
    #[error("{0} cannot be done with a permit for {1}")]
    AnotherMethod(&'static str, &'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a request was not decided.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DecideError {
    /// There is none of this number, or it is somebody else's.
    #[error("there is no request {0} of yours")]
    NotFound(i64),
    /// The approver is who asked.
    #[error("request {0} is your own; another administrator must approve it")]
    Own(i64),
    /// It is over, or being carried out.
    #[error("request {0} is {1} and cannot be decided any more")]
    WrongState(i64, &'static str),
    /// The digest is another one.
    #[error("request {0} is not what was shown to you; look at it again")]
    AnotherDigest(i64),
    /// Who asked could not even ask for it now.
    #[error(
        "the role {role} may not call {method} any more, not even with approval; refuse request {number}"
    )]
    NoLongerAllowed {
        /// Which.
        number: i64,
        /// Of who asked.
        role: String,
        /// What he asked for.
        method: String,
    },
    /// It is about another machine's certificates.
    #[error("request {0} is about the certificates of {1}; approve it there")]
    Elsewhere(i64, String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that waits for an administrator, and the only way to what it would do.
pub struct Desk {
    store: Store,
    vault: Arc<Vault>,
    hands: Arc<dyn Hands>,
    life_ms: i64,
    changes: watch::Sender<u64>,
}

impl Desk {
    /// Opens it. What was being carried out when the daemon was stopped has failed now; gives those requests.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(
        store: Store,
        vault: Arc<Vault>,
        hands: Arc<dyn Hands>,
        life: Duration,
    ) -> Result<(Self, Vec<Request>), StoreError> {
        let life_ms = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        let desk = Self { store, vault, hands, life_ms, changes: watch::Sender::new(0) };
        let cut = RequestFilter { states: vec![State::Approved], ..RequestFilter::default() };
        let (mut interrupted, mut before) = (Vec::new(), None);
        loop {
            let page = desk.store.requests(cut.clone(), before, 100).await?;
            before = page.rows.last().map(|request| request.number);
            if page.rows.is_empty() {
                return Ok((desk, interrupted));
            }
            for request in page.rows {
                // Another machine carries it out, perhaps at this moment.
                if desk.store.request_elsewhere(request.number).await?.is_some() {
                    continue;
                }
                let text = "the daemon was stopped while it was carried out; look whether it was done, and ask again if \
                            it was not";
                interrupted.push(desk.end(request.number, Err((reason::STOPPING, text.to_owned()))).await?);
            }
        }
    }

    /// Expires what nobody decides, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let looks = async {
            loop {
                let wait = self.expire().await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "requests could not be expired; tried again later");
                    LOOK_EVERY
                });
                tokio::time::sleep(wait).await;
            }
        };
        stop.run_until_cancelled(looks).await;
    }

    /// Hands an action in: it is done now if `permit` says so, else it waits.
    ///
    /// # Errors
    /// See [`AskError`]; nothing was done and nothing waits then.
    pub async fn submit(&self, permit: Permit, action: Action) -> Result<Submitted, AskError> {
        let method = method_of(&action);
        if method != permit.method {
            return Err(AskError::AnotherMethod(method, permit.method));
        }
        let plan = self.hands.check(&action).await?;
        if !permit.approval {
            return Ok(Submitted::Done(self.hands.carry_out(action, permit.caller).await?));
        }
        let canonical =
            seal::canonical(&action).map_err(|error| StoreError::Failed(format!("an action: {error}")))?;
        drop(action);
        if canonical.expose().len() > LONGEST_ACTION {
            return Err(AskError::TooLarge);
        }
        let now = now();
        let request = Request {
            number: 0,
            method: method.to_owned(),
            caller_id: permit.caller.id,
            caller_name: permit.caller.name,
            role: permit.role.as_str().to_owned(),
            created_at: now,
            expires_at: now.saturating_add(self.life_ms),
            summary: bounded(&plan.summary),
            effects: plan.effects.iter().take(MOST_EFFECTS).map(bounded_effect).collect(),
            digest: seal::digest(method, &canonical),
            state: State::Pending,
            decider_id: String::new(),
            decider_name: String::new(),
            decided_at: None,
            decision_text: String::new(),
            ended_at: None,
            outcome_reason: String::new(),
            outcome_text: String::new(),
        };
        let vault = self.vault.clone();
        let seal = move |request: &Request| seal::seal(&vault, &canonical, request);
        match self.store.insert_request(request, LIMITS, seal).await? {
            Asked::New(number) => {
                self.changed();
                Ok(Submitted::Pending(number))
            }
            Asked::Same(number) => Ok(Submitted::Pending(number)),
            Asked::TooManyOfCaller => Err(AskError::TooManyOfCaller(LIMITS.caller)),
            Asked::TooManyInAll => Err(AskError::TooManyInAll(LIMITS.all)),
        }
    }

    /// Carries a request out, if it is what `digest` says. The request afterwards: done or failed.
    ///
    /// # Errors
    /// See [`DecideError`]; nothing was changed then.
    pub async fn approve(
        &self,
        number: i64,
        digest: &str,
        decider: &Author,
        policy: &Policy,
    ) -> Result<Request, DecideError> {
        let found = self.get(number, None).await?;
        if found.caller_id == decider.id {
            return Err(DecideError::Own(number));
        }
        if let Some(machine) = self.store.request_elsewhere(number).await? {
            return Err(DecideError::Elsewhere(number, machine));
        }
        let role = Role::ALL.into_iter().find(|role| role.as_str() == found.role);
        let still = role.is_some_and(|role| policy.decide(&found.method, role) != Decision::Deny);
        let (decided_by, digest) = (decider.clone(), digest.to_owned());
        let stepped = self
            .step(number, Event::Approve, move |request| {
                if hex::encode(request.digest) != digest {
                    return Err(DecideError::AnotherDigest(number));
                }
                if !still {
                    return Err(DecideError::NoLongerAllowed {
                        number,
                        role: request.role.clone(),
                        method: request.method.clone(),
                    });
                }
                Ok(Some((decided_by, String::new())))
            })
            .await?;
        let (request, sealed) = stepped;
        // From here on the store has no action any more: whatever happens, it is not carried out again.
        let action = sealed.and_then(|sealed| seal::unseal(&self.vault, &sealed, &request));
        let result = match action {
            Some(action) => {
                let asker = Author { id: request.caller_id.clone(), name: request.caller_name.clone() };
                let done = self.hands.carry_out(action, asker).await;
                done.map(drop).map_err(|error| (error.reason(), error.to_string()))
            }
            None => {
                tracing::error!(number, "a request was changed in the database; it was not carried out");
                let text = "the stored request is not what was asked for, or not as it is shown: the database was \
                            changed, or its key. Nothing was done";
                Err((reason::STORE_FAILED, text.to_owned()))
            }
        };
        let ended = self.end(number, result.clone()).await;
        Ok(ended.unwrap_or_else(|error| {
            // It is done, and saying anything else would be wrong. After a restart it shows as interrupted.
            tracing::error!(number, %error, "the outcome of a request could not be written");
            let (reason, text) = result.clone().err().unwrap_or_default();
            Request {
                state: if result.is_ok() { State::Done } else { State::Failed },
                outcome_reason: reason.to_owned(),
                outcome_text: text,
                ..request
            }
        }))
    }

    /// Ends a request without carrying it out.
    ///
    /// # Errors
    /// See [`DecideError`].
    pub async fn refuse(&self, number: i64, decider: &Author, text: String) -> Result<Request, DecideError> {
        let decision = Some((decider.clone(), text));
        Ok(self.step(number, Event::Refuse, move |_| Ok(decision)).await?.0)
    }

    /// Takes one's own request back.
    ///
    /// # Errors
    /// See [`DecideError`]; another's is [`DecideError::NotFound`].
    pub async fn withdraw(&self, number: i64, caller: &Author) -> Result<Request, DecideError> {
        let id = caller.id.clone();
        let own = move |request: &Request| match request.caller_id == id {
            true => Ok(None),
            false => Err(DecideError::NotFound(number)),
        };
        Ok(self.step(number, Event::Withdraw, own).await?.0)
    }

    /// One request; with `caller`, only one of his.
    ///
    /// # Errors
    /// See [`DecideError`].
    pub async fn get(&self, number: i64, caller: Option<&str>) -> Result<Request, DecideError> {
        let found = self.store.request(number).await?;
        found
            .filter(|request| caller.is_none_or(|caller| caller == request.caller_id))
            .ok_or(DecideError::NotFound(number))
    }

    /// At most `limit` requests before the number `before`, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(
        &self,
        filter: RequestFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Request>, StoreError> {
        self.store.requests(filter, before, limit).await
    }

    /// Those that wait, and those that ended lately; newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn lately(&self, caller: Option<String>) -> Result<Vec<Request>, StoreError> {
        let (open, ended): (Vec<_>, Vec<_>) = State::ALL.into_iter().partition(|state| !state.is_final());
        let of = |states| RequestFilter { caller: caller.clone(), states };
        let open =
            self.store.requests(of(open), None, usize::try_from(LIMITS.all).unwrap_or(usize::MAX)).await?;
        let mut all = self.store.requests(of(ended), None, SHOWN_ENDED).await?.rows;
        all.extend(open.rows);
        // One that ended between the two looks is seen twice, or not at all until the next change shows it.
        all.sort_by_key(|request| std::cmp::Reverse(request.number));
        all.dedup_by_key(|request| request.number);
        Ok(all)
    }

    /// How many wait.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn pending(&self, caller: Option<String>) -> Result<i64, StoreError> {
        self.store.count_requests(RequestFilter { caller, states: vec![State::Pending] }).await
    }

    /// Changes with every change of any request.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Expires what is over; how long the next may take.
    async fn expire(&self) -> Result<Duration, StoreError> {
        for number in self.store.overdue_requests(now()).await? {
            match self.step_raw(number, Event::Expire, |_| Ok(None)).await {
                // Decided meanwhile.
                Ok(_) | Err(DecideError::WrongState(..) | DecideError::NotFound(_)) => {}
                Err(DecideError::Store(error)) => return Err(error),
                Err(error) => tracing::warn!(number, %error, "a request could not be expired"),
            }
        }
        let next = self.store.next_expiry().await?;
        let wait = next.map(|at| Duration::from_millis(u64::try_from(at.saturating_sub(now())).unwrap_or(0)));
        Ok(wait.map_or(LOOK_EVERY, |wait| wait.min(LOOK_EVERY).max(Duration::from_millis(10))))
    }

    /// One step by somebody, unless its time is over.
    async fn step(
        &self,
        number: i64,
        event: Event,
        decide: impl FnOnce(&Request) -> Result<Option<(Author, String)>, DecideError> + Send + 'static,
    ) -> Result<(Request, Option<Vec<u8>>), DecideError> {
        let at = now();
        let found = self.get(number, None).await?;
        if found.state == State::Pending && found.expires_at <= at {
            self.step_raw(number, Event::Expire, |_| Ok(None)).await?;
        }
        self.step_raw(number, event, decide).await
    }

    async fn step_raw(
        &self,
        number: i64,
        event: Event,
        decide: impl FnOnce(&Request) -> Result<Option<(Author, String)>, DecideError> + Send + 'static,
    ) -> Result<(Request, Option<Vec<u8>>), DecideError> {
        let at = now();
        let stepped = self
            .store
            .step_request::<DecideError>(number, move |request| {
                let request = request.ok_or(DecideError::NotFound(number))?;
                let decision = decide(request)?;
                let after = request.state.after(event);
                let state = after.ok_or(DecideError::WrongState(number, request.state.as_str()))?;
                Ok(RequestStep { state, at, decision, outcome: None })
            })
            .await??;
        self.changed();
        Ok(stepped)
    }

    async fn end(
        &self,
        number: i64,
        result: Result<(), (&'static str, String)>,
    ) -> Result<Request, StoreError> {
        let at = now();
        let event = if result.is_ok() { Event::Succeed } else { Event::Fail };
        let outcome = result.err().map(|(reason, text)| (reason.to_owned(), bounded(&text)));
        let ended = self
            .store
            .step_request(number, move |request| {
                let after = request.and_then(|request| request.state.after(event));
                let state = after.ok_or_else(|| format!("request {number} was not being carried out"))?;
                Ok(RequestStep { state, at, decision: None, outcome })
            })
            .await?;
        self.changed();
        ended.map(|(request, _)| request).map_err(StoreError::Failed)
    }

    /// Some request is another, perhaps.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn bounded_effect(effect: &Effect) -> Effect {
    Effect { name: bounded(&effect.name), value: bounded(&effect.value) }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests;
