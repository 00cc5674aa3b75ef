//! The outbox while the wall clock jumps: nothing is hurried, delayed or given up (requirement F3).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use faxpost_tests::outbox::Parts;
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::clock::Clock;
use faxpostd::config::Config;
use faxpostd::mailer::Mailer;
use faxpostd::outbox::{Message, State};
use tokio_util::sync::{CancellationToken, DropGuard};

const HOUR: i64 = 3_600_000;

/// An outbox whose wall clock goes as it is told.
struct Kit {
    parts: Parts,
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
        kit.parts.send_to(server.port(), 4).await;
        kit.again(0).await
    }

    async fn open(folder: tempfile::TempDir, skew: i64) -> Self {
        let skew = Arc::new(AtomicI64::new(skew));
        let offset = skew.clone();
        let mut config = Config::load(folder.path(), "unused").unwrap();
        config.clock = Clock::with_wall(move || {
            jiff::Timestamp::now().as_millisecond() + offset.load(Ordering::Relaxed)
        });
        let parts = Parts::open(folder.path(), &config, Mailer::in_process()).await;
        let running = CancellationToken::new();
        let stop = running.clone().drop_guard();
        Self { parts, skew, running, stop, folder }
    }

    /// As after a restart, with the clock so far off.
    async fn again(self, skew: i64) -> Self {
        let Self { parts, stop, folder, .. } = self;
        drop((stop, parts));
        let kit = Self::open(folder, skew).await;
        tokio::spawn(kit.parts.outbox.clone().run(kit.running.clone()));
        kit
    }

    fn jump(&self, by: i64) {
        self.skew.fetch_add(by, Ordering::Relaxed);
    }

    async fn until(&self, id: &str, done: impl Fn(&Message) -> bool) -> Message {
        let mut changes = self.parts.outbox.watch();
        let waited = async {
            loop {
                let message = self.parts.store.message(id.to_owned(), None).await.unwrap().unwrap();
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

#[tokio::test]
async fn f3_a_clock_that_jumps_gives_up_nothing_and_delays_nothing() {
    for jump in [-365 * 24 * HOUR, -5 * HOUR, 5 * HOUR, 365 * 24 * HOUR] {
        let later = Fault::answer(451, "4.3.0 later");
        let server = SmtpServer::builder().fault_times(2, At::FinalDot, later).start().await;
        let kit = Kit::start(&server).await;
        let id = kit.parts.accept("x").await;
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
        let id = kit.parts.accept("x").await;
        kit.until(&id, |message| message.attempts == 1).await;
        let kit = kit.again(skew).await;
        let end = kit.until(&id, |message| message.state.is_final()).await;
        assert_eq!(end.state, State::Delivered, "{skew}");
        assert!(end.attempts >= 3);
    }
}
