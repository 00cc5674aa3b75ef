//! Failures: their stable codes, and whether trying again can help.

use super::{Failure, FailureKind, Outcome, RecipientOutcome, Reply, Step};

/// Enhanced codes (RFC 3463) that refuse the account and not this message: SMTP AUTH switched off (5.7.139, 5.7.30),
/// sign-in missing (5.7.57), no right to the From address (5.7.60, 5.2.252). Somebody repairs the account, and then
/// the mail shall go.
const ACCOUNT_FAULTS: [&str; 5] = ["5.7.139", "5.7.30", "5.7.57", "5.7.60", "5.2.252"];

impl FailureKind {
    /// The stable code of the log and the Test.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NameNotFound => "NAME_NOT_FOUND",
            Self::ResolverFailed => "RESOLVER_FAILED",
            Self::ConnectionRefused => "CONNECTION_REFUSED",
            Self::Unreachable => "UNREACHABLE",
            Self::TimedOut => "TIMED_OUT",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::NotSmtp => "NOT_SMTP",
            Self::SessionRefused => "SESSION_REFUSED",
            Self::StarttlsMissing => "STARTTLS_MISSING",
            Self::TlsFailed => "TLS_FAILED",
            Self::NotTls => "NOT_TLS",
            Self::CertificateUntrusted => "CERTIFICATE_UNTRUSTED",
            Self::CertificateExpired => "CERTIFICATE_EXPIRED",
            Self::CertificateName => "CERTIFICATE_NAME",
            Self::PinMismatch => "PIN_MISMATCH",
            Self::NoMechanism => "NO_MECHANISM",
            Self::PlaintextRefused => "PLAINTEXT_REFUSED",
            Self::NoPassword => "NO_PASSWORD",
            Self::NotSignedIn => "NOT_SIGNED_IN",
            Self::SignInLost => "SIGN_IN_LOST",
            Self::TokenUnavailable => "TOKEN_UNAVAILABLE",
            Self::AuthRejected => "AUTH_REJECTED",
            Self::TokenRejected => "TOKEN_REJECTED",
            Self::AuthTemporary => "AUTH_TEMPORARY",
            Self::ServerUnproven => "SERVER_UNPROVEN",
            Self::SenderRejected => "SENDER_REJECTED",
            Self::RecipientRejected => "RECIPIENT_REJECTED",
            Self::MessageRejected => "MESSAGE_REJECTED",
            Self::TooLarge => "TOO_LARGE",
            Self::NoSmtputf8 => "NO_SMTPUTF8",
            Self::LocalFile => "LOCAL_FILE",
            Self::ProxyFailed => "PROXY_FAILED",
            Self::MailerFailed => "MAILER_FAILED",
            Self::NoSigningCertificate => "NO_SIGNING_CERTIFICATE",
            Self::SigningKeyMissing => "SIGNING_KEY_MISSING",
            Self::KeyAccessDenied => "KEY_ACCESS_DENIED",
            Self::SigningFailed => "SIGNING_FAILED",
            Self::Uncertain => "UNCERTAIN",
        }
    }

    /// The message cannot be signed now: it waits until somebody has repaired that, and never goes unsigned.
    #[must_use]
    pub fn is_about_signing(self) -> bool {
        Self::HOLD_FOR_SIGNING.contains(&self)
    }

    /// Trying the same message again can help. Only what refuses the message itself is final: the network recovers,
    /// and a wrong password or an untrusted certificate is an administrator's to repair, and must not cost the mail
    /// that was accepted meanwhile.
    #[must_use]
    pub fn is_transient(self) -> bool {
        !matches!(
            self,
            Self::SenderRejected
                | Self::RecipientRejected
                | Self::MessageRejected
                | Self::TooLarge
                | Self::NoSmtputf8
        )
    }
}

impl FailureKind {
    /// Trying again is of no use until somebody has repaired something: the mail is held.
    #[must_use]
    pub fn holds(self) -> bool {
        Self::HOLD_FOR_SIGN_IN.contains(&self) || self.is_about_signing()
    }

    /// Until somebody signs in.
    pub const HOLD_FOR_SIGN_IN: [Self; 2] = [Self::NotSignedIn, Self::SignInLost];

    /// Until a certificate or its key is repaired.
    pub const HOLD_FOR_SIGNING: [Self; 4] =
        [Self::NoSigningCertificate, Self::SigningKeyMissing, Self::KeyAccessDenied, Self::SigningFailed];
}

impl Failure {
    /// Trying the same message again can help: by kind, and for refusals by the server's answer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient() || self.reply.as_ref().is_some_and(Reply::is_transient)
    }

    /// What this failure means for a recipient that was not decided otherwise.
    pub(super) fn outcome(&self) -> RecipientOutcome {
        let answer = self.reply.as_ref().map_or_else(|| self.text.clone(), Reply::to_string);
        if self.is_transient() {
            RecipientOutcome::Deferred { answer }
        } else {
            RecipientOutcome::Failed { answer }
        }
    }
}

