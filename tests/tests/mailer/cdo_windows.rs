//! The method cdo-message against a double of CDO under Wine: what it is told, what goes out, and what its answers mean.

use std::time::{Duration, Instant};

use faxpost_tests::cdo;
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::mailer::{Body, DeliveryStatus, FailureKind, Job, Notify, RecipientOutcome, Step, StepState};

use crate::kit::{JobExt as _, job, run, run_told, succeeds};

const MESSAGE: &[u8] = b"From: A <a@example.com>\r\nTo: b@example.com\r\nX-Long: one\r\n two\r\n\r\none\r\n.two\r\n..\r\n.\r\nlast\r\n";

fn by_cdo(server: &SmtpServer) -> Job {
    cdo::install();
    let mut job = job(server).cdo();
    job.body = Body::Inline(MESSAGE.to_vec());
    job
}

#[tokio::test]
async fn a7_cdo_is_given_the_finished_message_and_the_settings() {
    let server = SmtpServer::builder().credentials("fax", "sécret").start().await;
    let mut job = by_cdo(&server)
        .sign_in("fax", "sécret")
        .plaintext_auth()
        .to(&["b@example.com", "hidden@example.com"]);
    job.delivery_status =
        DeliveryStatus { notify: Some(vec![Notify::Failure, Notify::Delay]), ..Default::default() };
    succeeds(job).await;
    let received = server.wait_for(1).await.remove(0);
    assert_eq!(received.content, MESSAGE, "byte for byte, and nothing of Bcc");
    assert_eq!(received.to, ["b@example.com", "hidden@example.com"]);
    assert_eq!(received.login.as_deref(), Some("fax"));
    let told = cdo::recorded(server.port());
    let expected = [
        ("DSNOptions", "10"),
        ("sendpassword", "sécret"),
        ("sendusername", "fax"),
        ("sendusing", "2"),
        ("smtpauthenticate", "1"),
        ("smtpconnectiontimeout", "20"),
        ("smtpserver", "127.0.0.1"),
        ("smtpserverport", &server.port().to_string()),
        ("smtpusessl", "false"),
    ];
    assert_eq!(told, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn a7_a_large_message_goes_through_the_stream_in_pieces() {
    let server = SmtpServer::builder().start().await;
    let mut job = by_cdo(&server);
    let body = [MESSAGE, "x".repeat(70).as_bytes(), b"\r\n"].concat();
    let body = [body, format!("{}\r\n", "y".repeat(70)).repeat(50_000).into_bytes()].concat();
    job.body = Body::Inline(body.clone());
    succeeds(job).await;
    assert!(server.wait_for(1).await[0].content == body);
}

#[tokio::test]
async fn d2_what_cdo_answers_is_told_as_that_steps_failure() {
    let server = SmtpServer::builder().credentials("fax", "secret").start().await;
    let failure = run(by_cdo(&server).sign_in("fax", "wrong").plaintext_auth(), None).await.failure.unwrap();
    assert_eq!((failure.step, failure.kind), (Step::SignIn, FailureKind::AuthRejected), "{}", failure.text);

    for (at, code, step, kind) in [
        (At::Mail, 553, Step::Sender, FailureKind::SenderRejected),
        (At::Rcpt, 450, Step::Recipient, FailureKind::RecipientRejected),
        (At::FinalDot, 554, Step::Message, FailureKind::MessageRejected),
    ] {
        let server = SmtpServer::builder().fault(at, Fault::answer(code, "5.7.1 no")).start().await;
        let outcome = run(by_cdo(&server), None).await;
        let failure = outcome.failure.unwrap();
        assert_eq!((failure.step, failure.kind), (step, kind), "{}", failure.text);
        assert_eq!(failure.reply.as_ref().unwrap().code, code);
        let deferred = matches!(outcome.recipients[0], RecipientOutcome::Deferred { .. });
        assert_eq!(deferred, code == 450, "{:?}", outcome.recipients);
    }
    let server = SmtpServer::builder().fault(At::FinalDot, Fault::Drop).start().await;
    let failure = run(by_cdo(&server), None).await.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Uncertain, "{}", failure.text);
    let mut nobody = by_cdo(&server);
    nobody.route().port = 1;
    let failure = run(nobody, None).await.failure.unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Connect, FailureKind::Unreachable), "{}", failure.text);
}

#[tokio::test]
async fn h6_a_call_that_hangs_costs_the_attempt() {
    let server = SmtpServer::builder().fault(At::Mail, Fault::Stall).start().await;
    let mut job = by_cdo(&server);
    job.route().timeouts = faxpostd::mailer::Timeouts { connect: 0, command: 0, data: 2, final_answer: 2 };
    let begun = Instant::now();
    let failure = run(job, None).await.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Uncertain, "{}", failure.text);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn d1_a_test_by_cdo_looks_with_the_own_engine_and_says_so() {
    let server = SmtpServer::builder().start().await;
    let (outcome, reports) = run_told(by_cdo(&server)).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    let states: Vec<_> = reports.iter().map(|report| (report.step, report.state)).collect();
    let skipped = [Step::Tls, Step::SignIn];
    let expected = Step::ALL
        .map(|step| (step, if skipped.contains(&step) { StepState::Skipped } else { StepState::Passed }));
    assert_eq!(states, expected);
    assert!(
        reports[1].details.iter().any(|detail| detail.contains("Faxpost's own engine")),
        "{:?}",
        reports[1]
    );
}
