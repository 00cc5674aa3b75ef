//! A long queue: its start, its first page, its memory, and what another message costs.

use std::time::Instant;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::measure::{cpu_time, mebibytes, median, memory, millis, row, times};

use crate::{Mail, RUNS, daemon, send_all};

/// Mails of one figure.
const STEP: usize = 1_000;

pub(crate) async fn measure(scale: usize) {
    let count = 100_000 / scale;
    let mut daemon = daemon(TestDaemon::builder(), 9, 3).await;
    send_all(&daemon, 50, false, STEP, Mail::waiting(4096)).await;
    let few = costs(&daemon).await;
    let mut queued = STEP + RUNS * STEP;
    while queued < count {
        send_all(&daemon, 50, false, STEP, Mail::waiting(4096)).await;
        queued += STEP;
    }
    let many = costs(&daemon).await;
    row(
        &format!("accept 4 KB with {queued} queued (beside: with {STEP})"),
        format!("{:.0}/s", many.0),
        &[&format!("{:.0}/s", few.0), &times(many.0 / few.0)],
    );
    row(
        "  CPU a message, of the daemon",
        format!("{:.3} ms", many.1),
        &[&format!("{:.3} ms", few.1), &times(many.1 / few.1)],
    );

    let (mut starts, mut pages, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        daemon.kill();
        let begun = Instant::now();
        daemon.start_again().await;
        let mut client = daemon.diagnostics().await;
        client.get_status(v1::GetStatusRequest {}).await.expect("status");
        starts.push(begun.elapsed());
        let mut client = daemon.mail().await;
        let begun = Instant::now();
        client.list_messages(v1::ListMessagesRequest::default()).await.expect("a page");
        pages.push(begun.elapsed());
        sizes.push(memory(daemon.id(), "VmRSS:").unwrap_or(0));
    }
    row(&format!("start to first answer with {queued} queued (≤ 1 s)"), millis(median(starts)), &[]);
    row("  first page of the outbox, the first time (≤ 20 ms)", millis(median(pages)), &[]);
    row("  memory (≤ 64 MiB)", mebibytes(Some(median(sizes))), &[]);
}

/// Messages a second, and milliseconds of the daemon's CPU for each.
async fn costs(daemon: &TestDaemon) -> (f64, f64) {
    let (mut rates, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (begun, before) = (Instant::now(), cpu_time(daemon.id()));
        send_all(daemon, 50, false, STEP, Mail::waiting(4096)).await;
        rates.push(STEP as f64 / begun.elapsed().as_secs_f64());
        cpu.push((cpu_time(daemon.id()) - before).as_secs_f64() * 1e3 / STEP as f64);
    }
    (median(rates), median(cpu))
}
