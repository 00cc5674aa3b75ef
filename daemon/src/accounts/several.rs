//! Changes that are more than one field at a time: back to an earlier revision, and several accounts at once.
//!
//! Both go through the same rules as a person's change, so that a password never follows an account to another server.

use super::between::between;
use super::history::RevisionKind;
use super::model::AccountId;
use super::problem::{FieldProblem, Problem};
use super::registry::{ChangeError, Changed, Registry, fresh};
use super::update::Set;
use crate::store::Author;

/// One account of an import.
#[derive(Clone, Debug)]
pub struct Import {
    /// Which.
    pub id: AccountId,
    /// The revision that it has; `None`: it is to be made.
    pub revision: Option<i64>,
    /// The fields that are given.
    pub sets: Vec<Set>,
}

impl Registry {
    /// Sets an account back to the settings it had after revision `number`; `revision` is the one it has now, `None`: it is
    /// deleted, and comes back. Without a difference nothing is written.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn rollback(
        &self,
        number: i64,
        revision: Option<i64>,
        administrator: bool,
        author: &Author,
        validate_only: bool,
    ) -> Result<Changed, ChangeError> {
        let _one = self.changing.lock().await;
        let target = self.store.revision(number).await?.ok_or(ChangeError::NoRevision(number))?;
        let id = target.revision.account;
        let wrong = |field: &str, text: String| {
            ChangeError::Fields(vec![FieldProblem::new(field, Problem::Invalid, text)])
        };
        let Some(settings) = target.settings else {
            let text = format!("revision {number} deleted the account {id}; name one from before");
            return Err(wrong("number", text));
        };
        let row = match (self.get(&id), revision) {
            (Some(row), Some(revision)) if row.revision == revision => row,
            (Some(_), Some(_)) => return Err(ChangeError::Stale(id)),
            (Some(_), None) => {
                return Err(wrong("etag", "required: the etag of the account as you read it".to_owned()));
            }
            (None, Some(_)) => return Err(ChangeError::NotFound(id)),
            (None, None) => fresh(AccountId::parse(&id).map_err(|why| wrong("number", why.to_owned()))?),
        };
        let sets = between(&row.account, &settings);
        if sets.is_empty() && revision.is_some() {
            return Ok(Changed::nothing(row));
        }
        let mut prepared =
            self.prepare(row, revision, &sets, administrator, RevisionKind::RolledBack).await?;
        prepared.put.note.back_to = Some(number);
        self.keep_pace(administrator || validate_only, author, 1)?;
        self.one(prepared, author, validate_only).await
    }

    /// Makes and changes accounts, all or none. Those without a difference stay as they are.
    ///
    /// # Errors
    /// See [`ChangeError`]; fields are named as "accounts[1].port", of all accounts.
    pub async fn import(
        &self,
        imports: Vec<Import>,
        administrator: bool,
        author: &Author,
        validate_only: bool,
    ) -> Result<Vec<Changed>, ChangeError> {
        let _one = self.changing.lock().await;
        let mut problems = Vec::new();
        let mut prepared = Vec::new();
        let mut same = Vec::new();
        for (index, Import { id, revision, sets }) in imports.into_iter().enumerate() {
            let row = match (self.get(id.as_str()), revision) {
                (Some(row), Some(revision)) if row.revision == revision => row,
                (Some(_), Some(_)) => return Err(ChangeError::Stale(id.to_string())),
                (Some(_), None) => return Err(ChangeError::Exists(id.to_string())),
                (None, Some(_)) => return Err(ChangeError::NotFound(id.to_string())),
                (None, None) => fresh(id),
            };
            match self.prepare(row, revision, &sets, administrator, RevisionKind::Imported).await {
                Ok(one) if one.put.changes_nothing() && revision.is_some() => {
                    same.push((index, Changed::nothing(one.put.row)));
                }
                Ok(one) => prepared.push(one),
                Err(ChangeError::Fields(found)) => problems.extend(found.into_iter().map(|mut problem| {
                    problem.field = format!("accounts[{index}].{}", problem.field);
                    problem
                })),
                Err(other) => return Err(other),
            }
        }
        if !problems.is_empty() {
            return Err(ChangeError::Fields(problems));
        }
        self.keep_pace(administrator || validate_only, author, prepared.len())?;
        let mut changed = self.all_or_none(prepared, author, validate_only).await?;
        // In ascending order, so that each finds its place.
        for (index, unchanged) in same {
            changed.insert(index.min(changed.len()), unchanged);
        }
        Ok(changed)
    }
}

impl Changed {
    /// The account is as it was.
    pub(super) fn nothing(row: crate::store::AccountRow) -> Self {
        Self {
            before: Some(row.clone()),
            row,
            fields: Vec::new(),
            password_cleared: false,
            client_secret_cleared: false,
            signed_out: false,
        }
    }
}
