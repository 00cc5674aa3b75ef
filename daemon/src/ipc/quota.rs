//! How many connections a caller can hold (requirement H5), so that no local user can keep the others out.
//!
//! Three rings: within his share a caller is served; a few connections above it he is still let in, to be told that it
//! is too many; beyond that the connection is closed without a word. The same rings stand around the whole door, and
//! outside of them a reserve that only administrators get into, for the one who has to find out what is going on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Semaphore;

use super::budget::Budget;
use crate::config::Limits;

/// Connections above a limit that are let in to be told RESOURCE_EXHAUSTED. A client that opens a few too many gets a
/// sentence and not a broken pipe; a flood is not answered one by one.
const OVERFLOW: usize = 16;

/// Connections that only administrators can open. An administrator needs two or three: a client, and the log.
const RESERVE: usize = 16;

/// Callers kept in mind beyond those connected, before the forgotten ones are swept out.
const SWEEP_ABOVE: usize = 64;

/// Who a connection is counted for: all that has to be known before it costs anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The caller's id.
    pub(super) id: String,
    /// May use the reserve.
    pub(super) administrator: bool,
}

/// Counts the open connections.
#[derive(Debug)]
pub(super) struct Gate {
    connections: usize,
    per_caller: usize,
    calls: usize,
    /// Bytes of requests of one caller.
    bytes: usize,
    /// The same of all who are no administrators.
    all_bytes: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    callers: HashMap<String, Share>,
}

