//! Mail that is accepted while the server is away, where the administrator wants that (`while-away = "keep"`).

use std::collections::BTreeSet;

use faxpost_proto::v1;
use faxpost_tests::daemon::Builder;
use faxpost_tests::postgres::Postgres;
use tonic::Code;

use crate::kit::{delivered, eventually, mail, on, reason, send, status};

fn keeping(server: &Postgres) -> Builder {
    on(&server.url("mail")).settings("[store]\nwhile-away = \"keep\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_mail_that_is_accepted_while_the_server_is_away_is_delivered_when_it_is_back() {
    let mut server = Postgres::start(&[]);
    server.create("mail");
    let daemon = keeping(&server).start().await;
    send(&daemon, "before").await;
    eventually("it is delivered", async || delivered(&daemon) == ["before"]).await;

    server.stop();
    let small = daemon.mail().await.send_mail(mail("while away", "small")).await.unwrap().into_inner();
    // Of the same request, the same message.
    let again = daemon.mail().await.send_mail(mail("while away", "small")).await.unwrap().into_inner();
    assert!(again.duplicate && again.id == small.id && again.message_id == small.message_id);
    let other = daemon.mail().await.send_mail(mail("another", "small")).await.unwrap_err();
    assert_eq!(&*reason(&other), "REQUEST_ID_REUSED", "{other:?}");
    let large = v1::SendMailRequest {
        text: "0123456789 abcdefghij\n".repeat(40_000),
        ..mail("while away, large", "")
    };
    let large = daemon.mail().await.send_mail(large).await.unwrap().into_inner().id;
    assert_eq!(delivered(&daemon), ["before"], "nobody tries it before it is in the database");
    // All else wants the database.
    assert_eq!(status(&daemon).await.unwrap_err().code(), Code::Unavailable);

    server.start_again();
    let all = async || delivered(&daemon) == ["before", "while away", "while away, large"];
    eventually("what was kept is delivered", all).await;
    for id in [small.id, large] {
        let request = v1::GetMessageRequest { id: id.clone() };
        let found = async || {
            let found = daemon.mail().await.get_message(request.clone()).await.unwrap().into_inner().message;
            found.unwrap().state() == v1::MessageState::Delivered
        };
        eventually("under the id that its caller knows", found).await;
        let filter = v1::EntryFilter { message: id, ..Default::default() };
        let request = v1::ListEntriesRequest { filter: Some(filter), ..Default::default() };
        let entries = daemon.log().await.list_entries(request).await.unwrap().into_inner().entries;
        assert_eq!(entries.len(), 2, "its acceptance and its attempt are in the log: {entries:?}");
    }
    let again = daemon.mail().await.send_mail(mail("while away", "small")).await.unwrap().into_inner();
    assert!(again.duplicate, "its request id went with it");
    let kept = rusqlite::Connection::open(daemon.state_dir().join("kept.db")).unwrap();
    for table in ["message", "recipient", "body", "entry"] {
        let left: i64 =
            kept.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "nothing stays in {table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_kept_mail_outlives_kill_9_and_is_handed_over_once() {
    let mut server = Postgres::start(&[]);
    server.create("mail");
    let mut daemon = keeping(&server).start().await;
    server.stop();
    let mut sent = BTreeSet::new();
    for number in 0..50 {
        let subject = format!("kept {number:02}");
        daemon.mail().await.send_mail(mail(&subject, "")).await.unwrap();
        sent.insert(subject);
    }
    daemon.kill();
    server.start_again();
    // Killed once more while it hands over, or just after.
    daemon.start_again().await;
    daemon.kill();
    daemon.start_again().await;
    eventually("all are delivered", async || delivered(&daemon).len() >= sent.len()).await;
    assert_eq!(delivered(&daemon).into_iter().collect::<BTreeSet<_>>(), sent);
    assert_eq!(server.sql("mail", "SELECT count(*) FROM faxpost.message"), "50", "and each is there once");
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_kept_mail_is_not_left_behind_when_the_store_is_moved_or_the_policy_changed() {
    let mut server = Postgres::start(&[]);
    server.create("mail");
    let mut daemon = keeping(&server).start().await;
    server.stop();
    send(&daemon, "kept").await;
    daemon.kill();
    server.start_again();
    let said = crate::migrate::refused(&daemon.state_dir(), "--from", &server.url("mail")).await;
    assert!(said.contains("start the daemon once"), "{said}");
    // Nothing more is kept, but what was is handed over.
    let url = server.url("mail");
    daemon.change(&["--store", &url], "");
    daemon.start_again().await;
    eventually("it is delivered", async || delivered(&daemon) == ["kept"]).await;
    server.stop();
    let refused = daemon.mail().await.send_mail(mail("not now", "")).await.unwrap_err();
    assert_eq!(&*reason(&refused), "STORE_FAILED", "{refused:?}");
}
