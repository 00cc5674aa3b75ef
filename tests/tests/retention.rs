//! Keeping the log (requirement E3): copies of it in the order of time, and what goes by age.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use faxpost_proto::v1::mail_client::MailClient;
use faxpost_proto::{FILE_DESCRIPTOR_SET, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use faxpostd::config::Config;
use faxpostd::store::DATABASE;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// How long something may take that ends by itself. Generous: a busy machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);

const DAY_MS: i64 = 24 * 3600 * 1000;

#[tokio::test]
async fn e3_oldest_first_pages_in_the_order_of_time_and_goes_on_to_what_was_written_meanwhile() {
    let daemon = TestDaemon::start().await;
    for number in 0..4 {
        deliver(&daemon, &format!("before-{number}")).await;
    }
    let before =
        ids(&list(&daemon, v1::ListEntriesRequest { page_size: 500, ..oldest_first() }).await.entries);
    let newest_first = list(&daemon, v1::ListEntriesRequest { page_size: 500, ..Default::default() }).await;
    assert!(before.len() >= 8 && before.is_sorted(), "{before:?}");
    assert_eq!(ids(&newest_first.entries).into_iter().rev().collect::<Vec<_>>(), before);

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = list(&daemon, v1::ListEntriesRequest { page_size: 3, page_token, ..oldest_first() }).await;
        assert!(page.entries.len() <= 3);
        seen.extend(ids(&page.entries));
        page_token = page.next_page_token;
        if seen.len() == 3 {
            deliver(&daemon, "meanwhile").await;
        }
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen[..before.len()], before, "nothing is told twice, nothing is left out");
    assert!(seen.len() >= before.len() + 2 && seen.is_sorted(), "{seen:?}");
}

#[tokio::test]
async fn e3_oldest_first_keeps_to_the_filter_and_refuses_a_made_up_token() {
    let daemon = TestDaemon::start().await;
    deliver(&daemon, "one").await;
    let two = deliver(&daemon, "two").await;
    let filter = v1::EntryFilter { message: two.clone(), ..Default::default() };
    let page = list(&daemon, v1::ListEntriesRequest { filter: Some(filter), ..oldest_first() }).await;
    assert!(page.entries.len() >= 2 && page.entries.iter().all(|entry| entry.message == two));
    assert_eq!(page.entries[0].kind(), v1::EntryKind::Accepted);

    let request = v1::ListEntriesRequest { page_token: "-1".to_owned(), ..oldest_first() };
    let status = daemon.log().await.list_entries(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
}

#[tokio::test]
async fn e3_log_export_is_the_whole_log_a_line_an_entry() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to_port(&daemon, server.port()).await;
    for number in 0..3 {
        deliver(&daemon, &format!("Факс {number}")).await;
    }
    let listed = list(&daemon, v1::ListEntriesRequest { page_size: 500, ..oldest_first() }).await.entries;

    let plain = export(&daemon, &["log", "export"]).await;
    // Each line is an Entry of proto3 JSON, and nothing else.
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let descriptor = pool.get_message_by_name("faxpost.v1.Entry").unwrap();
    let read = |line: &&str| {
        let mut json = serde_json::Deserializer::from_str(line);
        let entry = DynamicMessage::deserialize(descriptor.clone(), &mut json).unwrap();
        json.end().unwrap();
        entry.transcode_to::<v1::Entry>().unwrap()
    };
    assert_eq!(plain.lines().collect::<Vec<_>>().iter().map(read).collect::<Vec<_>>(), listed);
    assert_eq!(export(&daemon, &["--json", "--lang", "ru", "log", "export"]).await, plain);

    let full = export(&daemon, &["log", "export", "--transcripts", "--kind", "attempt"]).await;
    let full: Vec<Value> = full.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(full.len(), listed.iter().filter(|entry| entry.kind() == v1::EntryKind::Attempt).count());
    for entry in &full {
        let request = v1::GetTranscriptRequest { id: entry["id"].as_str().unwrap().parse().unwrap() };
        let transcript = daemon.log().await.get_transcript(request).await.unwrap().into_inner();
        assert!(transcript.text.contains("RCPT TO"), "{transcript:?}");
        assert_eq!(entry["transcript"], transcript.text);
    }
    assert_eq!(export(&daemon, &["log", "export", "--since", "2999-01-01"]).await, "", "nothing is no line");
}

