//! Texts about certificates, requests and the audit log.

use faxpost_proto::v1::{AuditOutcome, KeyProvider, RequestState, Requirement};

use super::{Text, With1, With2, With3};

mod en;
mod ru;

pub(super) use en::EN;
pub(super) use ru::RU;

/// All of one language.
pub(crate) struct CertificateTexts {
    // titles and labels
    pub(crate) fingerprint: Text,
    pub(crate) subject: Text,
    pub(crate) issuer: Text,
    pub(crate) serial: Text,
    pub(crate) validity: Text,
    pub(crate) until: Text,
    pub(crate) addresses: Text,
    pub(crate) key_usage: Text,
    pub(crate) extended_key_usage: Text,
    pub(crate) any_usage: Text,
    pub(crate) key: Text,
    pub(crate) key_place: Text,
    pub(crate) key_name: Text,
    pub(crate) exportable: Text,
    pub(crate) signature: Text,
    pub(crate) used_by: Text,
    pub(crate) revocation: Text,
    pub(crate) chain: Text,
    pub(crate) trusted_root: Text,
    pub(crate) holders: Text,
    pub(crate) access: Text,
    pub(crate) builtin: Text,
    pub(crate) account_name: Text,
    pub(crate) number: Text,
    pub(crate) asked_by: Text,
    pub(crate) asked_at: Text,
    pub(crate) what: Text,
    pub(crate) digest: Text,
    pub(crate) decision: Text,
    pub(crate) target: Text,
    pub(crate) origin: Text,
    pub(crate) request: Text,

    // words
    pub(crate) key_provider: fn(KeyProvider) -> Text,
    pub(crate) request_state: fn(RequestState) -> Text,
    pub(crate) audit_outcome: fn(AuditOutcome) -> Text,
    /// What a certificate lacks.
    pub(crate) requirement: fn(Requirement) -> Text,
    /// The label of an effect by its code; `None`: the code itself.
    pub(crate) effect: fn(&str) -> Option<Text>,
    /// Access to a key by its code.
    pub(crate) access_word: fn(&str) -> Option<Text>,

    // candidates and the check
    /// Address.
    pub(crate) candidates_for: With1,
    /// Address.
    pub(crate) no_candidates: With1,
    pub(crate) can_sign: Text,
    pub(crate) own_store: Text,
    /// Fingerprint: the command that installs it.
    pub(crate) install_own: With1,
    /// Who signed, how, how long.
    pub(crate) check_passed: With3,
    /// Who tried to.
    pub(crate) check_failed: With1,
    /// After a grant to somebody else.
    pub(crate) check_is_of_the_service: Text,
    /// Where something is not known.
    pub(crate) unknown: Text,

    // changes
    /// Fingerprint, subject.
    pub(crate) installed: With2,
    pub(crate) already_installed: With1,
    pub(crate) deleted: Text,
    /// Fingerprint, subject.
    pub(crate) will_delete: With2,
    /// Id.
    pub(crate) will_delete_csr: With1,
    pub(crate) file_password: Text,
    pub(crate) password_options: Text,
    /// The file.
    pub(crate) no_key_in: With1,
    /// The file.
    pub(crate) neither_p12_nor_pem: With1,
    /// The id, the command that installs the answer.
    pub(crate) csr_next: With2,
    pub(crate) fingerprint_needed: Text,

    // requests
    /// Number, the commands that follow it.
    pub(crate) pending: fn(i64) -> String,
    pub(crate) waiting: fn(i64) -> String,
    pub(crate) will_happen: Text,
    pub(crate) sure: Text,
    /// What may be typed for yes, in small letters.
    pub(crate) yes_words: &'static [&'static str],
    pub(crate) not_approved: Text,
    pub(crate) approve_options: Text,
    /// Its number.
    pub(crate) no_audit_entry: With1,
    pub(crate) status_requests: Text,
    pub(crate) status_pending: fn(i64) -> String,
    pub(crate) status_may_ask: Text,
}
