//! The daemon as a service of systemd: the socket it is handed, and what it tells. The unit itself runs under a real systemd
//! in `tests/run packages`.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use faxpost_tests::bins;

/// A folder as /run/faxpost is, with a socket that listens in it.
struct Place {
    folder: tempfile::TempDir,
    socket: PathBuf,
    listener: UnixListener,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let socket = folder.path().join("faxpost.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        Self { folder, socket, listener }
    }

    /// Starts the daemon with the socket as its descriptor 3, as systemd does.
    fn start(&self, endpoint: &Path, notify: Option<&Path>) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "sh"]);
        command
            .arg(bins::path("faxpostd"))
            .args(["run", "--state-dir"])
            .arg(self.folder.path().join("state"));
        command.arg("--endpoint").arg(endpoint);
        if let Some(notify) = notify {
            command.env("NOTIFY_SOCKET", notify);
        }
        command.stdin(OwnedFd::from(self.listener.try_clone().unwrap()));
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn faxpost(endpoint: &Path) -> Output {
    let mut command = Command::new(bins::path("faxpost"));
    command.arg("status").env("FAXPOST_ENDPOINT", endpoint).stdin(Stdio::null());
    command.output().unwrap()
}

fn told(notify: &UnixDatagram) -> String {
    let mut text = [0; 256];
    let length = notify.recv(&mut text).unwrap();
    String::from_utf8_lossy(&text[..length]).into_owned()
}

#[test]
fn i2_the_daemon_serves_the_socket_that_it_is_handed_and_leaves_it_there() {
    let place = Place::new();
    let notify_path = place.folder.path().join("notify");
    let notify = UnixDatagram::bind(&notify_path).unwrap();
    notify.set_read_timeout(Some(Duration::from_secs(60))).unwrap();

    // Somebody knocks before there is a daemon: he waits, and is not turned away.
    let early = std::thread::spawn({
        let socket = place.socket.clone();
        move || faxpost(&socket)
    });
    let mut daemon = place.start(&place.socket, Some(&notify_path));
    assert!(told(&notify).contains("READY=1"));
    let early = early.join().unwrap();
    assert!(early.status.success(), "{}", String::from_utf8_lossy(&early.stderr));
    assert!(faxpost(&place.socket).status.success());
    assert!(!place.folder.path().join("faxpost.sock.lock").exists(), "it is the system's socket");

    let id = nix::unistd::Pid::from_raw(daemon.id().cast_signed());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(told(&notify).contains("STOPPING=1"));
    assert!(daemon.wait().unwrap().success());
    assert!(place.socket.exists(), "the system goes on listening");
}

#[test]
fn i2_a_socket_that_is_not_the_endpoint_is_refused() {
    let place = Place::new();
    let daemon = place.start(&place.folder.path().join("other.sock"), None).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&daemon.stderr).into_owned();
    assert_eq!(daemon.status.code(), Some(1), "{said}");
    assert!(
        said.contains("handed over") && said.contains("faxpost.sock") && said.contains("ListenStream="),
        "{said}"
    );
}

#[test]
fn i2_install_and_its_like_say_systemds_way() {
    for (command, way) in [
        ("install", "systemctl enable"),
        ("uninstall", "systemctl disable"),
        ("uninstall --remove-data", "apt purge"),
        ("start", "systemctl start faxpostd"),
        ("stop", "systemctl stop"),
        ("service", "faxpostd run"),
    ] {
        let done = Command::new(bins::path("faxpostd")).args(command.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.code() == Some(1) && said.contains(way), "{command}: {said}");
    }
}

#[test]
fn g1_the_daemon_speaks_russian_to_whoever_does() {
    let run = |arguments: &[&str], locale: &str| {
        let mut command = Command::new(bins::path("faxpostd"));
        let done = command.args(arguments).env("LC_ALL", locale).env_remove("LISTEN_FDS").output().unwrap();
        let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (done.status.code().unwrap(), out, err)
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("faxpostd.toml"), "[limits]\nconnections = 0\n").unwrap();
    let wrong = folder.path().to_str().unwrap();
    for (arguments, code, english, russian) in [
        (&["--help"][..], 0, "Commands:", "Команды:"),
        (&["run", "--help"], 0, "Folder for database", "Папка для базы данных"),
        (&["help"], 0, "Commands:", "Команды:"),
        (&["help", "run"], 0, "Folder for database", "Папка для базы данных"),
        (&["--version"], 0, "faxpostd 0.", "faxpostd 0."),
        (&["stop"], 1, "on Linux the service is systemd's", "в Linux службой управляет systemd"),
        (&["run", "--state-dir", wrong], 1, "limits.connections", "служба не работает"),
        (&["begin"], 2, "unrecognized subcommand", "Команды begin нет"),
        (&["run", "--state-dir"], 2, "a value is required", "не указано значение"),
    ] {
        for (locale, said) in [("C", english), ("ru_RU.UTF-8", russian)] {
            let (exit, out, err) = run(arguments, locale);
            let all = out + &err;
            assert!(exit == code && all.contains(said), "{arguments:?}, {locale}: {exit}, {all}");
        }
        let asked = [&["--lang", "ru"], arguments].concat();
        let (exit, out, err) = run(&asked, "C");
        assert!(exit == code && (out + &err).contains(russian), "{asked:?}: {err}");
    }
    assert_eq!(run(&["state-dir"], "C"), (0, "/var/lib/faxpost\n".to_owned(), String::new()));
}
