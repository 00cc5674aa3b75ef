//! SASL mechanisms by name, as an account may ask for one of them.

use serde::{Deserialize, Serialize};

/// How to sign in (RFC 4422).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login.
    Login,
    /// RFC 2195.
    CramMd5,
    /// RFC 5802.
    ScramSha1,
    /// RFC 7677.
    ScramSha256,
    /// RFC 7677, bound to the TLS connection.
    ScramSha256Plus,
    /// Google's and Microsoft's, for access tokens.
    Xoauth2,
    /// RFC 7628, for access tokens.
    OauthBearer,
}

impl Mechanism {
    /// All that can be asked for.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Login,
        Self::CramMd5,
        Self::ScramSha1,
        Self::ScramSha256,
        Self::ScramSha256Plus,
        Self::Xoauth2,
        Self::OauthBearer,
    ];

    /// Its registered name, upper case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }

    /// The mechanism of this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(name))
    }

    /// It tells an access token, and never a password; the others are the other way round.
    #[must_use]
    pub fn takes_token(self) -> bool {
        matches!(self, Self::Xoauth2 | Self::OauthBearer)
    }
}

impl TryFrom<String> for Mechanism {
    type Error = String;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name).ok_or_else(|| format!("{name} is not a mechanism"))
    }
}

impl From<Mechanism> for &'static str {
    fn from(mechanism: Mechanism) -> Self {
        mechanism.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b6_names_are_read_in_any_case_and_kept_in_upper_case() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::parse(&mechanism.as_str().to_lowercase()), Some(mechanism));
            let kept = serde_json::to_string(&mechanism).unwrap();
            assert_eq!(kept, format!("{:?}", mechanism.as_str()));
            assert_eq!(serde_json::from_str::<Mechanism>(&kept).unwrap(), mechanism);
        }
        for none in ["", "NTLM", "PLAIN ", "SCRAM-SHA-256-", "ХOAUTH2"] {
            assert_eq!(Mechanism::parse(none), None, "{none}");
        }
        assert!(serde_json::from_str::<Mechanism>("\"NTLM\"").is_err());
    }
}
