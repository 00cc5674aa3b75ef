use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::mailer::{FailureKind, RecipientOutcome, Step};

use crate::kit::{JobExt as _, fails, job, run, succeeds};

/// d: delivered, f: failed, x: deferred.
fn letters(outcomes: &[RecipientOutcome]) -> String {
    let letter = |outcome: &RecipientOutcome| match outcome {
        RecipientOutcome::Delivered { .. } => 'd',
        RecipientOutcome::Failed { .. } => 'f',
        RecipientOutcome::Deferred { .. } => 'x',
    };
    outcomes.iter().map(letter).collect()
}

#[tokio::test]
async fn f3_some_recipients_refused_do_not_keep_the_others_from_their_mail() {
    for builder in [SmtpServer::builder(), SmtpServer::builder().without("PIPELINING")] {
        let server = builder.start().await;
        let to = ["r550@x.test", "good@x.test", "r450@x.test", "not an address", "too@x.test"];
        let outcome = run(job(&server).to(&to), None).await;
        assert_eq!(letters(&outcome.recipients), "fdxfd");
        assert_eq!(server.wait_for(1).await[0].to, ["good@x.test", "too@x.test"]);
        let failure = outcome.failure.unwrap();
        assert_eq!((failure.kind, failure.step), (FailureKind::RecipientRejected, Step::Recipient));
        let RecipientOutcome::Failed { answer } = &outcome.recipients[0] else { panic!() };
        assert_eq!(answer, "550 5.1.1 scripted: no such user");
    }
}

#[tokio::test]
async fn f3_all_recipients_refused_means_no_content() {
    for builder in [SmtpServer::builder(), SmtpServer::builder().without("PIPELINING")] {
        let server = builder.start().await;
        let outcome = run(job(&server).to(&["r550@x.test", "r450@x.test"]), None).await;
        assert_eq!(letters(&outcome.recipients), "fx");
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::RecipientRejected);
        assert!(failure.is_transient(), "one of them is worth another try");
        assert!(server.received().is_empty());
        assert_eq!(server.commands().last().map(String::as_str), Some("QUIT"));
    }
}

#[tokio::test]
async fn f3_data_leaves_with_the_recipients_where_pipelining_is_offered() {
    for (builder, expected) in [
        (SmtpServer::builder(), ["RCPT", "RCPT", "DATA", "QUIT"]),
        (SmtpServer::builder().without("PIPELINING"), ["MAIL", "RCPT", "RCPT", "QUIT"]),
        (SmtpServer::builder().with("CHUNKING"), ["MAIL", "RCPT", "RCPT", "QUIT"]),
    ] {
        let server = builder.start().await;
        run(job(&server).to(&["r550@x.test", "r450@x.test"]), None).await;
        let commands = server.commands();
        let words: Vec<&str> = commands.iter().filter_map(|line| line.split([' ', ':']).next()).collect();
        assert!(words.ends_with(&expected), "{words:?}");
    }
}

#[tokio::test]
async fn f3_a_server_that_wants_the_content_for_nobody_does_not_get_it() {
    let server = SmtpServer::builder().fault(At::Data, Fault::answer(354, "go on")).start().await;
    let outcome = run(job(&server).to(&["r550@x.test"]), None).await;
    assert_eq!(letters(&outcome.recipients), "f");
    assert_eq!(outcome.failure.unwrap().kind, FailureKind::RecipientRejected);
    // Left without a word: every word would be content.
    assert_eq!(server.commands().last().map(String::as_str), Some("DATA"));
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn hundreds_of_recipients_go_in_groups() {
    let server = SmtpServer::builder().start().await;
    let to: Vec<String> = (0..230).map(|number| format!("user{number}@example.com")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    succeeds(job(&server).to(&to)).await;
    assert_eq!(server.wait_for(1).await[0].to, to);
}

#[tokio::test]
async fn a_refused_sender_ends_it_and_the_pipelined_answers_are_read() {
    let server = SmtpServer::builder().start().await;
    let mut refused = job(&server);
    refused.envelope.from = "s553@example.com".to_owned();
    let failure = fails(refused).await;
    assert_eq!((failure.kind, failure.is_transient()), (FailureKind::SenderRejected, false));
    assert_eq!(failure.reply.unwrap().to_string(), "553 5.7.1 scripted: sender not allowed");
    assert_eq!(server.commands().last().map(String::as_str), Some("QUIT"));

    let mut deferred = job(&server);
    deferred.envelope.from = "s451@example.com".to_owned();
    assert!(fails(deferred).await.is_transient());
}

#[tokio::test]
async fn a_421_ends_the_session_and_defers_everybody() {
    let server = SmtpServer::builder().start().await;
    let outcome = run(job(&server).to(&["good@x.test", "r421@x.test", "other@x.test"]), None).await;
    assert_eq!(letters(&outcome.recipients), "xxx");
    assert_eq!(outcome.failure.unwrap().kind, FailureKind::SessionRefused);
}

#[tokio::test]
async fn the_null_sender_of_reports_is_possible() {
    let server = SmtpServer::builder().start().await;
    let mut job = job(&server);
    job.envelope.from = String::new();
    succeeds(job).await;
    assert!(server.commands().iter().any(|line| line.starts_with("MAIL FROM:<> ")));
}

#[tokio::test]
async fn too_many_recipients_said_by_552_are_tried_again() {
    let too_many = Fault::answer(552, "Too many recipients");
    let server = SmtpServer::builder().fault_times(1, At::Rcpt, too_many).start().await;
    let outcome = run(job(&server).to(&["a@x.test", "b@x.test", "r552@x.test"]), None).await;
    assert_eq!(letters(&outcome.recipients), "xdf", "but a full mailbox is what it says");
}
