//! The method system-net-mail, with Mono: what it sends, what it refuses, and what it says when a server misbehaves.

use std::time::{Duration, Instant};

use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::mailer::{Body, FailureKind, Job, Mailer, RecipientOutcome, Step, StepState};

use crate::kit::{JobExt as _, job, run, run_told, succeeds};

/// It composes no message without an author.
const MESSAGE: &[u8] =
    b"From: A <a@example.com>\r\nTo: b@example.com\r\nSubject: fax\r\n\r\none\r\n.two\r\n..\r\n.\r\nlast\r\n";

fn net_mail(server: &SmtpServer) -> Job {
    let mut job = job(server).net_mail();
    job.body = Body::Inline(MESSAGE.to_vec());
    job
}

#[tokio::test]
async fn a7_net_mail_sends_the_body_byte_for_byte_and_keeps_the_envelope() {
    let server = SmtpServer::builder().start().await;
    let mut job = net_mail(&server).to(&["b@example.com", "hidden@example.com"]);
    job.envelope.from = "bounces@example.com".to_owned();
    let outcome = succeeds(job).await;
    let received = server.wait_for(1).await.remove(0);
    assert_eq!(received.from, "bounces@example.com");
    assert_eq!(received.to, ["b@example.com", "hidden@example.com"]);
    let text = String::from_utf8(received.content).unwrap();
    assert!(text.ends_with("\r\n\r\none\r\n.two\r\n..\r\n.\r\nlast\r\n"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
    assert!(text.contains("From: A <a@example.com>\r\nTo: b@example.com\r\nSubject: fax\r\n"), "{text}");
    assert_eq!(
        outcome.answer.split(' ').next(),
        Some("250"),
        "the server's words are told: {}",
        outcome.answer
    );

    let mut report = net_mail(&server);
    report.envelope.from = String::new();
    succeeds(report).await;
    assert_eq!(server.wait_for(2).await[1].from, "", "reports come from nobody");
}

#[tokio::test]
async fn a3_a4_net_mail_does_starttls_with_tls_1_2_and_the_accounts_check() {
    let identity = Authority::self_signed();
    let server = SmtpServer::builder().starttls(identity.clone()).credentials("fax", "secret").start().await;
    for check in [
        TlsCheck::AcceptInvalid,
        TlsCheck::Pinned(identity.sha256),
        TlsCheck::Pinned(identity.public_key_sha256),
    ] {
        let job = net_mail(&server).tls(Security::Starttls, check).sign_in("fax", "secret");
        let outcome = succeeds(job).await;
        let tls = outcome.tls.unwrap();
        assert_eq!((tls.version.as_str(), tls.chain[0].sha256), ("TLSv1.2", identity.sha256));
    }
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one.tls && one.login.as_deref() == Some("fax")));

    for (check, kind) in [
        (TlsCheck::System, FailureKind::CertificateUntrusted),
        (TlsCheck::Pinned([7; 32]), FailureKind::PinMismatch),
    ] {
        let job = net_mail(&server).tls(Security::Starttls, check).sign_in("fax", "secret");
        let outcome = run(job, None).await;
        let failure = outcome.failure.unwrap();
        assert_eq!((failure.kind, failure.step), (kind, Step::Tls), "{}", failure.text);
        assert_eq!(outcome.tls.unwrap().chain[0].sha256, identity.sha256, "it is shown, and can be pinned");
    }
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn a3_net_mail_never_goes_on_without_starttls() {
    let server = SmtpServer::builder().start().await;
    let failure =
        run(net_mail(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid), None).await.failure.unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::StarttlsMissing, Step::Tls));
    let server = SmtpServer::builder()
        .starttls(Authority::self_signed())
        .fault(At::Starttls, Fault::Raw(b"220 go\r\n250 smuggled\r\n".to_vec()))
        .start()
        .await;
    let failure =
        run(net_mail(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid), None).await.failure.unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::TlsFailed, Step::Tls), "{}", failure.text);
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a5_net_mail_signs_in_and_says_why_it_cannot() {
    let server = SmtpServer::builder().credentials("fax", "sécret ✓").start().await;
    let job = |password| net_mail(&server).sign_in("fax", password).plaintext_auth();
    succeeds(job("sécret ✓")).await;
    assert_eq!(server.wait_for(1).await[0].login.as_deref(), Some("fax"));
    let outcome = run(job("wrong-password"), None).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::AuthRejected, Step::SignIn), "{}", failure.text);
    assert_eq!(failure.reply.unwrap().code, 535);
    assert!(!outcome.transcript.text.contains("wrong-password"));

    let failure = run(net_mail(&server).sign_in("fax", "x"), None).await.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::PlaintextRefused, "not without leave");
    let failure = run(net_mail(&server).token("fax", "x").plaintext_auth(), None).await.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::NoMechanism);

    let open = SmtpServer::builder().start().await;
    let failure = run(net_mail(&open).sign_in("fax", "x").plaintext_auth(), None).await.failure.unwrap();
    assert_eq!(
        (failure.kind, failure.step),
        (FailureKind::NoMechanism, Step::SignIn),
        "never without the sign-in"
    );
    assert!(open.received().is_empty());
}

