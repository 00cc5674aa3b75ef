//! `outbox show ID`

use faxpost_proto::v1::{Message, MessageState, RecipientState};
use prost::Name;

use crate::{
    commands::Context,
    error::Error,
    output::{
        escape::one_line,
        style::Style,
        table::{Cell, Fit, Table},
    },
    times,
};

pub(super) fn run<M: prost::Message + Name>(
    answer: &M,
    message: Option<&Message>,
    context: &mut Context,
) -> Result<(), Error> {
    if context.out.is_json() {
        return context.out.json(answer);
    }
    let Some(message) = message else { return Ok(()) };
    let texts = context.texts;
    let mut pairs = vec![
        (texts.id, message.id.clone()),
        (texts.state, (texts.message_state)(message.state()).to_owned()),
    ];
    if let Some(until) = held_until(message, context) {
        pairs.push((texts.held_label, until));
    }
    pairs.extend([
        (texts.subject, message.subject.clone()),
        (texts.sender, message.sender.clone()),
        (texts.account, message.account.clone()),
        (texts.caller, message.caller.clone()),
        (texts.message_id, message.message_id.clone()),
        (texts.size, (texts.bytes)(message.size)),
        (texts.accepted, times::local(message.accept_time.as_ref())),
        (texts.attempts, message.attempts.to_string()),
    ]);
    if message.next_attempt_time.is_some() {
        pairs.push((texts.next_attempt, times::local(message.next_attempt_time.as_ref())));
    }
    if message.expire_time.is_some() {
        pairs.push((texts.expires, times::local(message.expire_time.as_ref())));
    }
    if !message.last_error.is_empty() {
        pairs.push((texts.last_error, texts.said(&message.last_error).into_owned()));
    }
    context.out.pairs(&pairs)?;
    context.out.line("")?;
    recipients(message, context)
}

/// What a held message waits for.
pub(in crate::commands) fn held_until(message: &Message, context: &Context) -> Option<String> {
    let Message { held_for, id, account, .. } = message;
    let held = message.state() == MessageState::Held;
    held.then(|| (context.texts.held_until)(held_for, &one_line(id), &one_line(account)))
}

/// Every recipient, and what was answered about it.
pub(in crate::commands) fn recipients(message: &Message, context: &mut Context) -> Result<(), Error> {
    let texts = context.texts;
    let mut table =
        Table::new([(texts.recipient, Fit::Whole), (texts.state, Fit::Whole), (texts.answer, Fit::Shorten)]);
    for recipient in &message.recipients {
        let style = match recipient.state() {
            RecipientState::Delivered => Style::Good,
            RecipientState::Failed => Style::Bad,
            RecipientState::Cancelled => Style::Dim,
            RecipientState::Pending | RecipientState::Unspecified => Style::Plain,
        };
        table.row([
            (&*recipient.address).into(),
            Cell::styled((texts.recipient_state)(recipient.state()), style),
            texts.said(&recipient.answer).into(),
        ]);
    }
    context.out.table(&table)
}
