//! The daemon under those who mean no good, and under bad luck: accepted mail survives, and others are served meanwhile.
//!
//! Everything is bounded by counts; waiting ends at a generous limit that says what did not happen.
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

mod bodies;
mod durability;
mod frames;
mod gate;
mod hang_up;
mod hostile;
mod kit;
mod limits;
mod startup;
#[cfg(unix)]
mod stop_unix;
#[cfg(target_os = "linux")]
mod traces_linux;
mod trouble;
