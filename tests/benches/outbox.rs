//! `cargo bench -p faxpost-tests --bench outbox`: Faxpost beside Postfix, curl, msmtp and smtp-source, against the same
//! `smtp-sink`, in one run. Ratios tell most: a machine that is shared is fast at one moment and slow at the next.
//!
//! Peers that are not installed are named as missing. Nothing here fails a build. FAXPOST_BENCH_SMALL=1 makes everything
//! ten times smaller, to see that it runs.

#[path = "outbox/peers.rs"]
mod peers;

use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;

use peers::{Postfix, Sink};

/// Each figure is the median of so many.
const RUNS: usize = 5;

fn main() {
    // `cargo test --benches` calls with --test: that it builds is all that is asked then.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let scale = if std::env::var_os("FAXPOST_BENCH_SMALL").is_some() { 10 } else { 1 };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("{:<58} {:>12} {:>14} {:>12}", "", "measured", "beside it", "ratio");
    runtime.block_on(async {
        accept(scale).await;
        deliver("4 KB", 4096, 10_000 / scale, 10, &["≥ 5 × Postfix"]).await;
        deliver("5 MB", 5 << 20, (60 / scale).max(6), 4, &["≥ 1.5 × Postfix"]).await;
        queued(100_000 / scale).await;
    });
}

fn row(what: &str, measured: String, beside: String, ratio: Option<f64>) {
    let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2} ×"));
    println!("{what:<58} {measured:>12} {beside:>14} {ratio:>12}");
}

fn mail(bytes: usize) -> v1::SendMailRequest {
    v1::SendMailRequest {
        to: vec!["someone@example.test".to_owned()],
        subject: "bench".to_owned(),
        text: "A line of a fax that nobody will ever read, and that has some length.\n".repeat(bytes / 70),
        ..v1::SendMailRequest::default()
    }
}

/// A daemon whose mail waits: nothing but acceptance is measured.
async fn holding() -> TestDaemon {
    let daemon = TestDaemon::builder().settings("[limits]\nqueued-per-caller = 1000000").start().await;
    account(&daemon, 9, 3).await;
    daemon
}

async fn account(daemon: &TestDaemon, port: u16, connections: u32) {
    let account = v1::Account {
        id: "default".to_owned(),
        sender_email: "fax@example.test".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        max_connections: connections,
        ..v1::Account::default()
    };
    let fields = ["sender_email", "method", "server", "port", "max_connections"];
    daemon.set(account, &fields).await.expect("the account");
}

fn later(bytes: usize) -> v1::SendMailRequest {
    let seconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let send_time = Some(prost_types::Timestamp { seconds: seconds as i64 + 86_400, nanos: 0 });
    v1::SendMailRequest { send_time, ..mail(bytes) }
}

async fn accept(scale: usize) {
    let daemon = holding().await;
    let mut client = daemon.mail().await;
    let mut latencies = Vec::new();
    for _ in 0..1_000 / scale {
        let begun = Instant::now();
        client.send_mail(later(4096)).await.expect("accepted");
        latencies.push(begun.elapsed());
    }
    let (one, sync) = (median(latencies), median(syncs(&daemon.state_dir())));
    row(
        "accept 4 KB, one caller, p50 (beside: one fdatasync; ≤ 2 ×)",
        micros(one),
        micros(sync),
        Some(one.as_secs_f64() / sync.as_secs_f64()),
    );

    let mut rates = Vec::new();
    for _ in 0..RUNS {
        rates.push(accept_by(&daemon, 64, 200 / scale.min(10)).await);
    }
    let ours = middle(rates);
    let postfix = Postfix::start(1).map(|postfix| {
        let rates = (0..RUNS).map(|_| postfix.accept(10, 2_000 / scale)).collect();
        middle(rates)
    });
    let beside = postfix.as_ref().map_or_else(Clone::clone, |rate| format!("{rate:.0}/s"));
    row(
        "accept 4 KB, 64 callers (beside: Postfix, 10 connections; ≥ 10 ×)",
        format!("{ours:.0}/s"),
        beside,
        postfix.ok().map(|rate| ours / rate),
    );
}

async fn accept_by(daemon: &TestDaemon, callers: usize, each: usize) -> f64 {
    let client = daemon.mail().await;
    let begun = Instant::now();
    let calls: Vec<_> = (0..callers)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    client.send_mail(later(4096)).await.expect("accepted");
                }
            })
        })
        .collect();
    for call in calls {
        call.await.expect("a caller ends");
    }
    (callers * each) as f64 / begun.elapsed().as_secs_f64()
}

