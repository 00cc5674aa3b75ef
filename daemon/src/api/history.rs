//! `faxpost.v1.Accounts`, the history: revisions, going back to one, and several accounts at once.

use faxpost_proto::v1;
use tonic::{Request, Response, Status};

use super::accounts::{note, view};
use super::authorize::Admitted;
use super::{App, convert, error, page};
use crate::accounts::history::{Revision, RevisionKind, RevisionWithSettings, SecretChange};
use crate::accounts::{
    Account, AccountId, ChangeError, Changed, FieldProblem, Import, Problem, Set, between,
};
use crate::store::AccountRow;

type Answer<T> = Result<Response<T>, Status>;

/// Accounts in one import: more than any installation has, few enough to be checked in one go.
const MOST_IMPORTS: usize = 100;

pub(super) async fn list(
    app: &App,
    request: Request<v1::ListRevisionsRequest>,
) -> Answer<v1::ListRevisionsResponse> {
    let viewer = Admitted::of(&request)?;
    let request = request.into_inner();
    let size = page::size(request.page_size, 50, 500)?;
    let before = page::key(&request.page_token)?;
    let account = Some(request.account).filter(|account| !account.is_empty());
    let found = app.store.revisions(account, before, size).await.map_err(|e| error::store(&e))?;
    let next_page_token = page::next(found.rows.last().map(|row| row.number), found.more);
    let revisions = found.rows.into_iter().map(|row| told(app, row, &viewer)).collect();
    Ok(Response::new(v1::ListRevisionsResponse { revisions, next_page_token }))
}

pub(super) async fn get(
    app: &App,
    request: Request<v1::GetRevisionRequest>,
) -> Answer<v1::GetRevisionResponse> {
    let viewer = Admitted::of(&request)?;
    let v1::GetRevisionRequest { number, compare_with } = request.into_inner();
    let one = async |number| {
        let found = app.store.revision(number).await.map_err(|e| error::store(&e))?;
        found.ok_or_else(|| error::change(ChangeError::NoRevision(number)))
    };
    let wanted: RevisionWithSettings = one(number).await?;
    let account = &wanted.revision.account;
    let compared = match compare_with {
        0 => {
            let before = app.store.revision_before(account.clone(), number).await;
            before.map_err(|e| error::store(&e))?
        }
        other => Some(one(other).await?),
    };
    if let Some(other) = compared.as_ref().filter(|other| other.revision.account != *account) {
        let text = format!(
            "revision {number} is one of the account {account}, revision {compare_with} of {}; compare two of the same",
            other.revision.account
        );
        return Err(error::invalid("compare_with", text));
    }
    let settings = |of: &RevisionWithSettings| -> Option<v1::Account> {
        let row = AccountRow {
            id: AccountId::parse(&of.revision.account).ok()?,
            revision: of.revision.number,
            account: of.settings.clone()?,
            password: None,
            client_secret: None,
            changed: Some((of.revision.at, of.revision.caller_name.clone())),
        };
        Some(view(app, &row, &viewer))
    };
    let none = Account::default();
    let of = |one: Option<&RevisionWithSettings>| one.and_then(|one| one.settings.clone());
    let (from, to) = (of(compared.as_ref()), of(Some(&wanted)));
    let sets = between(from.as_ref().unwrap_or(&none), to.as_ref().unwrap_or(&none));
    Ok(Response::new(v1::GetRevisionResponse {
        account: settings(&wanted),
        compared_account: compared.as_ref().and_then(settings),
        compared: compared.map(|compared| told(app, compared.revision, &viewer)),
        revision: Some(told(app, wanted.revision, &viewer)),
        fields: sets.iter().map(|set| set.field().to_owned()).collect(),
    }))
}

pub(super) async fn rollback(
    app: &App,
    request: Request<v1::RollbackAccountRequest>,
) -> Answer<v1::RollbackAccountResponse> {
    let viewer = Admitted::of(&request)?;
    let v1::RollbackAccountRequest { number, etag, validate_only } = request.into_inner();
    viewer.note().about(format!("revision {number} of an account"));
    if validate_only {
        viewer.note().harmless();
    }
    let revision = if etag.is_empty() { None } else { Some(convert::revision(&etag)?) };
    let administrator = viewer.is_administrator();
    let changed =
        app.registry.rollback(number, revision, administrator, &viewer.author(), validate_only).await;
    let changed = changed.map_err(error::change)?;
    viewer.note().about(format!("account {}: back to revision {number}", changed.row.id));
    if Some(changed.row.revision) == revision {
        viewer.note().harmless();
    }
    Ok(Response::new(v1::RollbackAccountResponse {
        account: Some(view(app, &changed.row, &viewer)),
        fields: names(&changed.fields),
        password_cleared: changed.password_cleared,
        client_secret_cleared: changed.client_secret_cleared,
        signed_out: changed.signed_out,
    }))
}

