//! A double of Collaboration Data Objects, which Wine has as an empty shell: it records what it is told, and relays the
//! message to a server. On a real Windows the tests meet the real one.

#[cfg(windows)]
mod smtp;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::{install, recorded, serve};
