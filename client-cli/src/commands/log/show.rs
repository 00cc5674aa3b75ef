//! `log show ID`

use faxpost_proto::v1::{Entry, EntryKind, GetEntryRequest};

use crate::{
    commands::{Context, request},
    error::Error,
    output::{
        style::Style,
        table::{Cell, Fit, Table},
    },
    times,
};

pub(super) async fn run(id: i64, context: &mut Context) -> Result<(), Error> {
    let answer = context.log().await?.get_entry(request(GetEntryRequest { id })).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let Some(entry) = answer.entry else { return Ok(()) };
    let pairs = pairs(&entry, context);
    context.out.pairs(&pairs)?;
    if !entry.recipients.is_empty() {
        context.out.line("")?;
        let table = recipients(&entry, context);
        context.out.table(&table)?;
    }
    if entry.has_transcript {
        let sentence = (context.texts.has_transcript)(entry.id);
        context.out.note(&sentence)?;
    }
    Ok(())
}

fn pairs(entry: &Entry, context: &Context) -> Vec<(&'static str, String)> {
    let texts = context.texts;
    let mut pairs = vec![
        (texts.id, entry.id.to_string()),
        (texts.time, times::local(entry.time.as_ref())),
        (texts.kind, (texts.entry_kind)(entry.kind()).to_owned()),
        (texts.outcome, (texts.entry_outcome)(entry.outcome()).to_owned()),
        (texts.answer, texts.said(&entry.answer).into_owned()),
        (texts.reason_label, entry.reason.clone()),
        (texts.message, entry.message.clone()),
        (texts.subject, entry.subject.clone()),
        (texts.sender, entry.sender.clone()),
        (texts.caller, entry.caller.clone()),
        (texts.account, entry.account.clone()),
        (texts.method, entry.method.clone()),
        (texts.server, entry.server.clone()),
        ("TLS", entry.tls.clone()),
    ];
    pairs.retain(|(_, value)| !value.is_empty());
    if entry.size > 0 {
        pairs.push((texts.size, (texts.bytes)(entry.size)));
    }
    if entry.attempt > 0 {
        pairs.push((texts.attempt, entry.attempt.to_string()));
    }
    if entry.duration_ms > 0 {
        pairs.push((texts.duration, times::millis(entry.duration_ms)));
    }
    pairs
}

fn recipients(entry: &Entry, context: &Context) -> Table {
    let texts = context.texts;
    if matches!(entry.kind(), EntryKind::Accepted | EntryKind::Steered) {
        // Nothing was asked of a server yet.
        let mut table = Table::new([(texts.recipient, Fit::Whole)]);
        entry.recipients.iter().for_each(|recipient| table.row([(&*recipient.address).into()]));
        return table;
    }
    let mut table = Table::new([
        (texts.recipient, Fit::Whole),
        (texts.delivered, Fit::Whole),
        (texts.answer, Fit::Shorten),
    ]);
    for recipient in &entry.recipients {
        let delivered = if recipient.delivered {
            Cell::styled(texts.yes, Style::Good)
        } else {
            Cell::styled(texts.no, Style::Plain)
        };
        table.row([(&*recipient.address).into(), delivered, texts.said(&recipient.answer).into()]);
    }
    table
}
