//! `log list`

use faxpost_proto::v1::{Entry, EntryFilter, ListEntriesRequest, ListEntriesResponse};

use super::{addresses, style};
use crate::{
    commands::{Context, page_size, request},
    error::Error,
    output::table::{Cell, Fit, Table},
    times,
};

/// What the daemon gives on one page at most.
const PAGE: u32 = 500;

pub(super) async fn run(filter: EntryFilter, number: u32, context: &mut Context) -> Result<(), Error> {
    let mut client = context.log().await?;
    let mut all = ListEntriesResponse::default();
    while page_size(number, all.entries.len(), PAGE) > 0 {
        let page = ListEntriesRequest {
            page_size: page_size(number, all.entries.len(), PAGE),
            page_token: all.next_page_token.clone(),
            filter: Some(filter.clone()),
            oldest_first: false,
        };
        let page = client.list_entries(request(page)).await?.into_inner();
        all.entries.extend(page.entries);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if context.out.is_json() {
        return context.out.json(&all);
    }
    if all.entries.is_empty() {
        return context.out.note(context.texts.nothing);
    }
    let table = table(&all.entries, context);
    context.out.table(&table)?;
    if !all.next_page_token.is_empty() {
        context.out.note(context.texts.more)?;
    }
    Ok(())
}

fn table(entries: &[Entry], context: &Context) -> Table {
    let texts = context.texts;
    let mut table = Table::new([
        (texts.id, Fit::Whole),
        (texts.time, Fit::Whole),
        (texts.kind, Fit::WholeOrDrop),
        (texts.outcome, Fit::Whole),
        (texts.recipients, Fit::Shorten),
        (texts.subject, Fit::ShortenOrDrop),
        (texts.answer, Fit::Shorten),
    ]);
    for entry in entries {
        table.row([
            entry.id.to_string().into(),
            times::local(entry.time.as_ref()).into(),
            (texts.entry_kind)(entry.kind()).into(),
            Cell::styled((texts.entry_outcome)(entry.outcome()), style(entry.outcome())),
            addresses(entry).into(),
            (&*entry.subject).into(),
            texts.said(&entry.answer).into(),
        ]);
    }
    table
}
