//! Each page of the window, driven by its accessible labels against a real daemon.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod account;
mod certificate;
mod kit;
mod log;
#[cfg(target_os = "linux")]
mod memory;
mod outbox;
mod reach;
mod requests;
mod secrets;
mod sign_in;
mod status;
mod test;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);
