//! Giving messages to another node.

use std::collections::BTreeMap;

use super::Postgres;
use super::session::{answered, judge};
use crate::store::StoreError;
use crate::store::fleet::Given;

impl Postgres {
    /// Gives those that are queued, and this node's; tells the other one in the same transaction.
    pub(in crate::store) async fn give(&self, seqs: Vec<i64>, to: i64) -> Result<Vec<Given>, StoreError> {
        let taken = self.pool.begin().await?;
        let session = taken.session();
        let client = session.client();
        // Whoever succeeds a dead node waits until this has ended, and finds what it was given.
        let there = "SELECT id FROM node WHERE id = $1 AND NOT fenced FOR SHARE";
        let there = answered(client.query_opt(there, &[&to])).await.map_err(|failed| failed.error)?;
        if there.is_none() {
            session.say("ROLLBACK").await?;
            taken.give_back();
            return Ok(Vec::new());
        }
        let sql = "UPDATE message SET node = $1 WHERE seq = ANY($2) AND node = $3 AND state = 1
                   RETURNING id, caller_id, size";
        let rows = answered(client.query(sql, &[&to, &seqs, &session.node()])).await;
        let rows = rows.map_err(|failed| failed.error)?;
        let read = |row: &tokio_postgres::Row| {
            let size: i64 = row.try_get(2)?;
            Ok(Given { id: row.try_get(0)?, caller_id: row.try_get(1)?, size: size.unsigned_abs() })
        };
        let given: Result<Vec<_>, tokio_postgres::Error> = rows.iter().map(read).collect();
        let given = given.map_err(|error| judge(&error))?;
        let mut callers: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for message in &given {
            let of_caller = callers.entry(&message.caller_id).or_default();
            of_caller.0 += 1;
            of_caller.1 = of_caller.1.saturating_add(message.size);
        }
        for (caller, (messages, bytes)) in callers {
            let payload = format!("{} given {to} {messages} {bytes} {caller}", session.node());
            let told = answered(client.execute("SELECT pg_notify('faxpost', $1)", &[&payload])).await;
            told.map_err(|failed| failed.error)?;
        }
        self.pool.noted(session.commit().await)?;
        taken.give_back();
        Ok(given)
    }
}
