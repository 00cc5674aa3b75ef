//! `account history [ID]`

use faxpost_proto::v1::{ListRevisionsRequest, ListRevisionsResponse, Revision, RevisionKind, SecretChange};

use crate::{
    commands::{Context, page_size, request},
    error::Error,
    lang::Texts,
    output::table::{Fit, Table},
    settings::key_of,
    times,
};

/// The daemon gives no longer pages.
const LARGEST_PAGE: u32 = 500;

pub(super) async fn run(account: String, number: u32, context: &mut Context) -> Result<(), Error> {
    let mut client = context.accounts().await?;
    let mut all = ListRevisionsResponse::default();
    loop {
        let call = ListRevisionsRequest {
            account: account.clone(),
            page_size: page_size(number, all.revisions.len(), LARGEST_PAGE),
            page_token: std::mem::take(&mut all.next_page_token),
        };
        if call.page_size == 0 {
            break;
        }
        let page = client.list_revisions(request(call)).await?.into_inner();
        all.revisions.extend(page.revisions);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if context.out.is_json() {
        return context.out.json(&all);
    }
    let texts = context.texts;
    if all.revisions.is_empty() {
        return context.out.line(texts.accounts.no_history);
    }
    let mut titles = vec![(texts.accounts.revision, Fit::Whole), (texts.time, Fit::Whole)];
    if account.is_empty() {
        titles.push((texts.account, Fit::Whole));
    }
    titles.extend([
        (texts.accounts.changed_by, Fit::Shorten),
        (texts.accounts.what, Fit::Whole),
        (texts.accounts.fields, Fit::Shorten),
    ]);
    let mut table = Table::new(titles);
    for revision in &all.revisions {
        let mut row = vec![revision.number.to_string(), times::local(revision.time.as_ref())];
        if account.is_empty() {
            row.push(revision.account.clone());
        }
        row.extend([revision.changed_by.clone(), what(revision, texts), fields(revision, texts)]);
        table.row(row.into_iter().map(Into::into).collect::<Vec<_>>());
    }
    context.out.table(&table)
}

/// What became of the account, in a word or two.
pub(super) fn what(revision: &Revision, texts: &Texts) -> String {
    let mut what = match revision.kind() {
        RevisionKind::RolledBack => (texts.accounts.back_to)(&revision.rolled_back_to.to_string()),
        kind => (texts.accounts.kind)(kind).to_owned(),
    };
    if revision.current {
        what = format!("{what} {}", texts.accounts.current);
    }
    what
}

fn fields(revision: &Revision, texts: &Texts) -> String {
    let mut names: Vec<String> = Vec::new();
    for field in &revision.fields {
        let key = key_of(field);
        if !names.contains(&key) {
            names.push(key);
        }
    }
    for (name, change) in
        [("password", revision.password()), ("client-secret", revision.oauth_client_secret())]
    {
        if change != SecretChange::Unspecified {
            names.push(format!("{name} {}", (texts.accounts.secret)(change)));
        }
    }
    if revision.signed_out {
        names.push(texts.accounts.signed_out.to_owned());
    }
    names.join(", ")
}
