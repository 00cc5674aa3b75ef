//! `send --wait`: follows the message until nothing more will change.

use std::time::Duration;

use faxpost_proto::v1::{Message, MessageState, WatchMessageRequest};
use tokio::time::Instant;

use crate::{
    commands::{
        Context,
        outbox::{held_until, recipients, style},
    },
    error::Error,
    exit::Exit,
    output::escape::one_line,
};

pub(super) async fn run(id: &str, seconds: Option<u64>, context: &mut Context) -> Result<(), Error> {
    let deadline = seconds.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let mut last = None;
    match deadline {
        Some(deadline) => match tokio::time::timeout_at(deadline, watch(id, &mut last, context)).await {
            Ok(result) => result,
            Err(_) => {
                // Of a held message it was said already what it waits for.
                if last.is_none_or(|last| last.state() != MessageState::Held) {
                    let sentence = (context.texts.still_waiting)(&one_line(id));
                    context.out.note(&sentence)?;
                }
                Err(Error::Told(Exit::Temporary))
            }
        },
        None => watch(id, &mut last, context).await,
    }
}

/// `last`: how the message was when it was looked at last.
async fn watch(id: &str, last: &mut Option<Message>, context: &mut Context) -> Result<(), Error> {
    let mut client = context.mail().await?;
    let mut states = client.watch_message(WatchMessageRequest { id: id.to_owned() }).await?.into_inner();
    while let Some(answer) = states.message().await? {
        let Some(message) = answer.message else { continue };
        if last.as_ref().is_none_or(|last| differs(last, &message)) {
            tell(&message, context)?;
        }
        *last = Some(message);
    }
    let last = last.clone().unwrap_or_default();
    match last.state() {
        MessageState::Delivered => Ok(()),
        MessageState::Failed | MessageState::Cancelled => {
            if !context.out.is_json() {
                recipients(&last, context)?;
            }
            Err(Error::Told(Exit::Other))
        }
        // The daemon ended the stream too early: it stops.
        _ => Err(Error::Told(Exit::Temporary)),
    }
}

/// Whether a person would want to know.
fn differs(old: &Message, new: &Message) -> bool {
    (old.state, old.attempts, &old.last_error) != (new.state, new.attempts, &new.last_error)
}

fn tell(message: &Message, context: &mut Context) -> Result<(), Error> {
    let state = (context.texts.message_state)(message.state());
    let error = one_line(&context.texts.said(&message.last_error));
    if context.out.is_json() {
        // Standard output has the answer of the main call, and nothing else.
        context.out.note(format!("{state}  {error}").trim_end())?;
        return held_until(message, context).map_or(Ok(()), |until| context.out.note(&until));
    }
    let line = format!("{}  {error}", context.out.paint(style(message.state()), state));
    context.out.line(line.trim_end())?;
    if let Some(until) = held_until(message, context) {
        context.out.note(&until)?;
    }
    context.out.flush()
}
