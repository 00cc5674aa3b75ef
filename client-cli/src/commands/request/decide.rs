//! `request approve N` and `request refuse N`

use std::io::{self, IsTerminal as _};

use faxpost_proto::v1::{ApproveRequestRequest, GetRequestRequest, RefuseRequestRequest, RequestState};

use super::{pending::exit_of, show};
use crate::{
    commands::{Context, request},
    error::Error,
    exit::Exit,
    input,
};

pub(super) async fn approve(
    number: i64,
    yes: bool,
    digest: Option<String>,
    context: &mut Context,
) -> Result<(), Error> {
    let mut client = context.approvals().await?;
    let digest = match digest {
        Some(digest) => digest,
        None => {
            // Who may not, and a number that is none, are the daemon's to refuse.
            let found = client.get_request(request(GetRequestRequest { number })).await?.into_inner();
            if !yes && !io::stdin().is_terminal() {
                return Err(Error::Usage(context.texts.certificates.approve_options.to_owned()));
            }
            let found = found.request.unwrap_or_default();
            // One that is over is the daemon's to refuse.
            let asks = !yes && found.state() == RequestState::Pending;
            if asks && !sure(&found, context)? {
                context.out.note(context.texts.certificates.not_approved)?;
                return Err(Error::Told(Exit::Other));
            }
            found.digest
        }
    };
    // The very digest that was shown: another content is refused.
    let call = request(ApproveRequestRequest { number, digest });
    let answer = client.approve_request(call).await?.into_inner();
    show::run(&answer, answer.request.as_ref(), context)?;
    match exit_of(&answer.request.unwrap_or_default()) {
        Exit::Done => Ok(()),
        exit => Err(Error::Told(exit)),
    }
}

pub(super) async fn refuse(number: i64, text: String, context: &mut Context) -> Result<(), Error> {
    let call = request(RefuseRequestRequest { number, text });
    let answer = context.approvals().await?.refuse_request(call).await?.into_inner();
    show::run(&answer, answer.request.as_ref(), context)
}

/// Shows what will happen, and asks.
fn sure(found: &faxpost_proto::v1::Request, context: &mut Context) -> Result<bool, Error> {
    let words = context.texts.certificates;
    if context.out.is_json() {
        context.out.note(&format!("{} {}", words.will_happen, context.texts.said(&found.summary)))?;
    } else {
        context.out.line(words.will_happen)?;
        show::people(found, context)?;
        context.out.flush()?;
    }
    input::agreed(words.sure, context.texts)
}
