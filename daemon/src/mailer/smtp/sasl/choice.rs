//! Which mechanisms to try, and in which order: the strongest that server, credential and connection have, or the one
//! that the account asks for.

use super::cram_md5::CramMd5;
use super::plain::{Login, Plain};
use super::scram::{Channel, Hash, Scram};
use super::token::Token;
use super::{Binding, Exchange};
use crate::mailer::failure::Fault;
use crate::mailer::{Credential, FailureKind, Reply, SignIn};

/// What a mechanism may need besides.
pub(in crate::mailer::smtp) struct Setting<'a> {
    pub(in crate::mailer::smtp) sign_in: &'a SignIn,
    /// The server that was connected to, without brackets.
    pub(in crate::mailer::smtp) server: &'a str,
    pub(in crate::mailer::smtp) port: u16,
}

/// A mechanism that we can do.
struct Mechanism {
    name: &'static str,
    strength: Strength,
    begin: fn(&Setting<'_>, &Channel) -> Box<dyn Exchange>,
}

/// What somebody who listens gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// Little: may be used on an open line.
    Proof,
    /// The same, and who sits in between gets nowhere.
    BoundProof,
    /// Something to try passwords against, fast.
    WeakProof,
    /// The password itself.
    Password,
    /// The access token itself. The only ones that take one, and they take nothing else.
    Token,
}

/// All that we can do. [`choose`] has the order.
const OFFERED: [Mechanism; 8] = [
    Mechanism {
        name: "SCRAM-SHA-256-PLUS",
        strength: Strength::BoundProof,
        begin: |with, channel| Box::new(Scram::new(Hash::sha256(), with.sign_in, channel.clone())),
    },
    Mechanism {
        name: "SCRAM-SHA-256",
        strength: Strength::Proof,
        begin: |with, channel| Box::new(Scram::new(Hash::sha256(), with.sign_in, channel.clone())),
    },
    Mechanism {
        name: "SCRAM-SHA-1",
        strength: Strength::Proof,
        begin: |with, channel| Box::new(Scram::new(Hash::sha1(), with.sign_in, channel.clone())),
    },
    Mechanism {
        name: "CRAM-MD5",
        strength: Strength::WeakProof,
        begin: |with, _| Box::new(CramMd5::new(with.sign_in)),
    },
    Mechanism {
        name: "PLAIN",
        strength: Strength::Password,
        begin: |with, _| Box::new(Plain::new(with.sign_in)),
    },
    Mechanism {
        name: "LOGIN",
        strength: Strength::Password,
        begin: |with, _| Box::new(Login::new(with.sign_in)),
    },
    Mechanism {
        name: "OAUTHBEARER",
        strength: Strength::Token,
        begin: |with, _| Box::new(Token::oauthbearer(with.sign_in, with.server, with.port)),
    },
    Mechanism {
        name: "XOAUTH2",
        strength: Strength::Token,
        begin: |with, _| Box::new(Token::xoauth2(with.sign_in)),
    },
];

/// One mechanism to try.
pub(in crate::mailer::smtp) struct Attempt {
    mechanism: &'static Mechanism,
    channel: Channel,
}

impl Attempt {
    pub(in crate::mailer::smtp) fn name(&self) -> &'static str {
        self.mechanism.name
    }

    pub(in crate::mailer::smtp) fn begin(&self, setting: &Setting<'_>) -> Box<dyn Exchange> {
        (self.mechanism.begin)(setting, &self.channel)
    }

    /// What the server says in the course of it is part of a proof or may repeat a token, and not for the transcript.
    pub(in crate::mailer::smtp) fn hides_challenges(&self) -> bool {
        self.mechanism.strength != Strength::Password
    }

    /// The server refused this mechanism and not who signs in, so that another one may do. A wrong password (535) is
    /// never tried again: that would lead to the weakest mechanism, and the account into its lock.
    pub(in crate::mailer::smtp) fn is_refused_as_such(&self, reply: &Reply) -> bool {
        match reply.code {
            504 => true,
            // RFC 4954: too weak. Of what was told a password or token it speaks otherwise: Google wants an app password.
            534 => !matches!(self.mechanism.strength, Strength::Password | Strength::Token),
            _ => false,
        }
    }
}

