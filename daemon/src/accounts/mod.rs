//! Accounts: the settings of an SMTP identity, their rules, and what each sending method can do.

mod model;

pub use model::{Account, AccountId, Method, Security, Signing, TlsCheck};