#[tokio::test]
async fn a5_a_server_that_repeats_the_password_does_not_bring_it_into_the_log() {
    let server = SmtpServer::builder()
        .credentials("fax", "Tr0ub4dor")
        .fault(At::SignedIn, Fault::answer(535, "5.7.8 not Tr0ub4dor"))
        .start()
        .await;
    let outcome = run(net_mail(&server).sign_in("fax", "Tr0ub4dor").plaintext_auth(), None).await;
    let told = format!("{outcome:?}");
    assert!(told.contains("***") && !told.contains("Tr0ub4dor"), "{told}");
}

#[tokio::test]
async fn f3_each_recipient_has_its_own_outcome_and_the_others_get_it() {
    let server = SmtpServer::builder().start().await;
    let job = net_mail(&server).to(&["b@example.com", "r550@example.com", "r450@example.com", "a@x\r\nRCPT"]);
    let outcome = run(job, None).await;
    assert_eq!(outcome.failure.as_ref().unwrap().kind, FailureKind::RecipientRejected);
    use RecipientOutcome::{Deferred, Delivered, Failed};
    assert!(
        matches!(&outcome.recipients[..], [Delivered { .. }, Failed { answer }, Deferred { .. }, Failed { .. }] if answer.starts_with("550")),
        "{:?}",
        outcome.recipients
    );
    assert_eq!(server.wait_for(1).await[0].to, ["b@example.com"]);

    let outcome = run(net_mail(&server).to(&["r550@example.com", "r550@example.org"]), None).await;
    assert!(outcome.recipients.iter().all(|one| matches!(one, Failed { .. })), "{:?}", outcome.recipients);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn h6_an_answer_that_is_a_refusal_for_dotnet_alone_ends_the_attempt() {
    let server = SmtpServer::builder().fault(At::Rcpt, Fault::answer(600, "x")).start().await;
    let outcome = run(net_mail(&server).to(&["b@example.com", "c@example.com"]), None).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Recipient, FailureKind::NotSmtp), "{}", failure.text);
    assert!(outcome.recipients.iter().all(|one| matches!(one, RecipientOutcome::Deferred { .. })));
    assert_eq!(server.connections(), 1, "once, and not again and again");
}

#[tokio::test]
async fn d2_what_a_server_refuses_is_that_steps_with_the_exact_answer() {
    for (at, step, kind) in [
        (At::Greeting, Step::Connect, FailureKind::SessionRefused),
        (At::Mail, Step::Sender, FailureKind::SenderRejected),
        (At::Data, Step::Message, FailureKind::MessageRejected),
        (At::FinalDot, Step::Message, FailureKind::MessageRejected),
    ] {
        let server = SmtpServer::builder()
            .fault(at, Fault::answer(554, "5.7.1 never\nand that is that"))
            .start()
            .await;
        let failure = run(net_mail(&server), None).await.failure.unwrap();
        assert_eq!((failure.step, failure.kind), (step, kind), "{at:?} {}", failure.text);
        assert_eq!(failure.reply.unwrap().to_string(), "554 5.7.1 never\nand that is that", "{at:?}");
    }
}

#[tokio::test]
async fn f3_after_the_final_dot_nobody_knows_and_before_it_one_does() {
    for (fault, before) in [(Fault::Drop, FailureKind::ConnectionLost), (Fault::Stall, FailureKind::TimedOut)]
    {
        for at in [At::Mail, At::FinalDot] {
            let server = SmtpServer::builder().fault(at, fault.clone()).start().await;
            let failure = run(net_mail(&server).impatient(), None).await.failure.unwrap();
            let kind = if at == At::FinalDot { FailureKind::Uncertain } else { before };
            assert_eq!(failure.kind, kind, "{at:?} {fault:?}: {}", failure.text);
        }
    }
}

#[tokio::test]
async fn h6_a_server_without_sense_or_end_fails_the_attempt_and_no_more() {
    for fault in [Fault::Garbage, Fault::Endless, Fault::EndlessLine] {
        for at in [At::Greeting, At::Mail] {
            let server = SmtpServer::builder().fault(at, fault.clone()).start().await;
            let begun = Instant::now();
            let outcome = run(net_mail(&server).impatient(), None).await;
            let failure = outcome.failure.unwrap();
            assert!(failure.is_transient(), "{at:?} {fault:?}: {failure:?}");
            assert!(begun.elapsed() < Duration::from_secs(60) && format!("{failure:?}").len() < 100_000);
        }
    }
}

