//! `faxpost.v1.Diagnostics/TestAccount` (requirement D): step by step, saved or not, and never a password to a server
//! it was not given for.

use faxpost_proto::v1::{EntryKind, EntryOutcome, Security, Step, StepState, TlsCheck};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::{TestDaemon, mask};
use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};
use faxpost_tests::socks::{Manner, SocksServer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tonic::{Code, Status};

use crate::kit::{
    PATIENCE, SMTP_FIELDS, account, dead_port, entries, fields, invalid, ok, refused, send_to, smtp_account,
};

/// All steps, in their order.
const STEPS: [Step; 8] = [
    Step::Resolve,
    Step::Connect,
    Step::Tls,
    Step::Ehlo,
    Step::SignIn,
    Step::Sender,
    Step::Recipient,
    Step::Message,
];

/// Runs a test to its end: the steps that ended. Each that ran was told when it began.
async fn run(daemon: &TestDaemon, request: v1::TestAccountRequest) -> Result<Vec<v1::TestStep>, Status> {
    let mut stream = daemon.diagnostics().await.test_account(request).await?.into_inner();
    let mut ended = Vec::new();
    let mut begun = None;
    let reading = async {
        while let Some(told) = stream.message().await.unwrap() {
            let step = told.step.unwrap();
            if step.state() == StepState::Started {
                begun = Some(step.step());
                continue;
            }
            if step.state() == StepState::Passed {
                assert_eq!(begun.take(), Some(step.step()), "a step that ran began before it ended");
            }
            ended.push(step);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("a test ends by itself");
    Ok(ended)
}

/// A test of "default" with unsaved changes.
fn draft(change: v1::Account, fields: &[&str]) -> v1::TestAccountRequest {
    v1::TestAccountRequest { draft: Some(change), update_mask: Some(mask(fields)), ..Default::default() }
}

fn outcome(steps: &[v1::TestStep]) -> Vec<(Step, StepState)> {
    steps.iter().map(|step| (step.step(), step.state())).collect()
}

/// "default" signs in at a server with TLS.
async fn signing_in(server: &SmtpServer, password: &str) -> TestDaemon {
    let daemon = TestDaemon::start().await;
    let given = v1::Account {
        security: Security::Starttls.into(),
        tls_check: TlsCheck::AcceptInvalid.into(),
        authentication: true,
        password: password.to_owned(),
        ..smtp_account("default", server.port())
    };
    let names = [SMTP_FIELDS, &["security", "tls_check", "authentication", "password"]].concat();
    daemon.set(given, &names).await.unwrap();
    daemon
}

#[tokio::test]
async fn d1_without_a_password_it_goes_as_far_as_it_can_and_then_says_so() {
    let server =
        SmtpServer::builder().starttls(Authority::new().good()).credentials("fax", "geheim").start().await;
    let daemon = signing_in(&server, "").await;
    let until = async |step: Step| {
        let request = v1::TestAccountRequest { until: step.into(), ..Default::default() };
        run(&daemon, request).await.unwrap()
    };
    let passed = |steps: &[Step]| steps.iter().map(|step| (*step, StepState::Passed)).collect::<Vec<_>>();
    assert_eq!(outcome(&until(Step::Connect).await), passed(&STEPS[..2]));
    assert_eq!(outcome(&until(Step::Ehlo).await), passed(&STEPS[..4]));

    let steps = until(Step::Message).await;
    assert_eq!(outcome(&steps[..4]), passed(&STEPS[..4]));
    assert_eq!(outcome(&steps[4..]), [(Step::SignIn, StepState::Failed)]);
    assert_eq!(steps[4].failure_reason, "NO_PASSWORD");
    let commands = server.commands();
    assert!(!commands.iter().any(|command| command.starts_with("AUTH")), "{commands:?}");
    let tested = entries(&daemon).await.pop().unwrap();
    assert_eq!((tested.outcome(), tested.reason.as_str()), (EntryOutcome::Temporary, "NO_PASSWORD"));
}

#[tokio::test]
async fn d1_every_step_of_saved_settings_is_told_and_the_message_arrives() {
    let identity = Authority::new().good();
    let server = SmtpServer::builder().starttls(identity.clone()).credentials("fax", "geheim").start().await;
    let daemon = signing_in(&server, "geheim").await;
    let request = v1::TestAccountRequest { to: "ann@example.test".to_owned(), ..Default::default() };
    let steps = run(&daemon, request).await.unwrap();
    assert_eq!(outcome(&steps), STEPS.map(|step| (step, StepState::Passed)));
    let tls = steps[2].tls.as_ref().unwrap();
    assert!(tls.version.starts_with("TLSv1.") && !tls.cipher.is_empty());
    assert_eq!(tls.chain[0].sha256, hex::encode(identity.sha256));
    assert!(!tls.tolerated.is_empty(), "what accept-invalid let pass");
    assert!(steps[7].answer.starts_with("250"), "{:?}", steps[7]);
    let received = server.wait_for(1).await.remove(0);
    assert_eq!(
        (received.from.as_str(), received.to),
        ("fax@example.test", vec!["ann@example.test".to_owned()])
    );
    assert!(received.tls && received.login.as_deref() == Some("fax"));

    let entry = entries(&daemon).await.pop().unwrap();
    assert_eq!((entry.kind(), entry.outcome()), (EntryKind::Test, EntryOutcome::Ok));
    assert!(entry.has_transcript && entry.tls.starts_with("TLSv1.") && entry.message.is_empty());
    assert_eq!(entry.recipients[0].address, "ann@example.test");
}

#[tokio::test]
async fn d1_a_test_stops_after_the_step_that_was_asked_for() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, &server).await;
    for (index, until) in STEPS.into_iter().enumerate() {
        let request = v1::TestAccountRequest { until: until.into(), ..Default::default() };
        let steps = run(&daemon, request).await.unwrap();
        let expected: Vec<_> = STEPS[..=index]
            .iter()
            .map(|&step| match step {
                Step::Tls | Step::SignIn => (step, StepState::Skipped),
                step => (step, StepState::Passed),
            })
            .collect();
        assert_eq!(outcome(&steps), expected, "until {until:?}");
        assert_eq!(server.received().len(), usize::from(until == Step::Message), "until {until:?}");
    }
    let to_sender = server.received().remove(0).to;
    assert_eq!(to_sender, ["fax@example.test"], "without a recipient the sender gets it");
    assert_eq!(entries(&daemon).await.len(), STEPS.len());
}

#[tokio::test]
async fn d1_unsaved_settings_are_tested_and_stay_unsaved() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    let before = account(&daemon, "default").await;
    let request = draft(smtp_account("", server.port()), SMTP_FIELDS);
    let steps = run(&daemon, v1::TestAccountRequest { language: "ru".to_owned(), ..request }).await.unwrap();
    assert_eq!(steps.last().map(v1::TestStep::state), Some(StepState::Passed));
    let text = String::from_utf8(server.wait_for(1).await.remove(0).content).unwrap();
    assert!(text.contains("Subject: =?utf-8?b?"), "in Russian: {text}");
    assert_eq!(account(&daemon, "default").await, before);

    // The pickup folder can be tested, too.
    let steps = run(&daemon, v1::TestAccountRequest::default()).await.unwrap();
    assert_eq!(
        steps.last().map(|step| (step.step(), step.state())),
        Some((Step::Message, StepState::Passed))
    );
    assert_eq!(std::fs::read_dir(daemon.pickup_dir()).unwrap().count(), 1);
}

