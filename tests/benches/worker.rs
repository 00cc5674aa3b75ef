//! `cargo bench --bench worker`: what the mailer costs in a process of its own, beside the same in this one, in the same
//! run and against the same server.
//!
//! The server here takes what it is given and keeps nothing: every other one is slower, and the cost of the split smaller
//! beside it. What it costs of the whole, from the first acceptance to the last outcome, is told by an outbox with each of the two.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use faxpost_tests::bins;
use faxpost_tests::measure::{mebibytes, median, memory, millis};
use faxpost_tests::outbox::Parts;
use faxpost_tests::sink;
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::config::Config;
use faxpostd::mailer::{
    Body, DeliveryStatus, Envelope, Job, Mailer, Route, Shared, SmtpRoute, Step, Timeouts,
};
use tokio_util::sync::CancellationToken;

/// Jobs at once, as the daemon has them.
const AT_ONCE: usize = 8;
const JOBS: usize = 4_000;
const ROUNDS: usize = 5;

/// What this program is started with to tell what is resident: `resident split|whole PORT`.
const RESIDENT: &str = "resident";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` calls with --test: that it builds is all that is asked then.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    if let [_, command, mailers, port] = arguments.as_slice()
        && command == RESIDENT
    {
        let port = port.parse().expect("a port");
        println!("{}", runtime().block_on(resident(mailers == "split", port)));
        return;
    }
    runtime().block_on(measure(sink::start()));
}

/// As it is installed.
fn in_its_own(folder: &Path) -> Mailer {
    Mailer::with_program(None, folder, Some(&bins::path("faxpost-mailer"))).expect("a mailer")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

async fn measure(port: u16) {
    let folder = tempfile::tempdir().expect("a folder");
    let spooled = folder.path().join("spooled");
    std::fs::write(&spooled, line().repeat(20 * 1024 * 1024 / 64)).expect("a large message");

    let mut starts = Vec::new();
    for _ in 0..10 {
        let mailer = in_its_own(folder.path());
        let begun = Instant::now();
        run(&mailer, job(port, small(), Step::Resolve)).await;
        starts.push(begun.elapsed());
        mailer.stop().await;
    }
    println!("start of the process, to its first answer: {}", millis(median(starts)));

    let own = Mailer::in_process();
    let split = in_its_own(folder.path());
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        here.push(burst(&own, port).await);
        there.push(burst(&split, port).await);
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / JOBS as f64;
    let (here, there) = (each(median(here)), each(median(there)));
    println!(
        "4 KB, {AT_ONCE} at once: {:.0}/s in this process, {:.0}/s in its own: {:.0} µs more a message, {:+.1} %",
        1e6 / here,
        1e6 / there,
        there - here,
        (here / there - 1.0) * 100.0
    );

    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (mailer, times) in [(&own, &mut here), (&split, &mut there)] {
            let begun = Instant::now();
            run(mailer, job(port, large(&spooled), Step::Message)).await;
            times.push(begun.elapsed());
        }
    }
    let (here, there) = (median(here), median(there));
    println!("20 MB: {} in this process, {} in its own", millis(here), millis(there));
    for line in ["VmRSS:", "RssAnon:", "VmHWM:"] {
        println!("the process after all that, {line} {}", mebibytes(memory(child(), line)));
    }
    split.stop().await;

    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        here.push(through_an_outbox(&Mailer::in_process(), port).await);
        let split = in_its_own(folder.path());
        there.push(through_an_outbox(&split, port).await);
        split.stop().await;
    }
    let (here, there) = (each(median(here)), each(median(there)));
    println!(
        "4 KB accepted and delivered: {:.0}/s with it in this process, {:.0}/s in its own: {:+.1} %",
        1e6 / here,
        1e6 / there,
        (here / there - 1.0) * 100.0
    );

    let (mut whole, mut split) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        whole.push(started(RESIDENT, "whole", port));
        split.push(started(RESIDENT, "split", port));
    }
    let (whole, split) = (median(whole), median(split));
    println!(
        "resident after {JOBS} accepted and delivered: {} with it in the daemon's process, {} in both with its own: {} more",
        mebibytes(Some(whole)),
        mebibytes(Some(split)),
        mebibytes(Some(split.saturating_sub(whole)))
    );
}

/// What a new process of this program says: KiB.
fn started(command: &str, mailer: &str, port: u16) -> u64 {
    let program = std::env::current_exe().expect("this program");
    let output = std::process::Command::new(program).args([command, mailer, &port.to_string()]).output();
    let said = String::from_utf8(output.expect("it starts").stdout).expect("text");
    said.trim().parse().expect("a number")
}

/// KiB resident (VmRSS) when messages were accepted and delivered: of this process, and of the mailer's if it has one. What both
/// have mapped counts twice, as in every sum of VmRSS.
async fn resident(split: bool, port: u16) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = if split { in_its_own(folder.path()) } else { Mailer::in_process() };
    through_an_outbox(&mailer, port).await;
    let of = |process| memory(process, "VmRSS:").unwrap_or_default();
    let resident = of(std::process::id()) + if split { of(child()) } else { 0 };
    mailer.stop().await;
    resident
}

/// [`JOBS`] messages, from the first acceptance to the last outcome, with the connections that the bench `outbox` has.
async fn through_an_outbox(mailer: &Mailer, port: u16) -> Duration {
    const CONNECTIONS: u32 = 20;
    const CALLERS: usize = 32;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "[limits]\nqueued-per-caller = 1000000\n";
    std::fs::write(folder.path().join("faxpostd.toml"), settings).expect("settings");
    let config = Config::load(folder.path(), "unused").expect("settings");
    let parts = Arc::new(Parts::open(folder.path(), &config, mailer.clone()).await);
    parts.send_to(port, CONNECTIONS).await;
    let running = CancellationToken::new();
    let sending = tokio::spawn(parts.outbox.clone().run(running.clone()));
    let text = Arc::new(String::from_utf8(line().repeat(64)).expect("text"));
    // The mailer starts with the first job.
    parts.accept(&text).await;
    drained(&parts).await;

    let begun = Instant::now();
    let callers = (0..CALLERS).map(|_| {
        let (parts, text) = (parts.clone(), text.clone());
        tokio::spawn(async move {
            for _ in 0..JOBS / CALLERS {
                parts.accept(&text).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller ends");
    }
    drained(&parts).await;
    let taken = begun.elapsed();
    running.cancel();
    let _ = sending.await;
    taken
}

async fn drained(parts: &Parts) {
    while parts.outbox.unfinished(None).await.expect("a count").queued > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn burst(mailer: &Mailer, port: u16) -> Duration {
    let begun = Instant::now();
    let lanes = (0..AT_ONCE).map(|_| {
        let mailer = mailer.clone();
        tokio::spawn(async move {
            for _ in 0..JOBS / AT_ONCE {
                run(&mailer, job(port, small(), Step::Message)).await;
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a lane ends");
    }
    begun.elapsed()
}

async fn run(mailer: &Mailer, job: Job) {
    let outcome = mailer.deliver(job, None).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
}

fn line() -> Vec<u8> {
    let mut line = vec![b'x'; 62];
    line.extend_from_slice(b"\r\n");
    line
}

fn small() -> Body {
    Body::Inline([b"Subject: fax\r\n\r\n".to_vec(), line().repeat(64)].concat())
}

fn large(path: &Path) -> Body {
    let size = std::fs::metadata(path).expect("the large message").len();
    Body::File { path: path.to_owned(), size }
}

/// From a@ to b@, without TLS and sign-in: the less the rest costs, the more the split weighs.
fn job(port: u16, body: Body, until: Step) -> Job {
    Job {
        route: Route::Smtp(SmtpRoute {
            server: "127.0.0.1".to_owned(),
            port,
            security: Security::None,
            tls_check: TlsCheck::System,
            sign_in: None,
            plaintext_auth: false,
            ehlo_name: "bench.test".to_owned(),
            timeouts: Timeouts::default(),
            proxy: None,
        }),
        envelope: Envelope { from: "a@example.test".to_owned(), to: vec!["b@example.test".to_owned()] },
        body,
        seven_bit: true,
        signing: None,
        until,
        delivery_status: DeliveryStatus::default(),
        pool: Some(Shared { name: "bench".to_owned(), connections: AT_ONCE, as_of: 0 }),
    }
}

/// Our only child; 0 where there is no /proc.
fn child() -> u32 {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |id: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|id| id.trim() == own))
    };
    ids.find(is_ours).unwrap_or(0)
}
