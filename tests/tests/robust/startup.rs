//! A daemon that cannot start says which file or peer is in its way and what to do, and leaves everything as it was.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use rusqlite::Connection;

use crate::kit::{LONGEST, files, finished, mail, unharmed};

/// The state of a daemon that was killed in the middle of its life, and the way to start another on it.
struct Remains {
    daemon: TestDaemon,
}

impl Remains {
    async fn new() -> Self {
        let mut daemon = TestDaemon::start().await;
        let sent = daemon.mail().await.send_mail(mail("before", false)).await.unwrap().into_inner();
        finished(&daemon, &sent.id).await;
        daemon.kill();
        Self { daemon }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.daemon.state_dir().join(name)
    }

    /// What the daemon says when it does not start. Nothing that was there may have changed.
    fn refusal(&self) -> String {
        let state = self.daemon.state_dir();
        let before = files(&state);
        let said = refusal(&state, self.daemon.endpoint());
        let after = files(&state);
        for (path, bytes) in &before {
            // Who holds the lock is told beside it, anew by each who does.
            let is_kept = after.get(path) == Some(bytes) || path.ends_with("faxpostd.holder");
            assert!(is_kept, "{path} was changed: {said}");
        }
        said
    }

    /// The same, when this file is in the way.
    fn refusal_about(&self, name: &str, words: &[&str]) {
        let said = self.refusal();
        for word in [&self.path(name).display().to_string()[..]].iter().chain(words) {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }

    /// The database, to be changed by another program; its log is written back and gone afterwards.
    fn change_database(&self, sql: &str) {
        let database = Connection::open(self.path("faxpost.db")).unwrap();
        database.execute_batch(sql).unwrap();
    }
}

fn refusal(state: &Path, endpoint: &str) -> String {
    let mut command = Command::new(bins::path("faxpostd"));
    command.arg("run").arg("--state-dir").arg(state).args(["--endpoint", endpoint]);
    let output = bounded(&mut command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("faxpostd: ") && !said.contains("panicked"), "{said}");
    said
}

/// Runs a program that must end by itself.
fn bounded(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("it does not end: {:?}", child.wait_with_output().unwrap());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_damaged_database_is_named_and_kept() {
    let remains = Remains::new().await;
    // So that all there is stands in one file.
    remains.change_database("PRAGMA wal_checkpoint(TRUNCATE)");
    let path = remains.path("faxpost.db");
    let whole = std::fs::read(&path).unwrap();
    for damaged in [
        b"somebody's only copy of something else".repeat(500),
        whole[..whole.len() / 2].to_vec(),
        [&whole[..4096], &[0xAA; 4096], &whole[8192..]].concat(),
    ] {
        std::fs::write(&path, &damaged).unwrap();
        remains.refusal_about("faxpost.db", &["left as it is", "backup"]);
    }
    std::fs::write(&path, &whole).unwrap();
    let mut daemon = remains.daemon;
    daemon.start_again().await;
    unharmed(&daemon).await;
}

#[tokio::test]
async fn another_programs_database_is_named_and_kept() {
    let remains = Remains::new().await;
    for name in ["faxpost.db", "faxpost.db-wal", "faxpost.db-shm"] {
        let _ = std::fs::remove_file(remains.path(name));
    }
    remains.change_database("CREATE TABLE theirs (x); INSERT INTO theirs VALUES ('precious')");
    remains.refusal_about("faxpost.db", &["another program", "another state folder"]);
}

#[tokio::test]
async fn a_newer_versions_database_is_named_and_kept_with_what_its_crash_left() {
    let remains = Remains::new().await;
    remains.change_database("PRAGMA user_version = 99");
    remains.refusal_about("faxpost.db", &["newer", "99"]);

    // A newer version that was killed leaves a log beside the database: copied while it is open, it is all there.
    let newer = Connection::open(remains.path("faxpost.db")).unwrap();
    newer.execute_batch("CREATE TABLE later (x); INSERT INTO later VALUES (1)").unwrap();
    let copies: Vec<_> = ["faxpost.db", "faxpost.db-wal"]
        .map(|name| (remains.path(name), std::fs::read(remains.path(name)).unwrap()))
        .to_vec();
    drop(newer);
    for (path, bytes) in copies {
        assert!(!bytes.is_empty(), "{}", path.display());
        std::fs::write(path, bytes).unwrap();
    }
    remains.refusal_about("faxpost.db", &["newer", "99"]);
}

#[tokio::test]
async fn h3_a_damaged_key_is_named_and_kept() {
    let remains = Remains::new().await;
    for damaged in [&b""[..], b"short", &[7; 5000]] {
        std::fs::write(remains.path("secret.key"), damaged).unwrap();
        remains.refusal_about("secret.key", &[]);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn h3_a_key_that_others_can_read_is_named_and_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let remains = Remains::new().await;
    let path = remains.path("secret.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    remains.refusal_about("secret.key", &["644", "600"]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut daemon = remains.daemon;
    daemon.start_again().await;
    unharmed(&daemon).await;
}

#[tokio::test]
async fn wrong_settings_are_named_with_their_line() {
    let remains = Remains::new().await;
    for (text, words) in [
        (&b"[limits]\nconections = 5\n"[..], &["conections", "connections", "line 2"][..]),
        (b"[limit]\n", &["limit", "limits"]),
        (b"[limits]\nconnections = \"many\"\n", &["connections", "line 2"]),
        (b"[limits]\nconnections = -1\n", &["connections", "line 2"]),
        (b"[limits]\npatience-seconds = 9223372036854775807\n", &["limits.patience-seconds", "3600"]),
        (b"[outbox]\nretry-seconds = []\n", &["outbox.retry-seconds"]),
        (b"[limits\n", &["line 1"]),
        (b"\xff\xfe[limits]\n", &["UTF-8"]),
    ] {
        std::fs::write(remains.path("faxpostd.toml"), text).unwrap();
        remains.refusal_about("faxpostd.toml", words);
    }
}

#[tokio::test]
async fn a_second_daemon_is_told_who_holds_what() {
    let daemon = TestDaemon::start().await;
    let holder = format!("process {}", daemon.id());
    let folder = tempfile::tempdir().unwrap();
    let free = free_endpoint(folder.path());

    let same_state = refusal(&daemon.state_dir(), &free);
    assert!(same_state.contains(&holder) && same_state.contains(daemon.endpoint()), "{same_state}");
    assert!(same_state.contains("--state-dir"), "{same_state}");

    let same_endpoint = refusal(&folder.path().join("state"), daemon.endpoint());
    assert!(same_endpoint.contains(daemon.endpoint()), "{same_endpoint}");
    // Wine does not tell whose a pipe is.
    assert!(cfg!(windows) || same_endpoint.contains(&holder), "{same_endpoint}");
    unharmed(&daemon).await;
}

#[tokio::test]
async fn a_state_folder_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "precious").unwrap();
    let state = folder.path().join("file").join("state");
    let said = refusal(&state, &free_endpoint(folder.path()));
    assert!(said.contains("file"), "{said}");
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"precious");
}

#[cfg(unix)]
#[tokio::test]
async fn a_state_folder_that_is_not_ours_alone_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (state, endpoint) = (folder.path().join("state"), free_endpoint(folder.path()));
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o777)).unwrap();
    let said = refusal(&state, &endpoint);
    assert!(said.contains("chmod go-w") && said.contains(&*state.to_string_lossy()), "{said}");
    assert!(files(&state).is_empty());

    // Root may write everywhere.
    if !nix::unistd::geteuid().is_root() {
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o500)).unwrap();
        let said = refusal(&state, &endpoint);
        assert!(said.contains(&*state.to_string_lossy()), "{said}");
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_is_said_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let too_long = free_endpoint(&folder.path().join("x".repeat(300)));
    let said = refusal(&folder.path().join("state"), &format!("{too_long}{}", "x".repeat(300)));
    assert!(said.contains("cannot be an endpoint"), "{said}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_left_over_socket_is_taken_over_and_anything_else_is_kept() {
    let mut daemon = TestDaemon::start().await;
    daemon.kill();
    assert!(Path::new(daemon.endpoint()).exists(), "a killed daemon leaves its socket");
    daemon.start_again().await;
    unharmed(&daemon).await;
    daemon.kill();
    std::fs::remove_file(daemon.endpoint()).unwrap();
    std::fs::write(daemon.endpoint(), "precious").unwrap();
    let said = refusal(&daemon.state_dir(), daemon.endpoint());
    assert!(said.contains(daemon.endpoint()) && said.contains("left alone"), "{said}");
    assert_eq!(std::fs::read(daemon.endpoint()).unwrap(), b"precious");
}

#[tokio::test]
async fn g1_without_a_daemon_the_command_line_says_how_to_start_it() {
    let mut daemon = TestDaemon::start().await;
    assert!(bounded(&mut daemon.faxpost(&["status"])).status.success());
    daemon.kill();
    for arguments in [
        &["status"][..],
        &["account", "list"],
        &["send", "--to", "b@example.test", "--subject", "x", "--text", "y"],
        &["outbox", "list"],
        &["log", "follow"],
        &["policy", "show"],
    ] {
        let output = bounded(&mut daemon.faxpost(arguments));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(69), "{arguments:?}: {said}");
        assert!(said.contains("not running") && said.contains("`faxpostd run`"), "{said}");
        assert!(said.contains(daemon.endpoint()), "{said}");
    }
}

#[cfg(unix)]
fn free_endpoint(folder: &Path) -> String {
    folder.join("free.sock").display().to_string()
}

#[cfg(windows)]
fn free_endpoint(_folder: &Path) -> String {
    format!(r"\\.\pipe\faxpost-test-{}", uuid::Uuid::new_v4())
}
