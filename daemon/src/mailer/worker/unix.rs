//! Linux: the process is started as a child over a pair of sockets, and drops what it has before it reads from it.
//!
//! It drops by itself, and not its parent between fork and exec: so its groups are those of the account, the program need
//! not be readable to that, and all of it is code of ours that is not `unsafe`.

mod sandbox;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use caps::CapSet;
use nix::sys::prctl;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, User, close, dup2_stdin, geteuid, initgroups, setgroups, setresgid, setresuid};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::child::Confined;
use super::link::Started;
use super::{Account, Arguments, program};
use crate::service::{forbid_dumps, own_account};

/// The account that is used where none is set, if it is there.
const DEFAULT_ACCOUNT: &str = "faxpost";

/// What of the environment the mailer is given: language, time zone, where trust is rooted, proxies, what to log.
const KEPT: [&str; 16] = [
    "TZ",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "FAXPOST_LOG",
    "RUST_BACKTRACE",
];

/// The account that mail is sent under, by what is set and what can be.
pub(super) fn account(wanted: Option<&str>) -> anyhow::Result<Account> {
    let own = geteuid();
    let found = match wanted {
        Some(text) => Some(resolve(text)?),
        None => User::from_name(DEFAULT_ACCOUNT).ok().flatten(),
    };
    let note = match &found {
        Some(user) if user.uid != own && own.is_root() => {
            let (name, id) = (user.name.clone(), format!("uid:{}", user.uid));
            return Ok(Account { name, switch: Some(id.clone()), id, note: None });
        }
        Some(user) if user.uid == own => "MAILER_SAME_ACCOUNT",
        None if own.is_root() => "MAILER_NO_ACCOUNT",
        _ => "MAILER_NOT_ROOT",
    };
    let (name, id) = own_account();
    Ok(Account { name, id, note: Some(note), switch: None })
}

/// A name, or "uid:107"; a uid needs no name.
fn resolve(text: &str) -> anyhow::Result<User> {
    let failed = || format!("mailer.account: the account {text} cannot be looked up");
    let found = match text.strip_prefix("uid:").unwrap_or(text).parse() {
        // This number stands for nobody at all.
        Ok(u32::MAX) => None,
        Ok(uid) => {
            let nameless = || User {
                name: text.to_owned(),
                uid: Uid::from_raw(uid),
                gid: Gid::from_raw(uid),
                passwd: c"".into(),
                gecos: c"".into(),
                dir: "/".into(),
                shell: "/".into(),
            };
            Some(User::from_uid(Uid::from_raw(uid)).with_context(failed)?.unwrap_or_else(nameless))
        }
        Err(_) => User::from_name(text).with_context(failed)?,
    };
    found.with_context(|| {
        format!("mailer.account: there is no account {text} on this machine; make it, or name another")
    })
}

/// The program that is started: the one that was there when the daemon began, also when its file was replaced by an update.
pub(super) struct Program(File);

impl Program {
    pub(super) fn of_this_daemon() -> io::Result<Self> {
        let itself = std::env::current_exe()?;
        Self::at(&program::beside(&itself).unwrap_or_else(|| "/proc/self/exe".into()))
    }

    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self(File::open(path)?))
    }
}

/// Starts the process; its own log comes with it.
pub(super) fn start(program: &Program, arguments: &Arguments) -> io::Result<(Started, Box<dyn Read + Send>)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(format!("/proc/self/fd/{}", program.0.as_raw_fd()));
    command.arg0("faxpostd").arg("mailer").arg("--keys").arg(&arguments.keys);
    match &arguments.account {
        Some(account) => command.args(["--account", account]),
        None => command.arg("--own-account"),
    };
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| KEPT.iter().any(|kept| name == kept)));
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped()).current_dir("/");
    // Ctrl-C at the daemon's terminal is the daemon's: deliveries under way may end.
    command.process_group(0);
    let mut child = command.spawn()?;
    let log = child.stderr.take();
    let process = Process(child);
    ours.set_nonblocking(true)?;
    let (reader, writer) = tokio::net::UnixStream::from_std(ours)?.into_split();
    let started = Started { process, reader: Box::new(reader), writer: Box::new(writer) };
    match log {
        Some(log) => Ok((started, Box::new(log))),
        None => Ok((started, Box::new(io::empty()))),
    }
}

