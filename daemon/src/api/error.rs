//! Failures of the domain as gRPC statuses: a code, a reason of `faxpost_proto::reason`, fields where fields are wrong,
//! and a sentence for people.

use faxpost_proto::reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::accounts::{ChangeError, DraftError, FieldProblem, Problem};
use crate::approvals::{AskError, DecideError};
use crate::certs::CertificateError;
use crate::oauth::OauthError;
use crate::outbox::{AcceptError, SteerError};
use crate::policy::PolicyError;
use crate::store::StoreError;

/// Octets of a sentence as it goes out. It is there twice, beside the details and in them, and usual clients take 8 KiB of
/// headers; nor are an answer's headers held back from a caller who does not read, so that they must be small.
const MAX_SENTENCE: usize = 1536;
/// Wrong fields that are named. More are a program's mistake, and the first of them say enough.
const MAX_FIELDS: usize = 50;
/// Octets of all of them together, and of one's text.
const MAX_FIELDS_OCTETS: usize = 2048;
const MAX_FIELD_TEXT: usize = 400;

pub(super) fn status(code: Code, reason: &str, text: impl AsRef<str>) -> Status {
    answer(code, text, ErrorDetails::with_error_info(reason, reason::DOMAIN, []))
}

/// One field is wrong.
pub(super) fn invalid(field: &str, text: impl Into<String>) -> Status {
    fields(&[FieldProblem { field: field.to_owned(), problem: Problem::Invalid, text: text.into() }])
}

pub(super) fn fields(problems: &[FieldProblem]) -> Status {
    let any = |problem| problems.iter().any(|p| p.problem == problem);
    let (code, why) = if any(Problem::Denied) {
        (Code::PermissionDenied, reason::FIELD_DENIED)
    } else if any(Problem::Invalid) {
        (Code::InvalidArgument, reason::INVALID_FIELD)
    } else if any(Problem::MethodCannot) {
        (Code::InvalidArgument, reason::METHOD_CANNOT)
    } else {
        (Code::InvalidArgument, reason::NOT_AVAILABLE)
    };
    let mut room = MAX_FIELDS_OCTETS;
    let mut told = Vec::new();
    for problem in problems.iter().take(MAX_FIELDS) {
        let (field, text) = (cut(&problem.field, MAX_FIELD_TEXT), cut(&problem.text, MAX_FIELD_TEXT));
        match room.checked_sub(field.len() + text.len()) {
            Some(left) => room = left,
            None => break,
        }
        told.push(FieldViolation::new(field, text));
    }
    let sentences: Vec<_> = told.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
    let mut text = sentences.join("; ");
    if let more @ 1.. = problems.len() - told.len() {
        text = format!("{more} more than can be told here, and {text}");
    }
    let mut details = ErrorDetails::with_error_info(why, reason::DOMAIN, []);
    details.set_bad_request(told);
    answer(code, text, details)
}

/// Every status is made here, so that each is small enough.
fn answer(code: Code, text: impl AsRef<str>, details: ErrorDetails) -> Status {
    Status::with_error_details(code, cut(text.as_ref(), MAX_SENTENCE), details)
}

/// The beginning of a text that has more than `most` octets when all that is no letter or digit is written as %20.
fn cut(text: &str, most: usize) -> String {
    let mut octets = 0;
    for (at, c) in text.char_indices() {
        octets += if c.is_ascii_alphanumeric() { 1 } else { 3 * c.len_utf8() };
        if octets > most {
            return format!("{}…", &text[..at]);
        }
    }
    text.to_owned()
}

