//! What crosses the mailer's seam. All of it is serialisable; nothing in it is a handle or a callback, but for
//! [`Body::Remote`], which never crosses.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::accounts::{Security, TlsCheck};
use crate::certs::KeyReference;
use crate::message::smime::{Mode, Signed};
use crate::secrets::Secret;

/// One message to hand over, or one test to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Where to and how.
    pub route: Route,
    /// Who it is from and for, as the transport sees it.
    pub envelope: Envelope,
    /// The finished message, RFC 5322 with CRLF line ends; not yet dot-stuffed.
    pub body: Body,
    /// It is known to have nothing but 7-bit lines that end with CRLF; signing it keeps that.
    pub seven_bit: bool,
    /// How to sign it; `None`: not at all.
    pub signing: Option<Signing>,
    /// The last step to take. [`Step::Message`] sends; anything before it is a test without sending.
    pub until: Step,
    /// What reports of delivery to ask the server for.
    pub delivery_status: DeliveryStatus,
    /// Whose connections it uses, in turn with others. `None`: a connection of its own, from its first byte.
    pub pool: Option<Shared>,
}

/// The connections of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The account's name.
    pub name: String,
    /// So many at once; jobs beyond them wait for their turn.
    pub connections: usize,
    /// Of two jobs, the one with the greater knows better how many.
    pub as_of: u64,
}

/// Where a message goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Route {
    /// An SMTP server, by the engine of our own.
    Smtp(SmtpRoute),
    /// An SMTP server, by System.Net.Mail.
    SystemNetMail(SmtpRoute),
    /// An SMTP server, by Collaboration Data Objects.
    CdoMessage(SmtpRoute),
    /// A folder.
    Pickup {
        /// Absolute.
        directory: PathBuf,
        /// Without extension; unique and harmless as a file name.
        file_stem: String,
    },
}

/// An SMTP server, and how to talk to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SmtpRoute {
    /// Host name (IDN as A-labels) or IP address.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// When TLS begins.
    pub security: Security,
    /// How the certificate is checked.
    pub tls_check: TlsCheck,
    /// How to sign in; `None`: not at all.
    pub sign_in: Option<SignIn>,
    /// A password may cross a connection without TLS.
    pub plaintext_auth: bool,
    /// Name given in EHLO.
    pub ehlo_name: String,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// SOCKS5 proxy (RFC 1928) that the connection goes through.
    pub proxy: Option<Proxy>,
}

/// A SOCKS5 proxy that lets everybody in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// Host name (IDN as A-labels) or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Credentials for this one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// SASL authentication identity.
    pub login: String,
    /// What proves it.
    pub credential: Credential,
    /// The SASL mechanism to use, and no other; `None`: the strongest that fits.
    pub mechanism: Option<String>,
}

/// What proves an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credential {
    /// A password.
    Password(#[serde(with = "crate::secrets::exposed")] Secret),
    /// An OAuth 2.0 access token (RFC 6750), for XOAUTH2 and OAUTHBEARER only.
    AccessToken(#[serde(with = "crate::secrets::exposed")] Secret),
}

impl Credential {
    /// The secret in it.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        let (Self::Password(secret) | Self::AccessToken(secret)) = self;
        secret
    }

    /// What it is, for a sentence.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::AccessToken(_) => "token",
        }
    }
}

/// How long to wait, in seconds (RFC 5321 section 4.5.3.2 has the minima for relays; a submission client may be
/// less patient, and the outbox tries again).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Timeouts {
    /// TCP connect, each address.
    pub connect: u64,
    /// An answer to a command, the greeting, a TLS handshake.
    pub command: u64,
    /// Progress of the content: a write that moves nothing for so long.
    pub data: u64,
    /// The answer to the final dot. Long, because giving up here means that the message may arrive twice.
    pub final_answer: u64,
}

impl Timeouts {
    /// For an account that waits `seconds` for the connection and for each answer; 0: as usual. The content and its answer
    /// have the time of RFC 5321 at least: giving up there means that a message may arrive twice.
    #[must_use]
    pub fn of(seconds: u32) -> Self {
        let usual = Self::default();
        match u64::from(seconds) {
            0 => usual,
            seconds => Self {
                connect: seconds,
                command: seconds,
                data: usual.data.max(seconds),
                final_answer: usual.final_answer.max(seconds),
            },
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: 30, command: 60, data: 180, final_answer: 600 }
    }
}

/// The transport's view of sender and recipients: addr-specs, domains as A-labels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// MAIL FROM.
    pub from: String,
    /// RCPT TO, in order.
    pub to: Vec<String>,
}

/// What reports of delivery to ask a server for, if it has them (RFC 3461).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryStatus {
    /// When to report; `None`: as servers usually do. Empty: never.
    pub notify: Option<Vec<Notify>>,
    /// How much of the message a report brings back; `None`: as the server likes.
    pub give_back: Option<GiveBack>,
    /// ENVID: a name that reports repeat.
    pub envelope_id: String,
}

