//! `account import FILE`: first what would change, then all of it or nothing.

use std::io::{self, IsTerminal as _};

use faxpost_proto::v1::{AccountImport, ImportAccountsRequest, ImportAccountsResponse, ImportedAccount};
use prost_types::FieldMask;

use super::{SecretChanges, differences, export, set, warn};
use crate::{
    args::{ImportArgs, ImportFrom},
    commands::{Context, request},
    document::{self, Mistake},
    error::{Error, told},
    input, msmtp,
    output::escape::one_line,
    settings::Changes,
};

/// What a file asks for.
struct Wanted {
    id: String,
    changes: Changes,
    /// Where in the file a field stands.
    line: Box<dyn Fn(&str) -> usize>,
    wants_password: bool,
}

pub(super) async fn run(args: &ImportArgs, context: &mut Context) -> Result<(), Error> {
    let wanted = read(args, context)?;
    let mut client = context.accounts().await?;
    let known = export::all(&mut client).await?;
    let etag = |id: &str| known.iter().find(|account| account.id == id).map(|account| account.etag.clone());
    let accounts: Vec<_> = wanted
        .iter()
        .map(|wanted| {
            let mut account = wanted.changes.account.clone();
            account.id.clone_from(&wanted.id);
            account.etag = etag(&wanted.id).unwrap_or_default();
            let update_mask = Some(FieldMask { paths: wanted.changes.fields.clone() });
            AccountImport { account: Some(account), update_mask }
        })
        .collect();
    let mut call = async |validate_only| {
        let call = ImportAccountsRequest { accounts: accounts.clone(), validate_only };
        let answer = client.import_accounts(request(call)).await.map_err(Error::from);
        answer.map(tonic::Response::into_inner).map_err(|error| at_lines(error, &wanted, args, context.texts))
    };
    let preview = call(true).await?;
    let changes = preview.accounts.iter().any(|one| one.before.is_none() || !one.fields.is_empty());
    if context.out.is_json() && (args.validate_only || !changes) {
        return context.out.json(&preview);
    }
    if context.out.is_json() && args.yes {
        let answer = call(false).await?;
        return context.out.json(&answer);
    }
    show(&preview, &wanted, context)?;
    let texts = context.texts;
    if !changes {
        return context.out.line(texts.accounts.nothing_to_import);
    }
    if args.validate_only {
        return context.out.line(texts.valid);
    }
    if !args.yes && !confirmed(args, context)? {
        return context.out.line(texts.accounts.not_imported);
    }
    let ImportAccountsResponse { accounts: done } = call(false).await?;
    let count = done.iter().filter(|one| one.before.is_none() || !one.fields.is_empty()).count();
    context.out.line(&(texts.accounts.imported)(count))?;
    for (one, wanted) in done.iter().zip(&wanted) {
        let account = one.account.clone().unwrap_or_default();
        set::warn_of_cleared(&account.id, one.password_cleared, one.client_secret_cleared, context)?;
        if wanted.wants_password && !account.has_password && !account.oauth && !one.password_cleared {
            let sentence =
                (texts.accounts.set_password)(&one_line(&account.id), &set::set_command(&account.id));
            context.out.note(&sentence)?;
        }
        warn(&account, context).await?;
    }
    Ok(())
}

fn read(args: &ImportArgs, context: &mut Context) -> Result<Vec<Wanted>, Error> {
    let texts = context.texts;
    let text = input::text(&args.file, texts)?;
    let file = args.file.to_string_lossy().into_owned();
    let wrong = |mistakes: Vec<Mistake>| {
        let lines = mistakes.into_iter().map(|mistake| {
            format!("{}: {}", (texts.accounts.at_line)(&file, &mistake.line.to_string()), mistake.text)
        });
        Error::Data(lines.collect::<Vec<_>>().join("\n"))
    };
    match args.from {
        ImportFrom::Faxpost => {
            let read = document::read_accounts(&text, texts).map_err(wrong)?;
            Ok(read
                .into_iter()
                .map(|mut read| Wanted {
                    id: std::mem::take(&mut read.id),
                    changes: std::mem::take(&mut read.changes),
                    line: Box::new(move |field| read.line(field).unwrap_or(read.begins)),
                    wants_password: false,
                })
                .collect())
        }
        ImportFrom::Msmtp => {
            let read = msmtp::parse(&text, texts);
            let read = read.map_err(|(line, text)| wrong(vec![Mistake { line, text }]))?;
            for (line, remark) in &read.remarks {
                let sentence = format!("{}: {remark}", (texts.accounts.at_line)(&file, &line.to_string()));
                context.out.note(&one_line(&sentence))?;
            }
            Ok(read
                .accounts
                .into_iter()
                .map(|account| Wanted {
                    id: account.id,
                    changes: account.changes,
                    line: Box::new(move |_| account.begins),
                    wants_password: account.wants_password,
                })
                .collect())
        }
    }
}

/// The daemon's "accounts[1].port" as the file's line.
fn at_lines(error: Error, wanted: &[Wanted], args: &ImportArgs, texts: &crate::lang::Texts) -> Error {
    let violations = error.violations();
    let file = args.file.to_string_lossy();
    let mut lines = Vec::new();
    for (field, text) in violations {
        let place = field.strip_prefix("accounts[").and_then(|rest| rest.split_once("]."));
        let found = place.and_then(|(index, field)| Some((wanted.get(index.parse::<usize>().ok()?)?, field)));
        // Of another kind: as it is told otherwise.
        let Some((account, field)) = found else { return error };
        let at = (texts.accounts.at_line)(&file, &(account.line)(field).to_string());
        lines.push(format!("{at}: {}", told(field, &text, texts)));
    }
    if lines.is_empty() { error } else { Error::Data(lines.join("\n")) }
}

fn show(preview: &ImportAccountsResponse, wanted: &[Wanted], context: &mut Context) -> Result<(), Error> {
    let texts = context.texts;
    for (imported, wanted) in preview.accounts.iter().zip(wanted) {
        let ImportedAccount { account, before, fields, password_cleared, client_secret_cleared, .. } =
            imported;
        let Some(new) = account else { continue };
        let id = one_line(&new.id);
        let title = match (before, fields.is_empty()) {
            (None, _) => (texts.accounts.will_create)(&id),
            (Some(_), true) => (texts.accounts.stays)(&id),
            (Some(_), false) => (texts.accounts.will_change)(&id),
        };
        context.out.line(&title)?;
        let secrets = SecretChanges {
            password: password_cleared.then_some(texts.password_unset),
            client_secret: client_secret_cleared.then_some(texts.password_unset),
            ..SecretChanges::default()
        };
        let old = before.clone().unwrap_or_else(|| wanted.changes.without(new.clone(), texts));
        if let Some(table) = differences(&old, new, &secrets, context) {
            context.out.table(&table)?;
        }
        context.out.line("")?;
    }
    Ok(())
}

fn confirmed(args: &ImportArgs, context: &mut Context) -> Result<bool, Error> {
    let texts = context.texts;
    // Standard input may be the file itself.
    if !io::stdin().is_terminal() || args.file.as_os_str() == "-" {
        return Err(Error::Usage(texts.accounts.import_needs_yes.to_owned()));
    }
    context.out.flush()?;
    input::agreed(texts.accounts.import_question, texts)
}
