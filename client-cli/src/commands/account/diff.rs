//! `account diff A [B]`

use faxpost_proto::v1::{Account, GetRevisionRequest, Revision, SecretChange};

use super::{SecretChanges, differences, history};
use crate::{
    commands::{Context, request},
    error::Error,
    output::escape::one_line,
    times,
};

pub(super) async fn run(old: i64, new: Option<i64>, context: &mut Context) -> Result<(), Error> {
    let (number, compare_with) = match new {
        Some(new) => (new, old),
        None => (old, 0),
    };
    let call = GetRevisionRequest { number, compare_with };
    let answer = context.accounts().await?.get_revision(request(call)).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let texts = context.texts;
    let (before, after) = (answer.compared.unwrap_or_default(), answer.revision.unwrap_or_default());
    if before.number != 0 {
        told(&before, context)?;
    }
    told(&after, context)?;
    let account = one_line(&after.account);
    let (old, new) = match (answer.compared_account, answer.account) {
        (_, None) => return context.out.line(&(texts.accounts.was_deleted)(&account)),
        (None, Some(new)) => {
            context.out.line(&(texts.accounts.did_not_exist)(&account))?;
            (Account::default(), new)
        }
        (Some(old), Some(new)) => (old, new),
    };
    // What happened between two revisions that are further apart is in the history.
    let secrets = if compare_with == 0 { secrets(&after, context) } else { SecretChanges::default() };
    match differences(&old, &new, &secrets, context) {
        Some(table) => context.out.table(&table),
        None => context.out.line(texts.unchanged),
    }
}

fn told(revision: &Revision, context: &mut Context) -> Result<(), Error> {
    let texts = context.texts;
    let who = (texts.by)(&times::local(revision.time.as_ref()), &one_line(&revision.changed_by));
    let what = history::what(revision, texts);
    context.out.line(&format!("{}  {}  {who}  {what}", revision.number, one_line(&revision.account)))
}

fn secrets(revision: &Revision, context: &Context) -> SecretChanges {
    let word = |change| match change {
        SecretChange::Unspecified => None,
        change => Some((context.texts.accounts.secret)(change)),
    };
    SecretChanges {
        password: word(revision.password()),
        client_secret: word(revision.oauth_client_secret()),
        of_the_history: true,
    }
}
