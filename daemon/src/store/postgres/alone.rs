//! One at a time among all nodes: an advisory lock of a name, on a connection of its own. It ends with the connection, also when
//! the node dies or is fenced.

use std::time::{Duration, Instant};

use super::Postgres;
use super::pool::Taken;
use super::session::{answered, judge};
use crate::store::StoreError;

/// "FXPG": the class of these locks.
const CLASS: i32 = 0x4658_5047;

/// How long another node is waited for: longer than it waits for a provider.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// The lock; it is given back when this is dropped, with its connection.
pub(in crate::store) struct Alone {
    _taken: Taken,
}

impl Postgres {
    pub(in crate::store) async fn alone(&self, name: &str) -> Result<Alone, StoreError> {
        let began = Instant::now();
        loop {
            let taken = self.pool.take().await?;
            let sql = "SELECT pg_try_advisory_lock($1, hashtext($2))";
            let row = answered(taken.session().client().query_one(sql, &[&CLASS, &name])).await;
            let row = row.map_err(|failed| failed.error)?;
            if row.try_get(0).map_err(|error| judge(&error))? {
                return Ok(Alone { _taken: taken });
            }
            // Others need the connection meanwhile.
            taken.give_back();
            if began.elapsed() >= PATIENCE {
                return Err(StoreError::Away(
                    "another daemon has been renewing the sign-in for too long".to_owned(),
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
