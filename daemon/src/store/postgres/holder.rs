//! One daemon at a time works on a database, whatever becomes of machines and networks.
//!
//! Who holds it has an advisory lock, for as long as one connection lasts, and an epoch. Taking it raises the epoch, ends
//! the connections of whoever had it before, and waits until they are gone; a connection that is made later looks at the
//! epoch first. So a daemon that was paused or cut off finds its connections ended, and can't make new ones: nothing of it
//! reaches the database any more, without a look at each change. The server itself ends the connection with the lock when
//! nothing was heard on it for [`SILENCE`]: a daemon that hangs does not keep the others waiting.
//!
//! Whoever finds the lock taken is a standby, and tries again until it is free. When the connection with the lock is lost,
//! nothing is read or written until the lock is taken again. If another daemon took the database meanwhile, what this one
//! remembers of it is old: it ends, for the service manager to start it anew, as a standby then.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::fleet::Member;
use super::pool::{Connector, Pool};
use super::session::{answered, judge};
use super::{APPLICATION, migrate, unusable};
use crate::store::{OpenError, StoreError};

/// "FXPT": of the lock, within the database.
const LOCK: i64 = 0x4658_5054;

/// How long a start waits for the server, and a new holder for the connections of the last one to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a start waits for the lock before it calls itself a standby: the server needs a moment to notice that a daemon
/// which was killed is gone.
const GRACE: Duration = Duration::from_secs(3);

/// Between two tries to take the lock, and two looks whether the connection is still there. A standby asks that often and no
/// more; it does not let the server wait for the lock, because a statement that waits keeps old rows from being removed.
const PAUSE: Duration = Duration::from_millis(500);

/// So often the connection with the lock is used: a firewall that forgets idle connections must not take it.
const LOOK: Duration = Duration::from_secs(5);

/// The server ends the connection with the lock after so long a silence.
const SILENCE: Duration = Duration::from_secs(30);

/// Between two tries while the server is away.
const AWAY: Duration = Duration::from_secs(1);

