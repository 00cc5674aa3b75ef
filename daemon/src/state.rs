//! One daemon a state folder: a lock that the operating system gives back however the daemon ends.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::service::private_file;

/// Held as long as the daemon runs.
pub(crate) struct StateLock {
    _file: File,
    holder: PathBuf,
}

impl StateLock {
    /// Takes the folder for what is done there, or says who has it.
    pub(crate) fn take(state_dir: &Path, doing: &str) -> anyhow::Result<Self> {
        let path = state_dir.join("faxpostd.lock");
        let cannot = || format!("cannot lock the state folder {}", state_dir.display());
        let file = private_file(&path).with_context(cannot)?;
        // Beside the lock, because Windows lets nobody read a file that is locked.
        let holder = state_dir.join("faxpostd.holder");
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let by = fs::read_to_string(&holder).unwrap_or_else(|_| "another process".to_owned());
                bail!(
                    "the state folder {} is in use by {}; stop that one, or give this one its own --state-dir",
                    state_dir.display(),
                    by.trim()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        let text = format!("faxpostd, process {}, {doing}\n", std::process::id());
        let written = private_file(&holder).and_then(|mut file| {
            file.set_len(0)?;
            file.write_all(text.as_bytes())
        });
        written.with_context(cannot)?;
        Ok(Self { _file: file, holder })
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_on_the_same_state_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = StateLock::take(folder.path(), "the-endpoint").unwrap();
        let error = StateLock::take(folder.path(), "other").err().unwrap().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(error.contains("the-endpoint"), "{error}");
        drop(lock);
        StateLock::take(folder.path(), "other").unwrap();
    }
}
