//! English.

use tonic::Code;

use super::Words;
use crate::advice::Language;
use crate::reason;
use crate::v1::{
    AuditOutcome, EntryKind, EntryOutcome, KeyProvider, MessageState, RecipientState, RequestState,
    Requirement, SignInState, Step,
};

pub(super) const EN: Words = Words {
    language: Language::En,
    reason,
    code,
    step: |step| match step {
        Step::Resolve => "Resolve the name",
        Step::Connect => "Connect",
        Step::Tls => "TLS",
        Step::Ehlo => "EHLO",
        Step::SignIn => "Sign in",
        Step::Sender => "Sender",
        Step::Recipient => "Recipient",
        Step::Message => "Message",
        Step::Unspecified => "?",
    },
    message_state: |state| match state {
        MessageState::Queued => "queued",
        MessageState::Sending => "sending",
        MessageState::Held => "held",
        MessageState::Delivered => "delivered",
        MessageState::Failed => "failed",
        MessageState::Cancelled => "cancelled",
        MessageState::Unspecified => "?",
    },
    recipient_state: |state| match state {
        RecipientState::Pending => "pending",
        RecipientState::Delivered => "delivered",
        RecipientState::Failed => "failed",
        RecipientState::Cancelled => "cancelled",
        RecipientState::Unspecified => "?",
    },
    entry_kind: |kind| match kind {
        EntryKind::Accepted => "accepted",
        EntryKind::Attempt => "attempt",
        EntryKind::Test => "test",
        EntryKind::Expired => "expired",
        EntryKind::Steered => "steered",
        EntryKind::Unspecified => "?",
    },
    entry_outcome: |outcome| match outcome {
        EntryOutcome::Ok => "ok",
        EntryOutcome::Partial => "partial",
        EntryOutcome::Temporary => "temporary",
        EntryOutcome::Permanent => "permanent",
        EntryOutcome::Unspecified => "",
    },
    failure: |_| None,
    key_provider: |provider| match provider {
        KeyProvider::None => "none",
        KeyProvider::File => "file",
        KeyProvider::Cng => "CNG",
        KeyProvider::Capi => "CryptoAPI",
        KeyProvider::Unspecified => "?",
    },
    request_state: |state| match state {
        RequestState::Pending => "pending",
        RequestState::Approved => "approved",
        RequestState::Done => "done",
        RequestState::Failed => "failed",
        RequestState::Refused => "refused",
        RequestState::Expired => "expired",
        RequestState::Withdrawn => "withdrawn",
        RequestState::Unspecified => "?",
    },
    audit_outcome: |outcome| match outcome {
        AuditOutcome::Done => "done",
        AuditOutcome::Denied => "denied",
        AuditOutcome::Failed => "failed",
        AuditOutcome::Pending => "pending",
        AuditOutcome::Unspecified => "?",
    },
    requirement: |requirement| match requirement {
        Requirement::Address => "The sender's address is not in the certificate.",
        Requirement::Period => "It has not begun, or is over.",
        Requirement::KeyUsage => "Its key usage does not allow signatures.",
        Requirement::ExtendedKeyUsage => "Its extended key usage does not allow mail.",
        Requirement::Chain => "Its chain is not complete, or not right.",
        Requirement::Trust => "Its root is not trusted on this machine.",
        Requirement::Key => "Its private key is not in the machine's store.",
        Requirement::KeyAccess => "The account that mail is signed under may not use its key.",
        Requirement::Algorithm => "Its key is of a kind that cannot sign here.",
        Requirement::Revocation => "It is revoked.",
        Requirement::Unspecified => "Something else that this version does not know.",
    },
    effect: |code| {
        Some(match code {
            "certificate" => "Certificate",
            "subject" => "Subject",
            "issuer" => "Issuer",
            "addresses" => "Addresses",
            "address" => "Address",
            "not-after" => "Until",
            "chain" => "Chain",
            "key" => "Key",
            "exportable" => "Exportable",
            "trustee" => "Who gets or loses it",
            "request" => "Signing request",
            _ => return None,
        })
    },
    access_word: |code| {
        Some(match code {
            "read" => "use",
            "full" => "everything",
            _ => return None,
        })
    },
    browser_error: |code| match code {
        "access_denied" => "Nobody has signed in: it was refused in the browser, by you or by the provider.",
        "server_error" | "temporarily_unavailable" => {
            "Nobody has signed in: the provider has a problem. Try again later."
        }
        "consent_required" | "interaction_required" | "admin_policy_enforced" => {
            "Nobody has signed in: the provider wants the consent of an administrator of your organisation."
        }
        _ => {
            "Nobody has signed in: the provider does not accept the request. Compare oauth-client-id, oauth-scope and \
             the redirect with the registration there."
        }
    },
    sign_in_state: |state| match state {
        SignInState::SignedOut => "nobody has signed in",
        SignInState::SignedIn => "signed in",
        SignInState::Degraded => "signed in; the provider could not be asked just now",
        SignInState::Lost => "lost: sign in again",
        SignInState::Unspecified => "?",
    },
};

