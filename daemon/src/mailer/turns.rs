//! Turns: no account has more jobs on connections than its settings allow, and the next one waits here, signed and ready,
//! so that a connection is not idle while an outcome goes to the daemon and another job comes back.
//!
//! Whoever waits shows what he is about to do (`W`). A job that is about to end may choose the next one, begin for it, and pass on
//! its turn with what it has begun (`C`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use super::Shared;

/// Who may begin, of each account.
pub(super) struct Turns<W, C>(Arc<Mutex<HashMap<String, Lane<W, C>>>>);

struct Lane<W, C> {
    /// So many at once.
    connections: usize,
    as_of: u64,
    /// More than there may be, until some have ended, after `connections` became less.
    under_way: usize,
    waiting: VecDeque<Waiting<W, C>>,
    /// Nobody begins for another.
    alone: bool,
    /// Of what is above.
    changed: watch::Sender<()>,
}

/// A job that waits for its turn.
struct Waiting<W, C> {
    shown: Option<W>,
    begin: oneshot::Sender<Option<C>>,
}

/// A job's turn, until it is dropped.
pub(super) struct Turn<W, C> {
    place: Option<Place<W, C>>,
    carried: Option<C>,
    next: Option<Waiting<W, C>>,
}

/// Counted as under way in a lane.
struct Place<W, C> {
    turns: Turns<W, C>,
    name: String,
}

impl<W, C> Turns<W, C> {
    /// Waits for a turn, in the order of coming. Jobs that share no connections have theirs at once.
    pub(super) async fn take(&self, shared: Option<&Shared>, shown: Option<W>) -> Turn<W, C> {
        let Some(shared) = shared else { return Turn::free() };
        let (begin, begun) = oneshot::channel();
        {
            let mut lanes = self.lanes();
            // Accounts come and go; those of which nothing is under way are forgotten.
            if !lanes.contains_key(&shared.name) {
                lanes.retain(|_, lane| lane.is_wanted());
            }
            let lane = lanes.entry(shared.name.clone()).or_insert_with(|| Lane::of(shared));
            lane.resize(shared);
            lane.waiting.push_back(Waiting { shown, begin });
            lane.go_on();
        }
        let mut wait = Wait { turns: self, name: &shared.name, begun: Some(begun) };
        wait.end().await
    }

    /// Returns when no more jobs are on connections than `shared` allows; 0: none is.
    pub(super) async fn narrow(&self, shared: &Shared) {
        let mut changed = {
            let mut lanes = self.lanes();
            // Also of one without jobs: some may be on their way that know less.
            let lane = lanes.entry(shared.name.clone()).or_insert_with(|| Lane::of(shared));
            lane.resize(shared);
            lane.changed.subscribe()
        };
        // An error: the lane is forgotten, so nothing is under way.
        while self.lanes().get(&shared.name).is_some_and(|lane| lane.is_wider_than(shared))
            && changed.changed().await.is_ok()
        {}
    }

    /// `None`: the lane is forgotten, which one with a job under way never is.
    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Lane<W, C>) -> T) -> Option<T> {
        self.lanes().get_mut(name).map(work)
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<String, Lane<W, C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W, C> Lane<W, C> {
    fn of(shared: &Shared) -> Self {
        Self {
            connections: shared.connections.max(1),
            as_of: shared.as_of,
            under_way: 0,
            waiting: VecDeque::new(),
            alone: false,
            changed: watch::Sender::new(()),
        }
    }

    /// What was learnt of a server is kept, too: it may have cost a message a timeout.
    fn is_wanted(&self) -> bool {
        self.alone || self.under_way > 0 || !self.waiting.is_empty() || self.changed.receiver_count() > 0
    }

    /// Has as many places as the job that knows best says, as soon as may be.
    fn resize(&mut self, shared: &Shared) {
        if shared.as_of >= self.as_of {
            (self.as_of, self.connections) = (shared.as_of, shared.connections.max(1));
            self.go_on();
        }
    }

    /// What is asked for later counts instead.
    fn is_wider_than(&self, shared: &Shared) -> bool {
        let waits = shared.connections == 0 && !self.waiting.is_empty();
        self.as_of <= shared.as_of && (self.under_way > shared.connections || waits)
    }

    /// Whoever may begin does.
    fn go_on(&mut self) {
        while self.under_way < self.connections
            && let Some(next) = self.waiting.pop_front()
        {
            // Who is gone takes no place.
            self.under_way += usize::from(next.begin.send(None).is_ok());
        }
        self.changed.send_replace(());
    }
}

/// Somebody who waits; when he gives up, he is not waited for.
struct Wait<'a, W, C> {
    turns: &'a Turns<W, C>,
    name: &'a str,
    begun: Option<oneshot::Receiver<Option<C>>>,
}

