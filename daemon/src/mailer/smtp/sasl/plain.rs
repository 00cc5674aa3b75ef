//! PLAIN and LOGIN: the password itself, so only where nobody else can read.

use zeroize::Zeroizing;

use super::{Answer, Exchange, Turn};
use crate::mailer::SignIn;

/// RFC 4616.
pub(super) struct Plain(Option<Answer>);

impl Plain {
    pub(super) fn new(sign_in: &SignIn) -> Self {
        let parts =
            [&[0][..], sign_in.login.as_bytes(), &[0], sign_in.credential.secret().expose().as_bytes()];
        Self(Some(Zeroizing::new(parts.concat())))
    }
}

impl Exchange for Plain {
    fn initial(&mut self) -> Option<Answer> {
        self.0.clone()
    }

    /// A server that ignored the initial answer asks for it with an empty challenge.
    fn answer(&mut self, _challenge: &[u8]) -> Turn {
        self.0.take().map_or(Turn::Cancel, Turn::Answer)
    }
}

/// draft-murchison-sasl-login: first the name, then the password. The challenges are not looked at: servers word them
/// as they like, and translate them.
pub(super) struct Login(std::vec::IntoIter<Answer>);

impl Login {
    pub(super) fn new(sign_in: &SignIn) -> Self {
        let answers = [sign_in.login.as_str(), sign_in.credential.secret().expose()];
        Self(answers.map(|text| Zeroizing::new(text.as_bytes().to_vec())).to_vec().into_iter())
    }
}

impl Exchange for Login {
    fn answer(&mut self, _challenge: &[u8]) -> Turn {
        self.0.next().map_or(Turn::Cancel, Turn::Answer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{password, said};
    use super::*;

    #[test]
    fn a5_passwords_are_utf8_and_answers_are_not_endless() {
        let mut plain = Plain::new(&password("пароль"));
        assert_eq!(plain.initial().unwrap().as_slice(), "\0факс\0пароль".as_bytes());
        assert!(said(plain.answer(b"")).is_some() && said(plain.answer(b"")).is_none());

        let mut login = Login::new(&password("пароль"));
        assert!(login.initial().is_none());
        assert_eq!(said(login.answer(b"User Name\0")).as_deref(), Some("факс"));
        assert_eq!(said(login.answer(b"Passwort?")).as_deref(), Some("пароль"));
        assert!(said(login.answer(b"again?")).is_none());
    }
}
