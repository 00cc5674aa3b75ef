//! What the chosen method can do, as the daemon's matrix says: it decides what of the form can be used, and why not.

use faxpost_proto::v1::{Account, Method, MethodCapability, Permission, Security, TlsCheck};

/// Why a setting cannot be changed. The sentence is the language's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The policy does not let the caller change accounts.
    ReadOnly,
    /// Only administrators may see or change this field.
    Administrators,
    /// The chosen method cannot do this.
    Method(Method),
    /// This host does not have the method; the daemon's sentence.
    Unavailable(String),
    /// It has a meaning only with authentication.
    NoAuthentication,
    /// The password is not used with OAuth 2.0.
    OAuth,
    /// It has a meaning only with a pinned certificate.
    NotPinned,
    /// It has a meaning only without TLS.
    HasTls,
    /// It has a meaning only with TLS.
    NoTls,
    /// It has a meaning only with the pickup folder.
    NotPickup,
}

/// What is known about what can be done.
pub struct Matrix<'a> {
    /// The rows; empty before they were read.
    pub methods: Vec<MethodCapability>,
    /// As it is shown.
    pub account: &'a Account,
    /// The policy lets the caller change accounts.
    pub may_update: bool,
    /// The caller is an administrator.
    pub administrator: bool,
}

impl Matrix<'_> {
    /// Why this line or switch cannot be changed.
    #[must_use]
    pub fn barrier(&self, field: &str) -> Option<Barrier> {
        if !self.may_update {
            return Some(Barrier::ReadOnly);
        }
        let account = self.account;
        if account.redacted.iter().any(|hidden| hidden == field) {
            return Some(Barrier::Administrators);
        }
        match field {
            "pickup_directory" if account.method() != Method::Pickup => Some(Barrier::NotPickup),
            "pickup_directory" if !self.administrator => Some(Barrier::Administrators),
            "server"
            | "port"
            | "proxy"
            | "ehlo_name"
            | "max_connections"
            | "messages_per_minute"
            | "timeout_seconds"
                if self.row().is_some_and(|row| row.securities.is_empty()) =>
            {
                Some(Barrier::Method(account.method()))
            }
            // What is on and cannot be must stay possible to turn off.
            "oauth" if !account.oauth => self.unless(|row| row.oauth),
            "authentication" if !account.authentication => self.unless(|row| row.authentication),
            "login" | "mechanism" if !account.authentication => Some(Barrier::NoAuthentication),
            "password" if !account.authentication => Some(Barrier::NoAuthentication),
            "password" if account.oauth => Some(Barrier::OAuth),
            "plaintext_auth" if account.security() != Security::None && !account.plaintext_auth => {
                Some(Barrier::HasTls)
            }
            "tls_pin" if account.tls_check() != TlsCheck::Pinned => Some(Barrier::NotPinned),
            "sign" => self.unless(|row| row.signing),
            _ => None,
        }
    }

    /// Why this method cannot be chosen.
    #[must_use]
    pub fn method(&self, method: Method) -> Option<Barrier> {
        if !self.may_update {
            return Some(Barrier::ReadOnly);
        }
        let row = self.methods.iter().find(|row| row.method() == method)?;
        (!row.available).then(|| Barrier::Unavailable(row.unavailable_text.clone()))
    }

    /// Why this mode cannot be chosen.
    #[must_use]
    pub fn security(&self, security: Security) -> Option<Barrier> {
        if !self.may_update {
            return Some(Barrier::ReadOnly);
        }
        self.unless(|row| row.securities.contains(&security.into()))
    }

    /// Why this check cannot be chosen.
    #[must_use]
    pub fn tls_check(&self, check: TlsCheck) -> Option<Barrier> {
        match check {
            _ if !self.may_update => Some(Barrier::ReadOnly),
            TlsCheck::System => None,
            _ if self.account.security() == Security::None => Some(Barrier::NoTls),
            _ => self.unless(|row| row.tls_check),
        }
    }

    fn unless(&self, can: impl Fn(&MethodCapability) -> bool) -> Option<Barrier> {
        self.row().filter(|row| !can(row)).map(|row| Barrier::Method(row.method()))
    }

    fn row(&self) -> Option<&MethodCapability> {
        self.methods.iter().find(|row| row.method() == self.account.method())
    }
}

