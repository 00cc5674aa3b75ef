//! Three daemons on one database, all at work.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Kind, Pki, pem};
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use tokio_stream::StreamExt as _;

use crate::kit::{Database, delivered, eventually, mail, reason, send, status, tomorrow};

/// Three daemons that work on it.
async fn three(database: &Database) -> [TestDaemon; 3] {
    let first = database.daemon().start().await;
    let (mut second, mut third) = (database.joined(&first).await, database.joined(&first).await);
    second.start_again().await;
    third.start_again().await;
    [first, second, third]
}

/// The account sends to this server, over so many connections.
async fn sends_to(daemon: &TestDaemon, port: u16, connections: u32, a_minute: u32) {
    let account = v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        sender_email: "fax@example.test".to_owned(),
        security: v1::Security::None.into(),
        max_connections: connections,
        messages_per_minute: a_minute,
        ..v1::Account::default()
    };
    let fields =
        ["method", "server", "port", "sender_email", "security", "max_connections", "messages_per_minute"];
    daemon.set(account, &fields).await.unwrap();
}

/// What the server took, in order, and that it took nothing twice.
fn subjects(server: &SmtpServer) -> Vec<String> {
    let received = server.received();
    let subject = |content: &[u8]| {
        let text = String::from_utf8_lossy(content).into_owned();
        text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned()
    };
    let mut subjects: Vec<_> = received.iter().map(|message| subject(&message.content)).collect();
    subjects.sort();
    let different: BTreeSet<_> = subjects.iter().collect();
    assert_eq!(different.len(), subjects.len(), "nothing is delivered twice: {subjects:?}");
    subjects
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_three_daemons_accept_and_deliver_each_message_once() {
    let database = Database::new("three").await;
    let daemons = three(&database).await;
    let mut sent = BTreeSet::new();
    for (at, daemon) in daemons.iter().enumerate() {
        for number in 0..20 {
            let subject = format!("{at}-{number:02}");
            send(daemon, &subject).await;
            sent.insert(subject);
        }
    }
    let all = || daemons.iter().flat_map(delivered).collect::<Vec<_>>();
    eventually("all are delivered", async || all().len() >= sent.len()).await;
    assert_eq!(all().into_iter().collect::<BTreeSet<_>>(), sent);
    assert_eq!(all().len(), sent.len(), "nothing twice");

    let nodes = status(&daemons[1]).await.unwrap().nodes;
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    assert_eq!(nodes.iter().filter(|node| node.this_one).count(), 1);
    assert!(
        nodes[1].this_one && nodes.iter().all(|node| !node.lost && node.version == env!("CARGO_PKG_VERSION"))
    );
    let said = daemons[1].faxpost(&["--lang", "ru", "status"]).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("Службы") && said.contains("эта служба"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_what_is_changed_at_one_is_so_at_all() {
    let database = Database::new("follow").await;
    let [first, second, third] = three(&database).await;
    let mut follows = {
        let request = v1::FollowEntriesRequest::default();
        second.log().await.follow_entries(request).await.unwrap().into_inner()
    };

    let account =
        v1::Account { id: "default".into(), sender_name: Some("Fax".to_owned()), ..Default::default() };
    first.set(account, &["sender_name"]).await.unwrap();
    let named = async |daemon: &TestDaemon| {
        let request = v1::GetAccountRequest { id: "default".to_owned() };
        let account = daemon.accounts().await.get_account(request).await.unwrap().into_inner().account;
        account.unwrap().sender_name.as_deref() == Some("Fax")
    };
    for daemon in [&second, &third] {
        eventually("the account is changed everywhere", async || named(daemon).await).await;
    }

    // Mail of one is steered at another.
    let request = v1::SendMailRequest { send_time: tomorrow(), ..mail("steered", "") };
    let id = first.mail().await.send_mail(request).await.unwrap().into_inner().id;
    let mut watched = {
        let request = v1::WatchMessageRequest { id: id.clone() };
        third.mail().await.watch_message(request).await.unwrap().into_inner()
    };
    watched.next().await.unwrap().unwrap();
    second.mail().await.hold_message(v1::HoldMessageRequest { id: id.clone() }).await.unwrap();
    second.mail().await.release_message(v1::ReleaseMessageRequest { id: id.clone() }).await.unwrap();
    eventually("whose it is delivers it", async || delivered(&first) == ["steered"]).await;
    let ended = async {
        while let Some(state) = watched.next().await {
            let message = state.unwrap().message.unwrap();
            if message.state() == v1::MessageState::Delivered {
                return;
            }
        }
        panic!("the watch ended before the message did");
    };
    tokio::time::timeout(crate::kit::LONGEST, ended)
        .await
        .expect("whoever watches at a third one sees its end");
    let heard = async {
        loop {
            let entry = follows.next().await.unwrap().unwrap().entry.unwrap();
            if entry.message == id && entry.kind() == v1::EntryKind::Attempt {
                return;
            }
        }
    };
    tokio::time::timeout(crate::kit::LONGEST, heard)
        .await
        .expect("and whoever follows the log at another one");

    let request = v1::SendMailRequest { send_time: tomorrow(), ..mail("cancelled", "") };
    let id = first.mail().await.send_mail(request).await.unwrap().into_inner().id;
    third.mail().await.cancel_message(v1::CancelMessageRequest { id }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_no_account_has_more_connections_than_it_may_from_all_together_and_they_share_the_work() {
    let server = SmtpServer::builder().thinks(Duration::from_millis(100)).start().await;
    let database = Database::new("limits").await;
    let daemons = three(&database).await;
    sends_to(&daemons[0], server.port(), 3, 0).await;
    // All at one of them: the others help.
    for number in 0..200 {
        send(&daemons[0], &format!("{number:03}")).await;
    }
    eventually("all are delivered", async || server.received().len() >= 200).await;
    assert_eq!(subjects(&server).len(), 200);
    assert!(server.most_at_once() <= 3, "{} connections at once, of 3", server.most_at_once());
    let by = "SELECT string_agg(n::text, ' and ') FROM (SELECT count(*) AS n FROM faxpost.message GROUP BY node) AS by_node";
    println!("delivered by each: {}", database.sql(by).await);
    let helped = database.sql("SELECT count(DISTINCT node) FROM faxpost.message").await;
    assert!(helped.parse::<u32>().unwrap() >= 2, "delivered by {helped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_daemon_that_comes_while_an_account_is_at_work_adds_no_connection() {
    let server = SmtpServer::builder().thinks(Duration::from_millis(300)).start().await;
    let database = Database::new("comes").await;
    let first = database.daemon().start().await;
    let mut second = database.joined(&first).await;
    sends_to(&first, server.port(), 4, 0).await;
    for number in 0..120 {
        send(&first, &format!("first-{number:03}")).await;
    }
    eventually("it is at work", async || server.most_at_once() == 4).await;
    second.start_again().await;
    // All that the first has may still be open, at work or idle.
    for number in 0..20 {
        send(&second, &format!("second-{number:03}")).await;
    }
    eventually("all are delivered", async || server.received().len() >= 140).await;
    assert_eq!(subjects(&server).len(), 140);
    // The first one's are idle now, for a quarter of a minute.
    for number in 0..20 {
        send(&second, &format!("again-{number:03}")).await;
    }
    eventually("these too", async || server.received().len() >= 160).await;
    assert!(server.most_at_once() <= 4, "{} connections at once, of 4", server.most_at_once());
    assert!(
        database.sql("SELECT count(DISTINCT node) FROM faxpost.message").await == "2",
        "both were at work"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_daemon_that_comes_while_a_connection_hangs_has_its_part() {
    // One of two connections hangs for longer than the test.
    let server = SmtpServer::builder().fault_times(1, At::FinalDot, Fault::Stall).start().await;
    let database = Database::new("stalls").await;
    let first = database.daemon().start().await;
    let mut second = database.joined(&first).await;
    sends_to(&first, server.port(), 2, 0).await;
    send(&first, "stalls").await;
    eventually("it stalls", async || server.commands().iter().any(|line| line == "DATA")).await;
    second.start_again().await;
    for number in 0..10 {
        send(&second, &format!("second-{number:03}")).await;
    }
    eventually("these are delivered", async || server.received().len() >= 10).await;
    assert!(server.most_at_once() <= 2, "{} connections at once, of 2", server.most_at_once());
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_mail_for_a_server_that_takes_one_connection_is_delivered_whichever_daemon_accepts_it() {
    let server = SmtpServer::builder().start().await;
    let database = Database::new("one_connection").await;
    let daemons = three(&database).await;
    sends_to(&daemons[0], server.port(), 1, 0).await;
    for (at, daemon) in daemons.iter().enumerate() {
        let ready = async || {
            let request = v1::GetAccountRequest { id: "default".to_owned() };
            let account = daemon.accounts().await.get_account(request).await.unwrap().into_inner().account;
            account.unwrap().max_connections == 1
        };
        eventually("the settings are known", ready).await;
        for number in 0..5 {
            send(daemon, &format!("{at}-{number}")).await;
        }
    }
    eventually("all are delivered", async || server.received().len() >= 15).await;
    assert_eq!(subjects(&server).len(), 15);
    assert_eq!(server.most_at_once(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_messages_a_minute_are_counted_for_all_daemons_together() {
    let server = SmtpServer::builder().start().await;
    let database = Database::new("rates").await;
    let daemons = three(&database).await;
    sends_to(&daemons[0], server.port(), 3, 6).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for daemon in &daemons {
        for number in 0..10 {
            send(daemon, &format!("{}-{number}", daemon.id())).await;
        }
    }
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let taken = server.received().len();
    println!("{taken} of 30 within {:?}, 6 a minute allowed", began.elapsed());
    assert!((1..=6).contains(&taken), "{taken} within 20 s, of 6 a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_mail_that_must_be_signed_goes_where_the_key_is_and_status_says_where_that_is() {
    let server = SmtpServer::builder().start().await;
    let database = Database::new("keys").await;
    let first = database.daemon().start().await;
    let mut second = database.joined(&first).await;
    let (pki, fax) = (Pki::new(Kind::EcP256), "fax@example.test");
    for daemon in [&first, &second] {
        let authorities = daemon.state_dir().join("certificates/authorities");
        std::fs::create_dir_all(&authorities).unwrap();
        std::fs::write(authorities.join("root.pem"), pem("CERTIFICATE", &pki.root())).unwrap();
    }
    second.start_again().await;
    sends_to(&first, server.port(), 4, 0).await;
    let account =
        v1::Account { id: "default".to_owned(), sign: v1::Signing::Clear.into(), ..Default::default() };
    first.set(account, &["sign"]).await.unwrap();

    // Nobody can sign it: it is held where it was accepted.
    let waits = send(&first, "waits for a key").await;
    let held = async || {
        let request = v1::GetMessageRequest { id: waits.clone() };
        let message = first.mail().await.get_message(request).await.unwrap().into_inner().message.unwrap();
        message.state() == v1::MessageState::Held
    };
    eventually("it is held", held).await;
    let person = pki.person(fax, Kind::EcP256);
    let request = v1::InstallCertificateRequest {
        pem: person.pem(),
        key_pem: person.key_pem(),
        grant: true,
        ..Default::default()
    };
    second.certificates().await.install_certificate(request).await.unwrap();
    server.wait_for(1).await;
    // Once it is known who can sign, mail goes there without being tried where it can't be signed.
    let known = async || {
        let nodes = status(&first).await.unwrap().nodes;
        nodes.iter().map(|node| node.signs.len()).collect::<Vec<_>>() == [0, 1]
            && nodes[1].signs == ["default"]
    };
    eventually("the first knows that the second can sign", known).await;
    let id = send(&first, "signed elsewhere").await;
    let received = server.wait_for(2).await;
    assert!(
        received.iter().all(|mail| { String::from_utf8_lossy(&mail.content).contains("multipart/signed") })
    );
    let ended = async || {
        let request = v1::GetMessageRequest { id: id.clone() };
        let message = first.mail().await.get_message(request).await.unwrap().into_inner().message.unwrap();
        message.state() == v1::MessageState::Delivered && message.attempts == 1
    };
    eventually("at its first attempt", ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_a_request_about_one_machines_certificates_is_not_carried_out_on_another() {
    let database = Database::new("requests").await;
    let mut daemon = database.daemon().start().await;
    database
        .sql(
            "INSERT INTO faxpost.request (method, caller_id, caller_name, role, created_at, expires_at, summary, effects, digest,
                                          action, state, machine)
             SELECT 'faxpost.v1.Certificates/DeleteCertificate', 'uid:54321', 'somebody', 'user', 0, 9223372036854775807, '', '[]',
                    decode(repeat('00', 32), 'hex'), '', state, 'other/var/lib/faxpost' FROM (VALUES (1), (2)) AS rows (state)",
        )
        .await;
    let request = v1::ApproveRequestRequest { number: 1, digest: "00".repeat(32) };
    let refused = daemon.approvals().await.approve_request(request).await.unwrap_err();
    assert_eq!(&*reason(&refused), "WRONG_STATE", "{refused:?}");
    assert!(
        refused.message().contains("certificates of other/var/lib/faxpost; approve it there"),
        "{refused:?}"
    );
    // Nor does a start here end what is being carried out there.
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(
        database.sql("SELECT string_agg(state::text, ',' ORDER BY number) FROM faxpost.request").await,
        "1,2"
    );
}
