//! The nodes of a database, as one of them sees them.

use tokio_postgres::Client;

use super::node::CLASS;
use super::session::{answered, judge};
use crate::store::StoreError;

/// A daemon that works on the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number; of two, the younger has the greater.
    pub id: i64,
    /// The name of its machine.
    pub machine: String,
    /// That, and its state folder, in which one daemon at a time works.
    pub place: String,
    /// Of Faxpost.
    pub version: String,
    /// Unix milliseconds.
    pub since: i64,
    /// It leaves their part of every account to the nodes up to this one,
    pub counted: i64,
    /// but for these accounts.
    pub busy: Vec<String>,
    /// Accounts whose signing key its machine has.
    pub signs: Vec<String>,
    /// It keeps its lease.
    pub is_alive: bool,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Which this daemon is.
    pub me: i64,
    /// When this one began, there was no other, dead or alive.
    pub first: bool,
    /// By number, with this one.
    pub all: Vec<Member>,
}

impl Members {
    /// Whether this daemon is the eldest of those that keep their leases.
    #[must_use]
    pub fn is_eldest(&self) -> bool {
        self.alive().next().is_none_or(|member| member.id == self.me)
    }

    /// Those that keep their leases.
    pub fn alive(&self) -> impl Iterator<Item = &Member> {
        self.all.iter().filter(|member| member.is_alive)
    }

    /// Those that this daemon is not.
    pub fn others(&self) -> impl Iterator<Item = &Member> {
        self.all.iter().filter(|member| member.id != self.me)
    }
}

/// Looks. Whether a node is alive, its lock tells.
pub(super) async fn read(client: &Client, me: i64) -> Result<Members, StoreError> {
    let sql = format!(
        "SELECT id, machine, version, CAST(extract(epoch FROM since) * 1000 AS BIGINT), counted, busy, signs, place,
                NOT fenced AND EXISTS (
                  SELECT 1 FROM pg_locks
                  WHERE locktype = 'advisory' AND classid = {CLASS} AND objid = id::OID AND objsubid = 2 AND granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
         FROM faxpost.node ORDER BY id"
    );
    let rows = answered(client.query(&sql, &[])).await.map_err(|failed| failed.error)?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let failed = |error: tokio_postgres::Error| judge(&error);
        let list = |at| -> Result<Vec<String>, StoreError> {
            let text: String = row.try_get(at).map_err(failed)?;
            serde_json::from_str(&text).map_err(|error| StoreError::Failed(format!("a node's row: {error}")))
        };
        all.push(Member {
            id: row.try_get(0).map_err(failed)?,
            machine: row.try_get(1).map_err(failed)?,
            version: row.try_get(2).map_err(failed)?,
            since: row.try_get(3).map_err(failed)?,
            counted: row.try_get(4).map_err(failed)?,
            busy: list(5)?,
            signs: list(6)?,
            place: row.try_get(7).map_err(failed)?,
            is_alive: row.try_get(8).map_err(failed)?,
        });
    }
    Ok(Members { me, first: false, all })
}
