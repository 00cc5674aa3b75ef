//! All texts for people, in every language. One struct: a text that a language lacks does not compile.
//!
//! Words that can be typed (keys, values of settings, roles, decisions) are the same in every language, and so is the
//! help of clap. What the daemon says in English stays English where there is no translation.

use std::{borrow::Cow, io::ErrorKind};

use faxpost_proto::{
    advice::Language,
    said, user_store,
    v1::{Account, EntryKind, EntryOutcome, MessageState, RecipientState, Step},
};
use tonic::Code;

mod accounts;
mod certificates;
mod en;
mod ru;
mod signin;

pub(crate) use accounts::AccountTexts;
pub(crate) use signin::SignInTexts;

pub(crate) use certificates::CertificateTexts;

#[cfg(test)]
pub(crate) use en::EN;
#[cfg(test)]
pub(crate) use ru::RU;

/// The texts of a language.
pub(crate) fn texts(language: Language) -> &'static Texts {
    match language {
        Language::En => &en::EN,
        Language::Ru => &ru::RU,
    }
}

/// `recipients[0]` → 1
fn place(field: &str, list: &str) -> Option<usize> {
    let place = field.strip_prefix(list)?.strip_prefix('[')?.strip_suffix(']')?;
    place.parse::<usize>().ok()?.checked_add(1)
}

/// The name of a secret in the options by which it comes in.
fn secret_option(key: &str) -> &'static str {
    if key == "password" { "password" } else { "client-secret" }
}

type Text = &'static str;
/// A sentence with places to fill, in the order of their names.
type With1 = fn(&str) -> String;
type With2 = fn(&str, &str) -> String;
type With3 = fn(&str, &str, &str) -> String;

/// All texts of one language.
pub(crate) struct Texts {
    pub(crate) language: Language,

    // beside sentences
    pub(crate) error: Text,
    pub(crate) warning: Text,
    pub(crate) alarm_word: Text,
    pub(crate) yes: Text,
    pub(crate) no: Text,
    pub(crate) off: Text,
    pub(crate) nothing: Text,
    /// Instead of a list that names all there is.
    pub(crate) all: Text,
    pub(crate) more: Text,
    pub(crate) by: With2,
    pub(crate) bytes: fn(i64) -> String,

    // no way in, and refusals
    pub(crate) not_running: With1,
    pub(crate) denied: With1,
    pub(crate) impostor: With2,
    pub(crate) cannot_connect: With2,
    pub(crate) connection_broken: Text,
    pub(crate) reason: fn(&str) -> Option<Text>,
    /// A field of the API as one types it, or as a word where one does not.
    pub(crate) field: With1,
    /// Instead of the reason INVALID_FIELD, when it is one.
    pub(crate) one_field: Text,
    pub(crate) code: fn(Code) -> Text,

    // files and standard input
    pub(crate) cannot_read: With2,
    pub(crate) cannot_write: With2,
    pub(crate) io: fn(ErrorKind) -> Option<Text>,
    pub(crate) not_utf8: With1,
    pub(crate) password_prompt: Text,
    pub(crate) password_empty: Text,
    /// Where there is a way to forget it.
    pub(crate) password_empty_to_set: Text,
    pub(crate) no_recipient: Text,
    pub(crate) password_not_utf8: Text,
    pub(crate) no_terminal: Text,
    pub(crate) delete_needs_yes: Text,

    // the certificates of the person at this client
    pub(crate) user_store: fn(&user_store::Error) -> String,

    // KEY=VALUE
    pub(crate) not_a_setting: With1,
    /// Key, value: what was probably meant.
    pub(crate) meant_a_setting: With2,
    /// Key, good keys.
    /// Key, what may have been meant (or nothing), good keys.
    pub(crate) unknown_key: With3,
    pub(crate) key_twice: With1,
    /// Key, value, good words.
    pub(crate) bad_word: With3,
    /// Key, value.
    pub(crate) bad_number: With2,
    pub(crate) bad_pin: With1,
    pub(crate) bad_time: With2,
    pub(crate) secret_argument: With1,
    pub(crate) nothing_to_set: Text,
    pub(crate) bad_header: With1,

    // titles and labels
    pub(crate) id: Text,
    /// A method of the API.
    pub(crate) call: Text,
    pub(crate) account: Text,
    pub(crate) method: Text,
    pub(crate) server: Text,
    pub(crate) security: Text,
    pub(crate) tls_check: Text,
    pub(crate) sender: Text,
    pub(crate) login: Text,
    pub(crate) key: Text,
    pub(crate) old: Text,
    pub(crate) new: Text,
    pub(crate) changed: Text,
    pub(crate) state: Text,
    pub(crate) accepted: Text,
    pub(crate) recipients: Text,
    pub(crate) recipient: Text,
    pub(crate) subject: Text,
    pub(crate) last_error: Text,
    pub(crate) caller: Text,
    pub(crate) message: Text,
    pub(crate) message_id: Text,
    pub(crate) size: Text,
    pub(crate) attempt: Text,
    pub(crate) attempts: Text,
    pub(crate) next_attempt: Text,
    pub(crate) expires: Text,
    pub(crate) answer: Text,
    pub(crate) time: Text,
    pub(crate) kind: Text,
    pub(crate) outcome: Text,
    pub(crate) reason_label: Text,
    pub(crate) duration: Text,
    pub(crate) delivered: Text,
    pub(crate) role_label: Text,
    pub(crate) members: Text,

