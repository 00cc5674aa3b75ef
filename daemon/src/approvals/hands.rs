//! The one place that carries privileged changes out.

use super::desk::{Hands, Working};
use crate::certs::{Action, CertificateError, Certificates, Done, Plan};
use crate::store::Author;

impl Hands for Certificates {
    fn check<'a>(&'a self, action: &'a Action) -> Working<'a, Result<Plan, CertificateError>> {
        Box::pin(Self::check(self, action))
    }

    fn carry_out(&self, action: Action, author: Author) -> Working<'_, Result<Done, CertificateError>> {
        Box::pin(async move { Self::carry_out(self, action, &author).await })
    }
}