/// An occasion to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notify {
    /// It was delivered.
    Success,
    /// It cannot be delivered.
    Failure,
    /// It takes longer.
    Delay,
}

/// How much of a message a report brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GiveBack {
    /// All of it.
    Full,
    /// Its header.
    Header,
}

impl DeliveryStatus {
    /// For the store; empty when nothing is asked for.
    #[must_use]
    pub fn stored(&self) -> String {
        if *self == Self::default() { String::new() } else { serde_json::to_string(self).unwrap_or_default() }
    }

    /// From the store. What cannot be read asks for nothing.
    #[must_use]
    pub fn read(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_default()
    }
}

/// The finished message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Body {
    /// Small ones travel with the job.
    Inline(Vec<u8>),
    /// Large ones stay in the spool; the mailer streams them.
    File {
        /// Absolute.
        path: PathBuf,
        /// Bytes.
        size: u64,
    },
    /// In the mailer's process: what was one of the others in the daemon's.
    #[serde(skip)]
    Remote(super::worker::Remote),
    /// Signed by the mailer; never crosses its seam.
    #[serde(skip)]
    Signed(Arc<Signed>),
}

/// Who signs a message, and how. The key stays where it is: whoever signs opens it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// How the signature is put.
    pub mode: Mode,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// From its issuer upwards, DER.
    pub chain: Vec<Vec<u8>>,
    /// Its private key.
    pub key: KeyReference,
}

impl Body {
    /// Who signed it and how, for people; `None`: nobody.
    #[must_use]
    pub fn signature(&self) -> Option<String> {
        match self {
            Self::Signed(signed) => Some(signed.note()),
            Self::Inline(_) | Self::File { .. } | Self::Remote(_) => None,
        }
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
            Self::Remote(remote) => remote.size(),
            Self::Signed(signed) => signed.size(),
        }
    }
}

/// The steps of a session, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// Name to addresses.
    Resolve,
    /// TCP, and the greeting unless TLS comes first.
    Connect,
    /// Implicit TLS and the greeting, or EHLO, STARTTLS and the handshake.
    Tls,
    /// EHLO (after TLS).
    Ehlo,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA and the content; for pickup, the file.
    Message,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Ehlo,
        Self::SignIn,
        Self::Sender,
        Self::Recipient,
        Self::Message,
    ];
}

/// Told while a job runs.
#[expect(clippy::large_enum_variant, reason = "a dozen of them a job; a box would only be in the way")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A step begins.
    Started(Step),
    /// A step ended.
    Finished(StepReport),
}

/// How one step went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// How it ended.
    pub state: StepState,
    /// How long it took.
    pub millis: u64,
    /// What was found, in English: addresses, banner, capabilities, mechanism, size.
    pub details: Vec<String>,
    /// The server's answer that ended the step.
    pub reply: Option<Reply>,
    /// TLS, when this step made it or failed to.
    pub tls: Option<TlsInfo>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepState {
    /// Well.
    Passed,
    /// Not well; nothing follows.
    Failed,
    /// Not needed with these settings.
    Skipped,
}

/// An SMTP reply (RFC 5321 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// RFC 3463 code at the beginning of the text, e.g. "5.7.139".
    pub enhanced: Option<String>,
    /// The lines as they came, without the code; the enhanced code stays in.
    pub lines: Vec<String>,
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join("\n"))
    }
}

/// What TLS came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TlsInfo {
    /// e.g. "TLSv1.3"; empty when the handshake failed.
    pub version: String,
    /// e.g. "TLS13_AES_256_GCM_SHA384".
    pub cipher: String,
    /// As sent by the server, its own first; there, too, when the check failed.
    pub chain: Vec<CertificateInfo>,
    /// Why the system's check would have refused it, where a pin or accept-invalid let it pass.
    pub tolerated: Option<String>,
}

/// A server certificate for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CertificateInfo {
    /// RFC 4514.
    pub subject: String,
    /// RFC 4514.
    pub issuer: String,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// Of the DER certificate.
    pub sha256: [u8; 32],
    /// Of its SubjectPublicKeyInfo.
    pub public_key_sha256: [u8; 32],
    /// subjectAltName: DNS names and IP addresses.
    pub names: Vec<String>,
}

/// Why a step failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// In which step.
    pub step: Step,
    /// What kind.
    pub kind: FailureKind,
    /// What happened, in English, one sentence.
    pub text: String,
    /// The server's answer, if it was one.
    pub reply: Option<Reply>,
}

