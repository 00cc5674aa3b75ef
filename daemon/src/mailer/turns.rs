//! Turns: no account has more jobs on connections than its settings allow, and the next one waits here, signed and ready,
//! so that a connection is not idle while an outcome goes to the daemon and another job comes back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Shared;

/// Who may begin, of each account.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, Lane>>>);

#[derive(Debug)]
struct Lane {
    connections: usize,
    places: Arc<Semaphore>,
}

/// A job's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _place: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for a turn, in the order of coming. Jobs that share no connections have theirs at once.
    pub(super) async fn take(&self, shared: Option<&Shared>) -> Turn {
        let Some(shared) = shared else { return Turn { _place: None } };
        let places = self.places(shared);
        // It is never closed.
        Turn { _place: places.acquire_owned().await.ok() }
    }

    /// With another number of connections the account begins anew: those under way are few, and end by themselves.
    fn places(&self, shared: &Shared) -> Arc<Semaphore> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = shared.connections.max(1);
        // Accounts come and go; those of which nothing is under way are forgotten.
        if !lanes.contains_key(&shared.name) {
            lanes.retain(|_, lane| lane.places.available_permits() < lane.connections);
        }
        let fresh = || Lane { connections, places: Arc::new(Semaphore::new(connections)) };
        let lane = lanes.entry(shared.name.clone()).or_insert_with(fresh);
        if lane.connections != connections {
            *lane = fresh();
        }
        lane.places.clone()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn shared(name: &str, connections: usize) -> Shared {
        Shared { name: name.to_owned(), connections }
    }

    #[tokio::test]
    async fn a10_no_account_has_more_connections_than_it_may_and_none_waits_for_another() {
        let turns = Turns::default();
        let (a, b) = (shared("a", 2), shared("b", 1));
        let first = turns.take(Some(&a)).await;
        let _second = turns.take(Some(&a)).await;
        let mut third = Box::pin(turns.take(Some(&a)));
        assert!((&mut third).now_or_never().is_none(), "two of a are under way");
        assert!(turns.take(Some(&b)).now_or_never().is_some(), "b has its own");
        assert!(turns.take(None).now_or_never().is_some(), "a test has a connection of its own");
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a10_another_number_of_connections_counts_from_the_next_job() {
        let turns = Turns::default();
        let _first = turns.take(Some(&shared("a", 1))).await;
        assert!(turns.take(Some(&shared("a", 1))).now_or_never().is_none());
        let _second = turns.take(Some(&shared("a", 2))).now_or_never().expect("one more than before");
    }

    #[tokio::test]
    async fn h6_accounts_without_work_are_forgotten() {
        let turns = Turns::default();
        for number in 0..100 {
            drop(turns.take(Some(&shared(&number.to_string(), 1))).await);
        }
        assert!(turns.0.lock().unwrap().len() <= 2);
    }
}
