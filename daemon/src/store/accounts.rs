//! Accounts and their revisions.

use super::sql::{Connection, params};
use super::{Store, StoreError, oauth};
use crate::accounts::history::{Note, RevisionKind, SecretChange};
use crate::accounts::{Account, AccountId};

/// An account as it is stored.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// Its name.
    pub id: AccountId,
    /// Grows with every change of any account.
    pub revision: i64,
    /// The settings.
    pub account: Account,
    /// The sealed password.
    pub password: Option<Vec<u8>>,
    /// The sealed client secret of OAuth 2.0.
    pub client_secret: Option<Vec<u8>>,
    /// Unix milliseconds and name of the last change; `None`: as the daemon made it.
    pub changed: Option<(i64, String)>,
}

/// A change of an account to be written.
#[derive(Clone, Debug)]
pub struct AccountPut {
    /// The account after it; its revision is yet to be given.
    pub row: AccountRow,
    /// The revision that is stored now; `None`: it is not there.
    pub expected: Option<i64>,
    /// The settings that differ.
    pub fields: Vec<&'static str>,
    /// What else is kept of the change.
    pub note: Note,
    /// Tokens of the account are still for the same client, endpoints and server.
    pub tokens_stay: bool,
}

impl AccountPut {
    /// It would be a revision without a difference.
    pub(crate) fn changes_nothing(&self) -> bool {
        let secrets = self.note.password.is_some() || self.note.client_secret.is_some();
        self.fields.is_empty() && !secrets && self.tokens_stay
    }
}

/// The daemon itself as an author: no caller has this id, which is a SID or "uid:N" for them.
pub const DAEMON: &str = "faxpostd";

/// Who changes something.
#[derive(Clone, Debug)]
pub struct Author {
    /// Stable identity.
    pub id: String,
    /// For people.
    pub name: String,
}

impl Store {
    /// All accounts, `default` first, then by id.
    ///
    /// # Errors
    /// See [`StoreError`]; settings that cannot be read are an error, never defaults.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.read(|c| {
            let sql = "SELECT a.id, a.revision, a.settings, a.password, a.client_secret, r.at, r.caller_name
                       FROM account a
                       LEFT JOIN account_revision r ON r.revision = a.revision AND r.caller_id <> ?1
                       ORDER BY a.id <> 'default', a.id";
            c.rows(sql, params![DAEMON], |row| {
                let (id, settings) = (row.get::<String>(0)?, row.get::<String>(2)?);
                let account = serde_json::from_str(&settings)
                    .map_err(|error| StoreError::Failed(format!("settings of account {id}: {error}")))?;
                let id = AccountId::parse(&id).map_err(|error| StoreError::Failed(error.to_owned()))?;
                let (at, by) = (row.get::<Option<i64>>(5)?, row.get::<Option<String>>(6)?);
                Ok(AccountRow {
                    id,
                    revision: row.get(1)?,
                    account,
                    password: row.get(3)?,
                    client_secret: row.get(4)?,
                    changed: at.zip(by),
                })
            })
        })
        .await
    }

    /// Writes accounts, all of them or none: each if what is stored has the revision it expects. The error of the inner
    /// result is the first that has another one; nothing was changed then. Else the new revisions, and whether tokens
    /// were forgotten, because they do not stay.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_accounts(
        &self,
        puts: Vec<AccountPut>,
        author: &Author,
        at: i64,
    ) -> Result<Result<Vec<(i64, bool)>, AccountId>, StoreError> {
        let author = author.clone();
        self.write(move |c| {
            if puts.iter().any(|put| put.expected.is_none()) {
                // What is not there cannot be locked.
                c.alone("account")?;
            }
            for put in &puts {
                if revision(c, put.row.id.as_str())? != put.expected {
                    return Ok(Err(put.row.id.clone()));
                }
            }
            puts.iter().map(|put| write_account(c, put, &author, at)).collect::<Result<_, _>>().map(Ok)
        })
        .await
    }

    /// Deletes an account, if it still has `expected` as its revision. Whether it did.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete_account(
        &self,
        id: &AccountId,
        expected: i64,
        author: &Author,
        at: i64,
    ) -> Result<bool, StoreError> {
        let (id, author) = (id.as_str().to_owned(), author.clone());
        self.write(move |c| {
            if revision(c, &id)? != Some(expected) {
                return Ok(false);
            }
            let signed_out = oauth::forget(c, &id)?;
            let note = json(&Note { kind: Some(RevisionKind::Deleted), signed_out, ..Note::default() })?;
            c.execute(
                "INSERT INTO account_revision (account, at, caller_id, caller_name, fields, note)
                 VALUES (?1, ?2, ?3, ?4, '[]', ?5)",
                params![id, at, author.id, author.name, note],
            )?;
            c.execute("DELETE FROM account WHERE id = ?1", params![id])?;
            Ok(true)
        })
        .await
    }
}

fn write_account(
    c: &Connection<'_>,
    put: &AccountPut,
    author: &Author,
    at: i64,
) -> Result<(i64, bool), StoreError> {
    let AccountPut { row, fields, note, tokens_stay, .. } = put;
    let (id, settings) = (row.id.as_str(), json(&row.account)?);
    let signed_out = !tokens_stay && oauth::forget(c, id)?;
    // A new secret may be all that was missing.
    if !signed_out && note.client_secret == Some(SecretChange::Set) {
        oauth::client_repaired(c, id)?;
    }
    let (fields, note) = (json(fields)?, json(&Note { signed_out, ..note.clone() })?);
    let revision = c.insert(
        "INSERT INTO account_revision (account, at, caller_id, caller_name, fields, settings, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        "revision",
        params![id, at, author.id, author.name, fields, settings, note],
    )?;
    c.execute(
        "INSERT INTO account (id, revision, settings, password, client_secret) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET revision = ?2, settings = ?3, password = ?4, client_secret = ?5",
        params![id, revision, settings, row.password, row.client_secret],
    )?;
    Ok((revision, signed_out))
}

/// The account's revision, which nobody else changes until this change has ended.
fn revision(c: &Connection<'_>, id: &str) -> Result<Option<i64>, StoreError> {
    c.optional_locked("SELECT revision FROM account WHERE id = ?1", params![id], |row| row.get(0))
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()))
}
