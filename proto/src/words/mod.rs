//! What the codes and states of the protocol are called, in every language: the same in all clients.
//!
//! Sentences that name a client's own commands or buttons are that client's.

use tonic::Code;

use crate::advice::Language;
use crate::v1::{
    AuditOutcome, EntryKind, EntryOutcome, KeyProvider, MessageState, RecipientState, RequestState,
    Requirement, SignInState, Step,
};

mod en;
mod ru;

/// English.
pub const EN: Words = en::EN;

/// Russian.
pub const RU: Words = ru::RU;

/// All words of one language. A word that a language lacks does not compile.
pub struct Words {
    /// Which language.
    pub language: Language,
    /// A sentence for a reason of [`crate::reason`], for where the daemon gives none of its own.
    pub reason: fn(&str) -> Option<&'static str>,
    /// A sentence for a code of gRPC, for where there is no reason either: the transport's own refusals.
    pub code: fn(Code) -> &'static str,
    /// A step of the Test.
    pub step: fn(Step) -> &'static str,
    /// Where a message stands.
    pub message_state: fn(MessageState) -> &'static str,
    /// Where one of its recipients stands.
    pub recipient_state: fn(RecipientState) -> &'static str,
    /// Kind of an entry of the e-mail log.
    pub entry_kind: fn(EntryKind) -> &'static str,
    /// Outcome of an entry of the e-mail log.
    pub entry_outcome: fn(EntryOutcome) -> &'static str,
    /// A failure of a step or an attempt by its code, where the daemon's English needs a translation.
    pub failure: fn(&str) -> Option<&'static str>,
    /// Where a private key lives.
    pub key_provider: fn(KeyProvider) -> &'static str,
    /// Where a request stands.
    pub request_state: fn(RequestState) -> &'static str,
    /// How a privileged action ended.
    pub audit_outcome: fn(AuditOutcome) -> &'static str,
    /// What a certificate lacks.
    pub requirement: fn(Requirement) -> &'static str,
    /// The label of a request's effect by its code; `None`: the code itself.
    pub effect: fn(&str) -> Option<&'static str>,
    /// Access to a key by its code.
    pub access_word: fn(&str) -> Option<&'static str>,
    /// Where a sign-in stands.
    pub sign_in_state: fn(SignInState) -> &'static str,
    /// Why the browser came back with an error (RFC 6749 section 4.1.2.1).
    pub browser_error: fn(&str) -> &'static str,
}

/// The words of a language.
#[must_use]
pub fn words(language: Language) -> &'static Words {
    const EN_WORDS: &Words = &EN;
    const RU_WORDS: &Words = &RU;
    match language {
        Language::En => EN_WORDS,
        Language::Ru => RU_WORDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cyrillic(text: &str) -> bool {
        text.chars().any(|character| ('а'..='я').contains(&character.to_ascii_lowercase()))
    }

    #[test]
    fn every_reason_has_a_sentence_in_both_languages() {
        for reason in crate::reason::ALL {
            assert!((EN.reason)(reason).is_some_and(str::is_ascii), "{reason}");
            assert!((RU.reason)(reason).is_some_and(cyrillic), "{reason}");
        }
        for words in [&EN, &RU] {
            assert_eq!((words.reason)("FROM_THE_FUTURE"), None);
        }
    }

    #[test]
    fn no_word_names_a_clients_command() {
        for words in [&EN, &RU] {
            for reason in crate::reason::ALL {
                let sentence = (words.reason)(reason).unwrap_or_default();
                assert!(!sentence.contains('`') && !sentence.contains("--"), "{sentence}");
            }
        }
    }

    #[test]
    fn russian_is_russian() {
        for number in 1..9 {
            let step = Step::try_from(number).unwrap();
            assert!(cyrillic((RU.step)(step)), "{step:?}");
        }
        for code in 1..17 {
            assert!(cyrillic((RU.code)(Code::from(code))), "{code}");
        }
    }
}
