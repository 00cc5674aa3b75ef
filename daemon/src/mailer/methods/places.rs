//! Places of a method that costs much or may hang: so many messages at once, and fewer with one server and login, so that a
//! server that never ends does not keep the mail of the other accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::mailer::SmtpRoute;

pub(super) struct Places {
    all: Arc<Semaphore>,
    /// With one server and login.
    each: usize,
    own: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// Given back when it is dropped.
pub(super) struct Place {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), each, own: Mutex::default() }
    }

    /// Waits for one; `None`: there was none in all this time.
    pub(super) async fn take(&self, route: &SmtpRoute, patience: Duration) -> Option<Place> {
        let login = route.sign_in.as_ref().map_or("", |sign_in| &sign_in.login);
        let own = self.own(format!("{}:{} {login}", route.server, route.port));
        let taking = async {
            // First its own: who waits for that holds nothing that others wait for.
            let own = own.acquire_owned().await.ok()?;
            Some(Place { _own: own, _all: self.all.clone().acquire_owned().await.ok()? })
        };
        timeout(patience, taking).await.ok().flatten()
    }

    fn own(&self, whose: String) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = own.get(&whose).and_then(Weak::upgrade) {
            return there;
        }
        own.retain(|_, places| places.strong_count() > 0);
        let fresh = Arc::new(Semaphore::new(self.each));
        own.insert(whose, Arc::downgrade(&fresh));
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::route;
    use super::*;

    #[tokio::test]
    async fn h5_a_server_that_never_ends_leaves_places_to_others() {
        let places = Places::new(4, 2);
        let soon = Duration::from_millis(20);
        let (tarpit, other, third) = (route("tarpit.test"), route("other.test"), route("third.test"));
        let hanging = (places.take(&tarpit, soon).await.unwrap(), places.take(&tarpit, soon).await.unwrap());
        assert!(places.take(&tarpit, soon).await.is_none(), "no third one");
        let one = places.take(&other, soon).await.unwrap();
        let _two = places.take(&other, soon).await.unwrap();
        assert!(places.take(&third, soon).await.is_none(), "four in all");
        drop(one);
        places.take(&third, soon).await.unwrap();
        drop(hanging);
        places.take(&tarpit, soon).await.unwrap();
        assert!(places.own.lock().unwrap().len() <= 3);
    }
}
