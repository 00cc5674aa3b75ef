//! A call that may never end, on a thread of its own.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::time::timeout;

use super::super::places::{Place, Places};
use super::NAME;
use crate::mailer::{FailureKind, SmtpRoute};

/// Calls at once, those that hang among them.
const ALL: usize = 4;

/// The same with one server and login.
const EACH: usize = 2;

static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(ALL, EACH));

/// Calls that nobody waits for any more and that have not ended.
static HANGING: AtomicUsize = AtomicUsize::new(0);

/// No call can be made until one of those that hang ends.
pub(super) fn all_hang() -> bool {
    HANGING.load(Ordering::SeqCst) >= ALL
}

/// A call that may be made.
pub(super) struct Call(Place);

impl Call {
    /// Waits until one may be made; `None`: none might in all this time.
    pub(super) async fn begin(route: &SmtpRoute, patience: Duration) -> Option<Self> {
        PLACES.take(route, patience).await.map(Self)
    }

    /// Makes it. `Err`: it was not made, or did not end in time. Dropping the future leaves it to itself.
    pub(super) async fn make<T: Send + 'static>(
        self,
        call: impl FnOnce() -> T + Send + 'static,
        patience: Duration,
    ) -> Result<T, (FailureKind, String)> {
        let place = self.0;
        let (sender, result) = tokio::sync::oneshot::channel();
        let stage = Arc::new(AtomicU8::new(UNDER_WAY));
        let work = {
            let ended = Ended(stage.clone());
            move || {
                let result = call();
                drop(ended);
                // The job may have been cancelled.
                let _ = sender.send(result);
                drop(place);
            }
        };
        let named = std::thread::Builder::new().name("cdo".to_owned());
        if let Err(error) = named.spawn(work) {
            return Err((
                FailureKind::MailerFailed,
                format!("a thread for {NAME} cannot be started: {error}"),
            ));
        }
        let _waiting = Waiting(stage);
        match timeout(patience, result).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err((FailureKind::Uncertain, format!("{NAME} broke off"))),
            Err(_) => Err((
                FailureKind::Uncertain,
                format!("{NAME} did not end in time; whether the message went out is not known"),
            )),
        }
    }
}

const UNDER_WAY: u8 = 0;
const LEFT: u8 = 1;
const ENDED: u8 = 2;

/// In the thread: dropped when it ends, also by a panic.
struct Ended(Arc<AtomicU8>);

impl Drop for Ended {
    fn drop(&mut self) {
        if self.0.swap(ENDED, Ordering::SeqCst) == LEFT {
            HANGING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Whoever waits for it; dropped before the thread has ended, that one hangs.
struct Waiting(Arc<AtomicU8>);

impl Drop for Waiting {
    fn drop(&mut self) {
        // Before the swap: the thread may end between the two, and must find itself counted.
        HANGING.fetch_add(1, Ordering::SeqCst);
        if self.0.swap(LEFT, Ordering::SeqCst) == ENDED {
            HANGING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::super::tests::route;
    use super::*;

    /// One test, because what it counts is the process'.
    #[tokio::test]
    async fn a7_calls_that_hang_cost_their_messages_and_nobody_elses() {
        let soon = Duration::from_millis(50);
        let (servers, mut ends) = (["one.test", "two.test"], Vec::new());
        for server in servers.iter().cycle().take(ALL) {
            assert!(!all_hang());
            let (end, hangs) = mpsc::channel::<()>();
            ends.push(end);
            let call = Call::begin(&route(server), soon).await.unwrap();
            let (kind, text) = call.make(move || hangs.recv(), soon).await.unwrap_err();
            assert_eq!(kind, FailureKind::Uncertain, "{text}");
        }
        assert!(all_hang(), "a new process is wanted");
        assert!(Call::begin(&route("three.test"), soon).await.is_none(), "and this message waits");
        // One server lets go: there is room again, and nothing is worn out.
        drop(ends.pop());
        let call = Call::begin(&route("three.test"), Duration::from_secs(30)).await.unwrap();
        assert!(!all_hang());
        assert_eq!(call.make(|| 7, Duration::from_secs(30)).await, Ok(7));
        drop(ends);
        while HANGING.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(soon).await;
        }
    }
}
