//! Windows' access tokens and security descriptors, for both sides of the pipe: the client asks who serves it, the
//! daemon who calls it. Every handle and every block of memory that Windows lends has an owner here that gives it back.
//!
//! Elsewhere this room is empty.

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::{
    ADMINISTRATORS, Descriptor, Grant, SYSTEM, Token, TokenFacts, account_name, is_service, pipe_client,
    pipe_server, system_error,
};
