//! Grants of OAuth 2.0.

use super::sql::{Connection, Row, out_of_range, params};
use super::{Backend, Store, StoreError, postgres};
use crate::oauth::{Flow, Grant, Loss, LossKind, SealedTokens};

const COLUMNS: &str = "id, account, flow, requested_scope, scope, caller_id, caller_name, signed_in_at, access_token, \
                       access_at, access_expires_at, refresh_token, refresh_at, refresh_expires_at, refreshed_at, \
                       lost, error_code, error_text, advice";

/// Nobody else uses an account's refresh token until this is dropped.
pub struct Alone {
    _one: Option<postgres::Alone>,
}

impl Store {
    /// Waits until no other daemon uses the account's refresh token, and keeps them waiting. Within this daemon, the caller
    /// sees to that.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn alone_with_grant(&self, account: &str) -> Result<Alone, StoreError> {
        let one = match &self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(database) => Some(database.alone(account).await?),
        };
        Ok(Alone { _one: one })
    }

    /// All grants, by account.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        self.read(|c| {
            let sql = format!("SELECT {COLUMNS} FROM oauth_grant ORDER BY account");
            c.rows(&sql, params![], grant)
        })
        .await
    }

    /// The grant of an account.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn grant(&self, account: String) -> Result<Option<Grant>, StoreError> {
        self.read(move |c| {
            let sql = format!("SELECT {COLUMNS} FROM oauth_grant WHERE account = ?1");
            c.optional(&sql, params![account], grant)
        })
        .await
    }

    /// Writes a new grant in the place of an earlier one, if the account still has `revision`. Its id, or `None`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_grant(&self, new: Grant, revision: i64) -> Result<Option<i64>, StoreError> {
        self.write(move |c| {
            let sql = "SELECT revision FROM account WHERE id = ?1";
            let stored = c.optional_locked(sql, params![new.account], |row| row.get::<i64>(0))?;
            if stored != Some(revision) {
                return Ok(None);
            }
            forget(c, &new.account)?;
            let key = c.insert(
                "INSERT INTO oauth_grant (account, flow, requested_scope, scope, caller_id, caller_name, signed_in_at,
                                          access_token, access_at, access_expires_at, refresh_token, refresh_at,
                                          refresh_expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                "id",
                params![
                new.account,
                new.flow as i64,
                new.requested_scope,
                new.scope,
                new.caller_id,
                new.caller_name,
                new.signed_in_at,
                new.tokens.access,
                new.tokens.access_at,
                new.tokens.access_expires_at,
                new.tokens.refresh,
                new.tokens.refresh_at,
                new.tokens.refresh_expires_at,
            ])?;
            Ok(Some(key))
        })
        .await
    }

    /// Writes the tokens of a refresh to the grant they belong to. Whether that is still there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn renew_grant(
        &self,
        id: i64,
        tokens: SealedTokens,
        scope: String,
        at: i64,
    ) -> Result<bool, StoreError> {
        self.write(move |c| {
            let changed = c.execute(
                "UPDATE oauth_grant
                     SET access_token = ?2, access_at = ?3, access_expires_at = ?4, refresh_token = ?5,
                         refresh_at = ?6, refresh_expires_at = ?7, scope = ?8, refreshed_at = ?9, lost = 0,
                         error_code = '', error_text = '', advice = ''
                     WHERE id = ?1",
                params![
                    id,
                    tokens.access,
                    tokens.access_at,
                    tokens.access_expires_at,
                    tokens.refresh,
                    tokens.refresh_at,
                    tokens.refresh_expires_at,
                    scope,
                    at,
                ],
            )?;
            Ok(changed > 0)
        })
        .await
    }

    /// Notes that a grant is of no use any more. The tokens of a lost grant are forgotten; those of a refused client may
    /// be good again.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn lose_grant(&self, id: i64, loss: Loss) -> Result<(), StoreError> {
        self.write(move |c| {
            c.execute(
                "UPDATE oauth_grant
                 SET lost = ?2, error_code = ?3, error_text = ?4, advice = ?5, access_token = NULL,
                     refresh_token = CASE WHEN ?2 = 1 THEN NULL ELSE refresh_token END
                 WHERE id = ?1",
                params![id, loss.kind as i64, loss.code, loss.text, loss.advice],
            )?;
            Ok(())
        })
        .await
    }

    /// Forgets the grant of an account. Whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn forget_grant(&self, account: String) -> Result<bool, StoreError> {
        self.write(move |c| forget(c, &account)).await
    }
}

/// Within another change: see [`Store::forget_grant`].
pub(super) fn forget(c: &Connection<'_>, account: &str) -> Result<bool, StoreError> {
    Ok(c.execute("DELETE FROM oauth_grant WHERE account = ?1", params![account])? > 0)
}

/// Within another change: the client may be taken again.
pub(super) fn client_repaired(c: &Connection<'_>, account: &str) -> Result<(), StoreError> {
    let sql = "UPDATE oauth_grant SET lost = 0, error_code = '', error_text = '', advice = ''
               WHERE account = ?1 AND lost = 2";
    c.execute(sql, params![account])?;
    Ok(())
}

fn grant(row: &Row<'_>) -> Result<Grant, StoreError> {
    let (flow, lost) = (row.get::<i64>(2)?, row.get::<i64>(15)?);
    let loss = |kind| -> Result<Loss, StoreError> {
        Ok(Loss { kind, code: row.get(16)?, text: row.get(17)?, advice: row.get(18)? })
    };
    Ok(Grant {
        id: row.get(0)?,
        account: row.get(1)?,
        flow: Flow::from_number(flow).ok_or_else(|| out_of_range(2, flow))?,
        requested_scope: row.get(3)?,
        scope: row.get(4)?,
        caller_id: row.get(5)?,
        caller_name: row.get(6)?,
        signed_in_at: row.get(7)?,
        tokens: SealedTokens {
            access: row.get(8)?,
            access_at: row.get(9)?,
            access_expires_at: row.get(10)?,
            refresh: row.get(11)?,
            refresh_at: row.get(12)?,
            refresh_expires_at: row.get(13)?,
        },
        refreshed_at: row.get(14)?,
        lost: LossKind::from_number(lost).map(loss).transpose()?,
    })
}