/// This daemon's hold on the database; it ends with it.
pub(super) struct Holder {
    server: String,
    since: SystemTime,
    ended: watch::Receiver<Option<String>>,
    keeper: JoinHandle<()>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Where the database is, and the pool for whoever holds it.
pub(super) struct Candidate {
    server: String,
    pool: Pool,
    member: Member,
    client: Option<Client>,
    /// The machine of the daemon that holds it.
    ahead: String,
}

impl Candidate {
    /// Connects, and looks whether the database is ours, of a version that this one knows, and sealed under a key that this
    /// machine has.
    pub(super) async fn new(server: &str, pool: Pool, member: Member) -> Result<Self, OpenError> {
        let began = Instant::now();
        let mut told = false;
        let client = loop {
            match connect(pool.connector()).await {
                Ok(client) => break client,
                Err(StoreError::Away(why)) if began.elapsed() < PATIENCE => {
                    if !told {
                        tracing::warn!(why, "the database server is away; it is waited for");
                        told = true;
                    }
                    tokio::time::sleep(AWAY).await;
                }
                Err(error) => return Err(unusable(server, &error)),
            }
        };
        member.look(&client, server).await?;
        Ok(Self { server: server.to_owned(), pool, member, client: Some(client), ahead: String::new() })
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The machine of the daemon that holds the database.
    pub(super) fn ahead(&self) -> &str {
        &self.ahead
    }

    /// Takes the database if it is free, or will be within [`GRACE`].
    pub(super) async fn now(&mut self) -> Result<Option<Holder>, OpenError> {
        let began = Instant::now();
        loop {
            if let Some(holder) = self.attempt().await? {
                return Ok(Some(holder));
            }
            if began.elapsed() >= GRACE {
                // Whoever has the lock may have made the key since; without it nobody needs to wait.
                if let Some(client) = &self.client {
                    self.member.look(client, &self.server).await?;
                }
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes the database as soon as it is free, however long that is.
    pub(super) async fn later(&mut self) -> Result<Holder, OpenError> {
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Some(holder) = self.attempt().await? {
                return Ok(holder);
            }
        }
    }

    /// `None`: another daemon holds it, or the server is away.
    async fn attempt(&mut self) -> Result<Option<Holder>, OpenError> {
        match self.try_lock().await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(StoreError::Away(why)) => {
                tracing::debug!(why, "the database server is away");
                self.client = None;
                tokio::time::sleep(AWAY).await;
                return Ok(None);
            }
            Err(error) => return Err(unusable(&self.server, &error)),
        }
        let Some(mut client) = self.client.take() else { return Ok(None) };
        migrate::migrate(&mut client, &self.server).await?;
        self.member.settle(&client, &self.server).await?;
        let owner = uuid::Uuid::new_v4().to_string();
        match raise(&client, &owner).await {
            Ok(epoch) => {
                self.pool.open(epoch);
                Ok(Some(Holder::begin(&self.server, client, owner, self.pool.clone())))
            }
            // The lock went with the connection.
            Err(StoreError::Away(why)) => {
                tracing::warn!(why, "the database could not be taken; it is tried again");
                Ok(None)
            }
            Err(error) => Err(unusable(&self.server, &error)),
        }
    }

    async fn try_lock(&mut self) -> Result<bool, StoreError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => connect(self.pool.connector()).await?,
        };
        let locked = lock(&client).await?;
        if !locked {
            self.ahead = ahead(&client).await?;
        }
        self.client = Some(client);
        Ok(locked)
    }
}

impl Holder {
    fn begin(server: &str, client: Client, owner: String, pool: Pool) -> Self {
        let (end, ended) = watch::channel(None);
        let keeper = tokio::spawn(async move {
            let why = keep(client, &owner, &pool).await;
            pool.open(0);
            tracing::error!(why, "the database cannot be worked on any more");
            end.send_replace(Some(why));
        });
        Self { server: server.to_owned(), since: SystemTime::now(), ended, keeper }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// When this daemon took it.
    pub(super) fn since(&self) -> SystemTime {
        self.since
    }

    /// Resolves when the database can't be worked on any more, with the reason.
    pub(super) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        let why = ended.wait_for(Option::is_some).await.map(|why| why.clone().unwrap_or_default());
        match why {
            Ok(why) => why,
            // The keeper was told to end: so was everybody.
            Err(_) => std::future::pending().await,
        }
    }
}

/// A connection for the lock, which the server ends when it hears nothing on it. It has another name than those of the pool:
/// whoever takes the database ends those, and not the ones of standbys.
async fn connect(connector: &Connector) -> Result<Client, StoreError> {
    let client = connector.connect(&format!("{APPLICATION} (lock)")).await?;
    let sql = format!("SET idle_session_timeout = {}", SILENCE.as_millis());
    match answered(client.batch_execute(&sql)).await.map_err(|failed| failed.error) {
        Ok(()) => Ok(client),
        Err(StoreError::Failed(why)) if why.contains("idle_session_timeout") => {
            Err(StoreError::Failed("it is older than PostgreSQL 14, the oldest that can be used".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// Watches over the lock, and takes it again; returns, with the reason, when another daemon had it.
async fn keep(mut client: Client, owner: &str, pool: &Pool) -> String {
    loop {
        let why = tokio::select! {
            why = lost(&client) => why,
            // What is in doubt is settled by ending the connections: under the same lock, if that still is.
            () = pool.doubted() => {
                pool.open(0);
                match raise(&client, owner).await {
                    Ok(epoch) => {
                        pool.open(epoch);
                        continue;
                    }
                    Err(error) => error.to_string(),
                }
            }
        };
        pool.open(0);
        drop(client);
        tracing::error!(
            why,
            "the hold on the database is lost; nothing is accepted or delivered until it is back"
        );
        client = loop {
            tokio::time::sleep(AWAY).await;
            match again(owner, pool).await {
                Ok(Some(client)) => break client,
                Ok(None) => return "another daemon has taken the database".to_owned(),
                Err(error) => tracing::debug!(%error, "the database is not held yet"),
            }
        };
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

/// Takes the database again and opens the pool, unless another daemon had it meanwhile.
async fn again(owner: &str, pool: &Pool) -> Result<Option<Client>, StoreError> {
    let client = connect(pool.connector()).await?;
    let locked = lock(&client).await?;
    let row = answered(client.query_one("SELECT owner FROM faxpost.holder", &[])).await;
    let last: String = row.map_err(|failed| failed.error)?.try_get(0).map_err(|error| judge(&error))?;
    if last != owner {
        return Ok(None);
    }
    if !locked {
        return Err(StoreError::Away("its lock is not free yet".to_owned()));
    }
    pool.open(raise(&client, owner).await?);
    Ok(Some(client))
}

/// The machine of the daemon that holds the database, or held it last; empty: it is not known.
async fn ahead(client: &Client) -> Result<String, StoreError> {
    let there = answered(client.query_one("SELECT to_regclass('faxpost.holder') IS NOT NULL", &[])).await;
    if !there.map_err(|failed| failed.error)?.try_get(0).map_err(|error| judge(&error))? {
        return Ok(String::new());
    }
    let row = answered(client.query_opt("SELECT name FROM faxpost.holder", &[])).await;
    let row = row.map_err(|failed| failed.error)?;
    row.map_or(Ok(String::new()), |row| row.try_get(0).map_err(|error| judge(&error)))
}

async fn lock(client: &Client) -> Result<bool, StoreError> {
    let row = answered(client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK])).await;
    row.map_err(|failed| failed.error)?.try_get(0).map_err(|error| judge(&error))
}

/// Raises the epoch, and ends the connections of whoever held the database before. Gives the epoch when they are gone.
async fn raise(client: &Client, owner: &str) -> Result<i64, StoreError> {
    let name = hostname::get().unwrap_or_default().to_string_lossy().into_owned();
    let sql = "INSERT INTO holder (epoch, owner, name) VALUES (1, $1, $2)
               ON CONFLICT (one) DO UPDATE SET epoch = holder.epoch + 1, owner = $1, name = $2 RETURNING epoch";
    let row = answered(client.query_one(sql, &[&owner, &name])).await.map_err(|failed| failed.error)?;
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
