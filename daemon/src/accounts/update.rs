//! Changing settings: each field is checked by itself, then the whole by the method matrix, and the password stays
//! only with the server it was given for (requirement D3).

use std::path::{Component, Path};

use super::host::{parse_ehlo_name, parse_proxy, parse_server};
use super::matrix;
use super::mechanism::Mechanism;
use super::model::{Account, AccountId, Method, Security, Signing, TlsCheck};
use super::oauth::{SetOauth, client_secret_binding, token_binding};
use super::problem::{FieldProblem, Problem};
use crate::message::address::{MAX_NAME, parse_addr_spec, parse_mailbox};
use crate::secrets::Secret;

/// RFC 4616 leaves it open; the same bound as an address, which most logins are.
const MAX_LOGIN: usize = 254;
/// Longer than any password a server takes (app passwords and SASL secrets included), short enough for one SASL line.
const MAX_PASSWORD: usize = 1024;
/// Shorter than PATH_MAX, so that file names still fit behind it.
const MAX_DIRECTORY: usize = 1024;
/// More than any provider allows; each is a socket and, while it works, a place of the daemon.
const MAX_CONNECTIONS: u32 = 100;
/// A thousand a second: more than that is no limit.
const MAX_RATE: u32 = 60_000;
/// Shorter, and a busy server looks like a dead one; longer, and a dead one holds up the account's mail.
const TIMEOUTS: std::ops::RangeInclusive<u32> = 5..=600;

/// One field to set. `None`, an empty text, 0 or `false` is the field's default, unless said otherwise.
#[derive(Clone, Debug)]
pub enum Set {
    /// `sender_email`
    SenderEmail(String),
    /// `sender_name`; `None`: the default, `Some("")`: blank.
    SenderName(Option<String>),
    /// `method`
    Method(Option<Method>),
    /// `server`
    Server(String),
    /// `port`; 0: the usual one.
    Port(u32),
    /// `security`
    Security(Option<Security>),
    /// `tls_check`
    TlsCheck(Option<TlsCheckKind>),
    /// `tls_pin`, hex.
    TlsPin(String),
    /// `authentication`
    Authentication(bool),
    /// `login`
    Login(String),
    /// `password`; empty: forget it.
    Password(Secret),
    /// `plaintext_auth`
    PlaintextAuth(bool),
    /// `oauth`
    Oauth(bool),
    /// `oauth_…`
    OauthSetting(SetOauth),
    /// `sign`
    Sign(Option<Signing>),
    /// `certificate`
    Certificate(String),
    /// `pickup_directory`; administrators only.
    PickupDirectory(String),
    /// `ehlo_name`
    EhloName(String),
    /// `mechanism`, in any case.
    Mechanism(String),
    /// `envelope_sender`
    EnvelopeSender(String),
    /// `reply_to`
    ReplyTo(String),
    /// `max_connections`
    MaxConnections(u32),
    /// `messages_per_minute`
    MessagesPerMinute(u32),
    /// `proxy`
    Proxy(String),
    /// `timeout_seconds`
    TimeoutSeconds(u32),
}

impl Set {
    /// The field's name in the API.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::SenderEmail(_) => "sender_email",
            Self::SenderName(_) => "sender_name",
            Self::Method(_) => "method",
            Self::Server(_) => "server",
            Self::Port(_) => "port",
            Self::Security(_) => "security",
            Self::TlsCheck(_) => "tls_check",
            Self::TlsPin(_) => "tls_pin",
            Self::Authentication(_) => "authentication",
            Self::Login(_) => "login",
            Self::Password(_) => "password",
            Self::PlaintextAuth(_) => "plaintext_auth",
            Self::Oauth(_) => "oauth",
            Self::OauthSetting(set) => set.field(),
            Self::Sign(_) => "sign",
            Self::Certificate(_) => "certificate",
            Self::PickupDirectory(_) => "pickup_directory",
            Self::EhloName(_) => "ehlo_name",
            Self::Mechanism(_) => "mechanism",
            Self::EnvelopeSender(_) => "envelope_sender",
            Self::ReplyTo(_) => "reply_to",
            Self::MaxConnections(_) => "max_connections",
            Self::MessagesPerMinute(_) => "messages_per_minute",
            Self::Proxy(_) => "proxy",
            Self::TimeoutSeconds(_) => "timeout_seconds",
        }
    }
}

