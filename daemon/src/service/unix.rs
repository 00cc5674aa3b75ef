//! Linux: folders with modes, signals, the limit of open files, and what systemd hands over and wants to be told.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use listenfd::ListenFd;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::Layer;

use super::words::Words;
use super::{Order, Work};
use crate::ipc::HandedOver;

/// Where the daemon keeps its state unless told otherwise.
#[must_use]
pub fn default_state_dir() -> PathBuf {
    PathBuf::from("/var/lib/faxpost")
}

/// What others get of the state folder: the way through to the keys that they were granted, and not its list.
const STATE_MODE: u32 = 0o711;

/// In the state folder, and opened to others with care by whoever makes it.
const OPEN_TO_OTHERS: &str = "certificates";

/// In the state folder, and never closed in silence: a key that others could read is to be known of. The vault refuses it.
const SEALING_KEY: &str = "secret.key";

/// Makes the state folder; refuses one that others could change. Whoever was granted a key can pass through it; everything
/// in it but the certificates is readable by the daemon's account only.
///
/// # Errors
/// It cannot be made, or is somebody else's, or others may write to it.
pub fn prepare_state_dir(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    DirBuilder::new()
        .recursive(true)
        .mode(STATE_MODE)
        .create(path)
        .with_context(|| format!("cannot make the state folder {shown}; run as root, or give --state-dir"))?;
    let metadata = fs::metadata(path).with_context(|| format!("cannot look at the state folder {shown}"))?;
    let own = nix::unistd::geteuid().as_raw();
    if metadata.uid() != own {
        bail!("the state folder {shown} belongs to uid {}, the daemon runs as uid {own}", metadata.uid());
    }
    if metadata.mode() & 0o022 != 0 {
        bail!("others may write to the state folder {shown}; take that away: chmod go-w {shown}");
    }
    let closed = close_entries(path);
    let closed = closed.with_context(|| format!("cannot close what is in the state folder {shown}"))?;
    // Only now: what is in it was protected by the folder until now.
    if closed && metadata.mode() & 0o777 != STATE_MODE {
        fs::set_permissions(path, Permissions::from_mode(STATE_MODE))
            .with_context(|| format!("cannot let others pass through the state folder {shown}"))?;
    }
    Ok(())
}

/// Takes the rights of others from what is in the state folder. `false`: something was left open.
fn close_entries(folder: &Path) -> io::Result<bool> {
    let mut closed = true;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let mode = metadata.mode() & 0o777;
        let kept = metadata.is_symlink() || entry.file_name() == OPEN_TO_OTHERS || mode & 0o077 == 0;
        if !kept && entry.file_name() == SEALING_KEY {
            closed = false;
        } else if !kept && metadata.uid() == nix::unistd::geteuid().as_raw() {
            fs::set_permissions(entry.path(), Permissions::from_mode(mode & 0o700))?;
        }
    }
    Ok(closed)
}

/// Makes a folder of the state, with its parents, that nobody else can look into.
///
/// # Errors
/// It cannot be made.
pub fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file of the state for writing, and makes it if it is not there; nobody else can read it.
///
/// # Errors
/// It cannot be opened or made.
pub fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The account this process runs under: its name, and "uid:107".
#[must_use]
pub fn own_account() -> (String, String) {
    let uid = nix::unistd::geteuid();
    let id = format!("uid:{uid}");
    // An account without an entry in the user database works, too.
    let name = nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| id.clone(), |user| user.name);
    (name, id)
}

/// systemd's way to do what Windows has commands of our own for.
///
/// # Errors
/// It says that way, unless it is only asked for the state folder.
pub fn command(order: &Order, words: &Words) -> anyhow::Result<String> {
    let way = match order {
        Order::Install { .. } => "systemctl enable --now faxpostd.socket faxpostd.service",
        Order::Uninstall { remove_data: true } => "apt purge faxpost",
        Order::Uninstall { remove_data: false } => "systemctl disable --now faxpostd.socket faxpostd.service",
        Order::Start => "systemctl start faxpostd",
        Order::Stop => "systemctl stop faxpostd.socket faxpostd.service",
        Order::CheckFolder { .. } => "apt install faxpost",
        Order::StateDir => return Ok(default_state_dir().display().to_string()),
    };
    bail!((words.systemds)(way))
}

