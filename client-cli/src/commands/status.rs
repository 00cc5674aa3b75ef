//! `status`

use std::collections::BTreeMap;

use faxpost_proto::v1::{Alarm, GetStatusRequest, GetStatusResponse};

use super::{Context, request};
use crate::{
    error::Error,
    output::{escape::one_line, style::Style},
    times,
};

pub(super) async fn run(context: &mut Context) -> Result<(), Error> {
    let status = context.diagnostics().await?.get_status(request(GetStatusRequest {})).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&status);
    }
    show(&status, context)
}

fn show(status: &GetStatusResponse, context: &mut Context) -> Result<(), Error> {
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
    for (allowed, label) in [(true, texts.status_may), (false, texts.status_may_not)] {
        let methods = methods(status, allowed);
        if !methods.is_empty() {
            pairs.push((label, methods));
        }
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
    context.out.pairs(&pairs)?;
    for alarm in &status.alarms {
        let line = alarm_line(alarm, context);
        context.out.line(&line)?;
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

/// The methods, a service a line: `Mail: SendMail, ListMessages`.
fn methods(status: &GetStatusResponse, allowed: bool) -> String {
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for permission in status.permissions.iter().filter(|permission| permission.allowed == allowed) {
        let name = permission.method.trim_start_matches("faxpost.v1.");
        let (service, method) = name.split_once('/').unwrap_or(("", name));
        services.entry(service).or_default().push(method);
    }
    let lines = services.iter().map(|(service, methods)| format!("{service}: {}", methods.join(", ")));
    lines.collect::<Vec<_>>().join("\n")
}

fn alarm_line(alarm: &Alarm, context: &Context) -> String {
    let texts = context.texts;
    let text = (texts.alarm)(&alarm.reason).unwrap_or(&alarm.text);
    let word = context.out.paint(Style::Warn, texts.alarm_word);
    if alarm.account.is_empty() {
        format!("{word} {}", one_line(text))
    } else {
        format!("{word} {}: {}", one_line(&alarm.account), one_line(text))
    }
}

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::Permission;

    use super::*;

    #[test]
    fn permissions_are_told_by_service() {
        let permission = |method: &str, allowed| Permission { method: method.into(), allowed };
        let status = GetStatusResponse {
            permissions: vec![
                permission("faxpost.v1.Mail/SendMail", true),
                permission("faxpost.v1.Admin/GetPolicy", false),
                permission("faxpost.v1.Mail/ListMessages", true),
            ],
            ..Default::default()
        };
        assert_eq!(methods(&status, true), "Mail: SendMail, ListMessages");
        assert_eq!(methods(&status, false), "Admin: GetPolicy");
    }
}
