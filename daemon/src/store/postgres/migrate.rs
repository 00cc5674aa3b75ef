//! The schema: is it ours, and of this version? If not, it stays as it is, or is brought forward, all or nothing.

use tokio_postgres::Client;

use super::session::{answered, judge};
use crate::store::{OpenError, StoreError};

/// Schema steps; `schema_step` counts those that were taken.
const STEPS: &[&str] = &[include_str!("schema.sql")];

/// Guards the steps, beside the lock of whoever holds the database: other tools may bring it forward, too.
const LOCK: i64 = 0x4658_5055;

/// The schema that this version makes.
pub(super) fn known() -> i64 {
    STEPS.len() as i64
}

pub(super) async fn migrate(client: &mut Client, server: &str) -> Result<(), OpenError> {
    let unusable =
        |error: StoreError| OpenError::Server { server: server.to_owned(), why: error.to_string() };
    let encoding = text(client, "SHOW server_encoding").await.map_err(unusable)?;
    if encoding != "UTF8" {
        let why = format!("its encoding is {encoding}; make one with ENCODING 'UTF8'");
        return Err(OpenError::Server { server: server.to_owned(), why });
    }
    let fsync = text(client, "SHOW fsync").await.map_err(unusable)?;
    if fsync == "off" {
        tracing::warn!("the database server runs with fsync=off: a power cut may lose accepted mail");
    }
    let found = found(client).await.map_err(unusable)?;
    let taken = match found {
        Found::Foreign => return Err(OpenError::ServerForeign { server: server.to_owned() }),
        Found::Steps(taken) if taken > known() => {
            return Err(OpenError::ServerNewer { server: server.to_owned(), found: taken, known: known() });
        }
        Found::Steps(taken) => taken,
        Found::Nothing => -1,
    };
    if taken == known() {
        return Ok(());
    }
    forward(client, taken).await.map_err(unusable)
}

enum Found {
    /// Not even the schema, or it is empty.
    Nothing,
    /// Tables of somebody else.
    Foreign,
    Steps(i64),
}

async fn found(client: &Client) -> Result<Found, StoreError> {
    let sql = "SELECT to_regclass('faxpost.schema_step') IS NOT NULL,
                      EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('faxpost'))";
    let row = answered(client.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
    let get = |at| row.try_get::<_, bool>(at).map_err(|error| judge(&error));
    match (get(0)?, get(1)?) {
        (false, false) => Ok(Found::Nothing),
        (false, true) => Ok(Found::Foreign),
        (true, _) => {
            let sql = "SELECT count(*) FROM faxpost.schema_step";
            let row = answered(client.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
            Ok(Found::Steps(row.try_get(0).map_err(|error| judge(&error))?))
        }
    }
}

async fn forward(client: &mut Client, taken: i64) -> Result<(), StoreError> {
    let transaction = answered(client.transaction()).await.map_err(|failed| failed.error)?;
    let say =
        async |words: &str| answered(transaction.batch_execute(words)).await.map_err(|failed| failed.error);
    say(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    if taken < 0 {
        // Asked for first: making a schema wants a right on the whole database, also where it is there already.
        let sql = "SELECT to_regnamespace('faxpost') IS NULL";
        let row = answered(transaction.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
        if row.try_get(0).map_err(|error| judge(&error))? {
            say("CREATE SCHEMA faxpost").await?;
        }
        say(
            "CREATE TABLE schema_step (step BIGINT PRIMARY KEY, taken_at TIMESTAMPTZ NOT NULL DEFAULT now())",
        )
        .await?;
    }
    for (at, step) in STEPS.iter().enumerate().skip(usize::try_from(taken).unwrap_or(0)) {
        say(step).await?;
        say(&format!("INSERT INTO schema_step (step) VALUES ({})", at + 1)).await?;
    }
    answered(transaction.commit()).await.map_err(|failed| failed.error)
}

async fn text(client: &Client, sql: &str) -> Result<String, StoreError> {
    let row = answered(client.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
    row.try_get(0).map_err(|error| judge(&error))
}
