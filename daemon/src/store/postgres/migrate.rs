//! The schema: is it ours, and of this version? If not, it stays as it is, or is brought forward, all or nothing, by whoever
//! holds the database: so by one daemon at a time.

use tokio_postgres::Client;

use super::session::{answered, judge};
use crate::store::{OpenError, StoreError};

/// Schema steps; `schema_step` counts those that were taken.
const STEPS: &[&str] = &[include_str!("schema.sql")];

/// The schema that this version makes.
pub(super) fn known() -> i64 {
    STEPS.len() as i64
}

/// Looks, and changes nothing: what cannot be worked on is refused before it is waited for. Gives the steps that were
/// taken; -1: it is empty.
pub(super) async fn look(client: &Client, server: &str) -> Result<i64, OpenError> {
    let unusable =
        |error: StoreError| OpenError::Server { server: server.to_owned(), why: error.to_string() };
    let encoding = text(client, "SHOW server_encoding").await.map_err(unusable)?;
    if encoding != "UTF8" {
        let why = format!("its encoding is {encoding}; make one with ENCODING 'UTF8'");
        return Err(OpenError::Server { server: server.to_owned(), why });
    }
    match found(client).await.map_err(unusable)? {
        Found::Foreign => Err(OpenError::ServerForeign { server: server.to_owned() }),
        Found::Steps(taken) if taken > known() => {
            Err(OpenError::ServerNewer { server: server.to_owned(), found: taken, known: known() })
        }
        Found::Steps(taken) => Ok(taken),
        Found::Nothing => Ok(-1),
    }
}

/// Brings it to this version, for whoever holds it.
pub(super) async fn migrate(client: &mut Client, server: &str) -> Result<(), OpenError> {
    let unusable =
        |error: StoreError| OpenError::Server { server: server.to_owned(), why: error.to_string() };
    let fsync = text(client, "SHOW fsync").await.map_err(unusable)?;
    if fsync == "off" {
        tracing::warn!("the database server runs with fsync=off: a power cut may lose accepted mail");
    }
    let taken = look(client, server).await?;
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
