//! The door: listens, finds out who is there before the first request is parsed, and bounds what a caller can hold.
//!
//! The accept loop does nothing that can wait for a peer: it takes the connection, counts it for its caller, and hands
//! it to a task that finds out the rest. A connection that says nothing costs its own caller a place, and nobody else.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::caller::Caller;
use crate::config::Limits;

mod budget;
mod quota;
mod stream;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as platform;

pub use budget::{Budget, Charge};
pub use platform::HandedOver;
pub use stream::Conn;

use quota::{Claim, Gate, Slot};

/// Identified connections that wait to be served. The server takes them as fast as it can poll, so this only evens out.
const HANDOVER: usize = 64;

/// After a failed accept. Without a pause a lack of descriptors would turn the loop into a busy one; the connections
/// wait meanwhile in the system's queue.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Names are looked up by calls that block, sometimes over a network. So many may do so at once.
const LOOKUPS: usize = 16;

/// How long a caller is kept waiting for his names before he is served without them: shorter than the patience with a
/// silent peer, so that a dead directory server takes names away and not the service.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(3);

/// Between two lines in the log about the same trouble: a flood must not fill the disk.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// What the door knows about a connection; tonic hands it to every request as its connect info.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who is there; `None`: the system would not say. Then every call is UNAUTHENTICATED.
    pub caller: Option<Arc<Caller>>,
    /// The caller has more connections open than he may: every call is RESOURCE_EXHAUSTED.
    pub over_limit: bool,
    /// Slots for calls under way, shared by all connections of this caller.
    pub calls: Arc<Semaphore>,
    /// What the bytes of his requests are taken from.
    pub budget: Budget,
    /// The process that connected, for people: its number may be another's by now.
    pub process: Option<u32>,
    request_seen: Arc<AtomicBool>,
}

impl Peer {
    /// A peer that has not said anything yet.
    pub fn new(
        caller: Option<Arc<Caller>>,
        over_limit: bool,
        calls: Arc<Semaphore>,
        budget: Budget,
        process: Option<u32>,
    ) -> Self {
        Self { caller, over_limit, calls, budget, process, request_seen: Arc::default() }
    }

    /// Tells the door that a whole request arrived: the connection is no longer a silent one.
    pub fn request_seen(&self) {
        self.request_seen.store(true, Ordering::Relaxed);
    }

    fn was_request_seen(&self) -> bool {
        self.request_seen.load(Ordering::Relaxed)
    }
}

/// Why the daemon cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon is there.
    #[error("{endpoint} is already served by {}", holder(*.pid))]
    Held {
        /// The endpoint.
        endpoint: String,
        /// The other's process, when the system tells.
        pid: Option<u32>,
    },
    /// The endpoint is not one that this system can have.
    #[error("{endpoint} cannot be an endpoint: {why}")]
    Unusable {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with it.
        why: String,
    },
    /// The folder of the socket is missing and cannot be made, or cannot be written.
    #[error("cannot use the folder {} for the socket", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        #[source]
        /// What the system said.
        source: io::Error,
    },
    /// Anything else that the system refused.
    #[error("cannot listen on {endpoint}")]
    System {
        /// The endpoint.
        endpoint: String,
        #[source]
        /// What the system said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// The open door: nobody has been let in yet.
pub struct Door {
    listener: platform::Listener,
    gate: Arc<Gate>,
    patience: Duration,
}

impl Door {
    /// Begins to listen at `endpoint`: a socket's path, or a pipe's name.
    ///
    /// # Errors
    /// Somebody else is there, or the endpoint cannot be used; see [`OpenError`].
    pub async fn open(endpoint: &str, limits: &Limits) -> Result<Self, OpenError> {
        Ok(Self::before(platform::Listener::open(endpoint).await?, limits))
    }

    /// Takes over what the system already listens on, if that is `endpoint`.
    ///
    /// # Errors
    /// It is something else; see [`OpenError`].
    pub fn hand_over(listener: HandedOver, endpoint: &str, limits: &Limits) -> Result<Self, OpenError> {
        Ok(Self::before(platform::Listener::hand_over(listener, endpoint)?, limits))
    }

    fn before(listener: platform::Listener, limits: &Limits) -> Self {
        Self { listener, gate: Gate::new(limits), patience: Duration::from_secs(limits.patience_seconds) }
    }

    /// Who may connect, as the system itself has it: the pipe's security descriptor (SDDL), or the socket's mode.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn access(&self) -> io::Result<String> {
        self.listener.access()
    }

    /// The connections, each with its caller. Ends some moments after `shutdown`, when the endpoint is free again; what
    /// was let in by then stays open. Nobody is let in any more when the stream is dropped.
    pub fn incoming(
        self,
        shutdown: CancellationToken,
    ) -> impl Stream<Item = io::Result<Conn>> + Send + 'static {
        let (out, connections) = mpsc::channel(HANDOVER);
        tokio::spawn(self.accept(out, shutdown));
        ReceiverStream::new(connections)
    }

    async fn accept(mut self, out: mpsc::Sender<io::Result<Conn>>, shutdown: CancellationToken) {
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        let (mut failures, mut refusals) = (Seldom::default(), Seldom::default());
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                () = out.closed() => break,
                accepted = self.listener.accept() => accepted,
            };
            // The claim is known at once and without asking anybody, so that a flood is turned away cheaply.
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    failures.say(|more| tracing::warn!(%error, more, "cannot accept a connection; going on"));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let claim = platform::claim(&stream);
            let Some(slot) = self.gate.admit(&claim) else {
                refusals
                    .say(|more| tracing::warn!(caller = claim.id, more, "too many connections; closed one"));
                continue;
            };
            let newcomer = Newcomer {
                stream,
                claim,
                slot,
                gate: Arc::clone(&self.gate),
                lookups: Arc::clone(&lookups),
                deadline: Instant::now() + self.patience,
            };
            let (out, shutdown) = (out.clone(), shutdown.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = newcomer.introduce(out) => {}
                }
            });
        }
        // In this order: when the stream ends, the endpoint is free.
        drop(self.listener);
        drop(out);
    }
}