    // status
    pub(crate) status_service: Text,
    /// Version, since when.
    pub(crate) status_running: With2,
    pub(crate) status_caller: Text,
    pub(crate) status_queue: Text,
    /// Queued, held.
    pub(crate) status_counts: fn(i64, i64) -> String,
    /// Counts, since when.
    pub(crate) status_oldest: With2,
    pub(crate) status_may: Text,
    pub(crate) status_may_not: Text,
    pub(crate) status_store: Text,
    /// Since when this daemon alone works on the database.
    pub(crate) status_nodes: &'static str,
    pub(crate) status_node: fn(&faxpost_proto::v1::Node, &str) -> String,
    pub(crate) status_state_dir: Text,
    pub(crate) status_endpoint: Text,
    pub(crate) status_process: Text,
    pub(crate) status_mailer: Text,
    pub(crate) role: fn(&str) -> String,

    // accounts
    pub(crate) default_value: Text,
    /// What holds where a key has no value; `None`: the usual word.
    pub(crate) unset: fn(&str) -> Option<Text>,
    pub(crate) blank_name: Text,
    pub(crate) hidden: Text,
    pub(crate) password_set: Text,
    pub(crate) password_unset: Text,
    pub(crate) password_new: Text,
    /// The command that sets it anew, without its option.
    pub(crate) password_cleared: With1,
    pub(crate) accept_invalid: With1,
    /// Account, sender.
    pub(crate) nobody_signs: With2,
    /// The command that switches to SMTP.
    pub(crate) still_pickup: With1,
    pub(crate) valid: Text,
    pub(crate) unchanged: Text,
    pub(crate) created: With1,
    pub(crate) deleted: With1,
    pub(crate) overtaken: With1,
    /// Account, who, when.
    pub(crate) overtaken_by: With3,

    // the Test
    pub(crate) step: fn(Step) -> Text,
    pub(crate) skipped: Text,
    pub(crate) server_says: Text,
    pub(crate) advice: Text,
    /// A failure by its code, where the daemon's English needs a translation.
    pub(crate) failure: fn(&str) -> Option<Text>,
    /// The ready-made command.
    pub(crate) offer_pin: With1,
    /// Subject, issuer, last day.
    pub(crate) certificate_line: With3,
    pub(crate) days_left: fn(i32) -> String,
    pub(crate) key_sha256: Text,
    pub(crate) tolerated: With1,

    // sending, outbox, log, policy
    pub(crate) uploading: Text,
    /// Id, Message-ID.
    pub(crate) accepted_as: With2,
    pub(crate) duplicate: Text,
    /// Of a message that was piped in.
    pub(crate) not_accepted: Text,
    /// A word that sendmail's line cannot have here.
    pub(crate) not_of_sendmail: With1,
    pub(crate) still_waiting: With1,
    /// Why the daemon holds a message (empty: somebody does), its id, its account: what it waits for.
    pub(crate) held_until: With3,
    pub(crate) held_label: Text,
    pub(crate) message_state: fn(MessageState) -> Text,
    pub(crate) recipient_state: fn(RecipientState) -> Text,
    pub(crate) entry_kind: fn(EntryKind) -> Text,
    pub(crate) entry_outcome: fn(EntryOutcome) -> Text,
    pub(crate) has_transcript: fn(i64) -> String,
    pub(crate) truncated: Text,
    pub(crate) exported: fn(u64) -> String,
    pub(crate) policy_changed: Text,
    /// Certificates, requests, the audit log.
    pub(crate) certificates: &'static CertificateTexts,
    pub(crate) signin: SignInTexts,
    /// History, files and discovery.
    pub(crate) accounts: &'static AccountTexts,
}

impl Texts {
    /// What holds where this key of the account has no value.
    pub(crate) fn unset_of(&self, key: &str, account: &Account) -> String {
        match key {
            "port" if account.effective_port != 0 => {
                format!("{} {}", account.effective_port, self.default_value)
            }
            "login" if !account.effective_login.is_empty() => {
                format!("{} {}", account.effective_login, self.default_value)
            }
            key => (self.unset)(key).unwrap_or(self.default_value).to_owned(),
        }
    }

    /// What the daemon says in English, in this language as far as it is known.
    pub(crate) fn said<'a>(&self, english: &'a str) -> Cow<'a, str> {
        said::said(english, self.language)
    }

    /// The daemon's own sentences can stand as they are.
    pub(crate) fn is_english(&self) -> bool {
        self.language == Language::En
    }
}

#[cfg(test)]
mod tests {
    use faxpost_proto::reason;

    use super::*;

    #[test]
    fn every_reason_has_a_sentence_in_both_languages() {
        for texts in [&EN, &RU] {
            for error_reason in reason::ALL {
                assert!((texts.reason)(error_reason).is_some(), "{error_reason}");
            }
            assert_eq!((texts.reason)("FROM_THE_FUTURE"), None);
        }
    }
}
