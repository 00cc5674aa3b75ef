//! `cert csr …`: keys made in the machine's store, and a CA's answers.

use std::fs;

use faxpost_proto::v1::{
    CreateSigningRequestRequest, DeleteSigningRequestRequest, InstallSigningAnswerRequest,
    ListSigningRequestsRequest,
};

use super::list;
use crate::{
    args::Csr,
    commands::{Context, request, request::or_pending},
    error::Error,
    input,
    output::{
        escape::{escape, one_line},
        table::{Fit, Table},
    },
    times,
};

/// Digits of an id in a list.
const SHORT: usize = 16;

pub(super) async fn run(command: Csr, context: &mut Context) -> Result<(), Error> {
    match command {
        Csr::Create { account, sender, subject, key_type, wait } => {
            let call = CreateSigningRequestRequest {
                account: account.unwrap_or_default(),
                sender_email: sender.unwrap_or_default(),
                subject: subject.unwrap_or_default(),
                key_type: key_type.unwrap_or_default().into(),
            };
            let result = context.certificates().await?.create_signing_request(request(call)).await;
            let Some(answer) = or_pending(result, wait, context).await? else { return Ok(()) };
            if context.out.is_json() {
                return context.out.json(&answer);
            }
            let made = answer.signing_request.unwrap_or_default();
            // The request alone on standard output, so that it can be sent into a file.
            for line in made.pem.lines() {
                context.out.line(&escape(line))?;
            }
            let command = "faxpost cert csr install FILE --grant";
            context.out.note(&(context.texts.certificates.csr_next)(&one_line(&made.id), command))
        }
        Csr::List => waiting(context).await,
        Csr::Install { file, grant, wait } => {
            let answer = fs::read(&file).map_err(|source| Error::Read { path: file.clone(), source })?;
            let call = request(InstallSigningAnswerRequest { answer: answer.into(), grant });
            let result = context.certificates().await?.install_signing_answer(call).await;
            let Some(answer) = or_pending(result, wait, context).await? else { return Ok(()) };
            if context.out.is_json() {
                return context.out.json(&answer);
            }
            let certificate = answer.certificate.unwrap_or_default();
            let line =
                (context.texts.certificates.installed)(list::short(&certificate), &certificate.subject);
            context.out.line(&one_line(&line))
        }
        Csr::Delete { id, yes, wait } => {
            let id = whole(id, context).await;
            let what = (context.texts.certificates.will_delete_csr)(&one_line(&id));
            input::sure(&what, yes, context)?;
            let call = request(DeleteSigningRequestRequest { id });
            let result = context.certificates().await?.delete_signing_request(call).await;
            let Some(answer) = or_pending(result, wait, context).await? else { return Ok(()) };
            if context.out.is_json() {
                return context.out.json(&answer);
            }
            context.out.line(context.texts.certificates.deleted)
        }
    }
}

/// The id that begins so, if that is clear; else the daemon says what is wrong with it.
async fn whole(id: String, context: &Context) -> String {
    let looked = async {
        let call = request(ListSigningRequestsRequest {});
        let answer = context.certificates().await?.list_signing_requests(call).await?.into_inner();
        Ok::<_, Error>(answer.signing_requests)
    };
    let Ok(known) = looked.await else { return id };
    let mut fits = known.into_iter().map(|known| known.id).filter(|known| known.starts_with(&id));
    match (fits.next(), fits.next()) {
        (Some(only), None) if id.len() >= 8 => only,
        _ => id,
    }
}

async fn waiting(context: &mut Context) -> Result<(), Error> {
    let call = request(ListSigningRequestsRequest {});
    let answer = context.certificates().await?.list_signing_requests(call).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    if answer.signing_requests.is_empty() {
        return context.out.note(context.texts.nothing);
    }
    let words = context.texts.certificates;
    let mut table = Table::new([
        (context.texts.id, Fit::Whole),
        (words.subject, Fit::Shorten),
        (words.addresses, Fit::Shorten),
        (words.key, Fit::WholeOrDrop),
        (words.asked_at, Fit::WholeOrDrop),
        (words.asked_by, Fit::ShortenOrDrop),
    ]);
    for waiting in &answer.signing_requests {
        table.row([
            waiting.id.get(..SHORT).unwrap_or(&waiting.id).into(),
            (&*waiting.subject).into(),
            waiting.addresses.join(", ").into(),
            (&*waiting.key_algorithm).into(),
            times::local(waiting.create_time.as_ref()).into(),
            (&*waiting.created_by).into(),
        ]);
    }
    context.out.table(&table)
}
