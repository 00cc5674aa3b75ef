//! Requests over the wire. Whoever runs these tests is the only caller, and so never the one who may approve what he asked
//! for: the whole story of two people stands in tests/users.

use std::time::Duration;

use faxpost_proto::reason;
use faxpost_proto::v1::{self, AuditOutcome, Decision, RequestState, Role};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Kind, Pki};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::kit::{audit, call, decide, invalid, methods, ok, refused};

const CREATE: &str = "Certificates/CreateSigningRequest";

/// How long something may take that ends by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon whose administrators need each other's approval for this.
async fn asking(methods: &[&str]) -> TestDaemon {
    let daemon = TestDaemon::start().await;
    for method in methods {
        decide(&daemon, method, Role::Administrator, Decision::Approval).await;
    }
    daemon
}

fn for_address(address: &str) -> v1::CreateSigningRequestRequest {
    v1::CreateSigningRequestRequest {
        sender_email: address.to_owned(),
        key_type: v1::KeyType::EcP256.into(),
        ..v1::CreateSigningRequestRequest::default()
    }
}

/// Asks for a key, and gives the number of the request.
async fn ask(daemon: &TestDaemon, address: &str) -> i64 {
    let asked = daemon.certificates().await.create_signing_request(for_address(address)).await;
    let status = refused(asked, Code::FailedPrecondition, reason::APPROVAL_PENDING);
    let number = status.get_details_error_info().unwrap().metadata["request"].parse().unwrap();
    assert!(status.message().contains(&format!("faxpost request show {number}")), "{}", status.message());
    number
}

async fn get(daemon: &TestDaemon, number: i64) -> v1::Request {
    ok(daemon.approvals().await.get_request(v1::GetRequestRequest { number }).await).request.unwrap()
}

async fn list(daemon: &TestDaemon, states: &[RequestState]) -> Vec<v1::Request> {
    let states = states.iter().map(|state| (*state).into()).collect();
    let request = v1::ListRequestsRequest { states, ..Default::default() };
    ok(daemon.approvals().await.list_requests(request).await).requests
}

/// Keys that were made.
async fn keys(daemon: &TestDaemon) -> usize {
    let request = v1::ListSigningRequestsRequest {};
    ok(daemon.certificates().await.list_signing_requests(request).await).signing_requests.len()
}

/// Changes the database of a daemon that was killed.
fn tamper(daemon: &TestDaemon, sql: &str) {
    let database = rusqlite::Connection::open(daemon.state_dir().join("faxpost.db")).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
}

async fn approve(daemon: &TestDaemon, request: &v1::Request) -> Result<v1::Request, tonic::Status> {
    let call = v1::ApproveRequestRequest { number: request.number, digest: request.digest.clone() };
    let answer = daemon.approvals().await.approve_request(call).await?;
    Ok(answer.into_inner().request.unwrap())
}

async fn pending(daemon: &TestDaemon) -> i64 {
    ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await).pending_requests
}

#[tokio::test]
async fn c6_what_needs_approval_waits_and_is_shown_part_by_part() {
    let daemon = asking(&[CREATE]).await;
    let number = ask(&daemon, "fax@example.test").await;
    assert_eq!(keys(&daemon).await, 0, "nothing was done");
    let request = get(&daemon, number).await;
    assert_eq!(request.state(), RequestState::Pending);
    assert_eq!(request.method, format!("faxpost.v1.{CREATE}"));
    assert!(request.summary.contains("fax@example.test"), "{}", request.summary);
    let address = request.effects.iter().find(|effect| effect.name == "address").unwrap();
    assert_eq!(address.value, "fax@example.test");
    assert_eq!(request.digest.len(), 64);
    let lifetime = request.expire_time.unwrap().seconds - request.create_time.unwrap().seconds;
    assert_eq!(lifetime, 7 * 24 * 3600);
    assert_eq!((pending(&daemon).await, list(&daemon, &[]).await), (1, vec![request.clone()]));

    let entry = audit(&daemon).await.remove(0);
    assert_eq!((entry.outcome(), entry.request), (AuditOutcome::Pending, number));
    assert_eq!((entry.method, entry.target), (request.method, request.summary));
    assert_eq!(entry.reason, reason::APPROVAL_PENDING);
}

