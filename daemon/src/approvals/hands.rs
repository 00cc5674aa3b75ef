//! The hands of this build: none yet can change a certificate.

use super::desk::{Hands, Working};
use crate::certs::{Action, CertificateError, Done, Plan};
use crate::store::Author;

/// Does nothing, and says so.
pub struct NoHands;

fn not_yet<T>() -> Result<T, CertificateError> {
    Err(CertificateError::Store("certificates cannot be changed by this version".to_owned()))
}

impl Hands for NoHands {
    fn check<'a>(&'a self, _action: &'a Action) -> Working<'a, Result<Plan, CertificateError>> {
        Box::pin(async { not_yet() })
    }

    fn carry_out(&self, _action: Action, _author: Author) -> Working<'_, Result<Done, CertificateError>> {
        Box::pin(async { not_yet() })
    }
}