/// Whether the policy lets the caller call this, or ask for it.
#[must_use]
pub fn may(permissions: &[Permission], method: &str) -> bool {
    permissions.iter().any(|known| known.method == method && (known.allowed || known.approval))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<MethodCapability> {
        let row = |method: Method, securities: &[Security], tls_check, oauth| MethodCapability {
            method: method.into(),
            available: method != Method::CdoMessage,
            unavailable_text: "only on Windows".into(),
            securities: securities.iter().map(|security| (*security).into()).collect(),
            tls_check,
            authentication: !securities.is_empty(),
            oauth,
            signing: true,
            ..MethodCapability::default()
        };
        vec![
            row(
                Method::SecureSmtpClient,
                &[Security::None, Security::Implicit, Security::Starttls],
                true,
                true,
            ),
            row(Method::CdoMessage, &[Security::None, Security::Implicit], false, false),
            row(Method::SystemNetMail, &[Security::None, Security::Starttls], true, false),
            row(Method::Pickup, &[], false, false),
        ]
    }

    fn with<R>(change: impl FnOnce(&mut Account), look: impl FnOnce(&Matrix<'_>) -> R) -> R {
        let mut account = Account {
            method: Method::SecureSmtpClient.into(),
            security: Security::Starttls.into(),
            tls_check: TlsCheck::System.into(),
            ..Account::default()
        };
        change(&mut account);
        let rows = rows();
        look(&Matrix { methods: rows, account: &account, may_update: true, administrator: true })
    }

    #[test]
    fn a7_what_the_method_cannot_do_is_barred() {
        let cdo = |account: &mut Account| account.set_method(Method::CdoMessage);
        with(cdo, |matrix| {
            assert_eq!(matrix.security(Security::Starttls), Some(Barrier::Method(Method::CdoMessage)));
            assert_eq!(matrix.security(Security::Implicit), None);
            assert_eq!(matrix.barrier("oauth"), Some(Barrier::Method(Method::CdoMessage)));
            assert_eq!(matrix.tls_check(TlsCheck::AcceptInvalid), Some(Barrier::Method(Method::CdoMessage)));
            assert_eq!(
                matrix.method(Method::CdoMessage),
                Some(Barrier::Unavailable("only on Windows".into()))
            );
        });
        let pickup = |account: &mut Account| account.set_method(Method::Pickup);
        with(pickup, |matrix| {
            assert_eq!(matrix.barrier("server"), Some(Barrier::Method(Method::Pickup)));
            assert_eq!(matrix.barrier("sender_email"), None);
            assert_eq!(matrix.barrier("pickup_directory"), None);
        });
    }

    #[test]
    fn a7_what_is_on_and_cannot_be_can_be_turned_off() {
        let on = |account: &mut Account| {
            account.set_method(Method::CdoMessage);
            account.oauth = true;
        };
        with(on, |matrix| assert_eq!(matrix.barrier("oauth"), None));
    }

    #[test]
    fn a5_the_password_is_ignored_under_oauth() {
        with(|_| (), |matrix| assert_eq!(matrix.barrier("password"), Some(Barrier::NoAuthentication)));
        let oauth = |account: &mut Account| {
            account.authentication = true;
            account.oauth = true;
        };
        with(oauth, |matrix| assert_eq!(matrix.barrier("password"), Some(Barrier::OAuth)));
    }

    #[test]
    fn h2_who_may_not_change_accounts_can_only_look() {
        let rows = rows();
        let account = Account::default();
        let matrix = Matrix { methods: rows, account: &account, may_update: false, administrator: false };
        assert_eq!(matrix.barrier("sender_email"), Some(Barrier::ReadOnly));
        assert_eq!(matrix.method(Method::Pickup), Some(Barrier::ReadOnly));
    }
}
