//! What a failure usually means: first by what this provider is known to say, then by the kind of failure.
//!
//! The texts stand in `faxpost_proto::advice`, for the clients to show in the person's language. Where two codes of a
//! server mean different things, its enhanced code (RFC 3463) decides; words of the text only where providers say
//! nothing else.

use crate::mailer::{Failure, FailureKind, Reply, Step};

/// The code of the advice for this failure with that server.
#[must_use]
pub fn advise(failure: &Failure, server: &str) -> Option<&'static str> {
    let by_answer = failure.reply.as_ref().and_then(|reply| by_answer(failure, reply, Provider::of(server)));
    Some(by_answer.unwrap_or_else(|| by_kind(failure)))
}

/// Providers whose refusals have a meaning of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Provider {
    Google,
    Microsoft,
    Yahoo,
    Apple,
    Yandex,
    MailRu,
    Other,
}

impl Provider {
    fn of(server: &str) -> Self {
        let server = server.trim_end_matches('.').to_ascii_lowercase();
        let within = |domains: &[&str]| {
            domains.iter().any(|domain| {
                server.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        };
        if within(&["gmail.com", "googlemail.com", "google.com"]) {
            Self::Google
        } else if within(&["office365.com", "outlook.com", "office.com", "hotmail.com", "live.com"]) {
            Self::Microsoft
        } else if within(&["yahoo.com", "yahoo.co.jp", "aol.com"]) {
            Self::Yahoo
        } else if within(&["mail.me.com", "icloud.com"]) {
            Self::Apple
        } else if within(&["yandex.com", "yandex.ru", "yandex.net", "ya.ru"]) {
            Self::Yandex
        } else if within(&["mail.ru"]) {
            Self::MailRu
        } else {
            Self::Other
        }
    }
}

/// What the answer itself gives away.
fn by_answer(failure: &Failure, reply: &Reply, provider: Provider) -> Option<&'static str> {
    let enhanced = reply.enhanced.as_deref().unwrap_or_default();
    let says = |words: &[&str]| {
        let text = reply.lines.join(" ").to_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    Some(match (reply.code, enhanced) {
        (_, "5.7.139" | "5.7.30") => "MICROSOFT_SMTP_AUTH_OFF",
        (_, "5.2.252" | "5.7.60") => "SEND_AS_DENIED",
        (530, _) if says(&["starttls", "tls"]) => "TURN_ON_TLS",
        (530, _) | (_, "5.7.57") => "SIGN_IN_NEEDED",
        (432, _) | (_, "4.3.2") => "SENDING_TOO_FAST",
        (421 | 450 | 451 | 454, _) if says(&["too many", "rate limit", "throttl", "concurrent"]) => {
            "SENDING_TOO_FAST"
        }
        (421, _) => "SERVER_BUSY",
        (534, "5.7.9") if provider != Provider::Google && failure.kind != FailureKind::TokenRejected => {
            app_password(provider)
        }
        (534 | 535, _) if failure.kind == FailureKind::TokenRejected => "OAUTH_TOKEN_REFUSED",
        (534 | 535, _) if failure.step == Step::SignIn && provider != Provider::Other => {
            app_password(provider)
        }
        (450 | 451, "4.2.0" | "4.2.1" | "4.7.1" | "4.7.0") if failure.step == Step::Recipient => "GREYLISTED",
        (450 | 451, _) if says(&["greylist", "graylist"]) => "GREYLISTED",
        (_, "5.7.1" | "4.7.1") if failure.step == Step::Recipient => "RELAY_DENIED",
        (550 | 551 | 553 | 554, _) if failure.step == Step::Recipient && says(&["relay"]) => "RELAY_DENIED",
        (_, "5.1.1" | "5.1.6" | "5.1.10") if failure.step == Step::Recipient => "RECIPIENT_UNKNOWN",
        (_, "4.2.2" | "5.2.2") => "MAILBOX_FULL",
        _ => return None,
    })
}

fn app_password(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "GMAIL_APP_PASSWORD",
        Provider::Microsoft => "MICROSOFT_SIGN_IN",
        Provider::Yahoo => "YAHOO_APP_PASSWORD",
        Provider::Apple => "ICLOUD_APP_PASSWORD",
        Provider::Yandex => "YANDEX_APP_PASSWORD",
        Provider::MailRu => "MAILRU_APP_PASSWORD",
        Provider::Other => "APP_PASSWORD",
    }
}

fn by_kind(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::NameNotFound => "CHECK_SERVER_NAME",
        FailureKind::ResolverFailed => "CHECK_DNS",
        FailureKind::ConnectionRefused => "CHECK_PORT",
        FailureKind::Unreachable => "CHECK_NETWORK",
        FailureKind::ProxyFailed => "CHECK_PROXY",
        FailureKind::TimedOut if failure.step == Step::Connect => "CHECK_FIREWALL_OR_TLS_MODE",
        FailureKind::TimedOut => "SERVER_TOO_SLOW",
        FailureKind::ConnectionLost if failure.step <= Step::Tls => "CHECK_TLS_MODE",
        FailureKind::ConnectionLost => "CONNECTION_LOST",
        FailureKind::NotSmtp => "NOT_A_MAIL_SERVER",
        FailureKind::SessionRefused => "SESSION_REFUSED",
        FailureKind::StarttlsMissing => "USE_IMPLICIT_TLS",
        FailureKind::TlsFailed => "TLS_FAILED",
        FailureKind::NotTls => "USE_STARTTLS",
        FailureKind::CertificateUntrusted => "PIN_CERTIFICATE",
        FailureKind::CertificateExpired => "CERTIFICATE_EXPIRED",
        FailureKind::CertificateName => "CERTIFICATE_NAME",
        FailureKind::PinMismatch => "PIN_MISMATCH",
        FailureKind::NoMechanism => "NO_MECHANISM",
        FailureKind::PlaintextRefused => "TURN_ON_TLS",
        FailureKind::NoPassword => "SET_PASSWORD",
        FailureKind::NotSignedIn => "OAUTH_SIGN_IN_FIRST",
        FailureKind::SignInLost => "OAUTH_SIGN_IN_AGAIN",
        FailureKind::TokenUnavailable => "OAUTH_UNREACHABLE",
        FailureKind::AuthRejected => "CHECK_CREDENTIALS",
        FailureKind::TokenRejected => "OAUTH_TOKEN_REFUSED",
        FailureKind::AuthTemporary => "SIGN_IN_LATER",
        FailureKind::ServerUnproven => "SERVER_UNPROVEN",
        FailureKind::SenderRejected => "CHECK_SENDER",
        FailureKind::RecipientRejected => "CHECK_RECIPIENT",
        FailureKind::MessageRejected => "CONTENT_REFUSED",
        FailureKind::TooLarge => "TOO_LARGE",
        FailureKind::NoSmtputf8 => "ASCII_ADDRESS_NEEDED",
        FailureKind::LocalFile => "CHECK_FOLDER",
        FailureKind::MailerFailed => "MAILER_FAILED",
        FailureKind::NoSigningCertificate => "CHOOSE_CERTIFICATE",
        FailureKind::SigningKeyMissing => "INSTALL_KEY",
        FailureKind::KeyAccessDenied => "GRANT_KEY",
        FailureKind::SigningFailed => "CHECK_SIGNING",
        FailureKind::Uncertain => "MAY_ARRIVE_TWICE",
    }
}

