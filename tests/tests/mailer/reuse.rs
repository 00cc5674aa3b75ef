//! Connections that carry one message after the other, and what their end costs: never a mail.

use std::time::Duration;

use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::mailer::{FailureKind, Job, Mailer, Outcome, Shared};

use crate::kit::{JobExt as _, MESSAGE, job};

/// More connections than any test here needs.
fn shared(name: &str) -> Option<Shared> {
    Some(Shared { name: name.to_owned(), connections: 8, as_of: 0 })
}

fn pooled(server: &SmtpServer) -> Job {
    Job { pool: shared("default"), ..job(server) }
}

async fn delivers(mailer: &Mailer, job: Job) -> Outcome {
    let outcome = mailer.deliver(job, None).await;
    assert!(outcome.failure.is_none(), "{:?}\n{}", outcome.failure, outcome.transcript.text);
    outcome
}

#[tokio::test]
async fn f3_messages_of_one_account_use_a_connection_in_turn() {
    let identity = Authority::new().good();
    let server = SmtpServer::builder().starttls(identity).credentials("fax", "secret").start().await;
    let mailer = Mailer::in_process();
    let job = || pooled(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid).sign_in("fax", "secret");
    let first = delivers(&mailer, job()).await;
    let second = delivers(&mailer, job()).await;
    assert_eq!((server.connections(), server.received().len()), (1, 2));
    assert_eq!(server.received()[1].login.as_deref(), Some("fax"));
    assert!(first.transcript.text.contains("C: EHLO") && !second.transcript.text.contains("C: EHLO"));
    let remark = second.transcript.text.lines().next().unwrap();
    assert!(remark.contains("message 2 on the connection to 127.0.0.1:"), "{remark}");
    assert!(remark.contains("TLS") && remark.contains("signed in as fax"), "{remark}");
    let cipher = |outcome: &Outcome| outcome.tls.as_ref().map(|tls| tls.cipher.clone());
    assert!(cipher(&second).is_some() && cipher(&first) == cipher(&second));
}

#[tokio::test]
async fn f3_a_test_and_other_settings_and_other_accounts_have_connections_of_their_own() {
    let server = SmtpServer::builder().credentials("fax", "secret").start().await;
    let mailer = Mailer::in_process();
    let signed_in = |password| pooled(&server).sign_in("fax", password).plaintext_auth();
    delivers(&mailer, signed_in("secret")).await;
    let wrong = mailer.deliver(signed_in("wrong"), None).await;
    assert_eq!(wrong.failure.unwrap().kind, FailureKind::AuthRejected, "the password was asked for");
    delivers(&mailer, signed_in("secret")).await;
    assert_eq!(server.connections(), 3, "the first was closed when the settings changed");
    delivers(&mailer, Job { pool: None, ..signed_in("secret") }).await;
    delivers(&mailer, Job { pool: shared("other"), ..signed_in("secret") }).await;
    assert_eq!(server.connections(), 5);
    delivers(&mailer, signed_in("secret")).await;
    assert_eq!(server.connections(), 5);
}

#[tokio::test]
async fn a10_an_account_with_one_connection_never_has_two() {
    let server = SmtpServer::builder().start().await;
    let mailer = Mailer::in_process();
    let one =
        || Job { pool: Some(Shared { name: "one".to_owned(), connections: 1, as_of: 0 }), ..job(&server) };
    tokio::join!(
        delivers(&mailer, one()),
        delivers(&mailer, one()),
        delivers(&mailer, one()),
        delivers(&mailer, one()),
    );
    assert_eq!((server.connections(), server.received().len()), (1, 4));
}

#[tokio::test]
async fn f3_a_connection_that_ended_while_idle_costs_nothing() {
    let farewell = || Fault::answer(421, "4.4.2 you were silent for too long");
    for (at, fault) in [
        (At::Idle, Fault::Drop),
        (At::Idle, farewell()),
        (At::Idle, Fault::Garbage),
        (At::Mail, Fault::Drop),
        (At::Mail, farewell()),
        (At::Mail, Fault::Stall),
        (At::Mail, Fault::Garbage),
        (At::Mail, Fault::answer(452, "4.5.3 too many messages on this connection")),
        (At::Mail, Fault::answer(503, "5.5.1 too many messages on this connection")),
        (At::Rcpt, Fault::Drop),
        (At::Data, farewell()),
    ] {
        for pipelining in [true, false] {
            let before = if at == At::Idle { 0 } else { 1 };
            let server = SmtpServer::builder().after(before, at, fault.clone());
            let server = if pipelining { server } else { server.without("PIPELINING") }.start().await;
            let mailer = Mailer::in_process();
            delivers(&mailer, pooled(&server).impatient()).await;
            let second = delivers(&mailer, pooled(&server).impatient()).await;
            assert_eq!(server.received().len(), 2, "{at:?} {fault:?}: each once");
            assert_eq!(server.connections(), 2, "{at:?} {fault:?}\n{}", second.transcript.text);
        }
    }
}

#[tokio::test]
async fn f3_only_before_the_content_a_message_begins_anew() {
    let server = SmtpServer::builder().after(1, At::FinalDot, Fault::Drop).start().await;
    let mailer = Mailer::in_process();
    delivers(&mailer, pooled(&server)).await;
    let second = mailer.deliver(pooled(&server), None).await;
    assert_eq!(second.failure.unwrap().kind, FailureKind::Uncertain);
    assert_eq!((server.connections(), server.received().len()), (1, 2));
}

