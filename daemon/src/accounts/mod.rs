//! Accounts: the settings of an SMTP identity, their rules, and what each sending method can do.

mod between;
pub mod discover;
pub mod history;
mod host;
mod matrix;
mod mechanism;
mod model;
pub mod oauth;
pub mod presets;
mod problem;
mod registry;
mod route;
mod several;
mod update;

pub use between::between;
pub use matrix::{Capability, capabilities};
pub use mechanism::Mechanism;
pub use model::{Account, AccountId, Method, Security, Signing, TlsCheck};
pub use oauth::{OauthSettings, SetOauth};
pub use problem::{FieldProblem, Problem};
pub use registry::{ChangeError, Changed, DraftError, Drafted, Registry};
pub use route::{Host, destination, route};
pub use several::Import;
pub(crate) use update::earlier_binding;
pub use update::{Applied, PasswordChange, Set, TlsCheckKind, apply, binding};
