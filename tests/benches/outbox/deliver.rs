//! From the first request to the last message in the sink.

use std::time::{Duration, Instant};

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::measure::{cpu_time, mebibytes, median, memory, row, share_of_memory, times};
use faxpost_tests::sink;

use crate::peers::{Postfix, Sink};
use crate::{Mail, RUNS, beside, daemon, drained, send_all};

/// What is sent, and how.
struct Load {
    name: &'static str,
    target: &'static str,
    bytes: usize,
    mail: Mail,
    count: usize,
    /// Of Postfix, which is slower.
    their_count: usize,
    callers: usize,
    /// Of smtp-source to Postfix.
    sources: usize,
    /// Of the account; Postfix may have 20.
    connections: u32,
}

pub(crate) async fn small(scale: usize) {
    let load = Load {
        name: "4 KB",
        target: "≥ 5 × Postfix",
        bytes: 4096,
        mail: Mail::Whole(4096),
        count: 10_000 / scale,
        their_count: 3_000 / scale,
        callers: 32,
        sources: 10,
        connections: 20,
    };
    measure_with_smtp_sink(&load).await;
}

pub(crate) async fn large(scale: usize) {
    let load = Load {
        name: "5 MB",
        target: "≥ 1.5 × Postfix",
        bytes: 5 << 20,
        mail: Mail::Streamed(5 << 20),
        count: (60 / scale).max(6),
        their_count: (60 / scale).max(6),
        callers: 4,
        sources: 4,
        connections: 4,
    };
    measure_with_smtp_sink(&load).await;
    measure(&Load { name: "5 MB, to a faster sink", ..load }, sink::start()).await;
}

async fn measure_with_smtp_sink(load: &Load) {
    let sink = match Sink::start() {
        Ok(sink) => sink,
        Err(why) => return row(&format!("accept and deliver {}", load.name), why, &[]),
    };
    let ours = measure(load, sink.port).await;
    for (name, rate) in sink.others(load.count.min(300), load.bytes) {
        match rate {
            Ok(rate) => row(&format!("  {name}"), format!("{rate:.1}/s"), &["", &times(ours / rate)]),
            Err(why) => row(&format!("  {name}"), why, &[]),
        }
    }
}

/// Messages a second.
async fn measure(load: &Load, port: u16) -> f64 {
    let daemon = daemon(TestDaemon::builder(), port, load.connections).await;
    let postfix = Postfix::start(port);
    let (mut rates, mut cpu, mut mailers, mut theirs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // The mailer starts with the first job.
    send_all(&daemon, 1, false, 1, load.mail).await;
    drained(&daemon).await;
    for _ in 0..RUNS {
        let (before, mailer_before) = (cpu_time(daemon.id()), mailer_time(&daemon));
        let begun = Instant::now();
        send_all(&daemon, load.callers, false, load.count, load.mail).await;
        drained(&daemon).await;
        rates.push(load.count as f64 / begun.elapsed().as_secs_f64());
        let each = |time: Duration| time.as_secs_f64() * 1e3 / load.count as f64;
        cpu.push(each(cpu_time(daemon.id()) - before));
        mailers.push(each(mailer_time(&daemon).saturating_sub(mailer_before)));
        if let Ok(postfix) = &postfix {
            theirs.push(postfix.relay(load.sources, load.their_count, load.bytes));
        }
    }
    let ours = median(rates);
    let columns = beside("Postfix", ours, postfix.map(|_| theirs));
    row(
        &format!("accept and deliver {} × {} ({})", load.count, load.name, load.target),
        format!("{ours:.1}/s"),
        &columns.each_ref().map(String::as_str),
    );
    row(
        "  CPU a message, of the daemon (beside: of the mailer)",
        format!("{:.2} ms", median(cpu)),
        &[&format!("{:.2} ms", median(mailers))],
    );
    row("  the daemon's largest memory", mebibytes(memory(daemon.id(), "VmHWM:")), &[]);
    if let Some(mailer) = mailer(&daemon) {
        row(
            "  what the mailer adds to the memory in use (beside: all it has, with the daemon's own pages)",
            mebibytes(share_of_memory(mailer)),
            &[&mebibytes(memory(mailer, "VmRSS:"))],
        );
    }
    ours
}

#[cfg(unix)]
fn mailer(daemon: &TestDaemon) -> Option<u32> {
    daemon.mailers().into_iter().next()
}

#[cfg(not(unix))]
fn mailer(_: &TestDaemon) -> Option<u32> {
    None
}

#[cfg(unix)]
fn mailer_time(daemon: &TestDaemon) -> Duration {
    daemon.mailers().into_iter().map(cpu_time).sum()
}

/// It is not asked there.
#[cfg(not(unix))]
fn mailer_time(_: &TestDaemon) -> Duration {
    Duration::ZERO
}
