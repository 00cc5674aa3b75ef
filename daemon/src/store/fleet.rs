//! Mail among the daemons of a database: whose it is, and how it goes from one to another.

use super::sql::{Connection, params};
use super::{Backend, Store, StoreError};

/// What daemons say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Entries up to this one are in the log.
    Log(i64),
    /// These messages changed.
    Messages(Vec<String>),
    /// This one has more mail ready than it can begin.
    Plenty,
    /// This one would take so many messages of that one.
    Hungry(i64, usize),
}

/// A message that was given away.
#[derive(Debug)]
pub struct Given {
    /// UUID.
    pub id: String,
    /// Who sent it.
    pub caller_id: String,
    /// Bytes.
    pub size: u64,
}

/// What a daemon says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It leaves their part of every account to the daemons up to this one,
    pub counted: i64,
    /// but for these.
    pub busy: Vec<String>,
    /// Accounts whose signing key its machine has.
    pub signs: Vec<String>,
}

impl Store {
    /// Tells the other daemons.
    ///
    /// # Errors
    /// See [`StoreError`]; then they find it later.
    pub async fn tell(&self, said: Vec<Said>) -> Result<(), StoreError> {
        let Backend::Postgres(database) = &self.backend else { return Ok(()) };
        let mut payloads = Vec::new();
        for said in said {
            match said {
                Said::Log(id) => payloads.push(format!("log {id}")),
                Said::Messages(ids) => payloads.extend(super::postgres::name_messages(&ids)),
                Said::Plenty => payloads.push("plenty".to_owned()),
                Said::Hungry(node, count) => payloads.push(format!("hungry {node} {count}")),
            }
        }
        database.tell(&payloads).await
    }

    /// Gives messages that are queued, and this daemon's, to another one; what is not given back was neither.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn give(&self, seqs: Vec<i64>, to: i64) -> Result<Vec<Given>, StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(Vec::new()),
            Backend::Postgres(database) => database.give(seqs, to).await,
        }
    }

    /// Says how this daemon stands.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn stand(&self, standing: Standing) -> Result<(), StoreError> {
        let Backend::Postgres(_) = &self.backend else { return Ok(()) };
        let json = |list: &Vec<String>| {
            serde_json::to_string(list).map_err(|error| StoreError::Failed(error.to_string()))
        };
        let (busy, signs) = (json(&standing.busy)?, json(&standing.signs)?);
        self.write(move |c| {
            let Connection::Postgres(session) = c else { return Ok(()) };
            let sql = "UPDATE node SET counted = ?2, busy = ?3, signs = ?4 WHERE id = ?1";
            c.execute(sql, params![session.node(), standing.counted, busy, signs]).map(drop)
        })
        .await
    }
}

/// What a question for this daemon's own messages ends with.
pub(super) fn mine(c: &Connection<'_>) -> String {
    match c {
        Connection::Sqlite(_) => String::new(),
        Connection::Postgres(session) => format!(" AND node = {}", session.node()),
    }
}

/// Tells the daemon whose message it is that somebody else has steered it; `false`: it is this one's.
pub(super) fn tell_owner(c: &Connection<'_>, seq: i64) -> Result<bool, StoreError> {
    let Connection::Postgres(session) = c else { return Ok(false) };
    let node: i64 = c.one("SELECT node FROM message WHERE seq = ?1", params![seq], |row| row.get(0))?;
    if node == session.node() {
        return Ok(false);
    }
    say_steered(c, session.node(), node, seq)?;
    Ok(true)
}

/// The same, of one that was another daemon's until now.
pub(super) fn say_steered(c: &Connection<'_>, me: i64, node: i64, seq: i64) -> Result<(), StoreError> {
    let payload = format!("{me} steered {node} {seq}");
    c.one("SELECT pg_notify('faxpost', ?1) IS NULL", params![payload], |row| row.get::<bool>(0)).map(drop)
}
