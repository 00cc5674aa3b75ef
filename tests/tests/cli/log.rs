//! `faxpost log list | show | transcript | follow`

use std::time::Duration;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::kit::{Run, command, faxpost, object, send, send_by, wait_for};

/// A test, a delivered message and one that was refused.
async fn history() -> (TestDaemon, [String; 2]) {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    faxpost(&daemon, &["account", "test", "--to", "chief@example.test"]).await.exits(0);
    let good = send(&daemon, "good@example.test").await;
    wait_for(&daemon, &good, "MESSAGE_STATE_DELIVERED", 1).await;
    let bad = send(&daemon, "r550@example.test").await;
    wait_for(&daemon, &bad, "MESSAGE_STATE_FAILED", 1).await;
    (daemon, [good, bad])
}

async fn listed(daemon: &TestDaemon, filter: &[&str]) -> Vec<String> {
    let list = faxpost(daemon, &[&["--json", "log", "list"], filter].concat()).await.exits(0).json();
    let entries = list["entries"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["kind"].as_str().unwrap()["ENTRY_KIND_".len()..].to_owned()).collect()
}

#[tokio::test]
async fn e1_the_log_is_filtered_by_everything_one_asks_for() {
    let (daemon, [good, bad]) = history().await;
    assert_eq!(listed(&daemon, &[]).await, ["ATTEMPT", "ACCEPTED", "ATTEMPT", "ACCEPTED", "TEST"]);
    for (filter, expected) in [
        (&["--kind", "test"][..], &["TEST"][..]),
        (&["--kind", "test,attempt"], &["ATTEMPT", "ATTEMPT", "TEST"]),
        (&["--outcome", "permanent"], &["ATTEMPT"]),
        (&["--message", &good], &["ATTEMPT", "ACCEPTED"]),
        (&["--message", &bad, "--kind", "accepted"], &["ACCEPTED"]),
        (&["--recipient", "chief"], &["TEST"]),
        (&["--account", "default", "-n", "2"], &["ATTEMPT", "ACCEPTED"]),
        (&["--since", "1h", "--kind", "test"], &["TEST"]),
        (&["--until", "2020-01-01"], &[]),
        (&["--caller", "nobody-has-this-name"], &[]),
    ] {
        assert_eq!(listed(&daemon, filter).await, expected, "{filter:?}");
    }
    faxpost(&daemon, &["log", "list", "--until", "2020-01-01"]).await.exits(0).complains("Nothing found.");
    let text = faxpost(&daemon, &["log", "list"]).await.exits(0).says("OUTCOME").says("permanent");
    assert_eq!(text.out.lines().count(), 6, "{}", text.out);
    for wrong in [["--since", "soon"], ["--kind", "letter"], ["--outcome", "fine"]] {
        faxpost(&daemon, &[&["log", "list"], &wrong[..]].concat()).await.exits(64).complains(wrong[0]);
    }
}

#[tokio::test]
async fn e1_an_entry_and_its_dialogue_can_be_read() {
    let (daemon, [good, _]) = history().await;
    let entry = faxpost(&daemon, &["log", "show", "3"]).await.exits(0);
    entry.says("attempt").says(&good).says("good@example.test").complains("faxpost log transcript 3");
    let accepted = faxpost(&daemon, &["log", "show", "2"]).await.exits(0).says("good@example.test");
    assert!(!accepted.out.contains("DELIVERED"), "nothing was tried yet: {}", accepted.out);
    let entry = faxpost(&daemon, &["--json", "log", "show", "3"]).await.exits(0).json();
    assert_eq!(entry["entry"]["outcome"], "ENTRY_OUTCOME_OK");

    let transcript = faxpost(&daemon, &["log", "transcript", "3"]).await.exits(0);
    transcript.says("C: EHLO").says("C: RCPT TO:<good@example.test>").says("S: 250");
    let transcript = faxpost(&daemon, &["--json", "log", "transcript", "3"]).await.exits(0).json();
    assert!(transcript["text"].as_str().unwrap().contains("EHLO"));

    faxpost(&daemon, &["log", "transcript", "2"]).await.exits(65).complains("has no transcript");
    faxpost(&daemon, &["log", "show", "99"]).await.exits(65).complains("There is no log entry 99");
    let id = faxpost(&daemon, &["log", "show", &good]).await.exits(64);
    id.complains("an entry is a number").complains("faxpost log list");
}

#[tokio::test]
async fn e2_follow_tells_what_happens_as_it_happens() {
    let (daemon, _) = history().await;
    for json in [true, false] {
        let arguments = ["--json", "log", "follow", "--backlog", "2", "--kind", "accepted"];
        let mut follow = bins::started(|| command(&daemon, &arguments[usize::from(!json)..]).spawn());
        let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
        let mut next = async || {
            let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await;
            line.expect("a line in time").unwrap().expect("a line")
        };
        // The backlog proves that it listens; then something new happens.
        let backlog = [next().await, next().await];
        let id = send(&daemon, "new@example.test").await;
        let new = next().await;
        if json {
            assert!(backlog.iter().all(|line| object(line)["entry"]["kind"] == "ENTRY_KIND_ACCEPTED"));
            assert_eq!(object(&new)["entry"]["message"], id.as_str());
        } else {
            assert!(new.contains("accepted") && new.contains("new@example.test"), "{new:?}");
        }
        follow.kill().await.unwrap();
    }
    let Run { code, .. } = faxpost(&daemon, &["status"]).await;
    assert_eq!(code, 0, "a follower that is gone does no harm");
}
