//! The programs beside which Faxpost is measured: Debian's Postfix with its `smtp-source` and `smtp-sink`, curl, msmtp.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Takes all mail and keeps none.
pub(crate) struct Sink {
    pub(crate) port: u16,
    child: Child,
    folder: TempDir,
}

impl Sink {
    pub(crate) fn start() -> Result<Self, String> {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        // As nobody: it refuses to be root.
        let child = spawn("smtp-sink", &["-u", "nobody", "-c", &listen, "1024"])?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let sink = Self { port, child, folder };
        wait_for(port)?;
        Ok(sink)
    }

    /// Messages a second of clients that queue nothing, each on one connection or with one process a message.
    pub(crate) fn others(&self, count: usize, bytes: usize) -> Vec<(String, Result<f64, String>)> {
        let to = format!("127.0.0.1:{}", self.port);
        let (many, size) = (count.to_string(), bytes.to_string());
        let source = timed(count, || {
            let run = [
                "-d",
                "-s",
                "1",
                "-m",
                &many,
                "-l",
                &size,
                "-f",
                "a@example.test",
                "-t",
                "b@example.test",
                &to,
            ];
            done("smtp-source", &run)
        });
        let curl = Curl { url: format!("smtp://{to}"), ca: None, user: None, bytes };
        let curl = timed(count, || curl.send(count));
        let message = self.folder.path().join("message");
        let written = fs::write(&message, text(bytes));
        let port = self.port.to_string();
        let msmtp = timed(count.min(100), || {
            written.as_ref().map_err(ToString::to_string)?;
            for _ in 0..count.min(100) {
                let arguments =
                    ["--host=127.0.0.1", "--port", &port, "--from=a@example.test", "b@example.test"];
                let input = fs::File::open(&message).map_err(|error| error.to_string())?;
                finished("msmtp", command("msmtp", &arguments).stdin(input))?;
            }
            Ok(())
        });
        vec![
            ("smtp-source, one connection".to_owned(), source),
            ("curl, one connection".to_owned(), curl),
            ("msmtp, a process each".to_owned(), msmtp),
        ]
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// curl, sending the same message again and again on one connection.
pub(crate) struct Curl {
    /// Where to.
    pub(crate) url: String,
    /// Who has signed the server's certificate.
    pub(crate) ca: Option<PathBuf>,
    /// Login and password.
    pub(crate) user: Option<(&'static str, &'static str)>,
    pub(crate) bytes: usize,
}

impl Curl {
    pub(crate) fn send(&self, count: usize) -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (message, config) = (folder.path().join("message"), folder.path().join("config"));
        let mut one = format!(
            "silent\nurl = \"{}\"\nmail-from = \"alice@fax.test\"\nmail-rcpt = \"b@example.test\"\n\
             upload-file = \"{}\"\n",
            self.url,
            message.display()
        );
        if let Some(ca) = &self.ca {
            one += &format!("cacert = \"{}\"\n", ca.display());
        }
        if let Some((login, password)) = self.user {
            one += &format!("user = \"{login}:{password}\"\n");
        }
        let written = fs::write(&message, text(self.bytes))
            .and_then(|()| fs::write(&config, vec![one; count].join("next\n")));
        written.map_err(|error| error.to_string())?;
        done("curl", &["--config", &config.display().to_string()])
    }
}

fn text(bytes: usize) -> String {
    let line = "A line of a fax that nobody will ever read, and that has some length.\r\n";
    format!("Subject: bench\r\n\r\n{}", line.repeat(bytes / line.len()))
}

/// A Postfix of one's own that relays all mail to one port.
pub(crate) struct Postfix {
    port: u16,
    config: PathBuf,
    queue: PathBuf,
    _folder: TempDir,
}

impl Postfix {
    /// With its mail going to `next`.
    pub(crate) fn start(next: u16) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("faxpost-bench-").tempdir_in("/var/tmp");
        let folder = folder.map_err(|error| error.to_string())?;
        let (config, queue) = (folder.path().join("etc"), folder.path().join("queue"));
        let data = folder.path().join("data");
        for path in [&config, &queue, &data] {
            fs::create_dir_all(path).map_err(|error| error.to_string())?;
        }
        open_to_all(folder.path());
        done("chown", &["postfix", &data.display().to_string()])?;
        let port = free_port();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {}\ndata_directory = {}\nmail_owner = postfix\n\
             setgid_group = postdrop\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n\
             myhostname = bench.test\nmydestination =\nrelayhost = [127.0.0.1]:{next}\nmessage_size_limit = 0\n\
             smtp_tls_security_level = none\nsmtpd_tls_security_level = none\nmaillog_file_prefixes = {}\n\
             maillog_file = {}\nsmtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\n\
             smtpd_recipient_restrictions = permit_mynetworks, reject\ndefault_destination_concurrency_limit = 20\n",
            queue.display(),
            data.display(),
            folder.path().display(),
            folder.path().join("log").display(),
        );
        let master = format!(
            "127.0.0.1:{port} inet n - n - - smtpd\npickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\n\
             qmgr unix n - n 300 1 qmgr\ntlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\n\
             bounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n\
             verify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\n\
             smtp unix - - n - - smtp\nrelay unix - - n - - smtp\nerror unix - - n - - error\n\
             retry unix - - n - - error\ndiscard unix - - n - - discard\nanvil unix - - n - 1 anvil\n\
             scache unix - - n - 1 scache\npostlog unix-dgram n - n - 1 postlogd\n"
        );
        fs::write(config.join("main.cf"), main).map_err(|error| error.to_string())?;
        fs::write(config.join("master.cf"), master).map_err(|error| error.to_string())?;
        let postfix = Self { port, config, queue, _folder: folder };
        done("postfix", &["-c", &postfix.config.display().to_string(), "start"])?;
        wait_for(port)?;
        Ok(postfix)
    }

    /// Messages of 4 KB a second that it takes; those that it cannot deliver wait.
    pub(crate) fn accept(&self, connections: usize, count: usize) -> f64 {
        let begun = Instant::now();
        self.source(connections, count, 4096);
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        let _ = done("postsuper", &["-c", &self.config.display().to_string(), "-d", "ALL"]);
        rate
    }

    /// Messages a second that it takes and hands on, to the last.
    pub(crate) fn relay(&self, connections: usize, count: usize, bytes: usize) -> f64 {
        let begun = Instant::now();
        self.source(connections, count, bytes);
        while self.waiting() > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        count as f64 / begun.elapsed().as_secs_f64()
    }

    fn source(&self, connections: usize, count: usize, bytes: usize) {
        let to = format!("127.0.0.1:{}", self.port);
        let (connections, count, bytes) = (connections.to_string(), count.to_string(), bytes.to_string());
        let run = [
            "-d",
            "-s",
            &connections,
            "-m",
            &count,
            "-l",
            &bytes,
            "-f",
            "a@example.test",
            "-t",
            "b@example.test",
            &to,
        ];
        done("smtp-source", &run).expect("smtp-source sends");
    }

    fn waiting(&self) -> usize {
        ["incoming", "active", "deferred"].iter().map(|name| files(&self.queue.join(name))).sum()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = done("postfix", &["-c", &self.config.display().to_string(), "abort"]);
    }
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let count = |entry: fs::DirEntry| if entry.path().is_dir() { files(&entry.path()) } else { 1 };
    entries.filter_map(Result::ok).map(count).sum()
}

#[cfg(unix)]
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
}

/// There are no other users whom Postfix would start there.
#[cfg(not(unix))]
fn open_to_all(_: &Path) {}

pub(crate) fn timed(count: usize, run: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let begun = Instant::now();
    run()?;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn spawn(program: &str, arguments: &[&str]) -> Result<Child, String> {
    command(program, arguments).spawn().map_err(|_| format!("{program} is missing"))
}

pub(crate) fn done(program: &str, arguments: &[&str]) -> Result<(), String> {
    finished(program, &mut command(program, arguments))
}

fn finished(program: &str, command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(_) => Err(format!("{program} is missing")),
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn wait_for(port: u16) -> Result<(), String> {
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("nobody listens on port {port}"))
}