#[tokio::test]
async fn c6_nobody_approves_his_own() {
    let daemon = asking(&[CREATE]).await;
    let number = ask(&daemon, "fax@example.test").await;
    let request = get(&daemon, number).await;
    refused(approve(&daemon, &request).await, Code::PermissionDenied, reason::OWN_REQUEST);
    assert_eq!((keys(&daemon).await, get(&daemon, number).await), (0, request));
    let entry = audit(&daemon).await.remove(0);
    assert_eq!((entry.outcome(), entry.request), (AuditOutcome::Denied, number));
    assert_eq!(entry.reason, reason::OWN_REQUEST);
}

#[tokio::test]
async fn c6_a_request_is_refused_withdrawn_and_then_over() {
    let daemon = asking(&[CREATE]).await;
    let mut client = daemon.approvals().await;
    let (one, two) = (ask(&daemon, "one@example.test").await, ask(&daemon, "two@example.test").await);
    let text = "not this week".to_owned();
    let refuse = v1::RefuseRequestRequest { number: one, text };
    let refused_one = ok(client.refuse_request(refuse.clone()).await).request.unwrap();
    assert_eq!((refused_one.state(), &*refused_one.decision_text), (RequestState::Refused, "not this week"));
    assert!(!refused_one.decided_by.is_empty() && refused_one.decide_time.is_some());
    let withdrawn = ok(client.withdraw_request(v1::WithdrawRequestRequest { number: two }).await);
    assert_eq!(withdrawn.request.unwrap().state(), RequestState::Withdrawn);

    for number in [one, two] {
        refused(
            client.refuse_request(v1::RefuseRequestRequest { number, ..refuse.clone() }).await,
            Code::FailedPrecondition,
            reason::WRONG_STATE,
        );
        let withdraw = client.withdraw_request(v1::WithdrawRequestRequest { number }).await;
        refused(withdraw, Code::FailedPrecondition, reason::WRONG_STATE);
    }
    assert_eq!((pending(&daemon).await, keys(&daemon).await), (0, 0));
    assert_eq!(list(&daemon, &[RequestState::Refused]).await, [refused_one]);
    assert_eq!(list(&daemon, &[RequestState::Pending, RequestState::Done]).await, []);
}

#[tokio::test]
async fn c6_bad_input_names_its_field() {
    let daemon = asking(&[CREATE]).await;
    let number = ask(&daemon, "fax@example.test").await;
    let mut client = daemon.approvals().await;
    for bad in [0, -1] {
        invalid(client.get_request(v1::GetRequestRequest { number: bad }).await, "number");
        invalid(client.withdraw_request(v1::WithdrawRequestRequest { number: bad }).await, "number");
        let refuse = v1::RefuseRequestRequest { number: bad, text: String::new() };
        invalid(client.refuse_request(refuse).await, "number");
        let approve = v1::ApproveRequestRequest { number: bad, digest: "0".repeat(64) };
        invalid(client.approve_request(approve).await, "number");
    }
    for digest in ["", "0", &"x".repeat(64), &"0".repeat(65)] {
        let approve = v1::ApproveRequestRequest { number, digest: digest.to_owned() };
        invalid(client.approve_request(approve).await, "digest");
    }
    let refuse = v1::RefuseRequestRequest { number, text: "ж".repeat(501) };
    invalid(client.refuse_request(refuse).await, "text");
    let listing = |page_size, page_token: &str, states| v1::ListRequestsRequest {
        page_size,
        page_token: page_token.to_owned(),
        states,
    };
    invalid(client.list_requests(listing(-1, "", vec![])).await, "page_size");
    invalid(client.list_requests(listing(0, "x", vec![])).await, "page_token");
    invalid(client.list_requests(listing(0, "", vec![99])).await, "states");
    assert_eq!(get(&daemon, number).await.state(), RequestState::Pending);

    for number in [number + 1, i64::MAX] {
        let missing = client.get_request(v1::GetRequestRequest { number }).await;
        refused(missing, Code::NotFound, reason::REQUEST_NOT_FOUND);
        let approve = v1::ApproveRequestRequest { number, digest: "0".repeat(64) };
        refused(client.approve_request(approve).await, Code::NotFound, reason::REQUEST_NOT_FOUND);
    }
    // What cannot be done does not become a request.
    let mut certificates = daemon.certificates().await;
    let bad = v1::CreateSigningRequestRequest { sender_email: "nonsense".to_owned(), ..Default::default() };
    invalid(certificates.create_signing_request(bad).await, "sender_email");
    assert_eq!(pending(&daemon).await, 1);
}

