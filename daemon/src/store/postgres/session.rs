//! One connection of the pool: its statements stay prepared, and nothing is waited for without end.
//!
//! Works of the store are plain functions, so they run on threads that may block; accepting a message does not, and awaits.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, Row, Statement};

use crate::store::StoreError;
use crate::store::sql::{Kind, Value};

/// How long one answer of the server is waited for. It ends statements itself after [`super::STATEMENT_MS`]: whoever waits
/// longer talks to nobody.
const PATIENCE: Duration = Duration::from_secs(40);

/// Statements that stay prepared. Filters make some dozens of texts.
const STATEMENTS: usize = 256;

/// A connection to the server.
pub(in crate::store) struct Session {
    client: Client,
    /// Of the pool when this connection was made.
    pub(super) epoch: i64,
    /// Whose rows it makes.
    node: i64,
    statements: Mutex<HashMap<Box<str>, Statement>>,
    used: AtomicBool,
}

impl Session {
    pub(super) fn new(client: Client, epoch: i64, node: i64) -> Self {
        Self { client, epoch, node, statements: Mutex::default(), used: AtomicBool::new(false) }
    }

    pub(in crate::store) fn node(&self) -> i64 {
        self.node
    }

    /// It was made for whoever has it now.
    pub(super) fn is_new(&self) -> bool {
        !self.used.load(Ordering::Relaxed)
    }

    pub(super) fn used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Words without values, and without an answer.
    pub(super) async fn say(&self, words: &str) -> Result<(), StoreError> {
        answered(self.client.batch_execute(words)).await.map_err(|failed| failed.error)
    }

    /// As [`Self::say`], for what makes changes last: if no answer comes, nobody knows whether they do.
    pub(super) async fn commit(&self) -> Result<(), StoreError> {
        answered(self.client.batch_execute("COMMIT")).await.map_err(Failed::of_commit)
    }

    /// Runs a statement of a work, whose thread may block; gives the rows.
    pub(in crate::store) fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        Handle::current().block_on(async {
            let (statement, values) = self.bound(sql, None, values).await?;
            answered(self.client.query(&statement, &values)).await.map_err(|failed| failed.error)
        })
    }

    /// As [`Self::query`], with the number that an inserted row's `key` was given.
    pub(in crate::store) fn insert(
        &self,
        sql: &str,
        key: &str,
        values: &[Value<'_>],
    ) -> Result<i64, StoreError> {
        Handle::current().block_on(async {
            let (statement, values) = self.bound(sql, Some(key), values).await?;
            let row =
                answered(self.client.query_one(&statement, &values)).await.map_err(|failed| failed.error)?;
            row.try_get(0).map_err(|error| StoreError::Failed(error.to_string()))
        })
    }

    /// As [`Self::query`]; gives how many rows it changed.
    pub(in crate::store) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        Handle::current().block_on(self.run(sql, values))
    }

    /// As [`Self::execute`], for who awaits.
    pub(super) async fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let (statement, values) = self.bound(sql, None, values).await?;
        let changed =
            answered(self.client.execute(&statement, &values)).await.map_err(|failed| failed.error)?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    async fn bound<'a>(
        &self,
        sql: &str,
        key: Option<&str>,
        values: &'a [Value<'_>],
    ) -> Result<(Statement, Vec<&'a (dyn ToSql + Sync)>), StoreError> {
        let types = || values.iter().map(|value| type_of(value.kind())).collect();
        let text = || match key {
            Some(key) => numbered(sql) + " RETURNING " + key,
            None => numbered(sql),
        };
        let statement = self.prepared(sql, text, types).await?;
        Ok((statement, values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()))
    }

    /// The statement of `name`, made of `text` and `types` when it is asked for the first time.
    pub(super) async fn prepared(
        &self,
        name: &str,
        text: impl FnOnce() -> String,
        types: impl FnOnce() -> Vec<Type>,
    ) -> Result<Statement, StoreError> {
        let statements = || self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = statements().get(name) {
            return Ok(statement.clone());
        }
        let (text, types) = (text(), types());
        let made = answered(self.client.prepare_typed(&text, &types)).await.map_err(|failed| failed.error)?;
        let mut statements = statements();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(name.into(), made.clone());
        Ok(made)
    }
}

/// What went wrong, and whether the server had said so: then nothing was done.
pub(super) struct Failed {
    pub(super) error: StoreError,
    undone: bool,
}

/// Before anything was asked to last.
impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error, undone: true }
    }
}

impl Failed {
    /// Of what would have made changes last.
    pub(super) fn of_commit(self) -> StoreError {
        match self.error {
            StoreError::Away(why) if !self.undone => StoreError::Unknown(why),
            error => error,
        }
    }
}

/// The server's answer, waited for with a bounded patience.
pub(super) async fn answered<T>(
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failed> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            // A server that stops (57P01 and its like) may have done it just before.
            let undone = error.code().is_some_and(|code| !code.code().starts_with("57P"));
            Err(Failed { undone, error: judge(&error) })
        }
        Err(_) => Err(Failed { undone: false, error: StoreError::Away("it does not answer".to_owned()) }),
    }
}

/// What the server or the way to it said, as the store's callers know it.
pub(super) fn judge(error: &tokio_postgres::Error) -> StoreError {
    let Some(said) = error.as_db_error() else {
        let mut text = error.to_string();
        if let Some(source) = error.source().map(ToString::to_string).filter(|source| !text.contains(source))
        {
            let _ = write!(text, ": {source}");
        }
        // Without a word of the server it is the way to it; what it sent and could not be read is its own failure.
        let unread = text.contains("deserializing") || text.contains("serializing");
        return if unread { StoreError::Failed(text) } else { StoreError::Away(text) };
    };
    let text = format!("{} ({})", said.message(), said.code().code());
    match *said.code() {
        SqlState::DISK_FULL => StoreError::Full,
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::LOCK_NOT_AVAILABLE
        | SqlState::QUERY_CANCELED
        | SqlState::OUT_OF_MEMORY => StoreError::Away(text),
        ref code if code.code().starts_with("08") => StoreError::Away(text),
        _ => StoreError::Failed(text),
    }
}

pub(super) fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Int => Type::INT8,
        Kind::Bool => Type::BOOL,
        Kind::Text => Type::TEXT,
        Kind::Blob => Type::BYTEA,
    }
}

/// The text with the marks of PostgreSQL: `$1` for `?1`, and for `?` in their order.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    let mut next = 1;
    let mut parts = sql.split('?');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push('$');
        if !part.starts_with(|c: char| c.is_ascii_digit()) {
            let _ = write!(text, "{next}");
            next += 1;
        }
        text.push_str(part);
    }
    text
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null(_) => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Bool(yes) => yes.to_sql(kind, out),
            Self::Text(text) => storable(text).to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    /// The statement was prepared for these very values.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// PostgreSQL knows no text with a NUL, which a server's answer may hold.
pub(in crate::store) fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbered() {
        for (ours, theirs) in [
            ("SELECT 1", "SELECT 1"),
            ("a = ?1 AND b < ?2 OR ?1 IS NULL", "a = $1 AND b < $2 OR $1 IS NULL"),
            ("a IN (?, ?) LIMIT ?", "a IN ($1, $2) LIMIT $3"),
            ("VALUES (?10, ?2)", "VALUES ($10, $2)"),
        ] {
            assert_eq!(numbered(ours), theirs);
        }
    }

    #[test]
    fn a_text_with_a_nul_can_be_stored() {
        assert_eq!(storable("250 \0 ok"), "250 \u{fffd} ok");
        assert!(matches!(storable("250 ok"), Cow::Borrowed(_)));
    }
}