#[derive(Debug)]
struct Share {
    open: usize,
    /// Weak: a call may outlive the connection that it came by, and must be counted until it ends.
    calls: Weak<Semaphore>,
    /// The same: a call that holds bytes holds these, too.
    bytes: Weak<Semaphore>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    gate: Arc<Gate>,
    id: String,
    /// The caller is let in only to be told that it is too many.
    pub(super) over_limit: bool,
    /// Slots for calls under way, shared by all connections of the caller.
    pub(super) calls: Arc<Semaphore>,
    /// What the bytes of his requests are taken from.
    pub(super) budget: Budget,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            connections: limits.connections,
            per_caller: limits.connections_per_caller,
            calls: limits.calls_per_caller.min(Semaphore::MAX_PERMITS),
            bytes: limits.request_bytes_per_caller.min(Semaphore::MAX_PERMITS),
            all_bytes: Arc::new(Semaphore::new(limits.request_bytes.min(Semaphore::MAX_PERMITS))),
            state: Mutex::default(),
        })
    }

    /// A place for one more connection of this caller, or `None`: close it.
    pub(super) fn admit(self: &Arc<Self>, claim: &Claim) -> Option<Slot> {
        let mut state = self.state();
        let held = state.callers.get(&claim.id).map_or(0, |share| share.open);
        // The reserve lies outside of the overflow, where nobody else comes.
        let reserve = if claim.administrator { RESERVE } else { 0 };
        let (served, let_in) = if claim.administrator {
            let all = self.connections.saturating_add(OVERFLOW + RESERVE);
            (all, all)
        } else {
            (self.connections, self.connections.saturating_add(OVERFLOW))
        };
        let share = self.per_caller.saturating_add(reserve);
        if state.open >= let_in || held >= share.saturating_add(OVERFLOW) {
            return None;
        }
        let over_limit = state.open >= served || held >= share;

        state.open += 1;
        let open = state.open;
        if state.callers.len() > open + SWEEP_ABOVE {
            state.callers.retain(|_, share| share.open > 0 || share.calls.strong_count() > 0);
        }
        let nobody = || Share { open: 0, calls: Weak::new(), bytes: Weak::new() };
        let entry = state.callers.entry(claim.id.clone()).or_insert_with(nobody);
        entry.open += 1;
        let calls = entry.calls.upgrade().unwrap_or_else(|| Arc::new(Semaphore::new(self.calls)));
        entry.calls = Arc::downgrade(&calls);
        let own = entry.bytes.upgrade().unwrap_or_else(|| Arc::new(Semaphore::new(self.bytes)));
        entry.bytes = Arc::downgrade(&own);
        let budget = Budget { own, all: (!claim.administrator).then(|| self.all_bytes.clone()) };
        drop(state);
        Some(Slot { gate: Arc::clone(self), id: claim.id.clone(), over_limit, calls, budget })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Only counters are changed under the lock, each step of which leaves them whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.open -= 1;
        if let Some(share) = state.callers.get_mut(&self.id) {
            share.open -= 1;
            // One is this slot's own.
            if share.open == 0 && Arc::strong_count(&self.calls) == 1 {
                state.callers.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections: usize, per_caller: usize) -> Arc<Gate> {
        Gate::new(&Limits {
            connections,
            connections_per_caller: per_caller,
            calls_per_caller: 2,
            ..Limits::default()
        })
    }

    fn user(id: &str) -> Claim {
        Claim { id: id.to_owned(), administrator: false }
    }

    fn administrator(id: &str) -> Claim {
        Claim { id: id.to_owned(), administrator: true }
    }

    fn fill(gate: &Arc<Gate>, claim: &Claim) -> Vec<Slot> {
        std::iter::from_fn(|| gate.admit(claim)).take(10_000).collect()
    }

    fn served(slots: &[Slot]) -> usize {
        slots.iter().filter(|slot| !slot.over_limit).count()
    }

    #[test]
    fn h5_a_caller_gets_his_share_then_a_warning_then_nothing() {
        let gate = gate(1000, 3);
        let slots = fill(&gate, &user("a"));
        assert_eq!((served(&slots), slots.len()), (3, 3 + OVERFLOW));
        assert!(!gate.admit(&user("b")).unwrap().over_limit, "another caller is not touched");
    }

    #[test]
    fn h5_the_reserve_is_for_administrators_only() {
        let gate = gate(4, 100);
        let crowd = fill(&gate, &user("a"));
        assert_eq!((served(&crowd), crowd.len()), (4, 4 + OVERFLOW));
        assert!(gate.admit(&user("b")).is_none());
        let reserve = fill(&gate, &administrator("root"));
        assert_eq!((served(&reserve), reserve.len()), (RESERVE, RESERVE));
    }

    #[test]
    fn h5_a_slot_comes_back_when_the_connection_is_dropped() {
        let gate = gate(1000, 2);
        let mut slots = fill(&gate, &user("a"));
        slots.clear();
        assert_eq!(served(&fill(&gate, &user("a"))), 2);
        assert_eq!(gate.state().open, 0);
        assert!(gate.state().callers.is_empty(), "nobody is remembered for ever");
    }

    #[test]
    fn h5_calls_are_counted_for_the_caller_and_outlive_his_connection() {
        let gate = gate(1000, 5);
        let first = gate.admit(&user("a")).unwrap();
        let second = gate.admit(&user("a")).unwrap();
        let permit = Arc::clone(&first.calls).try_acquire_owned().unwrap();
        assert_eq!(second.calls.available_permits(), 1);
        drop((first, second));
        let again = gate.admit(&user("a")).unwrap();
        assert_eq!(again.calls.available_permits(), 1, "a call under way is not forgotten by dialling anew");
        drop(permit);
        assert_eq!(again.calls.available_permits(), 2);
    }

    #[test]
    fn h5_callers_whose_calls_outlived_them_are_swept_out_later() {
        let gate = gate(1000, 5);
        for n in 0..1000 {
            let slot = gate.admit(&user(&n.to_string())).unwrap();
            let call = Arc::clone(&slot.calls).try_acquire_owned().unwrap();
            drop(slot);
            drop(call);
        }
        assert!(gate.state().callers.len() <= SWEEP_ABOVE + 2);
    }

    #[test]
    fn h5_bytes_of_requests_are_counted_for_the_caller_and_for_all() {
        let limits = Limits { request_bytes_per_caller: 10, request_bytes: 15, ..Limits::default() };
        let gate = Gate::new(&limits);
        let (one, again) = (gate.admit(&user("a")).unwrap(), gate.admit(&user("a")).unwrap());
        let call = one.budget.charge(100);
        assert!(call.take(10) && !again.budget.charge(100).take(1), "shared by his connections");
        let other = gate.admit(&user("b")).unwrap().budget.charge(100);
        assert!(other.take(5) && !other.take(1), "all together have no more");
        assert!(gate.admit(&administrator("root")).unwrap().budget.charge(100).take(10));
        drop(call);
        assert!(other.take(5));
    }

    proptest::proptest! {
        #[test]
        fn h5_no_order_of_coming_and_going_breaks_the_counts(
            steps in proptest::collection::vec((0..4_u8, proptest::bool::ANY), 0..200),
        ) {
            let gate = gate(6, 3);
            let mut slots: Vec<Slot> = Vec::new();
            for (who, come) in steps {
                let claim = Claim { id: who.to_string(), administrator: who == 0 };
                if come {
                    slots.extend(gate.admit(&claim));
                } else if let Some(at) = slots.iter().position(|slot| slot.id == claim.id) {
                    slots.swap_remove(at);
                }
                let state = gate.state();
                proptest::prop_assert_eq!(state.open, slots.len());
                proptest::prop_assert_eq!(state.callers.values().map(|share| share.open).sum::<usize>(), slots.len());
                let others = slots.iter().filter(|slot| slot.id != "0").count();
                proptest::prop_assert!(others <= 6 + OVERFLOW);
            }
        }
    }
}
