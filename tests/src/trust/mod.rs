//! Roots that the machine trusts for the length of a test. On Linux a file is named to the daemon instead, and this room is
//! empty.

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::TrustedRoot;
