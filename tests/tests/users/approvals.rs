//! Asking for permission (requirement C6), the whole story with two people and the command line: who asks, who decides,
//! what is done, and what the audit log has of it (H4).

use std::process::Stdio;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Issued, Kind, Pki};

use crate::kit::{BAD_DATA, DENIED, Member, Somebody};

/// Not in the user database, so without groups.
const ANNA: u32 = 54_321;
/// Another.
const BERT: u32 = 54_322;
/// Exit of the command line: it waits for an administrator.
const PENDING: i32 = 75;

/// A file that every user can read, beside the daemon's socket.
fn file(daemon: &TestDaemon, name: &str, content: &str) -> String {
    let path = std::path::Path::new(daemon.endpoint()).parent().unwrap().join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn person(address: &str) -> Issued {
    Pki::new(Kind::EcP256).person(address, Kind::EcP256)
}

fn pem(person: &Issued) -> String {
    format!("{}{}", person.pem(), person.key_pem())
}

#[tokio::test]
async fn c6_a_user_asks_and_an_administrator_decides() {
    let daemon = TestDaemon::start().await;
    let (anna, bert, root) = (
        Somebody::numbered(&daemon, ANNA),
        Somebody::numbered(&daemon, BERT),
        Somebody::numbered(&daemon, 0),
    );
    let fax = person("fax@example.test");
    let file = file(&daemon, "fax.pem", &pem(&fax));

    // Anna asks: nothing is done, and only she and administrators know of it.
    let said = anna.run(&["cert", "install", &file]).exits(PENDING);
    assert!(said.starts_with("request 1\n"), "{said}");
    root.run(&["cert", "show", &fax.fingerprint()]).exits(BAD_DATA);
    let request = anna.run(&["--json", "request", "show", "1"]).json(0)["request"].take();
    assert_eq!(
        (&request["callerId"], &request["state"]),
        (&"uid:54321".into(), &"REQUEST_STATE_PENDING".into())
    );
    assert!(request["summary"].as_str().unwrap().contains("fax@example.test"), "{request}");
    let shown = request.to_string();
    assert!(!shown.contains(&hex::encode(&fax.key)[..40]), "no key is shown: {shown}");
    for hidden in [&["request", "show", "1"][..], &["request", "withdraw", "1"]] {
        let said = bert.run(hidden).exits(BAD_DATA);
        assert!(!said.contains("example.test"), "{said}");
    }
    assert!(bert.run(&["--json", "request", "list"]).json(0)["requests"].is_null());
    let status = bert.run(&["--json", "status"]).json(0);
    assert!(status["pendingRequests"].is_null(), "{status}");
    assert_eq!(root.run(&["--json", "status"]).json(0)["pendingRequests"], "1");

    // Users decide nothing, not even their own.
    for user in [&anna, &bert] {
        user.run(&["request", "approve", "1", "--digest", &"0".repeat(64)]).exits(DENIED);
        user.run(&["request", "refuse", "1"]).exits(DENIED);
        user.run(&["audit", "list"]).exits(DENIED);
    }

    // The administrator approves what he was shown, and it is done exactly so.
    root.run(&["request", "approve", "1", "--digest", &"0".repeat(64)]).exits(PENDING);
    root.run(&["cert", "show", &fax.fingerprint()]).exits(BAD_DATA);
    let digest = request["digest"].as_str().unwrap();
    let done = root.run(&["--json", "request", "approve", "1", "--digest", digest]).json(0);
    assert_eq!(done["request"]["state"], "REQUEST_STATE_DONE", "{done}");
    root.run(&["cert", "show", &fax.fingerprint()]).exits(0);
    let seen = anna.run(&["--json", "request", "show", "1"]).json(0);
    assert_eq!(
        (&seen["request"]["state"], &seen["request"]["decidedBy"]),
        (&"REQUEST_STATE_DONE".into(), &"root".into())
    );
    root.run(&["request", "approve", "1", "--digest", digest]).exits(BAD_DATA);
    anna.run(&["request", "withdraw", "1"]).exits(BAD_DATA);

    // The audit log has all of it, each under its own name.
    let entries = root.run(&["--json", "audit", "list"]).json(0)["entries"].take();
    let find = |method: &str, caller: &str, outcome: &str| {
        entries.as_array().unwrap().iter().any(|entry| {
            entry["method"] == format!("faxpost.v1.{method}")
                && entry["callerId"] == caller
                && entry["outcome"] == format!("AUDIT_OUTCOME_{outcome}")
        })
    };
    assert!(find("Certificates/InstallCertificate", "uid:54321", "PENDING"), "{entries}");
    assert!(find("Certificates/InstallCertificate", "uid:54321", "DONE"), "{entries}");
    assert!(find("Approvals/ApproveRequest", "uid:0", "DONE"), "{entries}");
    assert!(find("Approvals/ApproveRequest", "uid:0", "FAILED"), "the wrong digest: {entries}");
    assert!(find("Approvals/ApproveRequest", "uid:54321", "DENIED"), "{entries}");
    assert!(find("Admin/ListAuditEntries", "uid:54322", "DENIED"), "{entries}");
    assert!(!entries.to_string().contains(&hex::encode(&fax.key)[..40]));
}

#[tokio::test]
async fn c6_who_waits_sees_the_outcome_live() {
    let daemon = TestDaemon::start().await;
    let (anna, root) = (Somebody::numbered(&daemon, ANNA), Somebody::numbered(&daemon, 0));
    let file = file(&daemon, "fax.pem", &pem(&person("fax@example.test")));
    root.run(&["cert", "install", &file]).exits(0);
    let listed = root.run(&["--json", "cert", "list"]).json(0);
    let fingerprint = listed["certificates"][0]["sha256"].as_str().unwrap().to_owned();

    let grant = ["cert", "grant", &fingerprint, "--to", "uid:54321", "--wait"];
    let waiting = anna.command(&grant).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut watch =
        daemon.approvals().await.watch_requests(v1::WatchRequestsRequest {}).await.unwrap().into_inner();
    let request = loop {
        if let Some(request) = watch.message().await.unwrap().unwrap().requests.pop() {
            break request;
        }
    };
    let number = request.number.to_string();
    root.run(&["request", "approve", &number, "--yes"]).exits(0);
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.contains("done"), "{said}");
    let shown = root.run(&["cert", "show", &fingerprint]).exits(0);
    assert!(shown.contains("uid:54321"), "{shown}");

    // Refused: nothing is taken away.
    let revoke = ["cert", "revoke", &fingerprint, "--from", "uid:54321", "--wait"];
    let waiting = anna.command(&revoke).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    loop {
        let requests = watch.message().await.unwrap().unwrap().requests;
        if requests.iter().any(|request| request.state() == v1::RequestState::Pending) {
            break;
        }
    }
    root.run(&["request", "refuse", "2", "--why", "it is needed"]).exits(0);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(DENIED), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("it is needed"), "{output:?}");
    let shown = root.run(&["cert", "show", &fingerprint]).exits(0);
    assert!(shown.contains("uid:54321"), "{shown}");
    // Deletions nobody needs to ask for.
    anna.run(&["cert", "delete", &fingerprint, "--yes"]).exits(DENIED);
}

