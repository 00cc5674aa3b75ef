//! Signing in (RFC 4954): which mechanism, and what it says.
//!
//! A mechanism is an [`Exchange`]; XOAUTH2 will be a further one, with its line in [`OFFERED`].

mod cram_md5;
mod scram;

use zeroize::Zeroizing;

use self::cram_md5::CramMd5;
use self::scram::{Hash, Scram};
use crate::mailer::failure::Fault;
use crate::mailer::{FailureKind, Reply, SignIn};

/// Bytes of an answer before base64.
pub(super) type Answer = Zeroizing<Vec<u8>>;

/// What follows a challenge.
pub(super) enum Turn {
    Answer(Answer),
    /// The challenge does not belong here.
    Cancel,
    /// The server is not one that knows the password, and hears nothing more; why, in a sentence.
    Distrust(String),
}

/// One mechanism's side of the conversation (RFC 4422).
pub(super) trait Exchange: Send {
    /// What goes with the AUTH command itself, if the mechanism begins.
    fn initial(&mut self) -> Option<Answer> {
        None
    }

    /// May compute for a while.
    fn answer(&mut self, challenge: &[u8]) -> Turn;

    /// The server has proved all that it must before we believe that it let us in.
    fn knows_the_server(&self) -> bool {
        true
    }

    /// The part of our last answer that nobody shall be told.
    fn proof(&self) -> Option<&str> {
        None
    }

    /// What people should know of the exchange; once.
    fn remark(&mut self) -> Option<String> {
        None
    }
}

/// A mechanism that we can do.
pub(super) struct Mechanism {
    pub(super) name: &'static str,
    strength: Strength,
    pub(super) begin: fn(&SignIn) -> Box<dyn Exchange>,
}

/// What somebody who listens gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// Little: may be used on an open line.
    Proof,
    /// Something to try passwords against, fast.
    WeakProof,
    /// The password itself.
    Password,
}

/// All that we can do. [`choose`] has the order.
const OFFERED: [Mechanism; 5] = [
    Mechanism {
        name: "SCRAM-SHA-256",
        strength: Strength::Proof,
        begin: |sign_in| Box::new(Scram::new(Hash::sha256(), sign_in)),
    },
    Mechanism {
        name: "SCRAM-SHA-1",
        strength: Strength::Proof,
        begin: |sign_in| Box::new(Scram::new(Hash::sha1(), sign_in)),
    },
    Mechanism {
        name: "CRAM-MD5",
        strength: Strength::WeakProof,
        begin: |sign_in| Box::new(CramMd5::new(sign_in)),
    },
    Mechanism { name: "PLAIN", strength: Strength::Password, begin: |sign_in| Box::new(Plain::new(sign_in)) },
    Mechanism { name: "LOGIN", strength: Strength::Password, begin: |sign_in| Box::new(Login::new(sign_in)) },
];

impl Mechanism {
    /// What the server says in the course of it is part of a proof, and not for the transcript.
    pub(super) fn hides_challenges(&self) -> bool {
        self.strength != Strength::Password
    }

    /// The server refused this mechanism and not who signs in, so that another one may do. A wrong password (535) is
    /// never tried again: that would lead to the weakest mechanism, and the account into its lock.
    pub(super) fn is_refused_as_such(&self, reply: &Reply) -> bool {
        match reply.code {
            504 => true,
            // RFC 4954: too weak. Of a password that was told it speaks otherwise: Google wants an app password.
            534 => self.strength != Strength::Password,
            _ => false,
        }
    }
}

/// What stands between the password and those who listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// TLS.
    Closed,
    /// Nothing, and the account allows it.
    Open,
    /// Nothing, and a password must not cross.
    Forbidden,
}

/// The mechanisms to try, in this order.
pub(super) fn choose(
    sign_in: &SignIn,
    offered: &[String],
    line: Line,
) -> Result<Vec<&'static Mechanism>, Fault> {
    if sign_in.credential.secret().expose().is_empty() {
        return Err(Fault::new(FailureKind::NoPassword, "the account has no password to sign in with"));
    }
    // PLAIN separates its parts by NUL: one inside would make another identity of it (RFC 4616).
    if sign_in.login.contains('\0') || sign_in.credential.secret().expose().contains('\0') {
        return Err(Fault::new(FailureKind::AuthRejected, "a login or password cannot have a NUL character"));
    }
    let mut known: Vec<_> =
        offered.iter().filter_map(|name| OFFERED.iter().find(|m| m.name == name)).collect();
    // Stable: PLAIN and LOGIN stay as the server has them. Under TLS they come before CRAM-MD5, which protects from nobody
    // there, and for which many servers that offer it keep no passwords.
    known.sort_by_key(|mechanism| match mechanism.strength {
        Strength::Proof => OFFERED.iter().position(|m| m.name == mechanism.name).unwrap_or(0),
        Strength::WeakProof if line == Line::Closed => OFFERED.len() + 1,
        Strength::WeakProof => OFFERED.len() - 1,
        Strength::Password => OFFERED.len(),
    });
    if known.is_empty() {
        let theirs = if offered.is_empty() {
            "does not offer signing in".to_owned()
        } else {
            format!("offers {}", offered.join(", "))
        };
        let ours = OFFERED.map(|mechanism| mechanism.name).join(", ");
        let text = format!("the server {theirs}; these can be used: {ours}");
        return Err(Fault::new(FailureKind::NoMechanism, text));
    }
    known.retain(|mechanism| line != Line::Forbidden || mechanism.strength == Strength::Proof);
    if known.is_empty() {
        let text = "the connection has no TLS, and the password could be read or found out on its way";
        return Err(Fault::new(FailureKind::PlaintextRefused, text));
    }
    Ok(known)
}

