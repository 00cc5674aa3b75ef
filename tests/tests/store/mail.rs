//! The outbox and the log.

use faxpostd::log::{Filter, Outcome};
use faxpostd::mailer::Transcript;
use faxpostd::outbox::{Message, Recipient, RecipientState, State};
use faxpostd::store::{EntriesFrom, Inserted, Listing, Settled, Store};

use super::{entry, new_message};

async fn accept(store: &Store, id: &str, request: Option<&str>, at: i64) -> i64 {
    match store.insert_message(new_message(id, request, at)).await.unwrap() {
        Inserted::New { seq, .. } => seq,
        other => panic!("{other:?}"),
    }
}

fn settled(message: &Message, state: State, held_for: &'static str, at: i64) -> Settled {
    let done = |r: &Recipient| Recipient {
        state: if state == State::Delivered { RecipientState::Delivered } else { r.state },
        answer: "250 ok".to_owned(),
        ..r.clone()
    };
    Settled {
        seq: message.seq,
        recipients: message.recipients.iter().map(done).collect(),
        state,
        attempts: message.attempts + 1,
        next_attempt_at: None,
        last_error: format!("of {}", message.id),
        last_error_reason: String::new(),
        held_for,
        entry: entry(at),
        report: None,
    }
}

async fn settle(store: &Store, id: &str, state: State, held_for: &'static str, at: i64) {
    let decide = move |found: Option<&Message>| ((), found.map(|m| settled(m, state, held_for, at)));
    assert!(store.settle(id.to_owned(), decide).await.unwrap().1.is_some());
}

pub(super) async fn f4_a_message_is_accepted_with_all_that_belongs_to_it(store: Store) {
    let new = new_message("one", Some("r"), 5);
    let Inserted::New { seq, entry } = store.insert_message(new).await.unwrap() else { panic!() };
    let due = store.with_body(seq).await.unwrap().unwrap();
    assert_eq!(due.body.as_deref(), Some(&b"\0 body\xff"[..]));
    let m = due.message;
    assert_eq!(
        (&*m.id, &*m.subject, m.size, m.state, m.seven_bit),
        ("one", "Получен факс", 7, State::Queued, true)
    );
    assert_eq!((m.accepted_at, m.next_attempt_at, m.not_before, m.expires_at), (5, Some(5), None, i64::MAX));
    let to: Vec<_> = m.recipients.iter().map(|r| (&*r.address, r.state)).collect();
    assert_eq!(
        to,
        [("a@example.test", RecipientState::Pending), ("b@example.test", RecipientState::Pending)]
    );
    let logged = store.entry(entry).await.unwrap().unwrap();
    assert_eq!((&*logged.message, logged.recipients.len(), logged.has_transcript), ("one", 1, false));
    assert!(store.message("one".to_owned(), Some("uid:2".to_owned())).await.unwrap().is_none(), "not his");
    assert_eq!(store.queued().await.unwrap().len(), 1);
    assert_eq!(store.shares().await.unwrap(), [("uid:1".to_owned(), 1, 7)]);
    let ids = vec!["one".to_owned(), "two".to_owned()];
    assert_eq!(store.unfinished_of(ids).await.unwrap(), ["one"]);
    assert!(store.account_is_busy("default".to_owned()).await.unwrap());
    assert_eq!(store.waiting_bytes().await.unwrap(), 7);
    assert!(store.used_bytes().await.unwrap() > 0);
}

pub(super) async fn f4_a_request_id_means_one_message_however_many_ask_at_once(store: Store) {
    let ask = |n: usize| {
        let store = store.clone();
        tokio::spawn(async move { store.insert_message(new_message(&format!("m{n}"), Some("r"), 1)).await })
    };
    let asked: Vec<_> = (0..32).map(ask).collect();
    let (mut new, mut same) = (Vec::new(), Vec::new());
    for one in asked {
        match one.await.unwrap().unwrap() {
            Inserted::New { seq, .. } => new.push(seq),
            Inserted::Duplicate(message) => same.push(message.seq),
            Inserted::Reused | Inserted::Kept => panic!("it is the same message, and the database is there"),
        }
    }
    assert_eq!((new.len(), same.len()), (1, 31));
    assert!(same.iter().all(|seq| *seq == new[0]));
    let mut other = new_message("other", Some("r"), 1);
    other.digest = [8; 32];
    assert!(matches!(store.insert_message(other).await.unwrap(), Inserted::Reused));
    let mut theirs = new_message("theirs", Some("r"), 1);
    theirs.message.caller_id = "uid:2".to_owned();
    assert!(matches!(store.insert_message(theirs).await.unwrap(), Inserted::New { .. }), "of another caller");
    let (found, digest) =
        store.message_of_request("uid:1".to_owned(), "r".to_owned()).await.unwrap().unwrap();
    assert_eq!((found.seq, digest), (new[0], [7; 32]));
}

