//! On a PostgreSQL of this machine, which syncs every commit, beside the embedded database; and what an idle daemon asks.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::bins;
use faxpost_tests::daemon::{Builder, TestDaemon};
use faxpost_tests::measure::{median, millis, row, times};
use faxpost_tests::postgres::Postgres;
use faxpost_tests::smtp::SmtpServer;

use crate::peers::Sink;
use crate::{Mail, RUNS, daemon, drained, due, send_all, sends_to, tomorrow};

/// Calls at once that one caller may have.
const CALLERS: usize = 64;

/// How long an idle daemon is watched.
const IDLE: Duration = Duration::from_secs(20);

/// Databases of the server: where mail is accepted only, where it is delivered, and where two daemons do so.
const DATABASE: &str = "accepted";
const DELIVERED: &str = "delivered";
const TOGETHER: &str = "together";

pub(crate) async fn measure(scale: usize) {
    // Counting statements costs the same everywhere: next to nothing.
    let server = Postgres::start(&["shared_preload_libraries=pg_stat_statements"]);
    server.create(DATABASE);
    server.sql(DATABASE, "CREATE EXTENSION pg_stat_statements");
    let sink = Sink::start();
    let port = sink.as_ref().map_or(9, |sink| sink.port);
    let (embedded, served) =
        (daemon(TestDaemon::builder(), port, 20).await, daemon(on(&server, DATABASE), port, 20).await);

    let count = 8_000 / scale;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (daemon, rates) in [(&embedded, &mut ours), (&served, &mut theirs)] {
            let begun = Instant::now();
            send_all(daemon, CALLERS, false, count, Mail::waiting(4096)).await;
            rates.push(count as f64 / begun.elapsed().as_secs_f64());
        }
    }
    compared("accept 4 KB, 64 callers, PostgreSQL (≥ 3,000/s)", median(theirs), median(ours));

    drop((embedded, served));
    server.create(DELIVERED);
    let (embedded, served) =
        (daemon(TestDaemon::builder(), port, 20).await, daemon(on(&server, DELIVERED), port, 20).await);
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
    let second = joined(&server, &served).await;
    // What was begun before ends.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = asked();
    tokio::time::sleep(IDLE).await;
    // Of those, one was ours.
    let each = asked().saturating_sub(before + 1) as f64 / IDLE.as_secs_f64() / 2.0;
    row("statements of an idle daemon, one of two (≤ 2/s)", format!("{each:.1}/s"), &[]);
    takeovers(&server, served, second).await;
    together(&server, scale).await;
}

/// From the end of a daemon until another has delivered what it had accepted.
async fn takeovers(server: &Postgres, mut working: TestDaemon, mut other: TestDaemon) {
    let mut pauses = Vec::new();
    for _ in 0..RUNS {
        let sent =
            working.mail().await.send_mail(due(4096, tomorrow())).await.expect("accepted").into_inner();
        working.kill();
        let begun = Instant::now();
        loop {
            let request = v1::GetMessageRequest { id: sent.id.clone() };
            let found = other.mail().await.get_message(request).await.expect("it is there").into_inner();
            if found.message.expect("it").state() == v1::MessageState::Delivered {
                break;
            }
            let request = v1::RetryMessageRequest { id: sent.id.clone() };
            let _ = other.mail().await.retry_message(request).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pauses.push(begun.elapsed());
        let next = joined(server, &other).await;
        working = std::mem::replace(&mut other, next);
    }
    row("a daemon killed: until another delivers its mail (≤ 20 s)", millis(median(pauses)), &[]);
}

/// Two daemons beside one, for a server that takes its time: there, what a daemon has under way at once is the limit.
async fn together(server: &Postgres, scale: usize) {
    let slow = SmtpServer::builder().digest_only().thinks(Duration::from_millis(50)).start().await;
    let count = 2_000 / scale;
    server.create(TOGETHER);
    let limited =
        || on(server, TOGETHER).settings("[limits]\ndeliveries = 18\nqueued-per-caller = 1000000\n");
    let first = limited().start().await;
    sends_to(&first, slow.port(), 100).await;
    let rate = async || {
        let begun = Instant::now();
        send_all(&first, 32, false, count, Mail::Whole(4096)).await;
        drained(&first).await;
        count as f64 / begun.elapsed().as_secs_f64()
    };
    let (mut alone, mut both) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        alone.push(rate().await);
    }
    let mut second = limited().prepared();
    hand_over(server, TOGETHER, &first, &second);
    second.start_again().await;
    for _ in 0..RUNS {
        both.push(rate().await);
    }
    let (alone, both) = (median(alone), median(both));
    let compared = [&*format!("one {alone:.0}/s"), &*times(both / alone)];
    row(
        "all accepted by one daemon, two deliver to a slow server (≥ 1.5 ×)",
        format!("{both:.0}/s"),
        &compared,
    );
}

/// One more daemon on the database in which mail is delivered.
async fn joined(server: &Postgres, from: &TestDaemon) -> TestDaemon {
    let mut daemon = on(server, DELIVERED).prepared();
    hand_over(server, DELIVERED, from, &daemon);
    daemon.start_again().await;
    daemon
}

/// The key of the database, by a code.
fn hand_over(server: &Postgres, database: &str, from: &TestDaemon, to: &TestDaemon) {
    let command = |name: &str, daemon: &TestDaemon| {
        let mut command = Command::new(bins::path("faxpostd"));
        command.args([name, "--store", &server.url(database), "--state-dir"]).arg(daemon.state_dir());
        command
    };
    let mut invited = command("invite", from).stdout(Stdio::piped()).spawn().expect("faxpostd");
    let code = invited.stdout.take().expect("a pipe");
    assert!(command("join", to).stdin(code).status().expect("faxpostd").success());
    assert!(invited.wait().expect("faxpostd").success());
}

fn on(server: &Postgres, database: &str) -> Builder {
    TestDaemon::builder().argument("--store").argument(server.url(database))
}

fn compared(what: &str, served: f64, embedded: f64) {
    row(what, format!("{served:.0}/s"), &[&format!("embedded {embedded:.0}/s"), &times(served / embedded)]);
}
