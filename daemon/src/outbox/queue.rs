//! What waits, by account and caller, and what may begin next. Pure: times are steady milliseconds that somebody else
//! counts, so that no jump of the wall clock delays or hurries a message.
//!
//! The store has the truth; this is an index of it that is made anew at each start. When the two differ, a message is
//! looked at once too often and never too rarely: whoever takes one reads it from the store first.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::lane::{Closed, Lane, Limits};

/// A message as the queue knows it.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) seq: i64,
    pub(super) account: Arc<str>,
    pub(super) caller: Arc<str>,
    /// Steady milliseconds.
    pub(super) due: i64,
    /// Not before this; Unix milliseconds, because a person chose it.
    pub(super) not_before: Option<i64>,
    /// Steady milliseconds: given up when an attempt fails after this.
    pub(super) expires: i64,
    /// It was written so short a time ago that reading it needs no disk, until this; steady milliseconds.
    pub(super) fresh_until: i64,
}

struct Entry {
    account: Arc<str>,
    caller: Arc<str>,
    expires: i64,
    fresh_until: i64,
    place: Place,
    /// The last attempt failed for a reason that all messages of the account share.
    is_blocked: bool,
    /// Under way no more for its account: only what came of it is still to be written.
    is_handed_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Until this time.
    Pausing(i64),
    /// Until this time of the wall.
    Scheduled(i64),
    /// In its lane.
    Ready,
    /// With the mailer; and when it is wanted again, if somebody has said so meanwhile.
    UnderWay(Option<i64>),
}

/// A message to hand to the mailer.
#[derive(Clone, Debug)]
pub(super) struct Next {
    pub(super) seq: i64,
    pub(super) account: Arc<str>,
    pub(super) expires: i64,
    /// Reading it needs no disk.
    pub(super) is_fresh: bool,
}

/// What comes after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Another, at this steady time. `blocked`: as soon as the account's settings change, too.
    Again { due: i64, blocked: bool },
    /// Nothing, until somebody releases it.
    Hold,
    /// Nothing any more.
    Over,
}

#[derive(Default)]
pub(super) struct Queue {
    entries: HashMap<i64, Entry>,
    pausing: BTreeSet<(i64, i64)>,
    scheduled: BTreeSet<(i64, i64)>,
    lanes: HashMap<Arc<str>, Lane>,
    /// Accounts with ready messages, in the order of their turns.
    turns: VecDeque<Arc<str>>,
    /// One copy of each caller's name and account's name, however many messages have it.
    names: HashSet<Arc<str>>,
}