/// Used where the daemon gives no sentence of its own.
fn reason(code: &str) -> Option<&'static str> {
    Some(match code {
        reason::INVALID_FIELD => "Some fields are wrong.",
        reason::METHOD_CANNOT => "The chosen method cannot do that.",
        reason::NOT_AVAILABLE => "That is not available here.",
        reason::PASSWORD_NEEDED => "These changes need the password anew: it belongs to the saved settings.",
        reason::CALLER_UNKNOWN => "The service could not find out who you are.",
        reason::POLICY_DENIED => "The policy does not allow you to do that. An administrator can change it.",
        reason::FIELD_DENIED => "Only administrators may change these fields.",
        reason::ACCOUNT_NOT_FOUND => "There is no such account.",
        reason::REVISION_NOT_FOUND => "There is no such revision of an account.",
        reason::MESSAGE_NOT_FOUND => "There is no such message, or it is somebody else's.",
        reason::ENTRY_NOT_FOUND => "There is no such log entry, or it is somebody else's.",
        reason::TRANSCRIPT_NOT_FOUND => "This log entry has no transcript.",
        reason::ACCOUNT_EXISTS => "An account of this name exists already.",
        reason::REQUEST_ID_REUSED => "This request id was used for another message.",
        reason::ETAG_MISMATCH => "Somebody else changed it meanwhile; nothing was changed.",
        reason::WRONG_STATE => "The state it is in does not allow that.",
        reason::ACCOUNT_IN_USE => {
            "This account cannot be deleted: it is the default, or it still has messages."
        }
        reason::LOCKOUT => "That would lock the administrators out.",
        reason::TOO_MANY_CONNECTIONS => "You have too many connections open. Try again later.",
        reason::TOO_MANY_CALLS => "You have too many calls under way. Try again later.",
        reason::TOO_MANY_CHANGES => "You have changed accounts too often. Try again in some minutes.",
        reason::SENDER_DENIED => {
            "The account may not send as this author. An administrator can let it: [sendmail] in faxpostd.toml."
        }
        reason::QUEUE_SHARE => "You have too many unfinished messages in the outbox. Try again later.",
        reason::MESSAGE_TOO_LARGE => "The message is too large.",
        reason::TOO_SLOW => "The service waited too long for data. Try again.",
        reason::SIGN_IN_UNKNOWN => {
            "There is no such sign-in under way: it is over, was used, or took too long. Begin again."
        }
        reason::PROVIDER_REFUSED => "The provider refused the sign-in.",
        reason::PROVIDER_UNAVAILABLE => "The provider did not answer. Try again later.",
        reason::NOT_SIGNED_IN => "Nobody has signed in to this account.",
        reason::SCOPE_DENIED => "More is asked for than was granted at sign-in.",
        reason::CERTIFICATE_NOT_FOUND => "There is no such certificate in the machine's store.",
        reason::CERTIFICATE_IN_USE => "An account signs with this certificate.",
        reason::NO_USABLE_CERTIFICATE => "No certificate fits.",
        reason::WRONG_PASSWORD => "The password of the file is wrong.",
        reason::KEY_MISSING => "There is no private key with the certificate.",
        reason::KEY_ACCESS_DENIED => {
            "The account may not use the private key. An administrator can grant it."
        }
        reason::TRUSTEE_UNKNOWN => "There is no such account on this machine.",
        reason::SIGNING_REQUEST_NOT_FOUND => "There is no such signing request, or the answer fits none.",
        reason::CERTIFICATE_STORE_FAILED => {
            "The machine's certificate store failed. The service's log has more."
        }
        reason::APPROVAL_PENDING => "An administrator must approve it first.",
        reason::TOO_MANY_REQUESTS => "You have too many requests that wait for an administrator.",
        reason::REQUEST_NOT_FOUND => "There is no such request, or it is somebody else's.",
        reason::OWN_REQUEST => "Another administrator must decide: it is your own request.",
        reason::DISK_FULL => "The service's disk is full; nothing was accepted. Try again later.",
        reason::STORE_FAILED => {
            "The service's store failed; nothing was accepted or changed. Try again later."
        }
        reason::STANDBY => {
            "The service on this computer waits for its database, which is being moved or brought up to date. Try again later."
        }
        reason::STORE_UNKNOWN => {
            "The service's database server went away during the change: look whether it was made before you repeat it."
        }
        reason::STOPPING => "The service is stopping. Try again later.",
        reason::INTERNAL => "A fault of the service; its log has more.",
        _ => return None,
    })
}

/// Used where there is no reason either: the transport's own refusals.
fn code(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument | Code::OutOfRange => "The service does not take this.",
        Code::NotFound => "There is no such thing.",
        Code::AlreadyExists => "It exists already.",
        Code::PermissionDenied => "You are not allowed to do that.",
        Code::Unauthenticated => "The service does not know you.",
        Code::ResourceExhausted => "The service is too busy for you now. Try again later.",
        Code::FailedPrecondition => "That is not possible now.",
        Code::Aborted => "Somebody else was faster. Try again.",
        Code::Unavailable => "The service is not available now. Try again later.",
        Code::DeadlineExceeded | Code::Cancelled => "The service did not answer in time. Try again later.",
        Code::Unimplemented => "The service does not know this command: it is older than this program.",
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            "A fault of the service; its log has more."
        }
    }
}
