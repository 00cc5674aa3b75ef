//! The hands of the desk: the machine's certificates.

use super::desk::{Hands, Working};
use crate::certs::{Action, CertificateError, Certificates, Done, Plan};
use crate::store::Author;

impl Hands for Certificates {
    fn check<'a>(&'a self, action: &'a Action) -> Working<'a, Result<Plan, CertificateError>> {
        Box::pin(self.check(action))
    }

    fn carry_out(&self, action: Action, author: Author) -> Working<'_, Result<Done, CertificateError>> {
        Box::pin(async move { self.carry_out(action, &author).await })
    }
}
