//! `audit …`

use faxpost_proto::v1::{AuditEntry, AuditOutcome};

use super::Context;
use crate::{args::Audit, error::Error, output::style::Style};

mod list;
mod show;

pub(super) async fn run(command: Audit, context: &mut Context) -> Result<(), Error> {
    match command {
        Audit::List { method, caller, since, number } => {
            let (method, caller) = (method.unwrap_or_default(), caller.unwrap_or_default());
            list::run((method, caller, since), number, context).await
        }
        Audit::Show { id } => show::run(id, context).await,
    }
}

fn style(outcome: AuditOutcome) -> Style {
    match outcome {
        AuditOutcome::Done => Style::Good,
        AuditOutcome::Denied | AuditOutcome::Failed => Style::Bad,
        AuditOutcome::Pending => Style::Warn,
        AuditOutcome::Unspecified => Style::Plain,
    }
}

/// As it is typed in `policy set`.
fn method(entry: &AuditEntry) -> &str {
    entry.method.trim_start_matches("faxpost.v1.")
}
