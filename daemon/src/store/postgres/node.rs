//! This daemon's place among those that work on a database, whatever becomes of machines and networks.
//!
//! Each daemon that works is a node: a row, from its start to its end, and an advisory lock with the number of that row, for
//! as long as one connection lasts. The lock is the node's lease on all that is its own: the server ends that connection when
//! nothing was heard on it for [`SILENCE`], so a node that died, hangs or is cut off loses it.
//!
//! Whoever finds the lock of a node free for a while ([`MISSED`]: after a restart of the server, all come back) takes it, and fences the node: marks its row, ends its connections, waits until they
//! are gone. A connection looks at its row before it is used. So nothing of a fenced node reaches the database any more,
//! without a look at each change; then its mail is taken over, and its row removed. A fenced node that wakes up finds that,
//! and ends, for the service manager to start it anew.
//!
//! Over all of them is one more lock: nodes share it, and whoever must be alone with the database, to move it or to bring its
//! schema forward, has it for himself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::fleet::Member;
use super::members::{self, Members};
use super::notices::{Notice, Notices};
use super::pool::{Connector, Pool};
use super::session::{answered, judge};
use super::{APPLICATION, migrate, unusable};
use crate::store::{OpenError, StoreError};

/// "FXPT": of the lock over all nodes, and the class of each one's own.
const LOCK: i64 = 0x4658_5054;
pub(super) const CLASS: i32 = 0x4658_5054;

/// How long a start waits for the server, and whoever fences a node for its connections to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a start waits for a lock before it says that it waits: the server needs a moment to notice that a program which
/// was killed is gone.
const GRACE: Duration = Duration::from_secs(3);

/// Between two tries to take a lock. Nobody lets the server wait for one, because a statement that waits keeps old rows from
/// being removed.
const PAUSE: Duration = Duration::from_millis(500);

/// So often a node looks at the others, which also keeps its lease.
const LOOK: Duration = Duration::from_secs(2);

/// So often what other nodes may have changed is read though nobody said that they did.
const POLL: Duration = Duration::from_secs(60);

/// The tables of which others are told.
const TOLD: [&str; 4] = ["account", "policy", "request", "oauth_grant"];

/// How long an answer to that look is waited for.
const LOOK_PATIENCE: Duration = Duration::from_secs(5);

/// So long a node without its lock may come back. With [`SILENCE`] it is the lease.
const MISSED: Duration = Duration::from_secs(5);

/// The server ends the connection with the lock after so long a silence.
const SILENCE: Duration = Duration::from_secs(12);

/// Between two tries while the server is away.
const AWAY: Duration = Duration::from_secs(1);

/// Beside others, or alone with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Beside,
    Alone,
}

