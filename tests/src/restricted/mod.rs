//! A client without an administrator's rights, as the Windows tests need one. On Linux the tests become another user
//! instead, and this room is empty.

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::{restricted_may, rival_pipe, spawn_restricted};
