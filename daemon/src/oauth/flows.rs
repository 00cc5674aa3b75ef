//! Sign-ins under way: who began them, for what, until when. In memory: a restart forgets them, and people begin again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::OauthError;
use crate::accounts::OauthSettings;
use crate::secrets::Secret;

/// How long a person may take at the provider's page.
pub const LIFE: Duration = Duration::from_secs(600);

/// Of one caller: more windows than a person opens.
const PER_CALLER: usize = 8;

/// In all.
const IN_ALL: usize = 256;

/// A sign-in that waits for its redirect.
pub(super) struct Begun {
    pub(super) caller_id: String,
    pub(super) account: String,
    /// What it was begun with: tokens for other settings would be of no use.
    pub(super) settings: OauthSettings,
    pub(super) binding: Vec<u8>,
    pub(super) redirect_uri: String,
    pub(super) state: Secret,
    pub(super) verifier: Secret,
}

#[derive(Default)]
pub(super) struct Flows(Mutex<HashMap<String, (Instant, Begun)>>);

impl Flows {
    /// Keeps it, and gives its id.
    pub(super) fn begin(&self, begun: Begun) -> Result<String, OauthError> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|_, (at, _)| at.elapsed() < LIFE);
        let own = flows.values().filter(|(_, other)| other.caller_id == begun.caller_id).count();
        if own >= PER_CALLER || flows.len() >= IN_ALL {
            // The oldest of his own gives way: whoever closed the browser must not wait ten minutes.
            let oldest = flows
                .iter()
                .filter(|(_, (_, other))| other.caller_id == begun.caller_id)
                .min_by_key(|(_, (at, _))| *at)
                .map(|(id, _)| id.clone());
            match oldest {
                Some(id) => drop(flows.remove(&id)),
                None => return Err(OauthError::TooMany),
            }
        }
        let id = uuid::Uuid::new_v4().to_string();
        flows.insert(id.clone(), (Instant::now(), begun));
        Ok(id)
    }

    /// Takes it out, for the caller who began it, with the state he was given: once, and in time.
    pub(super) fn take(&self, id: &str, caller_id: &str, state: &str) -> Option<Begun> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|_, (at, _)| at.elapsed() < LIFE);
        // A wrong state is somebody else's redirect: the right one may still come.
        let (_, begun) = flows.get(id)?;
        if begun.caller_id != caller_id || begun.state.expose() != state {
            return None;
        }
        flows.remove(id).map(|(_, begun)| begun)
    }

    #[cfg(test)]
    fn age(&self, id: &str, by: Duration) {
        let mut flows = self.0.lock().unwrap();
        if let Some((at, _)) = flows.get_mut(id) {
            *at = at.checked_sub(by).expect("this machine runs for ten minutes already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(caller: &str) -> Begun {
        Begun {
            caller_id: caller.to_owned(),
            account: "default".to_owned(),
            settings: OauthSettings::default(),
            binding: Vec::new(),
            redirect_uri: String::new(),
            state: Secret::new("state".to_owned()),
            verifier: Secret::new(String::new()),
        }
    }

    #[test]
    fn b2_a_sign_in_ends_once_for_who_began_it_with_its_state() {
        let flows = Flows::default();
        let id = flows.begin(begun("uid:1")).unwrap();
        assert!(flows.take(&id, "uid:2", "state").is_none(), "another caller");
        assert!(flows.take(&id, "uid:1", "other").is_none(), "another state");
        assert!(flows.take("", "uid:1", "state").is_none(), "another sign-in");
        assert!(flows.take(&id, "uid:1", "state").is_some());
        assert!(flows.take(&id, "uid:1", "state").is_none(), "a second time");
    }

    #[test]
    fn b2_a_late_answer_is_refused() {
        let flows = Flows::default();
        let id = flows.begin(begun("uid:1")).unwrap();
        flows.age(&id, LIFE);
        assert!(flows.take(&id, "uid:1", "state").is_none());
    }

    #[test]
    fn h5_sign_ins_of_a_caller_are_bounded_and_his_oldest_gives_way() {
        let flows = Flows::default();
        let first = flows.begin(begun("uid:1")).unwrap();
        for _ in 0..PER_CALLER {
            flows.begin(begun("uid:1")).unwrap();
        }
        assert!(flows.take(&first, "uid:1", "state").is_none());
        for caller in 0..IN_ALL - PER_CALLER {
            flows.begin(begun(&format!("uid:{}", caller + 10))).unwrap();
        }
        assert!(matches!(flows.begin(begun("uid:2")), Err(OauthError::TooMany)));
    }
}
