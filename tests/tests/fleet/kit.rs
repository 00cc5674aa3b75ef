//! What the modules share: databases of the server that most tests use together, and daemons on them.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::bins;
use faxpost_tests::daemon::{Builder, TestDaemon};
use faxpost_tests::postgres::{Held, Postgres};
use tokio::io::AsyncWriteExt as _;
use tonic_types::StatusExt as _;

/// How long something may take that ends by itself. Generous: a busy machine is slow, not wrong.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// For tests that leave the server itself alone.
static SERVER: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(&["fsync=off"]));

/// A database of the shared server.
pub(crate) struct Database {
    pub(crate) name: &'static str,
    pub(crate) url: String,
}

impl Database {
    /// Makes an empty one.
    pub(crate) async fn new(name: &'static str) -> Self {
        let url = tokio::task::spawn_blocking(move || {
            SERVER.create(name);
            SERVER.url(name)
        });
        Self { name, url: url.await.unwrap() }
    }

    /// What it says to some SQL.
    pub(crate) async fn sql(&self, sql: &'static str) -> String {
        let name = self.name;
        tokio::task::spawn_blocking(move || SERVER.sql(name, sql)).await.unwrap()
    }

    /// Says some SQL on a connection that stays, as long as what this gives.
    pub(crate) async fn hold(&self, sql: &'static str) -> Held {
        let name = self.name;
        tokio::task::spawn_blocking(move || SERVER.hold(name, sql)).await.unwrap()
    }

    /// The server's socket.
    pub(crate) async fn socket(&self) -> PathBuf {
        tokio::task::spawn_blocking(|| SERVER.socket_file()).await.unwrap()
    }

    /// A daemon that works on it.
    pub(crate) fn daemon(&self) -> Builder {
        on(&self.url)
    }

    /// One more, which has the key of `first`; not started.
    pub(crate) async fn joined(&self, first: &TestDaemon) -> TestDaemon {
        joined(&self.url, first).await
    }

    /// A code of `faxpostd invite` on the machine of this daemon.
    pub(crate) async fn invite(&self, daemon: &TestDaemon) -> String {
        invite(&self.url, daemon).await
    }

    /// Whether `faxpostd join` took this code, and what it said.
    pub(crate) async fn join(&self, daemon: &TestDaemon, code: &str) -> (bool, String) {
        join(&self.url, daemon, code).await
    }

    /// Runs a command of `faxpostd` on the state of this daemon.
    pub(crate) async fn command(&self, daemon: &TestDaemon, name: &str, typed: &str) -> Output {
        command(&self.url, daemon, name, typed).await
    }
}

/// One more daemon for the database at `url`, which has the key of `first`; not started.
pub(crate) async fn joined(url: &str, first: &TestDaemon) -> TestDaemon {
    let daemon = on(url).prepared();
    let code = invite(url, first).await;
    let (joined, said) = join(url, &daemon, &code).await;
    assert!(joined, "{said}");
    daemon
}

async fn invite(url: &str, daemon: &TestDaemon) -> String {
    let output = command(url, daemon, "invite", "").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn join(url: &str, daemon: &TestDaemon, code: &str) -> (bool, String) {
    let output = command(url, daemon, "join", code).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn command(url: &str, daemon: &TestDaemon, name: &str, typed: &str) -> Output {
    let mut process = tokio::process::Command::new(bins::path("faxpostd"));
    process.args(["--lang", "en", name, "--store", url, "--state-dir"]).arg(daemon.state_dir());
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().unwrap();
    // Whoever refuses before it reads does not want it.
    let _ = process.stdin.take().unwrap().write_all(typed.as_bytes()).await;
    process.wait_with_output().await.unwrap()
}

/// A daemon that works on this database.
pub(crate) fn on(url: &str) -> Builder {
    TestDaemon::builder().argument("--store").argument(url)
}

/// A message that says `text`.
pub(crate) fn mail(text: &str, request_id: &str) -> v1::SendMailRequest {
    v1::SendMailRequest {
        to: vec!["somebody@example.test".to_owned()],
        subject: text.to_owned(),
        text: text.to_owned(),
        request_id: request_id.to_owned(),
        ..v1::SendMailRequest::default()
    }
}

/// When nothing of a test is due.
pub(crate) fn tomorrow() -> Option<prost_types::Timestamp> {
    Some((std::time::SystemTime::now() + Duration::from_secs(24 * 3600)).into())
}

/// Has it accepted; gives its id.
pub(crate) async fn send(daemon: &TestDaemon, text: &str) -> String {
    daemon.mail().await.send_mail(mail(text, "")).await.unwrap().into_inner().id
}

/// The subjects of the mail that was delivered into the pickup folder, in order.
pub(crate) fn delivered(daemon: &TestDaemon) -> Vec<String> {
    let mut subjects: Vec<_> = files(&daemon.pickup_dir())
        .iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(path).ok()?;
            text.lines().find_map(|line| line.strip_prefix("Subject: ")).map(str::to_owned)
        })
        .collect();
    subjects.sort();
    subjects
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "eml")).collect()
}

/// Waits until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < LONGEST, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the daemon's log has this.
pub(crate) async fn says(daemon: &TestDaemon, text: &str) {
    let begun = Instant::now();
    while !daemon.stderr().contains(text) {
        assert!(begun.elapsed() < LONGEST, "it never said {text:?}:\n{}", daemon.stderr());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The machine-readable reason of a refusal.
pub(crate) fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// The status, if the daemon serves.
pub(crate) async fn status(daemon: &TestDaemon) -> Result<v1::GetStatusResponse, tonic::Status> {
    let answer = daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await;
    answer.map(tonic::Response::into_inner)
}