/// The certificate check without its pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsCheckKind {
    /// See [`super::TlsCheck`].
    System,
    /// Needs `tls_pin`, in the same change or from before.
    Pinned,
    /// See [`super::TlsCheck`].
    AcceptInvalid,
}

/// What becomes of the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    /// It stays as it is, there or not.
    Keep,
    /// This one from now on.
    Set(Secret),
    /// It is forgotten. `by_binding`: not asked for, but what it was bound to changed.
    Clear {
        /// See above.
        by_binding: bool,
    },
}

/// The result of a change.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The settings after it.
    pub account: Account,
    /// The password after it.
    pub password: PasswordChange,
    /// The client secret after it. Cleared by its binding whether there was one or not.
    pub client_secret: PasswordChange,
    /// Tokens of the account are still for the same client, endpoints and server.
    pub tokens_stay: bool,
}

/// Applies `sets` to `current`, all or nothing; of two for the same field the later wins. `administrator`: restricted
/// fields may be changed.
///
/// # Errors
/// Every field that is wrong, not only the first.
pub fn apply(
    current: &Account,
    has_password: bool,
    sets: &[Set],
    administrator: bool,
) -> Result<Applied, Vec<FieldProblem>> {
    let mut change = Change { account: current.clone(), ..Change::default() };
    for set in sets {
        change.set(set, administrator);
    }
    change.settle_tls_check();
    let Change { account, password, client_secret, mut problems, .. } = change;

    // A field that could not be read is not at its new value: what the matrix says about the old one would confuse.
    let failed = |field: &str| {
        problems.iter().any(|p| p.field == field || (p.field == "sender_email" && field == "login"))
    };
    let together: Vec<_> = matrix::check(&account).into_iter().filter(|p| !failed(&p.field)).collect();
    problems.extend(together);
    if !problems.is_empty() {
        return Err(problems);
    }
    let id = AccountId::default_account();
    let moved =
        |binding: &dyn Fn(&AccountId, &Account) -> Vec<u8>| binding(&id, current) != binding(&id, &account);
    let password = match password {
        Some(secret) if secret.is_empty() => PasswordChange::Clear { by_binding: false },
        Some(secret) => PasswordChange::Set(secret),
        None if has_password && moved(&binding) => PasswordChange::Clear { by_binding: true },
        None => PasswordChange::Keep,
    };
    let client_secret = match client_secret {
        Some(secret) if secret.is_empty() => PasswordChange::Clear { by_binding: false },
        Some(secret) => PasswordChange::Set(secret),
        None if moved(&client_secret_binding) => PasswordChange::Clear { by_binding: true },
        None => PasswordChange::Keep,
    };
    let tokens_stay = !moved(&token_binding);
    Ok(Applied { account, password, client_secret, tokens_stay })
}

/// What a password is bound to, as associated data of its seal: account, server, port, security, TLS check, login, proxy,
/// the method where another program signs in, and the mechanism where nothing else hides the password.
///
/// Two spellings of one server (case, IDN or A-labels) are the same.
#[must_use]
pub fn binding(id: &AccountId, account: &Account) -> Vec<u8> {
    let mut parts = bound_parts(account, account.password_login());
    // Each has trust and ways to sign in of its own: what is no risk with one of them may be with another.
    match account.method {
        Method::SecureSmtpClient | Method::Pickup => {}
        other => parts.push(format!("method={}", other.as_str()).into_bytes()),
    }
    if let Some(mechanism) = account.mechanism.filter(|_| account.security == Security::None) {
        parts.push(format!("mechanism={}", mechanism.as_str()).into_bytes());
    }
    sealed_with(id, &parts)
}

