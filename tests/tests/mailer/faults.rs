use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::mailer::{Failure, FailureKind, Job, Step, Timeouts};

use crate::kit::{JobExt as _, fails, job, run, succeeds};

/// Every place where a server answers, the step it belongs to, and what a refusal there is.
const PLACES: [(At, Step, FailureKind); 6] = [
    (At::Greeting, Step::Connect, FailureKind::SessionRefused),
    (At::Ehlo, Step::Ehlo, FailureKind::SessionRefused),
    (At::Mail, Step::Sender, FailureKind::SenderRejected),
    (At::Rcpt, Step::Recipient, FailureKind::RecipientRejected),
    (At::Data, Step::Message, FailureKind::MessageRejected),
    (At::FinalDot, Step::Message, FailureKind::MessageRejected),
];

async fn against(at: At, fault: Fault, change: impl FnOnce(Job) -> Job) -> Failure {
    // Without pipelining, a fault belongs to exactly one step.
    let server = SmtpServer::builder().without("PIPELINING").fault(at, fault).start().await;
    fails(change(job(&server))).await
}

#[tokio::test]
async fn d2_a_refusal_anywhere_is_that_steps_with_the_exact_answer() {
    for (at, step, kind) in PLACES {
        for (code, text) in [(451, "4.3.0 later"), (554, "5.7.1 never\nand that is that")] {
            let failure = against(at, Fault::answer(code, text), |job| job).await;
            assert_eq!((failure.step, failure.kind), (step, kind), "{at:?}");
            assert_eq!(failure.reply.as_ref().unwrap().to_string(), format!("{code} {text}"));
            let about_us = kind == FailureKind::SessionRefused;
            assert_eq!(failure.is_transient(), code == 451 || about_us, "{at:?} {code}");
        }
    }
}

#[tokio::test]
async fn f3_a_dropped_connection_is_lost_and_after_the_final_dot_uncertain() {
    for (at, step, _) in PLACES {
        let failure = against(at, Fault::Drop, |job| job).await;
        let kind = if at == At::FinalDot { FailureKind::Uncertain } else { FailureKind::ConnectionLost };
        assert_eq!((failure.step, failure.kind, failure.is_transient()), (step, kind, true), "{at:?}");
    }
}

#[tokio::test]
async fn a_stalling_server_times_out_at_every_step() {
    for (at, step, _) in PLACES {
        let failure = against(at, Fault::Stall, |job| job.impatient()).await;
        let kind = if at == At::FinalDot { FailureKind::Uncertain } else { FailureKind::TimedOut };
        assert_eq!((failure.step, failure.kind), (step, kind), "{at:?}");
    }
}

#[tokio::test]
async fn garbage_and_answers_without_end_are_not_smtp() {
    for fault in [Fault::Garbage, Fault::Endless, Fault::EndlessLine] {
        for (at, step, _) in PLACES {
            let failure = against(at, fault.clone(), |job| job).await;
            let kind = if at == At::FinalDot { FailureKind::Uncertain } else { FailureKind::NotSmtp };
            assert_eq!((failure.step, failure.kind), (step, kind), "{at:?} {fault:?}");
            assert!(!failure.text.contains('\x1b'), "{}", failure.text);
        }
    }
}

#[tokio::test]
async fn a_session_against_an_endless_banner_stays_small() {
    let server = SmtpServer::builder().fault(At::Greeting, Fault::Endless).start().await;
    let outcome = run(job(&server), None).await;
    assert!(outcome.transcript.text.len() < 70_000, "{}", outcome.transcript.text.len());
}

#[tokio::test]
async fn a_server_that_hangs_up_while_it_is_sent_content_is_tried_again() {
    let server = SmtpServer::builder().fault(At::Content, Fault::Drop).start().await;
    let mut job = job(&server);
    job.body = faxpostd::mailer::Body::Inline(b"line of a large message\r\n".repeat(200_000));
    let failure = fails(job).await;
    // How much still fits into the buffers decides whether the final dot was on its way.
    assert!(matches!(failure.kind, FailureKind::ConnectionLost | FailureKind::Uncertain), "{failure:?}");
    assert!(failure.is_transient() && server.received().is_empty());
}

#[tokio::test]
async fn a_server_that_takes_no_more_content_times_out() {
    let server = SmtpServer::builder().fault(At::Content, Fault::Stall).start().await;
    let mut job = job(&server).impatient();
    job.body = faxpostd::mailer::Body::Inline(b"line of a large message\r\n".repeat(2_000_000));
    let failure = fails(job).await;
    assert_eq!((failure.step, failure.kind), (Step::Message, FailureKind::TimedOut));
}

#[tokio::test]
async fn f2_uncertain_may_have_arrived_and_the_retry_arrives() {
    let server = SmtpServer::builder().fault_times(1, At::FinalDot, Fault::Drop).start().await;
    assert_eq!(fails(job(&server)).await.kind, FailureKind::Uncertain);
    succeeds(job(&server)).await;
    assert_eq!(server.wait_for(2).await.len(), 2, "twice rather than never");
}

#[tokio::test]
async fn a_farewell_that_fails_changes_nothing() {
    for fault in [Fault::Drop, Fault::Stall, Fault::Garbage, Fault::answer(554, "no")] {
        let server = SmtpServer::builder().fault(At::Quit, fault).start().await;
        succeeds(job(&server)).await;
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn an_old_server_without_ehlo_is_greeted_by_helo() {
    let unknown = Fault::answer(502, "5.5.1 what?");
    let server = SmtpServer::builder().fault(At::Ehlo, unknown).start().await;
    succeeds(job(&server)).await;
    assert_eq!(server.commands()[..2], ["EHLO fax.test", "HELO fax.test"]);
}

#[tokio::test]
async fn nobody_listening_and_no_such_host_are_told_apart() {
    let server = SmtpServer::builder().start().await;
    let closed = job(&server);
    drop(server);
    // The port is free only when its task has ended.
    tokio::task::yield_now().await;
    let failure = fails(closed.clone()).await;
    assert_eq!((failure.step, failure.kind), (Step::Connect, FailureKind::ConnectionRefused));

    let mut nowhere = closed;
    nowhere.route().server = "no-such-host.invalid".to_owned();
    nowhere.route().timeouts = Timeouts::default();
    let failure = fails(nowhere).await;
    assert_eq!(failure.step, Step::Resolve);
    assert!(matches!(failure.kind, FailureKind::NameNotFound | FailureKind::ResolverFailed), "{failure:?}");
}

#[tokio::test]
async fn d1_a_job_that_is_dropped_hangs_up_at_once() {
    let server = SmtpServer::builder().fault_times(1, At::Mail, Fault::Stall).start().await;
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn(run(job(&server), Some(sender)));
    while let Some(event) = events.recv().await {
        if matches!(event, faxpostd::mailer::Event::Started(Step::Sender)) {
            running.abort();
        }
    }
    assert!(running.await.unwrap_err().is_cancelled());
    succeeds(job(&server)).await;
}

#[tokio::test]
async fn a_host_name_is_resolved_and_the_address_that_answers_is_used() {
    let server = SmtpServer::builder().start().await;
    let mut job = job(&server);
    // On many machines its first address is ::1, where nobody listens.
    job.route().server = "localhost".to_owned();
    succeeds(job).await;
}
