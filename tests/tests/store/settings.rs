//! Accounts, their history, requests, grants, audit and policy.

use faxpostd::accounts::history::Note;
use faxpostd::accounts::{Account, AccountId};
use faxpostd::approvals::{Request, State};
use faxpostd::audit::{Event, Outcome};
use faxpostd::oauth::{Flow, Grant, Loss, LossKind, SealedTokens};
use faxpostd::store::{
    AccountPut, AccountRow, Asked, AuditFilter, RequestFilter, RequestLimits, RequestStep, Store,
};

use super::author;

fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn put(name: &str, expected: Option<i64>) -> AccountPut {
    let account = Account { sender_email: format!("{name}@example.test"), ..Account::default() };
    let row = AccountRow {
        id: id(name),
        revision: 0,
        account,
        password: Some(vec![0, 255]),
        client_secret: None,
        changed: None,
    };
    AccountPut { row, expected, fields: vec!["sender_email"], note: Note::default(), tokens_stay: true }
}

async fn made(store: &Store, name: &str) -> i64 {
    store.put_accounts(vec![put(name, None)], &author(), 1).await.unwrap().unwrap()[0].0
}

pub(super) async fn a12_accounts_change_all_or_none_and_only_as_expected(store: Store) {
    let revision = made(&store, "default").await;
    let refused = store.put_accounts(vec![put("b", None), put("default", None)], &author(), 2).await.unwrap();
    assert_eq!(refused.unwrap_err(), id("default"));
    assert_eq!(store.accounts().await.unwrap().len(), 1, "all or none");
    let both = vec![put("b-2", None), put("a", None), put("default", Some(revision))];
    let revisions = store.put_accounts(both, &author(), 3).await.unwrap().unwrap();
    assert!(revisions.iter().all(|(number, _)| *number > revision));
    let rows = store.accounts().await.unwrap();
    let names: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(names, ["default", "a", "b-2"]);
    assert_eq!(rows[0].password.as_deref(), Some(&[0, 255][..]));
    assert_eq!(rows[0].changed, Some((3, "somebody".to_owned())));
    assert_eq!(rows[0].account.sender_email, "default@example.test");
    assert!(!store.delete_account(&id("a"), 1, &author(), 4).await.unwrap(), "of another revision");
    assert!(store.delete_account(&id("a"), revisions[1].0, &author(), 4).await.unwrap());
    let page = store.revisions(Some("a".to_owned()), None, 10).await.unwrap();
    assert_eq!(page.rows.iter().map(|r| r.exists).collect::<Vec<_>>(), [false, true]);
    let last = store.revision(page.rows[0].number).await.unwrap().unwrap();
    assert!(last.settings.is_none());
    let before = store.revision_before("a".to_owned(), page.rows[0].number).await.unwrap().unwrap();
    assert_eq!(before.settings.unwrap().sender_email, "a@example.test");
    assert!(made(&store, "a").await > page.rows[0].number, "a revision is never used again");
}

pub(super) async fn a12_of_many_who_change_a_revision_one_wins(store: Store) {
    let revision = made(&store, "default").await;
    for expected in [Some(revision), None] {
        let name = if expected.is_some() { "default" } else { "new" };
        let changes: Vec<_> = (0..16)
            .map(|_| {
                let store = store.clone();
                let change = async move { store.put_accounts(vec![put(name, expected)], &author(), 2).await };
                tokio::spawn(change)
            })
            .collect();
        let mut won = 0;
        for change in changes {
            won += usize::from(change.await.unwrap().unwrap().is_ok());
        }
        assert_eq!(won, 1, "{name}");
    }
}

pub(super) async fn a12_old_revisions_go_and_new_ones_stay(store: Store) {
    let mut revision = made(&store, "default").await;
    for at in 2..12 {
        let put = vec![put("default", Some(revision))];
        revision = store.put_accounts(put, &author(), at).await.unwrap().unwrap()[0].0;
    }
    let page = store.revisions(None, None, 4).await.unwrap();
    assert_eq!((page.rows.len(), page.more), (4, true));
    assert_eq!(store.remove_revisions(5, 100, 1000, 1, 4).await.unwrap(), 4);
    assert_eq!(store.remove_revisions(5, 100, 1000, 1, 4).await.unwrap(), 2);
    assert_eq!(store.remove_revisions(5, 100, 1000, 1, 4).await.unwrap(), 0);
    let page = store.revisions(Some("default".to_owned()), None, 10).await.unwrap();
    assert_eq!((page.rows.len(), page.more, page.rows[0].number), (5, false, revision));
}

fn request(digest: u8, caller: &str) -> Request {
    Request {
        number: 0,
        method: "faxpost.v1.Certificates/GrantKeyAccess".to_owned(),
        caller_id: caller.to_owned(),
        caller_name: "somebody".to_owned(),
        role: "user".to_owned(),
        created_at: 1,
        expires_at: 100,
        summary: "something".to_owned(),
        effects: Vec::new(),
        digest: [digest; 32],
        state: State::Pending,
        decider_id: String::new(),
        decider_name: String::new(),
        decided_at: None,
        decision_text: String::new(),
        ended_at: None,
        outcome_reason: String::new(),
        outcome_text: String::new(),
    }
}

