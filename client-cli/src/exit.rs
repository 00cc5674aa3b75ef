//! The exit codes, sysexits where they fit: what scripts decide by.

use std::process::ExitCode;

use faxpost_proto::reason;
use tonic::Code;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line is wrong.
    Usage = 64,
    /// The data is wrong: a field, an id, a file.
    BadData = 65,
    /// The daemon does not run.
    NotRunning = 69,
    /// It exists already, or the file cannot be written.
    CannotCreate = 73,
    /// Not now: trying again later makes sense.
    Temporary = 75,
    /// Not allowed.
    Denied = 77,
    /// The settings do not work, here or at the server.
    Configuration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit of a refused call: by its reason, else (a newer daemon, or none of its words) by its code.
pub(crate) fn of_status(code: Code, error_reason: Option<&str>) -> Exit {
    error_reason.and_then(of_reason).unwrap_or_else(|| of_code(code))
}

fn of_reason(error_reason: &str) -> Option<Exit> {
    Some(match error_reason {
        reason::METHOD_CANNOT
        | reason::NOT_AVAILABLE
        | reason::PROVIDER_REFUSED
        | reason::NOT_SIGNED_IN
        | reason::NO_USABLE_CERTIFICATE
        | reason::KEY_ACCESS_DENIED => Exit::Configuration,
        reason::CALLER_UNKNOWN
        | reason::POLICY_DENIED
        | reason::FIELD_DENIED
        | reason::SENDER_DENIED
        | reason::SCOPE_DENIED
        | reason::OWN_REQUEST => Exit::Denied,
        reason::INVALID_FIELD
        | reason::PASSWORD_NEEDED
        | reason::ACCOUNT_NOT_FOUND
        | reason::MESSAGE_NOT_FOUND
        | reason::REVISION_NOT_FOUND
        | reason::ENTRY_NOT_FOUND
        | reason::TRANSCRIPT_NOT_FOUND
        | reason::REQUEST_ID_REUSED
        | reason::WRONG_STATE
        | reason::ACCOUNT_IN_USE
        | reason::LOCKOUT
        | reason::SIGN_IN_UNKNOWN
        | reason::CERTIFICATE_NOT_FOUND
        | reason::CERTIFICATE_IN_USE
        | reason::WRONG_PASSWORD
        | reason::KEY_MISSING
        | reason::TRUSTEE_UNKNOWN
        | reason::SIGNING_REQUEST_NOT_FOUND
        | reason::REQUEST_NOT_FOUND
        | reason::MESSAGE_TOO_LARGE => Exit::BadData,
        reason::ACCOUNT_EXISTS => Exit::CannotCreate,
        reason::ETAG_MISMATCH
        | reason::TOO_MANY_CONNECTIONS
        | reason::TOO_MANY_CALLS
        | reason::TOO_MANY_CHANGES
        | reason::QUEUE_SHARE
        | reason::TOO_SLOW
        | reason::PROVIDER_UNAVAILABLE
        | reason::CERTIFICATE_STORE_FAILED
        | reason::APPROVAL_PENDING
        | reason::TOO_MANY_REQUESTS
        | reason::DISK_FULL
        | reason::STORE_FAILED
        | reason::STORE_UNKNOWN
        | reason::STANDBY
        | reason::STOPPING => Exit::Temporary,
        reason::INTERNAL => Exit::Other,
        _ => return None,
    })
}

fn of_code(code: Code) -> Exit {
    match code {
        Code::Ok => Exit::Done,
        Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition | Code::OutOfRange => Exit::BadData,
        Code::AlreadyExists => Exit::CannotCreate,
        Code::PermissionDenied | Code::Unauthenticated => Exit::Denied,
        Code::Aborted
        | Code::ResourceExhausted
        | Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled => Exit::Temporary,
        Code::Unimplemented | Code::Internal | Code::Unknown | Code::DataLoss => Exit::Other,
    }
}

/// The exit of a failed Test: temporary when the network or the server may do better later, else configuration.
pub(crate) fn of_failed_test(failure_reason: &str, answer: &str) -> Exit {
    let network = matches!(
        failure_reason,
        "RESOLVER_FAILED"
            | "CONNECTION_REFUSED"
            | "UNREACHABLE"
            | "TIMED_OUT"
            | "CONNECTION_LOST"
            | "AUTH_TEMPORARY"
            | "TOKEN_UNAVAILABLE"
            | "UNCERTAIN"
            | "MAILER_FAILED"
    );
    // RFC 5321 section 4.2.1: 4yz is a transient negative reply.
    if network || answer.starts_with('4') { Exit::Temporary } else { Exit::Configuration }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_protocol_has_an_exit() {
        for error_reason in reason::ALL {
            assert!(of_reason(error_reason).is_some(), "{error_reason}");
        }
    }

    #[test]
    fn the_reason_decides_before_the_code() {
        assert_eq!(of_status(Code::InvalidArgument, Some(reason::INVALID_FIELD)), Exit::BadData);
        assert_eq!(of_status(Code::InvalidArgument, Some(reason::METHOD_CANNOT)), Exit::Configuration);
        assert_eq!(of_status(Code::Aborted, Some(reason::ETAG_MISMATCH)), Exit::Temporary);
        assert_eq!(of_status(Code::Internal, Some(reason::INTERNAL)), Exit::Other);
    }

    #[test]
    fn a_reason_of_a_newer_daemon_falls_back_to_the_code() {
        assert_eq!(of_status(Code::PermissionDenied, Some("FROM_THE_FUTURE")), Exit::Denied);
        assert_eq!(of_status(Code::ResourceExhausted, None), Exit::Temporary);
        assert_eq!(of_status(Code::NotFound, None), Exit::BadData);
    }

    #[test]
    fn d2_a_failed_test_is_temporary_only_when_later_may_be_better() {
        assert_eq!(of_failed_test("TIMED_OUT", ""), Exit::Temporary);
        assert_eq!(of_failed_test("RECIPIENT_REJECTED", "450 4.2.0 greylisted"), Exit::Temporary);
        assert_eq!(of_failed_test("RECIPIENT_REJECTED", "550 5.1.1 no such user"), Exit::Configuration);
        assert_eq!(of_failed_test("CERTIFICATE_UNTRUSTED", ""), Exit::Configuration);
        assert_eq!(of_failed_test("NAME_NOT_FOUND", ""), Exit::Configuration);
    }
}
