//! `status`

use std::collections::BTreeMap;

use faxpost_proto::v1::{
    Alarm, GetMetricsRequest, GetStatusRequest, GetStatusResponse, Node, WatchSignInsRequest,
};
use faxpost_proto::{advice, alarm};
use tonic::Code;

use super::{Context, request, signin};
use crate::{
    error::Error,
    output::{
        escape::{one_line, width},
        style::Style,
    },
    times,
};

pub(super) async fn run(context: &mut Context) -> Result<(), Error> {
    let status = context.diagnostics().await?.get_status(request(GetStatusRequest {})).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&status);
    }
    let sign_ins = sign_ins(context).await?;
    show(&status, &sign_ins, context)
}

/// What the daemon has counted.
pub(super) async fn metrics(context: &mut Context) -> Result<(), Error> {
    let answer = context.diagnostics().await?.get_metrics(request(GetMetricsRequest {})).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    context.out.piece(&answer.text)
}

/// Who is signed in where; nothing, if that is not to be known or the daemon is older.
async fn sign_ins(context: &Context) -> Result<Vec<String>, Error> {
    let answers = context.oauth().await?.watch_sign_ins(WatchSignInsRequest {}).await;
    let mut answers = match answers {
        Ok(answers) => answers.into_inner(),
        Err(status) if matches!(status.code(), Code::PermissionDenied | Code::Unimplemented) => {
            return Ok(Vec::new());
        }
        Err(status) => return Err(status.into()),
    };
    let first = answers.message().await?.unwrap_or_default();
    Ok(first.sign_ins.iter().filter_map(|sign_in| signin::line(sign_in, context.texts)).collect())
}

fn show(status: &GetStatusResponse, sign_ins: &[String], context: &mut Context) -> Result<(), Error> {
    let texts = context.texts;
    let mut pairs = vec![
        (
            texts.status_service,
            (texts.status_running)(&status.version, &times::local(status.start_time.as_ref())),
        ),
        (
            texts.status_caller,
            format!("{} ({}), {}", status.caller_name, status.caller_id, (texts.role)(&status.role)),
        ),
        (texts.status_queue, queue(status, context)),
    ];
    if !sign_ins.is_empty() {
        pairs.push((texts.signin.sign_in, sign_ins.join("\n")));
    }
    pairs.push(match denied(status, texts.all) {
        nothing if nothing.is_empty() => (texts.status_may, texts.all.to_owned()),
        denied => (texts.status_may_not, denied),
    });
    let asks = asks(status);
    if !asks.is_empty() {
        pairs.push((texts.certificates.status_may_ask, asks));
    }
    if status.pending_requests > 0 {
        let count = (texts.certificates.status_pending)(status.pending_requests);
        pairs.push((texts.certificates.status_requests, count));
    }
    if !status.store.is_empty() {
        pairs.push((texts.status_store, texts.said(&status.store).into_owned()));
    }
    if !status.nodes.is_empty() {
        let node = |node: &Node| (texts.status_node)(node, &times::local(node.start_time.as_ref()));
        pairs.push((texts.status_nodes, status.nodes.iter().map(node).collect::<Vec<_>>().join("\n")));
    }
    for (label, value) in
        [(texts.status_state_dir, &status.state_dir), (texts.status_endpoint, &status.endpoint)]
    {
        if !value.is_empty() {
            pairs.push((label, value.clone()));
        }
    }
    if status.process_id != 0 {
        pairs.push((texts.status_process, status.process_id.to_string()));
    }
    if !status.service_account_id.is_empty() {
        pairs.push((texts.status_mailer, mailer(status, context)));
    }
    context.out.pairs(&pairs)?;
    for alarm in &status.alarms {
        let (word, text) = alarm_line(alarm, context);
        let begin = width(context.texts.alarm_word) + 1;
        let lines: Vec<_> = context.out.wrapped(&text, begin).into_iter().map(str::to_owned).collect();
        for (number, line) in lines.iter().enumerate() {
            let before = if number == 0 { format!("{word} ") } else { " ".repeat(begin) };
            context.out.line(&format!("{before}{line}"))?;
        }
    }
    Ok(())
}

fn queue(status: &GetStatusResponse, context: &Context) -> String {
    let counts = (context.texts.status_counts)(status.queued, status.held);
    match &status.oldest_queued_time {
        Some(time) => (context.texts.status_oldest)(&counts, &times::local(Some(time))),
        None => counts,
    }
}

/// The account that mail goes out under, and why it is the daemon's own if it is.
fn mailer(status: &GetStatusResponse, context: &Context) -> String {
    let account = format!("{} ({})", status.service_account_name, status.service_account_id);
    let note = advice::code_of(&status.mailer_note).and_then(|code| advice::text(code, context.language));
    match note.unwrap_or(&status.mailer_note) {
        "" => account,
        note => format!("{account}\n{note}"),
    }
}

/// What is not allowed, a service a line: `Accounts: CreateAccount, DeleteAccount`. The shorter list for most, and what
/// one wants to know; --json has both.
fn denied(status: &GetStatusResponse, all: &str) -> String {
    let mut services: BTreeMap<&str, (Vec<&str>, bool)> = BTreeMap::new();
    for permission in &status.permissions {
        let name = permission.method.trim_start_matches("faxpost.v1.");
        let (service, method) = name.split_once('/').unwrap_or(("", name));
        let (denied, some_allowed) = services.entry(service).or_default();
        if permission.allowed || permission.approval {
            *some_allowed = true;
        } else {
            denied.push(method);
        }
    }
    let lines = services.into_iter().filter(|(_, (denied, _))| !denied.is_empty()).map(
        |(service, (denied, some_allowed))| {
            let methods = if some_allowed { denied.join(", ") } else { all.to_owned() };
            format!("{service}: {methods}")
        },
    );
    lines.collect::<Vec<_>>().join("\n")
}

/// What an administrator must approve.
fn asks(status: &GetStatusResponse) -> String {
    let asks = status.permissions.iter().filter(|permission| permission.approval);
    let names = asks.map(|permission| permission.method.trim_start_matches("faxpost.v1."));
    names.collect::<Vec<_>>().join(", ")
}

/// Its word, and what it is about.
fn alarm_line(alarm: &Alarm, context: &Context) -> (String, String) {
    let texts = context.texts;
    let text = alarm::text(alarm, context.language);
    let word = context.out.paint(Style::Warn, texts.alarm_word);
    let text = match alarm.account.as_str() {
        "" => one_line(&text),
        account => format!("{}: {}", one_line(account), one_line(&text)),
    };
    (word, text)
}

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::Permission;

    use super::*;

    #[test]
    fn what_is_not_allowed_is_told_by_service() {
        let permission =
            |method: &str, allowed| Permission { method: method.into(), allowed, ..Default::default() };
        let status = |permissions| GetStatusResponse { permissions, ..Default::default() };
        let some = status(vec![
            permission("faxpost.v1.Mail/SendMail", true),
            permission("faxpost.v1.Admin/GetPolicy", false),
            permission("faxpost.v1.Mail/HoldMessage", false),
            permission("faxpost.v1.Mail/CancelMessage", false),
        ]);
        assert_eq!(denied(&some, "everything"), "Admin: everything\nMail: HoldMessage, CancelMessage");
        assert_eq!(denied(&status(vec![permission("faxpost.v1.Mail/SendMail", true)]), "everything"), "");
    }
}
