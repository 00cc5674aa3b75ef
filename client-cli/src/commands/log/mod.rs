//! `log …`

use faxpost_proto::v1::{Entry, EntryFilter, EntryOutcome};

use super::Context;
use crate::{
    args::{Log, LogFilter},
    error::Error,
    output::style::Style,
};

mod export;
mod follow;
mod list;
mod show;
mod transcript;

pub(super) async fn run(command: Log, context: &mut Context) -> Result<(), Error> {
    match command {
        Log::List { filter, number } => list::run(wire(filter), number, context).await,
        Log::Show { id } => show::run(id, context).await,
        Log::Transcript { id } => transcript::run(id, context).await,
        Log::Follow { filter, backlog } => follow::run(wire(filter), backlog, context).await,
        Log::Export { filter, transcripts } => export::run(wire(filter), transcripts, context).await,
    }
}

fn wire(filter: LogFilter) -> EntryFilter {
    EntryFilter {
        message: filter.message.unwrap_or_default(),
        account: filter.account.unwrap_or_default(),
        recipient: filter.recipient.unwrap_or_default(),
        caller: filter.caller.unwrap_or_default(),
        kinds: filter.kind.into_iter().map(Into::into).collect(),
        outcomes: filter.outcome.into_iter().map(Into::into).collect(),
        since: filter.since,
        until: filter.until,
    }
}

fn style(outcome: EntryOutcome) -> Style {
    match outcome {
        EntryOutcome::Ok => Style::Good,
        EntryOutcome::Partial | EntryOutcome::Temporary => Style::Warn,
        EntryOutcome::Permanent => Style::Bad,
        EntryOutcome::Unspecified => Style::Plain,
    }
}

/// The first address, and how many more.
fn addresses(entry: &Entry) -> String {
    match &*entry.recipients {
        [] => String::new(),
        [only] => only.address.clone(),
        [first, rest @ ..] => format!("{} +{}", first.address, rest.len()),
    }
}
