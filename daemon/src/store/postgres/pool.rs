//! A few connections, made when they are needed. One that is broken is closed, never given out again.

use std::error::Error as _;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_postgres::{AsyncMessage, Client, Config};

use super::notices::Notices;
use super::session::{Session, answered, judge};
use super::tls::Tls;
use super::{APPLICATION, Address};
use crate::store::{OpenError, StoreError};

/// Connections at most. PostgreSQL commits together what they bring at the same time.
const CONNECTIONS: usize = 8;

/// How long a free connection is waited for. Callers must hear of a server that hangs before they give up themselves.
const PATIENCE: Duration = Duration::from_secs(10);

/// After a failed connection nobody tries another one for so long: a server that is away is not run against.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: Tls,
}

impl Connector {
    pub(super) async fn new(address: &Address, password: Option<&str>) -> Result<Self, OpenError> {
        let unusable = |why: String| OpenError::Server { server: address.to_string(), why };
        let authority = address.authority.clone();
        let tls = tokio::task::spawn_blocking(move || Tls::new(authority.as_deref())).await;
        let tls = tls.map_err(|error| unusable(error.to_string()))?.map_err(unusable)?;
        Ok(Self { config: address.config(password), tls })
    }

    /// A connection under the name `application`.
    pub(super) async fn connect(&self, application: &str) -> Result<Client, StoreError> {
        let mut config = self.config.clone();
        config.application_name(application);
        let (client, connection) = config.connect(self.tls.clone()).await.map_err(|error| refused(&error))?;
        // Ends with its client, or with the server; the client then says why.
        tokio::spawn(connection);
        Ok(client)
    }

    /// As [`Self::connect`]; what the server notifies of goes to `notices`.
    pub(super) async fn listen(
        &self,
        application: &str,
        notices: Arc<Notices>,
    ) -> Result<Client, StoreError> {
        let mut config = self.config.clone();
        config.application_name(application);
        let (client, mut connection) =
            config.connect(self.tls.clone()).await.map_err(|error| refused(&error))?;
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(said) = message {
                    notices.hear(said.payload());
                }
            }
        });
        Ok(client)
    }
}

/// As [`judge`], of a connection: a server that is not who it should be does not become so by waiting.
fn refused(error: &tokio_postgres::Error) -> StoreError {
    let invalid = |error: &(dyn std::error::Error + 'static)| {
        // What rustls has against a certificate.
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        kind == Some(std::io::ErrorKind::InvalidData) || error.to_string() == "server does not support TLS"
    };
    match judge(error) {
        StoreError::Away(why) if error.source().is_some_and(invalid) => StoreError::Failed(why),
        judged => judged,
    }
}

#[derive(Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    connector: Connector,
    idle: Mutex<Vec<Session>>,
    places: Arc<Semaphore>,
    /// This daemon's number among those that work on the database; 0: it holds nothing, and nothing may be read or written.
    node: AtomicI64,
    /// Grows each time that the pool is opened or closed: connections from before are not used again.
    epoch: AtomicI64,
    /// Where the node is, as rows name it.
    machine: String,
    /// When a connection failed, and why.
    failed: Mutex<Option<(Instant, StoreError)>>,
    /// A change was not answered since the pool was opened.
    in_doubt: AtomicBool,
    doubted: Notify,
    /// How often changes in doubt were settled, one way or the other: what the store has now, it has.
    settled: watch::Sender<u64>,
}

impl Pool {
    pub(super) fn new(connector: Connector, machine: String) -> Self {
        let (idle, places) = (Mutex::default(), Arc::new(Semaphore::new(CONNECTIONS)));
        let shared = Shared {
            connector,
            idle,
            places,
            node: AtomicI64::new(0),
            epoch: AtomicI64::new(0),
            machine,
            failed: Mutex::default(),
            in_doubt: AtomicBool::new(false),
            doubted: Notify::new(),
            settled: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.shared.connector
    }

    /// Opens the pool for a node whose earlier connections are gone.
    pub(super) fn open(&self, node: i64) {
        self.set(node);
        // Nothing of what was in doubt can still happen.
        if self.shared.in_doubt.swap(false, Ordering::SeqCst) {
            self.shared.settled.send_modify(|settled| *settled += 1);
        }
    }

    /// Nothing is read or written until it is opened again.
    pub(super) fn close(&self) {
        self.set(0);
    }

    fn set(&self, node: i64) {
        self.shared.node.store(node, Ordering::SeqCst);
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        lock(&self.shared.idle).clear();
        *lock(&self.shared.failed) = None;
    }

    /// Of the connections that are given out now.
    pub(super) fn node(&self) -> i64 {
        self.shared.node.load(Ordering::SeqCst)
    }

    /// Looks at the result of a change. One that was not answered may still be made, until its connection is ended.
    pub(super) fn noted<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(result, Err(StoreError::Unknown(_))) {
            self.shared.in_doubt.store(true, Ordering::SeqCst);
            self.shared.doubted.notify_one();
        }
        result
    }

