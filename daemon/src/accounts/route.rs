//! What an account's settings mean to the mailer.

use std::path::{Path, PathBuf};

use super::model::{Account, Method};
use crate::mailer::{Credential, Failure, FailureKind, Proxy, Route, SignIn, SmtpRoute, Step, Timeouts};

/// This machine, as routes need it.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name: a domain, or "localhost".
    pub name: String,
    /// Folder for the method pickup where an account names none.
    pub pickup: PathBuf,
}

impl Host {
    /// This host with its state in `state_dir`.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self { name: host_name(), pickup: state_dir.join("pickup") }
    }
}

/// This machine's name: a domain, or "localhost".
pub(super) fn host_name() -> String {
    let name = hostname::get().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    // A machine's name may be anything; in EHLO and in addresses only a domain is good.
    let name = idna::domain_to_ascii_strict(&name).ok().filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "localhost".to_owned())
}

/// The way a message of this account takes. `file_stem`: the pickup file's name without extension.
///
/// # Errors
/// The account cannot send as it is: a password is needed and there is none, or the method is not built in.
pub fn route(
    account: &Account,
    credential: Option<Credential>,
    host: &Host,
    file_stem: &str,
) -> Result<Route, Failure> {
    match account.method {
        Method::Pickup => {
            let directory = match account.pickup_directory.as_str() {
                "" => host.pickup.clone(),
                directory => PathBuf::from(directory),
            };
            Ok(Route::Pickup { directory, file_stem: file_stem.to_owned() })
        }
        Method::SecureSmtpClient => {
            let sign_in = match (account.authentication, credential) {
                (false, _) => None,
                (true, Some(credential)) => {
                    let login = account.effective_login().to_owned();
                    let mechanism = account.mechanism.map(|mechanism| mechanism.as_str().to_owned());
                    Some(SignIn { login, credential, mechanism })
                }
                (true, None) => {
                    let (kind, text) = match account.oauth {
                        true => {
                            (FailureKind::NotSignedIn, "nobody has signed in to the account's provider yet")
                        }
                        false => {
                            (FailureKind::NoPassword, "the account signs in, but its password is not set")
                        }
                    };
                    return Err(failure(Step::SignIn, kind, text));
                }
            };
            let ehlo_name = match account.ehlo_name.as_str() {
                "" => host.name.clone(),
                name => idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_owned()),
            };
            Ok(Route::Smtp(SmtpRoute {
                server: account.server_ascii(),
                port: account.effective_port(),
                security: account.security,
                tls_check: account.tls_check,
                sign_in,
                plaintext_auth: account.plaintext_auth,
                ehlo_name,
                timeouts: Timeouts::of(account.timeout_seconds),
                proxy: account.proxy_parts().map(|(host, port)| Proxy { host, port }),
            }))
        }
        Method::CdoMessage | Method::SystemNetMail => {
            let text = format!("the method {} is not available on this host", account.method.as_str());
            Err(failure(Step::Connect, FailureKind::LocalFile, &text))
        }
    }
}

/// "host:port" or the folder, for the log.
#[must_use]
pub fn destination(account: &Account, host: &Host) -> String {
    match account.method {
        Method::Pickup if account.pickup_directory.is_empty() => host.pickup.display().to_string(),
        Method::Pickup => account.pickup_directory.clone(),
        _ => format!("{}:{}", account.server, account.effective_port()),
    }
}

fn failure(step: Step, kind: FailureKind, text: &str) -> Failure {
    Failure { step, kind, text: text.to_owned(), reply: None }
}
