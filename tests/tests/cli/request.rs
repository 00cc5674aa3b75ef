//! `faxpost request …`, `faxpost audit …`, and what a change says that needs approval.

use faxpost_tests::daemon::TestDaemon;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::generated::completed;
use crate::kit::{command, faxpost, object};

const CREATE: [&str; 7] = ["cert", "csr", "create", "--sender", "fax@example.test", "--key-type", "ec-p256"];

/// A daemon whose administrators need each other's approval for a new key.
async fn asking() -> TestDaemon {
    let daemon = TestDaemon::start().await;
    let set = ["policy", "set", "Certificates/CreateSigningRequest", "administrator=approval"];
    faxpost(&daemon, &set).await.exits(0).says("approval *");
    daemon
}

#[tokio::test]
async fn c6_a_pending_change_exits_75_with_its_number_on_standard_output() {
    let daemon = asking().await;
    let pending = faxpost(&daemon, &CREATE).await.exits(75);
    assert_eq!(pending.out, "request 1\n");
    pending.complains("faxpost request show 1").complains("faxpost request approve 1");
    let json = faxpost(&daemon, &[&["--json"], &CREATE[..]].concat()).await.exits(75).json();
    assert_eq!(
        (&json["request"]["number"], &json["request"]["state"]),
        (&"1".into(), &"REQUEST_STATE_PENDING".into())
    );
    let russian = faxpost(&daemon, &[&["--lang", "ru"], &CREATE[..]].concat()).await.exits(75);
    assert!(russian.out.starts_with("request "), "one form for scripts: {}", russian.out);
    russian.complains("одобрить администратор");
    faxpost(&daemon, &["status"]).await.exits(0).says("1 waiting for an administrator");
    faxpost(&daemon, &["status"]).await.says("You may ask for").says("Certificates/CreateSigningRequest");
}

#[tokio::test]
async fn g1_numbers_of_requests_are_completed_and_those_to_decide_only_while_they_wait() {
    let daemon = asking().await;
    for sender in ["a@example.test", "b@example.test"] {
        let create = ["cert", "csr", "create", "--sender", sender];
        faxpost(&daemon, &create).await.exits(75);
    }
    faxpost(&daemon, &["request", "refuse", "1"]).await.exits(0);
    let words = |word: &str| vec!["request".to_owned(), word.to_owned()];
    assert_eq!(completed(&daemon, &words("show"), "").await[..2], ["2", "1"]);
    for word in ["approve", "refuse", "withdraw"] {
        assert_eq!(completed(&daemon, &words(word), "").await[0], "2", "{word}");
        assert_ne!(completed(&daemon, &words(word), "").await[1], "1", "{word}");
    }
}

#[tokio::test]
async fn c6_requests_are_listed_shown_and_decided() {
    let daemon = asking().await;
    faxpost(&daemon, &["request", "list"]).await.exits(0).complains("Nothing found");
    faxpost(&daemon, &CREATE).await.exits(75);
    faxpost(&daemon, &["request", "list"]).await.exits(0).says("pending").says("fax@example.test");
    faxpost(&daemon, &["--lang", "ru", "request", "list"]).await.exits(0).says("ожидает");
    let shown =
        faxpost(&daemon, &["request", "show", "1"]).await.exits(0).says("Digest").says("fax@example.test");
    let json = faxpost(&daemon, &["--json", "request", "show", "1"]).await.exits(0).json();
    let digest = json["request"]["digest"].as_str().unwrap().to_owned();
    assert!(shown.out.contains(&digest), "{}", shown.out);

    // Nobody to ask, and one's own in any case.
    faxpost(&daemon, &["request", "approve", "1"]).await.exits(64).complains("--digest");
    let own = faxpost(&daemon, &["request", "approve", "1", "--yes"]).await.exits(77);
    own.complains("another administrator");
    faxpost(&daemon, &["request", "approve", "1", "--digest", &digest]).await.exits(77);
    faxpost(&daemon, &["request", "approve", "1", "--digest", "abc"]).await.exits(65).complains("digest");

    let refused = faxpost(&daemon, &["request", "refuse", "1", "--why", "not now"]).await.exits(0);
    refused.says("refused").says("not now");
    faxpost(&daemon, &["request", "withdraw", "1"]).await.exits(65).complains("refused");
    faxpost(&daemon, &["request", "show", "99"]).await.exits(65).complains("There is no request 99.");
    faxpost(&daemon, &["request", "approve", "99"]).await.exits(65).complains("There is no request 99.");
    let russian = faxpost(&daemon, &["--lang", "ru", "request", "refuse", "1"]).await.exits(65);
    assert!(!russian.err.contains("письм"), "{}", russian.err);
    let russian = faxpost(&daemon, &["--lang", "ru", "request", "show", "1"]).await.exits(0);
    russian.says("Создаёт ключ (EC P-256) в хранилище компьютера и запрос сертификата для fax@example.test.");
    faxpost(&daemon, &["request", "list", "--state", "pending,approved"]).await.exits(0).complains("Nothing");
    faxpost(&daemon, &["request", "list", "--state", "lost"]).await.exits(64).complains("withdrawn");
}