#[tokio::test]
async fn c6_requests_are_paged() {
    let daemon = asking(&[CREATE]).await;
    for n in 0..5 {
        ask(&daemon, &format!("fax{n}@example.test")).await;
    }
    let all = list(&daemon, &[]).await;
    assert!(all.is_sorted_by(|newer, older| newer.number > older.number));
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListRequestsRequest { page_size: 2, page_token, states: vec![] };
        let page = ok(daemon.approvals().await.list_requests(request).await);
        assert!(page.requests.len() <= 2);
        paged.extend(page.requests);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((paged.len(), paged), (5, all));
}

#[tokio::test]
async fn h5_a_caller_has_twenty_requests_that_wait() {
    let daemon = asking(&[CREATE]).await;
    for n in 0..20 {
        ask(&daemon, &format!("fax{n}@example.test")).await;
    }
    let first = ask(&daemon, "fax0@example.test").await;
    assert_eq!(pending(&daemon).await, 20, "asking for the same again is the same request");
    let more = daemon.certificates().await.create_signing_request(for_address("more@example.test")).await;
    refused(more, Code::ResourceExhausted, reason::TOO_MANY_REQUESTS);
    ok(daemon.approvals().await.withdraw_request(v1::WithdrawRequestRequest { number: first }).await);
    ask(&daemon, "more@example.test").await;
}

