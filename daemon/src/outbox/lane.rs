//! One account's messages on their way: whose turn it is, and whether another may begin now. Pure: times are steady
//! milliseconds that somebody else counts.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::backoff::Cause;

/// Failures of the network in a row after which the account waits as a whole.
const PATIENT_STRIKES: u32 = 3;

/// The longest that an account waits as a whole for its network.
const LONGEST_SILENCE_MS: i64 = 300_000;

const MINUTE_MS: i64 = 60_000;

/// What an account's settings allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Attempts at once: one for each connection, and some that wait for one.
    pub(super) at_once: usize,
    /// Messages in any minute; 0: as many as come.
    pub(super) per_minute: u32,
}

/// Why an account waits as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// Steady milliseconds.
    pub(super) until: i64,
    pub(super) text: String,
    pub(super) reason: &'static str,
}

#[derive(Default)]
pub(super) struct Lane {
    /// Ready messages of each caller, the oldest first.
    callers: HashMap<Arc<str>, BTreeSet<i64>>,
    /// Callers with ready messages, in the order of their turns.
    turns: VecDeque<Arc<str>>,
    pub(super) under_way: usize,
    /// When the messages of the last minute began.
    begun: VecDeque<i64>,
    /// Attempts in a row that failed for a reason that all share.
    strikes: u32,
    closed: Option<Closed>,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Nothing in it is worth remembering.
    pub(super) fn is_forgettable(&self, now: i64) -> bool {
        self.is_empty()
            && self.under_way == 0
            && self.strikes == 0
            && self.begun.back().is_none_or(|last| last + MINUTE_MS <= now)
    }

    pub(super) fn add(&mut self, caller: &Arc<str>, seq: i64) {
        let ready = self.callers.entry(caller.clone()).or_default();
        if ready.is_empty() {
            self.turns.push_back(caller.clone());
        }
        ready.insert(seq);
    }

    pub(super) fn remove(&mut self, caller: &Arc<str>, seq: i64) {
        let Some(ready) = self.callers.get_mut(caller) else { return };
        ready.remove(&seq);
        if ready.is_empty() {
            self.callers.remove(caller);
            self.turns.retain(|turn| turn != caller);
        }
    }

    /// Messages that could begin.
    pub(super) fn ready(&self) -> usize {
        self.callers.values().map(BTreeSet::len).sum()
    }

    /// Takes ready messages out, the youngest first, of each caller in turn.
    pub(super) fn take_ready(&mut self, count: usize) -> Vec<i64> {
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(caller) = self.turns.pop_back()
        {
            let Some(ready) = self.callers.get_mut(&caller) else { continue };
            taken.extend(ready.pop_last());
            if ready.is_empty() {
                self.callers.remove(&caller);
            } else {
                self.turns.push_front(caller);
            }
        }
        taken
    }

    /// When a message may begin: `None` when another must end first.
    pub(super) fn opens_at(&mut self, now: i64, limits: Limits) -> Option<i64> {
        // After a failure one goes ahead and looks; the others follow when it came through.
        let at_once = if self.strikes > 0 { limits.at_once.min(1) } else { limits.at_once };
        if self.under_way >= at_once {
            return None;
        }
        let open = self.closed.as_ref().map_or(now, |closed| closed.until.max(now));
        while self.begun.front().is_some_and(|begun| begun + MINUTE_MS <= now) {
            self.begun.pop_front();
        }
        let most = usize::try_from(limits.per_minute).unwrap_or(usize::MAX);
        if most == 0 || self.begun.len() < most {
            return Some(open);
        }
        // The one whose minute must be over for another to fit in. Fewer may be allowed now than were then.
        let last = self.begun.get(self.begun.len() - most).copied().unwrap_or(now);
        Some(open.max(last + MINUTE_MS))
    }

