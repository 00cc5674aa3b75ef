//! The audit log.

use super::sql::{Row, Value, out_of_range, params};
use super::{Page, Store, StoreError};
use crate::audit::{Event, Outcome};

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// "faxpost.v1.Certificates/GrantKeyAccess"; empty: all.
    pub method: String,
    /// Id or name; empty: all.
    pub caller: String,
    /// Only from then on, Unix milliseconds.
    pub since: Option<i64>,
}

impl Store {
    /// Writes one event; gives its number.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_audit(&self, event: Event) -> Result<i64, StoreError> {
        self.write(move |c| {
            c.insert(
                "INSERT INTO audit (at, caller_id, caller_name, role, origin, method, target, outcome, reason, request)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                "id",
                params![
                    event.at,
                    event.caller_id,
                    event.caller_name,
                    event.role,
                    event.origin,
                    event.method,
                    event.target,
                    event.outcome as i64,
                    event.reason,
                    event.request,
                ],
            )
        })
        .await
    }

    /// At most `limit` events before the number `before`, newest first, each with its number.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn audit(
        &self,
        filter: AuditFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<(i64, Event)>, StoreError> {
        self.read(move |c| {
            let (mut condition, mut values) = (String::new(), Vec::<Value<'_>>::new());
            values.push(before.unwrap_or(i64::MAX).into());
            if !filter.method.is_empty() {
                condition.push_str(" AND method = ?");
                values.push(filter.method.into());
            }
            if !filter.caller.is_empty() {
                condition.push_str(" AND (caller_id = ? OR caller_name = ?)");
                values.extend([Value::from(filter.caller.clone()), filter.caller.into()]);
            }
            if let Some(since) = filter.since {
                condition.push_str(" AND at >= ?");
                values.push(since.into());
            }
            values.push((limit as i64).into());
            let sql = format!(
                "SELECT id, at, caller_id, caller_name, role, origin, method, target, outcome, reason, request
                 FROM audit WHERE id < ?{condition} ORDER BY id DESC LIMIT ?"
            );
            Page::read(c, &sql, &values, limit, event, |(_, event)| event.target.len() + 200)
        })
        .await
    }

    /// Removes events from before `before`, the oldest first, at most `limit`; gives how many.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_audit(&self, before: i64, limit: usize) -> Result<usize, StoreError> {
        self.write(move |c| {
            let sql =
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)";
            c.execute(sql, params![before, limit])
        })
        .await
    }
}

fn event(row: &Row<'_>) -> Result<(i64, Event), StoreError> {
    let outcome: i64 = row.get(8)?;
    let event = Event {
        at: row.get(1)?,
        caller_id: row.get(2)?,
        caller_name: row.get(3)?,
        role: row.get(4)?,
        origin: row.get(5)?,
        method: row.get(6)?,
        target: row.get(7)?,
        outcome: Outcome::from_number(outcome).ok_or_else(|| out_of_range(8, outcome))?,
        reason: row.get(9)?,
        request: row.get(10)?,
    };
    Ok((row.get(0)?, event))
}
