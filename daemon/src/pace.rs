//! How often somebody may do what costs him little and others much: so much at once, and so much more each minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Callers kept in mind. More have no pace of their own: they share one.
pub(crate) const CALLERS: usize = 4096;

/// The key of that one: no caller's id is empty.
pub(crate) const REST: &str = "";

/// How often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// At once.
    pub(crate) burst: u32,
    /// So many more in each minute.
    pub(crate) refill: u32,
}

/// What one caller has left of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    count: u32,
    filled: Instant,
}

impl Pace {
    pub(crate) fn full(self, now: Instant) -> Left {
        Left { count: self.burst, filled: now }
    }

    /// Takes so many, all or none. `false`: there are not so many.
    pub(crate) fn take(self, left: &mut Left, count: u32, now: Instant) -> bool {
        self.refill(left, now);
        let rest = left.count.checked_sub(count);
        left.count = rest.unwrap_or(left.count);
        rest.is_some()
    }

    pub(crate) fn refill(self, left: &mut Left, now: Instant) {
        let minutes = now.saturating_duration_since(left.filled).as_secs() / MINUTE.as_secs();
        let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
        left.count = left.count.saturating_add(minutes.saturating_mul(self.refill)).min(self.burst);
        left.filled += MINUTE * minutes;
    }

    /// Nothing would be lost if it were made anew.
    pub(crate) fn is_full(self, left: &Left) -> bool {
        left.count == self.burst
    }
}

/// A pace that each caller keeps.
pub(crate) struct Paces {
    pace: Pace,
    callers: Mutex<HashMap<String, Left>>,
}

impl Paces {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, callers: Mutex::default() }
    }

    /// Takes so many of this caller's, all or none.
    pub(crate) fn take(&self, caller: &str, count: u32, now: Instant) -> bool {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS {
            callers.retain(|_, left| {
                self.pace.refill(left, now);
                !self.pace.is_full(left)
            });
        }
        let known = callers.len() < CALLERS || callers.contains_key(caller);
        let key = if known { caller } else { REST };
        let left = callers.entry(key.to_owned()).or_insert_with(|| self.pace.full(now));
        self.pace.take(left, count, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h5_who_is_too_fast_is_slowed_down_and_nobody_else() {
        let (paces, now) = (Paces::new(Pace { burst: 10, refill: 2 }), Instant::now());
        let takes = |caller: &str, now| (0..50).filter(|_| paces.take(caller, 1, now)).count();
        assert_eq!((takes("uid:1", now), takes("uid:2", now)), (10, 10));
        assert_eq!(takes("uid:1", now + 3 * MINUTE), 6);
        assert_eq!(takes("uid:1", now + 60 * MINUTE), 10);
        assert!(paces.take("uid:3", 10, now) && !paces.take("uid:4", 11, now));
        assert!(paces.take("uid:4", 10, now), "a refusal takes nothing");
    }

    #[test]
    fn h5_many_callers_are_not_remembered_for_ever() {
        let (paces, now) = (Paces::new(Pace { burst: 3, refill: 1 }), Instant::now());
        let taken = (0..3 * CALLERS).filter(|n| paces.take(&format!("uid:{n}"), 1, now)).count();
        assert_eq!(taken, CALLERS + 3);
        assert!(paces.take("uid:9999999", 1, now + 60 * MINUTE));
        assert!(paces.callers.lock().unwrap().len() < 3);
    }
}
