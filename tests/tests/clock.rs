//! The outbox while the wall clock jumps: nothing is hurried, delayed or given up (requirement F3).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::accounts::{Method, Registry, Set};
use faxpostd::certs::{self, Machine};
use faxpostd::config::Config;
use faxpostd::log::Log;
use faxpostd::mailer::{DeliveryStatus, Mailer};
use faxpostd::message::Draft;
use faxpostd::oauth::Oauth;
use faxpostd::outbox::{Clock, Message, Outbox, Request, State};
use faxpostd::secrets::Vault;
use faxpostd::store::{Author, Store};
use tokio_util::sync::{CancellationToken, DropGuard};

const HOUR: i64 = 3_600_000;

/// An outbox whose wall clock goes as it is told.
struct Kit {
    outbox: Arc<Outbox>,
    store: Store,
    registry: Arc<Registry>,
    skew: Arc<AtomicI64>,
    running: CancellationToken,
    /// Ends it with the test.
    stop: DropGuard,
    folder: tempfile::TempDir,
}

impl Kit {
    async fn start(server: &SmtpServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = "[outbox]\nretry-seconds = [1]\ngive-up-hours = 2\nreport-expired = false";
        std::fs::write(folder.path().join("faxpostd.toml"), settings).unwrap();
        let kit = Self::open(folder, 0).await;
        let author = author();
        let row = kit.registry.get("default").unwrap();
        let sets = [
            Set::Method(Some(Method::SecureSmtpClient)),
            Set::Server("127.0.0.1".to_owned()),
            Set::Port(server.port().into()),
            Set::SenderEmail("fax@example.test".to_owned()),
        ];
        kit.registry.update("default", row.revision, &sets, true, &author, false).await.unwrap();
        kit.again(0).await
    }

    async fn open(folder: tempfile::TempDir, skew: i64) -> Self {
        let skew = Arc::new(AtomicI64::new(skew));
        let offset = skew.clone();
        let mut config = Config::load(folder.path(), "unused").unwrap();
        config.clock = Clock::with_wall(move || {
            jiff::Timestamp::now().as_millisecond() + offset.load(Ordering::Relaxed)
        });
        let store = Store::open(folder.path()).unwrap();
        let vault = Arc::new(Vault::open(folder.path()).unwrap());
        let machine = certs::machine_store(folder.path()).unwrap();
        let machine = Arc::new(Machine::new(machine, config.mailer.account.clone()));
        let registry = Registry::open(store.clone(), vault.clone(), machine.clone()).await.unwrap();
        let registry = Arc::new(registry);
        let (log, mailer) = (Log::new(store.clone()), Mailer::in_process());
        let oauth = Arc::new(Oauth::new(store.clone(), registry.clone(), vault, mailer.clone()));
        let outbox = Outbox::open(&config, store.clone(), registry.clone(), oauth, machine, log, mailer)
            .await
            .unwrap();
        let running = CancellationToken::new();
        let stop = running.clone().drop_guard();
        Self { outbox: Arc::new(outbox), store, registry, skew, running, stop, folder }
    }

    /// As after a restart, with the clock so far off.
    async fn again(self, skew: i64) -> Self {
        let Self { outbox, store, registry, stop, folder, .. } = self;
        drop((stop, outbox, store, registry));
        let kit = Self::open(folder, skew).await;
        tokio::spawn(kit.outbox.clone().run(kit.running.clone()));
        kit
    }

    fn jump(&self, by: i64) {
        self.skew.fetch_add(by, Ordering::Relaxed);
    }

    async fn send(&self) -> String {
        let draft = Draft { to: vec!["a@example.test".to_owned()], text: "x".to_owned(), ..Draft::default() };
        let request = Request {
            account: "default".to_owned(),
            draft,
            request_id: String::new(),
            caller: author(),
            not_before: None,
            delivery_status: DeliveryStatus::default(),
        };
        self.outbox.accept(request).await.unwrap().id
    }

    async fn until(&self, id: &str, done: impl Fn(&Message) -> bool) -> Message {
        let mut changes = self.outbox.watch();
        let waited = async {
            loop {
                let message = self.store.message(id.to_owned(), None).await.unwrap().unwrap();
                if done(&message) {
                    return message;
                }
                // Told too much? Then look all the same.
                let _ = changes.recv().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waited).await.expect("the message gets there")
    }
}

fn author() -> Author {
    Author { id: "uid:1".to_owned(), name: "one".to_owned() }
}

#[tokio::test]
async fn f3_a_clock_that_jumps_gives_up_nothing_and_delays_nothing() {
    for jump in [-365 * 24 * HOUR, -5 * HOUR, 5 * HOUR, 365 * 24 * HOUR] {
        let later = Fault::answer(451, "4.3.0 later");
        let server = SmtpServer::builder().fault_times(2, At::FinalDot, later).start().await;
        let kit = Kit::start(&server).await;
        let id = kit.send().await;
        kit.until(&id, |message| message.attempts == 1).await;
        kit.jump(jump);
        let end = kit.until(&id, |message| message.state.is_final()).await;
        assert_eq!((end.state, end.attempts), (State::Delivered, 3), "{jump}");
    }
}

#[tokio::test]
async fn f3_a_start_with_a_wrong_clock_gives_up_nothing_and_delays_nothing() {
    for skew in [-365 * 24 * HOUR, 365 * 24 * HOUR] {
        let later = Fault::answer(451, "4.3.0 later");
        let server = SmtpServer::builder().fault_times(3, At::FinalDot, later).start().await;
        let kit = Kit::start(&server).await;
        let id = kit.send().await;
        kit.until(&id, |message| message.attempts == 1).await;
        let kit = kit.again(skew).await;
        let end = kit.until(&id, |message| message.state.is_final()).await;
        assert_eq!(end.state, State::Delivered, "{skew}");
        assert!(end.attempts >= 3);
    }
}
