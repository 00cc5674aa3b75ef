//! The history of accounts.

use super::sql::{Row, params};
use super::{Page, Store, StoreError};
use crate::accounts::history::{Note, Revision, RevisionWithSettings};

/// Of a revision, without its settings.
const COLUMNS: &str = "revision, account, at, caller_id, caller_name, fields, note, settings IS NOT NULL";

impl Store {
    /// Revisions older than `before`, newest first, of one account or of all.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn revisions(
        &self,
        account: Option<String>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Revision>, StoreError> {
        self.read(move |c| {
            let before = before.unwrap_or(i64::MAX);
            let which = if account.is_some() { "account = ?1 AND" } else { "?1 IS NULL AND" };
            let sql = format!(
                "SELECT {COLUMNS} FROM account_revision WHERE {which} revision < ?2 ORDER BY revision DESC LIMIT ?3"
            );
            let most = limit.saturating_add(1);
            let mut page =
                Page::read(c, &sql, params![account, before, most], most, revision, |row: &Revision| {
                    row.fields.iter().map(String::len).sum::<usize>() + 200
                })?;
            page.more = page.rows.len() > limit || page.more && page.rows.len() < limit;
            page.rows.truncate(limit);
            Ok(page)
        })
        .await
    }

    /// One revision with its settings.
    ///
    /// # Errors
    /// See [`StoreError`]; settings that cannot be read are an error.
    pub async fn revision(&self, number: i64) -> Result<Option<RevisionWithSettings>, StoreError> {
        self.one("revision = ?1 AND ?2 IS NULL", number, None).await
    }

    /// The account's revision before this one.
    ///
    /// # Errors
    /// As [`Self::revision`].
    pub async fn revision_before(
        &self,
        account: String,
        number: i64,
    ) -> Result<Option<RevisionWithSettings>, StoreError> {
        self.one("revision < ?1 AND account = ?2", number, Some(account)).await
    }

    async fn one(
        &self,
        which: &'static str,
        number: i64,
        account: Option<String>,
    ) -> Result<Option<RevisionWithSettings>, StoreError> {
        self.read(move |c| {
            let sql = format!(
                "SELECT {COLUMNS}, settings FROM account_revision WHERE {which} ORDER BY revision DESC LIMIT 1"
            );
            let found = c.optional(&sql, params![number, account], |row| {
                Ok((revision(row)?, row.get::<Option<String>>(8)?))
            })?;
            let Some((revision, settings)) = found else { return Ok(None) };
            let settings = settings.map(|json| serde_json::from_str(&json)).transpose().map_err(|error| {
                StoreError::Failed(format!("settings of revision {}: {error}", revision.number))
            })?;
            Ok(Some(RevisionWithSettings { revision, settings }))
        })
        .await
    }

    /// Removes revisions that are not among the newest `kept` of their account and from before `before`, and those that are
    /// not among its newest `most`, at most `limit` of them; gives how many. The newest `own` of each author in an account
    /// always stay, so that nobody can push out what others did.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_revisions(
        &self,
        kept: usize,
        before: i64,
        most: usize,
        own: usize,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let number = |count: usize| i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        let (kept, most, own, limit) = (number(kept), number(most), number(own), number(limit));
        // Looking is not the writer's work.
        let gone: Vec<i64> = self
            .read(move |c| {
                let sql = "SELECT revision FROM (
                             SELECT revision, at,
                                    row_number() OVER (PARTITION BY account ORDER BY revision DESC) AS place,
                                    row_number() OVER (PARTITION BY account, caller_id ORDER BY revision DESC) AS own
                             FROM account_revision) AS numbered
                           WHERE own > ?4 AND ((place > ?1 AND at < ?2) OR place > ?3) ORDER BY revision LIMIT ?5";
                c.rows(sql, params![kept, before, most, own, limit], |row| row.get(0))
            })
            .await?;
        if gone.is_empty() {
            return Ok(0);
        }
        self.write(move |c| {
            let sql = "DELETE FROM account_revision WHERE revision = ?1";
            gone.iter().map(|number| c.execute(sql, params![number])).sum()
        })
        .await
    }
}

fn revision(row: &Row<'_>) -> Result<Revision, StoreError> {
    let (fields, note) = (row.get::<String>(5)?, row.get::<String>(6)?);
    let number = row.get::<i64>(0)?;
    let unreadable =
        |error: serde_json::Error| StoreError::Failed(format!("revision {number} of the accounts: {error}"));
    let note: Note = serde_json::from_str(&note).map_err(unreadable)?;
    let mut fields: Vec<String> = serde_json::from_str(&fields).map_err(unreadable)?;
    // Version 1 named what was asked for, secrets as well.
    fields.retain(|field| field != "password" && field != "oauth_client_secret");
    Ok(Revision {
        number,
        account: row.get(1)?,
        at: row.get(2)?,
        caller_id: row.get(3)?,
        caller_name: row.get(4)?,
        fields,
        note,
        exists: row.get(7)?,
    })
}