pub(super) fn store(error: &StoreError) -> Status {
    match error {
        StoreError::Full => {
            let text = "the disk of the daemon's state folder or of its database server is full; nothing was accepted or \
                        changed, try again later";
            status(Code::Unavailable, reason::DISK_FULL, text)
        }
        StoreError::Away(why) => {
            tracing::warn!(why, "the database server is away");
            let text = "the daemon's database server is away; nothing was accepted or changed, try again later. The \
                        daemon's log says why";
            status(Code::Unavailable, reason::STORE_FAILED, text)
        }
        StoreError::Unknown(why) => {
            tracing::error!(why, "nobody knows whether a change was made");
            let text = "the daemon's database server went away during the change, which may have been made; repeat a \
                        message with the same request_id, and look at other things before they are repeated";
            status(Code::Unavailable, reason::STORE_UNKNOWN, text)
        }
        StoreError::Failed(why) => {
            tracing::error!(why, "the store failed");
            let text =
                "the daemon's database failed; nothing was accepted or changed. The daemon's log says why";
            status(Code::Unavailable, reason::STORE_FAILED, text)
        }
    }
}

pub(super) fn change(error: ChangeError) -> Status {
    let text = error.to_string();
    match error {
        ChangeError::NotFound(id) => no_account(&id),
        ChangeError::Exists(_) => status(Code::AlreadyExists, reason::ACCOUNT_EXISTS, text),
        ChangeError::NoRevision(_) => status(Code::NotFound, reason::REVISION_NOT_FOUND, text),
        ChangeError::Stale(_) => {
            let text = format!("{text}; read it again and repeat the change");
            status(Code::Aborted, reason::ETAG_MISMATCH, text)
        }
        ChangeError::InUse(_) => status(Code::FailedPrecondition, reason::ACCOUNT_IN_USE, text),
        ChangeError::TooMany => status(Code::ResourceExhausted, reason::TOO_MANY_CHANGES, text),
        ChangeError::Fields(problems) => fields(&problems),
        ChangeError::Certificates(error) => certificate(error),
        ChangeError::Store(error) => store(&error),
    }
}

pub(super) fn draft(error: DraftError) -> Status {
    match error {
        DraftError::NotFound(id) => no_account(&id),
        DraftError::Fields(problems) => fields(&problems),
        DraftError::PasswordNeeded => {
            let text = "the stored password belongs to the saved server, port, security, TLS check, login and proxy, to \
                        the method that signs in and, without TLS, to its mechanism; give the password for this test";
            let mut details = ErrorDetails::with_error_info(reason::PASSWORD_NEEDED, reason::DOMAIN, []);
            details.add_bad_request_violation("password", text);
            answer(Code::InvalidArgument, text, details)
        }
        DraftError::NotSignedIn => {
            let text = "the sign-in belongs to the saved client, endpoints, server, port, security, TLS check and login; \
                        save the change and sign in again to test it";
            status(Code::FailedPrecondition, reason::NOT_SIGNED_IN, text)
        }
        DraftError::Vault(error) => {
            tracing::error!(%error, "a password could not be unsealed");
            status(
                Code::FailedPrecondition,
                reason::PASSWORD_NEEDED,
                format!("{error}; set the password anew"),
            )
        }
    }
}

pub(super) fn accept(error: AcceptError) -> Status {
    let text = error.to_string();
    match error {
        AcceptError::Fields(problems) => fields(&problems),
        AcceptError::NoAccount(id) => no_account(&id),
        AcceptError::TooLarge { .. } => status(Code::InvalidArgument, reason::MESSAGE_TOO_LARGE, text),
        AcceptError::QueueShare(_) | AcceptError::BytesShare(_) => {
            status(Code::ResourceExhausted, reason::QUEUE_SHARE, text)
        }
        AcceptError::Foreign(_) => status(Code::PermissionDenied, reason::SENDER_DENIED, text),
        AcceptError::Reused => status(Code::AlreadyExists, reason::REQUEST_ID_REUSED, text),
        AcceptError::Spool(error) => spool(&error),
        AcceptError::Store(error) => store(&error),
    }
}

pub(super) fn spool(error: &std::io::Error) -> Status {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return store(&StoreError::Full);
    }
    store(&StoreError::Failed(format!("spool: {error}")))
}

