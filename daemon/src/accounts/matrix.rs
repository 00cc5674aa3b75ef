//! The method matrix: what each sending method can do, as data. Validation, `GetCapabilities` and the docs read it.

use super::mechanism::Mechanism;
use super::model::{Account, Method, Security, Signing, TlsCheck};
use super::problem::{FieldProblem, Problem};

/// One method's row.
#[derive(Clone, Debug)]
pub struct Capability {
    /// Which.
    pub method: Method,
    /// Why not on this host; `None`: available.
    pub unavailable: Option<&'static str>,
    /// TLS modes it can do. Empty: it makes no connection, and the settings of one are kept and not looked at.
    pub securities: &'static [Security],
    /// Certificate checks other than the system's.
    pub tls_check: bool,
    /// Sign-in with a password.
    pub authentication: bool,
    /// Sign-in with OAuth 2.0.
    pub oauth: bool,
    /// S/MIME.
    pub signing: bool,
    /// A transcript in the log.
    pub transcript: bool,
}

/// All rows. The order is that of preference when another method is proposed.
static ROWS: [Capability; 4] = [
    Capability {
        method: Method::SecureSmtpClient,
        unavailable: None,
        securities: &[Security::None, Security::Implicit, Security::Starttls],
        tls_check: true,
        authentication: true,
        oauth: true,
        signing: true,
        transcript: true,
    },
    Capability {
        method: Method::CdoMessage,
        unavailable: Some("Collaboration Data Objects come with a later version, on Windows"),
        securities: &[Security::None, Security::Implicit],
        tls_check: false,
        authentication: true,
        oauth: false,
        signing: false,
        transcript: false,
    },
    Capability {
        method: Method::SystemNetMail,
        unavailable: Some("System.Net.Mail comes with a later version"),
        securities: &[Security::None, Security::Starttls],
        tls_check: true,
        authentication: true,
        oauth: false,
        signing: false,
        transcript: false,
    },
    Capability {
        method: Method::Pickup,
        unavailable: None,
        securities: &[],
        tls_check: false,
        authentication: false,
        oauth: false,
        signing: true,
        transcript: true,
    },
];

/// All rows.
#[must_use]
pub fn capabilities() -> &'static [Capability] {
    &ROWS
}

/// What of `account` does not go together, with its own method's row.
pub(super) fn check(account: &Account) -> Vec<FieldProblem> {
    ROWS.iter()
        .find(|row| row.method == account.method)
        .map_or_else(Vec::new, |row| check_row(row, &ROWS, account))
}

fn check_row(row: &Capability, rows: &[Capability], account: &Account) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let name = row.method.as_str();
    if let Some(why) = row.unavailable {
        let text = format!("{name} is not available on this host: {why}");
        problems.push(FieldProblem::new("method", Problem::NotAvailable, text));
    }
    let mut needs = |wanted: bool, field: &str, what: &str, can: &dyn Fn(&Capability) -> bool| {
        if wanted && !can(row) {
            problems.push(method_cannot(row.method, rows, field, what, can));
        }
    };
    needs(account.sign != Signing::Off, "sign", "sign messages", &|row| row.signing);
    if row.securities.is_empty() {
        return problems;
    }
    let (security, tls) = (account.security, account.security != Security::None);
    needs(true, "security", security_words(security), &|row| row.securities.contains(&security));
    let other_check = tls && account.tls_check != TlsCheck::System;
    needs(other_check, "tls_check", "check certificates in another way than the system's", &|row| {
        row.tls_check
    });
    needs(account.authentication, "authentication", "sign in", &|row| row.authentication);
    needs(account.oauth, "oauth", "sign in with OAuth 2.0", &|row| row.oauth);
    needs(account.mechanism.is_some(), "mechanism", "choose how to sign in", &|row| {
        row.method == Method::SecureSmtpClient
    });
    needs(!account.proxy.is_empty(), "proxy", "go through a SOCKS5 proxy", &|row| {
        row.method == Method::SecureSmtpClient
    });
    problems.extend(check_connection(name, account));
    problems
}

