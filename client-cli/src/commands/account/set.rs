//! `account set [ID] KEY=VALUE…`

use faxpost_proto::{
    reason,
    v1::{
        Account, ListPresetsRequest, Method, UpdateAccountRequest, UpdateAccountResponse,
        accounts_client::AccountsClient,
    },
};
use prost_types::FieldMask;
use tonic::transport::Channel;

use super::{SecretChanges, differences, get, warn};
use crate::{
    args::{ClientSecretArgs, PasswordArgs},
    commands::{Context, request},
    error::Error,
    input,
    output::escape::one_line,
    settings::{Changes, DEFAULT_ACCOUNT, split_id},
    times,
};

/// The options about secrets.
pub(super) struct Secrets {
    pub(super) password: PasswordArgs,
    pub(super) clear_password: bool,
    pub(super) client_secret: ClientSecretArgs,
    pub(super) clear_client_secret: bool,
}

/// The options beside settings and secrets.
pub(super) struct Mode {
    pub(super) validate_only: bool,
    pub(super) etag: Option<String>,
}

pub(super) async fn run(
    words: &[String],
    secrets: &Secrets,
    mode: Mode,
    context: &mut Context,
) -> Result<(), Error> {
    let (id, settings) = split_id(words, context.texts)?;
    let mut changes = Changes::parse(settings, context.texts)?;
    let told = read_secrets(secrets, &mut changes, context)?;
    if changes.fields.is_empty() {
        return Err(Error::Usage(context.texts.nothing_to_set.to_owned()));
    }

    let mut client = context.accounts().await?;
    let old = get(&mut client, id).await?;
    fill_in(&mut changes, &old, &mut client, context).await?;
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
        tell(&old, &answer, &changes.fields, mode.validate_only, told, context)?;
    }
    warn(&answer.account.unwrap_or_default(), context).await
}

/// A profile of OAuth 2.0 knows its provider's server (requirement B1): where there is none yet, it is taken. The port
/// goes with it.
pub(super) async fn fill_in(
    changes: &mut Changes,
    old: &Account,
    client: &mut AccountsClient<Channel>,
    context: &mut Context,
) -> Result<(), Error> {
    let given = |field: &str| changes.fields.iter().any(|given| given == field);
    let server_given = ["server", "port", "security"].into_iter().any(given);
    let oauth = if given("oauth") { changes.account.oauth } else { old.oauth };
    if !given("oauth_profile") || changes.account.oauth_profile.is_empty() || server_given || !oauth {
        return Ok(());
    }
    let presets = client.list_presets(request(ListPresetsRequest {})).await?.into_inner().presets;
    let preset = presets.into_iter().find(|preset| preset.oauth_profile == changes.account.oauth_profile);
    let Some(known) = preset.and_then(|preset| preset.account) else { return Ok(()) };
    if old.server.is_empty() {
        changes.account.server = known.server;
        (changes.account.port, changes.account.security) = (known.port, known.security);
        changes.fields.extend(["server", "port", "security"].map(str::to_owned));
    } else if old.server != known.server {
        let sentence =
            (context.texts.accounts.other_server)(&one_line(&old.server), &one_line(&known.server));
        context.out.note(&sentence)?;
    }
    Ok(())
}

/// Takes them in, and gives what to say of them.
fn read_secrets(secrets: &Secrets, changes: &mut Changes, context: &Context) -> Result<SecretChanges, Error> {
    let texts = context.texts;
    let mut told = SecretChanges::default();
    if secrets.clear_password {
        changes.password(String::new());
        told.password = Some(texts.password_unset);
    } else if let Some(password) = input::password_or(texts.password_empty_to_set, &secrets.password, texts)?
    {
        changes.password(password);
        told.password = Some(texts.password_new);
    }
    if secrets.clear_client_secret {
        changes.client_secret(String::new());
        told.client_secret = Some(texts.password_unset);
    } else if let Some(secret) = input::client_secret(&secrets.client_secret, texts)? {
        changes.client_secret(secret);
        told.client_secret = Some(texts.password_new);
    }
    Ok(told)
}

/// Somebody else was faster: who and when, if that can be found out.
pub(super) async fn overtaken(client: &mut AccountsClient<Channel>, account: String) -> Error {
    let now = get(client, &account).await.ok();
    let by = now
        .filter(|now| now.update_time.is_some() && !now.updated_by.is_empty())
        .map(|now| (now.updated_by, times::local(now.update_time.as_ref())));
    Error::Overtaken { account, by }
}

pub(super) fn tell(
    old: &Account,
    answer: &UpdateAccountResponse,
    fields: &[String],
    validate_only: bool,
    mut secrets: SecretChanges,
    context: &mut Context,
) -> Result<(), Error> {
    let texts = context.texts;
    if validate_only {
        context.out.line(texts.valid)?;
    }
    let Some(new) = &answer.account else { return Ok(()) };
    if answer.password_cleared {
        secrets.password = Some(texts.password_unset);
    }
    let secret_cleared = old.has_oauth_client_secret
        && !new.has_oauth_client_secret
        && secrets.client_secret.replace(texts.password_unset).is_none();
    match differences(old, new, &secrets, context) {
        Some(table) => context.out.table(&table)?,
        None => context.out.line(texts.unchanged)?,
    }
    warn_of_cleared(&new.id, answer.password_cleared, secret_cleared, context)?;
    // Who has just chosen it knows.
    let chosen = fields.iter().any(|field| field == "method");
    if new.method() == Method::Pickup && !validate_only && !chosen && about_a_server(fields) {
        let command = format!("{} method=secure-smtp-client", set_command(&new.id));
        let sentence = (texts.still_pickup)(&command);
        context.out.note(&sentence)?;
    }
    Ok(())
}

/// A secret belonged to another server or client, and is gone: what to do.
pub(super) fn warn_of_cleared(
    id: &str,
    password: bool,
    client_secret: bool,
    context: &mut Context,
) -> Result<(), Error> {
    let texts = context.texts;
    if password {
        context.out.warning(&(texts.password_cleared)(&set_command(id)))?;
    }
    if client_secret {
        context.out.warning(&(texts.signin.secret_cleared)(&set_command(id)))?;
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
