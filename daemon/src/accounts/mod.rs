//! Accounts: the settings of an SMTP identity, their rules, and what each sending method can do.

mod host;
mod matrix;
mod model;
mod update;

pub use matrix::{Capability, capabilities};
pub use model::{Account, AccountId, Method, Security, Signing, TlsCheck};
pub use update::{Applied, FieldProblem, PasswordChange, Problem, Set, TlsCheckKind, apply, binding};
