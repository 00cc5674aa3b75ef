//! This outbox among those of other daemons on the same database: what of an account's limits is its own, and what it gives
//! to others or takes of theirs.
//!
//! A message is one node's, which alone tries it: the one's that accepted it. Whoever has more ready than it can begin says so;
//! whoever has little to do asks for some of it; what was not begun yet is given, by one change of the owner's. Mail that a node
//! can't send, for want of a key or of a part of the account's connections, it gives to one that can.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::part::part;
use super::signing::choose;
use super::{Outbox, lock, schedule};
use crate::accounts::{Method, Signing};
use crate::store::{AccountRow, Heard, Members, Said, Standing, StoreError};

/// Between two looks, while there are others: what is given is that late at most.
const TICK: Duration = Duration::from_millis(250);

/// So many ready messages, beyond those that can begin soon, are worth a word.
const PLENTY: usize = 32;

/// A node with fewer in its queue takes others'.
const FEW: usize = 100;

/// So many are given at once, at most.
const GIFT: usize = 1000;

/// The minute of the limits of messages.
const MINUTE_MS: i64 = 60_000;

/// So often it is looked anew for which accounts this machine has the keys.
const KEYS_MS: i64 = 60_000;

/// Stands for every message, in a list of those that changed.
pub const ANY: &str = "*";

/// The nodes as this outbox sees them.
pub(super) struct Fleet {
    members: watch::Receiver<Arc<Members>>,
    view: Mutex<View>,
    /// Messages that changed here, and which the others don't know of yet.
    changed: Mutex<HashSet<String>>,
    /// An account is down to its part.
    narrowed: Notify,
}

#[derive(Default)]
struct View {
    me: i64,
    /// By number, with this one.
    nodes: Vec<i64>,
    others: Vec<Other>,
    /// Accounts that this machine can sign for.
    signs: HashSet<String>,
    /// Who was there until when, in steady milliseconds: what they sent counts for a minute.
    past: Vec<(i64, Vec<i64>)>,
    /// How often `nodes` changed: what was decided before knows less.
    as_of: u64,
    /// Accounts that may have more connections than their part, since a node came, as of when.
    narrowing: HashMap<String, u64>,
    /// The part of each account that this node had when the others last left it to it.
    held: HashMap<String, usize>,
}

struct Other {
    id: i64,
    /// It keeps its lease.
    is_alive: bool,
    /// It leaves this node its part,
    counts_me: bool,
    /// but for these accounts.
    busy: HashSet<String>,
    signs: HashSet<String>,
}

impl View {
    fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// Whether the others leave this node its part of the account.
    fn is_settled(&self, account: &str) -> bool {
        self.others.iter().all(|other| other.counts_me && !other.busy.contains(account))
    }

    /// Whether another machine can sign for the account, and this one can't.
    fn is_for_others(&self, row: &AccountRow) -> bool {
        let id = row.id.as_str();
        row.account.sign != Signing::Off
            && !self.signs.contains(id)
            && self.others.iter().any(|other| other.signs.contains(id))
    }

    fn connections(&mut self, row: &AccountRow, all: usize) -> usize {
        let id = row.id.as_str();
        // Folders have no connections.
        let part = match row.account.method {
            Method::Pickup => all,
            _ => part(all, id, self.me, &self.nodes),
        };
        if self.is_alone() {
            self.held.insert(id.to_owned(), all);
            return all;
        }
        if self.is_for_others(row) {
            return 0;
        }
        if self.is_settled(id) {
            self.held.insert(id.to_owned(), part);
            return part;
        }
        // Another makes room for one that came. What this node had is its own still.
        part.min(self.held.get(id).copied().unwrap_or_default())
    }

    /// Of messages a minute: what others sent within the last one counts.
    fn per_minute(&self, account: &str, all: u32, now: i64) -> u32 {
        let (limit, of) = (all as usize, |nodes: &[i64]| part(all as usize, account, self.me, nodes));
        let past = self.past.iter().filter(|(until, _)| *until + MINUTE_MS > now).map(|(_, nodes)| of(nodes));
        past.chain([of(&self.nodes)]).min().unwrap_or(limit).try_into().unwrap_or(all)
    }

