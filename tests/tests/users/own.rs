//! Messages and log entries are their sender's: of those of others a caller does not even learn that they are there.

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;

use crate::kit::{BAD_DATA, Somebody};

/// A daemon that sends to this port, and tries once.
async fn daemon(port: u16, limits: &str) -> TestDaemon {
    let settings = format!("{limits}\n[outbox]\nretry-seconds = [3600]");
    let daemon = TestDaemon::builder().settings(&settings).start().await;
    let account = v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        sender_email: "fax@example.test".to_owned(),
        ..v1::Account::default()
    };
    daemon.set(account, &["method", "server", "port", "sender_email"]).await.unwrap();
    daemon
}

/// A daemon that delivers to nobody, so that messages can be steered.
async fn stuck(limits: &str) -> TestDaemon {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    daemon(port, limits).await
}

/// Every entry about a message, as administrators see them, once its first attempt has ended.
async fn entries(daemon: &TestDaemon, id: &str) -> Vec<v1::Entry> {
    let mut watch = daemon.mail().await;
    let request = v1::WatchMessageRequest { id: id.to_owned() };
    let mut states = watch.watch_message(request).await.unwrap().into_inner();
    while let Some(state) = states.message().await.unwrap() {
        if state.message.unwrap().attempts > 0 {
            break;
        }
    }
    let filter = Some(v1::EntryFilter { message: id.to_owned(), ..v1::EntryFilter::default() });
    let request = v1::ListEntriesRequest { filter, ..v1::ListEntriesRequest::default() };
    daemon.log().await.list_entries(request).await.unwrap().into_inner().entries
}

#[tokio::test]
async fn h2_a_user_does_not_learn_of_the_messages_of_others() {
    let daemon = stuck("").await;
    let (ann, bob) = (Somebody::numbered(&daemon, 54_321), Somebody::numbered(&daemon, 54_322));
    let hers = ann.send();
    entries(&daemon, &hers).await;
    let missing = "01890a5d-ac96-774b-bcce-b302099a8057";
    for command in ["show", "retry", "hold", "release", "cancel"] {
        let of_ann = bob.run(&["outbox", command, &hers]).exits(BAD_DATA);
        let of_nobody = bob.run(&["outbox", command, missing]).exits(BAD_DATA);
        assert_eq!(of_ann.replace(&hers, missing), of_nobody, "the same words");
    }
    assert!(!bob.run(&["--json", "outbox", "list"]).exits(0).contains(&hers));
    assert!(ann.run(&["--json", "outbox", "list"]).exits(0).contains(&hers));
    let his = bob.send();
    let listed = bob.run(&["--json", "outbox", "list"]).exits(0);
    assert!(listed.contains(&his) && !listed.contains(&hers), "{listed}");

    // Nothing was done to it, and its sender can do everything.
    for command in ["show", "hold", "release", "cancel"] {
        ann.run(&["outbox", command, &hers]).exits(0);
    }
    let everything = v1::ListMessagesRequest::default();
    let all = daemon.mail().await.list_messages(everything).await.unwrap().into_inner().messages;
    let callers: Vec<_> = all.iter().map(|message| message.caller.as_str()).collect();
    assert_eq!(callers, ["uid:54322", "uid:54321"], "administrators see all");
}

#[tokio::test]
async fn h2_the_status_tells_a_user_of_his_own_mail_only() {
    let daemon = stuck("").await;
    let (ann, bob) = (Somebody::numbered(&daemon, 54_321), Somebody::numbered(&daemon, 54_322));
    let signs =
        v1::Account { id: "default".to_owned(), sign: v1::Signing::Clear.into(), ..v1::Account::default() };
    daemon.set(signs, &["sign"]).await.unwrap();
    let hers = ann.send();
    entries(&daemon, &hers).await;
    let status = |somebody: &Somebody| somebody.run(&["--json", "status"]).json(0);
    let alarm = |status: &serde_json::Value| {
        let alarms = status["alarms"].as_array().unwrap().iter();
        let texts: Vec<_> = alarms
            .filter(|alarm| alarm["reason"] == "MAIL_UNSIGNED")
            .map(|alarm| alarm["text"].to_string())
            .collect();
        texts.join("")
    };
    let (of_ann, of_bob) = (status(&ann), status(&bob));
    assert_eq!(of_ann["held"], "1", "{of_ann}");
    assert!(
        alarm(&of_ann).contains("one message waits") && alarm(&of_ann).contains("fax@example.test"),
        "{of_ann}"
    );
    assert!(of_bob["held"].is_null(), "none: {of_bob}");
    assert!(alarm(&of_bob).contains("mail of others waits") && !alarm(&of_bob).contains("fax@"), "{of_bob}");
    let his = bob.send();
    entries(&daemon, &his).await;
    assert_eq!(status(&bob)["held"], "1");
    assert_eq!(status(&Somebody::numbered(&daemon, 0))["held"], "2", "administrators see all");
}

#[tokio::test]
async fn h2_a_user_does_not_learn_of_the_log_entries_of_others() {
    let server = SmtpServer::builder().start().await;
    let daemon = daemon(server.port(), "").await;
    let (ann, bob) = (Somebody::numbered(&daemon, 54_321), Somebody::numbered(&daemon, 54_322));
    let hers = ann.send();
    let attempt = entries(&daemon, &hers).await.into_iter().find(|entry| entry.has_transcript).unwrap();
    let id = attempt.id.to_string();
    for command in ["show", "transcript"] {
        ann.run(&["log", command, &id]).exits(0);
        let of_ann = bob.run(&["log", command, &id]).exits(BAD_DATA);
        let of_nobody = bob.run(&["log", command, "987654"]).exits(BAD_DATA);
        assert_eq!(of_ann.replace(&format!("entry {id}"), "entry 987654"), of_nobody, "the same words");
    }
    assert!(ann.run(&["--json", "log", "list"]).exits(0).contains(&hers));
    for filter in [&[][..], &["--message", &hers], &["--caller", "54321"], &["--recipient", "a@"]] {
        let listed = bob.run(&[&["--json", "log", "list"], filter].concat()).exits(0);
        assert!(!listed.contains(&hers), "{filter:?}: {listed}");
    }
    let his = bob.send();
    assert!(bob.run(&["--json", "log", "list"]).exits(0).contains(&his));
}

#[tokio::test]
async fn f2_the_request_ids_of_two_users_are_their_own() {
    let daemon = stuck("").await;
    let send = |somebody: &Somebody, text: &str| {
        let head =
            ["--json", "send", "--to", "a@example.test", "--subject", "x", "--request-id", "1", "--text"];
        somebody.run(&[&head[..], &[text]].concat())
    };
    let (ann, bob) = (Somebody::numbered(&daemon, 54_321), Somebody::numbered(&daemon, 54_322));
    let hers = send(&ann, "hers").json(0);
    let his = send(&bob, "his").json(0);
    assert_ne!(hers["id"], his["id"]);
    assert_eq!(send(&ann, "hers").json(0)["id"], hers["id"]);
    send(&ann, "another").exits(BAD_DATA);
}

#[tokio::test]
async fn h5_the_share_of_one_user_is_not_taken_from_another() {
    let daemon = stuck("[limits]\nqueued-per-caller = 1").await;
    let (ann, bob) = (Somebody::numbered(&daemon, 54_321), Somebody::numbered(&daemon, 54_322));
    ann.send();
    let temporary = 75;
    ann.run(&["send", "--to", "a@example.test", "--subject", "x", "--text", "x"]).exits(temporary);
    bob.send();
}
