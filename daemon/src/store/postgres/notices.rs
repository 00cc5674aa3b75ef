//! What the nodes of a database tell each other (NOTIFY on the channel `faxpost`). A notice says that something is to be looked
//! at, never what it is: whoever misses one loses time and nothing else, but for the share of a caller whose mail was given, which
//! is counted too small then.
//!
//! A payload is the number of the node that says it, a word, and what the word is about:
//!
//! | | |
//! |---|---|
//! | `changed TABLE` | rows of that table are others (said by triggers) |
//! | `given NODE MESSAGES BYTES CALLER` | that node has mail of this caller that it does not know of |
//! | `steered NODE SEQ` | somebody has steered a message of that node |
//! | `log ID` | entries up to this one are in the log |
//! | `message ID,…` | these messages changed |
//! | `plenty` | it has more mail ready than it can begin |
//! | `hungry NODE COUNT` | it would take so much of that node's |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The longest payload that PostgreSQL takes.
pub(super) const LONGEST: usize = 7999;

/// Messages that are remembered as changed.
const MESSAGES: usize = 1000;

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A table's rows are others.
    Changed(String),
    /// This node has mail of a caller that it does not know of: so many messages, of so many bytes.
    Given(String, u64, u64),
    /// A message of this node was steered.
    Steered(i64),
    /// The newest entry of the log.
    Log(i64),
    /// These messages changed.
    Messages(Vec<String>),
    /// That node has more than enough.
    Plenty(i64),
    /// That node would take so many messages.
    Hungry(i64, usize),
    /// Nobody knows: all must be looked at.
    Everything,
}

/// What was said since somebody looked, as a set: it grows no further, however much is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Nothing of the rest is complete.
    pub everything: bool,
    /// Tables with other rows.
    pub tables: BTreeSet<String>,
    /// There is unknown mail: of whom, how many messages, and of how many bytes.
    pub given: BTreeMap<String, (u64, u64)>,
    /// Messages that were steered.
    pub steered: BTreeSet<i64>,
    /// The newest entry of the log, if one was named.
    pub log: Option<i64>,
    /// Messages that changed.
    pub messages: BTreeSet<String>,
    /// Nodes with more than enough.
    pub plenty: BTreeSet<i64>,
    /// Nodes that would take mail, and how much.
    pub hungry: Vec<(i64, usize)>,
}

/// Where notices wait.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Whose they are; 0: not known yet.
    me: AtomicI64,
    heard: Mutex<Heard>,
    something: Notify,
    members: Notify,
}

impl Notices {
    pub(super) fn are_of(&self, node: i64) {
        self.me.store(node, Ordering::SeqCst);
    }

    /// Takes what the server handed on.
    pub(super) fn hear(&self, payload: &str) {
        if let Some(notice) = parse(payload, self.me.load(Ordering::SeqCst)) {
            self.put(notice);
        }
    }

    pub(super) fn put(&self, notice: Notice) {
        if notice == Notice::Changed("node".to_owned()) {
            self.members.notify_one();
            return;
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Notice::Changed(table) => drop(heard.tables.insert(table)),
            Notice::Given(caller, messages, bytes) => {
                let of_caller = heard.given.entry(caller).or_default();
                of_caller.0 += messages;
                of_caller.1 = of_caller.1.saturating_add(bytes);
            }
            Notice::Steered(seq) => drop(heard.steered.insert(seq)),
            Notice::Log(id) => heard.log = heard.log.max(Some(id)),
            Notice::Messages(ids) => heard.messages.extend(ids),
            Notice::Plenty(node) => drop(heard.plenty.insert(node)),
            Notice::Hungry(node, count) => {
                heard.hungry.retain(|(known, _)| *known != node);
                heard.hungry.push((node, count));
            }
            Notice::Everything => heard.everything = true,
        }
        if heard.messages.len() + heard.steered.len() + heard.tables.len() > MESSAGES {
            // Whose mail was given is no reminder, but counted.
            let given = std::mem::take(&mut heard.given);
            *heard = Heard { everything: true, given, ..Heard::default() };
        }
        drop(heard);
        self.something.notify_one();
    }

