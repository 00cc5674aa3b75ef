//! The privileged mail daemon of a fax system: everything but the process around it.
//!
//! [`run`] is also what the tests start. ARCHITECTURE.md tells what stands where.

pub mod accounts;
pub mod alarm;
pub mod api;
pub mod approvals;
pub mod audit;
pub mod caller;
pub mod certs;
pub mod clock;
pub mod config;
pub mod diagnose;
pub mod fleet;
#[cfg(test)]
mod fuzz;
pub mod ipc;
pub mod log;
pub mod mailer;
pub mod message;
pub mod migration;
pub mod oauth;
pub mod outbox;
mod pace;
pub mod policy;
pub mod secrets;
pub mod service;
mod state;
pub mod store;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::Stream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Host, Registry};
use crate::api::{App, Lookups, PolicyKeeper};
use crate::approvals::Desk;
use crate::audit::Audit;
use crate::certs::{Certificates, Machine, Requests};
use crate::config::Config;
use crate::ipc::{Conn, Door, HandedOver};
use crate::log::{Log, Retention};
use crate::mailer::Mailer;
use crate::oauth::Oauth;
use crate::outbox::{Outbox, Spool};
use crate::secrets::{FleetKey, Secret, Vault};
use crate::state::StateLock;
use crate::store::{Address, Connected, Heard, Store, StoreError};

/// How long a stop waits for calls under way. Longer than a delivery is waited for, so that those who watch one see it end.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// Between two looks at what was in doubt, while the store fails.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the daemon and the process around it have to do with each other.
pub struct Surroundings {
    /// Cancelled when the daemon is to stop.
    pub shutdown: CancellationToken,
    /// What the system already listens on for it; `None`: it opens its endpoint itself.
    pub listener: Option<HandedOver>,
    /// Called once, when it serves.
    pub ready: Box<dyn FnOnce() + Send>,
}

/// The way in, which may be open before the service is: a standby tells callers that it is one.
struct Way {
    listener: Option<HandedOver>,
    ready: Option<Box<dyn FnOnce() + Send>>,
    incoming: Option<Incoming>,
}

type Incoming = Pin<Box<dyn Stream<Item = io::Result<Conn>> + Send>>;

impl Way {
    /// The database of a server, as soon as this daemon holds it.
    async fn take(
        &mut self,
        config: &Config,
        address: &Address,
        password: Option<&Secret>,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Store> {
        let standby = match Store::connect(address, password, &config.state_dir, config.store.how()).await? {
            Connected::Held(store) => return Ok(store),
            Connected::Standby(standby) => standby,
        };
        tracing::warn!(
            endpoint = config.endpoint,
            "waiting: {address} is being moved, or daemons of an earlier version work on it; this one begins when that ends"
        );
        let mut incoming = self.open(config, shutdown).await?;
        // Whoever started this daemon need not wait longer.
        self.tell_ready();
        let (take, taken) = oneshot::channel();
        let waiting = async {
            let store = standby.wait().await;
            let _ = take.send(());
            store
        };
        let taken = async {
            let _ = taken.await;
        };
        let (store, served) = tokio::join!(waiting, api::standby(&mut incoming, taken));
        served.context("the standby cannot answer")?;
        tracing::warn!("the database is free: this daemon begins");
        self.incoming = Some(incoming);
        Ok(store?)
    }

    async fn open(&mut self, config: &Config, shutdown: &CancellationToken) -> anyhow::Result<Incoming> {
        if let Some(incoming) = self.incoming.take() {
            return Ok(incoming);
        }
        let door = match self.listener.take() {
            Some(listener) => Door::hand_over(listener, &config.endpoint, &config.limits)?,
            None => Door::open(&config.endpoint, &config.limits).await?,
        };
        Ok(Box::pin(door.incoming(shutdown.clone())))
    }

    fn tell_ready(&mut self) {
        if let Some(ready) = self.ready.take() {
            ready();
        }
    }
}

/// What remembers something of the store.
struct Followers {
    store: Store,
    registry: Arc<Registry>,
    policy: Arc<PolicyKeeper>,
    oauth: Arc<Oauth>,
    desk: Arc<Desk>,
    log: Log,
    outbox: Arc<Outbox>,
}

impl Followers {
    /// Follows the store: after changes of which it was not known whether they were made, and those of other daemons.
    async fn run(self, shutdown: CancellationToken) {
        let everything = || Heard { everything: true, ..Heard::default() };
        let (mut known, mut due) = (0, None);
        loop {
            let heard = match due.take() {
                Some(heard) => heard,
                None => {
                    let wanted = async {
                        tokio::select! {
                            () = self.store.settled(&mut known) => everything(),
                            heard = self.store.heard() => heard,
                        }
                    };
                    let Some(heard) = shutdown.run_until_cancelled(wanted).await else { return };
                    heard
                }
            };
            match shutdown.run_until_cancelled(self.follow(&heard)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::warn!(%error, "what changed in the store cannot be looked at yet");
                    due = Some(everything());
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                None => return,
            }
        }
    }

