//! `account create ID [KEY=VALUE…]`

use faxpost_proto::v1::{Account, CreateAccountRequest};
use prost_types::FieldMask;

use super::{set, show::show, warn};
use crate::{
    args::{ClientSecretArgs, PasswordArgs},
    commands::{Context, request},
    error::Error,
    input,
    output::escape::one_line,
    settings::Changes,
};

pub(super) async fn run(
    id: String,
    settings: &[String],
    password: &PasswordArgs,
    client_secret: &ClientSecretArgs,
    validate_only: bool,
    context: &mut Context,
) -> Result<(), Error> {
    let mut changes = Changes::parse(settings, context.texts)?;
    if let Some(password) = input::password(password, context.texts)? {
        changes.password(password);
    }
    if let Some(secret) = input::client_secret(client_secret, context.texts)? {
        changes.client_secret(secret);
    }
    let mut client = context.accounts().await?;
    set::fill_in(&mut changes, &Account::default(), &mut client, context).await?;
    changes.account.id = id;
    let call = CreateAccountRequest {
        account: Some(changes.account),
        update_mask: Some(FieldMask { paths: changes.fields }),
        validate_only,
    };
    let answer = client.create_account(request(call)).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let account = answer.account.unwrap_or_default();
    let sentence = if validate_only {
        context.texts.valid.to_owned()
    } else {
        (context.texts.created)(&one_line(&account.id))
    };
    context.out.line(&sentence)?;
    show(&account, context)?;
    warn(&account, context).await
}