/// What passwords were bound to before method and mechanism were part of it: those can still be read.
pub(crate) fn earlier_binding(id: &AccountId, account: &Account) -> Vec<u8> {
    sealed_with(id, &bound_parts(account, account.password_login()))
}

fn sealed_with(id: &AccountId, parts: &[Vec<u8>]) -> Vec<u8> {
    // Each part with its length before it, so that no two lists of parts give the same bytes. A change of this format
    // makes stored passwords unreadable: give it a new version then, and read the old one.
    let mut bytes = b"faxpost-password-binding-1".to_vec();
    for part in std::iter::once(id.as_str().as_bytes()).chain(parts.iter().map(Vec::as_slice)) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

pub(super) fn bound_parts(account: &Account, login: &str) -> Vec<Vec<u8>> {
    let security = match account.security {
        Security::None => "none",
        Security::Implicit => "implicit",
        Security::Starttls => "starttls",
    };
    let (check, pin) = match account.tls_check {
        TlsCheck::System => ("system", Vec::new()),
        TlsCheck::Pinned(pin) => ("pinned", pin.to_vec()),
        TlsCheck::AcceptInvalid => ("accept-invalid", Vec::new()),
    };
    let mut parts = vec![
        account.server_ascii().into_bytes(),
        account.effective_port().to_be_bytes().to_vec(),
        security.into(),
        check.into(),
        pin,
        login.into(),
    ];
    // Whoever runs the proxy sees what TLS does not hide. Without one there is no part, as before there were proxies: what
    // was sealed then can still be read.
    if let Some((host, port)) = account.proxy_parts() {
        parts.push(host.into_bytes());
        parts.push(port.to_be_bytes().to_vec());
    }
    parts
}

/// A change under way.
#[derive(Default)]
struct Change {
    account: Account,
    password: Option<Secret>,
    client_secret: Option<Secret>,
    /// `tls_check` and `tls_pin` as asked for: they are looked at together when all is read.
    kind: Option<TlsCheckKind>,
    pin: Option<Option<[u8; 32]>>,
    problems: Vec<FieldProblem>,
}

impl Change {
    fn set(&mut self, set: &Set, administrator: bool) {
        let defaults = Account::default();
        match set {
            Set::SenderEmail(text) => {
                if let Some(text) = self.read("sender_email", parse_sender(text)) {
                    self.account.sender_email = text;
                }
            }
            Set::SenderName(None) => self.account.sender_name = defaults.sender_name,
            Set::SenderName(Some(text)) => {
                if let Some(text) = self.read("sender_name", parse_name(text)) {
                    self.account.sender_name = text;
                }
            }
            Set::Method(method) => self.account.method = method.unwrap_or(defaults.method),
            Set::Server(text) => {
                if let Some(text) = self.read("server", parse_server(text)) {
                    self.account.server = text;
                }
            }
            Set::Port(0) => self.account.port = None,
            Set::Port(port) => {
                let port = u16::try_from(*port).map_err(|_| "a port is a number from 1 to 65535".to_owned());
                self.account.port = self.read("port", port).or(self.account.port);
            }
            Set::Security(security) => self.account.security = security.unwrap_or(defaults.security),
            Set::TlsCheck(kind) => self.kind = Some(kind.unwrap_or(TlsCheckKind::System)),
            Set::TlsPin(text) => self.pin = self.read("tls_pin", parse_pin(text)).or(self.pin),
            Set::Authentication(on) => self.account.authentication = *on,
            Set::Login(text) => {
                if let Some(text) = self.read("login", parse_line(text.trim(), MAX_LOGIN)) {
                    self.account.login = text;
                }
            }
            Set::Password(secret) => {
                if self.read("password", check_password(secret)).is_some() {
                    self.password = Some(secret.clone());
                }
            }
            Set::PlaintextAuth(on) => self.account.plaintext_auth = *on,
            Set::Oauth(on) => self.account.oauth = *on,
            Set::OauthSetting(set) => {
                let applied = set.apply(&mut self.account.oauth_settings);
                if self.read(set.field(), applied).is_some()
                    && let SetOauth::ClientSecret(secret) = set
                {
                    self.client_secret = Some(secret.clone());
                }
            }
            Set::Sign(sign) => self.account.sign = sign.unwrap_or(Signing::Off),
            Set::Certificate(text) => {
                if let Some(text) = self.read("certificate", parse_fingerprint(text)) {
                    self.account.certificate = text;
                }
            }
            Set::PickupDirectory(_) if !administrator => {
                let text = "only administrators may say into which folder the daemon writes";
                self.problems.push(FieldProblem::new("pickup_directory", Problem::Denied, text));
            }
            Set::PickupDirectory(text) => {
                if let Some(text) = self.read("pickup_directory", parse_directory(text)) {
                    self.account.pickup_directory = text;
                }
            }
            Set::EhloName(text) => {
                if let Some(text) = self.read("ehlo_name", parse_ehlo_name(text)) {
                    self.account.ehlo_name = text;
                }
            }
            Set::Mechanism(text) => {
                if let Some(mechanism) = self.read("mechanism", parse_mechanism(text)) {
                    self.account.mechanism = mechanism;
                }
            }
            Set::EnvelopeSender(text) => {
                if let Some(text) = self.read("envelope_sender", parse_sender(text)) {
                    self.account.envelope_sender = text;
                }
            }
            Set::ReplyTo(text) => {
                if let Some(text) = self.read("reply_to", parse_reply_to(text)) {
                    self.account.reply_to = text;
                }
            }
            Set::MaxConnections(number) => {
                let read = self.read("max_connections", at_most(*number, MAX_CONNECTIONS));
                self.account.max_connections = read.unwrap_or(self.account.max_connections);
            }
            Set::MessagesPerMinute(number) => {
                let read = self.read("messages_per_minute", at_most(*number, MAX_RATE));
                self.account.messages_per_minute = read.unwrap_or(self.account.messages_per_minute);
            }
            Set::Proxy(text) => {
                if let Some(text) = self.read("proxy", parse_proxy(text)) {
                    self.account.proxy = text;
                }
            }
            Set::TimeoutSeconds(seconds) => {
                let read = self.read("timeout_seconds", parse_timeout(*seconds));
                self.account.timeout_seconds = read.unwrap_or(self.account.timeout_seconds);
            }
        }
    }

    /// The value, or its problem noted.
    fn read<T>(&mut self, field: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|text| self.problems.push(FieldProblem::new(field, Problem::Invalid, text))).ok()
    }

    /// Makes one of `tls_check` and `tls_pin`: a pin is never silently unused, and `pinned` never without one.
    fn settle_tls_check(&mut self) {
        if self.problems.iter().any(|p| p.field == "tls_pin") {
            return;
        }
        let stored = match self.account.tls_check {
            TlsCheck::Pinned(pin) => Some(pin),
            TlsCheck::System | TlsCheck::AcceptInvalid => None,
        };
        let kind = match (self.kind, stored) {
            (Some(kind), _) => kind,
            (None, Some(_)) => TlsCheckKind::Pinned,
            // Neither asked for nor stored: only a pin given for nothing is left to find.
            (None, None) if self.pin.flatten().is_none() => return,
            (None, None) => TlsCheckKind::System,
        };
        let wrong = match (kind, self.pin.unwrap_or(stored), self.pin.flatten()) {
            (TlsCheckKind::Pinned, Some(pin), _) => {
                self.account.tls_check = TlsCheck::Pinned(pin);
                return;
            }
            (TlsCheckKind::Pinned, None, _) => {
                "pinned needs the SHA-256 of the certificate or of its public key"
            }
            (TlsCheckKind::System | TlsCheckKind::AcceptInvalid, _, Some(_)) => {
                "a pin is used with tls_check pinned only: set tls_check to pinned as well"
            }
            (TlsCheckKind::System, _, None) => {
                self.account.tls_check = TlsCheck::System;
                return;
            }
            (TlsCheckKind::AcceptInvalid, _, None) => {
                self.account.tls_check = TlsCheck::AcceptInvalid;
                return;
            }
        };
        self.problems.push(FieldProblem::new("tls_pin", Problem::Invalid, wrong));
    }
}