#[tokio::test]
async fn c6_a_watcher_sees_everything_as_it_happens() {
    let daemon = asking(&[CREATE]).await;
    let first = ask(&daemon, "one@example.test").await;
    let mut watch = ok(daemon.approvals().await.watch_requests(v1::WatchRequestsRequest {}).await);
    let mut until = async |wanted: &[(i64, RequestState)]| {
        let waited = async {
            loop {
                let seen = watch.message().await.unwrap().unwrap().requests;
                let seen: Vec<_> = seen.iter().map(|request| (request.number, request.state())).collect();
                if seen == wanted {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.expect("it is told");
    };
    until(&[(first, RequestState::Pending)]).await;
    let second = ask(&daemon, "two@example.test").await;
    until(&[(second, RequestState::Pending), (first, RequestState::Pending)]).await;
    ok(daemon.approvals().await.withdraw_request(v1::WithdrawRequestRequest { number: first }).await);
    until(&[(second, RequestState::Pending), (first, RequestState::Withdrawn)]).await;
}

#[tokio::test]
async fn c6_a_request_survives_a_crash_and_expires_by_itself() {
    let mut daemon = asking(&[CREATE]).await;
    let number = ask(&daemon, "fax@example.test").await;
    let before = get(&daemon, number).await;
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(get(&daemon, number).await, before);

    daemon.kill();
    tamper(&daemon, "UPDATE request SET expires_at = 1");
    daemon.start_again().await;
    let mut watch = ok(daemon.approvals().await.watch_requests(v1::WatchRequestsRequest {}).await);
    let waited = async {
        while watch.message().await.unwrap().unwrap().requests[0].state() != RequestState::Expired {}
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("it expires");
    assert_eq!((pending(&daemon).await, keys(&daemon).await), (0, 0));
}

#[tokio::test]
async fn c6_what_was_being_done_at_a_crash_is_said_and_not_done_again() {
    let mut daemon = asking(&[CREATE]).await;
    let number = ask(&daemon, "fax@example.test").await;
    daemon.kill();
    // As an approval leaves it whose daemon is killed before the key is made.
    tamper(
        &daemon,
        "UPDATE request SET state = 2, action = NULL, decider_id = 'uid:9', decider_name = 'boss'",
    );
    daemon.start_again().await;
    let request = get(&daemon, number).await;
    assert_eq!((request.state(), &*request.outcome_reason), (RequestState::Failed, reason::STOPPING));
    assert_eq!(keys(&daemon).await, 0);
    let entry = audit(&daemon).await.remove(0);
    assert_eq!((entry.outcome(), entry.request), (AuditOutcome::Failed, number));
    assert!(entry.origin.contains("boss"), "{entry:?}");
}

/// The database belongs to the daemon; should somebody get at it all the same, an approval still does only what was asked.
#[tokio::test]
async fn c6_a_request_swapped_in_the_database_is_not_carried_out() {
    let mut daemon = asking(&[CREATE]).await;
    for n in 0..4 {
        ask(&daemon, &format!("fax{n}@example.test")).await;
    }
    daemon.kill();
    // Somebody else's, so that we may approve them; and more.
    tamper(&daemon, "UPDATE request SET caller_id = 'uid:4000000'");
    tamper(
        &daemon,
        "UPDATE request SET action = (SELECT action FROM request WHERE number = 4) WHERE number = 2",
    );
    tamper(&daemon, "UPDATE request SET summary = 'Something harmless' WHERE number = 3");
    daemon.start_again().await;
    for number in 1..=4 {
        let request = get(&daemon, number).await;
        let decided = approve(&daemon, &request).await.unwrap();
        assert_eq!((decided.state(), &*decided.outcome_reason), (RequestState::Failed, reason::STORE_FAILED));
        let entries = audit(&daemon).await;
        assert_eq!(entries[1].outcome(), AuditOutcome::Failed, "{:?}", entries[1]);
        assert_eq!((&*entries[1].caller_id, entries[1].request), ("uid:4000000", number));
    }
    assert_eq!(keys(&daemon).await, 0);
}

#[tokio::test]
async fn c6_another_digest_than_was_shown_approves_nothing() {
    let mut daemon = asking(&[CREATE]).await;
    let number = ask(&daemon, "fax@example.test").await;
    daemon.kill();
    tamper(&daemon, "UPDATE request SET caller_id = 'uid:4000000'");
    daemon.start_again().await;
    let request = v1::Request { digest: "0".repeat(64), ..get(&daemon, number).await };
    refused(approve(&daemon, &request).await, Code::Aborted, reason::ETAG_MISMATCH);
    assert_eq!(get(&daemon, number).await.state(), RequestState::Pending);
    // Another's request can be refused, and not withdrawn.
    let mut client = daemon.approvals().await;
    let withdraw = client.withdraw_request(v1::WithdrawRequestRequest { number }).await;
    refused(withdraw, Code::NotFound, reason::REQUEST_NOT_FOUND);

    decide(&daemon, CREATE, Role::Administrator, Decision::Deny).await;
    let request = get(&daemon, number).await;
    refused(approve(&daemon, &request).await, Code::FailedPrecondition, reason::POLICY_DENIED);
    ok(client.refuse_request(v1::RefuseRequestRequest { number, text: String::new() }).await);
}

/// Each method that can need approval, with something that it could really do.
#[tokio::test]
async fn c6_no_method_that_needs_approval_has_an_effect_without_it() {
    let daemon = TestDaemon::start().await;
    let pki = Pki::new(Kind::EcP256);
    let person = pki.person("fax@example.test", Kind::EcP256);
    let mut client = daemon.certificates().await;
    let install = v1::InstallCertificateRequest {
        pem: person.pem(),
        key_pem: person.key_pem(),
        ..v1::InstallCertificateRequest::default()
    };
    ok(client.install_certificate(install.clone()).await);
    let other = pki.person("other@example.test", Kind::EcP256);
    let fingerprint = person.fingerprint();
    let made =
        ok(client.create_signing_request(for_address("csr@example.test")).await).signing_request.unwrap();
    let trustee = "uid:54321".to_owned();
    let grant = v1::GrantKeyAccessRequest { fingerprint: fingerprint.clone(), trustee: trustee.clone() };
    ok(client.grant_key_access(grant.clone()).await);

    let state = async || {
        let mut client = daemon.certificates().await;
        let show = v1::GetCertificateRequest { fingerprint: person.fingerprint() };
        (
            ok(client.list_certificates(v1::ListCertificatesRequest::default()).await),
            ok(client.get_certificate(show).await),
            ok(client.list_signing_requests(v1::ListSigningRequestsRequest {}).await),
        )
    };
    let before = state().await;
    let policy = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
    let approvable: Vec<_> = policy.rules.into_iter().filter(|rule| rule.approvable).collect();
    assert_eq!(approvable.len(), 7);
    for rule in &approvable {
        decide(&daemon, &rule.method, Role::Administrator, Decision::Approval).await;
        let pending = match rule.method.rsplit('/').next().unwrap() {
            "InstallCertificate" => {
                let install = v1::InstallCertificateRequest {
                    pem: other.pem(),
                    key_pem: other.key_pem(),
                    ..install.clone()
                };
                client.install_certificate(install).await.map(drop)
            }
            "DeleteCertificate" => {
                let delete = v1::DeleteCertificateRequest { fingerprint: fingerprint.clone() };
                client.delete_certificate(delete).await.map(drop)
            }
            "GrantKeyAccess" => {
                let grant = v1::GrantKeyAccessRequest { trustee: "uid:54322".to_owned(), ..grant.clone() };
                client.grant_key_access(grant).await.map(drop)
            }
            "RevokeKeyAccess" => {
                let revoke =
                    v1::RevokeKeyAccessRequest { fingerprint: fingerprint.clone(), trustee: trustee.clone() };
                client.revoke_key_access(revoke).await.map(drop)
            }
            "CreateSigningRequest" => {
                client.create_signing_request(for_address("new@example.test")).await.map(drop)
            }
            "InstallSigningAnswer" => {
                let answer =
                    v1::InstallSigningAnswerRequest { answer: pki.answer(&made.pem).into(), grant: false };
                client.install_signing_answer(answer).await.map(drop)
            }
            "DeleteSigningRequest" => {
                let delete = v1::DeleteSigningRequestRequest { id: made.id.clone() };
                client.delete_signing_request(delete).await.map(drop)
            }
            unknown => panic!("{unknown} can need approval, and is not tried here"),
        };
        refused(pending, Code::FailedPrecondition, reason::APPROVAL_PENDING);
        assert_eq!(state().await, before, "{}", rule.method);
    }
    assert_eq!(list(&daemon, &[RequestState::Pending]).await.len(), approvable.len());
    // What waits is nowhere in clear: not the key, and not in the audit log.
    let key = hex::encode(&other.key);
    assert!(!format!("{:?}", audit(&daemon).await).contains(&key[..40]));
    for file in ["faxpost.db", "faxpost.db-wal"] {
        let bytes = std::fs::read(daemon.state_dir().join(file)).unwrap_or_default();
        assert!(!bytes.windows(40).any(|window| window == &key.as_bytes()[..40]), "{file}");
        assert!(!bytes.windows(other.key.len()).any(|window| window == other.key), "{file}");
    }
}

#[tokio::test]
async fn c6_who_may_not_look_at_requests_does_not() {
    let daemon = asking(&[CREATE]).await;
    ask(&daemon, "fax@example.test").await;
    let channel = daemon.connect().await.unwrap();
    for (path, kind) in methods().into_iter().filter(|(path, _)| path.contains("Approvals/")) {
        decide(&daemon, &path, Role::Administrator, Decision::Deny).await;
        refused(call(&channel, &path, &kind).await, Code::PermissionDenied, reason::POLICY_DENIED);
    }
}

#[tokio::test]
async fn c6_a_broken_store_makes_no_request() {
    let mut daemon = asking(&[CREATE]).await;
    daemon.kill();
    let database = rusqlite::Connection::open(daemon.state_dir().join("faxpost.db")).unwrap();
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON request BEGIN SELECT raise(ABORT, 'broken'); END";
    database.execute_batch(broken).unwrap();
    drop(database);
    daemon.start_again().await;
    let asked = daemon.certificates().await.create_signing_request(for_address("fax@example.test")).await;
    refused(asked, Code::Unavailable, reason::STORE_FAILED);
    assert_eq!((pending(&daemon).await, keys(&daemon).await), (0, 0));
}