/// What stands between the password and those who listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mailer::smtp) enum Line {
    /// TLS.
    Closed,
    /// Nothing, and the account allows it.
    Open,
    /// Nothing, and a password must not cross.
    Forbidden,
}

/// The mechanisms to try, in this order. `bindings`: of the connection, the better first.
pub(in crate::mailer::smtp) fn choose(
    sign_in: &SignIn,
    offered: &[String],
    line: Line,
    bindings: &[Binding],
) -> Result<Vec<Attempt>, Fault> {
    check(sign_in)?;
    let mut known: Vec<&Mechanism> = offered
        .iter()
        .filter_map(|name| OFFERED.iter().find(|m| m.name == name))
        .filter(|mechanism| mechanism.fits(sign_in, bindings))
        .collect();
    // Stable: PLAIN and LOGIN stay as the server has them. Under TLS they come before CRAM-MD5, which protects from nobody
    // there, and for which many servers that offer it keep no passwords.
    known.sort_by_key(|mechanism| match mechanism.strength {
        Strength::Proof | Strength::BoundProof => {
            OFFERED.iter().position(|m| m.name == mechanism.name).unwrap_or(0)
        }
        Strength::WeakProof if line == Line::Closed => OFFERED.len() + 1,
        Strength::WeakProof => OFFERED.len() - 1,
        Strength::Password | Strength::Token => OFFERED.len(),
    });
    if let Some(wanted) = &sign_in.mechanism {
        known.retain(|mechanism| mechanism.name.eq_ignore_ascii_case(wanted));
    }
    if known.is_empty() {
        return Err(no_mechanism(sign_in, offered, bindings));
    }
    let safe = |strength| matches!(strength, Strength::Proof | Strength::BoundProof);
    known.retain(|mechanism| line != Line::Forbidden || safe(mechanism.strength));
    if known.is_empty() {
        let what = sign_in.credential.noun();
        let text = format!("the connection has no TLS, and the {what} could be read or found out on its way");
        return Err(Fault::new(FailureKind::PlaintextRefused, text));
    }
    let attempts = known.into_iter().flat_map(|mechanism| {
        let channels = mechanism.channels(offered, bindings);
        channels.into_iter().map(move |channel| Attempt { mechanism, channel })
    });
    Ok(attempts.collect())
}

impl Mechanism {
    /// Can be done with this credential on this connection.
    fn fits(&self, sign_in: &SignIn, bindings: &[Binding]) -> bool {
        let takes_token = self.strength == Strength::Token;
        let has_token = matches!(sign_in.credential, Credential::AccessToken(_));
        takes_token == has_token && (self.strength != Strength::BoundProof || !bindings.is_empty())
    }

    /// What to tell the server of the channel, one after the other until it agrees.
    fn channels(&self, offered: &[String], bindings: &[Binding]) -> Vec<Channel> {
        match self.strength {
            Strength::BoundProof => bindings.iter().cloned().map(Channel::Bound).collect(),
            // A server that can, and hears that it seems not to, knows that somebody changes what it offers.
            Strength::Proof
                if !bindings.is_empty() && !offered.iter().any(|name| name.ends_with("-PLUS")) =>
            {
                vec![Channel::NotOffered]
            }
            // Also where binding was tried and refused: who must not do without asks for -PLUS and no other.
            _ => vec![Channel::Unused],
        }
    }
}

/// What no server should be asked.
fn check(sign_in: &SignIn) -> Result<(), Fault> {
    let secret = sign_in.credential.secret().expose();
    let what = sign_in.credential.noun();
    if secret.is_empty() {
        return Err(Fault::new(
            FailureKind::NoPassword,
            format!("the account has no {what} to sign in with"),
        ));
    }
    // PLAIN separates its parts by NUL: one inside would make another identity of it (RFC 4616). The mechanisms for
    // tokens do so by another control character.
    let is_bad = |c: char| match sign_in.credential {
        Credential::Password(_) => c == '\0',
        Credential::AccessToken(_) => c.is_control(),
    };
    if sign_in.login.contains(is_bad) || secret.contains(is_bad) {
        let text = format!("a login or {what} cannot have such a control character");
        return Err(Fault::new(FailureKind::AuthRejected, text));
    }
    Ok(())
}