pub(super) async fn c6_requests_have_bounds_and_are_stepped_once(store: Store) {
    let limits = RequestLimits { caller: 2, all: 3, ended: 1 };
    let ask = async |digest, caller: &str| {
        store.insert_request(request(digest, caller), limits, |r| vec![r.number as u8]).await.unwrap()
    };
    let Asked::New(first) = ask(1, "uid:1").await else { panic!() };
    assert_eq!(ask(1, "uid:1").await, Asked::Same(first));
    let both = tokio::join!(ask(2, "uid:1"), ask(3, "uid:1"));
    let refused = [both.0, both.1].into_iter().filter(|asked| *asked == Asked::TooManyOfCaller).count();
    assert_eq!(refused, 1, "{both:?}");
    assert!(matches!(ask(4, "uid:2").await, Asked::New(_)));
    assert_eq!(ask(5, "uid:3").await, Asked::TooManyInAll);
    assert_eq!(store.next_expiry().await.unwrap(), Some(100));
    assert_eq!(store.overdue_requests(100).await.unwrap().len(), 3);

    let step = || {
        let decide = move |found: Option<&Request>| match found {
            Some(request) if request.state == State::Pending => Ok(RequestStep {
                state: State::Refused,
                at: 5,
                decision: Some((author(), "no".to_owned())),
                outcome: None,
            }),
            _ => Err(()),
        };
        let store = store.clone();
        async move { store.step_request(first, decide).await.unwrap() }
    };
    let (one, two) = tokio::join!(step(), step());
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "it is decided once");
    let (after, sealed) = one.or(two).unwrap();
    assert_eq!((after.state, &*after.decision_text, sealed), (State::Refused, "no", Some(vec![first as u8])));
    let filter = RequestFilter { caller: Some("uid:1".to_owned()), states: vec![State::Refused] };
    assert_eq!(store.count_requests(filter.clone()).await.unwrap(), 1);
    assert_eq!(store.requests(filter, None, 10).await.unwrap().rows[0].number, first);
    assert!(store.step_request(99, |found| found.map(|_| unreachable!()).ok_or(())).await.unwrap().is_err());
    assert_eq!(store.remove_requests(6, 10).await.unwrap(), 1);
    assert!(store.request(first).await.unwrap().is_none());
}

pub(super) async fn g3_grants_belong_to_their_account(store: Store) {
    let revision = made(&store, "default").await;
    let grant = Grant {
        id: 0,
        account: "default".to_owned(),
        flow: Flow::DeviceCode,
        requested_scope: "mail".to_owned(),
        scope: "mail".to_owned(),
        caller_id: "uid:1".to_owned(),
        caller_name: "somebody".to_owned(),
        signed_in_at: 1,
        tokens: SealedTokens {
            access: Some(vec![1]),
            access_at: 1,
            access_expires_at: 2,
            refresh: Some(vec![2]),
            refresh_at: Some(1),
            refresh_expires_at: None,
        },
        refreshed_at: None,
        lost: None,
    };
    assert_eq!(store.put_grant(grant.clone(), revision + 1).await.unwrap(), None, "of another revision");
    let first = store.put_grant(grant.clone(), revision).await.unwrap().unwrap();
    let second = store.put_grant(grant.clone(), revision).await.unwrap().unwrap();
    assert!(second > first);
    assert!(!store.renew_grant(first, grant.tokens.clone(), "x".to_owned(), 3).await.unwrap(), "too late");
    assert!(store.renew_grant(second, grant.tokens, "x".to_owned(), 3).await.unwrap());
    let loss = |kind| Loss { kind, code: "c".to_owned(), text: "t".to_owned(), advice: "a".to_owned() };
    store.lose_grant(second, loss(LossKind::Client)).await.unwrap();
    let lost = store.grant("default".to_owned()).await.unwrap().unwrap();
    assert_eq!((lost.tokens.access, lost.tokens.refresh), (None, Some(vec![2])));
    store.lose_grant(second, loss(LossKind::Grant)).await.unwrap();
    let lost = store.grants().await.unwrap().remove(0);
    assert_eq!((lost.tokens.refresh, lost.lost), (None, Some(loss(LossKind::Grant))));
    let put = AccountPut { tokens_stay: false, ..put("default", Some(revision)) };
    assert!(
        store.put_accounts(vec![put], &author(), 2).await.unwrap().unwrap()[0].1,
        "tokens were forgotten"
    );
    assert!(!store.forget_grant("default".to_owned()).await.unwrap());
}

pub(super) async fn h4_audit_and_policy_are_kept(store: Store) {
    let event = |at| Event {
        at,
        caller_id: "uid:1".to_owned(),
        caller_name: "somebody".to_owned(),
        role: "user".to_owned(),
        origin: "local, process 1".to_owned(),
        method: "m".to_owned(),
        target: "t".to_owned(),
        outcome: Outcome::Denied,
        reason: "POLICY_DENIED".to_owned(),
        request: 0,
    };
    for at in 0..5 {
        store.put_audit(event(at)).await.unwrap();
    }
    let filter = AuditFilter { method: "m".to_owned(), caller: "somebody".to_owned(), since: Some(1) };
    let page = store.audit(filter, None, 3).await.unwrap();
    assert_eq!(page.rows.iter().map(|(_, e)| e.at).collect::<Vec<_>>(), [4, 3, 2]);
    assert_eq!(page.rows[0].1, event(4));
    assert_eq!(store.remove_audit(3, 2).await.unwrap(), 2);
    store.put_policy_change("m", "user", Some("allow")).await.unwrap();
    store.put_policy_change("m", "user", Some("deny")).await.unwrap();
    let change = ("m".to_owned(), "user".to_owned(), "deny".to_owned());
    assert_eq!(store.policy_changes().await.unwrap(), [change]);
    store.put_policy_change("m", "user", None).await.unwrap();
    assert!(store.policy_changes().await.unwrap().is_empty());
}
