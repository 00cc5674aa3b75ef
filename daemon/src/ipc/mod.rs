//! The door: listens, finds out who is there before the first request is parsed, and bounds what a caller can hold.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::caller::Caller;

/// What the door knows about a connection; tonic hands it to every request as its connect info.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who is there; `None`: the system would not say. Then every call is UNAUTHENTICATED.
    pub caller: Option<Arc<Caller>>,
    /// The caller has more connections open than he may: every call is RESOURCE_EXHAUSTED.
    pub over_limit: bool,
    /// Slots for calls under way, shared by all connections of this caller.
    pub calls: Arc<Semaphore>,
}

impl Peer {
    /// Tells the door that a whole request arrived: the connection is no longer a silent one.
    pub fn request_seen(&self) {}
}
