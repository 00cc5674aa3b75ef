//! The command line as another user.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use nix::unistd::{Group, User, geteuid};

/// Exit of the command line: data, among them ids that are not there.
pub(crate) const BAD_DATA: i32 = 65;
/// Exit of the command line: not allowed.
pub(crate) const DENIED: i32 = 77;
/// Exit of the command line: later perhaps.
pub(crate) const TEMPORARY: i32 = 75;

/// Somebody who runs the command line against a daemon.
pub(crate) struct Somebody {
    program: PathBuf,
    endpoint: String,
    credentials: Vec<String>,
}

impl Somebody {
    /// A user of this number, who has no name and no groups.
    pub(crate) fn numbered(daemon: &TestDaemon, uid: u32) -> Self {
        let groups = "--clear-groups".to_owned();
        Self::with(daemon, vec![format!("--reuid={uid}"), format!("--regid={uid}"), groups])
    }

    /// A user of the user database with all his groups.
    pub(crate) fn named(daemon: &TestDaemon, name: &str) -> Self {
        let user = User::from_name(name).unwrap().expect("a user");
        let (uid, gid) = (format!("--reuid={}", user.uid), format!("--regid={}", user.gid));
        Self::with(daemon, vec![uid, gid, "--init-groups".to_owned()])
    }

    fn with(daemon: &TestDaemon, credentials: Vec<String>) -> Self {
        assert!(geteuid().is_root(), "these tests become other users: run them as root");
        // Where the programs are built, others may not go.
        let folder = Path::new(daemon.endpoint()).parent().unwrap();
        let program = folder.join("faxpost");
        if !program.exists() {
            // Copied by another process: a descriptor open for writing here would be inherited by whatever another test
            // starts meanwhile, and until that has become its program this one could not be run (ETXTBSY).
            let (from, to) = (bins::path("faxpost"), program.to_str().unwrap());
            tool("install", &["--mode=755", from.to_str().unwrap(), to]);
        }
        Self { program, endpoint: daemon.endpoint().to_owned(), credentials }
    }

    /// `faxpost` with these arguments, to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(&self.credentials).arg(&self.program).args(arguments);
        command.env_clear().env("LC_ALL", "C.UTF-8").env("PATH", "/usr/bin:/bin");
        command.env(faxpost_proto::endpoint::ENDPOINT_VARIABLE, &self.endpoint);
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Runs `faxpost` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("setpriv of util-linux");
        Ran { arguments: arguments.join(" "), output }
    }

    /// Sends a small mail, and gives its id.
    pub(crate) fn send(&self) -> String {
        let sent = self.run(&["--json", "send", "--to", "a@example.test", "--subject", "Fax", "--text", "x"]);
        sent.json(0)["id"].as_str().unwrap().to_owned()
    }
}

/// A command that ended.
pub(crate) struct Ran {
    arguments: String,
    output: Output,
}

impl Ran {
    /// Asserts the exit, and gives everything that was printed.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> String {
        let said = [&self.output.stdout[..], &self.output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(self.output.status.code(), Some(code), "faxpost {}: {said}", self.arguments);
        said
    }

    /// Whether it did what it was asked.
    pub(crate) fn is_good(&self) -> bool {
        self.output.status.success()
    }

    /// Asserts the exit, and gives what `--json` printed.
    #[track_caller]
    pub(crate) fn json(&self, code: i32) -> serde_json::Value {
        self.exits(code);
        serde_json::from_slice(&self.output.stdout).unwrap()
    }
}

/// A user of the user database in one group; gone when dropped, and the group with him if it was not there before.
pub(crate) struct Member {
    pub(crate) name: String,
    group: Option<String>,
}

impl Member {
    pub(crate) fn of(group: &str) -> Self {
        let fresh = Group::from_name(group).unwrap().is_none();
        if fresh {
            tool("groupadd", &[group]);
        }
        let name = format!("fxp{}-{}", std::process::id(), &group["faxpost-".len()..]);
        let member = Self { name, group: fresh.then(|| group.to_owned()) };
        tool("useradd", &["--no-create-home", "--no-user-group", "--groups", group, &member.name]);
        member
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = Command::new("userdel").arg(&self.name).output();
        if let Some(group) = &self.group {
            let _ = Command::new("groupdel").arg(group).output();
        }
    }
}

/// Runs a tool of the system, which succeeds.
pub(crate) fn tool(name: &str, arguments: &[&str]) {
    let output =
        Command::new(name).args(arguments).output().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
