use std::io::Write as _;

use faxpost_tests::smtp::SmtpServer;
use faxpostd::mailer::{Body, FailureKind, RecipientOutcome, Step, StepState};
use sha2::{Digest as _, Sha256};

use crate::kit::{JobExt as _, MESSAGE, fails, job, run_told, succeeds};

#[tokio::test]
async fn f1_a_message_arrives_byte_for_byte() {
    let server = SmtpServer::builder().start().await;
    let outcome = succeeds(job(&server)).await;
    let received = server.wait_for(1).await;
    assert_eq!(received[0].content, MESSAGE, "also its lines that begin with dots");
    assert_eq!(
        (received[0].from.as_str(), received[0].to.as_slice()),
        ("a@example.com", &["b@example.com".to_owned()][..])
    );
    assert_eq!(received[0].parameters, format!("SIZE={}", MESSAGE.len()));
    assert_eq!(outcome.answer, "250 2.0.0 Ok: queued as 4Faxpost");
    assert_eq!(server.commands().last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn d1_every_step_is_told_in_order_with_what_was_found() {
    let server = SmtpServer::builder().start().await;
    let (outcome, reports) = run_told(job(&server)).await;
    let steps: Vec<_> = reports.iter().map(|report| report.step).collect();
    assert_eq!(steps, Step::ALL);
    for report in &reports {
        let skipped = matches!(report.step, Step::Tls | Step::SignIn);
        assert_eq!(report.state, if skipped { StepState::Skipped } else { StepState::Passed });
        assert_eq!(report.details.is_empty(), skipped, "{report:?}");
    }
    assert!(reports[1].details.contains(&"mail.test ESMTP ready".to_owned()));
    assert!(reports[3].details.contains(&"PIPELINING".to_owned()));
    assert!(outcome.transcript.text.contains(&format!(" C: [{} bytes]\n", MESSAGE.len())));
    assert!(!outcome.transcript.text.contains("Subject"), "{}", outcome.transcript.text);
}

#[tokio::test]
async fn d1_a_test_can_stop_at_any_step_and_takes_its_leave() {
    for step in Step::ALL.into_iter().filter(|step| *step < Step::Message) {
        let server = SmtpServer::builder().start().await;
        let (outcome, reports) = run_told(job(&server).until(step)).await;
        assert!(outcome.failure.is_none());
        assert_eq!(reports.last().map(|report| report.step), Some(step));
        assert!(matches!(outcome.recipients[..], [RecipientOutcome::Deferred { .. }]));
        let commands = server.commands();
        let leave = match step {
            Step::Resolve => &[][..],
            Step::Sender | Step::Recipient => &["RSET", "QUIT"],
            _ => &["QUIT"],
        };
        assert!(commands.iter().map(String::as_str).collect::<Vec<_>>().ends_with(leave), "{commands:?}");
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn f1_20_mb_are_streamed_from_a_file() {
    const SIZE: usize = 20 * 1024 * 1024;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let line = b".JVBERi0xLjcKJeLjz9MKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+PgpFTkRP\r\n";
    let message: Vec<u8> = line.iter().copied().cycle().take(SIZE / line.len() * line.len()).collect();
    file.write_all(&message).unwrap();
    let server = SmtpServer::builder().digest_only().start().await;
    let mut job = job(&server);
    job.body = Body::File { path: file.path().to_owned(), size: message.len() as u64 };
    succeeds(job).await;
    let received = server.wait_for(1).await;
    assert_eq!(received[0].size, message.len() as u64);
    assert_eq!(received[0].sha256, hex::encode(Sha256::digest(&message)));
}

#[tokio::test]
async fn a_stray_line_feed_never_reaches_the_wire() {
    let server = SmtpServer::builder().start().await;
    let mut job = job(&server);
    job.body = Body::Inline(b"Subject: x\n\nend\n.\nQUIT".to_vec());
    succeeds(job).await;
    assert_eq!(server.wait_for(1).await[0].content, b"Subject: x\r\n\r\nend\r\n.\r\nQUIT\r\n");
}

#[tokio::test]
async fn a_message_that_changed_its_size_is_never_sent_in_part() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(MESSAGE).unwrap();
    for wrong in [-1, 1] {
        let server = SmtpServer::builder().without("8BITMIME").start().await;
        let mut job = job(&server);
        let size = (MESSAGE.len() as u64).saturating_add_signed(wrong);
        job.body = Body::File { path: file.path().to_owned(), size };
        let failure = fails(job).await;
        assert_eq!((failure.kind, failure.step), (FailureKind::LocalFile, Step::Message));
        assert!(server.received().is_empty());
    }
    let server = SmtpServer::builder().start().await;
    let mut job = job(&server);
    job.body = Body::File { path: "/nowhere/at/all".into(), size: 1 };
    assert_eq!(fails(job).await.kind, FailureKind::LocalFile);
}

#[tokio::test]
async fn eight_bit_content_is_declared_and_size_is_said_only_where_offered() {
    let body = Body::Inline("Subject: x\r\n\r\nфакс\r\n".as_bytes().to_vec());
    let server = SmtpServer::builder().start().await;
    let mut eight_bit = job(&server);
    eight_bit.body = body.clone();
    succeeds(eight_bit).await;
    assert!(server.wait_for(1).await[0].parameters.ends_with("BODY=8BITMIME"));

    let server = SmtpServer::builder().without("8BITMIME").size_limit(None).start().await;
    let mut undeclared = job(&server);
    undeclared.body = body;
    succeeds(undeclared).await;
    assert_eq!(server.wait_for(1).await[0].parameters, "");
}

#[tokio::test]
async fn too_large_is_found_before_anything_is_sent() {
    let server = SmtpServer::builder().size_limit(Some(10)).start().await;
    let failure = fails(job(&server)).await;
    assert_eq!((failure.kind, failure.step), (FailureKind::TooLarge, Step::Sender));
    assert!(!failure.is_transient());
    assert!(!server.commands().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn f1_smtputf8_is_used_only_when_needed_and_only_where_offered() {
    let server = SmtpServer::builder().start().await;
    succeeds(job(&server).to(&["факс@example.com"])).await;
    let received = server.wait_for(1).await;
    assert_eq!(received[0].to, ["факс@example.com"]);
    assert!(received[0].parameters.ends_with("SMTPUTF8"));

    let server = SmtpServer::builder().without("SMTPUTF8").start().await;
    let failure = fails(job(&server).to(&["факс@example.com"])).await;
    assert_eq!((failure.kind, failure.is_transient()), (FailureKind::NoSmtputf8, false));
    succeeds(job(&server)).await;
}

#[tokio::test]
async fn f3_what_is_known_of_a_message_is_not_looked_for_in_it() {
    let server = SmtpServer::builder().start().await;
    let mut known = job(&server);
    known.body = Body::Inline("Subject: x\r\n\r\nфакс\r\n".as_bytes().to_vec());
    known.seven_bit = true;
    succeeds(known).await;
    let parameters = &server.wait_for(1).await[0].parameters;
    assert!(!parameters.contains("BODY"), "only reading it would have told: {parameters}");
}
