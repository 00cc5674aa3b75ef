//! The state when it goes for good. The folder is one that an administrator has named, and may have named badly: only what the
//! daemon makes in it is removed, and nothing that somebody else could have led there.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::prepare_state_dir;
use super::words::Words;
use crate::secrets::FleetKey;
use crate::state::StateLock;
use crate::store::DATABASE;

/// What makes a folder one of Faxpost's.
const MARKS: [&str; 3] = [DATABASE, "secret.key", FleetKey::FILE];

/// All that the daemon makes in its state folder, and its settings. The lock comes last: it is held meanwhile.
const OURS: [&str; 13] = [
    DATABASE,
    "faxpost.db-shm",
    "faxpost.db-wal",
    "secret.key",
    FleetKey::FILE,
    "certificates",
    "faxpostd.toml",
    "log",
    "pickup",
    "programs",
    "requests",
    "spool",
    LOCK,
];
const LOCK: &str = "faxpostd.lock";

/// Begin the names of keys that a crash left unfinished.
const UNFINISHED_KEYS: [&str; 2] = ["secret.key-", "fleet.key-"];

/// A service that has ended may take so long to let go of its files.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a state folder.
#[derive(Debug, PartialEq, Eq)]
pub enum Removal {
    /// There was none.
    Nothing,
    /// It is gone.
    Whole,
    /// What was Faxpost's in it is gone; these names are somebody else's.
    Others(Vec<String>),
}

/// Removes the state.
///
/// # Errors
/// The folder is not Faxpost's, others may change what is in it, a daemon uses it, or the system refuses.
pub fn remove_data(folder: &Path, words: &Words) -> anyhow::Result<Removal> {
    if let Err(error) = fs::symlink_metadata(folder)
        && error.kind() == ErrorKind::NotFound
    {
        return Ok(Removal::Nothing);
    }
    ensure!(MARKS.iter().any(|name| folder.join(name).is_file()), "{}", words.not_ours);
    // Whoever could change it could have put a link to somebody else's files there.
    prepare_state_dir(folder)?;
    let lock = lock(folder)?;
    let (last, first) = (OURS.len() - 1, &OURS[..OURS.len() - 1]);
    for name in first {
        remove(&folder.join(name)).with_context(|| folder.join(name).display().to_string())?;
    }
    // Its holder's file goes with it.
    drop(lock);
    remove(&folder.join(OURS[last])).with_context(|| folder.display().to_string())?;
    let mut others = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if UNFINISHED_KEYS.iter().any(|unfinished| name.starts_with(unfinished)) {
            remove(&folder.join(name))?;
        } else {
            others.push(name);
        }
    }
    if others.is_empty() {
        fs::remove_dir(folder).with_context(|| folder.display().to_string())?;
        return Ok(Removal::Whole);
    }
    Ok(Removal::Others(others))
}

fn lock(folder: &Path) -> anyhow::Result<StateLock> {
    let since = Instant::now();
    loop {
        match StateLock::take(folder, "nobody: its state is being removed") {
            Err(_) if since.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(100)),
            taken => return taken,
        }
    }
}

/// A file, a folder with everything in it, or a link but not where it leads.
fn remove(path: &PathBuf) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        // A link to a folder is a folder to Windows.
        Ok(metadata) if metadata.is_symlink() => fs::remove_file(path).or_else(|_| fs::remove_dir(path)),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::EN;
    use super::*;

    fn state() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        prepare_state_dir(&state).unwrap();
        fs::write(state.join(DATABASE), "x").unwrap();
        fs::create_dir_all(state.join("pickup/deep")).unwrap();
        fs::write(state.join("pickup/deep/1.eml"), "x").unwrap();
        fs::write(state.join("secret.key-0123456789abcdef"), "x").unwrap();
        fs::write(state.join("fleet.key-0123456789abcdef"), "x").unwrap();
        (folder, state)
    }

    #[test]
    fn i1_the_state_goes_with_everything_that_is_faxposts() {
        let (_folder, state) = state();
        assert_eq!(remove_data(&state, &EN).unwrap(), Removal::Whole);
        assert!(!state.exists());
        assert_eq!(remove_data(&state, &EN).unwrap(), Removal::Nothing);
    }

    #[test]
    fn i1_what_is_somebody_elses_in_the_state_folder_is_kept_and_named() {
        let (_folder, state) = state();
        fs::write(state.join("thesis.txt"), "years of work").unwrap();
        assert_eq!(remove_data(&state, &EN).unwrap(), Removal::Others(vec!["thesis.txt".to_owned()]));
        assert!(!state.join(DATABASE).exists() && !state.join("pickup").exists());
    }

    #[test]
    fn i1_a_folder_that_is_not_faxposts_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        let why = remove_data(folder.path(), &EN).unwrap_err().to_string();
        assert!(why.contains("neither a database"), "{why}");
        assert!(folder.path().join("log").exists());
    }

    #[cfg(unix)]
    #[test]
    fn i1_links_in_the_state_are_removed_and_not_followed() {
        let (folder, state) = state();
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(&elsewhere, state.join("spool")).unwrap();
        std::os::unix::fs::symlink(elsewhere.join("kept"), state.join("faxpostd.toml")).unwrap();
        assert_eq!(remove_data(&state, &EN).unwrap(), Removal::Whole);
        assert!(elsewhere.join("kept").exists());
    }
}
