//! One daemon at a time works on a database, whatever becomes of machines and networks.
//!
//! Who holds it has an advisory lock, for as long as one connection lasts, and an epoch. Taking it raises the epoch, ends
//! the connections of whoever had it before, and waits until they are gone; a connection that is made later looks at the
//! epoch first. So a daemon that was paused or cut off finds its connections ended, and can't make new ones: nothing of it
//! reaches the database any more, without a look at each change.
//!
//! When the connection with the lock is lost, nothing is read or written until the lock is taken again. If another daemon
//! worked on the database meanwhile, what this one remembers of it is old: it ends, for the service manager to start it anew.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::pool::Pool;
use super::session::{answered, judge};
use super::{APPLICATION, migrate};
use crate::store::{OpenError, StoreError};

/// "FXPT": of the lock, within the database.
const LOCK: i64 = 0x4658_5054;

/// How long a start waits for the server, and for another daemon to let go: one that was killed is noticed within that.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries, and two looks whether the connection is still there.
const PAUSE: Duration = Duration::from_millis(200);

/// So often the connection with the lock is used: a firewall that forgets idle connections must not take it.
const LOOK: Duration = Duration::from_secs(5);

/// Between two tries while the server is away.
const AWAY: Duration = Duration::from_secs(1);

/// This daemon's hold on the database; it ends with it.
pub(super) struct Holder {
    server: String,
    ended: watch::Receiver<Option<String>>,
    keeper: JoinHandle<()>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Holder {
    /// Takes the database, brings it to this version, and opens the pool.
    pub(super) async fn take(server: &str, pool: Pool) -> Result<Self, OpenError> {
        let unusable = |why: String| OpenError::Server { server: server.to_owned(), why };
        let began = Instant::now();
        let mut told = false;
        let mut client = loop {
            match pool.connector().connect().await {
                Ok(client) => break client,
                Err(StoreError::Away(why)) if began.elapsed() < PATIENCE => {
                    if !told {
                        tracing::warn!(why, "the database server is away; it is waited for");
                        told = true;
                    }
                    tokio::time::sleep(AWAY).await;
                }
                Err(error) => return Err(unusable(error.to_string())),
            }
        };
        told = false;
        while !lock(&client).await.map_err(|error| unusable(error.to_string()))? {
            if began.elapsed() >= PATIENCE {
                return Err(OpenError::Held { server: server.to_owned() });
            }
            if !told {
                tracing::warn!("another daemon works on the database; this one waits for it to end");
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        migrate::migrate(&mut client, server).await?;
        let epoch = raise(&client).await.map_err(|error| unusable(error.to_string()))?;
        pool.open(epoch);
        let (end, ended) = watch::channel(None);
        let keeper = tokio::spawn(async move {
            let why = keep(client, epoch, &pool).await;
            tracing::error!(why, "the database cannot be worked on any more");
            end.send_replace(Some(why));
        });
        Ok(Self { server: server.to_owned(), ended, keeper })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Resolves when the database can't be worked on any more, with the reason.
    pub(super) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            // The keeper was told to end: so was everybody.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Watches over the lock, and takes it again; returns, with the reason, when another daemon had it.
async fn keep(mut client: Client, mut epoch: i64, pool: &Pool) -> String {
    loop {
        let why = lost(&client).await;
        pool.open(0);
        drop(client);
        tracing::error!(
            why,
            "the hold on the database is lost; nothing is accepted or delivered until it is back"
        );
        (client, epoch) = loop {
            tokio::time::sleep(AWAY).await;
            match again(epoch, pool).await {
                Ok(Some(held)) => break held,
                Ok(None) => return "another daemon worked on the database meanwhile".to_owned(),
                Err(error) => tracing::debug!(%error, "the database is not held yet"),
            }
        };
        pool.open(epoch);
        tracing::info!("the database is held again");
    }
}

/// Returns when the connection is lost.
async fn lost(client: &Client) -> String {
    let mut asked = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        if client.is_closed() {
            return "its connection was closed".to_owned();
        }
        if asked.elapsed() < LOOK {
            continue;
        }
        match tokio::time::timeout(LOOK, client.batch_execute("SELECT 1")).await {
            Ok(Ok(())) => asked = Instant::now(),
            Ok(Err(error)) => return judge(&error).to_string(),
            Err(_) => return "the server does not answer".to_owned(),
        }
    }
}

/// The lock and a new epoch, if nobody had them since `before`.
async fn again(before: i64, pool: &Pool) -> Result<Option<(Client, i64)>, StoreError> {
    let client = pool.connector().connect().await?;
    if !lock(&client).await? {
        return Err(StoreError::Away("another daemon holds it".to_owned()));
    }
    let row =
        answered(client.query_one("SELECT epoch FROM holder", &[])).await.map_err(|failed| failed.error)?;
    let found: i64 = row.try_get(0).map_err(|error| judge(&error))?;
    if found != before {
        return Ok(None);
    }
    let epoch = raise(&client).await?;
    Ok(Some((client, epoch)))
}

async fn lock(client: &Client) -> Result<bool, StoreError> {
    let row = answered(client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK])).await;
    row.map_err(|failed| failed.error)?.try_get(0).map_err(|error| judge(&error))
}

/// Raises the epoch, and ends the connections of whoever held the database before. Gives the epoch when they are gone.
async fn raise(client: &Client) -> Result<i64, StoreError> {
    let name = hostname::get().unwrap_or_default().to_string_lossy().into_owned();
    let sql = "INSERT INTO holder (epoch, name) VALUES (1, $1)
               ON CONFLICT (one) DO UPDATE SET epoch = holder.epoch + 1, name = $1 RETURNING epoch";
    let row = answered(client.query_one(sql, &[&name])).await.map_err(|failed| failed.error)?;
    let epoch = row.try_get(0).map_err(|error| judge(&error))?;
    let began = Instant::now();
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND usename = current_user AND application_name = $1
                 AND pid <> pg_backend_pid()";
    loop {
        let row = answered(client.query_one(sql, &[&APPLICATION])).await.map_err(|failed| failed.error)?;
        if row.try_get::<_, i64>(0).map_err(|error| judge(&error))? == 0 {
            return Ok(epoch);
        }
        if began.elapsed() >= PATIENCE {
            return Err(StoreError::Away("connections of another daemon do not end".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