impl<W, C> Wait<'_, W, C> {
    async fn end(&mut self) -> Turn<W, C> {
        let Some(begun) = &mut self.begun else { return Turn::free() };
        let carried = begun.await;
        self.begun = None;
        // An error: the lane is forgotten, which one with somebody who waits never is.
        carried.map_or_else(|_| Turn::free(), |carried| self.turn(carried))
    }

    fn turn(&self, carried: Option<C>) -> Turn<W, C> {
        let place = Place { turns: self.turns.clone(), name: self.name.to_owned() };
        Turn { place: Some(place), carried, next: None }
    }
}

impl<W, C> Drop for Wait<'_, W, C> {
    fn drop(&mut self) {
        let Some(mut begun) = self.begun.take() else { return };
        begun.close();
        match begun.try_recv() {
            // It was his turn at this very moment.
            Ok(carried) => drop(self.turn(carried)),
            Err(_) => {
                self.turns.with(self.name, |lane| {
                    lane.waiting.retain(|waiting| !waiting.begin.is_closed());
                    lane.go_on();
                });
            }
        }
    }
}

impl<W, C> Turn<W, C> {
    /// Of a job that shares nothing.
    pub(super) fn free() -> Self {
        Self { place: None, carried: None, next: None }
    }

    /// What the job before has begun for this one.
    pub(super) fn carried(&mut self) -> Option<C> {
        self.carried.take()
    }

    /// Chooses the one who waits longest as the next after this one, if what he shows fits; from then on he waits for nothing else.
    pub(super) fn choose_next<T>(&mut self, fits: impl FnOnce(&W) -> Option<T>) -> Option<T> {
        let place = self.place.as_ref()?;
        let chosen = place.turns.with(&place.name, |lane| {
            if lane.alone || lane.under_way > lane.connections {
                return None;
            }
            let fits = fits(lane.waiting.front()?.shown.as_ref()?)?;
            Some((lane.waiting.pop_front()?, fits))
        });
        let (next, fits) = chosen??;
        self.next = Some(next);
        Some(fits)
    }

    /// The chosen one no longer waits for this one, but for whoever ends first.
    pub(super) fn let_next_go(&mut self) {
        if let (Some(next), Some(place)) = (self.next.take(), &self.place) {
            place.turns.with(&place.name, |lane| {
                lane.waiting.push_front(next);
                lane.go_on();
            });
        }
    }

    /// Gives the chosen one this turn, with what was begun for him.
    ///
    /// # Errors
    /// He does not wait for it any more, or there are more turns than there may be: that comes back.
    pub(super) fn pass_on(&mut self, carried: C) -> Result<(), C> {
        let (Some(next), Some(place)) = (self.next.take(), &self.place) else { return Err(carried) };
        let mut carried = Some(carried);
        let is_his = place.turns.with(&place.name, |lane| {
            if lane.under_way > lane.connections {
                lane.waiting.push_front(next);
                return false;
            }
            let sent = next.begin.send(carried.take());
            sent.map_err(|back| carried = back).is_ok()
        });
        if is_his == Some(true) {
            self.place = None;
        }
        carried.map_or(Ok(()), Err)
    }

    /// Nobody begins for another from now on: this server does not bear it.
    pub(super) fn each_alone(&self) {
        if let Some(place) = &self.place {
            place.turns.with(&place.name, |lane| lane.alone = true);
        }
    }
}

impl<W, C> Drop for Turn<W, C> {
    fn drop(&mut self) {
        let (next, Some(place)) = (self.next.take(), &self.place) else { return };
        place.turns.with(&place.name, |lane| {
            if let Some(next) = next {
                lane.waiting.push_front(next);
            }
            lane.under_way -= 1;
            lane.go_on();
        });
    }
}

