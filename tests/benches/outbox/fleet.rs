//! On a PostgreSQL of this machine, which syncs every commit, beside the embedded database; and what an idle daemon asks.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use faxpost_tests::bins;
use faxpost_tests::daemon::{Builder, TestDaemon};
use faxpost_tests::measure::{median, millis, row, times};
use faxpost_tests::postgres::Postgres;

use crate::peers::Sink;
use crate::{Mail, RUNS, daemon, drained, send_all};

/// Calls at once that one caller may have.
const CALLERS: usize = 64;

/// How long an idle daemon is watched.
const IDLE: Duration = Duration::from_secs(20);

/// A database of the server in which everything is measured.
const DATABASE: &str = "bench";

pub(crate) async fn measure(scale: usize) {
    // Counting statements costs the same everywhere: next to nothing.
    let server = Postgres::start(&["shared_preload_libraries=pg_stat_statements"]);
    server.create(DATABASE);
    server.sql(DATABASE, "CREATE EXTENSION pg_stat_statements");
    let on_server = || on(&server);
    let sink = Sink::start();
    let port = sink.as_ref().map_or(9, |sink| sink.port);
    let (embedded, served) =
        (daemon(TestDaemon::builder(), port, 20).await, daemon(on_server(), port, 20).await);

    let count = 8_000 / scale;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (daemon, rates) in [(&embedded, &mut ours), (&served, &mut theirs)] {
            let begun = Instant::now();
            send_all(daemon, CALLERS, false, count, Mail::Waiting(4096)).await;
            rates.push(count as f64 / begun.elapsed().as_secs_f64());
        }
    }
    compared("accept 4 KB, 64 callers, PostgreSQL (≥ 3,000/s)", median(theirs), median(ours));

    match &sink {
        Ok(_) => {
            let count = 5_000 / scale;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..RUNS {
                for (daemon, rates) in [(&embedded, &mut ours), (&served, &mut theirs)] {
                    let begun = Instant::now();
                    send_all(daemon, 32, false, count, Mail::Whole(4096)).await;
                    drained(daemon).await;
                    rates.push(count as f64 / begun.elapsed().as_secs_f64());
                }
            }
            compared("accept and deliver 4 KB, PostgreSQL", median(theirs), median(ours));
        }
        Err(why) => row("accept and deliver 4 KB, PostgreSQL", why, &[]),
    }

    let asked = || -> u64 {
        let said = server.sql(DATABASE, "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements");
        said.parse().expect("a number")
    };
    // What was begun before ends.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = asked();
    tokio::time::sleep(IDLE).await;
    // Of those, one was ours.
    let each = asked().saturating_sub(before + 1) as f64 / IDLE.as_secs_f64();
    row("statements of an idle daemon (≤ 2/s)", format!("{each:.1}/s"), &[]);

    takeovers(&server, served).await;
}

/// How long nobody accepts when the working daemon is killed and another stands by.
async fn takeovers(server: &Postgres, mut working: TestDaemon) {
    let mut pauses = Vec::new();
    for _ in 0..RUNS {
        let mut standby = on(server).prepared();
        hand_over(server, &working, &standby);
        standby.start_again().await;
        working.kill();
        let begun = Instant::now();
        while standby.mail().await.send_mail(crate::later(4096)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        pauses.push(begun.elapsed());
        working = standby;
    }
    row("the working daemon killed: until the standby accepts", millis(median(pauses)), &[]);
}

/// The key of the database, by a code.
fn hand_over(server: &Postgres, from: &TestDaemon, to: &TestDaemon) {
    let command = |name: &str, daemon: &TestDaemon| {
        let mut command = Command::new(bins::path("faxpostd"));
        command.args([name, "--store", &server.url(DATABASE), "--state-dir"]).arg(daemon.state_dir());
        command
    };
    let mut invited = command("invite", from).stdout(Stdio::piped()).spawn().expect("faxpostd");
    let code = invited.stdout.take().expect("a pipe");
    assert!(command("join", to).stdin(code).status().expect("faxpostd").success());
    assert!(invited.wait().expect("faxpostd").success());
}

fn on(server: &Postgres) -> Builder {
    TestDaemon::builder().argument("--store").argument(server.url(DATABASE))
}

fn compared(what: &str, served: f64, embedded: f64) {
    row(what, format!("{served:.0}/s"), &[&format!("embedded {embedded:.0}/s"), &times(served / embedded)]);
}
