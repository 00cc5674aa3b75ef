//! What the policy says of a caller and a method whose effects go over the desk. It cannot be had without asking the
//! policy, and the desk does nothing without it: a handler that forgets the question has no way to an effect.

use crate::certs::Action;
use crate::policy::{
    APPROVABLE, CREATE_SIGNING_REQUEST, DELETE_CERTIFICATE, DELETE_SIGNING_REQUEST, Decision,
    GRANT_KEY_ACCESS, INSTALL_CERTIFICATE, INSTALL_SIGNING_ANSWER, Policy, REVOKE_KEY_ACCESS, Role,
};
use crate::store::Author;

/// One caller may call one method: at once, or when it was approved.
#[derive(Clone, Debug)]
pub struct Permit {
    pub(super) caller: Author,
    pub(super) role: Role,
    pub(super) method: &'static str,
    pub(super) approval: bool,
}

impl Permit {
    /// Asks the policy. `None`: denied, or nothing that goes over the desk.
    #[must_use]
    pub fn of(policy: &Policy, method: &str, role: Role, caller: Author) -> Option<Self> {
        let method = APPROVABLE.into_iter().find(|known| *known == method)?;
        let approval = match policy.decide(method, role) {
            Decision::Deny => return None,
            Decision::Allow => false,
            Decision::Approval => true,
        };
        Some(Self { caller, role, method, approval })
    }
}

/// The method that does this.
#[must_use]
pub fn method_of(action: &Action) -> &'static str {
    match action {
        Action::Install { .. } => INSTALL_CERTIFICATE,
        Action::Delete { .. } => DELETE_CERTIFICATE,
        Action::Grant { .. } => GRANT_KEY_ACCESS,
        Action::Revoke { .. } => REVOKE_KEY_ACCESS,
        Action::CreateSigningRequest { .. } => CREATE_SIGNING_REQUEST,
        Action::InstallAnswer { .. } => INSTALL_SIGNING_ANSWER,
        Action::DeleteSigningRequest { .. } => DELETE_SIGNING_REQUEST,
    }
}
