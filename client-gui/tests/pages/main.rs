//! Each page of the window, driven by its accessible labels against a real daemon.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod account;
// On Windows all tests share the machine's store, and Wine's knows no keys on P-256; there, certs_windows.rs tests what the
// page calls.
#[cfg(unix)]
mod certificate;
#[cfg(unix)]
mod csr;
mod discovery;
mod kit;
mod log;
#[cfg(target_os = "linux")]
mod memory;
mod narrow;
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
