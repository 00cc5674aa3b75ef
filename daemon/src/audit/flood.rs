//! How much of what a caller was denied, or failed at, is written: enough to see what he tries, and not so much that he
//! can fill the disk with it. What was left out is counted, and told at the end of his minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Event;

/// Of one caller in one [`WINDOW`]: a person's mistakes, and a probing script's first steps.
const WRITTEN: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// Callers kept in mind. More have no share of their own: they share one.
const CALLERS: usize = 4096;

/// The key of that one: no caller's id is empty.
const REST: &str = "";

#[derive(Default)]
pub(super) struct Flood {
    callers: Mutex<HashMap<String, Share>>,
}

struct Share {
    since: Instant,
    written: u32,
    unsaid: u64,
    last: Option<Event>,
}

impl Flood {
    /// Whether it is to be written. If not, it is counted.
    pub(super) fn admits(&self, event: &Event, now: Instant) -> bool {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS {
            callers.retain(|_, share| share.unsaid > 0 || share.since + WINDOW > now);
        }
        let known = callers.len() < CALLERS || callers.contains_key(&event.caller_id);
        let key = if known { &event.caller_id } else { REST };
        let fresh = || Share { since: now, written: 0, unsaid: 0, last: None };
        let share = callers.entry(key.to_owned()).or_insert_with(fresh);
        // A share with something unsaid is renewed when that was told.
        if share.unsaid == 0 && share.since + WINDOW <= now {
            *share = fresh();
        }
        if share.written < WRITTEN {
            share.written += 1;
            return true;
        }
        share.unsaid += 1;
        share.last = Some(event.clone());
        false
    }

    /// What was left unsaid in windows that are over: the last one of each, with how many there were.
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
            share.since + WINDOW > now
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Outcome;

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
        assert_eq!(written, 20);
        assert!(flood.admits(&denied("uid:2", "a"), now), "another caller has his own share");

        let told = flood.unsaid(now);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].caller_id, "uid:1");
        assert!(told[0].target.contains("979 more"), "{}", told[0].target);
        assert!(flood.unsaid(now).is_empty(), "told once");
        assert!(!flood.admits(&denied("uid:1", "a"), now), "the minute is not over");

        flood.unsaid(now);
        let now = now + WINDOW;
        assert!(flood.admits(&denied("uid:1", "a"), now), "a new minute");
    }

    #[test]
    fn h5_a_flood_of_callers_takes_no_more_memory_than_some() {
        let (flood, now) = (Flood::default(), Instant::now());
        let written =
            (0..3 * CALLERS).filter(|n| flood.admits(&denied(&format!("uid:{n}"), "a"), now)).count();
        assert!(written < CALLERS + 2 * WRITTEN as usize, "{written}");
        assert!(flood.callers.lock().unwrap().len() <= CALLERS + 1);
        let now = now + WINDOW;
        flood.unsaid(now);
        assert!(flood.callers.lock().unwrap().is_empty());
    }
}
