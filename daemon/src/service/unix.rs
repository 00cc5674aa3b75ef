//! Linux: folders with modes, signals, and the limit of open files.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

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
    fn a_state_folder_that_others_may_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = prepare_state_dir(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod go-w"), "{error}");
    }
}
