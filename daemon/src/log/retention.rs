//! Retention (requirement E3): what is too old goes, and when the log has grown too large, its oldest part.
//!
//! Nobody is told: a follower has read an entry long before it goes. Unfinished messages never go, whatever their age,
//! and what they take is not held against the log: else whoever fills the queue would erase what he did.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config;
use crate::store::{Store, StoreError};

/// From one look to the next.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Entries in one transaction: some milliseconds of the writer, even if all have long transcripts.
const ENTRIES: usize = 500;

/// Transcripts in one transaction: one can have 64 KiB, and no more should go than must.
const TRANSCRIPTS: usize = 32;

/// Messages in one transaction: one can have 100 recipients.
const MESSAGES: usize = 100;

/// Pages given back in one transaction, 1 MiB: each may be one that has to move.
const PAGES: u64 = 256;

/// Free pages kept, 4 MiB: giving back what is needed again within the hour would be work for nothing.
const KEPT_PAGES: u64 = 1024;

/// Between two transactions: what has gathered at the writer meanwhile goes first.
const PAUSE: Duration = Duration::from_millis(20);

/// Revisions of an account that are kept however old they are.
const REVISIONS: usize = 100;

/// Revisions of an account that are kept at all: whoever may change an account could fill the disk by it.
const MOST_REVISIONS: usize = 10_000;

/// Of them, those of one author that are kept whatever others do: whoever changes the most must not push out what somebody
/// else did.
const REVISIONS_OF_ONE: usize = 20;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Removes what need not be kept, as long as the daemon runs.
pub struct Retention {
    store: Store,
    entries_ms: i64,
    messages_ms: i64,
    most_bytes: Option<u64>,
    first_look: Duration,
}

/// What went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Entries of the log, with their transcripts.
    pub entries: usize,
    /// Transcripts of entries that stayed, or went after them.
    pub transcripts: usize,
    /// Finished messages.
    pub messages: usize,
    /// Privileged actions in the audit log.
    pub audit: usize,
    /// Requests that have ended.
    pub requests: usize,
    /// Changes of accounts.
    pub revisions: usize,
}

impl Retention {
    /// With these settings, of what is in `store`.
    #[must_use]
    pub fn new(settings: &config::Retention, store: Store) -> Self {
        Self {
            store,
            entries_ms: i64::from(settings.keep_days) * DAY_MS,
            messages_ms: i64::from(settings.keep_messages_days) * DAY_MS,
            most_bytes: (settings.max_megabytes > 0).then_some(settings.max_megabytes << 20),
            first_look: settings.first_look,
        }
    }