fn parse_sender(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    if text.contains('<') && text.ends_with('>') {
        return Err("give the address alone, and the name in sender_name".to_owned());
    }
    match parse_addr_spec(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(what) => Err(format!("the sender's address {what}")),
    }
}

/// One mailbox, with or without a name.
fn parse_reply_to(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    match parse_mailbox(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(what) => Err(format!("the address for answers {what}")),
    }
}

/// As people copy it: in any case, with colons or blanks between.
fn parse_fingerprint(text: &str) -> Result<String, String> {
    // Windows puts an invisible mark before a thumbprint that is copied from its dialog.
    let ignored = |c: &char| *c == ':' || *c == '\u{200e}' || c.is_whitespace();
    let digits: String = text.chars().filter(|c| !ignored(c)).take(65).collect();
    if digits.is_empty() || digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(digits.to_ascii_lowercase());
    }
    Err("must be the SHA-256 fingerprint of a certificate: 64 hexadecimal digits".to_owned())
}

fn parse_timeout(seconds: u32) -> Result<u32, String> {
    if seconds == 0 || TIMEOUTS.contains(&seconds) {
        return Ok(seconds);
    }
    let (least, most) = (TIMEOUTS.start(), TIMEOUTS.end());
    Err(format!("can be {least} to {most} seconds, or 0 for the usual patience"))
}