#[cfg(test)]
mod tests {
    use faxpost_proto::advice::{Language, codes, text};

    use super::*;

    const KINDS: [FailureKind; 37] = [
        FailureKind::NameNotFound,
        FailureKind::ResolverFailed,
        FailureKind::ConnectionRefused,
        FailureKind::Unreachable,
        FailureKind::TimedOut,
        FailureKind::ConnectionLost,
        FailureKind::NotSmtp,
        FailureKind::SessionRefused,
        FailureKind::StarttlsMissing,
        FailureKind::TlsFailed,
        FailureKind::NotTls,
        FailureKind::CertificateUntrusted,
        FailureKind::CertificateExpired,
        FailureKind::CertificateName,
        FailureKind::PinMismatch,
        FailureKind::NoMechanism,
        FailureKind::PlaintextRefused,
        FailureKind::NoPassword,
        FailureKind::NotSignedIn,
        FailureKind::SignInLost,
        FailureKind::TokenUnavailable,
        FailureKind::AuthRejected,
        FailureKind::TokenRejected,
        FailureKind::AuthTemporary,
        FailureKind::ServerUnproven,
        FailureKind::SenderRejected,
        FailureKind::RecipientRejected,
        FailureKind::MessageRejected,
        FailureKind::TooLarge,
        FailureKind::NoSmtputf8,
        FailureKind::LocalFile,
        FailureKind::MailerFailed,
        FailureKind::NoSigningCertificate,
        FailureKind::SigningKeyMissing,
        FailureKind::KeyAccessDenied,
        FailureKind::SigningFailed,
        FailureKind::Uncertain,
    ];