    /// How many connections of the account a node may have when all have heard of all; 0: it can't send its mail.
    fn could(&self, node: i64, row: &AccountRow, all: usize) -> usize {
        let (id, a_minute) = (row.id.as_str(), row.account.messages_per_minute as usize);
        let signs = row.account.sign == Signing::Off
            || match self.others.iter().find(|other| other.id == node) {
                Some(other) => other.signs.contains(id),
                None => self.signs.contains(id),
            };
        let has_rate = a_minute == 0 || part(a_minute, id, node, &self.nodes) > 0;
        if signs && has_rate { part(all, id, node, &self.nodes) } else { 0 }
    }

    /// Who could send it instead, the best first.
    fn others_for(&self, row: &AccountRow, all: usize) -> Option<i64> {
        let alive = self.others.iter().filter(|other| other.is_alive);
        let could = alive.map(|other| (self.could(other.id, row, all), other.id));
        could.filter(|(connections, _)| *connections > 0).max().map(|(_, node)| node)
    }
}

impl Fleet {
    pub(super) fn of(members: watch::Receiver<Arc<Members>>, now: i64) -> Self {
        let first = members.borrow().clone();
        let mut view = View::default();
        // Whoever was there before may have sent as much as one minute allows.
        if !first.first {
            view.past.push((now, Vec::new()));
        }
        let fleet =
            Self { members, view: Mutex::new(view), changed: Mutex::default(), narrowed: Notify::new() };
        fleet.see(&first, now);
        fleet
    }

    /// Whether there is one that was not there.
    fn see(&self, members: &Members, now: i64) -> bool {
        let mut view = lock(&self.view);
        let mut came = false;
        // Whoever does not answer may still be sending, until it is taken for dead and its row is gone.
        let nodes: Vec<_> = members.all.iter().map(|member| member.id).collect();
        if nodes != view.nodes {
            let before = std::mem::replace(&mut view.nodes, nodes);
            view.as_of += 1;
            if !before.is_empty() {
                came = view.nodes.iter().any(|node| !before.contains(node));
                view.past.push((now, before));
            }
        }
        view.past.retain(|(until, _)| *until + MINUTE_MS > now);
        view.me = members.me;
        view.others = members
            .others()
            .map(|member| Other {
                id: member.id,
                is_alive: member.is_alive,
                counts_me: member.counted >= members.me,
                busy: member.busy.iter().cloned().collect(),
                signs: member.signs.iter().cloned().collect(),
            })
            .collect();
        came
    }

    /// This node's part of the account's connections, and as of when.
    pub(super) fn connections(&self, row: &AccountRow, all: usize) -> (usize, u64) {
        let mut view = lock(&self.view);
        (view.connections(row, all), view.as_of)
    }

    /// This node's part of the account's messages a minute.
    pub(super) fn per_minute(&self, account: &str, all: u32, now: i64) -> u32 {
        lock(&self.view).per_minute(account, all, now)
    }

    pub(super) fn changed(&self, id: &str) {
        if lock(&self.view).is_alone() {
            return;
        }
        let mut changed = lock(&self.changed);
        // Who watches one of so many looks for himself.
        if changed.len() >= GIFT {
            changed.clear();
            changed.insert(ANY.to_owned());
        } else if !changed.contains(ANY) {
            changed.insert(id.to_owned());
        }
    }
}

/// Whether mail of this account is the same from any machine: a pickup folder is one machine's, and the programs behind the
/// other methods are not everywhere.
fn is_shared(row: &AccountRow) -> bool {
    row.account.method == Method::SecureSmtpClient
}