/// A connection that was let in, and whose caller is being found out.
struct Newcomer {
    stream: platform::Stream,
    claim: Claim,
    slot: Slot,
    gate: Arc<Gate>,
    lookups: Arc<Semaphore>,
    deadline: Instant,
}

impl Newcomer {
    async fn introduce(mut self, out: mpsc::Sender<io::Result<Conn>>) {
        let identify = platform::identify(&mut self.stream, &self.claim, &self.lookups);
        let identity = match tokio::time::timeout_at(self.deadline, identify).await {
            Ok(Ok(identity)) => identity,
            Ok(Err(error)) => {
                return tracing::debug!(caller = self.claim.id, %error, "closed before a request");
            }
            Err(_) => return tracing::debug!(caller = self.claim.id, "closed: it said nothing"),
        };
        if identity.claim != self.claim {
            // Counted for somebody else so far: the system knows better now.
            let Some(slot) = self.gate.admit(&identity.claim) else { return };
            self.slot = slot;
        }
        let process = platform::process(&self.stream);
        let Slot { over_limit, calls, budget, .. } = &self.slot;
        let caller = identity.caller.map(Arc::new);
        let peer = Peer::new(caller, *over_limit, calls.clone(), budget.clone(), process);
        let connection = Conn::new(self.stream, identity.prefix, peer, self.slot, self.deadline);
        // Refused only when the server is gone.
        let _ = out.send(Ok(connection)).await;
    }
}

/// What the system says about the other end.
struct Identity {
    claim: Claim,
    caller: Option<Caller>,
    /// What had to be read from the connection to find out.
    prefix: bytes::Bytes,
}

/// Asks something that blocks, such as a user database, which may be on another machine. `None`: it takes too long, or
/// the question itself failed.
async fn look_up<T: Send + 'static>(
    lookups: &Arc<Semaphore>,
    administrator: bool,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    // An administrator is never kept waiting behind others' questions: he may be here to see to them.
    let permit = match administrator {
        true => None,
        false => Some(Arc::clone(lookups).acquire_owned().await.ok()?),
    };
    // The permit goes along: a question that hangs is counted until it comes back, although nobody waits for it.
    let asked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        ask()
    });
    tokio::time::timeout(LOOKUP_PATIENCE, asked).await.ok()?.ok()
}

/// Says the same thing only now and then, with the number of times it was left unsaid.
#[derive(Default)]
struct Seldom {
    last: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    fn say(&mut self, line: impl FnOnce(u64)) {
        if self.last.is_some_and(|last| last.elapsed() < COMPLAIN_EVERY) {
            self.unsaid += 1;
            return;
        }
        line(std::mem::take(&mut self.unsaid));
        self.last = Some(Instant::now());
    }
}