/// Kinds of failure. The names, in upper snake case, are the stable codes of the log and the Test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The name does not resolve.
    NameNotFound,
    /// The resolver did not answer or failed.
    ResolverFailed,
    /// Nobody listens there.
    ConnectionRefused,
    /// No route, or blocked.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The connection broke.
    ConnectionLost,
    /// The answer is not SMTP.
    NotSmtp,
    /// The server refused the session (greeting or EHLO).
    SessionRefused,
    /// STARTTLS is required and not offered.
    StarttlsMissing,
    /// The TLS handshake failed.
    TlsFailed,
    /// What answered the TLS handshake was not TLS: the port speaks plainly first.
    NotTls,
    /// The certificate's issuer is not trusted.
    CertificateUntrusted,
    /// The certificate is over or not begun.
    CertificateExpired,
    /// The certificate is for another name.
    CertificateName,
    /// The certificate is not the pinned one.
    PinMismatch,
    /// The server offers no mechanism that can be used.
    NoMechanism,
    /// A password is not sent over a connection without TLS.
    PlaintextRefused,
    /// The account has no password.
    NoPassword,
    /// Nobody has signed in with OAuth 2.0.
    NotSignedIn,
    /// The sign-in with OAuth 2.0 was lost: revoked, over, or consent is missing.
    SignInLost,
    /// The provider of access tokens could not be asked.
    TokenUnavailable,
    /// The server refused the credentials.
    AuthRejected,
    /// The server refused the access token that the provider gave.
    TokenRejected,
    /// The server cannot check credentials now.
    AuthTemporary,
    /// The server did not prove that it knows the password.
    ServerUnproven,
    /// The sender was refused.
    SenderRejected,
    /// No recipient was taken.
    RecipientRejected,
    /// The content was refused.
    MessageRejected,
    /// Larger than the server's SIZE.
    TooLarge,
    /// An address needs SMTPUTF8 and the server does not have it.
    NoSmtputf8,
    /// A local file or folder failed.
    LocalFile,
    /// The SOCKS5 proxy cannot be reached, or does not make the connection.
    ProxyFailed,
    /// The mailer's own process failed; the message was not handed over.
    MailerFailed,
    /// Messages are signed, and there is no certificate that can sign for this sender.
    NoSigningCertificate,
    /// The signing certificate's private key is not there.
    SigningKeyMissing,
    /// The account that signs may not use the private key.
    KeyAccessDenied,
    /// The message could not be signed.
    SigningFailed,
    /// The connection broke after the final dot: whether the message went out is not known.
    Uncertain,
}

/// How a job ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Why it did not end well for all recipients; `None` when all were taken (or the test passed).
    pub failure: Option<Failure>,
    /// One for each of the envelope's recipients, in order.
    pub recipients: Vec<RecipientOutcome>,
    /// The dialogue.
    pub transcript: Transcript,
    /// TLS of the session.
    pub tls: Option<TlsInfo>,
    /// The server's answer to the content, or the file that was written.
    pub answer: String,
    /// It went over a connection that an earlier job had left.
    pub reused: bool,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecipientOutcome {
    /// Handed over.
    Delivered {
        /// The server's words.
        answer: String,
    },
    /// Refused for good.
    Failed {
        /// The server's words.
        answer: String,
    },
    /// Not now; try again.
    Deferred {
        /// The server's words, or what went wrong.
        answer: String,
    },
}

/// The dialogue of a session, redacted: secrets are ***, the content is left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// "  12 C: EHLO host" lines: milliseconds since the beginning, direction (C, S or *), text.
    pub text: String,
    /// Lines were dropped, because it grew past the limit.
    pub truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h6_a_job_crosses_to_another_process_and_shows_no_password_on_the_way_to_a_log() {
        let credential = Credential::Password(Secret::new("correct horse".into()));
        let sign_in = SignIn { login: "fax".into(), credential, mechanism: None };
        let job = Job {
            route: Route::Smtp(SmtpRoute {
                server: "mail.example".into(),
                port: 587,
                security: Security::Starttls,
                tls_check: TlsCheck::Pinned([7; 32]),
                sign_in: Some(sign_in),
                plaintext_auth: false,
                ehlo_name: "fax.example".into(),
                timeouts: Timeouts::default(),
                proxy: Some(Proxy { host: "::1".into(), port: 1080 }),
            }),
            envelope: Envelope { from: "a@example".into(), to: vec!["b@example".into()] },
            body: Body::Inline(b"Subject: x\r\n\r\n".to_vec()),
            seven_bit: true,
            signing: Some(Signing {
                mode: Mode::Opaque,
                certificate: vec![1],
                chain: vec![vec![2], vec![3]],
                key: KeyReference::File("/keys/1".into()),
            }),
            until: Step::Message,
            delivery_status: DeliveryStatus::default(),
            pool: None,
        };
        let sent = serde_json::to_string(&job).unwrap();
        let arrived: Job = serde_json::from_str(&sent).unwrap();
        let Route::Smtp(SmtpRoute { sign_in: Some(sign_in), tls_check, .. }) = &arrived.route else {
            panic!("the route is another");
        };
        assert_eq!(sign_in.credential.secret().expose(), "correct horse");
        assert_eq!(*tls_check, TlsCheck::Pinned([7; 32]));
        assert_eq!(serde_json::to_string(&arrived).unwrap(), sent);
        assert!(!format!("{arrived:?}").contains("correct horse"));
    }
}