#[tokio::test]
async fn f3_a_refused_message_leaves_the_connection_to_the_next_one() {
    let server =
        SmtpServer::builder().fault_times(1, At::FinalDot, Fault::answer(554, "5.7.1 spam")).start().await;
    let mailer = Mailer::in_process();
    let refused = |job: Job| async { mailer.deliver(job, None).await.failure.expect("refused").kind };
    assert_eq!(refused(pooled(&server)).await, FailureKind::MessageRejected);
    assert_eq!(refused(pooled(&server).to(&["r550@example.com"])).await, FailureKind::RecipientRejected);
    let mut sender = pooled(&server);
    sender.envelope.from = "s553@example.com".to_owned();
    assert_eq!(refused(sender).await, FailureKind::SenderRejected);
    delivers(&mailer, pooled(&server)).await;
    assert_eq!((server.connections(), server.received().len()), (1, 1));
}

#[tokio::test]
async fn f3_a_server_that_wants_no_more_keeps_no_connection() {
    let server =
        SmtpServer::builder().fault_times(1, At::FinalDot, Fault::answer(421, "4.7.0 bye")).start().await;
    let mailer = Mailer::in_process();
    assert!(mailer.deliver(pooled(&server), None).await.failure.is_some());
    delivers(&mailer, pooled(&server)).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn f3_a_silent_connection_is_asked_before_it_is_used_and_ended_politely() {
    let server = SmtpServer::builder().fault_times(1, At::Rset, Fault::Stall).start().await;
    let mailer = Mailer::in_process();
    delivers(&mailer, pooled(&server)).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    let second = delivers(&mailer, pooled(&server)).await;
    assert_eq!(server.connections(), 2, "the first no longer answered\n{}", second.transcript.text);

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(20)).await;
    tokio::time::resume();
    while !server.commands().iter().any(|command| command == "QUIT") {
        tokio::task::yield_now().await;
    }
    delivers(&mailer, pooled(&server)).await;
    assert_eq!(server.connections(), 3, "nothing is kept for ever");
}

#[tokio::test]
async fn f3_a_connection_carries_no_more_than_a_thousand_messages() {
    let server = SmtpServer::builder().digest_only().start().await;
    let mailer = Mailer::in_process();
    for _ in 0..1001 {
        delivers(&mailer, pooled(&server)).await;
    }
    assert_eq!((server.connections(), server.received().len()), (2, 1001));
}

#[tokio::test]
async fn bdat_is_used_where_it_is_offered_and_the_message_allows_it() {
    let server = SmtpServer::builder().with("CHUNKING").start().await;
    let mailer = Mailer::in_process();
    let outcome = delivers(&mailer, pooled(&server)).await;
    let bdat = format!("BDAT {} LAST", MESSAGE.len());
    assert!(server.commands().contains(&bdat) && outcome.transcript.text.contains(&bdat));
    assert_eq!(server.received()[0].content, MESSAGE, "not stuffed");

    // A lone LF is made a line end, as in DATA.
    let mut bare = pooled(&server);
    bare.body = faxpostd::mailer::Body::Inline(b"Subject: x\r\n\r\none\ntwo".to_vec());
    delivers(&mailer, bare).await;
    assert_eq!(server.received()[1].content, b"Subject: x\r\n\r\none\r\ntwo\r\n");
    assert_eq!(server.connections(), 1);

    let refusal = mailer.deliver(pooled(&server).to(&["r550@example.com"]), None).await;
    assert_eq!(refusal.failure.unwrap().kind, FailureKind::RecipientRejected);
    let sent = server.commands().iter().filter(|command| command.starts_with("BDAT")).count();
    assert_eq!(sent, 1, "no content to a server that took no recipient");
}

#[tokio::test]
async fn a_server_that_offers_bdat_and_cannot_do_it_is_given_data() {
    for code in [500, 502, 503, 504] {
        let fault = Fault::answer(code, "5.5.1 what?");
        let server = SmtpServer::builder().with("CHUNKING").fault(At::Bdat, fault).start().await;
        delivers(&Mailer::in_process(), job(&server)).await;
        assert_eq!(server.received()[0].content, MESSAGE);
    }
}

#[tokio::test]
async fn f2_a_chunk_of_any_size_arrives_whole_and_its_end_is_decisive() {
    let server = SmtpServer::builder().with("CHUNKING").start().await;
    let breaks = SmtpServer::builder().with("CHUNKING").fault(At::FinalDot, Fault::Drop).start().await;
    let mailer = Mailer::in_process();
    for size in [64 * 1024, 64 * 1024 + 2, 128 * 1024, 128 * 1024 - 2, 1_000_000] {
        let mut content = b"Subject: x\r\n\r\n".to_vec();
        content.resize(size - 2, b'x');
        content.extend_from_slice(b"\r\n");
        let with_content =
            |server| Job { body: faxpostd::mailer::Body::Inline(content.clone()), ..pooled(server) };
        delivers(&mailer, with_content(&server)).await;
        assert!(server.received().pop().unwrap().content == content, "{size}");
        let failure = mailer.deliver(with_content(&breaks), None).await.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Uncertain, "{size}");
    }
}
