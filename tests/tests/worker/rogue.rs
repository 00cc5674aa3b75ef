//! A mailer that has been taken over, and says to the daemon what it likes. See `src/bin/rogue.rs`.

use std::fs;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;

use crate::kit::{daemon, delivered, reasons, send, tried};

/// The mailer misbehaves with the first attempt; then it does no more, and the message goes out.
async fn survives(mode: &str, bytes: usize, reason: &str) -> String {
    let server = SmtpServer::builder().start().await;
    let daemon = daemon(TestDaemon::builder().program("rogue"), server.port()).await;
    let switch = daemon.state_dir().join("rogue");
    fs::write(&switch, mode).unwrap();
    let (id, message_id) = send(&daemon, bytes).await;
    let failed = tried(&daemon, &id).await;
    assert_eq!(failed.last_error_reason, reason, "{mode}: {failed:?}");
    // The daemon serves others, and has not grown.
    daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    if let Some(kilobytes) = resident_kilobytes(daemon.id()) {
        assert!(kilobytes < 96 * 1024, "{mode}: {kilobytes} KiB");
    }
    fs::remove_file(&switch).unwrap();
    let message = delivered(&daemon, &id).await;
    assert_eq!(message.message_id, message_id);
    let reasons = reasons(&daemon, &id).await;
    assert_eq!(
        (reasons.first().map(String::as_str), reasons.last().map(String::as_str)),
        (Some(reason), Some(""))
    );
    let received = server.received();
    assert_eq!(received.len(), 1, "{mode}");
    assert!(received[0].content.len() > bytes);
    let log = daemon.stderr();
    assert!(!log.contains("panicked"), "{log}");
    log
}

fn resident_kilobytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_mailer_that_does_not_start_costs_attempts_and_no_message() {
    for mode in ["exit", "garbage at once"] {
        let log = survives(mode, 0, "MAILER_FAILED").await;
        assert!(log.contains("the mailer did not start"), "{mode}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_garbage_ends_the_mailer_and_not_the_daemon() {
    for mode in ["garbage", "giant", "no json", "other side", "cancelled", "stranger"] {
        let log = survives(mode, 0, "MAILER_FAILED").await;
        assert!(log.contains("it does not keep to the rules"), "{mode}: {log}");
        assert!(
            !log.contains("\nwith a line of its own"),
            "nothing of it looks like the daemon's own lines: {log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_what_does_not_end_is_ended() {
    for mode in ["events", "reads", "parts"] {
        let log = survives(mode, 500_000, "MAILER_FAILED").await;
        assert!(log.contains("it does not keep to the rules"), "{mode}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_an_outcome_that_leaves_recipients_out_is_not_believed() {
    let log = survives("nobody", 0, "UNCERTAIN").await;
    assert!(log.contains("it answered something else than it was asked"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_mailer_that_does_not_answer_is_ended() {
    let log = survives("silent", 0, "MAILER_FAILED").await;
    assert!(log.contains("it does not answer"), "{log}");
}
