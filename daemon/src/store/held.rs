//! Mail that the daemon itself holds until something is repaired: a sign-in, a certificate, a key.

use super::sql::{Connection, Row, ToValue as _, Value, params};
use super::{Store, StoreError, fleet};

/// A message that was held and is queued again.
#[derive(Debug)]
pub struct Released {
    /// Its key.
    pub seq: i64,
    /// UUID.
    pub id: String,
    /// Who sent it.
    pub caller_id: String,
    /// Bytes.
    pub size: u64,
    /// Until now it was another daemon's.
    pub taken: bool,
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
    /// nothing is said against it any more. It is this daemon's then, whosever it was: that one's attempt has ended.
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
            let condition = format!(
                "account = ? AND author = ? AND state = 3 AND state IN (1, 3) AND held_for IN ({})",
                marks(reasons.len())
            );
            let set = "state = 1, next_attempt_at = ?, held_for = '', last_error = '', last_error_reason = ''";
            let of = [Value::from(account), Value::from(author)];
            let of: Vec<_> = of.into_iter().chain(reasons.into_iter().map(Value::from)).collect();
            let released = match c {
                Connection::Sqlite(_) => {
                    let sql = format!(
                        "UPDATE message SET {set} WHERE {condition} RETURNING seq, id, caller_id, size, FALSE"
                    );
                    let values: Vec<_> = [Value::from(now)].into_iter().chain(of).collect();
                    c.rows(&sql, &values, released)?
                }
                Connection::Postgres(session) => {
                    let me = session.node();
                    let held = format!("SELECT seq, node FROM message WHERE {condition} FOR UPDATE");
                    let held = c.rows(&held, &of, |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))?;
                    let sql = format!(
                        "UPDATE message SET {set}, node = {me} WHERE seq = ? RETURNING seq, id, caller_id, size, ?"
                    );
                    let mut all = Vec::with_capacity(held.len());
                    for (seq, node) in held {
                        let taken = node != me;
                        let values = [Value::from(now), Value::from(seq), taken.to_value()];
                        all.push(c.one(&sql, &values, released)?);
                        if node != me {
                            fleet::say_steered(c, me, node, seq)?;
                        }
                    }
                    all
                }
            };
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

fn released(row: &Row<'_>) -> Result<Released, StoreError> {
    Ok(Released {
        seq: row.get(0)?,
        id: row.get(1)?,
        caller_id: row.get(2)?,
        size: row.get(3)?,
        taken: row.get(4)?,
    })
}

/// "?, ?, ?"
fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
