//! The schema: is it ours, and of this version? If not, it stays as it is, or is brought forward, all or nothing, by whoever
//! holds the database: so by one daemon at a time.

use tokio_postgres::Client;

use super::session::{Failed, answered, judge};
use crate::store::{OpenError, StoreError};

/// "FXPS": whoever brings the schema forward.
const LOCK: i64 = 0x4658_5053;

/// A step of the schema; `schema_step` counts those that were taken.
struct Step {
    sql: &'static str,
    /// Daemons that know steps from this on go on beside those that know this one: an upgrade may be made machine by machine.
    oldest: i64,
}

const STEPS: &[Step] = &[
    Step { sql: include_str!("schema.sql"), oldest: 1 },
    Step { sql: include_str!("schema_2.sql"), oldest: 2 },
];

/// The schema that this version makes.
pub(super) fn known() -> i64 {
    STEPS.len() as i64
}

/// Looks, and changes nothing: what cannot be worked on is refused before it is waited for. Gives the steps that were
/// taken; -1: it is empty. A later version's is none of our business as long as it says that ours can work beside it.
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
            let sql = "SELECT CAST(max(oldest) AS TEXT) FROM faxpost.schema_step";
            let oldest = text(client, sql).await.map_err(unusable)?;
            if oldest.parse().is_ok_and(|oldest: i64| oldest <= known()) {
                return Ok(taken);
            }
            Err(OpenError::ServerNewer { server: server.to_owned(), found: taken, known: known() })
        }
        Found::Steps(taken) => Ok(taken),
        Found::Nothing => Ok(-1),
    }
}

/// Whether those who work on it must end before it is brought forward from there.
pub(super) fn must_be_alone(taken: i64) -> bool {
    let taken = taken.max(0);
    STEPS.iter().skip(usize::try_from(taken).unwrap_or(0)).any(|step| step.oldest > taken)
}

/// Brings it to this version, one daemon at a time.
pub(super) async fn migrate(client: &mut Client, server: &str) -> Result<(), OpenError> {
    let unusable =
        |error: StoreError| OpenError::Server { server: server.to_owned(), why: error.to_string() };
    let fsync = text(client, "SHOW fsync").await.map_err(unusable)?;
    if fsync == "off" {
        tracing::warn!("the database server runs with fsync=off: a power cut may lose accepted mail");
    }
    if look(client, server).await? >= known() {
        return Ok(());
    }
    // As long as this transaction; the schema may be brought forward by another one meanwhile.
    forward(client, server).await
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

async fn forward(client: &mut Client, server: &str) -> Result<(), OpenError> {
    let unusable =
        |error: StoreError| OpenError::Server { server: server.to_owned(), why: error.to_string() };
    let failed = |failed: Failed| unusable(failed.error);
    let transaction = answered(client.transaction()).await.map_err(failed)?;
    let say = async |words: &str| answered(transaction.batch_execute(words)).await.map_err(failed);
    say(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    let taken = look(transaction.client(), server).await?;
    if taken < 0 {
        // Asked for first: making a schema wants a right on the whole database, also where it is there already.
        let sql = "SELECT to_regnamespace('faxpost') IS NULL";
        let row = answered(transaction.query_one(sql, &[])).await.map_err(failed)?;
        if row.try_get(0).map_err(|error| unusable(judge(&error)))? {
            say("CREATE SCHEMA faxpost").await?;
        }
        say(
            "CREATE TABLE schema_step (step BIGINT PRIMARY KEY, taken_at TIMESTAMPTZ NOT NULL DEFAULT now())",
        )
        .await?;
    }
    for (at, step) in STEPS.iter().enumerate().skip(usize::try_from(taken).unwrap_or(0)) {
        say(step.sql).await?;
        let (oldest, with) = match at {
            // The column came with the second.
            0 => (String::new(), ""),
            _ => (format!(", {}", step.oldest), ", oldest"),
        };
        say(&format!("INSERT INTO schema_step (step{with}) VALUES ({}{oldest})", at + 1)).await?;
    }
    answered(transaction.commit()).await.map_err(failed)
}

async fn text(client: &Client, sql: &str) -> Result<String, StoreError> {
    let row = answered(client.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
    row.try_get(0).map_err(|error| judge(&error))
}
