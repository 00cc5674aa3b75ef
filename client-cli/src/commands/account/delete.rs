//! `account delete ID`

use faxpost_proto::{reason, v1::DeleteAccountRequest};

use super::{get, set};
use crate::{
    commands::{Context, request},
    error::Error,
    input,
    output::escape::one_line,
};

pub(super) async fn run(
    id: String,
    etag: Option<String>,
    yes: bool,
    context: &mut Context,
) -> Result<(), Error> {
    let mut client = context.accounts().await?;
    let found = get(&mut client, &id).await?;
    input::sure(&(context.texts.accounts.will_delete)(&one_line(&id)), yes, context)?;
    let etag = etag.unwrap_or(found.etag);
    let call = DeleteAccountRequest { id: id.clone(), etag };
    let answer = match client.delete_account(request(call)).await.map_err(Error::from) {
        Ok(answer) => answer.into_inner(),
        Err(error) if error.has_reason(reason::ETAG_MISMATCH) => {
            return Err(set::overtaken(&mut client, id).await);
        }
        Err(error) => return Err(error),
    };
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let sentence = (context.texts.deleted)(&one_line(&id));
    context.out.line(&sentence)
}