pub(super) async fn import(
    app: &App,
    request: Request<v1::ImportAccountsRequest>,
) -> Answer<v1::ImportAccountsResponse> {
    let viewer = Admitted::of(&request)?;
    let v1::ImportAccountsRequest { accounts, validate_only } = request.into_inner();
    if accounts.is_empty() || accounts.len() > MOST_IMPORTS {
        return Err(error::invalid(
            "accounts",
            format!("1 to {MOST_IMPORTS} accounts can be imported at once"),
        ));
    }
    let mut imports: Vec<Import> = Vec::with_capacity(accounts.len());
    for (index, v1::AccountImport { account, update_mask }) in accounts.into_iter().enumerate() {
        let field = |name: &str| format!("accounts[{index}].{name}");
        let account = account.ok_or_else(|| error::invalid(&field("account"), "required"))?;
        let id = AccountId::parse(&account.id).map_err(|why| error::invalid(&field("id"), why))?;
        if imports.iter().any(|other| other.id == id) {
            return Err(error::invalid(&field("id"), format!("the account {id} is there twice")));
        }
        note(&viewer, id.as_str(), update_mask.as_ref(), validate_only);
        let revision = match account.etag.as_str() {
            "" => None,
            etag => Some(convert::revision(etag).map_err(|_| error::invalid(&field("etag"), "not an etag"))?),
        };
        let sets = convert::read_sets(&account, update_mask.as_ref()).map_err(|problems| {
            let problems = problems.into_iter();
            error::fields(&problems.map(|p| FieldProblem { field: field(&p.field), ..p }).collect::<Vec<_>>())
        })?;
        if let Some(secret) =
            sets.iter().map(Set::field).find(|name| ["password", "oauth_client_secret"].contains(name))
        {
            let text = "secrets are not imported: set them account by account, by UpdateAccount";
            return Err(error::fields(&[FieldProblem {
                field: field(secret),
                problem: Problem::Invalid,
                text: text.to_owned(),
            }]));
        }
        imports.push(Import { id, revision, sets });
    }
    let about: Vec<_> = imports.iter().map(|import| import.id.as_str()).collect();
    let about: String = about.join(", ").chars().take(300).collect();
    viewer.note().about(format!("accounts {about}"));
    let administrator = viewer.is_administrator();
    let changed = app.registry.import(imports, administrator, &viewer.author(), validate_only).await;
    let changed = changed.map_err(error::change)?;
    let is_same = |changed: &Changed| {
        changed.before.as_ref().is_some_and(|before| before.revision == changed.row.revision)
    };
    if changed.iter().all(is_same) {
        viewer.note().harmless();
    }
    let accounts = changed.into_iter().map(|changed| v1::ImportedAccount {
        account: Some(view(app, &changed.row, &viewer)),
        before: changed.before.as_ref().map(|row| view(app, row, &viewer)),
        fields: names(&changed.fields),
        password_cleared: changed.password_cleared,
        client_secret_cleared: changed.client_secret_cleared,
        signed_out: changed.signed_out,
    });
    Ok(Response::new(v1::ImportAccountsResponse { accounts: accounts.collect() }))
}

fn names(fields: &[&'static str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

fn told(app: &App, revision: Revision, viewer: &Admitted) -> v1::Revision {
    let current = app.registry.look(&revision.account, |row| row.revision) == Some(revision.number);
    let kind = match revision.kind() {
        RevisionKind::Created => v1::RevisionKind::Created,
        RevisionKind::Changed => v1::RevisionKind::Changed,
        RevisionKind::Deleted => v1::RevisionKind::Deleted,
        RevisionKind::RolledBack => v1::RevisionKind::RolledBack,
        RevisionKind::Imported => v1::RevisionKind::Imported,
    };
    let secret = |change: Option<SecretChange>| match change {
        None => v1::SecretChange::Unspecified,
        Some(SecretChange::Set) => v1::SecretChange::Set,
        Some(SecretChange::Cleared) => v1::SecretChange::Cleared,
        Some(SecretChange::ClearedByBinding) => v1::SecretChange::ClearedByBinding,
    };
    v1::Revision {
        number: revision.number,
        time: Some(convert::timestamp(revision.at)),
        changed_by: revision.caller_name,
        changed_by_id: if viewer.is_administrator() { revision.caller_id } else { String::new() },
        kind: kind.into(),
        password: secret(revision.note.password).into(),
        oauth_client_secret: secret(revision.note.client_secret).into(),
        signed_out: revision.note.signed_out,
        rolled_back_to: revision.note.back_to.unwrap_or(0),
        account: revision.account,
        fields: revision.fields,
        current,
    }
}
