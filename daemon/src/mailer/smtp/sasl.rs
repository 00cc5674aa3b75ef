//! Signing in (RFC 4954): which mechanism, and what it says.
//!
//! A mechanism is an [`Exchange`]; SCRAM and XOAUTH2 will be further ones, with their line in [`OFFERED`].

use zeroize::Zeroizing;

use crate::mailer::failure::Fault;
use crate::mailer::{FailureKind, SignIn};

/// Bytes of an answer before base64.
pub(super) type Answer = Zeroizing<Vec<u8>>;

/// One mechanism's side of the conversation (RFC 4422).
pub(super) trait Exchange: Send {
    /// What goes with the AUTH command itself, if the mechanism begins.
    fn initial(&mut self) -> Option<Answer> {
        None
    }

    /// The answer to a challenge; `None`: that challenge does not belong here, cancel.
    fn answer(&mut self, challenge: &[u8]) -> Option<Answer>;
}

/// A mechanism that we can do.
pub(super) struct Mechanism {
    pub(super) name: &'static str,
    /// The password itself crosses the connection.
    reveals_password: bool,
    pub(super) begin: fn(&SignIn) -> Box<dyn Exchange>,
}

/// All that we can do. Which comes first is the server's choice.
const OFFERED: [Mechanism; 2] = [
    Mechanism { name: "PLAIN", reveals_password: true, begin: |sign_in| Box::new(Plain::new(sign_in)) },
    Mechanism { name: "LOGIN", reveals_password: true, begin: |sign_in| Box::new(Login::new(sign_in)) },
];

/// The mechanisms to try, in the server's order of preference.
pub(super) fn choose(
    sign_in: &SignIn,
    offered: &[String],
    password_may_cross: bool,
) -> Result<Vec<&'static Mechanism>, Fault> {
    if sign_in.password.expose().is_empty() {
        return Err(Fault::new(FailureKind::NoPassword, "the account has no password to sign in with"));
    }
    // PLAIN separates its parts by NUL: one inside would make another identity of it (RFC 4616).
    if sign_in.login.contains('\0') || sign_in.password.expose().contains('\0') {
        return Err(Fault::new(FailureKind::AuthRejected, "a login or password cannot have a NUL character"));
    }
    let known: Vec<_> = offered.iter().filter_map(|name| OFFERED.iter().find(|m| m.name == name)).collect();
    if known.is_empty() {
        let theirs = if offered.is_empty() {
            "does not offer signing in".to_owned()
        } else {
            format!("offers {}", offered.join(", "))
        };
        let ours: Vec<_> = OFFERED.iter().map(|mechanism| mechanism.name).collect();
        let text = format!("the server {theirs}; {} can be used", ours.join(" and "));
        return Err(Fault::new(FailureKind::NoMechanism, text));
    }
    let allowed: Vec<_> = known.into_iter().filter(|m| password_may_cross || !m.reveals_password).collect();
    if allowed.is_empty() {
        let text = "the connection has no TLS, and the password would be readable on its way";
        return Err(Fault::new(FailureKind::PlaintextRefused, text));
    }
    Ok(allowed)
}

/// RFC 4616.
struct Plain(Option<Answer>);

impl Plain {
    fn new(sign_in: &SignIn) -> Self {
        let parts = [&[0][..], sign_in.login.as_bytes(), &[0], sign_in.password.expose().as_bytes()];
        Self(Some(Zeroizing::new(parts.concat())))
    }
}

impl Exchange for Plain {
    fn initial(&mut self) -> Option<Answer> {
        self.0.clone()
    }

    /// A server that ignored the initial answer asks for it with an empty challenge.
    fn answer(&mut self, _challenge: &[u8]) -> Option<Answer> {
        self.0.take()
    }
}

/// draft-murchison-sasl-login: first the name, then the password. The challenges are not looked at: servers word them
/// as they like, and translate them.
struct Login(std::vec::IntoIter<Answer>);

impl Login {
    fn new(sign_in: &SignIn) -> Self {
        let answers = [sign_in.login.as_str(), sign_in.password.expose()];
        Self(answers.map(|text| Zeroizing::new(text.as_bytes().to_vec())).to_vec().into_iter())
    }
}

impl Exchange for Login {
    fn answer(&mut self, _challenge: &[u8]) -> Option<Answer> {
        self.0.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secret;

    fn sign_in(password: &str) -> SignIn {
        SignIn { login: "факс".to_owned(), password: Secret::new(password.to_owned()) }
    }

    fn names(offered: &[&str], may_cross: bool) -> Result<Vec<&'static str>, FailureKind> {
        let offered: Vec<_> = offered.iter().map(|&name| name.to_owned()).collect();
        choose(&sign_in("x"), &offered, may_cross)
            .map(|found| found.iter().map(|m| m.name).collect())
            .map_err(|fault| fault.kind)
    }

    #[test]
    fn a5_the_servers_order_of_preference_counts() {
        assert_eq!(names(&["XOAUTH2", "LOGIN", "PLAIN"], true), Ok(vec!["LOGIN", "PLAIN"]));
        assert_eq!(names(&["PLAIN", "LOGIN"], true), Ok(vec!["PLAIN", "LOGIN"]));
    }

    #[test]
    fn a5_what_cannot_be_used_is_told_apart() {
        assert_eq!(names(&["GSSAPI", "NTLM"], true), Err(FailureKind::NoMechanism));
        assert_eq!(names(&[], true), Err(FailureKind::NoMechanism));
        assert_eq!(names(&["PLAIN"], false), Err(FailureKind::PlaintextRefused));
        let offered = ["PLAIN".to_owned()];
        let kind = |password| choose(&sign_in(password), &offered, true).err().map(|fault| fault.kind);
        assert_eq!(kind(""), Some(FailureKind::NoPassword));
        assert_eq!(kind("a\0b"), Some(FailureKind::AuthRejected));
    }

    #[test]
    fn a5_passwords_are_utf8_and_answers_are_not_endless() {
        let mut plain = Plain::new(&sign_in("пароль"));
        assert_eq!(plain.initial().unwrap().as_slice(), "\0факс\0пароль".as_bytes());
        assert!(plain.answer(b"").is_some() && plain.answer(b"").is_none());

        let mut login = Login::new(&sign_in("пароль"));
        assert!(login.initial().is_none());
        assert_eq!(login.answer(b"User Name\0").unwrap().as_slice(), "факс".as_bytes());
        assert_eq!(login.answer(b"Passwort?").unwrap().as_slice(), "пароль".as_bytes());
        assert!(login.answer(b"again?").is_none());
    }
}