#[tokio::test]
async fn c6_two_administrators_approve_each_others_requests() {
    let daemon = TestDaemon::start().await;
    let root = Somebody::numbered(&daemon, 0);
    root.run(&["policy", "set", "Certificates/InstallCertificate", "administrator=approval"]).exits(0);
    let member = Member::of("faxpost-admin");
    let other = Somebody::named(&daemon, &member.name);
    let fax = person("fax@example.test");
    let file = file(&daemon, "fax.pem", &pem(&fax));
    root.run(&["cert", "install", &file]).exits(PENDING);
    root.run(&["request", "approve", "1", "--yes"]).exits(DENIED);
    let done = other.run(&["--json", "request", "approve", "1", "--yes"]).json(0);
    assert_eq!(done["request"]["decidedBy"], member.name.as_str(), "{done}");
    other.run(&["cert", "show", &fax.fingerprint()]).exits(0);

    // A role that may not even ask any more is not served, although the request waits.
    root.run(&["policy", "set", "Certificates/GrantKeyAccess", "administrator=approval"]).exits(0);
    root.run(&["cert", "grant", &fax.fingerprint(), "--to", "uid:54321"]).exits(PENDING);
    root.run(&["policy", "set", "Certificates/GrantKeyAccess", "administrator=deny"]).exits(0);
    other.run(&["request", "approve", "2", "--yes"]).exits(DENIED);
    let shown = other.run(&["cert", "show", &fax.fingerprint()]).exits(0);
    assert!(!shown.contains("54321"), "{shown}");
}
