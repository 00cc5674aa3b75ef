//! The settings themselves. Every field is stored as it was chosen; what follows from others is computed.

use serde::{Deserialize, Serialize};

use super::host::{server_to_ascii, split_proxy};
use super::mechanism::Mechanism;
use super::oauth::OauthSettings;

/// Name of an account: 1 to 32 of a-z 0-9 and -, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// The account that always exists.
    pub const DEFAULT: &'static str = "default";

    /// Checks a name.
    ///
    /// # Errors
    /// The rule it breaks, as a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let well_formed = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err("an account's id has 1 to 32 characters of a-z, 0-9 and -, and begins with a letter")
        }
    }

    /// The id of the account that always exists.
    #[must_use]
    pub fn default_account() -> Self {
        Self(Self::DEFAULT.to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a message leaves this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Faxpost's own SMTP engine.
    SecureSmtpClient,
    /// Collaboration Data Objects (Windows COM).
    CdoMessage,
    /// System.Net.Mail of .NET.
    SystemNetMail,
    /// Finished .eml files in a folder.
    Pickup,
}

impl Method {
    /// The word of the command line and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecureSmtpClient => "secure-smtp-client",
            Self::CdoMessage => "cdo-message",
            Self::SystemNetMail => "system-net-mail",
            Self::Pickup => "pickup",
        }
    }
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Never.
    None,
    /// Before the first SMTP byte (RFC 8314).
    Implicit,
    /// By STARTTLS (RFC 3207), required.
    Starttls,
}

impl Security {
    /// The port that servers of this mode usually listen on.
    #[must_use]
    pub fn usual_port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::Implicit => 465,
            Self::Starttls => 587,
        }
    }
}

/// How the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsCheck {
    /// Against the system's trusted roots and the server's name.
    System,
    /// By the SHA-256 of the certificate or of its SubjectPublicKeyInfo, and nothing else.
    Pinned(#[serde(with = "hex")] [u8; 32]),
    /// Not at all.
    AcceptInvalid,
}

/// Whether and how outgoing messages are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// Not signed.
    Off,
    /// multipart/signed.
    Clear,
    /// application/pkcs7-mime.
    Opaque,
}

/// The settings of one account, without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Sender address; empty: "faxpost@" and this host's name.
    pub sender_email: String,
    /// Display name of the sender; empty: the recipient sees the address.
    pub sender_name: String,
    /// How a message leaves.
    pub method: Method,
    /// Host name or IP address of the SMTP server.
    pub server: String,
    /// The port that a person chose, if any.
    pub port: Option<u16>,
    /// When TLS begins.
    pub security: Security,
    /// How the server's certificate is checked.
    pub tls_check: TlsCheck,
    /// Whether to sign in.
    pub authentication: bool,
    /// Authentication identity; empty: the part of the sender's address left of @.
    pub login: String,
    /// A password may cross a connection without TLS.
    pub plaintext_auth: bool,
    /// OAuth 2.0 instead of the password.
    pub oauth: bool,
    /// What OAuth 2.0 needs.
    pub oauth_settings: OauthSettings,
    /// How messages are signed.
    pub sign: Signing,
    /// SHA-256 of the certificate that signs, lower-case hex; empty: the best that fits the sender.
    pub certificate: String,
    /// Absolute folder for the method pickup; empty: "pickup" in the state folder.
    pub pickup_directory: String,
    /// The name given in EHLO; empty: this host's name.
    pub ehlo_name: String,
    /// The SASL mechanism to use, and no other; `None`: the strongest that server and account have.
    pub mechanism: Option<Mechanism>,
    /// MAIL FROM where it differs from the sender's address; empty: it does not.
    pub envelope_sender: String,
    /// Reply-To of messages that bring none; empty: none.
    pub reply_to: String,
    /// Connections to the server at once; 0: 3.
    pub max_connections: u32,
    /// Messages a minute; 0: as many as come.
    pub messages_per_minute: u32,
    /// SOCKS5 proxy, HOST:PORT; empty: none.
    pub proxy: String,
    /// Seconds to wait for the connection and for each answer; 0: the mailer's own patience.
    pub timeout_seconds: u32,
}

/// Connections to an account's server at once, unless set: what the stricter of the large providers allow.
const DEFAULT_CONNECTIONS: u32 = 3;

impl Default for Account {
    fn default() -> Self {
        Self {
            sender_email: String::new(),
            sender_name: "Faxpost".to_owned(),
            method: Method::Pickup,
            server: String::new(),
            port: None,
            security: Security::None,
            tls_check: TlsCheck::System,
            authentication: false,
            login: String::new(),
            plaintext_auth: false,
            oauth: false,
            oauth_settings: OauthSettings::default(),
            sign: Signing::Off,
            certificate: String::new(),
            pickup_directory: String::new(),
            ehlo_name: String::new(),
            mechanism: None,
            envelope_sender: String::new(),
            reply_to: String::new(),
            max_connections: 0,
            messages_per_minute: 0,
            proxy: String::new(),
            timeout_seconds: 0,
        }
    }
}