impl Outbox {
    /// Does what there is to do among several nodes, until `shutdown`.
    pub(super) async fn follow_fleet(self: Arc<Self>, shutdown: CancellationToken) {
        let Some(fleet) = &self.fleet else { return };
        let mut members = fleet.members.clone();
        let (mut certificates, mut accounts) = (self.certificates.changes(), self.registry.watch());
        let (mut said, mut keys_at, mut told) = (None, None::<i64>, 0);
        loop {
            let now = self.clock.steady();
            if fleet.see(&members.borrow_and_update().clone(), now) {
                self.narrow(fleet);
            }
            if keys_at.is_none_or(|at| at + KEYS_MS <= now) {
                certificates.borrow_and_update();
                accounts.borrow_and_update();
                let signs = self.signs().await;
                lock(&fleet.view).signs = signs;
                keys_at = Some(now);
            }
            self.wake.notify_one();
            let standing = Self::standing(fleet);
            if said.as_ref() != Some(&standing) && self.store.stand(standing.clone()).await.is_ok() {
                said = Some(standing);
            }
            let is_alone = lock(&fleet.view).is_alone();
            if !is_alone {
                self.tell_others(fleet, &mut told).await;
                if let Err(error) = self.pass_on().await {
                    tracing::warn!(%error, "mail could not be given to another daemon");
                }
            }
            // A rate that others used up grows again without anybody saying so.
            let waits = !is_alone || !lock(&fleet.view).past.is_empty();
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = members.changed() => if changed.is_err() { return },
                changed = certificates.changed() => match changed {
                    Ok(()) => keys_at = None,
                    Err(_) => return,
                },
                changed = accounts.changed() => match changed {
                    Ok(()) => keys_at = None,
                    Err(_) => return,
                },
                () = fleet.narrowed.notified() => {}
                () = tokio::time::sleep(TICK), if waits => {}
            }
        }
    }

    /// Makes room for a node that came: whoever is told that it is counted may rely on it, but for accounts that still have more
    /// connections than their part.
    fn narrow(self: &Arc<Self>, fleet: &Fleet) {
        for row in self.registry.all().iter().filter(|row| row.account.method != Method::Pickup) {
            let shared = self.shared(row);
            lock(&fleet.view).narrowing.insert(shared.name.clone(), shared.as_of);
            let outbox = self.clone();
            tokio::spawn(async move {
                outbox.mailer.narrow(shared.clone()).await;
                let Some(fleet) = &outbox.fleet else { return };
                let mut view = lock(&fleet.view);
                // Another may have come meanwhile, and more must be waited for.
                if view.narrowing.get(&shared.name) == Some(&shared.as_of) {
                    view.narrowing.remove(&shared.name);
                    fleet.narrowed.notify_one();
                }
            });
        }
    }

    /// The accounts that this machine can sign for.
    async fn signs(&self) -> HashSet<String> {
        let mut signs = HashSet::new();
        for row in self.registry.all().iter().filter(|row| row.account.sign != Signing::Off) {
            let sender = row.account.effective_sender(&self.host.name);
            if choose(&self.certificates, &row.account, &sender).await.is_ok() {
                signs.insert(row.id.to_string());
            }
        }
        signs
    }

    fn standing(fleet: &Fleet) -> Standing {
        let view = lock(&fleet.view);
        let mut standing = Standing {
            counted: view.nodes.last().copied().unwrap_or_default(),
            busy: view.narrowing.keys().cloned().collect(),
            signs: view.signs.iter().cloned().collect(),
        };
        standing.busy.sort();
        standing.signs.sort();
        standing
    }

    /// What happened here, for those who watch elsewhere; and that there is more than enough to do.
    async fn tell_others(&self, fleet: &Fleet, told: &mut i64) {
        let mut said = Vec::new();
        let newest = self.log.own();
        if newest > *told {
            said.push(Said::Log(newest));
        }
        let changed = std::mem::take(&mut *lock(&fleet.changed));
        if !changed.is_empty() {
            said.push(Said::Messages(changed.into_iter().collect()));
        }
        let surplus: usize = self.surpluses().iter().map(|(_, count)| count).sum();
        if surplus >= PLENTY {
            said.push(Said::Plenty);
        }
        if said.is_empty() {
            return;
        }
        match self.store.tell(said).await {
            Ok(()) => *told = newest,
            Err(error) => {
                tracing::debug!(%error, "the other daemons could not be told");
                // Said again, in less words.
                lock(&fleet.changed).insert(ANY.to_owned());
            }
        }
    }

    /// Ready messages of each account beyond those that can begin soon.
    fn surpluses(&self) -> Vec<(AccountRow, usize)> {
        let rows = self.registry.all();
        let ready = rows
            .iter()
            .filter(|row| is_shared(row))
            .map(|row| (row, lock(&self.queue).ready_of(row.id.as_str())));
        ready
            .filter(|(_, ready)| *ready > 0)
            .map(|(row, ready)| (row.clone(), ready.saturating_sub(2 * self.limits(row.id.as_str()).at_once)))
            .collect()
    }

    /// Gives away what can't be sent here, and elsewhere can.
    async fn pass_on(&self) -> Result<(), StoreError> {
        let Some(fleet) = &self.fleet else { return Ok(()) };
        for row in self.registry.all().iter().filter(|row| is_shared(row)) {
            let all = self.all_connections(&row.account);
            let to = {
                let view = lock(&fleet.view);
                if view.could(view.me, row, all) == 0 { view.others_for(row, all) } else { None }
            };
            if let Some(to) = to
                && lock(&self.queue).ready_of(row.id.as_str()) > 0
            {
                self.give(row.id.as_str(), GIFT, to).await?;
            }
        }
        Ok(())
    }

    /// Gives ready messages of an account away, the youngest first.
    async fn give(&self, account: &str, count: usize, to: i64) -> Result<(), StoreError> {
        // Nobody puts them back into the queue until they are somebody else's.
        let _one = self.steering.lock().await;
        let seqs = lock(&self.queue).take_ready(account, count);
        if seqs.is_empty() {
            return Ok(());
        }
        match self.store.give(seqs, to).await {
            Ok(given) => {
                for message in given {
                    self.give_share_back(&message.caller_id, message.size);
                    self.spool.remove(&message.id);
                }
                Ok(())
            }
            Err(error) => {
                *lock(&self.forgotten) = true;
                Err(error)
            }
        }
    }

    /// Does what other daemons said.
    ///
    /// # Errors
    /// See [`StoreError`]; then all is to be looked at again.
    pub async fn heard(&self, heard: &Heard) -> Result<(), StoreError> {
        for (caller, (messages, bytes)) in &heard.given {
            self.add_to_share(caller, *messages, *bytes);
        }
        if heard.everything || !heard.given.is_empty() || *lock(&self.forgotten) {
            self.read_again().await?;
        }
        for seq in &heard.steered {
            self.was_steered(*seq).await?;
        }
        for id in &heard.messages {
            // Nobody may be watching.
            let _ = self.changes.send(id.clone());
        }
        if heard.everything {
            let _ = self.changes.send(ANY.to_owned());
        }
        if let Some(node) = heard.plenty.first()
            && lock(&self.queue).waits() < FEW
            && self.fleet.as_ref().is_some_and(|fleet| lock(&fleet.view).others.iter().all(|o| o.counts_me))
        {
            self.store.tell(vec![Said::Hungry(*node, GIFT)]).await?;
        }
        for (node, count) in &heard.hungry {
            self.feed(*node, *count).await?;
        }
        Ok(())
    }

    async fn feed(&self, node: i64, mut count: usize) -> Result<(), StoreError> {
        let Some(fleet) = &self.fleet else { return Ok(()) };
        for (row, surplus) in self.surpluses() {
            let can = lock(&fleet.view).could(node, &row, self.all_connections(&row.account)) > 0;
            let gift = count.min(surplus.div_ceil(2));
            if can && gift > 0 {
                self.give(row.id.as_str(), gift, node).await?;
                count -= gift;
            }
        }
        Ok(())
    }

    /// Follows the store with a message that somebody has steered on another machine, or taken there.
    async fn was_steered(&self, seq: i64) -> Result<(), StoreError> {
        let _one = self.steering.lock().await;
        let Some((message, is_mine)) = self.store.steered(seq).await? else { return Ok(()) };
        if is_mine && message.state == super::State::Queued {
            let account = lock(&self.queue).name(&message.account);
            lock(&self.queue).lane(&account).reopen(false);
            self.enqueue_again(seq, &message.account, &message.caller_id);
        } else {
            lock(&self.queue).remove(seq);
        }
        if !is_mine || message.state.is_final() {
            self.give_share_back(&message.caller_id, message.size);
            if !self.is_in_flight(seq) {
                self.spool.remove(&message.id);
            }
        }
        self.changed(&message.id);
        Ok(())
    }

    pub(super) fn add_to_share(&self, caller: &str, messages: u64, bytes: u64) {
        let mut shares = lock(&self.shares);
        let used = shares.entry(caller.to_owned()).or_default();
        used.messages = used.messages.saturating_add(messages);
        used.bytes = used.bytes.saturating_add(bytes);
    }

    /// Puts what the store has of this node, and the queue does not know, into the queue.
    pub(super) async fn fill(&self) -> Result<(), StoreError> {
        let _one = self.steering.lock().await;
        *lock(&self.forgotten) = false;
        let queued = match self.store.queued().await {
            Ok(queued) => queued,
            Err(error) => {
                *lock(&self.forgotten) = true;
                return Err(error);
            }
        };
        schedule::fill(&mut lock(&self.queue), queued, &self.schedule, self.give_up_ms, &self.clock);
        self.wake.notify_one();
        Ok(())
    }
}