/// From the first request to the last message in the sink.
async fn deliver(what: &str, bytes: usize, count: usize, connections: u32, targets: &[&str]) {
    let Ok(sink) = Sink::start() else {
        row(&format!("deliver {what}"), "smtp-sink is missing".to_owned(), String::new(), None);
        return;
    };
    let daemon = TestDaemon::start().await;
    account(&daemon, sink.port, connections).await;
    let (mut rates, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..RUNS.min(if bytes > 1 << 20 { 3 } else { RUNS }) {
        let before = cpu_time(daemon.id());
        let begun = Instant::now();
        let client = daemon.mail().await;
        let callers = 32.min(count);
        let calls: Vec<_> = (0..callers)
            .map(|caller| {
                let client = client.clone();
                tokio::spawn(async move {
                    for _ in (caller..count).step_by(callers) {
                        send(client.clone(), bytes).await;
                    }
                })
            })
            .collect();
        for call in calls {
            call.await.expect("a caller ends");
        }
        drained(&daemon).await;
        rates.push(count as f64 / begun.elapsed().as_secs_f64());
        cpu.push((cpu_time(daemon.id()) - before).as_secs_f64() * 1e3 / count as f64);
    }
    let ours = middle(rates);
    let postfix = Postfix::start(sink.port)
        .map(|postfix| middle((0..RUNS.min(3)).map(|_| postfix.relay(10, count, bytes)).collect()));
    let beside = postfix.as_ref().map_or_else(Clone::clone, |rate| format!("{rate:.1}/s"));
    let ratio = postfix.ok().map(|rate| ours / rate);
    row(
        &format!("accept and deliver {count} × {what} (beside: Postfix; {})", targets[0]),
        format!("{ours:.1}/s"),
        beside,
        ratio,
    );
    row(
        &format!("  CPU of the daemon, a message of {what}"),
        format!("{:.2} ms", middle(cpu)),
        String::new(),
        None,
    );
    row("  its largest memory", mebibytes(memory(daemon.id(), "VmHWM:")), String::new(), None);
    for (name, rate) in sink.others(count.min(300), bytes) {
        match rate {
            Ok(rate) => {
                row(&format!("  {name}, {what}"), format!("{rate:.1}/s"), String::new(), Some(ours / rate))
            }
            Err(why) => row(&format!("  {name}, {what}"), why, String::new(), None),
        }
    }
}

async fn send(mut client: v1::mail_client::MailClient<tonic::transport::Channel>, bytes: usize) {
    use v1::send_mail_stream_request::Part;
    if bytes <= 512 * 1024 {
        client.send_mail(mail(bytes)).await.expect("accepted");
        return;
    }
    let part = |part| v1::SendMailStreamRequest { part: Some(part) };
    let start = v1::AttachmentStart { file_name: "fax.tif".to_owned(), content_type: String::new() };
    let chunk = bytes::Bytes::from(vec![0x5A; 64 * 1024]);
    // Base64 adds a third.
    let chunks = std::iter::repeat_n(chunk, bytes * 3 / 4 / (64 * 1024));
    let parts: Vec<_> = [part(Part::Mail(mail(70))), part(Part::Attachment(start))]
        .into_iter()
        .chain(chunks.map(|chunk| part(Part::Chunk(chunk))))
        .collect();
    client.send_mail_stream(tokio_stream::iter(parts)).await.expect("accepted");
}

async fn drained(daemon: &TestDaemon) {
    let mut client = daemon.diagnostics().await;
    loop {
        let status = client.get_status(v1::GetStatusRequest {}).await.expect("status").into_inner();
        if status.queued == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A long queue: its start, its first page, its memory, and what another message costs.
async fn queued(count: usize) {
    let mut daemon = holding().await;
    let mut first = 0.0;
    let mut queued = 0;
    while queued < count {
        let rate = accept_by(&daemon, 50, 20).await;
        if first == 0.0 {
            first = rate;
        }
        queued += 1_000;
    }
    let last = accept_by(&daemon, 50, 20).await;
    row(
        &format!("accept 4 KB with {queued} queued (beside: with none)"),
        format!("{last:.0}/s"),
        format!("{first:.0}/s"),
        Some(last / first),
    );
    daemon.kill();
    let begun = Instant::now();
    daemon.start_again().await;
    daemon.connect().await.expect("serving");
    row(&format!("start with {queued} queued (≤ 1 s)"), millis(begun.elapsed()), String::new(), None);
    let mut client = daemon.mail().await;
    let mut pages = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        client.list_messages(v1::ListMessagesRequest::default()).await.expect("a page");
        pages.push(begun.elapsed());
    }
    row("  first page of the outbox, p50 (≤ 20 ms)", millis(median(pages)), String::new(), None);
    row("  memory (≤ 64 MiB)", mebibytes(memory(daemon.id(), "VmRSS:")), String::new(), None);
}

fn syncs(folder: &std::path::Path) -> Vec<Duration> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(folder.join("floor")).expect("a file");
    (0..300)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[0; 4096]).expect("written");
            file.sync_data().expect("synced");
            begun.elapsed()
        })
        .collect()
}

/// User and system time of a process; 0 where there is no /proc.
fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn memory(pid: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = status.lines().find_map(|text| text.strip_prefix(line)).unwrap_or("0");
    value.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn mebibytes(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
