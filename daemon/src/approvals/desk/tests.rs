//! The desk with a real store and hands that only count.

use std::sync::Mutex;

use futures_util::future::join_all;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::certs::{Identity, KeyType, Trustee};
use crate::policy::{APPROVABLE, GRANT_KEY_ACCESS, INSTALL_CERTIFICATE};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Default)]
struct Counting {
    done: Mutex<Vec<Action>>,
    broken: Mutex<Option<CertificateError>>,
}

impl Hands for Counting {
    fn check<'a>(&'a self, action: &'a Action) -> Working<'a, Result<Plan, CertificateError>> {
        Box::pin(async move {
            match action {
                Action::CreateSigningRequest { subject, .. } if subject.is_empty() => {
                    Err(CertificateError::Invalid { field: "subject", text: "required".to_owned() })
                }
                _ => {
                    let effects = vec![Effect { name: "trustee".to_owned(), value: "fax".to_owned() }];
                    Ok(Plan { summary: format!("Does {}", method_of(action)), effects })
                }
            }
        })
    }

    fn carry_out(&self, action: Action, _author: Author) -> Working<'_, Result<Done, CertificateError>> {
        Box::pin(async move {
            // Others get their turn while it is under way.
            tokio::task::yield_now().await;
            if let Some(error) = self.broken.lock().unwrap().clone() {
                return Err(error);
            }
            self.done.lock().unwrap().push(action);
            Ok(Done::Deleted)
        })
    }
}

struct Kit {
    folder: tempfile::TempDir,
    hands: Arc<Counting>,
    desk: Arc<Desk>,
}

impl Kit {
    async fn new() -> Self {
        Self::living(WEEK).await
    }

    async fn living(life: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hands = Arc::<Counting>::default();
        let (desk, interrupted) = open(folder.path(), &hands, life).await;
        assert!(interrupted.is_empty());
        Self { folder, hands, desk: Arc::new(desk) }
    }

    /// As after a restart.
    async fn again(self) -> (Self, Vec<Request>) {
        let Self { folder, hands, desk } = self;
        drop(desk);
        let (desk, interrupted) = open(folder.path(), &hands, WEEK).await;
        (Self { folder, hands, desk: Arc::new(desk) }, interrupted)
    }

    async fn ask(&self, caller: &str, action: Action) -> Result<Submitted, AskError> {
        let method = method_of(&action);
        self.desk.submit(permit(&asking(method), method, caller), action).await
    }

    async fn pending(&self, caller: &str, action: Action) -> Request {
        match self.ask(caller, action).await.unwrap() {
            Submitted::Pending(number) => self.desk.get(number, None).await.unwrap(),
            Submitted::Done(_) => panic!("it was done"),
        }
    }

    async fn approve(&self, request: &Request, who: &str) -> Result<Request, DecideError> {
        let policy = asking(GRANT_KEY_ACCESS);
        self.desk.approve(request.number, &hex::encode(request.digest), &author(who), &policy).await
    }

    fn done(&self) -> Vec<Action> {
        self.hands.done.lock().unwrap().clone()
    }

