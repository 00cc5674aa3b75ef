//! `account set [ID] KEY=VALUE…`

use faxpost_proto::{
    reason,
    v1::{Account, Method, UpdateAccountRequest, UpdateAccountResponse, accounts_client::AccountsClient},
};
use prost_types::FieldMask;
use tonic::transport::Channel;

use super::{differences, get, warn};
use crate::{
    args::PasswordArgs,
    commands::{Context, request},
    error::Error,
    input,
    output::escape::one_line,
    settings::{Changes, DEFAULT_ACCOUNT, split_id},
    times,
};

/// The options beside settings and password.
pub(super) struct Mode {
    pub(super) clear_password: bool,
    pub(super) validate_only: bool,
    pub(super) etag: Option<String>,
}

pub(super) async fn run(
    words: &[String],
    password: &PasswordArgs,
    mode: Mode,
    context: &mut Context,
) -> Result<(), Error> {
    let (id, settings) = split_id(words, context.texts)?;
    let mut changes = Changes::parse(settings, context.texts)?;
    let mut password_change = None;
    if mode.clear_password {
        changes.password(String::new());
        password_change = Some(context.texts.password_unset);
    } else if let Some(password) = input::password(password, context.texts)? {
        changes.password(password);
        password_change = Some(context.texts.password_new);
    }
    if changes.fields.is_empty() {
        return Err(Error::Usage(context.texts.nothing_to_set.to_owned()));
    }

    let mut client = context.accounts().await?;
    let old = get(&mut client, id).await?;
    changes.account.id = id.to_owned();
    changes.account.etag = mode.etag.unwrap_or_else(|| old.etag.clone());
    let call = UpdateAccountRequest {
        account: Some(changes.account),
        update_mask: Some(FieldMask { paths: changes.fields.clone() }),
        validate_only: mode.validate_only,
    };
    let answer = match client.update_account(request(call)).await.map_err(Error::from) {
        Ok(answer) => answer.into_inner(),
        Err(error) if error.has_reason(reason::ETAG_MISMATCH) => {
            return Err(overtaken(&mut client, id.to_owned()).await);
        }
        Err(error) => return Err(error),
    };
    if context.out.is_json() {
        context.out.json(&answer)?;
    } else {
        tell(&old, &answer, &changes.fields, mode.validate_only, password_change, context)?;
    }
    warn(&answer.account.unwrap_or_default(), context)
}

/// Somebody else was faster: who and when, if that can be found out.
pub(super) async fn overtaken(client: &mut AccountsClient<Channel>, account: String) -> Error {
    let now = get(client, &account).await.ok();
    let by = now
        .filter(|now| now.update_time.is_some() && !now.updated_by.is_empty())
        .map(|now| (now.updated_by, times::local(now.update_time.as_ref())));
    Error::Overtaken { account, by }
}

fn tell(
    old: &Account,
    answer: &UpdateAccountResponse,
    fields: &[String],
    validate_only: bool,
    password: Option<&'static str>,
    context: &mut Context,
) -> Result<(), Error> {
    let texts = context.texts;
    if validate_only {
        context.out.line(texts.valid)?;
    }
    let Some(new) = &answer.account else { return Ok(()) };
    let password = if answer.password_cleared { Some(texts.password_unset) } else { password };
    match differences(old, new, password, context) {
        Some(table) => context.out.table(&table)?,
        None => context.out.line(texts.unchanged)?,
    }
    if answer.password_cleared {
        let sentence = (texts.password_cleared)(&set_command(&new.id));
        context.out.warning(&sentence)?;
    }
    if new.method() == Method::Pickup && !validate_only && about_a_server(fields) {
        let command = format!("{} method=secure-smtp-client", set_command(&new.id));
        let sentence = (texts.still_pickup)(&command);
        context.out.note(&sentence)?;
    }
    Ok(())
}

/// Whether somebody who sets these wants mail to go to a server.
fn about_a_server(fields: &[String]) -> bool {
    fields.iter().any(|field| {
        matches!(field.as_str(), "server" | "port" | "security" | "authentication" | "login" | "password")
    })
}

/// `faxpost account set`, with the id where it is needed.
pub(super) fn set_command(id: &str) -> String {
    match id {
        "" | DEFAULT_ACCOUNT => "faxpost account set".to_owned(),
        id => format!("faxpost account set {}", one_line(id)),
    }
}
