//! Completions that ask the daemon: ids of accounts, revisions, messages and log entries, fingerprints, numbers of requests
//! and of entries of the audit log, methods of the API.
//!
//! A completion that fails is no completion: nothing is said, and nobody waits long.

use std::{env, ffi::OsStr, time::Duration};

use clap_complete::CompletionCandidate as Candidate;
use faxpost_proto::{
    connect, endpoint,
    v1::{
        GetPolicyRequest, ListAccountsRequest, ListAuditEntriesRequest, ListCertificatesRequest,
        ListEntriesRequest, ListMessagesRequest, ListRequestsRequest, ListRevisionsRequest,
        ListSigningRequestsRequest, RequestState, accounts_client::AccountsClient, admin_client::AdminClient,
        approvals_client::ApprovalsClient, certificates_client::CertificatesClient, log_client::LogClient,
        mail_client::MailClient,
    },
};
use tonic::transport::Channel;

use crate::settings::KEYS;

/// Whoever presses a key does not want to wait longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// More are no help.
const MOST: i32 = 50;

/// Digits of a fingerprint, as lists show it; whoever has typed more gets the whole.
const SHORT: usize = 16;

/// Ids of accounts.
pub(crate) fn accounts(current: &OsStr) -> Vec<Candidate> {
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListAccountsRequest::default();
            let accounts = AccountsClient::new(channel).list_accounts(asked).await?.into_inner().accounts;
            Ok(accounts.into_iter().map(|account| (account.id, account.sender_email)).collect())
        }),
    )
}

/// Numbers of revisions, of all accounts.
pub(crate) fn revisions(current: &OsStr) -> Vec<Candidate> {
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListRevisionsRequest { page_size: MOST, ..Default::default() };
            let revisions = AccountsClient::new(channel).list_revisions(asked).await?.into_inner().revisions;
            let about = |fields: Vec<String>| fields.join(", ");
            let told = revisions.into_iter().map(|revision| {
                (revision.number.to_string(), format!("{} {}", revision.account, about(revision.fields)))
            });
            Ok(told.collect())
        }),
    )
}

/// Ids of messages, newest first.
pub(crate) fn messages(current: &OsStr) -> Vec<Candidate> {
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListMessagesRequest { page_size: MOST, ..Default::default() };
            let messages = MailClient::new(channel).list_messages(asked).await?.into_inner().messages;
            Ok(messages.into_iter().map(|message| (message.id, message.subject)).collect())
        }),
    )
}

/// Numbers of log entries, newest first.
pub(crate) fn entries(current: &OsStr) -> Vec<Candidate> {
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListEntriesRequest { page_size: MOST, ..Default::default() };
            let entries = LogClient::new(channel).list_entries(asked).await?.into_inner().entries;
            Ok(entries.into_iter().map(|entry| (entry.id.to_string(), entry.subject)).collect())
        }),
    )
}

/// Numbers of entries of the audit log, newest first.
pub(crate) fn audit_entries(current: &OsStr) -> Vec<Candidate> {
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListAuditEntriesRequest { page_size: MOST, ..Default::default() };
            let entries = AdminClient::new(channel).list_audit_entries(asked).await?.into_inner().entries;
            Ok(entries.into_iter().map(|entry| (entry.id.to_string(), entry.method)).collect())
        }),
    )
}

/// Fingerprints of the machine's certificates.
pub(crate) fn certificates(current: &OsStr) -> Vec<Candidate> {
    let digits = digits(current);
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListCertificatesRequest { page_size: MOST, ..Default::default() };
            let answer = CertificatesClient::new(channel).list_certificates(asked).await?.into_inner();
            Ok(answer.certificates.into_iter().map(|one| (first(one.sha256, digits), one.subject)).collect())
        }),
    )
}

/// Ids of requests for a CA that wait for its answer.
pub(crate) fn signing_requests(current: &OsStr) -> Vec<Candidate> {
    let digits = digits(current);
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListSigningRequestsRequest {};
            let answer = CertificatesClient::new(channel).list_signing_requests(asked).await?.into_inner();
            let requests = answer.signing_requests.into_iter();
            Ok(requests.map(|one| (first(one.id, digits), one.subject)).collect())
        }),
    )
}

/// Numbers of requests, newest first.
pub(crate) fn requests(current: &OsStr) -> Vec<Candidate> {
    requests_in(current, Vec::new())
}

/// Numbers of the requests that can still be decided.
pub(crate) fn pending_requests(current: &OsStr) -> Vec<Candidate> {
    requests_in(current, vec![RequestState::Pending.into()])
}

fn requests_in(current: &OsStr, states: Vec<i32>) -> Vec<Candidate> {
    beginning_with(
        current,
        ask(async |channel| {
            let asked = ListRequestsRequest { page_size: MOST, states, ..Default::default() };
            let requests = ApprovalsClient::new(channel).list_requests(asked).await?.into_inner().requests;
            let about = |who: String, what: String| format!("{who}: {what}");
            let told =
                requests.into_iter().map(|one| (one.number.to_string(), about(one.caller_name, one.summary)));
            Ok(told.collect())
        }),
    )
}

/// Methods of the API, as `policy` writes them.
pub(crate) fn methods(current: &OsStr) -> Vec<Candidate> {
    beginning_with(
        current,
        ask(async |channel| {
            let rules = AdminClient::new(channel).get_policy(GetPolicyRequest {}).await?.into_inner().rules;
            let name = |method: &str| method.trim_start_matches("faxpost.v1.").to_owned();
            Ok(rules.into_iter().map(|rule| (name(&rule.method), String::new())).collect())
        }),
    )
}

/// How much of a fingerprint is offered behind what was typed.
fn digits(current: &OsStr) -> usize {
    if current.len() > SHORT { usize::MAX } else { SHORT }
}

fn first(fingerprint: String, digits: usize) -> String {
    fingerprint.chars().take(digits).collect()
}

/// Ids of accounts, and keys with their `=`.
pub(crate) fn settings(current: &OsStr) -> Vec<Candidate> {
    let keys = KEYS.iter().map(|key| (format!("{}=", key.name), String::new())).collect();
    let mut found = beginning_with(current, Some(keys));
    found.extend(accounts(current));
    found
}

fn beginning_with(current: &OsStr, found: Option<Vec<(String, String)>>) -> Vec<Candidate> {
    let begun = current.to_string_lossy();
    let fitting = found.unwrap_or_default().into_iter().filter(|(id, _)| id.starts_with(begun.as_ref()));
    fitting
        .map(|(id, about)| {
            // A subject is a stranger's, and the shell prints it.
            let about: String = about.chars().filter(|c| !c.is_control()).take(60).collect();
            Candidate::new(id).help((!about.is_empty()).then(|| about.into()))
        })
        .collect()
}

/// What the daemon says, if it does so in time.
fn ask(
    question: impl AsyncFnOnce(Channel) -> Result<Vec<(String, String)>, tonic::Status>,
) -> Option<Vec<(String, String)>> {
    let endpoint = env::var(endpoint::ENDPOINT_VARIABLE).ok().filter(|path| !path.is_empty());
    let endpoint = endpoint.unwrap_or_else(|| endpoint::DEFAULT.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answered = runtime.block_on(async {
        let asked = async {
            let channel = connect::connect(&endpoint).await.ok()?;
            question(channel).await.ok()
        };
        tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
    });
    runtime.shutdown_background();
    answered
}
