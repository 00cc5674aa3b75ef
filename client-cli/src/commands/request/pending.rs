//! A change that an administrator must approve first: its number on standard output, how to follow it, and with `--wait`
//! what became of it.

use faxpost_proto::{
    refusal,
    v1::{GetRequestRequest, GetRequestResponse, Request, RequestState, WatchRequestsRequest},
};
use tonic::{Response, Status};

use super::show;
use crate::{
    args::WaitArgs,
    commands::{Context, request},
    error::Error,
    exit::{self, Exit},
};

/// The answer of a change. `None`: it was approved meanwhile, and everything was said.
pub(in crate::commands) async fn or_pending<T>(
    result: Result<Response<T>, Status>,
    wait: WaitArgs,
    context: &mut Context,
) -> Result<Option<T>, Error> {
    let status = match result {
        Ok(answer) => return Ok(Some(answer.into_inner())),
        Err(status) => status,
    };
    let Some(number) = refusal::pending_request(&status) else { return Err(status.into()) };
    if wait.wait {
        context.out.remark(&(context.texts.certificates.waiting)(number))?;
        let found = decided(number, context).await?;
        tell(&found, context)?;
        return match exit_of(&found) {
            Exit::Done => Ok(None),
            exit => Err(Error::Told(exit)),
        };
    }
    if context.out.is_json() {
        let call = request(GetRequestRequest { number });
        // A caller who may not look at requests still learns the number.
        let found = context.approvals().await?.get_request(call).await;
        let bare = || Request { number, state: RequestState::Pending.into(), ..Request::default() };
        let found = found.ok().and_then(|answer| answer.into_inner().request).unwrap_or_else(bare);
        tell(&found, context)?;
    } else {
        // For scripts: the same in every language.
        context.out.line(&format!("request {number}"))?;
        context.out.note(&(context.texts.certificates.pending)(number))?;
    }
    Err(Error::Told(Exit::Temporary))
}

/// How a program ends whose change became this request.
pub(super) fn exit_of(request: &Request) -> Exit {
    match request.state() {
        RequestState::Done => Exit::Done,
        RequestState::Refused => Exit::Denied,
        RequestState::Failed => exit::of_status(tonic::Code::Internal, Some(&*request.outcome_reason)),
        RequestState::Pending | RequestState::Approved | RequestState::Expired => Exit::Temporary,
        RequestState::Withdrawn | RequestState::Unspecified => Exit::Other,
    }
}

fn tell(found: &Request, context: &mut Context) -> Result<(), Error> {
    let answer = GetRequestResponse { request: Some(found.clone()) };
    show::run(&answer, Some(found), context)
}

/// Watches until it is over.
async fn decided(number: i64, context: &Context) -> Result<Request, Error> {
    let mut client = context.approvals().await?;
    let mut states = client.watch_requests(WatchRequestsRequest {}).await?.into_inner();
    while let Some(snapshot) = states.message().await? {
        let found = snapshot.requests.into_iter().find(|request| request.number == number);
        let found = match found {
            Some(found) => found,
            // Many others ended since.
            None => {
                let answer = client.get_request(request(GetRequestRequest { number })).await?;
                answer.into_inner().request.unwrap_or_default()
            }
        };
        if !matches!(found.state(), RequestState::Pending | RequestState::Approved) {
            return Ok(found);
        }
    }
    Err(Error::Told(Exit::Temporary))
}

#[cfg(test)]
mod tests {
    use faxpost_proto::reason;

    use super::*;

    #[test]
    fn c6_a_script_learns_what_became_of_its_request() {
        let request = |state: RequestState, why: &str| Request {
            state: state.into(),
            outcome_reason: why.to_owned(),
            ..Request::default()
        };
        assert_eq!(exit_of(&request(RequestState::Done, "")), Exit::Done);
        assert_eq!(exit_of(&request(RequestState::Refused, "")), Exit::Denied);
        assert_eq!(exit_of(&request(RequestState::Pending, "")), Exit::Temporary);
        assert_eq!(exit_of(&request(RequestState::Expired, "")), Exit::Temporary);
        assert_eq!(exit_of(&request(RequestState::Failed, reason::CERTIFICATE_NOT_FOUND)), Exit::BadData);
        assert_eq!(
            exit_of(&request(RequestState::Failed, reason::CERTIFICATE_STORE_FAILED)),
            Exit::Temporary
        );
    }
}