/// The process; dropped, it ends.
pub(super) struct Process(Child);

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits so long for it to end by itself, and then ends it; says how it ended.
    pub(super) fn end(mut self, grace: Duration) -> String {
        let since = Instant::now();
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) if since.elapsed() < grace => std::thread::sleep(Duration::from_millis(5)),
                _ => break,
            }
        }
        let _ = self.0.kill();
        self.0.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already waited for? Then both do nothing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The way to the daemon, from the process.
pub struct Connection(UnixStream);

impl Connection {
    /// Inside of a runtime.
    ///
    /// # Errors
    /// It is no connection.
    pub fn open(self) -> io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
        self.0.set_nonblocking(true)?;
        Ok(tokio::net::UnixStream::from_std(self.0)?.into_split())
    }
}

pub(super) fn confine(arguments: &Arguments) -> anyhow::Result<Confined> {
    close_strangers()?;
    let stdin = io::stdin().as_fd().try_clone_to_owned().context("there is no connection to the daemon")?;
    let connection = UnixStream::from(stdin);
    connection
        .peer_addr()
        .context("this is started by the daemon, over a connection of its own, and not by hand")?;
    dup2_stdin(fs::File::open("/dev/null").context("/dev/null")?)?;
    std::env::set_current_dir("/")?;
    umask(Mode::from_bits_truncate(0o077));

    let mut how = vec![become_account(arguments.account.as_deref())?];
    // Secrets pass through this memory. Now, because another account has the kernel forget it.
    forbid_dumps()?;
    prctl::set_no_new_privs().context("privileges could still be gained")?;
    how.extend(sandbox::enter(&arguments.keys));
    Ok(Confined { connection: Connection(connection), how: how.join(", ") })
}

/// Files that the daemon's parent left open are not for the mailer; the daemon's own close by themselves.
fn close_strangers() -> anyhow::Result<()> {
    let folder = fs::read_dir("/proc/self/fd").context("/proc is needed")?;
    let open: Vec<i32> = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        // Among them the one that read the folder, which is closed already.
        let _ = close(number);
    }
    Ok(())
}

/// Uid, groups and capabilities, in the order in which one may still give away the next.
fn become_account(account: Option<&str>) -> anyhow::Result<String> {
    let was_root = geteuid().is_root();
    if was_root {
        caps::clear(None, CapSet::Bounding).context("the bounding set of capabilities stays")?;
    }
    if let Some(account) = account {
        let user = resolve(account)?;
        ensure!(!user.uid.is_root(), "the mailer does not work as root");
        if was_root {
            match User::from_uid(user.uid) {
                Ok(Some(named)) => {
                    let name = std::ffi::CString::new(named.name)?;
                    initgroups(&name, user.gid).context("the groups of the account cannot be taken")?;
                }
                _ => setgroups(&[user.gid]).context("the groups cannot be left")?,
            }
            setresgid(user.gid, user.gid, user.gid).context("the group cannot be taken")?;
            setresuid(user.uid, user.uid, user.uid).context("the account cannot be taken")?;
        }
        ensure!(geteuid() == user.uid, "only root can become another account");
    }
    for set in [CapSet::Ambient, CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).with_context(|| format!("capabilities stay ({set:?})"))?;
    }
    if account.is_some() && setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        bail!("root can be had back");
    }
    Ok(format!("uid {}, no capabilities", geteuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h6_an_account_that_is_set_must_be_there() {
        let error = account(Some("no-such-account-here")).unwrap_err().to_string();
        assert!(error.contains("mailer.account") && error.contains("no-such-account-here"), "{error}");
        assert!(account(Some("uid:x")).is_err());
        let own = account(Some(&format!("uid:{}", geteuid()))).unwrap();
        assert_eq!((own.switch, own.note), (None, Some("MAILER_SAME_ACCOUNT")));
        assert_eq!(own.id, format!("uid:{}", geteuid()));
    }

    #[test]
    fn h6_without_root_no_other_account_can_be_had_and_that_is_told() {
        let other = account(Some("uid:54321")).unwrap();
        if geteuid().is_root() {
            assert_eq!((other.id.as_str(), other.note), ("uid:54321", None));
        } else {
            assert_eq!((other.switch, other.note), (None, Some("MAILER_NOT_ROOT")));
        }
    }
}