/// What every method needs that talks to a server.
fn check_connection(name: &str, account: &Account) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut invalid =
        |field: &str, text: String| problems.push(FieldProblem::new(field, Problem::Invalid, text));
    if account.server.is_empty() {
        invalid("server", format!("the method {name} needs a server"));
    }
    if account.sender_email.is_empty() {
        invalid("sender_email", format!("the method {name} needs a sender address that its server accepts"));
    }
    if account.oauth && !account.authentication {
        invalid("oauth", "OAuth 2.0 is a way to sign in: turn on authentication as well".to_owned());
    }
    if account.authentication {
        if account.security == Security::None && !account.plaintext_auth {
            let text = "without TLS everybody on the way can read the password or token: set security to implicit or starttls, \
                        or allow it all the same with plaintext_auth";
            invalid("authentication", text.to_owned());
        }
        if account.effective_login().is_empty() {
            invalid("login", "signing in needs a login, or a sender_email to take it from".to_owned());
        }
        if let Some(text) = account.mechanism.and_then(|mechanism| check_mechanism(mechanism, account)) {
            invalid("mechanism", text);
        }
    }
    problems
}

/// Why this mechanism cannot be the account's.
fn check_mechanism(mechanism: Mechanism, account: &Account) -> Option<String> {
    let name = mechanism.as_str();
    if account.oauth && !mechanism.takes_token() {
        return Some(format!("{name} wants a password, and this account signs in with OAuth 2.0"));
    }
    if !account.oauth && mechanism.takes_token() {
        return Some(format!("{name} tells an access token, and this account signs in with a password"));
    }
    let bound = mechanism == Mechanism::ScramSha256Plus;
    (bound && account.security == Security::None)
        .then(|| format!("{name} is bound to TLS: set security to implicit or starttls"))
}

fn method_cannot(
    method: Method,
    rows: &[Capability],
    field: &str,
    what: &str,
    can: &dyn Fn(&Capability) -> bool,
) -> FieldProblem {
    let other = rows.iter().find(|row| row.unavailable.is_none() && can(row));
    let way_out = other.map_or_else(
        || "no method of this host can".to_owned(),
        |row| format!("the method {} can", row.method.as_str()),
    );
    let text = format!("the method {} cannot {what}; {way_out}", method.as_str());
    FieldProblem::new(field, Problem::MethodCannot, text)
}

