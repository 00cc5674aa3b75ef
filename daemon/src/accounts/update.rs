//! Changing settings: each field is checked by itself, then the whole by the method matrix, and the password stays
//! only with the server it was given for (requirement D3).

use super::model::{Account, AccountId, Method, Security, Signing};
use crate::secrets::Secret;

/// One field to set. `None`, an empty text, 0 or `false` is the field's default, unless said otherwise.
#[derive(Clone, Debug)]
pub enum Set {
    /// `sender_email`
    SenderEmail(String),
    /// `sender_name`; `None`: the default, `Some("")`: blank.
    SenderName(Option<String>),
    /// `method`
    Method(Option<Method>),
    /// `server`
    Server(String),
    /// `port`; 0: the usual one.
    Port(u32),
    /// `security`
    Security(Option<Security>),
    /// `tls_check`
    TlsCheck(Option<TlsCheckKind>),
    /// `tls_pin`, hex.
    TlsPin(String),
    /// `authentication`
    Authentication(bool),
    /// `login`
    Login(String),
    /// `password`; empty: forget it.
    Password(Secret),
    /// `plaintext_auth`
    PlaintextAuth(bool),
    /// `oauth`
    Oauth(bool),
    /// `sign`
    Sign(Option<Signing>),
    /// `certificate`
    Certificate(String),
    /// `pickup_directory`; administrators only.
    PickupDirectory(String),
    /// `ehlo_name`
    EhloName(String),
}

/// The certificate check without its pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsCheckKind {
    /// See [`super::TlsCheck`].
    System,
    /// Needs `tls_pin`, in the same change or from before.
    Pinned,
    /// See [`super::TlsCheck`].
    AcceptInvalid,
}

/// A field that cannot be as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// As in the API: "sender_email", "to[2]".
    pub field: String,
    /// What kind.
    pub problem: Problem,
    /// What is wrong and what would be right, in English.
    pub text: String,
}

/// Kinds of [`FieldProblem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The value breaks a rule.
    Invalid,
    /// The chosen method cannot do it.
    MethodCannot,
    /// Not available on this host.
    NotAvailable,
    /// Administrators only.
    Denied,
}

/// What becomes of the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    /// It stays as it is, there or not.
    Keep,
    /// This one from now on.
    Set(Secret),
    /// It is forgotten. `by_binding`: not asked for, but what it was bound to changed.
    Clear {
        /// See above.
        by_binding: bool,
    },
}

/// The result of a change.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The settings after it.
    pub account: Account,
    /// The password after it.
    pub password: PasswordChange,
}

/// Applies `sets` to `current`, all or nothing. `administrator`: restricted fields may be changed.
///
/// # Errors
/// Every field that is wrong, not only the first.
pub fn apply(
    _current: &Account,
    _has_password: bool,
    _sets: &[Set],
    _administrator: bool,
) -> Result<Applied, Vec<FieldProblem>> {
    Err(Vec::new())
}

/// What a password is bound to, as associated data of its seal: account, server, port, security, TLS check and login.
#[must_use]
pub fn binding(_id: &AccountId, _account: &Account) -> Vec<u8> {
    Vec::new()
}
