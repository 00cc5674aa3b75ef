//! A PostgreSQL server of the tests' own, on a Unix socket in a folder of its own. It goes with whoever started it, also when
//! that is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// The database user, a superuser.
const USER: &str = "fax";

/// The system's user it runs as, when the tests run as root: PostgreSQL refuses that one.
const ACCOUNT: &str = "postgres";

/// Runs its arguments until nobody holds its standard input any more.
const GUARD: &str = "\"$@\" <&- & server=$!; cat >/dev/null; kill -QUIT $server 2>/dev/null; wait $server";

/// The server.
pub struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    settings: Vec<String>,
    port: u16,
    guard: Option<Child>,
}

impl Postgres {
    /// Makes and starts one. `settings`: as of its command line, e.g. "fsync=off".
    ///
    /// # Panics
    /// It cannot be started: Debian's package postgresql is missing, perhaps.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        let programs = programs().expect("PostgreSQL's initdb is found: install Debian's package postgresql");
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { folder, programs, settings, port: 5432, guard: None };
        server.give(server.folder.path());
        let data = server.data();
        server.run(
            "initdb",
            &["-D", &data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        );
        server.start_again();
        server
    }

    /// A free port of the loopback where it listens from now on, beside its socket; with TLS and passwords if `identity`, a chain
    /// and a key in PEM, is given, else without either.
    ///
    /// # Panics
    /// It cannot be restarted so.
    pub fn listen(&mut self, identity: Option<(&str, &str)>) -> u16 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|any| any.local_addr());
        let port = port.expect("a port").port();
        self.settings.push("listen_addresses=localhost".to_owned());
        self.settings.push(format!("port={port}"));
        self.port = port;
        if let Some((chain, key)) = identity {
            for (name, content) in [
                ("server.crt", chain),
                ("server.key", key),
                ("pg_hba.conf", "local all all trust\nhostssl all all localhost scram-sha-256\n"),
            ] {
                let path = self.folder.path().join("data").join(name);
                std::fs::write(&path, content).expect("a file of the server");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
                self.give(&path);
            }
            self.settings.push("ssl=on".to_owned());
        }
        self.stop();
        self.start_again();
        port
    }

    /// Where a database of it is, for Faxpost.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        // A host is there, so that a port can be.
        format!("postgres://{USER}@localhost:{}/{database}?host={}", self.port, self.socket())
    }

    /// Makes an empty database.
    ///
    /// # Panics
    /// It refuses.
    pub fn create(&self, database: &str) {
        self.run("createdb", &["-h", &self.socket(), "-p", &self.port.to_string(), "-U", USER, database]);
    }

    /// What `psql` says to some SQL.
    ///
    /// # Panics
    /// It fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.run(
            "psql",
            &[
                "-h",
                &self.socket(),
                "-p",
                &self.port.to_string(),
                "-U",
                USER,
                "-d",
                database,
                "-qtAX",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                sql,
            ],
        )
    }

    /// Starts it after [`Self::stop`] or [`Self::crash`], and waits until it takes connections.
    ///
    /// # Panics
    /// It does not.
    pub fn start_again(&mut self) {
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]);
        if is_root() {
            command.args(["setpriv", "--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]);
        }
        command.arg(self.programs.join("postgres")).args(["-D", &self.data(), "-k", &self.socket()]);
        command.args(["-c", "listen_addresses="]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log.expect("a log"));
        self.guard = Some(command.spawn().expect("sh"));
        let began = Instant::now();
        let ready = || {
            let mut asked = Command::new(self.programs.join("pg_isready"));
            asked
                .args(["-q", "-h", &self.socket(), "-p", &self.port.to_string()])
                .status()
                .expect("pg_isready")
                .success()
        };
        while !ready() {
            assert!(began.elapsed() < Duration::from_secs(30), "PostgreSQL does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops it in order.
    ///
    /// # Panics
    /// It cannot be.
    pub fn stop(&mut self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "fast", "-D", &self.data()]);
        self.gone();
    }

    /// Ends it at once, as a crash does.
    pub fn crash(&mut self) {
        self.gone();
    }

    /// Gives a file or folder to the account that it runs under.
    fn give(&self, path: &Path) {
        if !is_root() {
            return;
        }
        let number = |which| {
            let output = Command::new("id").args([which, ACCOUNT]).output().expect("id runs");
            let text = String::from_utf8_lossy(&output.stdout);
            text.trim().parse().expect("Debian's package postgresql makes its user")
        };
        chown(path, Some(number("-u")), Some(number("-g"))).expect("root may give it away");
    }

    fn gone(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Its socket.
    #[must_use]
    pub fn socket_file(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
    }

    fn socket(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Says some SQL on a connection that stays, as long as what this gives.
    ///
    /// # Panics
    /// It cannot be said.
    #[must_use]
    pub fn hold(&self, database: &str, sql: &str) -> Held {
        let port = self.port.to_string();
        let mut command = self.program("psql");
        command.args(["-h", &self.socket(), "-p", &port, "-U", USER, "-d", database, "-qtAX"]);
        let mut psql = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql runs");
        let mut input = psql.stdin.take().expect("a pipe");
        input.write_all(format!("{sql};\n\\echo said\n").as_bytes()).expect("psql reads");
        let mut output = BufReader::new(psql.stdout.take().expect("a pipe")).lines();
        assert!(output.any(|line| line.is_ok_and(|line| line == "said")), "{sql}");
        Held { psql, _input: input }
    }

    fn program(&self, program: &str) -> Command {
        let mut command = Command::new(if is_root() { Path::new("setpriv") } else { &self.programs });
        if is_root() {
            command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]);
            command.arg(self.programs.join(program));
        } else {
            command = Command::new(self.programs.join(program));
        }
        command.current_dir("/");
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.program(program).args(arguments).output().expect("PostgreSQL's programs run");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{program}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

/// A connection that stays.
pub struct Held {
    psql: Child,
    _input: ChildStdin,
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.gone();
    }
}

/// Folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let said = Command::new("pg_config").arg("--bindir").output().ok();
    let said = said.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned()));
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut packaged: Vec<_> = packaged.map(|version| version.path().join("bin")).collect();
    packaged.sort();
    packaged.into_iter().rev().chain(said).find(|folder| folder.join("initdb").exists())
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