    /// Resolves when there is something, and gives it.
    pub(super) async fn heard(&self) -> Heard {
        loop {
            let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
            if heard != Heard::default() {
                return heard;
            }
            self.something.notified().await;
        }
    }

    /// Resolves when a node came, went, or says something else of itself.
    pub(super) async fn members_changed(&self) {
        self.members.notified().await;
    }
}

/// What a payload says to node `me`; `None`: nothing, or nothing that this version understands.
pub(super) fn parse(payload: &str, me: i64) -> Option<Notice> {
    let mut words = payload.splitn(3, ' ');
    let from: i64 = words.next()?.parse().ok()?;
    if from == me {
        return None;
    }
    let (word, rest) = (words.next()?, words.next().unwrap_or_default());
    let to_me = |text: &str| text.parse() == Ok(me);
    match word {
        "changed" => Some(Notice::Changed(rest.to_owned())),
        "given" => {
            let mut rest = rest.splitn(4, ' ');
            let (node, messages, bytes, caller) = (rest.next()?, rest.next()?, rest.next()?, rest.next()?);
            let given = Notice::Given(caller.to_owned(), messages.parse().ok()?, bytes.parse().ok()?);
            to_me(node).then_some(given)
        }
        "steered" => {
            let (node, seq) = rest.split_once(' ')?;
            to_me(node).then(|| seq.parse().ok().map(Notice::Steered))?
        }
        "log" => rest.parse().ok().map(Notice::Log),
        "message" => Some(Notice::Messages(rest.split(',').map(str::to_owned).collect())),
        "plenty" => Some(Notice::Plenty(from)),
        "hungry" => {
            let (node, count) = rest.split_once(' ')?;
            to_me(node).then(|| count.parse().ok().map(|count| Notice::Hungry(from, count)))?
        }
        _ => None,
    }
}

/// Payloads that name these messages, none of them too long.
pub(in crate::store) fn messages(ids: &[String]) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for id in ids.iter().filter(|id| id.len() < LONGEST / 2) {
        match payloads.last_mut() {
            Some(last) if last.len() + id.len() + 1 < LONGEST - 32 => {
                last.push(',');
                last.push_str(id);
            }
            _ => payloads.push(format!("message {id}")),
        }
    }
    payloads
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn j2_a_notice_is_for_whom_it_names_and_nobody_hears_himself() {
        let given = "3 given 7 2 900 DOMAIN\\a user";
        assert_eq!(parse(given, 7), Some(Notice::Given("DOMAIN\\a user".to_owned(), 2, 900)));
        assert_eq!((parse(given, 3), parse(given, 8)), (None, None));
        assert_eq!(parse("3 steered 7 42", 7), Some(Notice::Steered(42)));
        assert_eq!(parse("3 hungry 7 100", 7), Some(Notice::Hungry(3, 100)));
        assert_eq!(parse("0 changed account", 7), Some(Notice::Changed("account".to_owned())));
        assert_eq!(parse("7 changed account", 7), None);
        assert_eq!(parse("3 plenty", 7), Some(Notice::Plenty(3)));
        assert_eq!(parse("3 sings", 7), None, "a later version may say more");
    }

    #[tokio::test]
    async fn j2_what_is_said_and_not_looked_at_stays_small() {
        let notices = Notices::default();
        for n in 0..10_000 {
            notices.put(Notice::Messages(vec![n.to_string()]));
        }
        let heard = notices.heard().await;
        assert!(heard.everything && heard.messages.len() <= MESSAGES, "{}", heard.messages.len());
    }

    proptest! {
        #[test]
        fn f_no_payload_is_a_surprise(payload in ".{0,200}", me in any::<i64>()) {
            let _ = parse(&payload, me);
        }

        #[test]
        fn j2_what_is_told_is_heard_in_full(ids in prop::collection::vec("[0-9a-f-]{36}", 0..800)) {
            let payloads = messages(&ids);
            prop_assert!(payloads.iter().all(|payload| payload.len() < LONGEST - 24));
            let heard: Vec<_> = payloads.iter().flat_map(|payload| match parse(&format!("1 {payload}"), 2) {
                Some(Notice::Messages(ids)) => ids,
                _ => Vec::new(),
            }).collect();
            prop_assert_eq!(heard, ids);
        }
    }
}