/// Names what the server has, and what would do.
fn no_mechanism(sign_in: &SignIn, offered: &[String], bindings: &[Binding]) -> Fault {
    let theirs = if offered.is_empty() {
        "does not offer signing in".to_owned()
    } else {
        format!("offers {}", offered.join(", "))
    };
    let usable = |m: &&Mechanism| m.fits(sign_in, bindings);
    let ours: Vec<_> = OFFERED.iter().filter(usable).map(|mechanism| mechanism.name).collect();
    let (ours, what) = (ours.join(", "), sign_in.credential.noun());
    let text = match &sign_in.mechanism {
        None => format!("the server {theirs}; these can be used with a {what}: {ours}"),
        Some(wanted) if offered.iter().any(|name| name.eq_ignore_ascii_case(wanted)) => {
            format!(
                "the account asks for {wanted}, which cannot be used here; these can, with a {what}: {ours}"
            )
        }
        Some(wanted) => format!("the server {theirs}; the account asks for {wanted} and no other"),
    };
    Fault::new(FailureKind::NoMechanism, text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{password, token};
    use super::*;

    const EXPORTER: Binding = Binding { name: "tls-exporter", data: Vec::new() };
    const END_POINT: Binding = Binding { name: "tls-server-end-point", data: Vec::new() };

    fn chosen(
        sign_in: &SignIn,
        offered: &[&str],
        line: Line,
        bindings: &[Binding],
    ) -> Result<Vec<(&'static str, String)>, Fault> {
        let offered: Vec<_> = offered.iter().map(|&name| name.to_owned()).collect();
        let attempts = choose(sign_in, &offered, line, bindings)?;
        Ok(attempts.iter().map(|attempt| (attempt.name(), attempt.channel.header())).collect())
    }

    fn names(offered: &[&str], line: Line) -> Result<Vec<&'static str>, FailureKind> {
        let found = chosen(&password("x"), offered, line, &[]).map_err(|fault| fault.kind)?;
        Ok(found.into_iter().map(|(name, _)| name).collect())
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
    fn a5_what_is_bound_to_the_channel_comes_first_and_what_follows_tells_of_it() {
        let scram = ["SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"];
        let told = |wanted: Option<&str>, offered: &[&str], bindings: &[Binding]| {
            let sign_in = SignIn { mechanism: wanted.map(str::to_owned), ..password("x") };
            let found = chosen(&sign_in, offered, Line::Closed, bindings).unwrap_or_default();
            found.into_iter().map(|(name, header)| format!("{name} {header}")).collect::<Vec<_>>()
        };
        let both = [EXPORTER, END_POINT];
        let all = [
            "SCRAM-SHA-256-PLUS p=tls-exporter,,",
            "SCRAM-SHA-256-PLUS p=tls-server-end-point,,",
            "SCRAM-SHA-256 n,,",
            "SCRAM-SHA-1 n,,",
        ];
        assert_eq!(told(None, &scram, &both), all);
        assert_eq!(told(Some("scram-sha-256-plus"), &scram, &both), all[..2]);
        // Not offered: the server is told that we could, and so learns of whoever took it away.
        assert_eq!(told(None, &scram[..2], &both), ["SCRAM-SHA-256 y,,", "SCRAM-SHA-1 y,,"]);
        assert_eq!(told(Some("SCRAM-SHA-256"), &scram[..2], &both), ["SCRAM-SHA-256 y,,"]);
        // Offered and not used, because the account says so or we cannot: nothing for the server to worry about.
        assert_eq!(told(Some("SCRAM-SHA-256"), &scram, &both), ["SCRAM-SHA-256 n,,"]);
        assert_eq!(told(None, &["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], &both), ["SCRAM-SHA-1 n,,"]);
        assert_eq!(told(None, &scram, &[]), ["SCRAM-SHA-256 n,,", "SCRAM-SHA-1 n,,"]);
        assert_eq!(told(Some("SCRAM-SHA-256-PLUS"), &scram, &[]), [""; 0]);
    }

    #[test]
    fn h3_only_a_refused_mechanism_gives_way_to_the_next() {
        let next = |mechanism: &'static Mechanism, code| {
            let reply = Reply { code, enhanced: None, lines: vec![String::new()] };
            Attempt { mechanism, channel: Channel::Unused }.is_refused_as_such(&reply)
        };
        for mechanism in &OFFERED {
            assert!(next(mechanism, 504));
            assert!(![454, 500, 501, 530, 535, 538].iter().any(|&code| next(mechanism, code)));
            let told = ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"].contains(&mechanism.name);
            assert_eq!(next(mechanism, 534), !told, "{}", mechanism.name);
        }
    }

    #[test]
    fn a5_the_servers_order_of_preference_counts() {
        assert_eq!(names(&["XOAUTH2", "LOGIN", "PLAIN"], Line::Closed), Ok(vec!["LOGIN", "PLAIN"]));
        assert_eq!(names(&["PLAIN", "LOGIN"], Line::Closed), Ok(vec!["PLAIN", "LOGIN"]));
    }

    #[test]
    fn b6_tokens_go_with_their_mechanisms_only_and_passwords_never_with_them() {
        let offered = ["LOGIN", "PLAIN", "SCRAM-SHA-256", "XOAUTH2", "CRAM-MD5", "OAUTHBEARER"];
        let tokens = chosen(&token("fax", "t"), &offered, Line::Closed, &[EXPORTER]).unwrap();
        let tokens: Vec<_> = tokens.into_iter().map(|(name, _)| name).collect();
        assert_eq!(tokens, ["XOAUTH2", "OAUTHBEARER"], "as the server has them");
        let passwords = names(&offered, Line::Closed).unwrap();
        assert!(passwords.len() == 4 && !passwords.iter().any(|name| tokens.contains(name)));

        let kind =
            |sign_in: &SignIn, line| chosen(sign_in, &offered, line, &[]).err().map(|fault| fault.kind);
        assert_eq!(kind(&token("fax", "t"), Line::Forbidden), Some(FailureKind::PlaintextRefused));
        assert_eq!(kind(&token("fax", ""), Line::Closed), Some(FailureKind::NoPassword));
        assert_eq!(kind(&token("fax", "a\x01b"), Line::Closed), Some(FailureKind::AuthRejected));
        assert_eq!(kind(&token("f\x01x", "t"), Line::Closed), Some(FailureKind::AuthRejected));
    }

    #[test]
    fn b6_the_mechanism_that_the_account_asks_for_and_no_other() {
        let asking = |wanted: &str, sign_in: SignIn, offered: &[&str], line| {
            let sign_in = SignIn { mechanism: Some(wanted.to_owned()), ..sign_in };
            let found = chosen(&sign_in, offered, line, &[]);
            found.map(|found| found[0].0).map_err(|fault| (fault.kind, fault.text))
        };
        let all = ["SCRAM-SHA-256", "PLAIN", "LOGIN", "XOAUTH2"];
        for wanted in ["login", "PLAIN", "SCRAM-SHA-256"] {
            let found = asking(wanted, password("x"), &all, Line::Closed).unwrap();
            assert!(found.eq_ignore_ascii_case(wanted));
        }
        let missing = |wanted, sign_in, text: &str| {
            let (kind, said) = asking(wanted, sign_in, &all, Line::Closed).unwrap_err();
            assert_eq!((kind, said.contains(text)), (FailureKind::NoMechanism, true), "{said}");
        };
        missing(
            "CRAM-MD5",
            password("x"),
            "offers SCRAM-SHA-256, PLAIN, LOGIN, XOAUTH2; the account asks for CRAM-MD5",
        );
        missing("XOAUTH2", password("x"), "XOAUTH2, which cannot be used here; these can, with a password: ");
        missing("PLAIN", token("fax", "t"), "these can, with a token: OAUTHBEARER, XOAUTH2");
        let open = asking("PLAIN", password("x"), &all, Line::Forbidden).unwrap_err();
        assert_eq!(open.0, FailureKind::PlaintextRefused);
    }

    #[test]
    fn a5_what_cannot_be_used_is_told_apart() {
        assert_eq!(names(&["GSSAPI", "NTLM"], Line::Closed), Err(FailureKind::NoMechanism));
        assert_eq!(names(&[], Line::Closed), Err(FailureKind::NoMechanism));
        assert_eq!(names(&["PLAIN"], Line::Forbidden), Err(FailureKind::PlaintextRefused));
        let kind =
            |secret| chosen(&password(secret), &["PLAIN"], Line::Closed, &[]).err().map(|fault| fault.kind);
        assert_eq!(kind(""), Some(FailureKind::NoPassword));
        assert_eq!(kind("a\0b"), Some(FailureKind::AuthRejected));
    }
}
