//! `faxpost.v1.Log`: every message, attempt and test (requirement E). That it holds no secrets is in secrets.rs.

use faxpost_proto::v1::{EntryKind, EntryOutcome};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use tonic::{Code, Status};

use crate::kit::{
    PATIENCE, SMTP_FIELDS, create, entries, finished, invalid, mail_to, ok, refused, send, send_to,
    smtp_account, watched,
};

/// A daemon whose log has something of everything, and its server.
async fn eventful() -> (TestDaemon, SmtpServer) {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::builder().settings("[outbox]\nretry-seconds = [3600]").start().await;
    // Account "default": the pickup folder.
    let id = send(&daemon, mail_to("ann@example.test")).await;
    finished(&daemon, &id).await;
    let sales = create(smtp_account("sales", server.port()), SMTP_FIELDS);
    ok(daemon.accounts().await.create_account(sales).await);
    let to = ["Bob@example.test", "r550@example.test", "r450@example.test"].map(str::to_owned).to_vec();
    let mail = v1::SendMailRequest { to, account: "sales".to_owned(), ..mail_to("") };
    let id = send(&daemon, mail).await;
    watched(&daemon, &id, |message| message.attempts == 1).await;
    ok(daemon.mail().await.cancel_message(v1::CancelMessageRequest { id }).await);
    let test = v1::TestAccountRequest {
        id: "sales".to_owned(),
        until: v1::Step::Ehlo.into(),
        ..v1::TestAccountRequest::default()
    };
    let mut steps = ok(daemon.diagnostics().await.test_account(test).await);
    while steps.message().await.unwrap().is_some() {}
    (daemon, server)
}

async fn list(
    daemon: &TestDaemon,
    request: v1::ListEntriesRequest,
) -> Result<v1::ListEntriesResponse, Status> {
    Ok(daemon.log().await.list_entries(request).await?.into_inner())
}

async fn filtered(daemon: &TestDaemon, filter: v1::EntryFilter) -> Vec<EntryKind> {
    let request = v1::ListEntriesRequest { filter: Some(filter), ..Default::default() };
    let mut kinds: Vec<_> =
        list(daemon, request).await.unwrap().entries.iter().map(v1::Entry::kind).collect();
    kinds.reverse();
    kinds
}

#[tokio::test]
async fn e1_the_log_tells_every_message_attempt_steering_and_test() {
    let (daemon, server) = eventful().await;
    let log = entries(&daemon).await;
    let kinds: Vec<_> = log.iter().map(v1::Entry::kind).collect();
    use EntryKind::{Accepted, Attempt, Steered, Test};
    assert_eq!(kinds, [Accepted, Attempt, Accepted, Attempt, Steered, Test]);
    assert!(log.is_sorted_by(|a, b| a.id < b.id));
    let status = ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await);
    for entry in &log {
        assert_eq!(entry.caller, status.caller_name);
        assert!(entry.time.is_some());
        assert_eq!(entry.account, if entry.id <= log[1].id { "default" } else { "sales" });
    }

    let picked_up = &log[1];
    assert_eq!((picked_up.outcome(), picked_up.method.as_str()), (EntryOutcome::Ok, "pickup"));
    assert_eq!(picked_up.server, daemon.pickup_dir().display().to_string());

    let attempt = &log[3];
    assert_eq!(attempt.outcome(), EntryOutcome::Partial);
    assert_eq!((attempt.method.as_str(), attempt.attempt), ("secure-smtp-client", 1));
    assert_eq!(attempt.server, format!("127.0.0.1:{}", server.port()));
    assert_eq!((attempt.sender.as_str(), attempt.subject.as_str()), ("fax@example.test", "Fax"));
    assert!(attempt.size > 100 && attempt.has_transcript && attempt.tls.is_empty());
    assert_eq!(attempt.reason, "RECIPIENT_REJECTED");
    let told: Vec<_> =
        attempt.recipients.iter().map(|to| (to.address.as_str(), to.delivered, &to.answer[..3])).collect();
    let expected = [
        ("Bob@example.test", true, "250"),
        ("r550@example.test", false, "550"),
        ("r450@example.test", false, "450"),
    ];
    assert_eq!(told, expected);

    assert_eq!((log[4].answer.as_str(), log[4].message == attempt.message), ("cancel", true));
    assert_eq!((log[5].message.as_str(), log[5].outcome()), ("", EntryOutcome::Ok));
}