    /// The next message: callers take turns, so that nobody's thousands stand before another's one.
    pub(super) fn begin(&mut self, now: i64, limits: Limits) -> Option<i64> {
        let caller = self.turns.pop_front()?;
        let ready = self.callers.get_mut(&caller)?;
        let seq = ready.pop_first()?;
        if ready.is_empty() {
            self.callers.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        self.under_way += 1;
        if limits.per_minute > 0 {
            self.begun.push_back(now);
        }
        Some(seq)
    }

    /// An attempt came through to the server, whatever it said of the message. Whether that is news.
    pub(super) fn went_well(&mut self) -> bool {
        self.closed = None;
        std::mem::take(&mut self.strikes) > 0
    }

    /// An attempt failed for a reason that all messages of the account share. `usual`: the pause of the configuration
    /// after so many failures.
    pub(super) fn went_wrong(
        &mut self,
        now: i64,
        cause: Cause,
        usual: impl Fn(u32) -> i64,
        why: (&str, &'static str),
    ) {
        self.strikes = self.strikes.saturating_add(1);
        let silence = match cause {
            Cause::Network if self.strikes < PATIENT_STRIKES => return,
            Cause::Network => {
                let after = self.strikes - PATIENT_STRIKES + 1;
                cause.pause_ms(usual(after), after).min(LONGEST_SILENCE_MS)
            }
            Cause::Account | Cause::Throttled => cause.pause_ms(usual(self.strikes), self.strikes),
            Cause::Later | Cause::Greylisted => return,
        };
        let (text, reason) = why;
        self.closed = Some(Closed { until: now.saturating_add(silence), text: text.to_owned(), reason });
    }

    /// Somebody wants it tried now. `anew`: the settings are others, so that earlier failures say nothing.
    pub(super) fn reopen(&mut self, anew: bool) {
        self.closed = None;
        if anew {
            self.strikes = 0;
        }
    }

    /// Why it waits, if it does.
    pub(super) fn closed(&self, now: i64) -> Option<&Closed> {
        self.closed.as_ref().filter(|closed| closed.until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Limits = Limits { at_once: 3, per_minute: 0 };

    fn caller(name: &str) -> Arc<str> {
        name.into()
    }

    fn usual(attempts: u32) -> i64 {
        [60_000, 120_000, 300_000, 600_000][(attempts as usize - 1).min(3)]
    }

    #[test]
    fn h5_a_flood_of_one_caller_does_not_stand_before_another() {
        let mut lane = Lane::default();
        let (flood, one) = (caller("flood"), caller("one"));
        (0..1000).for_each(|seq| lane.add(&flood, seq));
        lane.add(&one, 5000);
        lane.add(&one, 5001);
        let limits = Limits { at_once: 10_000, ..FREE };
        let order: Vec<_> = (0..5).map(|_| lane.begin(0, limits).unwrap()).collect();
        assert_eq!(order, [0, 5000, 1, 5001, 2]);
        lane.remove(&flood, 3);
        assert_eq!(lane.begin(0, limits), Some(4));
    }

    #[test]
    fn a10_no_minute_has_more_messages_than_the_account_may_send() {
        let limits = Limits { per_minute: 30, ..FREE };
        let mut lane = Lane::default();
        let someone = caller("a");
        (0..200).for_each(|seq| lane.add(&someone, seq));
        let (mut now, mut begun) = (0_i64, Vec::new());
        while begun.len() < 150 {
            match lane.opens_at(now, limits) {
                Some(at) if at <= now => {
                    lane.begin(now, limits).unwrap();
                    lane.under_way -= 1;
                    begun.push(now);
                    now += 777;
                }
                Some(at) => now = at,
                None => panic!("nothing is under way"),
            }
        }
        for (index, start) in begun.iter().enumerate() {
            let within = begun[index..].iter().take_while(|at| **at < start + MINUTE_MS).count();
            assert!(within <= 30, "{within} within a minute of {start}");
        }
        assert!(now < 5 * MINUTE_MS, "and no fewer: {now}");
    }

    #[test]
    fn f3_a_wrong_password_is_tried_ever_more_rarely_and_new_settings_at_once() {
        let mut lane = Lane::default();
        let someone = caller("a");
        (0..100).for_each(|seq| lane.add(&someone, seq));
        let (mut now, mut tries) = (0, 0);
        while now < 24 * 3_600_000 {
            now = lane.opens_at(now, FREE).unwrap().max(now);
            lane.begin(now, FREE).unwrap();
            lane.under_way -= 1;
            tries += 1;
            lane.went_wrong(now, Cause::Account, usual, ("no", "AUTH_REJECTED"));
            assert_eq!(lane.closed(now).unwrap().reason, "AUTH_REJECTED");
        }
        assert!((20..=35).contains(&tries), "{tries} in a day, whatever is queued");
        lane.reopen(true);
        assert_eq!((lane.opens_at(now, FREE), lane.closed(now)), (Some(now), None));
    }

    #[test]
    fn f3_a_dead_server_has_one_place_and_one_message_that_looks() {
        let mut lane = Lane::default();
        let someone = caller("a");
        (0..100).for_each(|seq| lane.add(&someone, seq));
        for _ in 0..3 {
            lane.begin(0, FREE).unwrap();
        }
        assert_eq!(lane.opens_at(0, FREE), None, "no more than its connections");
        for strike in 1..=3 {
            lane.under_way -= 1;
            lane.went_wrong(1000, Cause::Network, usual, ("no", "TIMED_OUT"));
            assert_eq!(lane.closed(1000).is_some(), strike == 3);
        }
        assert_eq!(lane.opens_at(1000, FREE), Some(61_000));
        lane.begin(61_000, FREE).unwrap();
        assert_eq!(lane.opens_at(61_000, FREE), None, "one looks");
        lane.under_way -= 1;
        assert!(lane.went_well() && !lane.went_well());
        assert_eq!(lane.opens_at(61_000, FREE), Some(61_000));
    }

    #[test]
    fn f3_a_server_that_says_slower_is_left_alone() {
        let mut lane = Lane::default();
        lane.add(&caller("a"), 1);
        lane.went_wrong(0, Cause::Throttled, usual, ("432", "SENDER_REJECTED"));
        assert_eq!(lane.opens_at(0, FREE), Some(120_000));
        lane.went_wrong(0, Cause::Throttled, usual, ("432", "SENDER_REJECTED"));
        assert_eq!(lane.opens_at(0, FREE), Some(240_000));
    }
}
