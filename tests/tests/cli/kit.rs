//! Runs `faxpost`, and reads what it said.

use std::process::Stdio;
use std::time::Duration;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How long a message may take to the state that a test waits for; a loaded machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command to its end.
pub(crate) async fn faxpost(daemon: &TestDaemon, arguments: &[&str]) -> Run {
    faxpost_with(daemon, arguments, "").await
}

/// The same with something on standard input.
pub(crate) async fn faxpost_with(daemon: &TestDaemon, arguments: &[&str], input: &str) -> Run {
    let mut command = command(daemon, arguments);
    let mut child = bins::started(|| command.stdin(Stdio::piped()).spawn());
    let mut stdin = child.stdin.take().expect("a pipe");
    // Whoever wants no input may be gone already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.expect("faxpost ends");
    Run {
        code: output.status.code().expect("faxpost was not killed"),
        out: String::from_utf8(output.stdout).expect("text on standard output"),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A run with pipes, that ends with its owner.
pub(crate) fn command(daemon: &TestDaemon, arguments: &[&str]) -> Command {
    let mut command = Command::from(daemon.faxpost(arguments));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Run {
    /// It ended so.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Standard output has this in it.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Standard error has this in it.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Standard output is one line with one object.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let mut objects = self.jsons();
        assert_eq!(objects.len(), 1, "{self:#?}");
        objects.remove(0)
    }

    /// Standard output is objects, one a line, and nothing else.
    #[track_caller]
    pub(crate) fn jsons(&self) -> Vec<Value> {
        self.out.lines().map(object).collect()
    }
}

/// A line of JSON.
#[track_caller]
pub(crate) fn object(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    assert!(value.is_object(), "{line:?}");
    value
}

/// The account `default` sends to this server, without TLS and sign-in.
pub(crate) async fn send_by(daemon: &TestDaemon, server: &SmtpServer) {
    let port = format!("port={}", server.port());
    let settings = ["method=secure-smtp-client", "server=127.0.0.1", &port, "sender-email=fax@example.test"];
    faxpost(daemon, &[&["account", "set"], &settings[..]].concat()).await.exits(0);
}

/// Sends a message in passing; its id.
pub(crate) async fn send(daemon: &TestDaemon, to: &str) -> String {
    let sent =
        faxpost(daemon, &["--json", "send", "--to", to, "--subject", "Fax", "--text", "One page."]).await;
    sent.exits(0).json()["id"].as_str().unwrap().to_owned()
}

/// Waits until the message is in that state after so many attempts.
pub(crate) async fn wait_for(daemon: &TestDaemon, id: &str, state: &str, attempts: u64) -> Value {
    let look = async {
        loop {
            let message = faxpost(daemon, &["--json", "outbox", "show", id]).await.exits(0).json();
            let message = message["message"].clone();
            if message["state"] == state && message["attempts"].as_u64().unwrap_or(0) >= attempts {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("{id} is not {state}"))
}

/// A file of a test.
pub(crate) fn file(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("a file");
    path.display().to_string()
}
