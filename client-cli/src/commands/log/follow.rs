//! `log follow`: a line an entry as they come. Ctrl-C ends the program, and with the connection the call.

use faxpost_proto::v1::{Entry, EntryFilter, FollowEntriesRequest};

use super::{addresses, style};
use crate::{
    commands::Context,
    error::Error,
    output::escape::{one_line, shorten, width},
    times,
};

/// Columns of kinds and outcomes; longer ones only push the rest to the right.
const WORD: usize = 10;

pub(super) async fn run(filter: EntryFilter, backlog: i32, context: &mut Context) -> Result<(), Error> {
    let call = FollowEntriesRequest { filter: Some(filter), backlog };
    let mut entries = context.log().await?.follow_entries(call).await?.into_inner();
    while let Some(answer) = entries.message().await? {
        if context.out.is_json() {
            context.out.json(&answer)?;
        } else if let Some(entry) = &answer.entry {
            let line = line(entry, context);
            context.out.line(&line)?;
            context.out.flush()?;
        }
    }
    Ok(())
}

fn line(entry: &Entry, context: &Context) -> String {
    let texts = context.texts;
    let outcome = padded((texts.entry_outcome)(entry.outcome()));
    let before = format!(
        "{:>6}  {}  {}  ",
        entry.id,
        times::local(entry.time.as_ref()),
        padded((texts.entry_kind)(entry.kind())),
    );
    let parts = [addresses(entry), entry.subject.clone(), texts.said(&entry.answer).into_owned()];
    let rest = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| one_line(part))
        .collect::<Vec<_>>()
        .join("  ");
    let room =
        context.out.width().map(|columns| columns.saturating_sub(width(&before) + width(&outcome) + 2));
    let rest = room.map_or_else(|| rest.clone().into(), |room| shorten(&rest, room));
    format!("{before}{}  {rest}", context.out.paint(style(entry.outcome()), &outcome)).trim_end().to_owned()
}

fn padded(word: &str) -> String {
    format!("{word}{}", " ".repeat(WORD.saturating_sub(width(word))))
}