    async fn follow(&self, heard: &Heard) -> Result<(), StoreError> {
        let changed = |table| heard.everything || heard.tables.contains(table);
        if changed("account") {
            self.registry.read_again().await?;
        }
        if changed("policy") {
            self.policy.read_again().await?;
        }
        if changed("oauth_grant") {
            self.oauth.changed();
        }
        if changed("request") {
            self.desk.changed();
        }
        if heard.everything {
            self.log.read_again().await?;
        }
        if let Some(newest) = heard.log {
            self.log.heard(newest);
        }
        self.outbox.heard(heard).await
    }
}

/// Serves until `shutdown` is cancelled, on an endpoint of its own; see [`run_within`].
///
/// # Errors
/// See there.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    run_within(config, Surroundings { shutdown, listener: None, ready: Box::new(|| {}) }).await
}

/// Serves until it is told to stop; returns when calls and deliveries under way have ended.
///
/// # Errors
/// What keeps the daemon from starting, as a sentence that says what to do. The state is then as it was, or as a start leaves
/// it: of this version, tidied up after a crash, with the account `default`.
pub async fn run_within(config: Config, surroundings: Surroundings) -> anyhow::Result<()> {
    let Surroundings { shutdown, listener, ready } = surroundings;
    let started_at = jiff::Timestamp::now().as_millisecond();
    service::prepare_state_dir(&config.state_dir)?;
    service::private_folder(&Host::of(&config.state_dir).pickup)
        .context("the pickup folder cannot be made")?;
    let _lock = StateLock::take(&config.state_dir, &format!("serving {}", config.endpoint))?;
    let mut way = Way { listener, ready: Some(ready), incoming: None };
    let (store, vault) = match &config.store.address {
        None => {
            // The key first: a look at it changes nothing, while opening the database brings in what a crash left.
            let vault = Vault::open(&config.state_dir)?;
            (Store::open(&config.state_dir)?, vault)
        }
        Some(address) => {
            let password = config.store.password()?;
            let stopped = shutdown.clone();
            let taking = way.take(&config, address, password.as_ref(), &shutdown);
            match stopped.run_until_cancelled(taking).await {
                Some(store) => {
                    let store = store?;
                    let key = FleetKey::open(&config.state_dir)?;
                    (store, key.context("the key of the database was removed just now; start again")?.vault())
                }
                None => return Ok(()),
            }
        }
    };
    store.admit(config.store.reclaim).await?;
    // Before anything is counted or delivered; what must wait is handed over later.
    if let (_, Err(error)) = store.hand_over(&Spool::open(&config.state_dir)?).await {
        tracing::warn!(%error, "mail that was kept cannot be handed over yet");
    }
    let vault = Arc::new(vault);
    let mailer = Mailer::new(config.mailer.account.as_deref(), &config.state_dir)?;
    for row in accounts::capabilities() {
        if let Some(why) = &row.unavailable {
            tracing::debug!("the method {} is not available: {why}", row.method.as_str());
        }
    }
    let machine_store = certs::machine_store(&config.state_dir)
        .context("the machine's certificate store cannot be opened")?;
    let machine = Arc::new(Machine::new(machine_store, Some(mailer.account().id)));
    let registry = Registry::open(store.clone(), vault.clone(), machine.clone()).await;
    let registry = Arc::new(registry.context("the accounts cannot be read")?);
    let requests = Requests::of(&config.state_dir);
    let certificates =
        Certificates::new(machine.clone(), registry.clone(), requests, Host::of(&config.state_dir).name);
    let certificates = Arc::new(certificates);
    let policy = PolicyKeeper::open(store.clone()).await.context("the policy cannot be read")?;
    let policy = Arc::new(policy.with_service_account(&mailer.account()));
    let audit = Arc::new(Audit::new(store.clone()));
    let life = Duration::from_secs(u64::from(config.approvals.expire_hours) * 3600);
    let desk = Desk::open(store.clone(), vault.clone(), certificates.clone(), life).await;
    let (desk, interrupted) = desk.context("the requests cannot be read")?;
    for request in &interrupted {
        tracing::warn!(
            request = request.number,
            "a request was being carried out when the daemon was stopped"
        );
        audit.record(api::carried_out(request)).await;
    }
    let desk = Arc::new(desk);
    let log = Log::new(store.clone());
    let oauth = Arc::new(Oauth::new(store.clone(), registry.clone(), vault, mailer.clone()));
    let outbox = Outbox::open(
        &config,
        store.clone(),
        registry.clone(),
        oauth.clone(),
        machine,
        log.clone(),
        mailer.clone(),
    );
    let outbox = outbox.await;
    let outbox = Arc::new(outbox.context("the outbox cannot be read")?);
    let incoming = way.open(&config, &shutdown).await?;

    let deliveries = tokio::spawn(outbox.clone().run(shutdown.clone()));
    let grants = tokio::spawn(oauth.clone().run(shutdown.clone()));
    let retention = tokio::spawn(Retention::new(&config.log, store.clone()).run(shutdown.clone()));
    let followers = Followers {
        store: store.clone(),
        registry: registry.clone(),
        policy: policy.clone(),
        oauth: oauth.clone(),
        desk: desk.clone(),
        log: log.clone(),
        outbox: outbox.clone(),
    };
    let following = tokio::spawn(followers.run(shutdown.clone()));
    let handing = tokio::spawn(outbox.clone().hand_over_kept(shutdown.clone()));
    let expiry = tokio::spawn(desk.clone().run(shutdown.clone()));
    let auditing = tokio::spawn({
        let (audit, shutdown) = (audit.clone(), shutdown.clone());
        async move { audit.run(shutdown).await }
    });
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        endpoint = config.endpoint,
        state = %config.state_dir.display(),
        store = store.place(),
        "ready"
    );
    way.tell_ready();
    let app = App {
        config,
        store: store.clone(),
        registry,
        oauth,
        certificates,
        outbox,
        log,
        mailer: mailer.clone(),
        policy,
        lookups: Lookups::default(),
        desk,
        audit,
        started_at,
        stopping: shutdown.clone(),
    };
    let mut lost = None;
    let served = tokio::select! {
        served = api::serve(Arc::new(app), incoming) => served,
        // A peer that takes no answer must not hold up the stop.
        () = async { shutdown.cancelled().await; tokio::time::sleep(STOP_GRACE).await } => {
            tracing::warn!("calls under way were cut off by the stop");
            Ok(())
        }
        // What this daemon remembers of the store is old: started anew, it reads it.
        why = store.ended() => {
            lost = Some(why);
            Ok(())
        }
    };
    // If serving ended by itself, the rest ends with it.
    shutdown.cancel();
    deliveries.await.context("the outbox failed")?;
    grants.await.context("the care for sign-ins failed")?;
    retention.await.context("the retention failed")?;
    following.await.context("following the store failed")?;
    handing.await.context("handing over kept mail failed")?;
    expiry.await.context("the requests failed")?;
    auditing.await.context("the audit log failed")?;
    mailer.stop().await;
    tracing::info!("stopped");
    if let Some(why) = lost {
        anyhow::bail!("the store was lost: {why}; start the daemon again");
    }
    served.context("the daemon cannot serve its endpoint")
}
