//! What goes wrong in calls, as a sentence and what stands below it.

use faxpost_proto::reason;
use faxpost_proto::refusal::{is_broken, reason_of};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{Text, Texts};

/// The texts of one language.
pub struct FailureTexts {
    /// The daemon ended, or the connection did.
    pub broken: Text,
    /// Instead of the reason INVALID_FIELD, when it is one.
    pub one_field: Text,
}

pub(super) const EN: FailureTexts = FailureTexts {
    broken: "The connection to the service broke, so it is not known whether that was done. Look at it again.",
    one_field: "One field is wrong.",
};

pub(super) const RU: FailureTexts = FailureTexts {
    broken: "Соединение со службой прервалось, поэтому неизвестно, сделано ли это. Проверьте ещё раз.",
    one_field: "Одно поле неверно.",
};

/// A failed call for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What happened, in the person's language.
    pub sentence: String,
    /// What the daemon said about this case, where it adds something.
    pub detail: String,
    /// Fields and what is wrong with them.
    pub fields: Vec<(String, String)>,
}

/// Fields that the daemon calls wrong, and what is wrong with them, in its English.
#[must_use]
pub fn violations(status: &Status) -> Vec<(String, String)> {
    let violations =
        status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
    violations.into_iter().map(|one| (one.field, one.description)).collect()
}

/// Puts a refusal into words.
#[must_use]
pub fn failure(status: &Status, texts: &Texts) -> Failure {
    if is_broken(status) {
        return Failure { sentence: texts.failure.broken.to_owned(), ..Failure::default() };
    }
    let told = |(field, what): (String, String)| (field, texts.said(&what).into_owned());
    let fields: Vec<_> = violations(status).into_iter().map(told).collect();
    let reason = reason_of(status);
    let known = match reason.as_deref() {
        Some(reason::INVALID_FIELD) if fields.len() == 1 => Some(texts.failure.one_field),
        Some(reason) => (texts.words.reason)(reason),
        None => None,
    };
    let sentence = known.unwrap_or_else(|| (texts.words.code)(status.code())).to_owned();
    // What is wrong stands at each field.
    let detail = if fields.is_empty() { texts.said(status.message()).into_owned() } else { String::new() };
    Failure { sentence, detail, fields }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use faxpost_proto::advice::Language;
    use tonic::Code;
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;
    use crate::lang::texts;

    #[test]
    fn g2_a_refusal_is_told_in_the_persons_language_and_at_its_fields() {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason::INVALID_FIELD, reason::DOMAIN, HashMap::new());
        details.set_bad_request(vec![FieldViolation::new("server", "this is not a valid IP address")]);
        let status = Status::with_error_details(Code::InvalidArgument, "1 field is wrong", details);
        let said = failure(&status, texts(Language::Ru));
        assert_eq!(said.sentence, "Одно поле неверно.");
        assert_eq!(said.fields, [("server".to_owned(), "это неверный IP-адрес".to_owned())]);
        assert_eq!(said.detail, "");
    }

    #[test]
    fn g2_a_broken_connection_is_no_transport_error() {
        let status = Status::from_error(Box::new(std::io::Error::from_raw_os_error(2)));
        for language in [Language::En, Language::Ru] {
            let said = failure(&status, texts(language));
            assert_eq!(said.sentence, texts(language).failure.broken);
            assert_eq!(said.detail, "");
        }
    }
}