pub(super) async fn f2_what_settles_a_message_sees_what_was_settled_before(store: Store) {
    let seq = accept(&store, "one", None, 1).await;
    let steps: Vec<_> = (0..16)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let decide = move |m: Option<&Message>| {
                    let m = m.unwrap();
                    (m.attempts, Some(settled(m, State::Queued, "", n)))
                };
                store.settle("one".to_owned(), decide).await.unwrap().0
            })
        })
        .collect();
    let mut seen = Vec::new();
    for step in steps {
        seen.push(step.await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..16).collect::<Vec<_>>(), "each saw another one");
    let nothing = store.settle("one".to_owned(), |m| (m.map(|m| m.attempts), None)).await.unwrap();
    assert_eq!(nothing.0, Some(16));
    assert!(nothing.1.is_none());
    assert!(store.settle("none".to_owned(), |m| (m.is_none(), None)).await.unwrap().0);

    let message = store.message("one".to_owned(), None).await.unwrap().unwrap();
    let mut last = settled(&message, State::Delivered, "", 20);
    last.report = Some(Box::new(new_message("report", None, 20)));
    let written = store.settle_later(seq, false, |state| (state, Some(last))).await.unwrap();
    assert_eq!(written.0, Some(State::Queued));
    assert!(written.1.unwrap().report.is_some());
    let due = store.with_body(seq).await.unwrap().unwrap();
    assert_eq!(
        (due.message.state, due.body),
        (State::Delivered, None),
        "a body is kept as long as it is needed"
    );
    assert!(due.message.recipients.iter().all(|r| r.state == RecipientState::Delivered));
}

pub(super) async fn f6_pages_of_messages_are_whole_and_in_order(store: Store) {
    for n in 0..25 {
        accept(&store, &format!("m{n}"), None, n).await;
    }
    settle(&store, "m3", State::Cancelled, "", 30).await;
    let (mut before, mut ids) = (None, Vec::new());
    loop {
        let listing = Listing { before, limit: 10, ..Listing::default() };
        let page = store.messages(listing).await.unwrap();
        before = page.rows.last().map(|m| m.seq);
        assert!(page.rows.iter().all(|m| m.recipients.len() == 2));
        ids.extend(page.rows.into_iter().map(|m| m.id));
        if !page.more {
            break;
        }
    }
    assert_eq!(ids, (0..25).rev().map(|n| format!("m{n}")).collect::<Vec<_>>());
    let listing = Listing {
        caller_id: Some("uid:1".to_owned()),
        account: "default".to_owned(),
        states: vec![State::Cancelled, State::Held],
        before: None,
        limit: 10,
    };
    let page = store.messages(listing).await.unwrap();
    assert_eq!(page.rows.iter().map(|m| &*m.id).collect::<Vec<_>>(), ["m3"]);
    let unfinished = store.unfinished(None).await.unwrap();
    assert_eq!((unfinished.queued, unfinished.held, unfinished.oldest), (24, 0, Some(0)));
    assert_eq!(store.unfinished(Some("uid:2".to_owned())).await.unwrap().queued, 0);
}

