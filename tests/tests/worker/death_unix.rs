//! The mailer's process dies or hangs: that costs an attempt, and never a message.

use std::process::{Command, Stdio};

use faxpost_proto::v1;
use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Fault, SmtpServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kit::{daemon, delivered, eventually, reasons, send};

fn signal(process: u32, signal: Signal) {
    kill(Pid::from_raw(process.try_into().unwrap()), signal).unwrap();
}

fn runs(process: u32) -> bool {
    kill(Pid::from_raw(process.try_into().unwrap()), None).is_ok()
}

fn the_mailer(daemon: &TestDaemon) -> u32 {
    let mailers = daemon.mailers();
    assert_eq!(mailers.len(), 1, "{mailers:?}");
    mailers[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_killed_after_the_final_dot_the_message_goes_again_under_the_same_message_id() {
    for bytes in [0, 500_000] {
        let server = SmtpServer::builder().fault_times(1, At::FinalDot, Fault::Stall).start().await;
        let daemon = daemon(TestDaemon::builder(), server.port()).await;
        let (id, message_id) = send(&daemon, bytes).await;
        server.wait_for(1).await;
        let first = the_mailer(&daemon);
        signal(first, Signal::SIGKILL);
        let message = delivered(&daemon, &id).await;
        assert_eq!(message.message_id, message_id);
        assert_eq!(reasons(&daemon, &id).await, ["UNCERTAIN", ""]);
        let received = server.received();
        assert_eq!(received.len(), 2);
        assert!(received[0].content == received[1].content);
        assert!(String::from_utf8_lossy(&received[1].content).contains(&message_id));
        assert_ne!(the_mailer(&daemon), first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_killed_before_the_content_the_message_goes_once() {
    for at in [At::Rcpt, At::Data] {
        let server = SmtpServer::builder().fault_times(1, at, Fault::Stall).start().await;
        let daemon = daemon(TestDaemon::builder(), server.port()).await;
        let (id, _) = send(&daemon, 500_000).await;
        let reached = if at == At::Rcpt { "RCPT" } else { "DATA" };
        eventually(reached, || server.commands().iter().any(|line| line.starts_with(reached))).await;
        signal(the_mailer(&daemon), Signal::SIGKILL);
        delivered(&daemon, &id).await;
        assert_eq!(reasons(&daemon, &id).await, ["MAILER_FAILED", ""]);
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_mailer_that_hangs_is_noticed_and_costs_an_attempt() {
    let server = SmtpServer::builder().start().await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    let (first, _) = send(&daemon, 0).await;
    delivered(&daemon, &first).await;
    let hanging = the_mailer(&daemon);
    signal(hanging, Signal::SIGSTOP);
    let (id, _) = send(&daemon, 0).await;
    delivered(&daemon, &id).await;
    assert_eq!(reasons(&daemon, &id).await, ["MAILER_FAILED", ""]);
    assert!(!runs(hanging), "it was ended");
    assert_eq!(server.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_one_that_died_while_it_had_nothing_to_do_costs_nothing() {
    let server = SmtpServer::builder().start().await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    for _ in 0..3 {
        let (id, _) = send(&daemon, 0).await;
        delivered(&daemon, &id).await;
        assert_eq!(reasons(&daemon, &id).await, [""]);
        signal(the_mailer(&daemon), Signal::SIGKILL);
        eventually("the daemon noticed", || daemon.mailers().is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_the_mailer_ends_with_the_daemon_however_that_ends() {
    let server = SmtpServer::builder().start().await;
    let mut daemon = daemon(TestDaemon::builder(), server.port()).await;
    let (id, _) = send(&daemon, 0).await;
    delivered(&daemon, &id).await;
    let mailer = the_mailer(&daemon);
    daemon.kill();
    eventually("it ended after a kill", || !runs(mailer)).await;

    daemon.start_again().await;
    let (id, _) = send(&daemon, 0).await;
    delivered(&daemon, &id).await;
    let mailer = the_mailer(&daemon);
    signal(daemon.id(), Signal::SIGTERM);
    daemon.ended().await;
    assert!(!runs(mailer), "a stop waits for its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_test_that_is_stopped_ends_its_session_and_not_the_mailer() {
    let server = SmtpServer::builder().fault_times(1, At::Mail, Fault::Stall).start().await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    let mut steps = daemon
        .diagnostics()
        .await
        .test_account(v1::TestAccountRequest::default())
        .await
        .unwrap()
        .into_inner();
    let mut seen = Vec::new();
    while let Some(step) = steps.message().await.unwrap() {
        let step = step.step.unwrap();
        seen.push(step.step());
        if step.step() == v1::Step::Sender {
            break;
        }
    }
    assert!(seen.contains(&v1::Step::Connect) && seen.contains(&v1::Step::Ehlo), "{seen:?}");
    let mailer = the_mailer(&daemon);
    let connections = || std::fs::read_dir(format!("/proc/{mailer}/fd")).unwrap().count();
    let under_way = connections();
    drop(steps);
    eventually("the session is closed", || connections() < under_way).await;
    let (id, _) = send(&daemon, 0).await;
    delivered(&daemon, &id).await;
    assert_eq!(the_mailer(&daemon), mailer);
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_the_steps_of_a_test_come_from_the_mailer_and_its_death_fails_the_test() {
    let server = SmtpServer::builder().fault_times(1, At::Mail, Fault::Stall).start().await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    let mut steps = daemon
        .diagnostics()
        .await
        .test_account(v1::TestAccountRequest::default())
        .await
        .unwrap()
        .into_inner();
    let mut last = None;
    while let Some(step) = steps.message().await.unwrap() {
        let step = step.step.unwrap();
        if step.step() == v1::Step::Sender && step.state() == v1::StepState::Started {
            signal(the_mailer(&daemon), Signal::SIGKILL);
        }
        last = Some(step);
    }
    let last = last.unwrap();
    assert_eq!((last.step(), last.state()), (v1::Step::Sender, v1::StepState::Failed));
    assert_eq!(last.failure_reason, "MAILER_FAILED");
    assert!(last.failure_text.contains("signal: 9"), "{}", last.failure_text);
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_large_message_takes_no_memory_on_either_side() {
    let server = SmtpServer::builder().digest_only().start().await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    let (small, _) = send(&daemon, 0).await;
    delivered(&daemon, &small).await;
    let mailer = the_mailer(&daemon);
    let before = peak_kilobytes(mailer);
    let part = |part| v1::SendMailStreamRequest { part: Some(part) };
    use v1::send_mail_stream_request::Part;
    let mail = v1::SendMailRequest { to: vec!["b@example.test".to_owned()], ..Default::default() };
    let start = v1::AttachmentStart { file_name: "fax.tif".to_owned(), ..Default::default() };
    let chunk = bytes::Bytes::from(vec![0x5A; 64 * 1024]);
    let parts: Vec<_> = [part(Part::Mail(mail)), part(Part::Attachment(start))]
        .into_iter()
        .chain(std::iter::repeat_n(chunk, 20 * 16).map(|chunk| part(Part::Chunk(chunk))))
        .collect();
    let sent = daemon.mail().await.send_mail_stream(tokio_stream::iter(parts)).await.unwrap().into_inner();
    delivered(&daemon, &sent.id).await;
    assert_eq!(reasons(&daemon, &sent.id).await, [""]);
    assert!(server.received().last().unwrap().size > 20 * 1024 * 1024);
    let grown = peak_kilobytes(mailer) - before;
    assert!(grown < 8 * 1024, "the mailer grew by {grown} KiB");
}

fn peak_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[test]
fn h6_nobody_starts_a_mailer_by_hand() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(bins::path("faxpostd"));
        let output = command.arg("mailer").args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = run(&["--own-account", "--keys", "/tmp"]);
    assert!(said.contains("started by the daemon"), "{said}");
    let said = run(&["--keys", "/tmp"]);
    assert!(said.contains("--account"), "it stays root only when told to: {said}");
}
