//! What the operating system is to the daemon: where its state lives, who may read it, and how it is told to stop.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    default_state_dir, own_account, prepare_state_dir, private_file, private_folder, raise_limits,
    stop_requested,
};
#[cfg(windows)]
pub use windows::{
    default_state_dir, own_account, prepare_state_dir, private_file, private_folder, raise_limits,
    readable_folder, stop_requested,
};