#[tokio::test]
async fn c6_who_waits_learns_the_decision() {
    let daemon = asking().await;
    let mut watch = command(&daemon, &["--json", "request", "watch"]).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(object(&lines.next_line().await.unwrap().unwrap())["requests"].is_null());

    let waiting = command(&daemon, &[&CREATE[..], &["--wait"]].concat()).spawn().unwrap();
    let pending = object(&lines.next_line().await.unwrap().unwrap());
    assert_eq!(pending["requests"][0]["state"], "REQUEST_STATE_PENDING");
    faxpost(&daemon, &["request", "refuse", "1", "--why", "ask your boss"]).await.exits(0);
    let output = waiting.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(77));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("refused") && said.contains("ask your boss"), "{said}");
    let refused = object(&lines.next_line().await.unwrap().unwrap());
    assert_eq!(refused["requests"][0]["state"], "REQUEST_STATE_REFUSED");
    watch.kill().await.unwrap();
}

#[tokio::test]
async fn h4_the_audit_log_is_listed_and_filtered() {
    let daemon = asking().await;
    faxpost(&daemon, &CREATE).await.exits(75);
    faxpost(&daemon, &["request", "withdraw", "1"]).await.exits(0).says("withdrawn");
    let all = faxpost(&daemon, &["audit", "list"]).await.exits(0);
    let all = all.says("Admin/UpdatePolicy").says("Approvals/WithdrawRequest").says("APPROVAL_PENDING");
    assert_eq!(all.out.lines().count(), 4, "{}", all.out);
    let russian = faxpost(&daemon, &["--lang", "ru", "audit", "list"]).await.exits(0);
    russian.says("ожидает").says("выполнено").says("Создаёт ключ").says("этот компьютер, процесс");
    let since = faxpost(&daemon, &["audit", "list", "--since", "1h"]).await.exits(0);
    assert_eq!(since.out.lines().count(), 4, "{}", since.out);
    faxpost(&daemon, &["audit", "list", "--since", "2100-01-01"]).await.exits(0).complains("Nothing found");
    let some = ["--json", "audit", "list", "--method", "Certificates/CreateSigningRequest"];
    let some = faxpost(&daemon, &some).await.exits(0).json();
    let entries = some["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{some}");
    assert_eq!(
        (&entries[0]["outcome"], &entries[0]["request"]),
        (&"AUDIT_OUTCOME_PENDING".into(), &"1".into())
    );
    faxpost(&daemon, &["audit", "list", "--caller", "uid:4000000"]).await.exits(0).complains("Nothing found");
    faxpost(&daemon, &["audit", "list", "--method", "Nope"]).await.exits(65);
    faxpost(&daemon, &["audit", "list", "-n", "1"]).await.exits(0).complains("There are more");
    faxpost(&daemon, &["policy", "set", "Admin/ListAuditEntries", "administrator=deny"]).await.exits(0);
    faxpost(&daemon, &["audit", "list"]).await.exits(77);
}

#[tokio::test]
async fn h4_an_entry_of_the_audit_log_is_shown_with_all_that_is_known() {
    let daemon = asking().await;
    faxpost(&daemon, &CREATE).await.exits(75);
    let all = faxpost(&daemon, &["--json", "audit", "list"]).await.exits(0).json();
    let asked = &all["entries"][0];
    let id = asked["id"].as_str().unwrap();
    // The list shows the numbers that are typed here.
    faxpost(&daemon, &["audit", "list", "-n", "1"]).await.exits(0).says(id);

    let shown = faxpost(&daemon, &["audit", "show", id]).await.exits(0);
    let shown =
        shown.says("Certificates/CreateSigningRequest").says("APPROVAL_PENDING").says("local, process");
    for known in ["callerId", "callerName", "role"] {
        let known = asked[known].as_str().unwrap();
        assert!(shown.out.contains(known), "{known}: {}", shown.out);
    }
    let russian = faxpost(&daemon, &["--lang", "ru", "audit", "show", id]).await.exits(0);
    russian
        .says("ожидает")
        .says("Создаёт ключ")
        .says("Откуда")
        .says("этот компьютер, процесс")
        .says("администратор");
    let json = faxpost(&daemon, &["--json", "audit", "show", id]).await.exits(0).json();
    assert_eq!(json["entries"].as_array().unwrap().as_slice(), std::slice::from_ref(asked));

    faxpost(&daemon, &["audit", "show", "999999"]).await.exits(65).complains("no entry 999999");
    let russian = faxpost(&daemon, &["--lang", "ru", "audit", "show", "999999"]).await.exits(65);
    russian.complains("Записи 999999 в журнале аудита нет");
    for wrong in ["x", "0", "-1"] {
        faxpost(&daemon, &["audit", "show", wrong]).await.exits(64);
    }
    let words = ["audit".to_owned(), "show".to_owned()];
    let offered = completed(&daemon, &words, "").await;
    assert!(offered.contains(&id.to_owned()), "{offered:?}");
    faxpost(&daemon, &["policy", "set", "Admin/ListAuditEntries", "administrator=deny"]).await.exits(0);
    faxpost(&daemon, &["audit", "show", id]).await.exits(77);
}