    fn failure(step: Step, kind: FailureKind, answer: Option<(u16, &str, &str)>) -> Failure {
        let reply = answer.map(|(code, enhanced, text)| Reply {
            code,
            enhanced: (!enhanced.is_empty()).then(|| enhanced.to_owned()),
            lines: vec![format!("{enhanced} {text}")],
        });
        Failure { step, kind, text: String::new(), reply }
    }

    #[test]
    fn d2_every_kind_of_failure_at_every_step_has_advice_in_both_languages() {
        for kind in KINDS {
            for step in Step::ALL {
                let code = advise(&failure(step, kind, None), "mail.example.com").unwrap();
                for language in [Language::En, Language::Ru] {
                    assert!(text(code, language).is_some_and(|text| !text.is_empty()), "{code}");
                }
            }
        }
    }

    #[test]
    fn d2_what_providers_say_is_known() {
        use FailureKind::{
            AuthRejected as A, MessageRejected as M, RecipientRejected as R, SessionRefused as S,
        };
        for (server, step, kind, answer, expected) in [
            (
                "smtp.gmail.com",
                Step::SignIn,
                A,
                (534, "5.7.9", "Application-specific password required"),
                "GMAIL_APP_PASSWORD",
            ),
            (
                "smtp.gmail.com.",
                Step::SignIn,
                A,
                (535, "5.7.8", "Username and Password not accepted"),
                "GMAIL_APP_PASSWORD",
            ),
            (
                "smtp.office365.com",
                Step::SignIn,
                A,
                (
                    535,
                    "5.7.139",
                    "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant",
                ),
                "MICROSOFT_SMTP_AUTH_OFF",
            ),
            (
                "smtp.office365.com",
                Step::Message,
                M,
                (550, "5.7.30", "Basic authentication is not supported for Client Submission"),
                "MICROSOFT_SMTP_AUTH_OFF",
            ),
            (
                "SMTP.Office365.com",
                Step::SignIn,
                A,
                (535, "5.7.3", "Authentication unsuccessful"),
                "MICROSOFT_SIGN_IN",
            ),
            ("smtp.office365.com", Step::Message, M, (554, "5.2.252", "SendAsDenied"), "SEND_AS_DENIED"),
            (
                "smtp.office365.com",
                Step::Message,
                M,
                (550, "5.7.60", "Client does not have permissions to send as this sender"),
                "SEND_AS_DENIED",
            ),
            (
                "smtp.office365.com",
                Step::Sender,
                FailureKind::SenderRejected,
                (530, "5.7.57", "Client not authenticated to send mail"),
                "SIGN_IN_NEEDED",
            ),
            (
                "smtp.office365.com",
                Step::Message,
                M,
                (432, "4.3.2", "Concurrent connections limit exceeded"),
                "SENDING_TOO_FAST",
            ),
            (
                "smtp.gmail.com",
                Step::Connect,
                S,
                (421, "4.7.0", "Try again later, too many connections"),
                "SENDING_TOO_FAST",
            ),
            ("mx.example.com", Step::Connect, S, (421, "4.3.0", "closing"), "SERVER_BUSY"),
            (
                "smtp.mail.yahoo.com",
                Step::SignIn,
                A,
                (535, "5.7.0", "(#AUTH005) Too many bad auth attempts."),
                "YAHOO_APP_PASSWORD",
            ),
            (
                "smtp.mail.me.com",
                Step::SignIn,
                A,
                (535, "5.7.8", "Error: authentication failed"),
                "ICLOUD_APP_PASSWORD",
            ),
            (
                "smtp.yandex.ru",
                Step::SignIn,
                A,
                (535, "5.7.8", "Error: authentication failed: This user does not have access rights"),
                "YANDEX_APP_PASSWORD",
            ),
            (
                "smtp.mail.ru",
                Step::SignIn,
                A,
                (535, "5.7.0", "NEOBHODIM parol prilozheniya"),
                "MAILRU_APP_PASSWORD",
            ),
            ("notgmail.com", Step::SignIn, A, (535, "5.7.8", "no"), "CHECK_CREDENTIALS"),
            ("mx.example.com", Step::SignIn, A, (534, "5.7.9", "no"), "APP_PASSWORD"),
            (
                "mx.example.com",
                Step::Recipient,
                R,
                (554, "5.7.1", "<b@c>: Relay access denied"),
                "RELAY_DENIED",
            ),
            ("mx.example.com", Step::Recipient, R, (550, "", "relaying denied"), "RELAY_DENIED"),
            ("mx.example.com", Step::Recipient, R, (450, "4.2.1", "greylisted, try again"), "GREYLISTED"),
            ("mx.example.com", Step::Recipient, R, (550, "5.1.1", "no such user"), "RECIPIENT_UNKNOWN"),
            ("mx.example.com", Step::Recipient, R, (552, "5.2.2", "mailbox full"), "MAILBOX_FULL"),
            (
                "mx.example.com",
                Step::Sender,
                FailureKind::SenderRejected,
                (530, "5.7.0", "Must issue a STARTTLS command first"),
                "TURN_ON_TLS",
            ),
            (
                "smtp.gmail.com",
                Step::SignIn,
                FailureKind::TokenRejected,
                (535, "5.7.8", "Username and Password not accepted"),
                "OAUTH_TOKEN_REFUSED",
            ),
            (
                "smtp.office365.com",
                Step::SignIn,
                FailureKind::TokenRejected,
                (535, "5.7.139", "Authentication unsuccessful"),
                "MICROSOFT_SMTP_AUTH_OFF",
            ),
            ("mx.example.com", Step::Message, M, (554, "5.7.1", "content refused"), "CONTENT_REFUSED"),
        ] {
            let code = advise(&failure(step, kind, Some(answer)), server).unwrap();
            assert_eq!(code, expected, "{server} {answer:?}");
            assert!(text(code, Language::Ru).is_some(), "{code}");
        }
    }

    #[test]
    fn every_advice_is_given_to_somebody() {
        // The status gives some of it, as the mailer's note.
        let source = [
            include_str!("advice.rs"),
            include_str!("../mailer/worker/unix.rs"),
            include_str!("../mailer/worker/windows.rs"),
        ]
        .concat();
        for code in codes() {
            let given = source.contains(&format!("\"{code}\""));
            assert!(given || crate::oauth::advice_codes().any(|other| other == code), "{code}");
        }
    }
}
