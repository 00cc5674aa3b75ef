//! Mail that the daemon itself holds until something is repaired: a sign-in, a certificate, a key.

use super::sql::{ToValue as _, Value, params};
use super::{Store, StoreError};

/// A message that was held and is queued again.
#[derive(Debug)]
pub struct Released {
    /// Its key.
    pub seq: i64,
    /// UUID.
    pub id: String,
    /// Who sent it.
    pub caller_id: String,
}

impl Store {
    /// Account and author of mail which the daemon holds for one of `reasons`, each pair once.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn held_mail(&self, reasons: Vec<&'static str>) -> Result<Vec<(String, String)>, StoreError> {
        self.read(move |c| {
            let sql = format!(
                "SELECT DISTINCT account, author FROM message
                 WHERE state = 3 AND state IN (1, 3) AND held_for IN ({})",
                marks(reasons.len())
            );
            let values: Vec<_> = reasons.into_iter().map(Value::from).collect();
            c.rows(&sql, &values, |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }

    /// Accounts with mail that the daemon holds for one of `reasons`: how many messages of the caller, or of all, and why the
    /// latest of them; `None`: they are all of others.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn held_by_account(
        &self,
        reasons: Vec<&'static str>,
        caller: Option<String>,
    ) -> Result<Vec<(String, u64, Option<String>)>, StoreError> {
        self.read(move |c| {
            let sql = format!(
                "SELECT held.account, held.messages, latest.last_error
                 FROM (SELECT account, count(seen) AS messages, max(seen) AS seq
                       FROM (SELECT account, CASE WHEN ? IS NULL OR caller_id = ? THEN seq END AS seen
                             FROM message WHERE state = 3 AND state IN (1, 3) AND held_for IN ({})) AS mail
                       GROUP BY account) AS held
                 LEFT JOIN message AS latest ON latest.seq = held.seq ORDER BY held.account",
                marks(reasons.len())
            );
            let caller = caller.to_value();
            let reasons = reasons.into_iter().map(Value::from);
            let values: Vec<_> = [caller.clone(), caller].into_iter().chain(reasons).collect();
            c.rows(&sql, &values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })
        .await
    }

    /// Releases what the daemon holds of an account and an author for one of `reasons`: it is due at `now`, and
    /// nothing is said against it any more.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn release_held_mail(
        &self,
        (account, author): (String, String),
        reasons: Vec<&'static str>,
        now: i64,
    ) -> Result<Vec<Released>, StoreError> {
        self.write(move |c| {
            let sql = format!(
                "UPDATE message SET state = 1, next_attempt_at = ?, held_for = '', last_error = '',
                                    last_error_reason = ''
                 WHERE account = ? AND author = ? AND state = 3 AND state IN (1, 3) AND held_for IN ({})
                 RETURNING seq, id, caller_id",
                marks(reasons.len())
            );
            let values = [Value::from(now), Value::from(account), Value::from(author)];
            let values: Vec<_> = values.into_iter().chain(reasons.into_iter().map(Value::from)).collect();
            let released = c.rows(&sql, &values, |row| {
                Ok(Released { seq: row.get(0)?, id: row.get(1)?, caller_id: row.get(2)? })
            })?;
            // 1: those who were not reached.
            let sql = "UPDATE recipient SET answer = '' WHERE message = ?1 AND state = 1";
            for one in &released {
                c.execute(sql, params![one.seq])?;
            }
            Ok(released)
        })
        .await
    }
}

/// "?, ?, ?"
fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