fn at_most(number: u32, most: u32) -> Result<u32, String> {
    if number <= most { Ok(number) } else { Err(format!("can be 0 to {most}")) }
}

fn parse_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > MAX_NAME {
        return Err(format!("has more than {MAX_NAME} characters"));
    }
    parse_line(text, usize::MAX)
}

pub(super) fn parse_line(text: &str, max_octets: usize) -> Result<String, String> {
    if text.len() > max_octets {
        return Err(format!("has more than {max_octets} octets"));
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    Ok(text.to_owned())
}

/// Hex of any case, with or without the colons that openssl and browsers write.
fn parse_pin(text: &str) -> Result<Option<[u8; 32]>, String> {
    let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
    if digits.is_empty() {
        return Ok(None);
    }
    let mut pin = [0; 32];
    hex::decode_to_slice(digits, &mut pin)
        .map(|()| Some(pin))
        .map_err(|_| "a SHA-256 has 64 hexadecimal digits, with or without colons".to_owned())
}

/// Blanks stay: they may be meant.
fn check_password(secret: &Secret) -> Result<(), String> {
    let text = secret.expose();
    if text.len() > MAX_PASSWORD {
        return Err(format!("has more than {MAX_PASSWORD} octets"));
    }
    if text.contains(['\0', '\r', '\n']) {
        return Err("has a line break or a NUL".to_owned());
    }
    Ok(())
}

fn parse_mechanism(text: &str) -> Result<Option<Mechanism>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let names = Mechanism::ALL.map(Mechanism::as_str).join(", ");
    Mechanism::parse(text).map(Some).ok_or_else(|| format!("is one of {names}, or empty for the strongest"))
}

fn parse_directory(text: &str) -> Result<String, String> {
    let text = parse_line(text.trim(), MAX_DIRECTORY)?;
    let path = Path::new(&text);
    if text.is_empty() || (path.is_absolute() && !path.components().any(|c| c == Component::ParentDir)) {
        Ok(text)
    } else {
        Err("must be an absolute path without ..".to_owned())
    }
}

#[cfg(test)]
mod tests;