impl Queue {
    /// One `Arc` for equal names.
    pub(super) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        // Names come and go; what nothing uses is not kept.
        if self.names.len() > 1000 {
            self.names.retain(|name| Arc::strong_count(name) > 1);
        }
        let new: Arc<str> = name.into();
        self.names.insert(new.clone());
        new
    }

    /// Whether a message is waiting or under way.
    pub(super) fn knows(&self, seq: i64) -> bool {
        self.entries.contains_key(&seq)
    }

    /// A message that was accepted, released or is to be tried now.
    pub(super) fn add(&mut self, waiting: Waiting) {
        let seq = waiting.seq;
        if let Some(entry) = self.entries.get_mut(&seq)
            && let Place::UnderWay(again) = &mut entry.place
        {
            *again = Some(waiting.due);
            return;
        }
        self.take_out(seq);
        let place = match waiting.not_before {
            Some(at) => Place::Scheduled(at),
            None => Place::Pausing(waiting.due),
        };
        let Waiting { account, caller, expires, fresh_until, .. } = waiting;
        // Somebody who wants it tried now does not make it younger.
        let expires = self.entries.get(&seq).map_or(expires, |entry| entry.expires.min(expires));
        self.entries.insert(
            seq,
            Entry { account, caller, expires, fresh_until, place, is_blocked: false, is_handed_over: false },
        );
        self.put(seq, place);
    }

    /// A message that is held or over. With the mailer, it stays there until its end.
    pub(super) fn remove(&mut self, seq: i64) {
        match self.entries.get_mut(&seq).map(|entry| &mut entry.place) {
            Some(Place::UnderWay(again)) => *again = None,
            _ => {
                self.take_out(seq);
                self.entries.remove(&seq);
            }
        }
    }

    /// The next message that may begin.
    pub(super) fn next(&mut self, now: i64, wall: i64, limits: impl Fn(&str) -> Limits) -> Option<Next> {
        self.ripen(now, wall);
        for _ in 0..self.turns.len() {
            let account = self.turns.pop_front()?;
            let allowed = limits(&account);
            let Some(lane) = self.lanes.get_mut(&account) else { continue };
            let begun = match lane.opens_at(now, allowed) {
                Some(at) if at <= now => lane.begin(now, allowed),
                _ => None,
            };
            if !lane.is_empty() {
                self.turns.push_back(account.clone());
            }
            if let Some(seq) = begun
                && let Some(entry) = self.entries.get_mut(&seq)
            {
                entry.place = Place::UnderWay(None);
                let (expires, is_fresh) = (entry.expires, now < entry.fresh_until);
                return Some(Next { seq, account, expires, is_fresh });
            }
        }
        None
    }

    /// When to ask again if nothing happens before: in steady milliseconds.
    pub(super) fn wakes_at(&mut self, now: i64, wall: i64, limits: impl Fn(&str) -> Limits) -> Option<i64> {
        let lanes = self.turns.iter().filter_map(|account| {
            let lane = self.lanes.get_mut(account)?;
            lane.opens_at(now, limits(account))
        });
        let soonest = lanes.min();
        let pausing = self.pausing.first().map(|(due, _)| *due);
        let scheduled = self.scheduled.first().map(|(at, _)| now.saturating_add(at.saturating_sub(wall)));
        [soonest, pausing, scheduled].into_iter().flatten().min()
    }

    /// The mailer is done with a message: its account has a place again.
    pub(super) fn handed_over(&mut self, seq: i64) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        let Place::UnderWay(_) = entry.place else { return };
        if !std::mem::replace(&mut entry.is_handed_over, true)
            && let Some(lane) = self.lanes.get_mut(&entry.account)
        {
            lane.under_way = lane.under_way.saturating_sub(1);
        }
    }

    /// An attempt has ended, and is written down.
    pub(super) fn ended(&mut self, seq: i64, then: Then) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        let Place::UnderWay(again) = entry.place else { return };
        if !std::mem::take(&mut entry.is_handed_over)
            && let Some(lane) = self.lanes.get_mut(&entry.account)
        {
            lane.under_way = lane.under_way.saturating_sub(1);
        }
        let due = match (then, again) {
            (Then::Over, _) | (Then::Hold, None) => {
                self.entries.remove(&seq);
                return;
            }
            (Then::Hold, Some(due)) => due,
            (Then::Again { due, blocked }, _) => {
                entry.is_blocked = blocked;
                due
            }
        };
        entry.place = Place::Pausing(due);
        self.pausing.insert((due, seq));
    }

    /// How the account does, for an attempt that has ended.
    pub(super) fn lane(&mut self, account: &Arc<str>) -> &mut Lane {
        self.lanes.entry(account.clone()).or_default()
    }

    /// Why the account waits as a whole, if it does.
    pub(super) fn closed(&self, account: &str, now: i64) -> Option<&Closed> {
        self.lanes.get(account).and_then(|lane| lane.closed(now))
    }

    /// The account's settings were changed, or its server is back: what failed by them is tried now.
    pub(super) fn release(&mut self, account: &str, now: i64) {
        let Some(lane) = self.lanes.get_mut(account) else { return };
        lane.reopen(true);
        let blocked: Vec<_> = self
            .entries
            .iter_mut()
            .filter(|(_, entry)| entry.is_blocked && &*entry.account == account)
            .filter_map(|(seq, entry)| {
                entry.is_blocked = false;
                let Place::Pausing(due) = entry.place else { return None };
                entry.place = Place::Pausing(now);
                Some((due, *seq))
            })
            .collect();
        for (due, seq) in blocked {
            self.pausing.remove(&(due, seq));
            self.pausing.insert((now, seq));
        }
    }

    /// Messages of an account that could begin.
    pub(super) fn ready_of(&self, account: &str) -> usize {
        self.lanes.get(account).map_or(0, Lane::ready)
    }

    /// Messages that somebody else will try: ready ones of the account leave the queue, the youngest first.
    pub(super) fn take_ready(&mut self, account: &str, count: usize) -> Vec<i64> {
        let Some(lane) = self.lanes.get_mut(account) else { return Vec::new() };
        let taken = lane.take_ready(count);
        if lane.is_empty() {
            self.turns.retain(|turn| **turn != *account);
        }
        for seq in &taken {
            self.entries.remove(seq);
        }
        taken
    }

    /// Messages that wait or are under way.
    pub(super) fn waits(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_under_way(&self, seq: i64) -> bool {
        matches!(self.entries.get(&seq).map(|entry| entry.place), Some(Place::UnderWay(_)))
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.lanes.values().map(|lane| lane.under_way).sum()
    }

    /// Moves what is due to its lane.
    fn ripen(&mut self, now: i64, wall: i64) {
        while let Some(&(due, seq)) = self.pausing.first()
            && due <= now
        {
            self.pausing.pop_first();
            self.ready(seq);
        }
        while let Some(&(at, seq)) = self.scheduled.first()
            && at <= wall
        {
            self.scheduled.pop_first();
            self.ready(seq);
        }
        if self.lanes.len() > 100 {
            self.lanes.retain(|_, lane| !lane.is_forgettable(now));
        }
    }

    fn ready(&mut self, seq: i64) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        entry.place = Place::Ready;
        let lane = self.lanes.entry(entry.account.clone()).or_default();
        if lane.is_empty() {
            self.turns.push_back(entry.account.clone());
        }
        lane.add(&entry.caller, seq);
    }

    fn put(&mut self, seq: i64, place: Place) {
        match place {
            Place::Pausing(due) => drop(self.pausing.insert((due, seq))),
            Place::Scheduled(at) => drop(self.scheduled.insert((at, seq))),
            Place::Ready | Place::UnderWay(_) => {}
        }
    }

    /// Out of the structure that its place is in.
    fn take_out(&mut self, seq: i64) {
        let Some(entry) = self.entries.get(&seq) else { return };
        match entry.place {
            Place::Pausing(due) => drop(self.pausing.remove(&(due, seq))),
            Place::Scheduled(at) => drop(self.scheduled.remove(&(at, seq))),
            Place::Ready => {
                if let Some(lane) = self.lanes.get_mut(&entry.account) {
                    lane.remove(&entry.caller, seq);
                    if lane.is_empty() {
                        self.turns.retain(|turn| *turn != entry.account);
                    }
                }
            }
            Place::UnderWay(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outbox::backoff::Cause;

    const FAR: i64 = i64::MAX;

    fn limits(_: &str) -> Limits {
        Limits { at_once: 2, per_minute: 0 }
    }

    fn add(queue: &mut Queue, seq: i64, account: &str, caller: &str, due: i64) {
        let (account, caller) = (queue.name(account), queue.name(caller));
        let waiting = Waiting { seq, account, caller, due, not_before: None, expires: FAR, fresh_until: 0 };
        queue.add(waiting);
    }

    fn next(queue: &mut Queue, now: i64) -> Option<i64> {
        queue.next(now, now, limits).map(|next| next.seq)
    }

    #[test]
    fn f3_accounts_take_turns_and_none_has_more_than_its_connections() {
        let mut queue = Queue::default();
        (0..10).for_each(|seq| add(&mut queue, seq, "a", "x", 0));
        (10..20).for_each(|seq| add(&mut queue, seq, "b", "x", 0));
        let order: Vec<_> = std::iter::from_fn(|| next(&mut queue, 0)).collect();
        assert_eq!(order, [0, 10, 1, 11], "two each, in turn");
        assert_eq!(queue.wakes_at(0, 0, limits), None, "only an end lets another begin");
        queue.ended(10, Then::Over);
        assert_eq!((next(&mut queue, 0), queue.under_way(), queue.waits()), (Some(12), 4, 19));
    }

    #[test]
    fn f3_pauses_are_steady_and_a_chosen_time_is_the_walls() {
        let mut queue = Queue::default();
        add(&mut queue, 1, "a", "x", 5_000);
        let (account, caller) = (queue.name("a"), queue.name("x"));
        let not_before = Some(1_000_000);
        queue.add(Waiting { seq: 2, account, caller, due: 0, not_before, expires: FAR, fresh_until: 0 });
        assert_eq!(queue.wakes_at(0, 900_000, limits), Some(5_000));
        // The wall clock jumps, forwards and back: the pause does not care.
        assert!(queue.next(4_999, i64::MIN, limits).is_none());
        assert_eq!(queue.next(5_000, i64::MIN, limits).unwrap().seq, 1);
        assert_eq!(queue.wakes_at(5_000, 950_000, limits), Some(55_000));
        assert!(queue.next(FAR, 999_999, limits).is_none());
        assert_eq!(queue.next(5_001, 1_000_000, limits).unwrap().seq, 2);
    }

    #[test]
    fn f3_whoever_steers_a_message_under_way_is_heard_at_its_end() {
        let mut queue = Queue::default();
        add(&mut queue, 1, "a", "x", 0);
        next(&mut queue, 0).unwrap();
        queue.remove(1);
        queue.ended(1, Then::Hold);
        assert_eq!(queue.waits(), 0);

        add(&mut queue, 2, "a", "x", 0);
        next(&mut queue, 0).unwrap();
        // Held, and released before the attempt has ended.
        queue.remove(2);
        add(&mut queue, 2, "a", "x", 7);
        queue.ended(2, Then::Hold);
        assert_eq!((next(&mut queue, 6), next(&mut queue, 7)), (None, Some(2)));
        // Wanted again, but delivered meanwhile.
        add(&mut queue, 2, "a", "x", 8);
        queue.ended(2, Then::Over);
        assert_eq!((queue.waits(), next(&mut queue, 100)), (0, None));
    }

    #[test]
    fn f3_new_settings_free_what_the_old_ones_kept() {
        let mut queue = Queue::default();
        add(&mut queue, 1, "a", "x", 0);
        add(&mut queue, 2, "a", "x", 500_000);
        next(&mut queue, 0).unwrap();
        let account = queue.name("a");
        queue.lane(&account).went_wrong(0, Cause::Account, |_| 60_000, ("no", "AUTH_REJECTED"));
        queue.ended(1, Then::Again { due: 300_000, blocked: true });
        assert_eq!(queue.closed("a", 1).unwrap().text, "no");
        assert_eq!(next(&mut queue, 1000), None);
        queue.release("a", 1000);
        assert_eq!((next(&mut queue, 1000), next(&mut queue, 1000)), (Some(1), None));
        assert!(queue.closed("a", 1000).is_none());
    }

    #[derive(Clone, Debug)]
    enum Act {
        Add(i64, i64),
        Remove(i64),
        Next,
        End(usize, u8),
        Pass(i64),
        Change(u8),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0..20_i64, 0..50_i64).prop_map(|(seq, due)| Act::Add(seq, due)),
            (0..20_i64).prop_map(Act::Remove),
            Just(Act::Next),
            (0..8_usize, 0..3_u8).prop_map(|(n, t)| Act::End(n, t)),
            (0..40_i64).prop_map(Act::Pass),
            (0..3_u8).prop_map(Act::Change),
        ]
    }

    proptest! {
        #[test]
        fn f2_no_order_of_events_loses_a_message_or_has_it_twice(acts in prop::collection::vec(act(), 0..200)) {
            let mut queue = Queue::default();
            let (mut now, mut flying) = (0, Vec::new());
            // What must still come: added, and neither over nor removed since.
            let mut owed = std::collections::BTreeSet::new();
            for act in acts {
                match act {
                    Act::Add(seq, due) => {
                        add(&mut queue, seq, &(seq % 3).to_string(), &(seq % 2).to_string(), now + due);
                        owed.insert(seq);
                    }
                    Act::Remove(seq) => { queue.remove(seq); owed.remove(&seq); }
                    Act::Next => if let Some(seq) = next(&mut queue, now) {
                        prop_assert!(!flying.contains(&seq));
                        flying.push(seq);
                    },
                    Act::End(n, then) => if n < flying.len() {
                        let seq = flying.swap_remove(n);
                        if n % 2 == 1 { queue.handed_over(seq); }
                        match then {
                            0 => { queue.ended(seq, Then::Over); owed.remove(&seq); }
                            1 => { queue.ended(seq, Then::Hold); }
                            _ => { queue.ended(seq, Then::Again { due: now + 5, blocked: n % 2 == 0 }); owed.insert(seq); }
                        }
                        // Held at its end: owed only if somebody had asked for it again.
                        if then == 1 && !queue.entries.contains_key(&seq) { owed.remove(&seq); }
                    },
                    Act::Pass(ms) => now += ms,
                    Act::Change(account) => queue.release(&account.to_string(), now),
                }
                prop_assert_eq!(queue.under_way(), flying.len());
            }
            for seq in flying.drain(..) {
                queue.ended(seq, Then::Again { due: now, blocked: false });
                owed.insert(seq);
            }
            let mut came = std::collections::BTreeSet::new();
            while let Some(seq) = next(&mut queue, now + 1000) {
                prop_assert!(came.insert(seq));
                queue.ended(seq, Then::Over);
            }
            prop_assert_eq!(came, owed);
            prop_assert_eq!(queue.waits(), 0);
            prop_assert!(queue.pausing.is_empty() && queue.turns.is_empty());
        }
    }
}
