//! `faxpost.v1.Approvals`.

use std::sync::Arc;

use faxpost_proto::v1::{self, approvals_server::Approvals};
use futures_util::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

use super::authorize::Admitted;
use super::watch::{Watch, until_stopping};
use super::{App, convert, error, page};
use crate::approvals::{self, DecideError, State, Submitted};
use crate::audit::{Event, Outcome};
use crate::certs::{Action, Done};
use crate::store::RequestFilter;

/// Longest word of an administrator on a request, in characters.
const LONGEST_TEXT: usize = 500;

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Approvals for Service {
    async fn list_requests(
        &self,
        request: Request<v1::ListRequestsRequest>,
    ) -> Answer<v1::ListRequestsResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let size = page::size(request.page_size, 50, 100)?;
        let before = page::key(&request.page_token)?;
        let states =
            request.states.iter().map(|state| convert::request_state(*state)).collect::<Result<_, _>>()?;
        let filter = RequestFilter { caller: viewer.only_own(), states };
        let page = self.0.desk.list(filter, before, size).await.map_err(|e| error::store(&e))?;
        let next_page_token = page::next(page.rows.last().map(|request| request.number), page.more);
        let requests = page.rows.into_iter().map(convert::request).collect();
        Ok(Response::new(v1::ListRequestsResponse { requests, next_page_token }))
    }

    async fn get_request(&self, request: Request<v1::GetRequestRequest>) -> Answer<v1::GetRequestResponse> {
        let viewer = Admitted::of(&request)?;
        let number = number(request.into_inner().number)?;
        let found = self.0.desk.get(number, viewer.only_own().as_deref()).await.map_err(refused(&viewer))?;
        Ok(Response::new(v1::GetRequestResponse { request: Some(convert::request(found)) }))
    }

    type WatchRequestsStream = Watch<v1::WatchRequestsResponse>;

    async fn watch_requests(
        &self,
        request: Request<v1::WatchRequestsRequest>,
    ) -> Answer<Self::WatchRequestsStream> {
        let own = Admitted::of(&request)?.only_own();
        let desk = self.0.desk.clone();
        // A watch channel tells that something changed: a slow reader skips states and costs nothing.
        let states = WatchStream::new(desk.watch()).then(move |_| {
            let (desk, own) = (desk.clone(), own.clone());
            async move {
                let requests = desk.lately(own).await.map_err(|e| error::store(&e))?;
                let requests = requests.into_iter().map(convert::request).collect();
                Ok(v1::WatchRequestsResponse { requests })
            }
        });
        Ok(Response::new(until_stopping(states, &self.0.stopping)))
    }

    async fn approve_request(
        &self,
        request: Request<v1::ApproveRequestRequest>,
    ) -> Answer<v1::ApproveRequestResponse> {
        let viewer = Admitted::of(&request)?;
        let v1::ApproveRequestRequest { number: asked, digest } = request.into_inner();
        let number = number(asked)?;
        viewer.note().for_request(number);
        let well_formed = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !well_formed {
            return Err(error::invalid(
                "digest",
                "required: the digest of the request as it was shown, 64 hex digits",
            ));
        }
        let desk = &self.0.desk;
        let found = desk.get(number, viewer.only_own().as_deref()).await.map_err(refused(&viewer))?;
        viewer.note().about(&found.summary);
        let (author, policy) = (viewer.author(), self.0.policy.now());
        let digest = digest.to_ascii_lowercase();
        let decided = desk.approve(number, &digest, &author, &policy).await.map_err(refused(&viewer))?;
        self.0.audit.record(carried_out(&decided)).await;
        Ok(Response::new(v1::ApproveRequestResponse { request: Some(convert::request(decided)) }))
    }

    async fn refuse_request(
        &self,
        request: Request<v1::RefuseRequestRequest>,
    ) -> Answer<v1::RefuseRequestResponse> {
        let viewer = Admitted::of(&request)?;
        let v1::RefuseRequestRequest { number: asked, text } = request.into_inner();
        let number = number(asked)?;
        viewer.note().for_request(number);
        if text.chars().count() > LONGEST_TEXT {
            return Err(error::invalid("text", format!("at most {LONGEST_TEXT} characters")));
        }
        let desk = &self.0.desk;
        let found = desk.get(number, viewer.only_own().as_deref()).await.map_err(refused(&viewer))?;
        viewer.note().about(&found.summary);
        let decided = desk.refuse(number, &viewer.author(), text).await.map_err(refused(&viewer))?;
        Ok(Response::new(v1::RefuseRequestResponse { request: Some(convert::request(decided)) }))
    }

    async fn withdraw_request(
        &self,
        request: Request<v1::WithdrawRequestRequest>,
    ) -> Answer<v1::WithdrawRequestResponse> {
        let viewer = Admitted::of(&request)?;
        let number = number(request.into_inner().number)?;
        viewer.note().for_request(number);
        let withdrawn = self.0.desk.withdraw(number, &viewer.author()).await;
        let withdrawn = withdrawn.map_err(|error| error::decide(error, true))?;
        viewer.note().about(&withdrawn.summary);
        Ok(Response::new(v1::WithdrawRequestResponse { request: Some(convert::request(withdrawn)) }))
    }
}

/// Hands in what a caller wants changed: done now, or pending, as the policy says of him and his method.
pub(super) async fn submit(app: &App, caller: &Admitted, action: Action) -> Result<Done, Status> {
    match app.desk.submit(caller.permit()?, action).await.map_err(error::ask)? {
        Submitted::Done(done) => Ok(done),
        Submitted::Pending(number) => {
            caller.note().for_request(number);
            Err(error::approval_pending(number))
        }
    }
}

fn refused(viewer: &Admitted) -> impl FnOnce(DecideError) -> Status {
    let own_only = viewer.only_own().is_some();
    move |error| error::decide(error, own_only)
}

fn number(number: i64) -> Result<i64, Status> {
    if number > 0 { Ok(number) } else { Err(error::invalid("number", "required: the number of a request")) }
}

/// What the audit log has of an action that was approved: it is its requester's, as if he had been allowed it.
pub(crate) fn carried_out(request: &approvals::Request) -> Event {
    Event {
        at: request.ended_at.or(request.decided_at).unwrap_or(request.created_at),
        caller_id: request.caller_id.clone(),
        caller_name: request.caller_name.clone(),
        role: request.role.clone(),
        origin: format!("approved by {} ({})", request.decider_name, request.decider_id),
        method: request.method.clone(),
        target: request.summary.clone(),
        outcome: if request.state == State::Done { Outcome::Done } else { Outcome::Failed },
        reason: request.outcome_reason.clone(),
        request: request.number,
    }
}
