//! `account rollback REVISION`

use faxpost_proto::{
    reason,
    v1::{Account, GetRevisionRequest, RollbackAccountRequest},
};

use super::{SecretChanges, differences, get, set, warn};
use crate::{
    commands::{Context, request},
    error::Error,
    output::escape::one_line,
};

pub(super) async fn run(
    number: i64,
    validate_only: bool,
    etag: Option<String>,
    context: &mut Context,
) -> Result<(), Error> {
    let mut client = context.accounts().await?;
    let asked = client.get_revision(request(GetRevisionRequest { number, compare_with: 0 })).await?;
    let id = asked.into_inner().revision.unwrap_or_default().account;
    let old = match get(&mut client, &id).await {
        Ok(account) => account,
        // Deleted: it comes back.
        Err(error) if error.has_reason(reason::ACCOUNT_NOT_FOUND) => Account::default(),
        Err(error) => return Err(error),
    };
    let etag = etag.unwrap_or_else(|| old.etag.clone());
    let call = RollbackAccountRequest { number, etag, validate_only };
    let answer = match client.rollback_account(request(call)).await.map_err(Error::from) {
        Ok(answer) => answer.into_inner(),
        Err(error) if error.has_reason(reason::ETAG_MISMATCH) => {
            return Err(set::overtaken(&mut client, id).await);
        }
        Err(error) => return Err(error),
    };
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let texts = context.texts;
    let new = answer.account.unwrap_or_default();
    if answer.fields.is_empty() && !old.id.is_empty() {
        return context.out.line(texts.accounts.same_as_now);
    }
    if validate_only {
        context.out.line(texts.valid)?;
    } else {
        let sentence = (texts.accounts.rolled_back)(&one_line(&new.id), &number.to_string());
        context.out.line(&sentence)?;
    }
    let secrets = SecretChanges {
        password: answer.password_cleared.then_some(texts.password_unset),
        client_secret: answer.client_secret_cleared.then_some(texts.password_unset),
        ..SecretChanges::default()
    };
    if let Some(table) = differences(&old, &new, &secrets, context) {
        context.out.table(&table)?;
    }
    set::warn_of_cleared(&new.id, answer.password_cleared, answer.client_secret_cleared, context)?;
    warn(&new, context).await
}
