//! How long to wait after what went wrong: pure decisions.
//!
//! The pauses of the configuration are for a server that says "not now". What has another cause has another rhythm: a
//! greylisting server waits to see us again, a network comes back by itself, a wrong password does not and must not
//! be tried so often that the provider locks the account, and a server that says "too fast" is to be believed.

use crate::mailer::{Failure, FailureKind, Reply};

/// Why it is not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server said so, about this message.
    Later,
    /// The server wants to see whether we come again (450, 451 for a recipient).
    Greylisted,
    /// Nobody there, or the connection broke.
    Network,
    /// The server, or what the account says of it, does not let us in.
    Account,
    /// We are too fast for the server (432 of Microsoft 365, 421).
    Throttled,
}

/// Tries of a greylisted message that come soon; who has not let it in by then means something else.
const SOON: u32 = 6;
const SOON_MS: i64 = 300_000;
/// Tries of a password in an hour, at the least: an administrator may have repaired it at the server.
const ACCOUNT_MS: i64 = 3_600_000;
/// A throttled account is tried again after this at the latest.
const THROTTLED_MS: i64 = 900_000;

impl Cause {
    pub(super) const ALL: [Self; 5] =
        [Self::Later, Self::Greylisted, Self::Network, Self::Account, Self::Throttled];

    pub(super) fn of(failure: &Failure) -> Self {
        let code = failure.reply.as_ref().map_or(0, |reply| reply.code);
        match failure.kind {
            _ if is_throttling(failure) => Self::Throttled,
            FailureKind::RecipientRejected | FailureKind::SenderRejected | FailureKind::MessageRejected
                if matches!(code, 450 | 451) =>
            {
                Self::Greylisted
            }
            FailureKind::NameNotFound
            | FailureKind::ResolverFailed
            | FailureKind::ConnectionRefused
            | FailureKind::Unreachable
            | FailureKind::ProxyFailed
            | FailureKind::TimedOut
            | FailureKind::ConnectionLost
            | FailureKind::NotSmtp
            | FailureKind::SessionRefused
            | FailureKind::AuthTemporary => Self::Network,
            FailureKind::StarttlsMissing
            | FailureKind::TlsFailed
            | FailureKind::NotTls
            | FailureKind::CertificateUntrusted
            | FailureKind::CertificateExpired
            | FailureKind::CertificateName
            | FailureKind::PinMismatch
            | FailureKind::NoMechanism
            | FailureKind::PlaintextRefused
            | FailureKind::NoPassword
            | FailureKind::AuthRejected
            | FailureKind::TokenRejected
            | FailureKind::ServerUnproven => Self::Account,
            _ => Self::Later,
        }
    }

    /// It is about the account and whoever uses it, not about one message.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Network | Self::Account | Self::Throttled)
    }

    /// The pause where the configuration has `usual` for the `attempts`-th attempt, in milliseconds.
    pub(super) fn pause_ms(self, usual: i64, attempts: u32) -> i64 {
        match self {
            Self::Later | Self::Network => usual,
            Self::Greylisted if attempts <= SOON => usual.min(SOON_MS),
            Self::Greylisted => usual,
            Self::Account => usual.saturating_mul(5).min(ACCOUNT_MS.max(usual)),
            Self::Throttled => usual.saturating_mul(2).min(THROTTLED_MS.max(usual)),
        }
    }
}

/// 432 and X.7.28 speak of nothing else; 421 and the rest of 4yz do when they say so.
fn is_throttling(failure: &Failure) -> bool {
    const WORDS: [&str; 7] =
        ["too many", "throttl", "rate", "too fast", "concurrent", "exceeded", "limit reached"];
    let Some(reply) = &failure.reply else { return false };
    let says_so = |reply: &Reply| {
        let text = reply.lines.join(" ").to_ascii_lowercase();
        WORDS.iter().any(|word| text.contains(word))
    };
    match reply.code {
        432 => true,
        _ if reply.enhanced.as_deref() == Some("4.7.28") => true,
        // Of one recipient's mailbox or of this message's recipients it is said in other words.
        421 | 450 | 451 | 454 if failure.kind != FailureKind::RecipientRejected => says_so(reply),
        421 => says_so(reply),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::Step;

    fn cause(kind: FailureKind, code: u16, text: &str) -> Cause {
        let enhanced = text.split(' ').next().filter(|word| word.starts_with("4.")).map(str::to_owned);
        let reply = (code > 0).then(|| Reply { code, enhanced, lines: vec![text.to_owned()] });
        Cause::of(&Failure { step: Step::Message, kind, text: String::new(), reply })
    }

    #[test]
    fn f3_what_went_wrong_decides_how_long_to_wait() {
        use FailureKind::{
            AuthRejected, ConnectionRefused, MessageRejected, RecipientRejected, SenderRejected,
            SessionRefused,
        };
        let limits = "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded";
        for (kind, code, text, expected) in [
            (MessageRejected, 452, "4.3.1 disk full", Cause::Later),
            (RecipientRejected, 450, "4.7.1 greylisted, come again", Cause::Greylisted),
            (RecipientRejected, 451, "4.7.1 try again", Cause::Greylisted),
            (SenderRejected, 432, limits, Cause::Throttled),
            (MessageRejected, 432, limits, Cause::Throttled),
            (SessionRefused, 421, "4.7.0 Too many concurrent SMTP connections", Cause::Throttled),
            (SessionRefused, 421, "4.3.2 shutting down", Cause::Network),
            (MessageRejected, 450, "4.7.28 unusual rate of mail", Cause::Throttled),
            (ConnectionRefused, 0, "", Cause::Network),
            (AuthRejected, 535, "5.7.8 no", Cause::Account),
            (FailureKind::Uncertain, 0, "", Cause::Later),
        ] {
            assert_eq!(cause(kind, code, text), expected, "{kind:?} {code} {text}");
        }
    }

    #[test]
    fn f3_greylisting_waits_less_a_wrong_password_more_and_both_within_bounds() {
        let usual = [60_000, 120_000, 300_000, 600_000, 1_200_000, 1_800_000, 3_600_000, 3_600_000];
        for (attempt, usual) in (1..).zip(usual) {
            let pause = |cause: Cause| cause.pause_ms(usual, attempt);
            assert_eq!(pause(Cause::Later), usual);
            assert!(pause(Cause::Greylisted) <= usual);
            assert!((usual..=3_600_000).contains(&pause(Cause::Account)));
            assert!((usual..=3_600_000).contains(&pause(Cause::Throttled)));
        }
        assert_eq!(Cause::Account.pause_ms(60_000, 1), 300_000);
        assert_eq!(Cause::Greylisted.pause_ms(1_200_000, 5), 300_000);
        assert_eq!(Cause::Greylisted.pause_ms(3_600_000, 7), 3_600_000, "not for ever");
    }
}
