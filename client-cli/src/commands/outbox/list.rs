//! `outbox list`

use faxpost_proto::v1::{ListMessagesRequest, ListMessagesResponse, Message, MessageState, Recipient};

use super::style;
use crate::{
    commands::{Context, page_size, request},
    error::Error,
    output::table::{Cell, Fit, Table},
    times,
};

/// What the daemon gives on one page at most.
const PAGE: u32 = 500;

pub(in crate::commands) async fn run(
    states: &[MessageState],
    account: Option<String>,
    number: u32,
    context: &mut Context,
) -> Result<(), Error> {
    let mut client = context.mail().await?;
    let mut all = ListMessagesResponse::default();
    let account = account.unwrap_or_default();
    while page_size(number, all.messages.len(), PAGE) > 0 {
        let page = ListMessagesRequest {
            page_size: page_size(number, all.messages.len(), PAGE),
            page_token: all.next_page_token.clone(),
            states: states.iter().map(|&state| state.into()).collect(),
            account: account.clone(),
        };
        let page = client.list_messages(request(page)).await?.into_inner();
        all.messages.extend(page.messages);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if context.out.is_json() {
        return context.out.json(&all);
    }
    if all.messages.is_empty() {
        return context.out.note(context.texts.nothing);
    }
    let table = table(&all.messages, context);
    context.out.table(&table)?;
    if !all.next_page_token.is_empty() {
        context.out.note(context.texts.more)?;
    }
    Ok(())
}

fn table(messages: &[Message], context: &Context) -> Table {
    let texts = context.texts;
    let mut table = Table::new([
        (texts.id, Fit::Whole),
        (texts.state, Fit::Whole),
        (texts.accepted, Fit::WholeOrDrop),
        (texts.recipients, Fit::Shorten),
        (texts.subject, Fit::Shorten),
    ])
    .with_remarks(texts.last_error);
    for message in messages {
        let cells: [Cell; 5] = [
            (&*message.id).into(),
            Cell::styled((texts.message_state)(message.state()), style(message.state())),
            times::local(message.accept_time.as_ref()).into(),
            addresses(&message.recipients).into(),
            (&*message.subject).into(),
        ];
        table.row_with(cells, texts.said(&message.last_error));
    }
    table
}

/// The first one, and how many more.
fn addresses(recipients: &[Recipient]) -> String {
    match recipients {
        [] => String::new(),
        [only] => only.address.clone(),
        [first, rest @ ..] => format!("{} +{}", first.address, rest.len()),
    }
}
