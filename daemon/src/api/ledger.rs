//! What the layer tells the audit log of a call: by whom, which method, how it ended. Handlers add what it was about, in
//! the [`Note`] that comes with the caller.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use faxpost_proto::reason;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::audit::{Audit, Event, Outcome};
use crate::caller::Caller;
use crate::policy::Role;

/// The methods whose calls are written down, however they end. A call of any other is, when it is denied.
///
/// Mail stands in the e-mail log, with who sent and steered it.
pub(super) const PRIVILEGED: [&str; 23] = [
    "faxpost.v1.Accounts/CreateAccount",
    "faxpost.v1.Accounts/UpdateAccount",
    "faxpost.v1.Accounts/DeleteAccount",
    "faxpost.v1.Accounts/RollbackAccount",
    "faxpost.v1.Accounts/ImportAccounts",
    "faxpost.v1.OAuth/StartSignIn",
    "faxpost.v1.OAuth/FinishSignIn",
    SIGN_IN_WITH_DEVICE,
    "faxpost.v1.OAuth/SignInWithClientCredentials",
    "faxpost.v1.OAuth/SignOut",
    "faxpost.v1.OAuth/GetAccessToken",
    crate::policy::INSTALL_CERTIFICATE,
    crate::policy::DELETE_CERTIFICATE,
    crate::policy::GRANT_KEY_ACCESS,
    crate::policy::REVOKE_KEY_ACCESS,
    "faxpost.v1.Certificates/CheckSigning",
    crate::policy::CREATE_SIGNING_REQUEST,
    crate::policy::INSTALL_SIGNING_ANSWER,
    crate::policy::DELETE_SIGNING_REQUEST,
    "faxpost.v1.Approvals/ApproveRequest",
    "faxpost.v1.Approvals/RefuseRequest",
    "faxpost.v1.Approvals/WithdrawRequest",
    "faxpost.v1.Admin/UpdatePolicy",
];

/// The one whose end is that of a stream.
const SIGN_IN_WITH_DEVICE: &str = "faxpost.v1.OAuth/SignInWithDevice";

/// What a handler says of its call for the audit log. Never a secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Note(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    target: String,
    request: i64,
    harmless: bool,
    failed: Option<String>,
}

impl Note {
    /// What the call is about: account, certificate, trustee.
    pub(super) fn about(&self, target: impl Into<String>) {
        self.said().target = target.into();
    }

    /// The request that it is for.
    pub(super) fn for_request(&self, number: i64) {
        self.said().request = number;
    }

    /// It only looks what would be: nothing to write down, unless it is denied.
    pub(super) fn harmless(&self) {
        self.said().harmless = true;
    }

    /// The call is answered, and what it tried failed for this reason.
    pub(super) fn failed(&self, reason: &str) {
        self.said().failed = Some(reason.to_owned());
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call, on its way into the audit log.
#[derive(Clone)]
pub(super) struct Ledger {
    audit: Arc<Audit>,
    event: Event,
    note: Note,
}

impl Ledger {
    pub(super) fn new(
        audit: Arc<Audit>,
        caller: &Caller,
        role: Option<Role>,
        process: Option<u32>,
        method: &str,
        note: Note,
    ) -> Self {
        let event = Event {
            at: jiff::Timestamp::now().as_millisecond(),
            caller_id: caller.id.clone(),
            caller_name: caller.name.clone(),
            role: role.map_or("", Role::as_str).to_owned(),
            origin: process.map_or_else(|| "local".to_owned(), |process| format!("local, process {process}")),
            method: method.to_owned(),
            target: String::new(),
            outcome: Outcome::Done,
            reason: String::new(),
            request: 0,
        };
        Self { audit, event, note }
    }

    /// The call ended with this status.
    pub(super) async fn refused(self, status: &Status) {
        let (outcome, reason) = judge(status);
        self.record(outcome, reason).await;
    }

    /// The call was answered: written down before the answer goes out, or when a stream has ended.
    pub(super) async fn close(self, response: http::Response<Body>) -> http::Response<Body> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            if status.code() != Code::Ok {
                self.refused(&status).await;
                return response;
            }
        } else if self.event.method == SIGN_IN_WITH_DEVICE {
            return response.map(|body| Body::new(Followed { body, ledger: Some(self) }));
        }
        self.record(Outcome::Done, String::new()).await;
        response
    }

    async fn record(self, outcome: Outcome, reason: String) {
        let Self { audit, mut event, note } = self;
        {
            let said = note.said();
            if said.harmless && outcome != Outcome::Denied {
                return;
            }
            event.target.clone_from(&said.target);
            event.request = said.request;
            (event.outcome, event.reason) = match &said.failed {
                Some(reason) if outcome == Outcome::Done => (Outcome::Failed, reason.clone()),
                _ => (outcome, reason),
            };
        }
        audit.record(event).await;
    }
}

fn judge(status: &Status) -> (Outcome, String) {
    let info = status.get_details_error_info();
    let why = info.map_or_else(|| status.code().to_string(), |info| info.reason);
    let outcome = match status.code() {
        _ if why == reason::APPROVAL_PENDING => Outcome::Pending,
        Code::PermissionDenied | Code::Unauthenticated => Outcome::Denied,
        _ => Outcome::Failed,
    };
    (outcome, why)
}

/// An answer that tells the audit log how it ended.
struct Followed {
    body: Body,
    ledger: Option<Ledger>,
}

impl Followed {
    fn ended(&mut self, outcome: Outcome, reason: String) {
        if let Some(ledger) = self.ledger.take() {
            // Without a runtime the daemon is gone, and with it the store.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(ledger.record(outcome, reason));
            }
        }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(status) = frame.trailers_ref().and_then(Status::from_header_map)
        {
            let (outcome, reason) = match status.code() {
                Code::Ok => (Outcome::Done, String::new()),
                _ => judge(&status),
            };
            self.ended(outcome, reason);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // The caller hung up before the end.
        self.ended(Outcome::Failed, Code::Cancelled.to_string());
    }
}