    /// Looks again and again until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let looks = async {
            tokio::time::sleep(self.first_look).await;
            loop {
                self.look().await;
                tokio::time::sleep(INTERVAL).await;
            }
        };
        // Each transaction is whole: it can stop between any two.
        stop.run_until_cancelled(looks).await;
    }

    async fn look(&self) {
        // Of several daemons one is enough.
        if self.store.members().is_some_and(|members| !members.borrow().is_eldest()) {
            return;
        }
        match self.sweep(jiff::Timestamp::now().as_millisecond()).await {
            Ok(removed) if removed == Removed::default() => {}
            Ok(Removed { entries, transcripts, messages, audit, requests, revisions }) => tracing::info!(
                entries,
                transcripts,
                messages,
                audit,
                requests,
                revisions,
                "removed what need not be kept any longer"
            ),
            Err(error) => tracing::warn!(%error, "old entries could not be removed; tried again in an hour"),
        }
    }

    /// Removes what can go at `now` (Unix milliseconds), and gives its space back.
    ///
    /// # Errors
    /// See [`StoreError`]; what had gone by then is gone.
    pub async fn sweep(&self, now: i64) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        self.store.remove_expired_invitation().await?;
        loop {
            let gone = self.store.remove_entries(now.saturating_sub(self.entries_ms), ENTRIES).await?;
            removed.entries += gone;
            if gone < ENTRIES {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        // Kept as long as the log, whatever their size: what they hold is bounded where it is written.
        loop {
            let gone = self.store.remove_audit(now.saturating_sub(self.entries_ms), ENTRIES).await?;
            removed.audit += gone;
            if gone < ENTRIES {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let gone = self.store.remove_requests(now.saturating_sub(self.entries_ms), MESSAGES).await?;
            removed.requests += gone;
            if gone < MESSAGES {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let before = now.saturating_sub(self.entries_ms);
            let gone =
                self.store.remove_revisions(REVISIONS, before, MOST_REVISIONS, REVISIONS_OF_ONE, ENTRIES);
            let gone = gone.await?;
            removed.revisions += gone;
            if gone < ENTRIES {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let gone = self.store.remove_finished(now.saturating_sub(self.messages_ms), MESSAGES).await?;
            removed.messages += gone;
            if gone < MESSAGES {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(most) = self.most_bytes {
            self.shrink(most, &mut removed).await?;
        }
        while self.store.give_pages_back(KEPT_PAGES, PAGES).await? > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if removed != Removed::default() {
            self.store.checkpoint().await?;
        }
        Ok(removed)
    }

    /// Removes transcripts, the oldest first, then entries and finished messages, whichever is older, until no more
    /// than `most` bytes are used. Entries alone would not do: the messages of busy weeks could leave no log at all.
    async fn shrink(&self, most: u64, removed: &mut Removed) -> Result<(), StoreError> {
        if self.store.used_bytes().await? <= most {
            return Ok(());
        }
        let most = most.saturating_add(self.store.waiting_bytes().await?);
        let mut last = 0;
        while self.store.used_bytes().await? > most {
            let Some((id, gone)) = self.store.remove_first_transcripts(last, TRANSCRIPTS).await? else {
                break;
            };
            last = id;
            removed.transcripts += gone;
            tokio::time::sleep(PAUSE).await;
        }
        while self.store.used_bytes().await? > most {
            let (entry, message) = self.store.oldest().await?;
            let gone = if message.is_some_and(|message| entry.is_none_or(|entry| message < entry)) {
                let gone = self.store.remove_finished(i64::MAX, MESSAGES).await?;
                removed.messages += gone;
                gone
            } else {
                let gone = self.store.remove_entries(i64::MAX, ENTRIES).await?;
                removed.entries += gone;
                gone
            };
            if gone == 0 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::log::{Entry, Filter, Kind, Outcome};
    use crate::mailer::Transcript;
    use crate::outbox::{Message, Recipient, RecipientState, State};
    use crate::store::{EntriesFrom, Inserted, Listing, NewMessage, Settled};

    /// Some moment; what is younger than a day is kept, finished messages for two.
    const NOW: i64 = 1_800_000_000_000;

    struct Kit {
        folder: tempfile::TempDir,
        store: Store,
    }

    impl Kit {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path()).unwrap();
            Self { folder, store }
        }

        async fn entries(&self, count: usize, of: impl Fn(usize) -> Entry) {
            for written in join_all((0..count).map(|number| self.store.put_entry(of(number)))).await {
                written.unwrap();
            }
        }

        /// A message with this request id, accepted and, if `state` is final, finished at `at`.
        async fn message(&self, request: &str, at: i64, state: State, body: usize) -> Inserted {
            let inserted = self.store.insert_message(new_message(request, at, body)).await.unwrap();
            let settle = move |message: Option<&Message>| {
                let message = message.unwrap();
                let settled = Settled {
                    seq: message.seq,
                    recipients: message.recipients.clone(),
                    state,
                    attempts: 1,
                    next_attempt_at: None,
                    last_error: String::new(),
                    last_error_reason: String::new(),
                    held_for: "",
                    entry: entry(at),
                    report: None,
                };
                ((), Some(settled))
            };
            self.store.settle(request.to_owned(), settle).await.unwrap();
            inserted
        }

        async fn sweep(&self, max_megabytes: u64) -> Removed {
            let settings = config::Retention {
                keep_days: 1,
                keep_messages_days: 2,
                max_megabytes,
                ..config::Retention::default()
            };
            Retention::new(&settings, self.store.clone()).sweep(NOW).await.unwrap()
        }

        /// All entries, oldest first.
        async fn left(&self) -> Vec<Entry> {
            let (mut all, mut last) = (Vec::new(), 0);
            loop {
                let from = EntriesFrom::After(last);
                let page = self.store.entries(Filter::default(), from, 500).await.unwrap();
                last = page.rows.last().map_or(last, |entry| entry.id);
                all.extend(page.rows);
                if !page.more {
                    return all;
                }
            }
        }

        /// Ids of all messages, oldest first.
        async fn messages(&self) -> Vec<String> {
            let listing = Listing { limit: 500, ..Listing::default() };
            let page = self.store.messages(listing).await.unwrap();
            page.rows.into_iter().rev().map(|message| message.id).collect()
        }
    }

    fn entry(at: i64) -> Entry {
        Entry::new(Kind::Test, Outcome::Ok, at, ("uid:1", "somebody"), "default")
    }

    fn with_transcript(at: i64) -> Entry {
        let transcript = Transcript { text: "x".repeat(60 * 1024), truncated: true };
        Entry { transcript: Some(transcript), ..entry(at) }
    }

    fn new_message(request: &str, at: i64, body: usize) -> NewMessage {
        let recipient = |address: &str| Recipient {
            address: address.to_owned(),
            state: RecipientState::Delivered,
            answer: String::new(),
        };
        let message = Message {
            seq: 0,
            id: request.to_owned(),
            message_id: format!("<{request}@example.test>"),
            account: "default".to_owned(),
            caller_id: "uid:1".to_owned(),
            caller_name: "somebody".to_owned(),
            state: State::Queued,
            sender: String::new(),
            subject: String::new(),
            recipients: vec![recipient("a@example.test"), recipient("b@example.test")],
            size: body as u64,
            attempts: 0,
            accepted_at: at,
            next_attempt_at: Some(at),
            expires_at: i64::MAX,
            last_error: String::new(),
            last_error_reason: String::new(),
            not_before: None,
            delivery_status: String::new(),
            seven_bit: true,
            held_for: String::new(),
        };
        NewMessage {
            message,
            author: String::new(),
            request_id: Some(request.to_owned()),
            digest: [0; 32],
            body: Some(vec![0; body]),
            file: None,
            entry: entry(at),
        }
    }

    #[tokio::test]
    async fn e3_entries_that_are_too_old_go_however_many_and_in_whatever_order_they_were_written() {
        let kit = Kit::new();
        // A clock that was set back wrote the youngest ones first.
        kit.entries(2, |_| entry(NOW - DAY_MS)).await;
        kit.entries(2 * ENTRIES + 100, |_| entry(NOW - DAY_MS - 1)).await;
        kit.entries(1, |_| entry(NOW)).await;
        let removed = kit.sweep(0).await;
        assert_eq!(removed, Removed { entries: 2 * ENTRIES + 100, ..Removed::default() });
        let left: Vec<_> = kit.left().await.iter().map(|entry| entry.at).collect();
        assert_eq!(left, [NOW - DAY_MS, NOW - DAY_MS, NOW]);
        assert_eq!(kit.sweep(0).await, Removed::default(), "nothing is left to do");
    }

    #[tokio::test]
    async fn f2_finished_messages_go_by_the_time_they_were_finished_and_unfinished_ones_never() {
        let kit = Kit::new();
        let old = NOW - 2 * DAY_MS - 1;
        kit.message("queued", 0, State::Queued, 10).await;
        kit.message("held", 0, State::Held, 10).await;
        for number in 0..MESSAGES + 10 {
            kit.message(&format!("old-{number}"), old, State::Delivered, 10).await;
        }
        kit.message("failed", old, State::Failed, 10).await;
        kit.message("cancelled", old, State::Cancelled, 10).await;
        kit.message("young", NOW - 2 * DAY_MS, State::Delivered, 10).await;
        assert!(matches!(kit.message("old-0", NOW, State::Delivered, 10).await, Inserted::Duplicate(_)));
        // Asked for again, it was finished only now.
        assert_eq!(kit.sweep(0).await.messages, MESSAGES + 11);
        assert_eq!(kit.messages().await, ["queued", "held", "old-0", "young"]);
        let queued = kit.store.message("queued".to_owned(), None).await.unwrap().unwrap();
        assert_eq!(queued.recipients.len(), 2);
        let again = kit.message("old-1", NOW, State::Delivered, 10).await;
        assert!(matches!(again, Inserted::New { .. }), "its request id is free again: {again:?}");
    }

    #[tokio::test]
    async fn a12_of_each_account_the_newest_revisions_stay_and_old_ones_go() {
        use crate::accounts::history::Note;
        use crate::accounts::{Account, AccountId};
        use crate::store::{AccountPut, AccountRow, Author};

        let kit = Kit::new();
        let author = |id: &str| Author { id: id.to_owned(), name: id.to_owned() };
        let revise_as = async |who: &str, id: &str, at: i64, count: usize, mut expected: Option<i64>| {
            for _ in 0..count {
                let row = AccountRow {
                    id: AccountId::parse(id).unwrap(),
                    revision: 0,
                    account: Account::default(),
                    password: None,
                    client_secret: None,
                    changed: None,
                };
                let note = Note::default();
                let put = AccountPut { row, expected, fields: Vec::new(), note, tokens_stay: true };
                let put = kit.store.put_accounts(vec![put], &author(who), at).await.unwrap().unwrap();
                expected = Some(put[0].0);
            }
            expected
        };
        let revise = async |id: &str, at, count, expected| revise_as("uid:1", id, at, count, expected).await;
        let last = revise("old", 0, REVISIONS + 30, None).await;
        revise("old", NOW, 5, last).await;
        revise("quiet", 0, 3, None).await;
        assert_eq!(kit.sweep(0).await.revisions, 35, "young ones count, old ones beyond them go");
        let count =
            async |id: &str| kit.store.revisions(Some(id.to_owned()), None, 500).await.unwrap().rows.len();
        assert_eq!((count("old").await, count("quiet").await), (REVISIONS, 3));
        assert_eq!(
            kit.store.remove_revisions(2, 0, 50, 10, 500).await.unwrap(),
            REVISIONS - 50,
            "whatever their age"
        );
        // Who changes the most pushes out his own.
        let last = revise_as("uid:2", "shared", 0, 30, None).await;
        revise_as("uid:1", "shared", 0, 300, last).await;
        assert_eq!(kit.store.remove_revisions(100, 1, 10_000, 20, 500).await.unwrap(), 330 - 120);
        let left = kit.store.revisions(Some("shared".to_owned()), None, 500).await.unwrap().rows;
        assert_eq!(left.iter().filter(|revision| revision.caller_name == "uid:2").count(), 20);
        assert_eq!(kit.sweep(0).await, Removed::default());
    }

    #[tokio::test]
    async fn e3_a_log_that_is_too_large_loses_its_oldest_transcripts_first() {
        let kit = Kit::new();
        kit.entries(1, |_| entry(NOW)).await;
        kit.entries(100, |_| with_transcript(NOW)).await;
        let removed = kit.sweep(4).await;
        assert!(kit.store.used_bytes().await.unwrap() <= 4 << 20);
        let left = kit.left().await;
        assert_eq!((removed.entries, left.len()), (0, 101), "{removed:?}");
        let kept = 100 - removed.transcripts;
        assert!((30..=66).contains(&kept), "no more goes than must: {removed:?}");
        assert!(left[101 - kept..].iter().all(|entry| entry.has_transcript), "the youngest are kept");
        assert!(left[..101 - kept].iter().all(|entry| !entry.has_transcript));
    }

    #[tokio::test]
    async fn e3_then_the_oldest_entries_and_messages_go_and_what_waits_is_not_held_against_them() {
        let kit = Kit::new();
        kit.message("waiting", NOW, State::Held, 4 << 20).await;
        kit.message("finished", NOW - 3, State::Delivered, 10).await;
        kit.entries(10, |_| entry(NOW)).await;
        assert_eq!(kit.sweep(1).await, Removed::default(), "mail that waits is no log");

        let long = |at| Entry { subject: "x".repeat(2000), ..entry(at) };
        kit.entries(500, |_| long(NOW - 4)).await;
        kit.entries(1500, |_| long(NOW - 1)).await;
        let removed = kit.sweep(1).await;
        let left = kit.left().await;
        assert!((1500..2010).contains(&removed.entries) && removed.messages == 1, "{removed:?}");
        assert_eq!(left.len() + removed.entries, 2014);
        assert!(left.iter().all(|entry| entry.at >= NOW - 1), "the oldest went first");
        assert_eq!(kit.messages().await, ["waiting"]);
        assert!(kit.store.used_bytes().await.unwrap() <= 5 << 20);
    }

    #[tokio::test]
    async fn e3_space_is_given_back_to_the_disk() {
        let kit = Kit::new();
        let size = || std::fs::metadata(kit.folder.path().join(crate::store::DATABASE)).unwrap().len();
        kit.entries(200, |_| with_transcript(0)).await;
        kit.entries(1, |_| with_transcript(NOW)).await;
        kit.store.checkpoint().await.unwrap();
        let before = size();
        assert!(before > 12_000_000, "{before}");
        assert_eq!(kit.sweep(0).await.entries, 200);
        assert!(size() < 5_000_000, "{} of {before}", size());
        let transcript = kit.store.transcript(201).await.unwrap().unwrap();
        assert_eq!(transcript.text.len(), 60 * 1024, "what is kept is whole");
    }
}
