//! `request …`: what waits for an administrator.

use faxpost_proto::v1::{GetRequestRequest, Request, WithdrawRequestRequest};

use super::{Context, request};
use crate::{args, error::Error};

mod decide;
mod list;
mod pending;
mod show;
mod watch;

pub(super) use pending::or_pending;

pub(super) async fn run(command: args::Request, context: &mut Context) -> Result<(), Error> {
    match command {
        args::Request::List { state, number } => list::run(&state, number, context).await,
        args::Request::Show { number } => {
            let call = request(GetRequestRequest { number });
            let answer = context.approvals().await?.get_request(call).await?.into_inner();
            show::run(&answer, answer.request.as_ref(), context)
        }
        args::Request::Approve { number, yes, digest } => decide::approve(number, yes, digest, context).await,
        args::Request::Refuse { number, why } => decide::refuse(number, why, context).await,
        args::Request::Withdraw { number } => {
            let call = request(WithdrawRequestRequest { number });
            let answer = context.approvals().await?.withdraw_request(call).await?.into_inner();
            show::run(&answer, answer.request.as_ref(), context)
        }
        args::Request::Watch => watch::run(context).await,
    }
}

/// What it is about, without the package.
fn method(request: &Request) -> &str {
    request.method.trim_start_matches("faxpost.v1.")
}
