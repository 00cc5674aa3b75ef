//! What the operating system is to the daemon: where its state lives, who may read it, who starts it, how it is told to
//! stop, and where its log goes.

mod data;
pub mod logging;
pub mod words;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix::system_log;
#[cfg(unix)]
pub use unix::{
    command, default_state_dir, forbid_dumps, handed_over, own_account, prepare_state_dir, private_file,
    private_folder, raise_limits, serve, stop_requested, tell_ready, tell_stopping,
};
#[cfg(windows)]
pub(crate) use windows::event_log;
#[cfg(windows)]
use windows::system_log;
#[cfg(windows)]
pub use windows::{
    command, default_state_dir, forbid_dumps, handed_over, own_account, prepare_state_dir, private_file,
    private_folder, raise_limits, readable_file, readable_folder, serve, stop_requested, tell_ready,
    tell_stopping,
};

use std::path::PathBuf;

pub use data::{Removal, remove_data};
use tokio_util::sync::CancellationToken;

/// What an administrator asks for about the service of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Registers it, or brings its registration up to date.
    Install {
        /// Its state folder; `None`: the usual one.
        state_dir: Option<PathBuf>,
        /// Its endpoint; `None`: the usual one.
        endpoint: Option<String>,
        /// Puts the folder of the programs into the machine's PATH.
        add_to_path: bool,
    },
    /// Stops it and takes its registration away.
    Uninstall {
        /// Removes its state, too.
        remove_data: bool,
    },
    /// Starts it, and waits until it serves.
    Start,
    /// Stops it, and waits until it has ended.
    Stop,
    /// Says which is its state folder.
    StateDir,
    /// Refuses a folder for the programs that others than administrators may change. For the installer, before it puts
    /// anything there.
    CheckFolder {
        /// It need not be there yet.
        folder: PathBuf,
    },
}

/// What a service does: until the token is cancelled; it calls the second when it serves.
pub type Work = Box<dyn FnOnce(CancellationToken, Box<dyn FnOnce() + Send>) -> anyhow::Result<()> + Send>;