/// `own_only`: the caller sees what is his only.
pub(super) fn steer(error: SteerError, own_only: bool) -> Status {
    match error {
        SteerError::NotFound(id) => no_message(&id, own_only),
        SteerError::WrongState(why) => status(Code::FailedPrecondition, reason::WRONG_STATE, why),
        SteerError::Store(error) => store(&error),
    }
}

pub(super) fn oauth(error: OauthError) -> Status {
    let text = error.to_string();
    match error {
        OauthError::NoAccount(id) => no_account(&id),
        OauthError::Fields(problems) => fields(&problems),
        OauthError::Unknown(_) => status(Code::FailedPrecondition, reason::SIGN_IN_UNKNOWN, text),
        OauthError::Refused(_) => status(Code::FailedPrecondition, reason::PROVIDER_REFUSED, text),
        OauthError::Unavailable(_) => status(Code::Unavailable, reason::PROVIDER_UNAVAILABLE, text),
        OauthError::NotSignedIn(_) | OauthError::Lost(_) => {
            status(Code::FailedPrecondition, reason::NOT_SIGNED_IN, format!("{text}; sign in first"))
        }
        OauthError::ScopeDenied(_) => status(Code::PermissionDenied, reason::SCOPE_DENIED, text),
        OauthError::TooMany => status(Code::ResourceExhausted, reason::TOO_MANY_CALLS, text),
        OauthError::Vault(error) => {
            tracing::error!(%error, "a token or client secret could not be unsealed");
            let text = format!("{error}; set the client secret anew and sign in again");
            status(Code::FailedPrecondition, reason::NOT_SIGNED_IN, text)
        }
        OauthError::Store(error) => store(&error),
        OauthError::Failed(why) => internal(why),
    }
}

pub(super) fn policy(error: PolicyError) -> Status {
    match error {
        PolicyError::UnknownMethod => invalid("method", error.to_string()),
        PolicyError::Lockout => status(Code::FailedPrecondition, reason::LOCKOUT, error.to_string()),
        // Not here and not elsewhere: it is no matter of this host.
        PolicyError::NotApprovable(_) => invalid("decision", error.to_string()),
    }
}

/// It was not done, and waits.
pub(super) fn approval_pending(number: i64) -> Status {
    let metadata = [("request".to_owned(), number.to_string())];
    let details = ErrorDetails::with_error_info(reason::APPROVAL_PENDING, reason::DOMAIN, metadata);
    let text = format!(
        "an administrator must approve this: it is request {number} now, and is done as soon as he does; follow it with: \
         faxpost request show {number}"
    );
    answer(Code::FailedPrecondition, text, details)
}

pub(super) fn ask(error: AskError) -> Status {
    let text = error.to_string();
    match error {
        AskError::Action(error) => certificate(error),
        AskError::TooManyOfCaller(_) | AskError::TooManyInAll(_) => {
            status(Code::ResourceExhausted, reason::TOO_MANY_REQUESTS, text)
        }
        AskError::TooLarge => status(Code::InvalidArgument, reason::MESSAGE_TOO_LARGE, text),
        AskError::AnotherMethod(..) => internal(text),
        AskError::Store(error) => store(&error),
    }
}

pub(super) fn certificate(error: CertificateError) -> Status {
    let (why, text) = (error.reason(), error.to_string());
    let code = match &error {
        CertificateError::NotFound(_) | CertificateError::RequestNotFound(_) => Code::NotFound,
        CertificateError::Invalid { .. }
        | CertificateError::WrongPassword
        | CertificateError::KeyMissing { .. }
        | CertificateError::TrusteeUnknown(_) => Code::InvalidArgument,
        CertificateError::InUse(_) | CertificateError::NoneUsable(_) => Code::FailedPrecondition,
        CertificateError::TooMany(_) => Code::ResourceExhausted,
        CertificateError::Store(_) => {
            tracing::error!(text, "the machine's certificate store failed");
            Code::Unavailable
        }
    };
    let mut details = ErrorDetails::with_error_info(why, reason::DOMAIN, []);
    if let Some(field) = error.field() {
        details.add_bad_request_violation(field, cut(&text, MAX_SENTENCE));
    }
    answer(code, text, details)
}

