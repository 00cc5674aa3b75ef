//! Requests that wait for an administrator: what somebody asked for who may not do it alone (requirement C6).
//!
//! The [`Desk`] is the only way to an effect of a privileged action, whoever asks: it carries out at once what the policy
//! allows, and keeps the rest, sealed, until an administrator has looked at exactly that. What is approved is deleted from
//! the store in the same step, so that it is carried out once at most: a daemon that was stopped meanwhile says so when
//! it is back, and does not guess.

mod desk;
mod hands;
mod permit;
mod request;
mod seal;

pub use desk::{AskError, DecideError, Desk, Hands, Submitted, Working};
pub use permit::{Permit, method_of};
pub use request::{Event, Request, State};
pub(crate) use seal::binding;
