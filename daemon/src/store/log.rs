//! The e-mail log.

use super::sql::{Connection, Row, Value, out_of_range, params, unreadable};
use super::{Page, Store, StoreError};
use crate::log::{Entry, Filter, Kind, Outcome};
use crate::mailer::Transcript;

const COLUMNS: &str = "id, at, kind, outcome, message, caller_id, caller_name, account, method, server, sender, \
                       recipients, subject, size, attempt, duration_ms, answer, reason, tls, transcript IS NOT NULL";

/// Where a page of entries begins and which way it goes.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// Older than this id, newest first; `None`: from the newest.
    Before(Option<i64>),
    /// Newer than this id, oldest first.
    After(i64),
}

impl Store {
    /// The newest entry; 0: there is none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn newest_entry(&self) -> Result<i64, StoreError> {
        self.read(|c| c.one("SELECT coalesce(max(id), 0) FROM entry", params![], |row| row.get(0))).await
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_entry(&self, entry: Entry) -> Result<i64, StoreError> {
        self.write(move |c| insert(c, &entry)).await
    }

    /// At most `limit` entries that fit.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn entries(&self, filter: Filter, from: From, limit: usize) -> Result<Page<Entry>, StoreError> {
        self.read(move |c| {
            let (condition, mut values) = condition(c, &filter);
            let (bound, order) = match from {
                From::Before(None) => (String::new(), "DESC"),
                From::Before(Some(id)) => {
                    values.push(id.into());
                    (" AND id < ?".to_owned(), "DESC")
                }
                From::After(id) => {
                    values.push(id.into());
                    (" AND id > ?".to_owned(), "ASC")
                }
            };
            values.push((limit as i64).into());
            let sql =
                format!("SELECT {COLUMNS} FROM entry WHERE {condition}{bound} ORDER BY id {order} LIMIT ?");
            Page::read(c, &sql, &values, limit, entry, |entry| {
                let recipients =
                    entry.recipients.iter().map(|(address, _, answer)| address.len() + answer.len());
                entry.subject.len() + entry.answer.len() + recipients.sum::<usize>()
            })
        })
        .await
    }

    /// One entry.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn entry(&self, id: i64) -> Result<Option<Entry>, StoreError> {
        self.read(move |c| {
            let sql = format!("SELECT {COLUMNS} FROM entry WHERE id = ?1");
            c.optional(&sql, params![id], entry)
        })
        .await
    }

    /// The transcript of an entry, if it has one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn transcript(&self, id: i64) -> Result<Option<Transcript>, StoreError> {
        self.read(move |c| {
            let sql = "SELECT transcript, truncated FROM entry WHERE id = ?1 AND transcript IS NOT NULL";
            let transcript = |row: &Row<'_>| Ok(Transcript { text: row.get(0)?, truncated: row.get(1)? });
            c.optional(sql, params![id], transcript)
        })
        .await
    }
}

pub(super) fn insert(c: &Connection<'_>, e: &Entry) -> Result<i64, StoreError> {
    let recipients = recipients(e)?;
    let (text, truncated) = match &e.transcript {
        Some(transcript) => (Some(&transcript.text), transcript.truncated),
        None => (None, false),
    };
    c.insert(
        "INSERT INTO entry (at, kind, outcome, message, caller_id, caller_name, account, method, server, sender,
                            recipients, subject, size, attempt, duration_ms, answer, reason, tls, transcript, truncated)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        "id",
        params![
        e.at,
        e.kind as i64,
        e.outcome as i64,
        e.message,
        e.caller_id,
        e.caller_name,
        e.account,
        e.method,
        e.server,
        e.sender,
        recipients,
        e.subject,
        e.size,
        e.attempt,
        e.duration_ms,
        e.answer,
        e.reason,
        e.tls,
        text,
        truncated,
    ])
}

/// The first entry about a message.
pub(super) fn of_message(c: &Connection<'_>, id: &str) -> Result<Entry, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM entry WHERE message = ?1 ORDER BY id LIMIT 1");
    c.one(&sql, params![id], entry)
}

/// Recipients as their column has them.
pub(super) fn recipients(e: &Entry) -> Result<String, StoreError> {
    serde_json::to_string(&e.recipients).map_err(|error| StoreError::Failed(error.to_string()))
}

fn entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    let recipients: String = row.get(11)?;
    Ok(Entry {
        id: row.get(0)?,
        at: row.get(1)?,
        kind: match row.get::<i64>(2)? {
            1 => Kind::Accepted,
            2 => Kind::Attempt,
            3 => Kind::Test,
            4 => Kind::Expired,
            5 => Kind::Steered,
            other => return Err(out_of_range(2, other)),
        },
        outcome: match row.get::<i64>(3)? {
            1 => Outcome::Ok,
            2 => Outcome::Partial,
            3 => Outcome::Temporary,
            4 => Outcome::Permanent,
            other => return Err(out_of_range(3, other)),
        },
        message: row.get(4)?,
        caller_id: row.get(5)?,
        caller_name: row.get(6)?,
        account: row.get(7)?,
        method: row.get(8)?,
        server: row.get(9)?,
        sender: row.get(10)?,
        recipients: serde_json::from_str(&recipients).map_err(|error| unreadable(11, &error))?,
        subject: row.get(12)?,
        size: row.get(13)?,
        attempt: row.get(14)?,
        duration_ms: row.get(15)?,
        answer: row.get(16)?,
        reason: row.get(17)?,
        tls: row.get(18)?,
        transcript: None,
        has_transcript: row.get(19)?,
    })
}

/// The WHERE of a filter; its text is made of constants only, what callers give is bound.
fn condition(c: &Connection<'_>, filter: &Filter) -> (String, Vec<Value<'static>>) {
    let mut sql = "1 = 1".to_owned();
    let mut values = Vec::new();
    let mut and = |text: &str, value: Value<'static>| {
        sql.push_str(text);
        values.push(value);
    };
    if let Some(id) = &filter.caller_id {
        and(" AND caller_id = ?", id.clone().into());
    }
    if !filter.message.is_empty() {
        and(" AND message = ?", filter.message.clone().into());
    }
    if !filter.account.is_empty() {
        and(" AND account = ?", filter.account.clone().into());
    }
    if !filter.recipient.is_empty() {
        let holds = c.contains("lower(r.value ->> 0)");
        let each = c.json_each("recipients");
        let text = format!(" AND EXISTS (SELECT 1 FROM {each} r WHERE {holds})");
        and(&text, filter.recipient.to_lowercase().into());
    }
    if !filter.caller.is_empty() {
        let text = format!(" AND {}", c.contains("lower(caller_name)"));
        and(&text, filter.caller.to_lowercase().into());
    }
    if let Some(since) = filter.since {
        and(" AND at >= ?", since.into());
    }
    if let Some(until) = filter.until {
        and(" AND at < ?", until.into());
    }
    for (column, numbers) in [("kind", &filter.kinds), ("outcome", &filter.outcomes)] {
        if !numbers.is_empty() {
            let marks = vec!["?"; numbers.len()].join(", ");
            sql.push_str(&format!(" AND {column} IN ({marks})"));
            values.extend(numbers.iter().map(|number| Value::from(i64::from(*number))));
        }
    }
    (sql, values)
}