fn security_words(security: Security) -> &'static str {
    match security {
        Security::None => "send without TLS",
        Security::Implicit => "do implicit TLS",
        Security::Starttls => "do STARTTLS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(method: Method) -> Account {
        Account {
            method,
            server: "mail.example.com".to_owned(),
            sender_email: "fax@example.com".to_owned(),
            ..Account::default()
        }
    }

    fn row(method: Method) -> Capability {
        let row = capabilities().iter().find(|row| row.method == method).unwrap();
        Capability { unavailable: None, ..row.clone() }
    }

    fn problems(account: &Account) -> Vec<(String, Problem)> {
        let problems = check_row(&row(account.method), capabilities(), account);
        problems.into_iter().map(|p| (p.field, p.problem)).collect()
    }

    #[test]
    fn a7_every_method_has_exactly_one_row() {
        use Method::{CdoMessage, Pickup, SecureSmtpClient, SystemNetMail};
        for method in [SecureSmtpClient, CdoMessage, SystemNetMail, Pickup] {
            assert_eq!(capabilities().iter().filter(|row| row.method == method).count(), 1);
        }
        assert!(
            capabilities()
                .iter()
                .any(|row| row.method == Account::default().method && row.unavailable.is_none())
        );
    }

    #[test]
    fn a7_what_a_method_cannot_do_is_refused_with_the_field_and_a_method_that_can() {
        let starttls = Account { security: Security::Starttls, ..account(Method::CdoMessage) };
        let found = check_row(&row(Method::CdoMessage), capabilities(), &starttls);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].field.as_str(), found[0].problem), ("security", Problem::MethodCannot));
        assert_eq!(
            found[0].text,
            "the method cdo-message cannot do STARTTLS; the method secure-smtp-client can"
        );

        let implicit = Account { security: Security::Implicit, ..account(Method::SystemNetMail) };
        assert_eq!(problems(&implicit), [("security".to_owned(), Problem::MethodCannot)]);

        let careless = Account {
            security: Security::Implicit,
            tls_check: TlsCheck::AcceptInvalid,
            ..account(Method::CdoMessage)
        };
        assert_eq!(problems(&careless), [("tls_check".to_owned(), Problem::MethodCannot)]);

        let signing = Account { sign: Signing::Clear, ..account(Method::CdoMessage) };
        let found = check_row(&row(Method::CdoMessage), capabilities(), &signing);
        let text = "the method cdo-message cannot sign messages; the method secure-smtp-client can";
        assert!(found.iter().any(|problem| problem.text == text), "{found:?}");
        for method in [Method::Pickup, Method::SecureSmtpClient] {
            assert_eq!(problems(&Account { sign: Signing::Opaque, ..account(method) }), []);
        }
    }

    #[test]
    fn a7_a_method_that_this_host_lacks_is_not_available() {
        for method in [Method::CdoMessage, Method::SystemNetMail] {
            let found = check(&account(method));
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].field.as_str(), found[0].problem), ("method", Problem::NotAvailable));
            assert!(found[0].text.contains("not available on this host"), "{}", found[0].text);
        }
    }

    #[test]
    fn a7_pickup_does_not_look_at_the_connection() {
        let odd = Account { authentication: true, security: Security::Starttls, ..Account::default() };
        assert_eq!(check(&odd), []);
    }

    #[test]
    fn a3_the_own_engine_does_all_modes() {
        for security in [Security::None, Security::Implicit, Security::Starttls] {
            let account = Account { security, ..account(Method::SecureSmtpClient) };
            assert_eq!(problems(&account), []);
        }
    }

    #[test]
    fn a2_a_connection_needs_server_and_sender() {
        let empty = Account { method: Method::SecureSmtpClient, ..Account::default() };
        let fields: Vec<_> = problems(&empty).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["server", "sender_email"]);
    }

    #[test]
    fn b1_oauth_needs_authentication_tls_and_a_method_that_has_it() {
        let oauth = Account {
            oauth: true,
            authentication: true,
            security: Security::Starttls,
            ..account(Method::SecureSmtpClient)
        };
        assert_eq!(problems(&oauth), []);
        let field = |account: &Account| problems(account).into_iter().map(|(f, _)| f).collect::<Vec<_>>();
        assert_eq!(field(&Account { authentication: false, ..oauth.clone() }), ["oauth"]);
        assert_eq!(field(&Account { security: Security::None, ..oauth.clone() }), ["authentication"]);
        let net = Account { method: Method::SystemNetMail, ..oauth };
        assert_eq!(problems(&net), [("oauth".to_owned(), Problem::MethodCannot)]);
    }

    #[test]
    fn b6_a_mechanism_fits_what_the_account_proves_itself_with() {
        let asking = |method, security, mechanism| {
            let mechanism = Some(mechanism);
            problems(&Account { authentication: true, security, mechanism, ..account(method) })
        };
        let refused = [("mechanism".to_owned(), Problem::Invalid)];
        for mechanism in Mechanism::ALL {
            let found = asking(Method::SecureSmtpClient, Security::Starttls, mechanism);
            assert_eq!(found == refused, mechanism.takes_token(), "{mechanism:?} {found:?}");
            let by_token = Account {
                authentication: true,
                oauth: true,
                security: Security::Starttls,
                mechanism: Some(mechanism),
                ..account(Method::SecureSmtpClient)
            };
            assert_eq!(problems(&by_token) == refused, !mechanism.takes_token(), "{mechanism:?}");
        }
        let open = Account {
            mechanism: Some(Mechanism::ScramSha256Plus),
            authentication: true,
            plaintext_auth: true,
            ..account(Method::SecureSmtpClient)
        };
        assert_eq!(problems(&open), refused);
        let cdo = asking(Method::CdoMessage, Security::Implicit, Mechanism::Plain);
        assert_eq!(cdo, [("mechanism".to_owned(), Problem::MethodCannot)]);
    }

    #[test]
    fn a5_a_password_needs_tls_or_consent() {
        let plain = Account { authentication: true, ..account(Method::SecureSmtpClient) };
        let found = check(&plain);
        assert_eq!((found[0].field.as_str(), found[0].problem), ("authentication", Problem::Invalid));
        assert!(found[0].text.contains("plaintext_auth"), "the way out is named");
        assert_eq!(check(&Account { plaintext_auth: true, ..plain.clone() }), []);
        assert_eq!(check(&Account { security: Security::Starttls, ..plain }), []);
    }
}