#[tokio::test]
async fn d2_a_server_that_cannot_be_reached_is_told_as_such() {
    let server = SmtpServer::builder().start().await;
    let mut nobody = net_mail(&server);
    nobody.route().port = 1;
    let failure = run(nobody, None).await.failure.unwrap();
    assert_eq!(
        (failure.kind, failure.step),
        (FailureKind::ConnectionRefused, Step::Connect),
        "{}",
        failure.text
    );
    let mut unknown = net_mail(&server);
    unknown.route().server = "no-such-host.invalid".to_owned();
    let failure = run(unknown, None).await.failure.unwrap();
    assert_eq!(failure.step, Step::Resolve, "{}", failure.text);
}

#[tokio::test]
async fn h6_a_job_that_is_cancelled_takes_its_helper_with_it() {
    let server = SmtpServer::builder().fault(At::Mail, Fault::Stall).start().await;
    let job = net_mail(&server);
    let mark = format!(":{}", server.port());
    let delivering = tokio::spawn(async move { Mailer::in_process().deliver(job, None).await });
    let begun = Instant::now();
    while !server.commands().iter().any(|line| line.starts_with("MAIL")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came to {mark}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let helpers = helpers();
    assert!(!helpers.is_empty());
    delivering.abort();
    let _ = delivering.await;
    while helpers.iter().all(|process| self::helpers().contains(process)) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Our children that run Mono, not yet buried ones aside.
fn helpers() -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |id: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let parent = format!("PPid:\t{}", std::process::id());
        status.contains(&parent) && status.contains("Name:\tmono") && !status.contains("State:\tZ")
    };
    ids.filter(is_ours).collect()
}

#[tokio::test]
async fn d1_a_test_looks_with_the_own_engine_and_says_so() {
    let identity = Authority::self_signed();
    let server = SmtpServer::builder().starttls(identity).credentials("fax", "secret").start().await;
    let job = |password| {
        net_mail(&server).tls(Security::Starttls, TlsCheck::AcceptInvalid).sign_in("fax", password)
    };
    let (outcome, reports) = run_told(job("secret")).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    assert_eq!(reports.iter().map(|report| report.step).collect::<Vec<_>>(), Step::ALL);
    assert!(reports.iter().all(|report| report.state == StepState::Passed), "{reports:?}");
    for report in &reports {
        let own = report.details.iter().any(|detail| detail.contains("Faxpost's own engine"));
        assert_eq!(own, report.step <= Step::Ehlo, "{report:?}");
    }

    let (outcome, reports) = run_told(job("wrong")).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::AuthRejected, Step::SignIn));
    assert_eq!(reports.last().unwrap().step, Step::SignIn, "nothing follows");

    let (outcome, reports) = run_told(job("secret").until(Step::SignIn)).await;
    assert!(outcome.failure.is_none());
    assert_eq!(reports.last().unwrap().step, Step::SignIn);
    assert_eq!(server.received().len(), 1, "only the first one sent a message");
    assert!(matches!(outcome.recipients[0], RecipientOutcome::Deferred { .. }));
}

#[tokio::test]
async fn f1_eight_bit_text_arrives_and_what_cannot_is_refused() {
    let server = SmtpServer::builder().start().await;
    let head = "From: a@b.test\r\nTo: b@example.com\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: ";
    let mut text = net_mail(&server);
    text.body = Body::Inline(format!("{head}text/plain; charset=utf-8\r\n\r\nФакс\r\n").into());
    succeeds(text).await;
    let received = server.wait_for(1).await.remove(0);
    let parsed = mail_parser::MessageParser::default().parse(&received.content).unwrap();
    assert_eq!(parsed.body_text(0).unwrap(), "Факс\r\n");
    let mut parts = net_mail(&server);
    parts.body =
        Body::Inline(format!("{head}multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nФакс\r\n--b--\r\n").into());
    let failure = run(parts, None).await.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::MessageRejected);
    assert!(failure.text.contains("secure-smtp-client"), "{}", failure.text);
}

#[tokio::test]
async fn h6_a_message_that_is_none_is_refused_before_anything_is_started() {
    let server = SmtpServer::builder().start().await;
    for body in [
        "Subject: x\r\n\r\n",
        "",
        "From: nobody\r\n\r\n",
        "From: a@b.test\r\nContent-Transfer-Encoding: x-odd\r\n\r\n",
    ] {
        let mut job = net_mail(&server);
        job.body = Body::Inline(body.into());
        let failure = run(job, None).await.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::MessageRejected, "{body:?}");
    }
    assert_eq!(server.connections(), 0);
}