/// `own_only`: the caller sees what is his only.
pub(super) fn decide(error: DecideError, own_only: bool) -> Status {
    let text = error.to_string();
    match error {
        DecideError::NotFound(number) => {
            let text = format!("there is no request {number}{}", of_yours(own_only));
            status(Code::NotFound, reason::REQUEST_NOT_FOUND, text)
        }
        DecideError::Own(_) => status(Code::PermissionDenied, reason::OWN_REQUEST, text),
        DecideError::WrongState(..) | DecideError::Elsewhere(..) => {
            status(Code::FailedPrecondition, reason::WRONG_STATE, text)
        }
        DecideError::AnotherDigest(_) => status(Code::Aborted, reason::ETAG_MISMATCH, text),
        DecideError::NoLongerAllowed { .. } => status(Code::FailedPrecondition, reason::POLICY_DENIED, text),
        DecideError::Store(error) => store(&error),
    }
}

pub(super) fn no_account(id: &str) -> Status {
    status(Code::NotFound, reason::ACCOUNT_NOT_FOUND, format!("there is no account {id}"))
}

pub(super) fn no_message(id: &str, own_only: bool) -> Status {
    let text = format!("there is no message {id}{}", of_yours(own_only));
    status(Code::NotFound, reason::MESSAGE_NOT_FOUND, text)
}

/// What one sees who does not see what others have.
pub(super) fn of_yours(own_only: bool) -> &'static str {
    if own_only { " of yours" } else { "" }
}

pub(super) fn stopping() -> Status {
    status(Code::Unavailable, reason::STOPPING, "the daemon is stopping; try again when it is back")
}

pub(super) fn too_large() -> Status {
    let text = "the request is larger than this method takes; send large mails with SendMailStream";
    status(Code::InvalidArgument, reason::MESSAGE_TOO_LARGE, text)
}

pub(super) fn internal(text: impl std::fmt::Display) -> Status {
    tracing::error!(%text, "internal error");
    status(Code::Internal, reason::INTERNAL, "the daemon failed at this; its log says why")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tonic_types::StatusExt as _;

    use super::*;

    /// Octets of the answer's headers.
    fn octets(status: Status) -> usize {
        status
            .into_http::<()>()
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum()
    }

    fn problem(field: &str, text: &str) -> FieldProblem {
        FieldProblem { field: field.to_owned(), problem: Problem::Invalid, text: text.to_owned() }
    }

    #[test]
    fn h5_a_refusal_is_small_however_much_is_wrong() {
        let many: Vec<_> = (0..200_000).map(|n| problem("update_mask", &format!("no field {n}"))).collect();
        let refusal = fields(&many);
        let told = refusal.get_details_bad_request().unwrap().field_violations;
        assert!((20..=MAX_FIELDS).contains(&told.len()), "{}", told.len());
        assert!(refusal.message().starts_with(&format!("{} more", 200_000 - told.len())));
        assert!(octets(refusal) < 8192);
        for text in ["x", " ", "я", "%", "\u{7}"].map(|text| text.repeat(100_000)) {
            assert!(octets(status(Code::Internal, reason::INTERNAL, &text)) < 8192);
            let many: Vec<_> = (0..60).map(|_| problem(&text, &text)).collect();
            assert!(octets(fields(&many)) < 8192);
            let certificate = CertificateError::Invalid { field: "certificate", text };
            assert!(octets(super::certificate(certificate)) < 8192);
        }
        let few = fields(&[problem("port", "too large"), problem("login", "has a line break")]);
        assert_eq!(few.message(), "port: too large; login: has a line break");
    }

    proptest! {
        #[test]
        fn h5_a_text_is_cut_between_characters(text in "\\PC{0,80}", most in 0_usize..100) {
            let short = cut(&text, most);
            prop_assert!(short == text || text.starts_with(short.strip_suffix('…').unwrap()));
            prop_assert!(short.len() <= most + '…'.len_utf8());
        }
    }
}