#[tokio::test]
async fn d1_a_test_that_cannot_be_made_names_the_field() {
    let daemon = TestDaemon::start().await;
    let ask = async |request| run(&daemon, request).await;
    let empty = v1::TestAccountRequest::default;
    let missing = v1::TestAccountRequest { id: "missing".to_owned(), ..empty() };
    refused(ask(missing).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    invalid(ask(v1::TestAccountRequest { to: "nobody".to_owned(), ..empty() }).await, &["to"]);
    invalid(ask(v1::TestAccountRequest { until: 99, ..empty() }).await, &["until"]);
    invalid(ask(v1::TestAccountRequest { language: "de".to_owned(), ..empty() }).await, &["language"]);
    let bad = v1::Account { server: "smtp://x".to_owned(), port: 70_000, ..Default::default() };
    invalid(ask(draft(bad, &["server", "port"])).await, &["server", "port"]);
    invalid(ask(draft(v1::Account::default(), &["no_such_field"])).await, &["update_mask"]);
    invalid(ask(draft(v1::Account::default(), &["etag"])).await, &["update_mask"]);
    let missing = v1::Account { method: faxpost_tests::MISSING_METHOD.into(), ..smtp_account("", 25) };
    let status =
        refused(ask(draft(missing, SMTP_FIELDS)).await, Code::InvalidArgument, reason::NOT_AVAILABLE);
    assert_eq!(fields(&status), ["method"]);
    assert_eq!(entries(&daemon).await, []);
}

#[tokio::test]
async fn d2_a_failed_step_is_the_last_and_explains_itself() {
    let daemon = TestDaemon::start().await;
    let dead = run(&daemon, draft(smtp_account("", dead_port()), SMTP_FIELDS)).await.unwrap();
    assert_eq!(outcome(&dead), [(Step::Resolve, StepState::Passed), (Step::Connect, StepState::Failed)]);
    assert_eq!(dead[1].failure_reason, "CONNECTION_REFUSED");
    assert!(!dead[1].failure_text.is_empty() && !dead[1].advice_text.is_empty());

    let server = SmtpServer::builder().start().await;
    let request = draft(smtp_account("", server.port()), SMTP_FIELDS);
    let request = v1::TestAccountRequest { to: "r550@example.test".to_owned(), ..request };
    let refusal = run(&daemon, request).await.unwrap().pop().unwrap();
    assert_eq!((refusal.step(), refusal.state()), (Step::Recipient, StepState::Failed));
    assert!(refusal.answer.starts_with("550"), "the server's exact answer: {refusal:?}");
    assert_eq!(refusal.failure_reason, "RECIPIENT_REJECTED");
    let english = faxpost_proto::advice::Language::En;
    assert_eq!(
        faxpost_proto::advice::text(&refusal.advice_reason, english),
        Some(refusal.advice_text.as_str())
    );

    let starttls = v1::Account { security: Security::Starttls.into(), ..smtp_account("", server.port()) };
    let names = [SMTP_FIELDS, &["security"]].concat();
    let missing = run(&daemon, draft(starttls, &names)).await.unwrap().pop().unwrap();
    assert_eq!((missing.step(), missing.failure_reason.as_str()), (Step::Tls, "STARTTLS_MISSING"));
    assert_eq!(server.received().len(), 0);
    let log = entries(&daemon).await;
    let told: Vec<_> = log.iter().map(|entry| (entry.outcome(), entry.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (EntryOutcome::Temporary, "CONNECTION_REFUSED"),
            (EntryOutcome::Permanent, "RECIPIENT_REJECTED"),
            (EntryOutcome::Temporary, "STARTTLS_MISSING"),
        ]
    );
}

#[tokio::test]
async fn a4_a_certificate_that_is_not_trusted_is_shown_and_can_be_pinned() {
    let identity = Authority::self_signed();
    let server = SmtpServer::builder().implicit_tls(identity.clone()).start().await;
    let daemon = TestDaemon::start().await;
    let given = || v1::Account { security: Security::Implicit.into(), ..smtp_account("", server.port()) };
    let names = [SMTP_FIELDS, &["security"]].concat();
    let failed = run(&daemon, draft(given(), &names)).await.unwrap().pop().unwrap();
    assert_eq!((failed.step(), failed.state()), (Step::Tls, StepState::Failed));
    assert_eq!(failed.failure_reason, "CERTIFICATE_UNTRUSTED");
    let shown = failed.tls.unwrap().chain.remove(0);
    assert_eq!(shown.sha256, hex::encode(identity.sha256));
    assert_eq!(shown.public_key_sha256, hex::encode(identity.public_key_sha256));
    assert!(shown.names.contains(&"localhost".to_owned()), "{shown:?}");

    let names = [names.as_slice(), &["tls_check", "tls_pin"]].concat();
    let pinned =
        |pin: &str| v1::Account { tls_check: TlsCheck::Pinned.into(), tls_pin: pin.to_owned(), ..given() };
    for pin in [&shown.sha256, &shown.public_key_sha256] {
        let steps = run(&daemon, draft(pinned(pin), &names)).await.unwrap();
        assert_eq!(steps.last().map(v1::TestStep::state), Some(StepState::Passed), "{steps:?}");
    }
    let other = run(&daemon, draft(pinned(&"0f".repeat(32)), &names)).await.unwrap().pop().unwrap();
    assert_eq!(other.failure_reason, "PIN_MISMATCH");
    assert_eq!(other.tls.unwrap().chain[0].sha256, shown.sha256);
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn d3_a_draft_that_leads_elsewhere_needs_the_password_anew() {
    let server =
        SmtpServer::builder().starttls(Authority::new().good()).credentials("fax", "geheim").start().await;
    let evil =
        SmtpServer::builder().starttls(Authority::new().good()).credentials("fax", "geheim").start().await;
    let daemon = signing_in(&server, "geheim").await;
    let before = account(&daemon, "default").await;
    let empty = v1::Account::default;
    let port = u32::from(evil.port());
    let elsewhere: [(v1::Account, &[&str]); 6] = [
        (v1::Account { server: "localhost".to_owned(), ..empty() }, &["server"]),
        (v1::Account { port, ..empty() }, &["port"]),
        (
            v1::Account { security: Security::None.into(), plaintext_auth: true, ..empty() },
            &["security", "plaintext_auth"],
        ),
        (empty(), &["tls_check"]),
        (
            v1::Account { tls_check: TlsCheck::Pinned.into(), tls_pin: "0f".repeat(32), ..empty() },
            &["tls_check", "tls_pin"],
        ),
        (v1::Account { login: "other".to_owned(), ..empty() }, &["login"]),
    ];
    for (change, names) in elsewhere {
        let answer = run(&daemon, draft(change, names)).await;
        let status = refused(answer, Code::InvalidArgument, reason::PASSWORD_NEEDED);
        assert_eq!(fields(&status), ["password"], "{names:?}");
    }
    assert_eq!((evil.connections(), server.connections()), (0, 0), "nothing was dialled");

    let given = v1::Account { port, password: "geheim".to_owned(), ..empty() };
    let steps = run(&daemon, draft(given, &["port", "password"])).await.unwrap();
    assert_eq!(steps.last().map(v1::TestStep::state), Some(StepState::Passed), "{steps:?}");
    assert_eq!(evil.wait_for(1).await[0].login.as_deref(), Some("fax"));

    // What does not lead elsewhere goes with the stored one.
    let named = v1::Account { sender_name: Some("Fax".to_owned()), ..empty() };
    let steps = run(&daemon, draft(named, &["sender_name"])).await.unwrap();
    assert_eq!(steps.last().map(v1::TestStep::state), Some(StepState::Passed));
    assert_eq!(account(&daemon, "default").await, before);
}

#[tokio::test]
async fn d1_whoever_ends_the_call_ends_the_test() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let daemon = TestDaemon::start().await;
    let request = draft(smtp_account("", listener.local_addr().unwrap().port()), SMTP_FIELDS);
    let mut stream = ok(daemon.diagnostics().await.test_account(request).await);
    let (mut connection, _) = listener.accept().await.unwrap();
    connection.write_all(b"220 silent.test\r\n").await.unwrap();
    let mut connection = BufReader::new(connection);
    let mut line = String::new();
    connection.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("EHLO"), "{line}");
    assert!(stream.message().await.unwrap().is_some());
    // No answer will come, and nobody waits for it any more.
    drop(stream);
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut rest)).await;
    // Closed or reset: both are an end.
    let _ = closed.expect("the daemon hangs up");
    let logged = async {
        loop {
            if let Some(entry) = entries(&daemon).await.pop() {
                return entry;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let entry = tokio::time::timeout(PATIENCE, logged).await.expect("it is in the log");
    assert_eq!((entry.kind(), entry.outcome()), (EntryKind::Test, EntryOutcome::Permanent));
    assert!(entry.answer.contains("stopped"), "{entry:?}");
}

#[tokio::test]
async fn d2_a_wrong_password_is_told_as_the_server_says_it() {
    let server = SmtpServer::builder()
        .starttls(Authority::new().good())
        .credentials("fax", "geheim")
        .fault_times(1, At::SignedIn, Fault::answer(454, "4.7.0 busy"))
        .start()
        .await;
    let daemon = signing_in(&server, "falsch").await;
    for (failure, code) in [("AUTH_TEMPORARY", "454"), ("AUTH_REJECTED", "535")] {
        let last = run(&daemon, v1::TestAccountRequest::default()).await.unwrap().pop().unwrap();
        assert_eq!((last.step(), last.failure_reason.as_str()), (Step::SignIn, failure));
        assert!(last.answer.starts_with(code), "{last:?}");
        assert!(!format!("{last:?}").contains("falsch"));
    }
}

#[tokio::test]
async fn a10_a_test_goes_through_the_proxy_and_a_draft_with_another_one_needs_the_password() {
    let server =
        SmtpServer::builder().starttls(Authority::new().good()).credentials("fax", "geheim").start().await;
    let proxy = SocksServer::start(Manner::To(server.address())).await;
    let daemon = signing_in(&server, "geheim").await;
    // No resolver knows the name: the proxy alone is asked for it.
    let behind = v1::Account {
        server: "mail.somewhere.invalid".to_owned(),
        proxy: proxy.address(),
        password: "geheim".to_owned(),
        ..v1::Account::default()
    };
    daemon.set(behind, &["server", "proxy", "password"]).await.unwrap();
    let steps = run(&daemon, v1::TestAccountRequest::default()).await.unwrap();
    assert_eq!(outcome(&steps), STEPS.map(|step| (step, StepState::Passed)));
    assert!(steps[0].details[0].contains("through the proxy"), "{:?}", steps[0]);
    assert_eq!(proxy.asked(), [format!("name mail.somewhere.invalid:{}", server.port())]);
    assert_eq!(server.wait_for(1).await[0].login.as_deref(), Some("fax"));

    let refusing = SocksServer::start(Manner::Refuse(2)).await;
    let other = |password: &str| v1::Account {
        proxy: refusing.address(),
        password: password.to_owned(),
        ..v1::Account::default()
    };
    let answer = run(&daemon, draft(other(""), &["proxy"])).await;
    assert_eq!(fields(&refused(answer, Code::InvalidArgument, reason::PASSWORD_NEEDED)), ["password"]);
    assert!(refusing.asked().is_empty(), "it was not dialled");
    let steps = run(&daemon, draft(other("geheim"), &["proxy", "password"])).await.unwrap();
    let failed = steps.iter().find(|step| step.state() == StepState::Failed).unwrap();
    assert_eq!((failed.step(), &*failed.failure_reason), (Step::Connect, "PROXY_FAILED"));
    assert_eq!((failed.advice_reason.as_str(), server.connections()), ("CHECK_PROXY", 1));
}
