//! The words for the protocol's enums, as they are typed and printed.

use std::borrow::Cow;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use faxpost_proto::v1::{
    Decision, EntryKind, EntryOutcome, KeyType, MessageState, Method, RecipientState, RequestState, Role,
    Security, Signing, Step, TlsCheck,
};

/// An enum of the protocol with its words.
pub(crate) trait Word: Copy + PartialEq + Send + Sync + 'static {
    /// Word and value, in the protocol's order.
    const WORDS: &'static [(&'static str, Self)];

    /// The value of a word.
    fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
    }

    /// The good words, for an error or a help text.
    fn list() -> String {
        Self::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
    }
}

/// The word of a value from the wire; the number, when a newer daemon has values that this version does not know.
pub(crate) fn word<E: Word + TryFrom<i32>>(value: i32) -> Cow<'static, str> {
    E::try_from(value)
        .ok()
        .and_then(|value| E::WORDS.iter().find(|(_, known)| *known == value))
        .map_or_else(|| Cow::Owned(value.to_string()), |(word, _)| Cow::Borrowed(*word))
}

/// A clap parser that knows the good words, and so lists and completes them.
pub(crate) fn parser<E: Word>() -> impl TypedValueParser<Value = E> {
    PossibleValuesParser::new(E::WORDS.iter().map(|(word, _)| *word))
        .map(|word| E::parse(&word).expect("clap let only known words through"))
}

macro_rules! words {
    ($($kind:ident: $($value:ident $word:literal),*;)*) => {
        $(impl Word for $kind {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$value)),*];
        })*
        #[cfg(test)]
        fn every_enum(check: &mut dyn FnMut(&str, i32, &str, Option<&str>)) {
            $(for number in 1..64 {
                if let Ok(value) = $kind::try_from(number) {
                    let known = $kind::WORDS.iter().find(|(_, known)| *known == value).map(|(word, _)| *word);
                    check(stringify!($kind), number, value.as_str_name(), known);
                }
            })*
        }
    };
}

words! {
    Method: SecureSmtpClient "secure-smtp-client", CdoMessage "cdo-message", SystemNetMail "system-net-mail",
        Pickup "pickup";
    Security: None "none", Implicit "implicit", Starttls "starttls";
    TlsCheck: System "system", Pinned "pinned", AcceptInvalid "accept-invalid";
    Signing: Off "off", Clear "clear", Opaque "opaque";
    Step: Resolve "resolve", Connect "connect", Tls "tls", Ehlo "ehlo", SignIn "sign-in", Sender "sender",
        Recipient "recipient", Message "message";
    MessageState: Queued "queued", Sending "sending", Held "held", Delivered "delivered", Failed "failed",
        Cancelled "cancelled";
    RecipientState: Pending "pending", Delivered "delivered", Failed "failed", Cancelled "cancelled";
    EntryKind: Accepted "accepted", Attempt "attempt", Test "test", Expired "expired", Steered "steered";
    EntryOutcome: Ok "ok", Partial "partial", Temporary "temporary", Permanent "permanent";
    Role: Administrator "administrator", Service "service", User "user";
    RequestState: Pending "pending", Approved "approved", Done "done", Failed "failed", Refused "refused",
        Expired "expired", Withdrawn "withdrawn";
    KeyType: Rsa2048 "rsa-2048", Rsa3072 "rsa-3072", Rsa4096 "rsa-4096", EcP256 "ec-p256";
    Decision: Deny "deny", Allow "allow", Approval "approval";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_protocol_has_its_own_name_as_its_word() {
        let mut seen = 0;
        every_enum(&mut |kind, number, name, known| {
            let known = known.unwrap_or_else(|| panic!("{kind} {number} ({name}) has no word"));
            let suffix = known.to_uppercase().replace('-', "_");
            assert!(name.ends_with(&format!("_{suffix}")), "{name} is not {known}");
            seen += 1;
        });
        assert!(seen > 40);
    }

    #[test]
    fn an_unknown_value_is_shown_as_its_number() {
        assert_eq!(word::<Method>(4), "pickup");
        assert_eq!(word::<Method>(99), "99");
        assert_eq!(word::<Method>(0), "0");
    }

    #[test]
    fn words_are_exact() {
        assert_eq!(Security::parse("starttls"), Some(Security::Starttls));
        assert_eq!(Security::parse("STARTTLS"), None);
        assert_eq!(Security::list(), "none, implicit, starttls");
    }
}
