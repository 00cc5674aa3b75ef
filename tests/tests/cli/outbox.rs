//! `faxpost outbox list | show | hold | release | retry | cancel`

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;

use crate::kit::{faxpost, send, send_by, wait_for};

#[tokio::test]
async fn f3_a_message_is_held_released_retried_and_cancelled() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let id = send(&daemon, "r450@example.test").await;
    let waiting = wait_for(&daemon, &id, "MESSAGE_STATE_QUEUED", 1).await;
    assert!(waiting["lastError"].as_str().unwrap().contains("450"), "{waiting}");

    faxpost(&daemon, &["outbox", "hold", &id]).await.exits(0).says(&format!("{id}  held"));
    faxpost(&daemon, &["outbox", "retry", &id]).await.exits(65).complains("held");
    let shown = faxpost(&daemon, &["outbox", "show", &id]).await.exits(0);
    shown.says("Somebody holds it, until it is released: `faxpost outbox release");
    let list = faxpost(&daemon, &["--json", "outbox", "list", "--state", "held"]).await.exits(0).json();
    assert_eq!(list["messages"][0]["id"], id.as_str());
    faxpost(&daemon, &["outbox", "release", &id]).await.exits(0).says(&id);
    let waiting = wait_for(&daemon, &id, "MESSAGE_STATE_QUEUED", 1).await;
    let before = waiting["attempts"].as_u64().unwrap();
    faxpost(&daemon, &["outbox", "retry", &id]).await.exits(0).says(&id);
    wait_for(&daemon, &id, "MESSAGE_STATE_QUEUED", before + 1).await;
    let cancelled = faxpost(&daemon, &["--json", "outbox", "cancel", &id]).await.exits(0).json();
    assert_eq!(cancelled["message"]["state"], "MESSAGE_STATE_CANCELLED");
    for command in ["cancel", "hold", "release", "retry"] {
        faxpost(&daemon, &["outbox", command, &id]).await.exits(65).complains("The message is finished");
    }
    faxpost(&daemon, &["outbox", "show", &id]).await.exits(0).says("cancelled").says("450");
}

#[tokio::test]
async fn f3_the_list_is_newest_first_filtered_and_says_when_there_is_more() {
    let daemon = TestDaemon::start().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let id = send(&daemon, &format!("n{number}@example.test")).await;
        wait_for(&daemon, &id, "MESSAGE_STATE_DELIVERED", 1).await;
        ids.push(id);
    }
    let list = faxpost(&daemon, &["outbox", "list", "-n", "2"]).await.exits(0).says("SUBJECT");
    let lines: Vec<_> = list.out.lines().collect();
    assert!(lines.len() == 3 && lines[1].starts_with(&ids[2]) && lines[2].starts_with(&ids[1]), "{lines:#?}");
    list.complains("There are more");
    let json = faxpost(&daemon, &["--json", "outbox", "list", "-n", "2"]).await.exits(0).json();
    assert_eq!(json["messages"].as_array().unwrap().len(), 2);
    assert!(json["nextPageToken"].is_string());

    let none = faxpost(&daemon, &["outbox", "list", "--state", "failed,held"]).await.exits(0);
    assert!(none.complains("Nothing found.").out.is_empty());
    let other = faxpost(&daemon, &["--json", "outbox", "list", "--account", "office"]).await;
    assert!([0, 65].contains(&other.code) && !other.out.contains(&ids[0]), "{other:#?}");
    faxpost(&daemon, &["outbox", "list", "--state", "lost"]).await.exits(64).complains("queued, sending");
}

#[tokio::test]
async fn c8_mail_that_the_daemon_holds_says_so_and_goes_by_itself() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    faxpost(&daemon, &["account", "set", "sign=clear"]).await.exits(0);
    let id = send(&daemon, "a@example.test").await;
    let held = wait_for(&daemon, &id, "MESSAGE_STATE_HELD", 1).await;
    assert_eq!(held["heldFor"], "NO_SIGNING_CERTIFICATE");
    let shown = faxpost(&daemon, &["outbox", "show", &id]).await.exits(0);
    shown.says("as soon as it can be signed: `faxpost cert candidates default`");
    let russian = faxpost(&daemon, &["--lang", "ru", "outbox", "list"]).await.exits(0);
    russian.says("в хранилище компьютера нет сертификата").says("fax@example.test");

    let send = ["send", "--to", "b@example.test", "--wait-seconds", "5"];
    let waited = faxpost(&daemon, &send).await.exits(75).complains("as soon as it can be signed");
    assert!(!waited.err.contains("goes on trying"), "{}", waited.err);

    // One that a person holds, too, waits for him.
    let kept = self::send(&daemon, "c@example.test").await;
    wait_for(&daemon, &kept, "MESSAGE_STATE_HELD", 1).await;
    faxpost(&daemon, &["outbox", "hold", &kept]).await.exits(0).says(&format!("{kept}  held"));
    faxpost(&daemon, &["outbox", "hold", &kept]).await.exits(65).complains("held already");
    faxpost(&daemon, &["outbox", "show", &kept]).await.exits(0).says("Somebody holds it");

    faxpost(&daemon, &["account", "set", "sign=off"]).await.exits(0);
    wait_for(&daemon, &id, "MESSAGE_STATE_DELIVERED", 2).await;
    let held = wait_for(&daemon, &kept, "MESSAGE_STATE_HELD", 1).await;
    assert_eq!(held.get("heldFor"), None, "{held}");
    faxpost(&daemon, &["outbox", "release", &kept]).await.exits(0);
    wait_for(&daemon, &kept, "MESSAGE_STATE_DELIVERED", 2).await;
}

#[tokio::test]
async fn g1_an_unknown_message_is_bad_data() {
    let daemon = TestDaemon::start().await;
    for id in ["123", "01234567-0000-7000-8000-000000000000"] {
        for command in ["show", "hold", "release", "retry", "cancel"] {
            faxpost(&daemon, &["outbox", command, id]).await.exits(65).complains(&format!("no message {id}"));
        }
    }
}
