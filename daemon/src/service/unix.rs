//! Linux: folders with modes, signals, and the limit of open files.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// Where the daemon keeps its state unless told otherwise.
#[must_use]
pub fn default_state_dir() -> PathBuf {
    PathBuf::from("/var/lib/faxpost")
}

/// Makes the state folder, readable by the daemon's account only; refuses one that others could change.
///
/// # Errors
/// It cannot be made, or is somebody else's, or others may write to it.
pub fn prepare_state_dir(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
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
    Ok(())
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn h3_a_fresh_state_folder_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        prepare_state_dir(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_state_folder_that_others_may_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = prepare_state_dir(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod go-w"), "{error}");
    }
}
