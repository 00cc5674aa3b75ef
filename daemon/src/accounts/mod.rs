//! Accounts: the settings of an SMTP identity, their rules, and what each sending method can do.

mod host;
mod matrix;
mod mechanism;
mod model;
pub mod oauth;
mod problem;
mod registry;
mod route;
mod update;

pub use matrix::{Capability, capabilities};
pub use mechanism::Mechanism;
pub use model::{Account, AccountId, Method, Security, Signing, TlsCheck};
pub use oauth::{OauthSettings, SetOauth};
pub use problem::{FieldProblem, Problem};
pub use registry::{ChangeError, Changed, DraftError, Drafted, Registry};
pub use route::{Host, destination, route};
pub use update::{Applied, PasswordChange, Set, TlsCheckKind, apply, binding};