#[tokio::test]
async fn e3_the_daemon_removes_what_is_too_old_and_keeps_what_is_unfinished() {
    let mut daemon = TestDaemon::start().await;
    let old = deliver(&daemon, "old").await;
    let young = deliver(&daemon, "young").await;
    // Nobody listens there: this one waits.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    send_to_port(&daemon, port).await;
    let waiting = send(&daemon, "waiting").await.id;
    daemon.kill();

    let database = rusqlite::Connection::open(daemon.state_dir().join(DATABASE)).unwrap();
    for id in [&old, &waiting] {
        let values = (id, 91 * DAY_MS);
        let changed = database.execute("UPDATE entry SET at = at - ?2 WHERE message = ?1", values).unwrap();
        assert!(changed >= 1);
        let sql =
            "UPDATE message SET accepted_at = accepted_at - ?2, finished_at = finished_at - ?2 WHERE id = ?1";
        assert_eq!(database.execute(sql, values).unwrap(), 1);
    }
    drop(database);

    // In this process, because the program waits a minute before its first look.
    let mut config = Config::load(&daemon.state_dir(), daemon.endpoint()).unwrap();
    assert_eq!(
        (config.log.keep_days, config.log.keep_messages_days, config.log.max_megabytes),
        (90, 30, 512)
    );
    config.log.first_look = Duration::ZERO;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(faxpostd::run(config, shutdown.clone()));
    let served = async {
        loop {
            // For a moment there may still be the killed one's socket, in a child of it that has not begun yet.
            if let Ok(channel) = daemon.connect().await {
                let request = v1::GetMessageRequest { id: old.clone() };
                let answer = MailClient::new(channel).get_message(request).await;
                if answer.is_err_and(|status| status.code() == tonic::Code::NotFound) {
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, served).await.expect("the old message goes");

    assert!(about(&daemon, &old).await.is_empty(), "entries go before messages do");
    assert!(about(&daemon, &young).await.len() >= 2);
    assert!(get(&daemon, &young).await.is_some());
    let kept = get(&daemon, &waiting).await.expect("an unfinished message stays, however old");
    assert_eq!(kept.recipients.len(), 1);

    // The request ids of what is kept still hold, and only those.
    assert!(send(&daemon, "waiting").await.duplicate && send(&daemon, "young").await.duplicate);
    assert!(!send(&daemon, "old").await.duplicate);
    shutdown.cancel();
    tokio::time::timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
}

fn oldest_first() -> v1::ListEntriesRequest {
    v1::ListEntriesRequest { oldest_first: true, ..Default::default() }
}

async fn list(daemon: &TestDaemon, request: v1::ListEntriesRequest) -> v1::ListEntriesResponse {
    daemon.log().await.list_entries(request).await.unwrap().into_inner()
}

/// The entries about this message.
async fn about(daemon: &TestDaemon, message: &str) -> Vec<v1::Entry> {
    let filter = v1::EntryFilter { message: message.to_owned(), ..Default::default() };
    list(daemon, v1::ListEntriesRequest { filter: Some(filter), ..Default::default() }).await.entries
}

fn ids(entries: &[v1::Entry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.id).collect()
}

async fn get(daemon: &TestDaemon, id: &str) -> Option<v1::Message> {
    match daemon.mail().await.get_message(v1::GetMessageRequest { id: id.to_owned() }).await {
        Ok(answer) => answer.into_inner().message,
        Err(status) if status.code() == tonic::Code::NotFound => None,
        Err(status) => panic!("{status:?}"),
    }
}

/// Sends with this subject, which is the request id as well where it can be one.
async fn send(daemon: &TestDaemon, subject: &str) -> v1::SendMailResponse {
    let request_id = if subject.is_ascii() { subject.to_owned() } else { String::new() };
    let mail = v1::SendMailRequest {
        to: vec!["someone@example.test".to_owned()],
        subject: subject.to_owned(),
        text: "Two pages.".to_owned(),
        request_id,
        ..Default::default()
    };
    daemon.mail().await.send_mail(mail).await.unwrap().into_inner()
}

/// The same, and waits until it is delivered.
async fn deliver(daemon: &TestDaemon, subject: &str) -> String {
    let id = send(daemon, subject).await.id;
    let request = v1::WatchMessageRequest { id: id.clone() };
    let mut states = daemon.mail().await.watch_message(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(state) = states.message().await.unwrap() {
        last = state.message;
    }
    assert_eq!(last.unwrap().state(), v1::MessageState::Delivered);
    id
}

/// Points "default" at this port.
async fn send_to_port(daemon: &TestDaemon, port: u16) {
    let account = v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        sender_email: "fax@example.test".to_owned(),
        ..Default::default()
    };
    daemon.set(account, &["method", "server", "port", "sender_email"]).await.unwrap();
}

/// Standard output of a command that says nothing else.
async fn export(daemon: &TestDaemon, arguments: &[&str]) -> String {
    let mut command = daemon.faxpost(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && errors.is_empty(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