impl Account {
    /// The port that is used.
    #[must_use]
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.security.usual_port())
    }

    /// The server as the network needs it: a name in lower case A-labels, or an IP address without brackets.
    #[must_use]
    pub fn server_ascii(&self) -> String {
        server_to_ascii(&self.server)
    }

    /// The proxy's host, as the network needs it, and its port; `None`: no proxy.
    #[must_use]
    pub fn proxy_parts(&self) -> Option<(String, u16)> {
        split_proxy(&self.proxy).map(|(host, port)| (server_to_ascii(host), port))
    }

    /// The address mail is from: as set, or made of this host's name.
    #[must_use]
    pub fn effective_sender(&self, host_name: &str) -> String {
        if self.sender_email.is_empty() { format!("faxpost@{host_name}") } else { self.sender_email.clone() }
    }

    /// Connections to the server that may be open at once.
    #[must_use]
    pub fn effective_connections(&self) -> usize {
        let connections = if self.max_connections == 0 { DEFAULT_CONNECTIONS } else { self.max_connections };
        usize::try_from(connections).unwrap_or(usize::MAX)
    }

    /// The identity used to sign in. With OAuth 2.0 providers want the whole address.
    #[must_use]
    pub fn effective_login(&self) -> &str {
        if self.oauth && self.login.is_empty() { &self.sender_email } else { self.password_login() }
    }

    /// The identity that a password belongs to.
    #[must_use]
    pub fn password_login(&self) -> &str {
        if self.login.is_empty() {
            self.sender_email.rsplit_once('@').map_or("", |(local, _)| local)
        } else {
            &self.login
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a1_a2_a7_a_fresh_account_has_the_defaults_of_the_requirements() {
        let fresh = Account::default();
        assert_eq!(fresh.sender_name, "Faxpost");
        assert_eq!(fresh.effective_port(), 25);
        assert_eq!(fresh.method, Method::Pickup);
        assert_eq!(fresh.effective_sender("fax.example.com"), "faxpost@fax.example.com");
        assert_eq!(serde_json::from_str::<Account>("{}").unwrap(), fresh);
    }

    #[test]
    fn a2_the_usual_port_follows_the_mode_and_never_a_chosen_one() {
        for (security, port) in [(Security::None, 25), (Security::Implicit, 465), (Security::Starttls, 587)] {
            assert_eq!(Account { security, ..Account::default() }.effective_port(), port);
            assert_eq!(Account { security, port: Some(2525), ..Account::default() }.effective_port(), 2525);
        }
    }

    #[test]
    fn a5_the_login_is_the_part_left_of_the_at_sign_unless_set() {
        let account = Account { sender_email: "fax@example.com".to_owned(), ..Account::default() };
        assert_eq!(account.effective_login(), "fax");
        assert_eq!(Account { login: "svc".to_owned(), ..account }.effective_login(), "svc");
        assert_eq!(Account::default().effective_login(), "");
    }

    #[test]
    fn a9_ids_are_checked_and_unknown_fields_of_the_database_form_refused() {
        for good in ["default", "a", "sales-2"] {
            assert!(AccountId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "2a", "-a", "a_b", "a b", "\u{430}", &"a".repeat(33)] {
            assert!(AccountId::parse(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Account>(r#"{"sever":"x"}"#).is_err());
    }

    #[test]
    fn the_database_form_is_stable() {
        let account = Account {
            tls_check: TlsCheck::Pinned([0xab; 32]),
            security: Security::Starttls,
            port: Some(587),
            ..Account::default()
        };
        let json = serde_json::to_value(&account).unwrap();
        assert_eq!(json["tls_check"], serde_json::json!({ "pinned": "ab".repeat(32) }));
        assert_eq!(json["security"], "starttls");
        assert_eq!(json["method"], "pickup");
        assert_eq!(json["port"], 587);
    }

    proptest! {
        #[test]
        fn the_database_form_round_trips(
            text in "\\PC{0,30}", port in proptest::option::of(any::<u16>()), pin in any::<[u8; 32]>(), flag in any::<bool>(),
        ) {
            let account = Account {
                sender_name: text.clone(), server: text.clone(), login: text, port, authentication: flag,
                tls_check: if flag { TlsCheck::Pinned(pin) } else { TlsCheck::AcceptInvalid },
                ..Account::default()
            };
            let json = serde_json::to_string(&account).unwrap();
            prop_assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), account);
        }
    }
}
