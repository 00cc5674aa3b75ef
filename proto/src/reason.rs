//! The error reasons: Faxpost's only vocabulary of failure.
//!
//! Every error status carries a `google.rpc.ErrorInfo` with [`DOMAIN`] and one of these as its reason. Scripts and
//! clients decide by them; the sentences beside them may change, these do not.

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "faxpost";

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])* pub const $name: &str = stringify!($name);)*
        /// All reasons.
        pub const ALL: &[&str] = &[$(stringify!($name)),*];
    };
}

reasons! {
    /// One or more fields are wrong; `BadRequest` names them. INVALID_ARGUMENT.
    INVALID_FIELD,
    /// The fields are right, but the chosen method cannot do what they ask. INVALID_ARGUMENT with field violations.
    METHOD_CANNOT,
    /// The method or feature is known and not available on this host. INVALID_ARGUMENT with field violations.
    NOT_AVAILABLE,
    /// The test draft changes what the stored password is bound to; give the password. INVALID_ARGUMENT.
    PASSWORD_NEEDED,
    /// The daemon could not find out who the caller is. UNAUTHENTICATED.
    CALLER_UNKNOWN,
    /// The policy does not allow this method to the caller's role. PERMISSION_DENIED.
    POLICY_DENIED,
    /// The field may be changed by administrators only. PERMISSION_DENIED with field violations.
    FIELD_DENIED,
    /// No such account. NOT_FOUND.
    ACCOUNT_NOT_FOUND,
    /// No such revision of an account. NOT_FOUND.
    REVISION_NOT_FOUND,
    /// No such message, or it is somebody else's. NOT_FOUND.
    MESSAGE_NOT_FOUND,
    /// No such log entry, or it is somebody else's. NOT_FOUND.
    ENTRY_NOT_FOUND,
    /// The entry has no transcript. NOT_FOUND.
    TRANSCRIPT_NOT_FOUND,
    /// An account of this id exists. ALREADY_EXISTS.
    ACCOUNT_EXISTS,
    /// `request_id` was used for another content. ALREADY_EXISTS.
    REQUEST_ID_REUSED,
    /// Somebody else changed it since it was read. ABORTED.
    ETAG_MISMATCH,
    /// What was asked does not fit the message's state, e.g. retrying a delivered one. FAILED_PRECONDITION.
    WRONG_STATE,
    /// The account "default" cannot be deleted, or the account still has messages. FAILED_PRECONDITION.
    ACCOUNT_IN_USE,
    /// The change would lock the administrators out. FAILED_PRECONDITION.
    LOCKOUT,
    /// The caller has too many connections open. RESOURCE_EXHAUSTED.
    TOO_MANY_CONNECTIONS,
    /// The caller has too many calls under way. RESOURCE_EXHAUSTED.
    TOO_MANY_CALLS,
    /// The caller has changed accounts as often as he may for now. RESOURCE_EXHAUSTED.
    TOO_MANY_CHANGES,
    /// The caller has too many unfinished messages in the outbox. RESOURCE_EXHAUSTED.
    QUEUE_SHARE,
    /// The message is from an address that its account may not use. PERMISSION_DENIED.
    SENDER_DENIED,
    /// The message is larger than the daemon takes. INVALID_ARGUMENT.
    MESSAGE_TOO_LARGE,
    /// The caller sent nothing for too long. DEADLINE_EXCEEDED.
    TOO_SLOW,
    /// No such sign-in under way: unknown, over, used before, or somebody else's. FAILED_PRECONDITION.
    SIGN_IN_UNKNOWN,
    /// The provider refused: wrong client, missing consent, revoked grant. FAILED_PRECONDITION; the sentence has its words.
    PROVIDER_REFUSED,
    /// The provider did not answer, or not sensibly. UNAVAILABLE, try again later.
    PROVIDER_UNAVAILABLE,
    /// Nobody has signed in to this account, or the sign-in was lost. FAILED_PRECONDITION.
    NOT_SIGNED_IN,
    /// The scope asked for is not within what was granted. PERMISSION_DENIED.
    SCOPE_DENIED,
    /// No such certificate in the machine store. NOT_FOUND.
    CERTIFICATE_NOT_FOUND,
    /// An account signs with this certificate. FAILED_PRECONDITION.
    CERTIFICATE_IN_USE,
    /// No certificate fits: the sentence names the unmet requirements. FAILED_PRECONDITION.
    NO_USABLE_CERTIFICATE,
    /// The password of the file is wrong. INVALID_ARGUMENT with the field.
    WRONG_PASSWORD,
    /// There is no private key with it. INVALID_ARGUMENT with the field.
    KEY_MISSING,
    /// The account may not use the key. FAILED_PRECONDITION.
    KEY_ACCESS_DENIED,
    /// No such account of the operating system. INVALID_ARGUMENT with the field.
    TRUSTEE_UNKNOWN,
    /// No such signing request, or the answer fits none. NOT_FOUND.
    SIGNING_REQUEST_NOT_FOUND,
    /// The machine's certificate store failed. UNAVAILABLE.
    CERTIFICATE_STORE_FAILED,
    /// An administrator must approve it first; metadata "request" has its number. FAILED_PRECONDITION.
    APPROVAL_PENDING,
    /// The caller has too many requests that wait for an administrator. RESOURCE_EXHAUSTED.
    TOO_MANY_REQUESTS,
    /// No such request, or it is somebody else's. NOT_FOUND.
    REQUEST_NOT_FOUND,
    /// One cannot approve one's own request. PERMISSION_DENIED.
    OWN_REQUEST,
    /// The disk is full: nothing was accepted. UNAVAILABLE, try again later.
    DISK_FULL,
    /// The store failed: nothing was accepted or changed. UNAVAILABLE.
    STORE_FAILED,
    /// The database server went away during a change, which may have been made. UNAVAILABLE.
    STORE_UNKNOWN,
    /// Another daemon works on the database, and this one waits for its end. UNAVAILABLE.
    STANDBY,
    /// The daemon is stopping. UNAVAILABLE.
    STOPPING,
    /// A fault of the daemon; its log has more. INTERNAL.
    INTERNAL,
}