/// Longest text of an outcome, in bytes: nobody reads more, and a server has no end of words.
const LONGEST_TEXT: usize = 4096;

impl Outcome {
    /// Cuts texts that are longer than anybody reads, so that an outcome stays small.
    pub(super) fn shorten(&mut self) {
        for recipient in &mut self.recipients {
            let (RecipientOutcome::Delivered { answer }
            | RecipientOutcome::Failed { answer }
            | RecipientOutcome::Deferred { answer }) = recipient;
            shorten(answer);
        }
        shorten(&mut self.answer);
        if let Some(failure) = &mut self.failure {
            shorten(&mut failure.text);
            if let Some(reply) = &mut failure.reply {
                let mut left = LONGEST_TEXT;
                reply.lines.retain(|line| {
                    let fits = line.len() <= left;
                    left = left.saturating_sub(line.len());
                    fits
                });
            }
        }
    }
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

impl Reply {
    /// 2yz.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// A refusal that a later try may not meet: 4yz, and 5yz that speak of the account's settings.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let enhanced = self.enhanced.as_deref().unwrap_or_default();
        // 530: the server wants TLS or sign-in first (RFC 3207, RFC 4954).
        (400..500).contains(&self.code) || self.code == 530 || ACCOUNT_FAULTS.contains(&enhanced)
    }

    /// All lines in one, for a sentence.
    pub(super) fn in_one_line(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" "))
    }
}

/// A failure that does not know its step yet.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FailureKind,
    pub(super) text: String,
    pub(super) reply: Option<Reply>,
}

impl Fault {
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), reply: None }
    }

    /// The server said no to `what`. 421 speaks of the session, whatever was asked; what is neither 4yz nor 5yz
    /// was no answer to the question.
    pub(super) fn refused(kind: FailureKind, what: &str, reply: Reply) -> Self {
        let (kind, verb) = match (reply.code, reply.enhanced.as_deref()) {
            (421, _) if kind != FailureKind::AuthTemporary => (FailureKind::SessionRefused, "refused"),
            // RFC 3463 X.3.4: message too big for system.
            (552, Some("5.3.4")) => (FailureKind::TooLarge, "refused"),
            (400..600, _) => (kind, "refused"),
            _ => (FailureKind::NotSmtp, "gave an unexpected answer to"),
        };
        let text = format!("the server {verb} {what}: {}", reply.in_one_line());
        Self { kind, text, reply: Some(reply) }
    }

    pub(super) fn at(self, step: Step) -> Failure {
        Failure { step, kind: self.kind, text: self.text, reply: self.reply }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind, code: u16, enhanced: Option<&str>) -> Failure {
        let reply = Reply { code, enhanced: enhanced.map(str::to_owned), lines: vec![String::new()] };
        Failure { step: Step::Message, kind, text: String::new(), reply: Some(reply) }
    }

    #[test]
    fn f3_a_refused_message_is_final_and_a_wrong_password_is_not() {
        assert!(!failure(FailureKind::MessageRejected, 554, Some("5.7.1")).is_transient());
        assert!(failure(FailureKind::MessageRejected, 451, None).is_transient());
        assert!(failure(FailureKind::AuthRejected, 535, Some("5.7.8")).is_transient());
        assert!(failure(FailureKind::SenderRejected, 530, Some("5.7.0")).is_transient());
        assert!(failure(FailureKind::MessageRejected, 550, Some("5.7.30")).is_transient());
        assert!(FailureKind::CertificateExpired.is_transient() && FailureKind::Uncertain.is_transient());
        assert!(!FailureKind::TooLarge.is_transient());
    }

    #[test]
    fn h6_an_outcome_stays_small_whatever_the_server_says() {
        let mut failure = failure(FailureKind::MessageRejected, 554, None);
        failure.text = "ы".repeat(LONGEST_TEXT);
        failure.reply.as_mut().unwrap().lines = vec!["x".repeat(1000); 100];
        let deferred = RecipientOutcome::Deferred { answer: "x".repeat(100_000) };
        let mut outcome = Outcome {
            reused: false,
            failure: Some(failure),
            recipients: vec![deferred; 3],
            transcript: crate::mailer::Transcript::default(),
            tls: None,
            answer: "short".to_owned(),
        };
        outcome.shorten();
        assert_eq!(outcome.answer, "short");
        assert!(serde_json::to_vec(&outcome).unwrap().len() < 6 * (LONGEST_TEXT + 100));
    }

    #[test]
    fn a_421_is_about_the_session_whatever_was_asked() {
        let reply = Reply { code: 421, enhanced: None, lines: vec!["closing".to_owned()] };
        let fault = Fault::refused(FailureKind::SenderRejected, "the sender", reply);
        assert_eq!(fault.kind, FailureKind::SessionRefused);
    }
}
