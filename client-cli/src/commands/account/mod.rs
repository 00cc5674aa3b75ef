//! `account …`

use faxpost_proto::v1::{
    Account as Settings, GetAccountRequest, ListCandidatesRequest, Method, Security, Signing, TlsCheck,
    accounts_client::AccountsClient,
};
use tonic::transport::Channel;

use super::{Context, request};
use crate::{
    args::Account,
    error::Error,
    output::{
        escape::one_line,
        style::Style,
        table::{Cell, Fit, Table},
    },
    settings::{KEYS, Key},
};

mod create;
mod delete;
mod diff;
mod discover;
mod edit;
mod export;
mod history;
mod import;
mod list;
mod methods;
mod presets;
mod rollback;
mod set;
mod show;
mod test;
mod test_view;

pub(super) async fn run(command: Account, context: &mut Context) -> Result<(), Error> {
    match command {
        Account::List => list::run(context).await,
        Account::Show { id } => show::run(id, context).await,
        Account::Create { id, settings, password, client_secret, validate_only } => {
            create::run(id, &settings, &password, &client_secret, validate_only, context).await
        }
        Account::Set {
            settings,
            password,
            clear_password,
            client_secret,
            clear_client_secret,
            validate_only,
            etag,
        } => {
            let secrets = set::Secrets { password, clear_password, client_secret, clear_client_secret };
            set::run(&settings, &secrets, set::Mode { validate_only, etag }, context).await
        }
        Account::Edit { id } => edit::run(id, context).await,
        Account::Delete { id, etag, yes } => delete::run(id, etag, yes, context).await,
        Account::History { all: true, number, .. } => history::run(String::new(), number, context).await,
        Account::History { id, number, .. } => history::run(id, number, context).await,
        Account::Diff { old, new } => diff::run(old, new, context).await,
        Account::Rollback { revision, validate_only, etag } => {
            rollback::run(revision, validate_only, etag, context).await
        }
        Account::Export { ids } => export::run(&ids, context).await,
        Account::Import(args) => import::run(&args, context).await,
        Account::Methods => methods::run(context).await,
        Account::Presets => presets::run(context).await,
        Account::Discover { address } => discover::run(address, context).await,
        Account::Test { settings, to, until, password } => {
            test::run(&settings, to, until, &password, context).await
        }
    }
}

/// The account as it is now.
async fn get(client: &mut AccountsClient<Channel>, id: &str) -> Result<Settings, Error> {
    let answer = client.get_account(request(GetAccountRequest { id: id.to_owned() })).await?;
    Ok(answer.into_inner().account.unwrap_or_default())
}

/// Warns of settings that let others read the mail, and of those that hold it; the daemon allows them.
async fn warn(account: &Settings, context: &mut Context) -> Result<(), Error> {
    warn_of_tls(account, context)?;
    if account.sign() == Signing::Off || can_sign(account, context).await != Some(false) {
        return Ok(());
    }
    let sentence = (context.texts.nobody_signs)(&one_line(&account.id), &one_line(&account.sender_email));
    context.out.warning(&sentence)
}

/// Whether there is a certificate for what this account sends; `None`: that cannot be found out.
async fn can_sign(account: &Settings, context: &Context) -> Option<bool> {
    // The account itself may not be saved.
    let call = ListCandidatesRequest { sender_email: account.sender_email.clone(), ..Default::default() };
    let answer = context.certificates().await.ok()?.list_candidates(request(call)).await.ok()?.into_inner();
    Some(answer.candidates.iter().any(|candidate| {
        let sha256 = candidate.certificate.as_ref().map_or("", |certificate| &certificate.sha256);
        candidate.unmet.is_empty() && (account.certificate.is_empty() || account.certificate == sha256)
    }))
}

fn warn_of_tls(account: &Settings, context: &mut Context) -> Result<(), Error> {
    // Without TLS, and in the pickup folder, there is no certificate.
    let tls = account.method() != Method::Pickup && account.security() != Security::None;
    if tls && account.tls_check() == TlsCheck::AcceptInvalid {
        let sentence = (context.texts.accept_invalid)(&one_line(&account.id));
        context.out.warning(&sentence)?;
    }
    Ok(())
}

/// What became of the secrets, in a word each; `None`: nothing.
#[derive(Clone, Copy, Default)]
struct SecretChanges {
    password: Option<&'static str>,
    client_secret: Option<&'static str>,
    /// What there was before is not known: the history does not keep it.
    of_the_history: bool,
}

/// What differs between two states, key by key; `None`: nothing.
fn differences(old: &Settings, new: &Settings, secrets: &SecretChanges, context: &Context) -> Option<Table> {
    let texts = context.texts;
    let mut table =
        Table::new([(texts.key, Fit::Whole), (texts.old, Fit::Shorten), (texts.new, Fit::Shorten)]);
    let or_default = |key: &Key, value: String, of: &Settings| match value.is_empty() {
        true => texts.unset_of(key.name, of),
        false => value,
    };
    let mut some = false;
    for key in KEYS {
        let (before, after) = ((key.show)(old), (key.show)(new));
        if before != after {
            some = true;
            let after = Cell::styled(or_default(key, after, new), Style::Bold);
            table.row([key.name.into(), or_default(key, before, old).into(), after]);
        }
    }
    for (name, had, change) in [
        ("password", old.has_password, secrets.password),
        ("client-secret", old.has_oauth_client_secret, secrets.client_secret),
    ] {
        let Some(what) = change else { continue };
        some = true;
        let before = match (secrets.of_the_history, had) {
            (true, _) => "",
            (false, true) => texts.password_set,
            (false, false) => texts.password_unset,
        };
        table.row([name.into(), before.into(), Cell::styled(what, Style::Bold)]);
    }
    some.then_some(table)
}
