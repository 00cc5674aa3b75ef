//! Turns: no account has more jobs on connections than its settings allow, and the next one waits here, signed and ready,
//! so that a connection is not idle while an outcome goes to the daemon and another job comes back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Shared;

/// Who may begin, of each account.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, Lane>>>);

#[derive(Debug)]
struct Lane {
    /// As many as there are places, or will be when those that are too many have come back.
    connections: usize,
    as_of: u64,
    places: Arc<Semaphore>,
    /// Places that are too many, and have not come back yet.
    leaving: watch::Sender<usize>,
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
        let places = {
            let mut lanes = self.lanes();
            // Accounts come and go; those of which nothing is under way are forgotten.
            if !lanes.contains_key(&shared.name) {
                lanes.retain(|_, lane| Arc::strong_count(&lane.places) > 1);
            }
            let lane = lanes.entry(shared.name.clone()).or_insert_with(|| Lane::of(shared));
            lane.resize(shared);
            lane.places.clone()
        };
        // It is never closed.
        Turn { _place: places.acquire_owned().await.ok() }
    }

    /// Returns when no more jobs are on connections than `shared` allows; 0: none is.
    pub(super) async fn narrow(&self, shared: &Shared) {
        let (places, mut leaving) = {
            let mut lanes = self.lanes();
            // Also of one without jobs: some may be on their way that know less.
            let lane = lanes.entry(shared.name.clone()).or_insert_with(|| Lane::of(shared));
            lane.resize(shared);
            (lane.places.clone(), lane.leaving.subscribe())
        };
        // Also those that a job has told of before. An error: the lane is forgotten, so nothing is under way.
        let _ = leaving.wait_for(|count| *count == 0).await;
        if shared.connections == 0 {
            // Who waits has begun, and is let through first.
            drop(places.acquire().await);
        }
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<String, Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn of(shared: &Shared) -> Self {
        let connections = shared.connections.max(1);
        let places = Arc::new(Semaphore::new(connections));
        Self { connections, as_of: shared.as_of, places, leaving: watch::Sender::new(0) }
    }

    /// Has as many places as the job that knows best says, as soon as may be.
    fn resize(&mut self, shared: &Shared) {
        let connections = shared.connections.max(1);
        if shared.as_of < self.as_of {
            return;
        }
        self.as_of = shared.as_of;
        let before = std::mem::replace(&mut self.connections, connections);
        let Some(too_many) = before.checked_sub(connections).filter(|count| *count > 0) else {
            self.places.add_permits(connections - before);
            return;
        };
        self.leaving.send_modify(|count| *count += too_many);
        let (places, leaving) = (self.places.clone(), self.leaving.clone());
        // Behind all who wait already. It goes on when nobody waits for it.
        tokio::spawn(async move {
            let wanted = u32::try_from(too_many).unwrap_or(u32::MAX);
            if let Ok(taken) = places.acquire_many(wanted).await {
                taken.forget();
            }
            leaving.send_modify(|count| *count -= too_many);
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn shared(name: &str, connections: usize) -> Shared {
        Shared { name: name.to_owned(), connections, as_of: 0 }
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
    async fn a10_fewer_connections_count_when_those_under_way_have_ended() {
        let turns = Turns::default();
        let three = [3, 3, 3].map(|connections| shared("a", connections));
        let mut under_way = Vec::new();
        for shared in &three {
            under_way.push(turns.take(Some(shared)).await);
        }
        let one = Shared { as_of: 1, ..shared("a", 1) };
        let mut narrow = Box::pin(turns.narrow(&one));
        for _ in 0..2 {
            assert!((&mut narrow).now_or_never().is_none(), "{} are under way", under_way.len());
            tokio::task::yield_now().await;
            // What was decided before knows nothing of it.
            let late = turns.take(Some(&three[0])).now_or_never();
            assert!(late.is_none(), "nobody begins meanwhile");
            under_way.pop();
        }
        narrow.await;
        assert!(turns.take(Some(&one)).now_or_never().is_none(), "one is under way");
        under_way.pop();
        let last = turns.take(Some(&one)).now_or_never().expect("it has ended");
        assert!(turns.take(Some(&three[0])).now_or_never().is_none());

        let none = Shared { as_of: 1, ..shared("a", 0) };
        let mut narrow = Box::pin(turns.narrow(&none));
        assert!((&mut narrow).now_or_never().is_none());
        drop(last);
        narrow.await;
        turns.narrow(&shared("unknown", 0)).await;
    }

    #[tokio::test]
    async fn a10_it_is_narrow_only_when_those_are_gone_that_a_job_told_of_first() {
        let turns = Turns::default();
        let two = shared("a", 2);
        let (first, _second) = (turns.take(Some(&two)).await, turns.take(Some(&two)).await);
        let one = Shared { as_of: 1, ..shared("a", 1) };
        assert!(turns.take(Some(&one)).now_or_never().is_none(), "two are under way");
        let mut narrow = Box::pin(turns.narrow(&one));
        assert!((&mut narrow).now_or_never().is_none(), "two are under way");
        drop(first);
        narrow.await;
    }

    #[tokio::test]
    async fn a10_who_waits_for_a_turn_that_is_taken_away_has_it_first() {
        let turns = Turns::default();
        let (two, none) = (shared("a", 2), shared("a", 0));
        let (first, second) = (turns.take(Some(&two)).await, turns.take(Some(&two)).await);
        let mut third = Box::pin(turns.take(Some(&two)));
        assert!((&mut third).now_or_never().is_none());
        let mut narrow = Box::pin(turns.narrow(&none));
        assert!((&mut narrow).now_or_never().is_none());
        tokio::task::yield_now().await;
        drop(first);
        let third = third.await;
        drop(second);
        assert!((&mut narrow).now_or_never().is_none(), "the third is under way");
        drop(third);
        narrow.await;
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
