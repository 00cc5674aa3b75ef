//! How a message leaves the machine: one file or folder a method.

pub(super) mod cdo_message;
mod foreign;
mod header;
pub(super) mod pickup;
mod places;
pub(super) mod secure_smtp_client;
pub(super) mod system_net_mail;

use std::path::Path;

use crate::accounts::Method;

/// The folder in the state folder for programs that methods start, where the system wants them to be files.
pub(super) const PROGRAMS: &str = "programs";

/// What this host lacks for the method, and how it is had; `None`: nothing.
#[must_use]
pub fn missing(method: Method) -> Option<String> {
    match method {
        Method::SystemNetMail => system_net_mail::missing(),
        Method::CdoMessage => cdo_message::missing(),
        Method::SecureSmtpClient | Method::Pickup => None,
    }
}

/// Puts the programs of the methods where `account`, the mailer's, may start them and nobody but an administrator may change
/// them. Without them the rest of the mail goes out all the same.
pub(super) fn install(programs: &Path, account: &str) {
    if let Err(error) = system_net_mail::install(programs, account) {
        tracing::error!(%error, "the helper of system-net-mail cannot be put into {}", programs.display());
    }
}

#[cfg(test)]
mod tests {
    use crate::accounts::{Security, TlsCheck};
    use crate::mailer::{SmtpRoute, Timeouts};

    /// To a server of this name, without TLS and sign-in.
    pub(super) fn route(server: &str) -> SmtpRoute {
        SmtpRoute {
            server: server.to_owned(),
            port: 25,
            security: Security::None,
            tls_check: TlsCheck::System,
            sign_in: None,
            plaintext_auth: false,
            ehlo_name: "fax.test".to_owned(),
            timeouts: Timeouts::default(),
            proxy: None,
        }
    }
}