/// This daemon's node; it ends with it.
pub(super) struct Node {
    server: String,
    since: SystemTime,
    members: watch::Receiver<Arc<Members>>,
    notices: Arc<Notices>,
    ended: watch::Receiver<Option<String>>,
    keeper: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Where the database is, and the pool for whoever works on it.
pub(super) struct Candidate {
    server: String,
    pool: Pool,
    member: Member,
    hold: Hold,
    notices: Arc<Notices>,
    client: Option<Client>,
}

impl Candidate {
    /// Connects, and looks whether the database is ours, of a version that this one knows, and sealed under a key that this
    /// machine has.
    pub(super) async fn new(server: &str, pool: Pool, member: Member, hold: Hold) -> Result<Self, OpenError> {
        let began = Instant::now();
        let mut told = false;
        let notices = Arc::new(Notices::default());
        let client = loop {
            match connect(pool.connector(), &notices).await {
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
        Ok(Self { server: server.to_owned(), pool, member, hold, notices, client: Some(client) })
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Becomes a node if that is possible now, or will be within [`GRACE`].
    pub(super) async fn now(&mut self) -> Result<Option<Node>, OpenError> {
        let began = Instant::now();
        loop {
            if let Some(node) = self.attempt().await? {
                return Ok(Some(node));
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

    /// Becomes a node as soon as that is possible, however long that is.
    pub(super) async fn later(&mut self) -> Result<Node, OpenError> {
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Some(node) = self.attempt().await? {
                return Ok(node);
            }
        }
    }

    /// `None`: somebody must be waited for, or the server is away.
    async fn attempt(&mut self) -> Result<Option<Node>, OpenError> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => match connect(self.pool.connector(), &self.notices).await {
                Ok(client) => client,
                Err(error) => return self.away(error).await.map(|()| None),
            },
        };
        // The schema is brought forward by one who is alone.
        let hold = match migrate::look(&client, &self.server).await? {
            steps if migrate::must_be_alone(steps) => Hold::Alone,
            _ => self.hold,
        };
        match lock(&client, hold).await {
            Ok(true) => {}
            Ok(false) => {
                self.client = Some(client);
                return Ok(None);
            }
            Err(error) => return self.away(error).await.map(|()| None),
        }
        migrate::migrate(&mut client, &self.server).await?;
        self.member.settle(&client, &self.server).await?;
        match self.enter(&client, hold).await {
            Ok((id, members)) => {
                self.pool.open(id);
                Ok(Some(self.begin(client, id, members)))
            }
            // The locks went with the connection.
            Err(error) => self.away(error).await.map(|()| None),
        }
    }

    /// What goes away comes back; all else is an error.
    async fn away(&self, error: StoreError) -> Result<(), OpenError> {
        match error {
            StoreError::Away(why) => {
                tracing::debug!(why, "the database server is away");
                tokio::time::sleep(AWAY).await;
                Ok(())
            }
            error => Err(unusable(&self.server, &error)),
        }
    }

    /// Makes the row and takes its lock; fences and succeeds whoever is dead. Who was alone only for the schema is so no longer.
    async fn enter(&self, client: &Client, hold: Hold) -> Result<(i64, Members), StoreError> {
        // The lock first: a row without it would be taken for a dead node's.
        let id = number(client, "SELECT nextval(pg_get_serial_sequence('faxpost.node', 'id'))").await?;
        if !own(client, id).await? {
            return Err(StoreError::Failed(format!("the lock of the new node {id} is taken")));
        }
        self.notices.are_of(id);
        let name = hostname::get().unwrap_or_default().to_string_lossy().into_owned();
        let place = machine(&self.member.state_dir);
        let sql = "INSERT INTO node (id, machine, place, version, known) VALUES ($1, $2, $3, $4, $5)";
        let version = env!("CARGO_PKG_VERSION");
        answered(client.execute(sql, &[&id, &name, &place, &version, &migrate::known()]))
            .await
            .map_err(|failed| failed.error)?;
        if hold != self.hold {
            lock(client, self.hold).await?;
            say(client, &format!("SELECT pg_advisory_unlock({LOCK})")).await?;
        }
        let before = members::read(client, id).await?;
        // Whoever begins here counts what it finds when it begins.
        let nothing = Notices::default();
        // Who is alone with the database knows that the others are dead; and whoever was in this state folder is, too.
        let is_dead = |node: &members::Member| self.hold == Hold::Alone || node.place == place;
        succeed(client, &before, is_dead, &nothing).await?;
        // What was there before there were nodes, or was moved here.
        take_orphans(client, id, None, &nothing).await?;
        let mut members = members::read(client, id).await?;
        members.first = before.all.len() == 1;
        Ok((id, members))
    }

    fn begin(&self, client: Client, id: i64, members: Members) -> Node {
        let (end, ended) = watch::channel(None);
        let (tell, told) = watch::channel(Arc::new(members));
        let keeper = Keeper {
            id,
            hold: self.hold,
            pool: self.pool.clone(),
            notices: self.notices.clone(),
            members: tell,
        };
        let keeper = tokio::spawn(async move {
            let why = keeper.keep(client).await;
            keeper.pool.close();
            tracing::error!(why, "the database cannot be worked on any more");
            end.send_replace(Some(why));
        });
        Node {
            server: self.server.clone(),
            since: SystemTime::now(),
            members: told,
            notices: self.notices.clone(),
            ended,
            keeper,
        }
    }
}

impl Node {
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// When it began.
    pub(super) fn since(&self) -> SystemTime {
        self.since
    }

    /// Who works on the database.
    pub(super) fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.members.clone()
    }

    /// What other nodes say.
    pub(super) fn notices(&self) -> &Notices {
        &self.notices
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

/// Watches over the locks, looks at the other nodes, and takes over from those that are dead.
struct Keeper {
    id: i64,
    hold: Hold,
    pool: Pool,
    notices: Arc<Notices>,
    members: watch::Sender<Arc<Members>>,
}

impl Keeper {
    /// Returns, with the reason, when this node was fenced.
    async fn keep(&self, mut client: Client) -> String {
        loop {
            let why = tokio::select! {
                why = self.lost(&client) => why,
                // What is in doubt is settled by ending the connections: under the same lock, if that still is.
                () = self.pool.doubted() => {
                    self.pool.close();
                    match end_connections(&client, self.id).await {
                        Ok(()) => {
                            self.pool.open(self.id);
                            continue;
                        }
                        Err(error) => error.to_string(),
                    }
                }
            };
            self.pool.close();
            drop(client);
            tracing::error!(
                why,
                "the hold on the database is lost; nothing is delivered, or accepted into it, until it is back"
            );
            client = loop {
                tokio::time::sleep(AWAY).await;
                match self.again().await {
                    Ok(Some(client)) => break client,
                    Ok(None) => return "another daemon has taken over the mail of this one".to_owned(),
                    Err(error) => tracing::debug!(%error, "the database is not held yet"),
                }
            };
            // What was said meanwhile was not heard.
            self.notices.put(Notice::Everything);
            tracing::info!("the database is held again");
        }
    }

    /// Returns when the connection is lost.
    async fn lost(&self, client: &Client) -> String {
        let (mut missed, mut polled): (HashMap<i64, Instant>, _) = (HashMap::new(), Instant::now());
        loop {
            // What was said is heard as long as this connection lasts; this is for what nobody thought of.
            if polled.elapsed() >= POLL {
                polled = Instant::now();
                TOLD.iter().for_each(|table| self.notices.put(Notice::Changed((*table).to_owned())));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.notices.members_changed() => {}
            }
            if client.is_closed() {
                return "its connection was closed".to_owned();
            }
            match tokio::time::timeout(LOOK_PATIENCE, members::read(client, self.id)).await {
                Ok(Ok(mut members)) => {
                    members.first = self.members.borrow().first;
                    let now = Instant::now();
                    missed.retain(|id, _| members.others().any(|node| node.id == *id && !node.is_alive));
                    for dead in members.others().filter(|node| !node.is_alive) {
                        missed.entry(dead.id).or_insert(now);
                    }
                    let is_dead = |node: &members::Member| {
                        missed.get(&node.id).is_some_and(|since| now.duration_since(*since) >= MISSED)
                    };
                    let succeeded = succeed(client, &members, is_dead, &self.notices).await;
                    let members = Arc::new(members);
                    self.members.send_if_modified(|known| {
                        let differs = known.all != members.all;
                        *known = members;
                        differs
                    });
                    if let Err(error) = succeeded {
                        return error.to_string();
                    }
                }
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the server does not answer".to_owned(),
            }
        }
    }

    /// Takes the locks again and opens the pool, unless this node was fenced meanwhile.
    async fn again(&self) -> Result<Option<Client>, StoreError> {
        let client = connect(self.pool.connector(), &self.notices).await?;
        let is_free = lock(&client, self.hold).await? && own(&client, self.id).await?;
        let sql = format!("SELECT count(*) FROM faxpost.node WHERE id = {} AND NOT fenced", self.id);
        if number(&client, &sql).await? == 0 {
            return Ok(None);
        }
        if !is_free {
            return Err(StoreError::Away("its lock is not free yet".to_owned()));
        }
        end_connections(&client, self.id).await?;
        self.pool.open(self.id);
        Ok(Some(client))
    }
}

/// A connection for the locks, which the server ends when it hears nothing on it, and which hears what other nodes say. It has
/// another name than those of the pool: whoever fences a node ends those.
async fn connect(connector: &Connector, notices: &Arc<Notices>) -> Result<Client, StoreError> {
    let client = connector.listen(&format!("{APPLICATION} (lock)"), notices.clone()).await?;
    let sql = format!("SET idle_session_timeout = {}; LISTEN faxpost", SILENCE.as_millis());
    match say(&client, &sql).await {
        Ok(()) => Ok(client),
        Err(StoreError::Failed(why)) if why.contains("idle_session_timeout") => {
            Err(StoreError::Failed("it is older than PostgreSQL 14, the oldest that can be used".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// The lock over all nodes.
async fn lock(client: &Client, hold: Hold) -> Result<bool, StoreError> {
    let shared = match hold {
        Hold::Beside => "_shared",
        Hold::Alone => "",
    };
    truth(client, &format!("SELECT pg_try_advisory_lock{shared}({LOCK})")).await
}

/// The lock of one node.
async fn own(client: &Client, node: i64) -> Result<bool, StoreError> {
    let node = i32::try_from(node).map_err(|_| StoreError::Failed("there were too many nodes".to_owned()))?;
    truth(client, &format!("SELECT pg_try_advisory_lock({CLASS}, {node})")).await
}

/// Takes over from nodes whose locks are free, and which are dead as far as one knows.
async fn succeed(
    client: &Client,
    members: &Members,
    is_dead: impl Fn(&members::Member) -> bool,
    notices: &Notices,
) -> Result<(), StoreError> {
    for dead in members.others().filter(|node| !node.is_alive && is_dead(node)) {
        if !own(client, dead.id).await? {
            continue;
        }
        tracing::warn!(node = dead.id, machine = dead.machine, "a daemon is gone; its mail is taken over");
        say(client, &format!("UPDATE node SET fenced = TRUE WHERE id = {}", dead.id)).await?;
        end_connections(client, dead.id).await?;
        take_orphans(client, members.me, Some(dead.id), notices).await?;
        say(client, &format!("SELECT pg_advisory_unlock({CLASS}, {})", dead.id)).await?;
    }
    Ok(())
}

/// Unfinished mail of no node becomes that of this one, together with the end of a dead one.
async fn take_orphans(
    client: &Client,
    me: i64,
    dead: Option<i64>,
    notices: &Notices,
) -> Result<(), StoreError> {
    say(client, "BEGIN").await?;
    let taken = async {
        if let Some(dead) = dead {
            say(client, &format!("DELETE FROM node WHERE id = {dead}")).await?;
        }
        let sql = "WITH taken AS (
                     UPDATE message SET node = $1
                     WHERE state IN (1, 3) AND node NOT IN (SELECT id FROM node) RETURNING caller_id, size)
                   SELECT caller_id, count(*), CAST(sum(size) AS BIGINT) FROM taken GROUP BY caller_id";
        let rows = answered(client.query(sql, &[&me])).await.map_err(|failed| failed.error)?;
        say(client, "COMMIT").await?;
        rows.iter()
            .map(|row| {
                let number = |at| row.try_get::<_, i64>(at).map_err(|error| judge(&error));
                let caller = row.try_get(0).map_err(|error| judge(&error))?;
                Ok(Notice::Given(caller, number(1)?.unsigned_abs(), number(2)?.unsigned_abs()))
            })
            .collect::<Result<Vec<_>, StoreError>>()
    };
    match taken.await {
        Ok(taken) => {
            taken.into_iter().for_each(|notice| notices.put(notice));
            Ok(())
        }
        Err(error) => {
            // Without an answer the connection is given up, and with it what it began.
            let _ = say(client, "ROLLBACK").await;
            Err(error)
        }
    }
}

/// Ends the connections of a node's pool, and returns when they are gone.
async fn end_connections(client: &Client, node: i64) -> Result<(), StoreError> {
    let began = Instant::now();
    let sql = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = current_user AND application_name = '{APPLICATION} {node}'
           AND pid <> pg_backend_pid()"
    );
    while number(client, &sql).await? > 0 {
        if began.elapsed() >= PATIENCE {
            return Err(StoreError::Away("connections of another daemon do not end".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn number(client: &Client, sql: &str) -> Result<i64, StoreError> {
    let row = answered(client.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
    row.try_get(0).map_err(|error| judge(&error))
}

async fn truth(client: &Client, sql: &str) -> Result<bool, StoreError> {
    let row = answered(client.query_one(sql, &[])).await.map_err(|failed| failed.error)?;
    row.try_get(0).map_err(|error| judge(&error))
}

async fn say(client: &Client, sql: &str) -> Result<(), StoreError> {
    answered(client.batch_execute(sql)).await.map_err(|failed| failed.error)
}

/// Where this machine keeps its state: with its name, what tells one machine of the fleet from another.
pub(super) fn machine(state_dir: &Path) -> String {
    let name = hostname::get().unwrap_or_default();
    PathBuf::from(name).join(state_dir.strip_prefix("/").unwrap_or(state_dir)).to_string_lossy().into_owned()
}