    /// Changes the database behind the desk's back.
    fn tamper(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.folder.path().join(crate::store::DATABASE)).unwrap();
        assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
    }

    fn sealed(&self) -> i64 {
        let database = rusqlite::Connection::open(self.folder.path().join(crate::store::DATABASE)).unwrap();
        let sql = "SELECT count(*) FROM request WHERE action IS NOT NULL";
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

async fn open(folder: &std::path::Path, hands: &Arc<Counting>, life: Duration) -> (Desk, Vec<Request>) {
    let store = Store::open(folder).unwrap();
    let vault = Arc::new(Vault::open(folder).unwrap());
    Desk::open(store, vault, hands.clone(), life).await.unwrap()
}

fn author(id: &str) -> Author {
    Author { id: id.to_owned(), name: format!("name of {id}") }
}

/// A policy that lets users ask for this method.
fn asking(method: &str) -> Policy {
    let mut policy = Policy::default();
    policy.change(method, Role::User, Some(Decision::Approval)).unwrap();
    policy
}

fn permit(policy: &Policy, method: &str, caller: &str) -> Permit {
    Permit::of(policy, method, Role::User, author(caller)).unwrap()
}

fn grant(to: u32) -> Action {
    let trustee = Trustee { id: format!("uid:{to}"), name: format!("fax{to}") };
    Action::Grant { certificate: [7; 32], trustee }
}

fn install() -> Action {
    let key = Zeroizing::new(b"correct horse battery staple".to_vec());
    let identity = Identity { certificate: vec![1; 900], chain: vec![vec![2; 800]], key };
    Action::Install { identity, exportable: false, grant: None }
}

/// One action for each approvable method.
fn every_action() -> Vec<Action> {
    let trustee = Trustee { id: "uid:107".to_owned(), name: "fax".to_owned() };
    vec![
        install(),
        Action::Delete { certificate: [1; 32] },
        Action::Grant { certificate: [1; 32], trustee: trustee.clone() },
        Action::Revoke { certificate: [1; 32], trustee: trustee.clone() },
        Action::CreateSigningRequest {
            subject: "CN=Fax".to_owned(),
            address: "fax@example.test".to_owned(),
            key_type: KeyType::EcP256,
        },
        Action::InstallAnswer { certificate: vec![3; 900], chain: vec![], grant: Some(trustee) },
        Action::DeleteSigningRequest { id: [9; 32] },
    ]
}

#[tokio::test]
async fn c6_no_approvable_method_has_an_effect_before_it_is_approved() {
    let kit = Kit::new().await;
    let actions = every_action();
    let mut methods: Vec<_> = actions.iter().map(method_of).collect();
    methods.sort_unstable();
    let mut known = APPROVABLE.to_vec();
    known.sort_unstable();
    assert_eq!(methods, known, "each of them is tried");
    for action in actions {
        let request = kit.pending("uid:1000", action.clone()).await;
        assert_eq!((request.state, request.method.as_str()), (State::Pending, method_of(&action)));
        assert_eq!(kit.done(), []);
    }
}

#[tokio::test]
async fn c6_what_is_approved_is_done_exactly_as_it_was_asked_and_once() {
    let kit = Kit::new().await;
    for (done, action) in every_action().into_iter().enumerate() {
        let method = method_of(&action);
        let request = kit.pending("uid:1000", action.clone()).await;
        let policy = asking(method);
        let digest = hex::encode(request.digest);
        let decided = kit.desk.approve(request.number, &digest, &author("uid:0"), &policy).await.unwrap();
        assert_eq!((decided.state, decided.outcome_reason.as_str()), (State::Done, ""));
        assert_eq!((decided.decider_id.as_str(), decided.caller_id.as_str()), ("uid:0", "uid:1000"));
        assert_eq!(kit.done()[done..], [action]);
        let again = kit.desk.approve(request.number, &digest, &author("uid:0"), &policy).await;
        assert!(matches!(again, Err(DecideError::WrongState(_, "done"))), "{again:?}");
        assert_eq!(kit.done().len(), done + 1);
    }
    assert_eq!(kit.sealed(), 0, "nothing is kept of what is over");
}

#[tokio::test]
async fn c6_many_administrators_at_once_do_it_once() {
    let kit = Kit::new().await;
    let request = kit.pending("uid:1000", grant(107)).await;
    let names: Vec<_> = (0..16).map(|n| format!("uid:{n}")).collect();
    let results = join_all(names.iter().map(|name| kit.approve(&request, name))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(kit.done().len(), 1);
}

#[tokio::test]
async fn c6_allowed_is_done_at_once_and_denied_has_no_permit() {
    let kit = Kit::new().await;
    let mut policy = Policy::default();
    policy.change(GRANT_KEY_ACCESS, Role::User, Some(Decision::Allow)).unwrap();
    let submitted = kit.desk.submit(permit(&policy, GRANT_KEY_ACCESS, "uid:1"), grant(1)).await.unwrap();
    assert!(matches!(submitted, Submitted::Done(_)));
    assert_eq!(kit.done(), [grant(1)]);

    policy.change(GRANT_KEY_ACCESS, Role::User, Some(Decision::Deny)).unwrap();
    assert!(Permit::of(&policy, GRANT_KEY_ACCESS, Role::User, author("uid:1")).is_none());
    assert!(Permit::of(&policy, "faxpost.v1.Mail/SendMail", Role::User, author("uid:1")).is_none());
}

#[tokio::test]
async fn c6_a_permit_is_good_for_its_method_only() {
    let kit = Kit::new().await;
    let mut policy = Policy::default();
    policy.change(GRANT_KEY_ACCESS, Role::User, Some(Decision::Allow)).unwrap();
    let submitted = kit.desk.submit(permit(&policy, GRANT_KEY_ACCESS, "uid:1"), install()).await;
    assert!(matches!(submitted, Err(AskError::AnotherMethod(..))), "{submitted:?}");
    assert_eq!(kit.done(), []);
}

#[tokio::test]
async fn c6_nobody_approves_his_own() {
    let kit = Kit::new().await;
    let request = kit.pending("uid:1000", grant(1)).await;
    assert!(matches!(kit.approve(&request, "uid:1000").await, Err(DecideError::Own(_))));
    assert_eq!(kit.desk.get(request.number, None).await.unwrap().state, State::Pending);
    assert_eq!(kit.done(), []);
}

#[tokio::test]
async fn c6_another_digest_than_the_one_shown_approves_nothing() {
    let kit = Kit::new().await;
    let (one, two) = (kit.pending("uid:1", grant(1)).await, kit.pending("uid:1", grant(2)).await);
    assert_ne!(one.digest, two.digest);
    let crossed = Request { digest: two.digest, ..one.clone() };
    assert!(matches!(kit.approve(&crossed, "uid:0").await, Err(DecideError::AnotherDigest(_))));
    assert_eq!(kit.done(), []);
}

/// Whoever can write the database can make a request disappear, but not turn it into another one.
#[tokio::test]
async fn c6_a_request_that_was_changed_in_the_database_is_not_carried_out() {
    for change in [
        "UPDATE request SET action = (SELECT action FROM request WHERE number = 2) WHERE number = 1",
        "UPDATE request SET action = x'0102' WHERE number = 1",
        "UPDATE request SET action = NULL WHERE number = 1",
        "UPDATE request SET summary = 'Something harmless' WHERE number = 1",
        "UPDATE request SET effects = '[]' WHERE number = 1",
        "UPDATE request SET caller_id = 'uid:5' WHERE number = 1",
        "UPDATE request SET caller_name = 'boss' WHERE number = 1",
        "UPDATE request SET role = 'service' WHERE number = 1",
        "UPDATE request SET created_at = created_at + 1 WHERE number = 1",
        "UPDATE request SET expires_at = expires_at + 100000 WHERE number = 1",
        "UPDATE request SET digest = (SELECT digest FROM request WHERE number = 2),
                            action = (SELECT action FROM request WHERE number = 2) WHERE number = 1",
    ] {
        let kit = Kit::new().await;
        let one = kit.pending("uid:1", grant(1)).await;
        kit.pending("uid:1", grant(2)).await;
        kit.tamper(change);
        let shown = kit.desk.get(one.number, None).await.unwrap();
        let mut policy = asking(GRANT_KEY_ACCESS);
        policy.change(GRANT_KEY_ACCESS, Role::Service, Some(Decision::Approval)).unwrap();
        let digest = hex::encode(shown.digest);
        let decided = kit.desk.approve(one.number, &digest, &author("uid:0"), &policy).await.unwrap();
        assert_eq!(
            (decided.state, decided.outcome_reason.as_str()),
            (State::Failed, reason::STORE_FAILED),
            "{change}"
        );
        assert_eq!(kit.done(), [], "{change}");
    }
}

#[tokio::test]
async fn c6_what_waits_is_sealed() {
    let kit = Kit::new().await;
    kit.pending("uid:1", install()).await;
    assert_eq!(kit.sealed(), 1);
    // With the store still open: while it closes, its files come and go.
    for file in std::fs::read_dir(kit.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for clear in [&b"correct horse"[..], hex::encode("correct horse").as_bytes()] {
            assert!(!bytes.windows(clear.len()).any(|window| window == clear));
        }
    }
}

#[tokio::test]
async fn c6_a_role_that_may_not_even_ask_any_more_is_not_served() {
    let kit = Kit::new().await;
    let request = kit.pending("uid:1", grant(1)).await;
    let mut policy = Policy::default();
    policy.change(GRANT_KEY_ACCESS, Role::User, Some(Decision::Deny)).unwrap();
    let digest = hex::encode(request.digest);
    let approved = kit.desk.approve(request.number, &digest, &author("uid:0"), &policy).await;
    assert!(matches!(approved, Err(DecideError::NoLongerAllowed { .. })), "{approved:?}");
    assert_eq!(kit.done(), []);
    kit.desk.refuse(request.number, &author("uid:0"), "no".to_owned()).await.unwrap();
}

#[tokio::test]
async fn c6_a_failure_ends_the_request_and_says_why() {
    let kit = Kit::new().await;
    let request = kit.pending("uid:1", grant(1)).await;
    *kit.hands.broken.lock().unwrap() = Some(CertificateError::NotFound("0707".to_owned()));
    let failed = kit.approve(&request, "uid:0").await.unwrap();
    assert_eq!(
        (failed.state, failed.outcome_reason.as_str()),
        (State::Failed, reason::CERTIFICATE_NOT_FOUND)
    );
    assert!(failed.outcome_text.contains("0707"), "{}", failed.outcome_text);
    *kit.hands.broken.lock().unwrap() = None;
    assert!(kit.approve(&request, "uid:0").await.is_err());
    assert_eq!(kit.done(), []);
}

#[tokio::test]
async fn c6_what_cannot_be_done_does_not_wait() {
    let kit = Kit::new().await;
    let action = Action::CreateSigningRequest {
        subject: String::new(),
        address: String::new(),
        key_type: KeyType::EcP256,
    };
    let asked = kit.ask("uid:1", action).await;
    assert!(matches!(asked, Err(AskError::Action(CertificateError::Invalid { field: "subject", .. }))));
    assert_eq!(kit.desk.pending(None).await.unwrap(), 0);
}

#[tokio::test]
async fn c6_requests_survive_a_restart() {
    let kit = Kit::new().await;
    let request = kit.pending("uid:1", install()).await;
    let (kit, interrupted) = kit.again().await;
    assert!(interrupted.is_empty());
    let found = kit.desk.get(request.number, None).await.unwrap();
    assert_eq!(found, request);
    let mut policy = Policy::default();
    policy.change(INSTALL_CERTIFICATE, Role::User, Some(Decision::Approval)).unwrap();
    let digest = hex::encode(found.digest);
    let done = kit.desk.approve(found.number, &digest, &author("uid:0"), &policy).await.unwrap();
    assert_eq!(done.state, State::Done);
    assert_eq!(kit.done(), [install()]);
}

#[tokio::test]
async fn c6_what_was_being_carried_out_at_a_crash_is_not_carried_out_again() {
    let kit = Kit::new().await;
    let request = kit.pending("uid:1", grant(1)).await;
    // As approve() leaves it when the power goes.
    kit.desk
        .step(request.number, Event::Approve, |_| Ok(Some((author("uid:0"), String::new()))))
        .await
        .unwrap();
    let (kit, interrupted) = kit.again().await;
    assert_eq!(interrupted.len(), 1);
    let found = kit.desk.get(request.number, None).await.unwrap();
    assert_eq!((found.state, found.outcome_reason.as_str()), (State::Failed, reason::STOPPING));
    assert!(found.outcome_text.contains("ask again"), "{}", found.outcome_text);
    assert!(kit.approve(&found, "uid:0").await.is_err());
    assert_eq!((kit.done().len(), kit.sealed()), (0, 0));
}

#[tokio::test]
async fn c6_what_nobody_decides_expires_and_cannot_be_approved() {
    let kit = Kit::living(Duration::ZERO).await;
    let request = kit.pending("uid:1", grant(1)).await;
    let approved = kit.approve(&request, "uid:0").await;
    assert!(matches!(approved, Err(DecideError::WrongState(_, "expired"))), "{approved:?}");
    assert_eq!(kit.done(), []);

    // Without anybody asking: by the timer.
    let other = kit.pending("uid:1", grant(2)).await;
    let mut changes = kit.desk.watch();
    let stop = CancellationToken::new();
    let running = tokio::spawn(kit.desk.clone().run(stop.clone()));
    while kit.desk.get(other.number, None).await.unwrap().state == State::Pending {
        changes.changed().await.unwrap();
    }
    assert_eq!(kit.desk.get(other.number, None).await.unwrap().state, State::Expired);
    stop.cancel();
    running.await.unwrap();
    assert_eq!(kit.sealed(), 0);
}

#[tokio::test]
async fn c6_only_its_owner_withdraws_a_request() {
    let kit = Kit::new().await;
    let request = kit.pending("uid:1", grant(1)).await;
    let stranger = kit.desk.withdraw(request.number, &author("uid:2")).await;
    assert!(matches!(stranger, Err(DecideError::NotFound(_))), "{stranger:?}");
    assert!(matches!(kit.desk.get(request.number, Some("uid:2")).await, Err(DecideError::NotFound(_))));
    let withdrawn = kit.desk.withdraw(request.number, &author("uid:1")).await.unwrap();
    assert_eq!((withdrawn.state, kit.sealed()), (State::Withdrawn, 0));
    assert!(matches!(kit.approve(&request, "uid:0").await, Err(DecideError::WrongState(_, "withdrawn"))));
}

#[tokio::test]
async fn c6_asking_twice_for_the_same_is_one_request() {
    let kit = Kit::new().await;
    let (one, two) = (kit.pending("uid:1", grant(1)).await, kit.pending("uid:1", grant(1)).await);
    assert_eq!(one, two);
    let other = kit.pending("uid:2", grant(1)).await;
    assert_ne!(other.number, one.number, "another's is his own");
    kit.desk.refuse(one.number, &author("uid:0"), String::new()).await.unwrap();
    assert_ne!(kit.pending("uid:1", grant(1)).await.number, one.number, "after a refusal it is a new one");
}

#[tokio::test]
async fn h5_what_waits_is_bounded_for_each_and_for_all() {
    let kit = Kit::new().await;
    for n in 0..20 {
        kit.pending("uid:1", grant(n)).await;
    }
    let more = kit.ask("uid:1", grant(20)).await;
    assert!(matches!(more, Err(AskError::TooManyOfCaller(20))), "{more:?}");
    kit.pending("uid:2", grant(20)).await;

    let huge = Action::InstallAnswer { certificate: vec![1; 200 * 1024], chain: vec![], grant: None };
    assert!(matches!(kit.ask("uid:2", huge).await, Err(AskError::TooLarge)));

    for caller in 3..=51 {
        for n in 0..20 {
            if kit.desk.pending(None).await.unwrap() < 1000 {
                kit.pending(&format!("uid:{caller}"), grant(n)).await;
            }
        }
    }
    assert_eq!(kit.desk.pending(None).await.unwrap(), 1000);
    let more = kit.ask("uid:99", grant(1)).await;
    assert!(matches!(more, Err(AskError::TooManyInAll(1000))), "{more:?}");
    assert!(kit.desk.lately(None).await.unwrap().len() <= 1050);
}

#[tokio::test]
async fn h5_what_is_over_does_not_pile_up() {
    let kit = Kit::new().await;
    for n in 0..130 {
        let request = kit.pending("uid:1", grant(n)).await;
        kit.desk.withdraw(request.number, &author("uid:1")).await.unwrap();
    }
    let page = kit.desk.list(RequestFilter::default(), None, 500).await.unwrap();
    assert_eq!(page.rows.len(), 101);
    assert_eq!(page.rows[0].number, 130, "numbers are never used again");
}

#[derive(Clone, Debug)]
enum Move {
    Ask(u8, u8),
    Approve(u8, u8),
    Refuse(u8),
    Withdraw(u8, u8),
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (0..3_u8, 0..3_u8).prop_map(|(who, what)| Move::Ask(who, what)),
        3 => (0..3_u8, 1..8_u8).prop_map(|(who, number)| Move::Approve(who, number)),
        1 => (1..8_u8).prop_map(Move::Refuse),
        1 => (0..3_u8, 1..8_u8).prop_map(|(who, number)| Move::Withdraw(who, number)),
        1 => Just(Move::Restart),
    ];
    proptest::collection::vec(one, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever people do, and whenever the daemon restarts: what was done is what is shown as done, once, and never by
    /// who asked.
    #[test]
    fn c6_no_order_of_moves_does_more_than_was_approved(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut kit = Kit::new().await;
            let mut approved = 0;
            for step in moves {
                match step {
                    Move::Ask(who, what) => {
                        kit.pending(&format!("uid:{who}"), grant(what.into())).await;
                    }
                    Move::Approve(who, number) => {
                        let Ok(request) = kit.desk.get(number.into(), None).await else { continue };
                        let who = format!("uid:{who}");
                        let result = kit.approve(&request, &who).await;
                        let can = request.state == State::Pending && request.caller_id != who;
                        assert_eq!(result.is_ok(), can, "{request:?} by {who}: {result:?}");
                        approved += usize::from(can);
                    }
                    Move::Refuse(number) => {
                        let _ = kit.desk.refuse(number.into(), &author("uid:0"), String::new()).await;
                    }
                    Move::Withdraw(who, number) => {
                        let _ = kit.desk.withdraw(number.into(), &author(&format!("uid:{who}"))).await;
                    }
                    Move::Restart => kit = kit.again().await.0,
                }
                let all = kit.desk.list(RequestFilter::default(), None, 500).await.unwrap().rows;
                let done = all.iter().filter(|request| request.state == State::Done).count();
                assert_eq!((done, kit.done().len()), (approved, approved));
                let waiting = all.iter().filter(|request| request.state == State::Pending).count();
                assert_eq!(kit.sealed(), waiting as i64, "only what waits is kept");
            }
        });
    }
}

#[tokio::test]
async fn c6_a_summary_of_any_length_is_shown_in_part() {
    assert_eq!(bounded(&"ж".repeat(LONGEST_TEXT)), "ж".repeat(LONGEST_TEXT));
    assert_eq!(bounded(&"ж".repeat(5000)).chars().count(), LONGEST_TEXT + 1);
}
