//! The whole work on a database: accounts, mail, log, outbox; and that it is there after every end of the daemon.

use faxpost_proto::v1;
use faxpost_tests::daemon::mask;

use crate::kit::{Database, delivered, eventually, mail, send, status};

#[tokio::test(flavor = "multi_thread")]
async fn j1_accounts_mail_and_log_are_in_the_database_and_nothing_of_them_beside_it() {
    let database = Database::new("work").await;
    let daemon = database.daemon().start().await;
    let id = send(&daemon, "first").await;
    eventually("it is delivered", async || delivered(&daemon) == ["first"]).await;

    let account =
        v1::Account { id: "default".into(), sender_name: Some("Fax".to_owned()), ..Default::default() };
    daemon.set(account, &["sender_name"]).await.unwrap();
    let request = v1::CreateAccountRequest {
        account: Some(v1::Account {
            id: "second".to_owned(),
            sender_email: "second@example.test".to_owned(),
            ..v1::Account::default()
        }),
        update_mask: Some(mask(&["sender_email"])),
        ..v1::CreateAccountRequest::default()
    };
    daemon.accounts().await.create_account(request).await.unwrap();
    let request = v1::ListRevisionsRequest { account: "default".into(), ..Default::default() };
    let revisions = daemon.accounts().await.list_revisions(request).await.unwrap().into_inner();
    assert!(revisions.revisions.len() >= 2, "{revisions:?}");

    let listed = daemon.mail().await.list_messages(v1::ListMessagesRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().messages.iter().map(|m| &m.id).collect::<Vec<_>>(), [&id]);
    let filter = v1::EntryFilter { message: id, ..Default::default() };
    let request = v1::ListEntriesRequest { filter: Some(filter), ..Default::default() };
    let written = async || {
        let entries = daemon.log().await.list_entries(request.clone()).await.unwrap().into_inner().entries;
        entries.len() == 2
    };
    eventually("its acceptance and its attempt are in the log", written).await;

    let status = status(&daemon).await.unwrap();
    assert!(
        status.store.starts_with("PostgreSQL in /") && status.store.contains("database work"),
        "{status:?}"
    );
    assert!(status.store_held_time.is_some());
    let said = daemon.faxpost(&["--lang", "en", "status"]).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("PostgreSQL in /") && said.contains("this one"), "{said}");
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.account").await, "2");
    assert!(!daemon.state_dir().join("faxpost.db").exists(), "there is no database in the state folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_what_was_accepted_is_there_after_kill_9_and_a_large_body_without_the_spool() {
    let database = Database::new("killed").await;
    let mut daemon = database.daemon().start().await;
    let later = || {
        let tomorrow = std::time::SystemTime::now() + std::time::Duration::from_secs(24 * 3600);
        Some(tomorrow.into())
    };
    let mut ids = Vec::new();
    for (number, size) in [(0, 10), (1, 700_000)] {
        let request = v1::SendMailRequest {
            text: "0123456789 abcdefghij\n".repeat(size / 22 + 1),
            send_time: later(),
            ..mail(&format!("number {number}"), "")
        };
        ids.push(daemon.mail().await.send_mail(request).await.unwrap().into_inner().id);
    }
    let spool = daemon.state_dir().join("spool");
    let spooled: Vec<_> = std::fs::read_dir(&spool).unwrap().flatten().collect();
    assert_eq!(spooled.len(), 1, "the large one is a file here, too");
    daemon.kill();
    // As on another machine, or after the loss of this one's disk.
    std::fs::remove_file(spooled[0].path()).unwrap();
    daemon.start_again().await;
    for id in ids {
        let request = v1::RetryMessageRequest { id };
        daemon.mail().await.retry_message(request).await.unwrap();
    }
    eventually("both are delivered", async || delivered(&daemon) == ["number 0", "number 1"]).await;
    let whole = std::fs::read_dir(daemon.pickup_dir()).unwrap().flatten();
    assert!(whole.map(|file| file.metadata().unwrap().len()).any(|size| size > 700_000), "the body is whole");
    let gone = async || database.sql("SELECT count(*) FROM faxpost.body_piece").await == "0";
    eventually("its pieces are removed", gone).await;

    // And a restart in order.
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(send(&daemon, &format!("more {number}")).await);
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(daemon.id() as i32), nix::sys::signal::Signal::SIGTERM)
        .unwrap();
    assert!(daemon.ended().await.success(), "{}", daemon.stderr());
    daemon.start_again().await;
    eventually("all are delivered", async || delivered(&daemon).len() == 22).await;
}
