//! How much of what a caller was denied, or failed at, is written: enough to see what he tries, and not so much that he
//! can fill the disk with it. What was left out is counted, and told within the minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::Event;
use crate::pace::{CALLERS, Left, Pace, REST};

/// Of one caller: at once a person's mistakes, and a probing script's first steps over every method there is. And what
/// somebody can add to the log who does nothing else stays below 2 MB a day.
const PACE: Pace = Pace { burst: 100, refill: 5 };

#[derive(Default)]
pub(super) struct Flood {
    callers: Mutex<HashMap<String, Share>>,
}

struct Share {
    left: Left,
    unsaid: u64,
    last: Option<Event>,
}

impl Flood {
    /// Whether it is to be written. If not, it is counted.
    pub(super) fn admits(&self, event: &Event, now: Instant) -> bool {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = callers.len() < CALLERS || callers.contains_key(&event.caller_id);
        let key = if known { &event.caller_id } else { REST };
        let share = callers.entry(key.to_owned()).or_insert_with(|| Share {
            left: PACE.full(now),
            unsaid: 0,
            last: None,
        });
        if PACE.take(&mut share.left, 1, now) {
            return true;
        }
        share.unsaid += 1;
        share.last = Some(event.clone());
        false
    }

    /// What was left unsaid: the last one of each caller, with how many there were. Forgets who has been quiet.
    pub(super) fn unsaid(&self, now: Instant) -> Vec<Event> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        callers.retain(|_, share| {
            if let Some(mut event) = share.last.take() {
                let (last, more) = (event.target, share.unsaid - 1);
                event.target = match more {
                    0 => last,
                    _ => format!("{last} (and {more} more that were denied or failed, not listed)")
                        .trim()
                        .to_owned(),
                };
                told.push(event);
            }
            share.unsaid = 0;
            PACE.refill(&mut share.left, now);
            !PACE.is_full(&share.left)
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::audit::Outcome;

    const MINUTE: Duration = Duration::from_secs(60);

    fn denied(caller: &str, method: &str) -> Event {
        Event {
            at: 1,
            caller_id: caller.to_owned(),
            caller_name: caller.to_owned(),
            role: "user".to_owned(),
            origin: "local".to_owned(),
            method: method.to_owned(),
            target: String::new(),
            outcome: Outcome::Denied,
            reason: "POLICY_DENIED".to_owned(),
            request: 0,
        }
    }

    #[test]
    fn h4_a_flood_of_denied_calls_is_written_in_part_and_counted_in_whole() {
        let (flood, now) = (Flood::default(), Instant::now());
        let written = (0..1000).filter(|_| flood.admits(&denied("uid:1", "a"), now)).count();
        assert_eq!(written, 100);
        assert!(flood.admits(&denied("uid:2", "a"), now), "another caller has his own share");

        let told = flood.unsaid(now);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].caller_id, "uid:1");
        assert!(told[0].target.contains("899 more"), "{}", told[0].target);
        assert!(flood.unsaid(now).is_empty(), "told once");
        assert!(!flood.admits(&denied("uid:1", "a"), now), "the minute is not over");

        let now = now + 2 * MINUTE;
        let written = (0..1000).filter(|_| flood.admits(&denied("uid:1", "a"), now)).count();
        assert_eq!(written, 10, "some more");
        let now = now + 60 * MINUTE;
        assert_eq!((0..1000).filter(|_| flood.admits(&denied("uid:1", "a"), now)).count(), 100);
    }

    #[test]
    fn h5_a_flood_of_callers_takes_no_more_memory_than_some() {
        let (flood, now) = (Flood::default(), Instant::now());
        let caller = |n: usize| denied(&format!("uid:{n}"), "a");
        let written = (0..3 * CALLERS).filter(|n| flood.admits(&caller(*n), now)).count();
        assert_eq!(written, CALLERS + PACE.burst as usize);
        assert!(flood.callers.lock().unwrap().len() <= CALLERS + 1);
        assert_eq!(flood.unsaid(now).len(), 1);
        flood.unsaid(now + 60 * MINUTE);
        assert!(flood.callers.lock().unwrap().is_empty());
    }
}