/// RFC 4616.
struct Plain(Option<Answer>);

impl Plain {
    fn new(sign_in: &SignIn) -> Self {
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
struct Login(std::vec::IntoIter<Answer>);

impl Login {
    fn new(sign_in: &SignIn) -> Self {
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
    use super::*;
    use crate::mailer::Credential;
    use crate::secrets::Secret;

    fn sign_in(password: &str) -> SignIn {
        SignIn {
            login: "факс".to_owned(),
            credential: Credential::Password(Secret::new(password.to_owned())),
            mechanism: None,
        }
    }

    fn names(offered: &[&str], line: Line) -> Result<Vec<&'static str>, FailureKind> {
        let offered: Vec<_> = offered.iter().map(|&name| name.to_owned()).collect();
        choose(&sign_in("x"), &offered, line)
            .map(|found| found.iter().map(|m| m.name).collect())
            .map_err(|fault| fault.kind)
    }

    fn said(turn: Turn) -> Option<String> {
        match turn {
            Turn::Answer(answer) => Some(String::from_utf8(answer.to_vec()).unwrap()),
            Turn::Cancel | Turn::Distrust(_) => None,
        }
    }

    #[test]
    fn a5_the_strongest_comes_first_whatever_the_server_prefers() {
        let offered = ["LOGIN", "CRAM-MD5", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];
        let order = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "LOGIN", "PLAIN"];
        assert_eq!(names(&offered, Line::Open), Ok(order.to_vec()));
        let order_under_tls = ["SCRAM-SHA-256", "SCRAM-SHA-1", "LOGIN", "PLAIN", "CRAM-MD5"];
        assert_eq!(names(&offered, Line::Closed), Ok(order_under_tls.to_vec()));
        // CRAM-MD5 is no protection where others listen.
        assert_eq!(names(&offered, Line::Forbidden), Ok(order[..2].to_vec()));
        assert_eq!(names(&["CRAM-MD5", "PLAIN"], Line::Forbidden), Err(FailureKind::PlaintextRefused));
    }

    #[test]
    fn h3_only_a_refused_mechanism_gives_way_to_the_next() {
        let next = |name: &str, code| {
            let reply = Reply { code, enhanced: None, lines: vec![String::new()] };
            OFFERED.iter().find(|m| m.name == name).unwrap().is_refused_as_such(&reply)
        };
        for mechanism in &OFFERED {
            assert!(next(mechanism.name, 504));
            assert!(![454, 500, 501, 530, 535, 538].iter().any(|&code| next(mechanism.name, code)));
        }
        assert!(next("CRAM-MD5", 534) && !next("PLAIN", 534));
    }

    #[test]
    fn a5_the_servers_order_of_preference_counts() {
        assert_eq!(names(&["XOAUTH2", "LOGIN", "PLAIN"], Line::Closed), Ok(vec!["LOGIN", "PLAIN"]));
        assert_eq!(names(&["PLAIN", "LOGIN"], Line::Closed), Ok(vec!["PLAIN", "LOGIN"]));
    }

    #[test]
    fn a5_what_cannot_be_used_is_told_apart() {
        assert_eq!(names(&["GSSAPI", "NTLM"], Line::Closed), Err(FailureKind::NoMechanism));
        assert_eq!(names(&[], Line::Closed), Err(FailureKind::NoMechanism));
        assert_eq!(names(&["PLAIN"], Line::Forbidden), Err(FailureKind::PlaintextRefused));
        let offered = ["PLAIN".to_owned()];
        let kind =
            |password| choose(&sign_in(password), &offered, Line::Closed).err().map(|fault| fault.kind);
        assert_eq!(kind(""), Some(FailureKind::NoPassword));
        assert_eq!(kind("a\0b"), Some(FailureKind::AuthRejected));
    }

    #[test]
    fn a5_passwords_are_utf8_and_answers_are_not_endless() {
        let mut plain = Plain::new(&sign_in("пароль"));
        assert_eq!(plain.initial().unwrap().as_slice(), "\0факс\0пароль".as_bytes());
        assert!(said(plain.answer(b"")).is_some() && said(plain.answer(b"")).is_none());

        let mut login = Login::new(&sign_in("пароль"));
        assert!(login.initial().is_none());
        assert_eq!(said(login.answer(b"User Name\0")).as_deref(), Some("факс"));
        assert_eq!(said(login.answer(b"Passwort?")).as_deref(), Some("пароль"));
        assert!(said(login.answer(b"again?")).is_none());
    }
}