    /// Resolves when a change was not answered.
    pub(super) async fn doubted(&self) {
        while !self.shared.in_doubt.load(Ordering::SeqCst) {
            self.shared.doubted.notified().await;
        }
    }

    /// How often changes in doubt were settled so far.
    pub(super) fn settled(&self) -> watch::Receiver<u64> {
        self.shared.settled.subscribe()
    }

    /// A connection; made now if none is idle.
    pub(super) async fn take(&self) -> Result<Taken, StoreError> {
        let waited = tokio::time::timeout(PATIENCE, self.shared.places.clone().acquire_owned()).await;
        let place = waited
            .map_err(|_| StoreError::Away("all connections to it are busy, and none became free".to_owned()))?
            .map_err(|closed| StoreError::Failed(closed.to_string()))?;
        let epoch = self.shared.epoch.load(Ordering::SeqCst);
        let node = self.node();
        if node == 0 {
            let why = "this daemon does not hold the database now; it tries to take it again";
            return Err(StoreError::Away(why.to_owned()));
        }
        let idle = || lock(&self.shared.idle).pop();
        while let Some(session) = idle() {
            if !session.client().is_closed() && session.epoch == epoch {
                return Ok(self.taken(session, place));
            }
        }
        if let Some((at, why)) = &*lock(&self.shared.failed)
            && at.elapsed() < PAUSE
        {
            return Err(why.clone());
        }
        match self.connect(node, epoch).await {
            Ok(session) => Ok(self.taken(session, place)),
            Err(error) => {
                *lock(&self.shared.failed) = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// A connection with a transaction begun. One that broke while it was idle shows here, before anything was done.
    pub(super) async fn begin(&self) -> Result<Taken, StoreError> {
        loop {
            let taken = self.take().await?;
            match taken.session().say("BEGIN").await {
                Ok(()) => return Ok(taken),
                Err(error) if taken.is_new => return Err(error),
                Err(_) => {}
            }
        }
    }

    async fn connect(&self, node: i64, epoch: i64) -> Result<Session, StoreError> {
        let client = self.shared.connector.connect(&format!("{APPLICATION} {node}")).await?;
        // Whoever fenced this node has ended the connections that he saw; this one he may not have seen. And rows that are
        // inserted here are this node's.
        let sql = "SELECT set_config('faxpost.node', CAST(id AS TEXT), FALSE), set_config('faxpost.machine', $2, FALSE)
                   FROM faxpost.node WHERE id = $1 AND NOT fenced";
        let row = answered(client.query_opt(sql, &[&node, &self.shared.machine])).await;
        match row.map_err(|failed| failed.error)? {
            Some(_) => Ok(Session::new(client, epoch, node)),
            None => Err(StoreError::Away("another daemon has taken over from this one".to_owned())),
        }
    }

    fn taken(&self, session: Session, place: OwnedSemaphorePermit) -> Taken {
        let is_new = session.is_new();
        Taken { session, is_new, pool: self.clone(), _place: place }
    }
}

/// A connection of the pool. It is closed unless it is given back.
pub(super) struct Taken {
    session: Session,
    is_new: bool,
    pool: Pool,
    _place: OwnedSemaphorePermit,
}

impl Taken {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn give_back(self) {
        let Self { session, pool, .. } = self;
        if !session.client().is_closed() && session.epoch == pool.shared.epoch.load(Ordering::SeqCst) {
            session.used();
            lock(&pool.shared.idle).push(session);
        }
    }
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
