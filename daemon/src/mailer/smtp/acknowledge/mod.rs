//! Acknowledgements of TCP, which a system holds back for some 40 ms in the hope of something to send along.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as platform;

pub(super) use platform::{can_be_prompt, now};
