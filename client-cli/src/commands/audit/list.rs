//! `audit list`

use faxpost_proto::v1::{AuditEntry, ListAuditEntriesRequest, ListAuditEntriesResponse};
use prost_types::Timestamp;

use super::{method, style};
use crate::{
    commands::{Context, page_size, request},
    error::Error,
    output::table::{Cell, Fit, Table},
    times,
};

/// What the daemon gives on one page at most.
const PAGE: u32 = 500;

/// Of this method and this caller, where they are not empty, and from then on.
type Filter = (String, String, Option<Timestamp>);

pub(super) async fn run(
    (method, caller, since): Filter,
    number: u32,
    context: &mut Context,
) -> Result<(), Error> {
    let mut client = context.admin().await?;
    let mut all = ListAuditEntriesResponse::default();
    while page_size(number, all.entries.len(), PAGE) > 0 {
        let page = ListAuditEntriesRequest {
            page_size: page_size(number, all.entries.len(), PAGE),
            page_token: all.next_page_token.clone(),
            method: method.clone(),
            caller: caller.clone(),
            since,
            id: 0,
        };
        let page = client.list_audit_entries(request(page)).await?.into_inner();
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

fn table(entries: &[AuditEntry], context: &Context) -> Table {
    let (texts, words) = (context.texts, context.texts.certificates);
    let mut table = Table::new([
        (texts.id, Fit::Whole),
        (texts.time, Fit::Whole),
        (texts.caller, Fit::Shorten),
        (texts.call, Fit::Whole),
        (texts.outcome, Fit::Whole),
        (words.request, Fit::WholeOrDrop),
        (texts.reason_label, Fit::WholeOrDrop),
    ])
    .with_remarks(words.target);
    for entry in entries {
        let number = if entry.request == 0 { String::new() } else { entry.request.to_string() };
        let cells: [Cell; 7] = [
            entry.id.to_string().into(),
            times::local(entry.time.as_ref()).into(),
            (&*entry.caller_name).into(),
            method(entry).into(),
            Cell::styled((words.audit_outcome)(entry.outcome()), style(entry.outcome())),
            number.into(),
            (&*entry.reason).into(),
        ];
        let about = [texts.said(&entry.target), texts.said(&entry.origin)];
        let about: Vec<_> = about.iter().filter(|said| !said.is_empty()).map(|said| said.as_ref()).collect();
        table.row_with(cells, about.join(" — "));
    }
    table
}
