//! `audit show ID`

use faxpost_proto::v1::{AuditEntry, ListAuditEntriesRequest};

use super::method;
use crate::{
    commands::{Context, request, who},
    error::Error,
    times,
};

pub(super) async fn run(id: i64, context: &mut Context) -> Result<(), Error> {
    let asked = ListAuditEntriesRequest { id, ..Default::default() };
    let mut answer = context.admin().await?.list_audit_entries(request(asked)).await?.into_inner();
    // A daemon that does not know how to give one gives many.
    answer.entries.retain(|entry| entry.id == id);
    answer.next_page_token.clear();
    let Some(entry) = answer.entries.first() else {
        return Err(Error::Data((context.texts.certificates.no_audit_entry)(&id.to_string())));
    };
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let pairs = pairs(entry, context);
    context.out.pairs(&pairs)
}

fn pairs(entry: &AuditEntry, context: &Context) -> Vec<(&'static str, String)> {
    let (texts, words) = (context.texts, context.texts.certificates);
    let known = (texts.reason)(&entry.reason).filter(|_| !texts.is_english());
    let reason = [entry.reason.as_str(), known.unwrap_or_default()].join("\n");
    let request = if entry.request == 0 { String::new() } else { entry.request.to_string() };
    let mut pairs = vec![
        (texts.id, entry.id.to_string()),
        (texts.time, times::local(entry.time.as_ref())),
        (texts.caller, who(&entry.caller_name, &entry.caller_id)),
        (texts.role_label, (texts.role)(&entry.role)),
        (words.origin, texts.said(&entry.origin).into_owned()),
        (texts.call, method(entry).to_owned()),
        (words.target, texts.said(&entry.target).into_owned()),
        (texts.outcome, (words.audit_outcome)(entry.outcome()).to_owned()),
        (texts.reason_label, reason.trim_end().to_owned()),
        (words.request, request),
    ];
    pairs.retain(|(_, value)| !value.is_empty());
    pairs
}
