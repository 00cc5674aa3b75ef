//! `outbox …`

use faxpost_proto::v1::{
    CancelMessageRequest, GetMessageRequest, HoldMessageRequest, Message, MessageState,
    ReleaseMessageRequest, RetryMessageRequest,
};
use prost::Name;

use super::{Context, request};
use crate::{args::Outbox, error::Error, output::style::Style};

pub(super) mod list;
mod show;

pub(super) use show::{held_until, recipients};

pub(super) async fn run(command: Outbox, context: &mut Context) -> Result<(), Error> {
    let mut client = match command {
        Outbox::List { state, account, number } => return list::run(&state, account, number, context).await,
        _ => context.mail().await?,
    };
    match command {
        Outbox::List { .. } => Ok(()),
        Outbox::Show { id } => {
            let answer = client.get_message(request(GetMessageRequest { id })).await?.into_inner();
            show::run(&answer, answer.message.as_ref(), context)
        }
        Outbox::Retry { id } => {
            let answer = client.retry_message(request(RetryMessageRequest { id })).await?.into_inner();
            steered(&answer, answer.message.as_ref(), context)
        }
        Outbox::Hold { id } => {
            let answer = client.hold_message(request(HoldMessageRequest { id })).await?.into_inner();
            steered(&answer, answer.message.as_ref(), context)
        }
        Outbox::Release { id } => {
            let answer = client.release_message(request(ReleaseMessageRequest { id })).await?.into_inner();
            steered(&answer, answer.message.as_ref(), context)
        }
        Outbox::Cancel { id } => {
            let answer = client.cancel_message(request(CancelMessageRequest { id })).await?.into_inner();
            steered(&answer, answer.message.as_ref(), context)
        }
    }
}

/// What became of the message: `0193… held`.
fn steered<M: prost::Message + Name>(
    answer: &M,
    message: Option<&Message>,
    context: &mut Context,
) -> Result<(), Error> {
    if context.out.is_json() {
        return context.out.json(answer);
    }
    let Some(message) = message else { return Ok(()) };
    let state = (context.texts.message_state)(message.state());
    let line = format!(
        "{}  {}",
        crate::output::escape::one_line(&message.id),
        context.out.paint(style(message.state()), state)
    );
    context.out.line(&line)
}

/// How a state looks.
pub(super) fn style(state: MessageState) -> Style {
    match state {
        MessageState::Delivered => Style::Good,
        MessageState::Failed => Style::Bad,
        MessageState::Held => Style::Warn,
        MessageState::Cancelled => Style::Dim,
        MessageState::Queued | MessageState::Sending | MessageState::Unspecified => Style::Plain,
    }
}