impl<W, C> Clone for Turns<W, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W, C> Default for Turns<W, C> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<W, C> std::fmt::Debug for Turns<W, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("lanes", &self.lanes().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    type Turns = super::Turns<u32, &'static str>;

    fn shared(name: &str, connections: usize) -> Shared {
        Shared { name: name.to_owned(), connections, as_of: 0 }
    }

    #[tokio::test]
    async fn a10_no_account_has_more_connections_than_it_may_and_none_waits_for_another() {
        let turns = Turns::default();
        let (a, b) = (shared("a", 2), shared("b", 1));
        let first = turns.take(Some(&a), None).await;
        let _second = turns.take(Some(&a), None).await;
        let mut third = Box::pin(turns.take(Some(&a), None));
        assert!((&mut third).now_or_never().is_none(), "two of a are under way");
        assert!(turns.take(Some(&b), None).now_or_never().is_some(), "b has its own");
        assert!(turns.take(None, None).now_or_never().is_some(), "a test has a connection of its own");
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a10_another_number_of_connections_counts_from_the_next_job() {
        let turns = Turns::default();
        let _first = turns.take(Some(&shared("a", 1)), None).await;
        assert!(turns.take(Some(&shared("a", 1)), None).now_or_never().is_none());
        let _second = turns.take(Some(&shared("a", 2)), None).now_or_never().expect("one more than before");
    }

    #[tokio::test]
    async fn a10_fewer_connections_count_when_those_under_way_have_ended() {
        let turns = Turns::default();
        let three = [3, 3, 3].map(|connections| shared("a", connections));
        let mut under_way = Vec::new();
        for shared in &three {
            under_way.push(turns.take(Some(shared), None).await);
        }
        let one = Shared { as_of: 1, ..shared("a", 1) };
        let mut narrow = Box::pin(turns.narrow(&one));
        for _ in 0..2 {
            assert!((&mut narrow).now_or_never().is_none(), "{} are under way", under_way.len());
            tokio::task::yield_now().await;
            // What was decided before knows nothing of it.
            let late = turns.take(Some(&three[0]), None).now_or_never();
            assert!(late.is_none(), "nobody begins meanwhile");
            under_way.pop();
        }
        narrow.await;
        assert!(turns.take(Some(&one), None).now_or_never().is_none(), "one is under way");
        under_way.pop();
        let last = turns.take(Some(&one), None).now_or_never().expect("it has ended");
        assert!(turns.take(Some(&three[0]), None).now_or_never().is_none());

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
        let (first, _second) = (turns.take(Some(&two), None).await, turns.take(Some(&two), None).await);
        let one = Shared { as_of: 1, ..shared("a", 1) };
        assert!(turns.take(Some(&one), None).now_or_never().is_none(), "two are under way");
        let mut narrow = Box::pin(turns.narrow(&one));
        assert!((&mut narrow).now_or_never().is_none(), "two are under way");
        drop(first);
        narrow.await;
    }

    #[tokio::test]
    async fn a10_who_waits_for_a_turn_that_is_taken_away_has_it_when_there_is_one() {
        let turns = Turns::default();
        let (two, none) = (shared("a", 2), shared("a", 0));
        let (first, second) = (turns.take(Some(&two), None).await, turns.take(Some(&two), None).await);
        let mut third = Box::pin(turns.take(Some(&two), None));
        assert!((&mut third).now_or_never().is_none());
        let mut narrow = Box::pin(turns.narrow(&none));
        assert!((&mut narrow).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "there is one turn now, and it is the second's");
        drop(second);
        let third = third.await;
        assert!((&mut narrow).now_or_never().is_none(), "the third is under way");
        drop(third);
        narrow.await;
    }

    #[tokio::test]
    async fn f2_a_turn_passes_to_the_next_with_what_was_begun_for_him() {
        let turns = Turns::default();
        let one = shared("a", 1);
        let mut first = turns.take(Some(&one), Some(1)).await;
        assert_eq!(first.choose_next(|_| Some(())), None, "nobody waits");
        let mut second = Box::pin(turns.take(Some(&one), Some(2)));
        let mut third = Box::pin(turns.take(Some(&one), Some(3)));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        assert_eq!(first.choose_next(|shown| (*shown == 3).then_some(())), None, "nobody is passed over");
        assert_eq!(first.choose_next(|shown| Some(*shown)), Some(2));
        assert_eq!(first.pass_on("begun"), Ok(()));
        let mut second = second.now_or_never().expect("its turn");
        assert_eq!((second.carried(), second.carried()), (Some("begun"), None));
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the turn was passed on, and is not another one");
        drop(second);
        assert_eq!(third.now_or_never().expect("its turn").carried(), None);
    }

    #[tokio::test]
    async fn f2_who_is_chosen_and_not_begun_for_is_still_the_next() {
        let turns = Turns::default();
        let one = shared("a", 1);
        let mut first = turns.take(Some(&one), None).await;
        let mut second = Box::pin(turns.take(Some(&one), Some(2)));
        let mut third = Box::pin(turns.take(Some(&one), Some(3)));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        assert_eq!(first.choose_next(|shown| Some(*shown)), Some(2));
        drop(first);
        let second = second.now_or_never().expect("its turn");
        assert!((&mut third).now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn f2_who_is_let_go_waits_for_any_turn() {
        let turns = Turns::default();
        let two = shared("a", 2);
        let (mut first, second) = (turns.take(Some(&two), None).await, turns.take(Some(&two), None).await);
        let mut third = Box::pin(turns.take(Some(&two), Some(3)));
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(first.choose_next(|shown| Some(*shown)), Some(3));
        drop(second);
        assert!((&mut third).now_or_never().is_none(), "it waits for the first");
        first.let_next_go();
        assert!((&mut third).now_or_never().is_some());
        assert_eq!(first.pass_on("late"), Err("late"));
    }

    #[tokio::test]
    async fn f2_what_was_begun_for_one_who_gave_up_comes_back() {
        let turns = Turns::default();
        let one = shared("a", 1);
        let mut first = turns.take(Some(&one), None).await;
        let mut second = Box::pin(turns.take(Some(&one), Some(2)));
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(first.choose_next(|shown| Some(*shown)), Some(2));
        drop(second);
        assert_eq!(first.pass_on("begun"), Err("begun"));
        let mut third = Box::pin(turns.take(Some(&one), None));
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        // Given up at the moment of his turn: it goes to the next.
        let mut fourth = Box::pin(turns.take(Some(&one), None));
        assert!((&mut fourth).now_or_never().is_none());
        drop(third);
        assert!(fourth.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a10_a_turn_too_many_is_not_passed_on() {
        let turns = Turns::default();
        let two = shared("a", 2);
        let (mut first, second) = (turns.take(Some(&two), None).await, turns.take(Some(&two), None).await);
        let mut third = Box::pin(turns.take(Some(&two), Some(3)));
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(first.choose_next(|shown| Some(*shown)), Some(3));
        let one = Shared { as_of: 1, ..shared("a", 1) };
        let mut narrow = Box::pin(turns.narrow(&one));
        assert!((&mut narrow).now_or_never().is_none());
        assert_eq!(first.pass_on("begun"), Err("begun"));
        drop(first);
        narrow.await;
        assert!((&mut third).now_or_never().is_none(), "the second is under way");
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn f2_with_a_server_that_does_not_bear_it_each_begins_for_itself() {
        let turns = Turns::default();
        let one = shared("a", 1);
        let mut first = turns.take(Some(&one), None).await;
        let mut second = Box::pin(turns.take(Some(&one), Some(2)));
        assert!((&mut second).now_or_never().is_none());
        first.each_alone();
        assert_eq!(first.choose_next(|shown| Some(*shown)), None);
        drop(first);
        drop(second.now_or_never().expect("its turn"));
        drop(turns.take(Some(&shared("other", 1)), None).await);
        let mut later = turns.take(Some(&one), None).await;
        let mut waits = Box::pin(turns.take(Some(&one), Some(2)));
        assert!((&mut waits).now_or_never().is_none());
        assert_eq!(later.choose_next(|shown| Some(*shown)), None, "it is remembered");
    }

    #[tokio::test]
    async fn h6_accounts_without_work_are_forgotten() {
        let turns = Turns::default();
        for number in 0..100 {
            drop(turns.take(Some(&shared(&number.to_string(), 1)), None).await);
        }
        assert!(turns.0.lock().unwrap().len() <= 2);
    }
}