#[tokio::test]
async fn e3_filters_narrow_the_list() {
    let (daemon, _server) = eventful().await;
    let log = entries(&daemon).await;
    use EntryKind::{Accepted, Attempt, Steered, Test};
    let none = v1::EntryFilter::default;
    let kinds = |list: &[EntryKind]| list.iter().map(|&kind| kind.into()).collect();
    let outcomes = |list: &[EntryOutcome]| list.iter().map(|&outcome| outcome.into()).collect();
    let second = log[2].message.clone();
    let cases = [
        (none(), vec![Accepted, Attempt, Accepted, Attempt, Steered, Test]),
        (v1::EntryFilter { message: second.clone(), ..none() }, vec![Accepted, Attempt, Steered]),
        (v1::EntryFilter { message: "missing".to_owned(), ..none() }, vec![]),
        (v1::EntryFilter { account: "default".to_owned(), ..none() }, vec![Accepted, Attempt]),
        (v1::EntryFilter { recipient: "ANN@".to_owned(), ..none() }, vec![Accepted, Attempt]),
        (v1::EntryFilter { recipient: "bob@EXAMPLE".to_owned(), ..none() }, vec![Accepted, Attempt, Steered]),
        (v1::EntryFilter { recipient: "%".to_owned(), ..none() }, vec![]),
        (
            v1::EntryFilter { caller: log[0].caller.to_uppercase(), ..none() },
            vec![Accepted, Attempt, Accepted, Attempt, Steered, Test],
        ),
        (v1::EntryFilter { caller: "nobody else".to_owned(), ..none() }, vec![]),
        (v1::EntryFilter { kinds: kinds(&[Attempt, Test]), ..none() }, vec![Attempt, Attempt, Test]),
        (v1::EntryFilter { outcomes: outcomes(&[EntryOutcome::Partial]), ..none() }, vec![Attempt]),
        (v1::EntryFilter { kinds: kinds(&[Attempt]), account: "sales".to_owned(), ..none() }, vec![Attempt]),
        (v1::EntryFilter { since: log[2].time, ..none() }, vec![Accepted, Attempt, Steered, Test]),
        (v1::EntryFilter { until: log[2].time, ..none() }, vec![Accepted, Attempt]),
        (v1::EntryFilter { since: log[2].time, until: log[2].time, ..none() }, vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(filtered(&daemon, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn e3_filters_pages_and_backlogs_have_bounds() {
    let daemon = TestDaemon::start().await;
    let none = v1::EntryFilter::default;
    let long = "x".repeat(255);
    let cases = [
        (v1::EntryFilter { message: long.clone(), ..none() }, "filter.message"),
        (v1::EntryFilter { account: long.clone(), ..none() }, "filter.account"),
        (v1::EntryFilter { recipient: long.clone(), ..none() }, "filter.recipient"),
        (v1::EntryFilter { caller: long, ..none() }, "filter.caller"),
        (v1::EntryFilter { kinds: vec![99], ..none() }, "filter.kinds"),
        (v1::EntryFilter { kinds: vec![1; 1000], ..none() }, "filter.kinds"),
        (v1::EntryFilter { outcomes: vec![-1], ..none() }, "filter.outcomes"),
    ];
    let mut client = daemon.log().await;
    for (filter, field) in cases {
        let request = v1::ListEntriesRequest { filter: Some(filter.clone()), ..Default::default() };
        invalid(list(&daemon, request).await, &[field]);
        let request = v1::FollowEntriesRequest { filter: Some(filter), backlog: 0 };
        invalid(client.follow_entries(request).await, &[field]);
    }
    invalid(
        list(&daemon, v1::ListEntriesRequest { page_size: -1, ..Default::default() }).await,
        &["page_size"],
    );
    let request = v1::ListEntriesRequest { page_token: "x".to_owned(), ..Default::default() };
    invalid(list(&daemon, request).await, &["page_token"]);
    for backlog in [-1, 501] {
        let answer = client.follow_entries(v1::FollowEntriesRequest { filter: None, backlog }).await;
        invalid(answer, &["backlog"]);
    }
}

#[tokio::test]
async fn e3_pages_are_newest_first_and_lose_nothing_to_new_entries() {
    let (daemon, _server) = eventful().await;
    let mut expected: Vec<_> = entries(&daemon).await.iter().map(|entry| entry.id).collect();
    expected.reverse();
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListEntriesRequest { page_size: 2, page_token, filter: None, oldest_first: false };
        let page = list(&daemon, request).await.unwrap();
        assert!(page.entries.len() <= 2);
        seen.extend(page.entries.iter().map(|entry| entry.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        let id = send(&daemon, mail_to("later@example.test")).await;
        finished(&daemon, &id).await;
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn e1_one_entry_is_found_by_its_id() {
    let (daemon, _server) = eventful().await;
    let mut client = daemon.log().await;
    for entry in entries(&daemon).await {
        assert_eq!(ok(client.get_entry(v1::GetEntryRequest { id: entry.id }).await).entry, Some(entry));
    }
    for id in [0, -1, i64::MAX, i64::MIN, 9999] {
        let entry = client.get_entry(v1::GetEntryRequest { id }).await;
        refused(entry, Code::NotFound, reason::ENTRY_NOT_FOUND);
        let transcript = client.get_transcript(v1::GetTranscriptRequest { id }).await;
        refused(transcript, Code::NotFound, reason::ENTRY_NOT_FOUND);
    }
}

#[tokio::test]
async fn e2_a_transcript_has_the_dialogue_and_not_the_body() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    let mail = v1::SendMailRequest { text: "confidential words".to_owned(), ..mail_to("a@example.test") };
    let id = send(&daemon, mail).await;
    finished(&daemon, &id).await;
    let log = entries(&daemon).await;
    let mut client = daemon.log().await;
    let mut get = async |id: i64| client.get_transcript(v1::GetTranscriptRequest { id }).await;
    refused(get(log[0].id).await, Code::NotFound, reason::TRANSCRIPT_NOT_FOUND);

    let transcript = ok(get(log[1].id).await);
    assert!(!transcript.truncated);
    let mut wanted = [
        "S: 220",
        "C: EHLO",
        "S: 250",
        "C: MAIL FROM:<fax@example.test>",
        "C: RCPT TO:<a@example.test>",
        "C: DATA",
    ]
    .iter();
    let mut next = wanted.next();
    for line in transcript.text.lines() {
        let (millis, rest) = line.trim_start().split_once(' ').unwrap();
        millis.parse::<u64>().unwrap_or_else(|_| panic!("milliseconds begin {line:?}"));
        assert!(["C: ", "S: ", "*: "].contains(&&rest[..3]), "{line:?}");
        if next.is_some_and(|next| rest.starts_with(*next)) {
            next = wanted.next();
        }
    }
    assert_eq!(next, None, "{}", transcript.text);
    assert!(!transcript.text.contains("confidential"), "{}", transcript.text);
}

#[tokio::test]
async fn e3_following_begins_with_the_backlog_and_goes_on_live() {
    let (daemon, _server) = eventful().await;
    let log = entries(&daemon).await;
    let mut client = daemon.log().await;
    let filter = || Some(v1::EntryFilter { account: "default".to_owned(), ..v1::EntryFilter::default() });
    let mut two = ok(client.follow_entries(v1::FollowEntriesRequest { filter: None, backlog: 2 }).await);
    let mut fresh = ok(client.follow_entries(v1::FollowEntriesRequest { filter: None, backlog: 0 }).await);
    let mut some =
        ok(client.follow_entries(v1::FollowEntriesRequest { filter: filter(), backlog: 500 }).await);
    let id = send(&daemon, mail_to("new@example.test")).await;
    finished(&daemon, &id).await;
    let news: Vec<_> = entries(&daemon).await.split_off(log.len());
    assert_eq!(news.len(), 2);
    for (stream, expected) in [
        (&mut two, [&log[4..], &news].concat()),
        (&mut fresh, news.clone()),
        (&mut some, [&log[..2], &news].concat()),
    ] {
        for entry in expected {
            let told = tokio::time::timeout(PATIENCE, stream.message()).await.expect("it is told");
            assert_eq!(told.unwrap().unwrap().entry, Some(entry));
        }
    }
}

#[tokio::test]
async fn e3_a_follower_that_does_not_read_misses_nothing() {
    let daemon = TestDaemon::start().await;
    let follow = v1::FollowEntriesRequest { filter: None, backlog: 0 };
    let mut stream = ok(daemon.log().await.follow_entries(follow).await);
    // 25 KB an entry: far more than the connection's windows hold.
    let domain = format!("{}.example.test", ["x".repeat(60), "y".repeat(60), "z".repeat(40)].join("."));
    let to: Vec<_> = (0..100).map(|number| format!("{}{number}@{domain}", "l".repeat(60))).collect();
    for _ in 0..100 {
        send(&daemon, v1::SendMailRequest { to: to.clone(), ..v1::SendMailRequest::default() }).await;
    }
    let mut accepted = 0;
    let mut last = 0;
    let reading = async {
        while accepted < 100 {
            let entry = stream.message().await.unwrap().unwrap().entry.unwrap();
            assert_eq!(entry.id, last + 1, "no gap");
            last = entry.id;
            accepted += usize::from(entry.kind() == EntryKind::Accepted);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("all entries are told");
}

#[tokio::test]
async fn e1_the_log_survives_a_crash() {
    let (mut daemon, _server) = eventful().await;
    let before = entries(&daemon).await;
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(entries(&daemon).await, before);
}
