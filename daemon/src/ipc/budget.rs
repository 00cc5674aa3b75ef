//! How many bytes of requests may be in memory (requirement H5): of one caller, and of all together.
//!
//! gRPC holds a request in memory whole before a handler sees it. Calls are counted, but a count of calls with a bound on
//! each says little: what is bounded here is what they come to. Bytes are taken as they arrive, so that a small request
//! costs its few bytes and not what it might have been.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// What the bytes of a caller's requests are taken from. A permit is a byte.
#[derive(Clone, Debug)]
pub struct Budget {
    pub(super) own: Arc<Semaphore>,
    /// Of all callers; `None` for administrators, who are to get through when others have filled it.
    pub(super) all: Option<Arc<Semaphore>>,
}

/// The bytes that one call holds. They come back when it is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    /// For a call that holds `most` bytes of its request at once, however many come.
    #[must_use]
    pub fn charge(&self, most: usize) -> Charge {
        Charge { budget: self.clone(), most, held: AtomicUsize::new(0) }
    }
}

impl Charge {
    /// Takes so many more. `false`: the caller, or all together, have no more.
    #[must_use]
    pub fn take(&self, bytes: usize) -> bool {
        // Only the call's own request takes, one piece after the other.
        let more = bytes.min(self.most.saturating_sub(self.held()));
        let Ok(count) = u32::try_from(more) else { return false };
        let Ok(own) = self.budget.own.try_acquire_many(count) else { return false };
        if let Some(all) = &self.budget.all {
            let Ok(permits) = all.try_acquire_many(count) else { return false };
            permits.forget();
        }
        own.forget();
        self.held.fetch_add(more, Ordering::Relaxed);
        true
    }

    /// What is held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Gives back what is held above `bytes`: a part of a stream is no longer in memory.
    pub fn keep(&self, bytes: usize) {
        let held = self.held.fetch_min(bytes, Ordering::Relaxed);
        let back = held.saturating_sub(bytes);
        self.budget.own.add_permits(back);
        if let Some(all) = &self.budget.all {
            all.add_permits(back);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.keep(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(own: usize, all: &Arc<Semaphore>) -> Budget {
        Budget { own: Arc::new(Semaphore::new(own)), all: Some(all.clone()) }
    }

    #[test]
    fn h5_bytes_come_back_with_the_end_of_the_call() {
        let all = Arc::new(Semaphore::new(100));
        let budget = budget(10, &all);
        let (one, two) = (budget.charge(8), budget.charge(8));
        assert!(one.take(6) && !two.take(5) && two.take(4));
        drop(one);
        assert!(two.take(4), "what the other gave back");
        drop(two);
        assert_eq!((budget.own.available_permits(), all.available_permits()), (10, 100));
    }

    #[test]
    fn h5_one_caller_cannot_take_what_all_have() {
        let all = Arc::new(Semaphore::new(12));
        let (one, two) = (budget(10, &all), budget(10, &all));
        let (first, second) = (one.charge(100), two.charge(100));
        assert!(first.take(10) && !first.take(1), "his own");
        assert!(second.take(2) && !second.take(1), "everybody's");
        assert_eq!(two.own.available_permits(), 8, "a refusal takes nothing");
        let administrator = Budget { all: None, ..two };
        assert!(administrator.charge(100).take(8));
    }

    #[test]
    fn h5_a_stream_holds_what_is_in_memory_and_not_what_has_passed() {
        let all = Arc::new(Semaphore::new(100));
        let budget = budget(10, &all);
        let stream = budget.charge(6);
        assert!(stream.take(3));
        let head = stream.held();
        for _ in 0..50 {
            assert!(stream.take(5), "never more than a part");
            assert_eq!(stream.held(), 6);
            stream.keep(head);
        }
        assert_eq!(all.available_permits(), 97);
    }
}