/// Only Windows starts a service so.
///
/// # Errors
/// Always.
pub fn serve(_state_dir: &Path, _work: Work, words: &Words) -> anyhow::Result<()> {
    bail!(words.not_typed)
}

/// The socket that systemd listens on for the daemon (LISTEN_FDS). Takes it from the environment: while there is one
/// thread.
///
/// # Errors
/// It handed over more than one, or something else than a listening Unix socket.
pub fn handed_over() -> anyhow::Result<Option<HandedOver>> {
    let mut sockets = ListenFd::from_env();
    match sockets.len() {
        0 => Ok(None),
        1 => {
            let socket =
                sockets.take_unix_listener(0).context("what the system handed over cannot be used")?;
            let socket = socket.context("the system handed over nothing")?;
            let listens = nix::sys::socket::getsockopt(&socket, nix::sys::socket::sockopt::AcceptConn);
            ensure!(listens.unwrap_or(false), "the socket that the system handed over does not listen");
            Ok(Some(socket))
        }
        more => bail!("the system handed over {more} sockets, and the daemon serves one"),
    }
}

/// Tells systemd that the daemon serves (`Type=notify`); nobody, if it was not systemd that started it.
pub fn tell_ready() {
    tell(NotifyState::Ready);
}

/// Tells systemd that the daemon ends.
pub fn tell_stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told how the daemon is");
    }
}

/// journald, if standard error is connected to it: with levels and fields, and without a second time.
pub(super) fn system_log<S>() -> Option<Box<dyn Layer<S> + Send + Sync>>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let metadata = nix::sys::stat::fstat(io::stderr()).ok()?;
    let stderr = format!("{}:{}", metadata.st_dev, metadata.st_ino);
    if std::env::var("JOURNAL_STREAM").ok()? != stderr {
        return None;
    }
    let journal = tracing_journald::layer().ok()?;
    Some(
        journal
            .with_syslog_identifier("faxpostd".to_owned())
            .with_field_prefix(Some("FAXPOST".to_owned()))
            .boxed(),
    )
}

/// Keeps the memory of this process out of core dumps, and from other processes of its account: the key that seals every
/// secret is in it. systemd-coredump, which a limit of zero does not stop, keeps to the second.
///
/// # Errors
/// The system does not let it.
pub fn forbid_dumps() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("core dumps stay on")?;
    prctl::set_dumpable(false).context("the memory stays readable")
}

/// Lets the daemon have as many open files as the system allows it: each connection is one.
pub fn raise_limits() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard)
    {
        tracing::warn!(%error, soft, "the limit of open files stays as it is");
    }
}

/// Returns when the system asks the daemon to stop: SIGTERM, or Ctrl-C.
///
/// # Errors
/// Signals cannot be received.
pub async fn stop_requested() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h3_others_pass_through_the_state_folder_and_see_nothing_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        prepare_state_dir(&path).unwrap();
        assert_eq!(mode(&path), 0o711);
        for (name, before, after) in [
            ("faxpost.db", 0o644, 0o600),
            ("notes", 0o777, 0o700),
            ("certificates", 0o711, 0o711),
            ("key", 0o400, 0o400),
        ] {
            fs::write(path.join(name), "x").unwrap();
            fs::set_permissions(path.join(name), Permissions::from_mode(before)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
            prepare_state_dir(&path).unwrap();
            assert_eq!((mode(&path.join(name)), mode(&path)), (after, 0o711), "{name}");
        }
        private_folder(&path.join("spool")).unwrap();
        private_file(&path.join("new")).unwrap();
        assert_eq!((mode(&path.join("spool")), mode(&path.join("new"))), (0o700, 0o600));
    }

    #[test]
    fn h3_what_forbids_dumps_holds() {
        forbid_dumps().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
        assert!(!prctl::get_dumpable().unwrap());
    }

    #[test]
    fn a_state_folder_that_others_may_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = prepare_state_dir(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod go-w"), "{error}");
    }
}
