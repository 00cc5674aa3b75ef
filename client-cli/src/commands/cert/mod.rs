//! `cert …`: signing certificates and who may use their keys.

use faxpost_proto::v1::{
    CheckSigningRequest, CheckSigningResponse, DeleteCertificateRequest, GetCertificateRequest,
    GrantKeyAccessRequest, KeyHolder, RevokeKeyAccessRequest,
};

use super::{Context, request, request::or_pending};
use crate::{
    args::{Cert, Store},
    error::Error,
    exit::Exit,
    input,
    output::{
        escape::{escape, one_line},
        style::Style,
        table::{Fit, Table},
    },
    times,
};

mod candidates;
mod csr;
mod install;
mod list;
mod own;
mod show;

pub(super) async fn run(command: Cert, context: &mut Context) -> Result<(), Error> {
    match command {
        Cert::List { store: Store::Machine } => list::run(context).await,
        Cert::List { store: Store::User } => own::list(context).await,
        Cert::Show { fingerprint } => show::run(fingerprint, context).await,
        Cert::Candidates { id, sender } => candidates::run(id, sender, context).await,
        Cert::Install(args) => install::run(args, context).await,
        Cert::Grant { fingerprint, to, wait } => {
            let to_another = to.is_some();
            let call = GrantKeyAccessRequest { fingerprint, trustee: to.unwrap_or_default() };
            let result = context.certificates().await?.grant_key_access(request(call)).await;
            let Some(answer) = or_pending(result, wait, context).await? else { return Ok(()) };
            if context.out.is_json() {
                return context.out.json(&answer);
            }
            holders(&answer.key_holders, context)?;
            if to_another {
                context.out.note(context.texts.certificates.check_is_of_the_service)?;
            }
            Ok(())
        }
        Cert::Revoke { fingerprint, from, wait } => {
            let call = RevokeKeyAccessRequest { fingerprint, trustee: from };
            let result = context.certificates().await?.revoke_key_access(request(call)).await;
            let Some(answer) = or_pending(result, wait, context).await? else { return Ok(()) };
            if context.out.is_json() {
                return context.out.json(&answer);
            }
            holders(&answer.key_holders, context)
        }
        Cert::Check { fingerprint, account } => check(fingerprint, account, context).await,
        Cert::Csr(command) => csr::run(command, context).await,
        Cert::Delete { fingerprint, yes, wait } => {
            if !yes {
                let call = request(GetCertificateRequest { fingerprint: fingerprint.clone() });
                let found = context.certificates().await?.get_certificate(call).await?.into_inner();
                let found = found.certificate.unwrap_or_default();
                let what = (context.texts.certificates.will_delete)(list::short(&found), &found.subject);
                input::sure(&one_line(&what), yes, context)?;
            }
            let call = DeleteCertificateRequest { fingerprint };
            let result = context.certificates().await?.delete_certificate(request(call)).await;
            let Some(answer) = or_pending(result, wait, context).await? else { return Ok(()) };
            if context.out.is_json() {
                return context.out.json(&answer);
            }
            context.out.line(context.texts.certificates.deleted)
        }
    }
}

/// Who may use a key.
fn holders(holders: &[KeyHolder], context: &mut Context) -> Result<(), Error> {
    let words = context.texts.certificates;
    let mut table = Table::new([
        (words.account_name, Fit::Shorten),
        (context.texts.id, Fit::Whole),
        (words.access, Fit::Whole),
        ("", Fit::WholeOrDrop),
    ]);
    for holder in holders {
        let access = (words.access_word)(&holder.access).unwrap_or(&holder.access);
        let builtin = if holder.builtin { words.builtin } else { "" };
        table.row([(&*holder.name).into(), (&*holder.id).into(), access.into(), builtin.into()]);
    }
    context.out.table(&table)
}

async fn check(
    fingerprint: Option<String>,
    account: Option<String>,
    context: &mut Context,
) -> Result<(), Error> {
    let call = CheckSigningRequest {
        fingerprint: fingerprint.unwrap_or_default(),
        account: account.unwrap_or_default(),
    };
    let answer = context.certificates().await?.check_signing(request(call)).await?.into_inner();
    if context.out.is_json() {
        context.out.json(&answer)?;
    } else {
        tell(&answer, context)?;
    }
    if answer.passed { Ok(()) } else { Err(Error::Told(Exit::Configuration)) }
}

fn tell(answer: &CheckSigningResponse, context: &mut Context) -> Result<(), Error> {
    let (texts, words) = (context.texts, context.texts.certificates);
    let who = match (&*answer.signed_as_name, &*answer.signed_as_id) {
        ("", "") => words.unknown.to_owned(),
        (name, id) if name == id || id.is_empty() => name.to_owned(),
        (name, id) => format!("{name} ({id})"),
    };
    if answer.passed {
        let said = (words.check_passed)(&who, &answer.algorithm, &times::millis(answer.duration_ms));
        let said = context.out.paint(Style::Good, &one_line(&said));
        return context.out.line(&said);
    }
    let known = (texts.reason)(&answer.failure_reason).filter(|_| !texts.is_english());
    let told = texts.said(&answer.failure_text);
    let why = match known {
        Some(known) => format!("{known}\n  {told}"),
        None => told.into_owned(),
    };
    let said = format!("{}\n{why}", (words.check_failed)(&who));
    let said: Vec<_> = said.lines().map(escape).collect();
    context.out.error(&said.join("\n"));
    Ok(())
}