pub(super) async fn e2_the_log_is_filtered_by_what_it_holds(store: Store) {
    let mut other = entry(2);
    other.recipients = vec![("bob@example.com".to_owned(), false, "550 alice".to_owned())];
    other.outcome = Outcome::Permanent;
    other.transcript = Some(Transcript { text: "250 \0".to_owned(), truncated: true });
    let ids = [store.put_entry(entry(1)).await.unwrap(), store.put_entry(other).await.unwrap()];
    let found = async |filter: Filter| {
        let page = store.entries(filter, EntriesFrom::Before(None), 10).await.unwrap();
        page.rows.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(found(Filter::default()).await, [ids[1], ids[0]]);
    let of = |text: &str| Filter { recipient: text.to_owned(), ..Filter::default() };
    assert_eq!(found(of("ALICE@")).await, [ids[0]], "of addresses, not of answers");
    assert_eq!(found(of("%")).await, Vec::<i64>::new(), "a text, not a pattern");
    assert_eq!(found(Filter { caller: "SOME".to_owned(), ..Filter::default() }).await.len(), 2);
    assert_eq!(found(Filter { outcomes: vec![4], kinds: vec![1, 2], ..Filter::default() }).await, [ids[1]]);
    assert_eq!(found(Filter { since: Some(2), until: Some(3), ..Filter::default() }).await, [ids[1]]);
    assert_eq!(found(Filter { caller_id: Some("uid:2".to_owned()), ..Filter::default() }).await.len(), 0);
    let after = store.entries(Filter::default(), EntriesFrom::After(ids[0]), 10).await.unwrap();
    assert_eq!(after.rows[0].id, ids[1]);
    assert!(store.transcript(ids[1]).await.unwrap().unwrap().truncated);
    assert!(store.transcript(ids[0]).await.unwrap().is_none());
}

pub(super) async fn e3_what_is_old_goes_and_what_waits_stays(store: Store) {
    for n in 0..6 {
        accept(&store, &format!("m{n}"), None, n).await;
    }
    for n in 0..4 {
        settle(&store, &format!("m{n}"), State::Delivered, "", 100 + n).await;
    }
    assert_eq!(store.oldest().await.unwrap(), (Some(0), Some(100)));
    assert_eq!(store.remove_finished(102, 1).await.unwrap(), 1);
    assert_eq!(store.remove_finished(i64::MAX, 10).await.unwrap(), 3);
    assert_eq!(store.queued().await.unwrap().len(), 2);
    assert_eq!(store.remove_entries(3, 2).await.unwrap(), 2);
    assert_eq!(store.remove_entries(3, 20).await.unwrap(), 1);
    let mut with = entry(1);
    with.transcript = Some(Transcript { text: "x".to_owned(), truncated: true });
    let id = store.put_entry(with).await.unwrap();
    assert_eq!(store.remove_first_transcripts(0, 5).await.unwrap(), Some((id, 1)));
    assert_eq!(store.remove_first_transcripts(0, 5).await.unwrap(), None);
    store.give_pages_back(0, 100).await.unwrap();
    store.checkpoint().await.unwrap();
}

pub(super) async fn b9_held_mail_is_counted_and_released(store: Store) {
    for id in ["one", "two", "three"] {
        accept(&store, id, None, 1).await;
    }
    settle(&store, "one", State::Held, "AUTH", 2).await;
    settle(&store, "two", State::Held, "AUTH", 3).await;
    let pair = ("default".to_owned(), "fax@example.test".to_owned());
    assert_eq!(store.held_mail(vec!["AUTH", "OTHER"]).await.unwrap(), std::slice::from_ref(&pair));
    let held = store.held_by_account(vec!["AUTH"], None).await.unwrap();
    assert_eq!(held, [("default".to_owned(), 2, Some("of two".to_owned()))]);
    let of_another = store.held_by_account(vec!["AUTH"], Some("uid:2".to_owned())).await.unwrap();
    assert_eq!(of_another, [("default".to_owned(), 0, None)]);
    let released = store.release_held_mail(pair, vec!["AUTH"], 9).await.unwrap();
    assert_eq!(released.len(), 2);
    let message = store.message("one".to_owned(), None).await.unwrap().unwrap();
    assert_eq!((message.state, message.next_attempt_at, &*message.last_error), (State::Queued, Some(9), ""));
    assert!(message.recipients.iter().all(|r| r.answer.is_empty()));
}

pub(super) async fn a_text_with_a_nul_is_no_fault(store: Store) {
    let mut new = new_message("one", None, 1);
    new.message.subject = "a\0b".to_owned();
    new.entry.answer = "250 \0".to_owned();
    assert!(matches!(store.insert_message(new).await.unwrap(), Inserted::New { .. }));
    let message = store.message("one".to_owned(), None).await.unwrap().unwrap();
    assert_eq!(message.subject.chars().count(), 3);
}
