//! Acceptance alone: the mail waits for tomorrow.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_proto::v1::mail_client::MailClient;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::measure::{median, micros, row, syncs, times};
use tonic::transport::Channel;

use crate::peers::Postfix;
use crate::{Mail, RUNS, beside, daemon, send_all};

/// Calls at once that one caller may have.
const CALLERS: usize = 64;

/// What every call costs: one that is looked up and not found.
async fn calls_that_change_nothing(client: &mut MailClient<Channel>) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..400 {
        let begun = Instant::now();
        let found = client.get_message(v1::GetMessageRequest { id: "none".to_owned() }).await;
        times.push(begun.elapsed());
        assert!(found.is_err(), "there is none");
    }
    times
}

/// What a durable commit costs at least, in the daemon's own database engine.
fn commits(folder: &Path) -> Vec<Duration> {
    let connection = rusqlite::Connection::open(folder.join("floor.db")).expect("a database");
    connection.pragma_update(None, "journal_mode", "wal").expect("a WAL");
    connection.pragma_update(None, "synchronous", "full").expect("every commit synced");
    connection.execute_batch("CREATE TABLE row (number INTEGER PRIMARY KEY, content BLOB)").expect("a table");
    let mut insert =
        connection.prepare("INSERT INTO row (content) VALUES (zeroblob(4096))").expect("a statement");
    (0..400)
        .map(|_| {
            let begun = Instant::now();
            insert.execute([]).expect("a row");
            begun.elapsed()
        })
        .collect()
}

/// Pages that a message changes: its row, body (two), recipient and log entry with seven indexes in all, and what SQLite keeps of the
/// file (three). Seen by strace.
const PAGES: usize = 14;

/// What writing them costs, as SQLite does it: each behind its own header.
fn pages(folder: &Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("pages")).expect("a file");
    (0..300)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..PAGES {
                file.write_all(&[0; 24]).expect("written");
                file.write_all(&[0; 4096]).expect("written");
            }
            file.sync_data().expect("synced");
            begun.elapsed()
        })
        .collect()
}

/// What one caller found.
struct One {
    /// Of each round, and of a sync beside it.
    latencies: Vec<(Duration, Duration)>,
    ratios: Vec<f64>,
    calls: Vec<Duration>,
    /// Of the least that a server could do.
    #[cfg(unix)]
    bare: Vec<f64>,
}

async fn sends(client: &mut MailClient<Channel>, scale: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..400 / scale {
        let begun = Instant::now();
        Mail::waiting(4096).send(client).await;
        times.push(begun.elapsed());
    }
    times
}

async fn one_caller(daemon: &TestDaemon, scale: usize) -> One {
    let mut client = daemon.mail().await;
    let (mut latencies, mut ratios) = (Vec::new(), Vec::new());
    #[cfg(unix)]
    let (mut bare, mut least) = (crate::bare::client(&daemon.state_dir()).await, Vec::new());
    // The disk is not the same from one moment to the next: each round has its own floor.
    for _ in 0..RUNS {
        let one = median(sends(&mut client, scale).await);
        let floor = median(syncs(&daemon.state_dir()));
        latencies.push((one, floor));
        ratios.push(one.as_secs_f64() / floor.as_secs_f64());
        #[cfg(unix)]
        least.push(median(sends(&mut bare, scale).await).as_secs_f64() / floor.as_secs_f64());
    }
    One {
        latencies,
        ratios,
        calls: calls_that_change_nothing(&mut client).await,
        #[cfg(unix)]
        bare: least,
    }
}

/// As `faxpost` does it: between several threads, a caller would wait for himself.
fn on_one_thread<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work)
    };
    tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(run).join().expect("it ends")))
}

pub(crate) async fn measure(scale: usize) {
    let daemon = daemon(TestDaemon::builder(), 9, 3).await;
    let found = on_one_thread(one_caller(&daemon, scale));
    let (one, floor) = median(found.latencies);
    row("  a call that changes nothing, p50", micros(median(found.calls)), &[]);
    #[cfg(unix)]
    row(
        "  the same call of a bare server that writes and syncs, p50, to a sync",
        times(median(found.bare)),
        &[],
    );
    let commits = median(commits(&daemon.state_dir()));
    row("  a commit of SQLite, one row of 4 KB in one table, p50", micros(commits), &[]);
    let pages = median(pages(&daemon.state_dir()));
    row(&format!("  {PAGES} pages of a WAL, written and synced, p50"), micros(pages), &[]);
    row(
        "accept 4 KB, one caller, p50 (target ≤ 2 × fdatasync)",
        micros(one),
        &[&format!("sync {}", micros(floor)), &times(median(found.ratios))],
    );

    let (mut shared, mut apart, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let (ours, postfix) = (16_000 / scale, Postfix::start(1));
    for _ in 0..RUNS {
        for (on_their_own, rates) in [(false, &mut shared), (true, &mut apart)] {
            let begun = Instant::now();
            send_all(&daemon, CALLERS, on_their_own, ours, Mail::waiting(4096)).await;
            rates.push(ours as f64 / begun.elapsed().as_secs_f64());
        }
        if let Ok(postfix) = &postfix {
            theirs.push(postfix.accept(10, 2_000 / scale));
        }
    }
    let theirs = postfix.map(|_| theirs);
    for (how, rates) in [("one connection", shared), ("64 connections", apart)] {
        let rate = median(rates);
        let columns = beside("Postfix", rate, theirs.clone());
        row(
            &format!("accept 4 KB, 64 callers on {how} (≥ 8,000/s, ≥ 10 ×)"),
            format!("{rate:.0}/s"),
            &columns.each_ref().map(String::as_str),
        );
    }
}
