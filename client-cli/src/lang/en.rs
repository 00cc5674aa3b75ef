//! English.

use std::io::ErrorKind;

use faxpost_proto::{advice::Language, reason, user_store, words};

use super::Texts;
use crate::settings::key_of;

pub(crate) static EN: Texts = Texts {
    language: Language::En,

    error: "error:",
    warning: "warning:",
    alarm_word: "ALARM",
    yes: "yes",
    no: "no",
    off: "off",
    nothing: "Nothing found.",
    all: "everything",
    more: "There are more; -n N shows N of them.",
    by: |when, who| format!("{when} by {who}"),
    bytes: |bytes| format!("{bytes} bytes"),

    not_running: |endpoint| {
        format!(
            "The Faxpost service is not running (nobody listens at {endpoint}).\n\
             Start it, as root or as an administrator: `faxpostd start` (Windows), `systemctl start faxpostd` (Linux), \
             or in the foreground `faxpostd run`."
        )
    },
    denied: |endpoint| {
        format!(
            "This account may not connect to the Faxpost service at {endpoint}.\n\
             An administrator can change that."
        )
    },
    impostor: |endpoint, why| {
        format!(
            "Whoever listens at {endpoint} is not the Faxpost service: {why}.\n\
             Nothing was sent there. If this is the right address, somebody may be trying to read your mail and \
             passwords: tell an administrator."
        )
    },
    cannot_connect: |endpoint, why| format!("Cannot connect to {endpoint}: {why}."),
    connection_broken: "The connection to the Faxpost service broke. It may be restarting: try again, and see \
                        `faxpost status`.",
    reason,
    field: |field| match field {
        "pkcs12" | "pem" => "the file".to_owned(),
        "key_pem" => "the key".to_owned(),
        "answer" => "the answer".to_owned(),
        field => match super::place(field, "recipients") {
            Some(place) => format!("recipient {place}"),
            None => key_of(field),
        },
    },
    one_field: "One field is wrong.",
    code: words::EN.code,

    cannot_read: |file, why| format!("Cannot read {file}: {why}."),
    cannot_write: |file, why| format!("Cannot write {file}: {why}."),
    io: |kind| {
        Some(match kind {
            ErrorKind::NotFound => "it does not exist",
            ErrorKind::PermissionDenied => "permission denied",
            ErrorKind::IsADirectory => "it is a folder",
            ErrorKind::NotADirectory => "part of the path is not a folder",
            ErrorKind::StorageFull => "the disk is full",
            _ => return None,
        })
    },
    not_utf8: |file| format!("{file} is not text in UTF-8."),
    password_prompt: "Password: ",
    password_empty: "The password is empty.",
    password_empty_to_set: "The password is empty. To forget the stored one, use --clear-password.",
    no_recipient: "--to needs an address.",
    password_not_utf8: "The password is not text in UTF-8.",
    delete_needs_yes: "There is no terminal to ask whether it shall be deleted: use --yes.",
    no_terminal: "There is no terminal to ask for the password: use --password-stdin.",

    user_store: |error| match error {
        user_store::Error::NoStore => {
            "This system keeps no store of the user's certificates that could be asked.\n\
             Name the file instead: `faxpost cert install FILE` takes PKCS#12 and PEM."
                .to_owned()
        }
        user_store::Error::NotFound => {
            "Your own certificate store has no certificate with this SHA-256 fingerprint.\n\
             `faxpost cert list --store user` shows what is there."
                .to_owned()
        }
        user_store::Error::NoKey => {
            "This certificate has no private key in your store, so nothing can be signed with it.\n\
             Import it together with its key (a .pfx or .p12 file) first."
                .to_owned()
        }
        user_store::Error::NotExportable => {
            "The private key of this certificate is marked as not exportable: it cannot leave your store.\n\
             Install the original .pfx or .p12 file: `faxpost cert install FILE`."
                .to_owned()
        }
        user_store::Error::Failed(why) => format!("Your own certificate store failed: {why}"),
    },

    not_a_setting: |word| format!("{word:?} is not KEY=VALUE."),
    meant_a_setting: |key, value| format!("{value:?} is not KEY=VALUE. Did you mean {key}={value}?"),
    unknown_key: |key, meant, good| match meant {
        "" => format!("There is no key {key:?}. Keys: {good}."),
        meant => format!("There is no key {key:?}. Did you mean {meant}? Keys: {good}."),
    },
    key_twice: |key| format!("{key} is given twice."),
    bad_word: |key, value, good| format!("{key} cannot be {value:?}. Good values: {good}."),
    bad_number: |key, value| format!("{key} must be a whole number from 0, and {value:?} is none."),
    bad_time: |key, value| {
        format!("{key} must be a date or a moment like 2027-06-30, and {value:?} is none.")
    },
    bad_pin: |key| {
        format!("{key}: a SHA-256 has 64 hexadecimal digits (colons and a sha256: before them are fine).")
    },
    secret_argument: |key| {
        let secret = super::secret_option(key);
        format!(
            "{key} is not taken from the command line, where other users and the shell's history see it: \
             use --{secret}-stdin, or --ask-{secret} to be asked for it."
        )
    },
    nothing_to_set: "There is nothing to change: give KEY=VALUE (see `faxpost account set --help`).",
    bad_header: |field| format!("--header {field:?} is not 'Name: value'."),

    id: "ID",
    call: "Method",
    account: "Account",
    method: "Method",
    server: "Server",
    security: "Security",
    tls_check: "TLS check",
    sender: "Sender",
    login: "Login",
    key: "Key",
    old: "Old",
    new: "New",
    changed: "changed",
    state: "State",
    accepted: "Accepted",
    recipients: "Recipients",
    recipient: "Recipient",
    subject: "Subject",
    last_error: "Last error",
    caller: "Caller",
    message: "Message",
    message_id: "Message-ID",
    size: "Size",
    attempt: "Attempt",
    attempts: "Attempts",
    next_attempt: "Next attempt",
    expires: "Expires",
    answer: "Answer",
    time: "Time",
    kind: "Kind",
    outcome: "Outcome",
    reason_label: "Reason",
    duration: "Duration",
    delivered: "Delivered",
    role_label: "Role",
    members: "Members",

    status_service: "Service",
    status_running: |version, since| format!("faxpostd {version}, running since {since}"),
    status_caller: "You are",
    status_queue: "Outbox",
    status_counts: |queued, held| format!("{queued} queued, {held} held"),
    status_oldest: |counts, since| format!("{counts}; the oldest waits since {since}"),
    status_may: "You may",
    status_may_not: "You may not",
    status_store: "Store",
    status_nodes: "Services",
    status_node: |node, since| {
        let this_one = if node.this_one { ", this one" } else { "" };
        let lost = if node.lost { ", does not answer" } else { "" };
        let signs = match node.signs.is_empty() {
            true => String::new(),
            false => format!(", signs: {}", node.signs.join(", ")),
        };
        format!(
            "{} ({}), Faxpost {}, since {since}{this_one}{lost}{signs}",
            node.machine, node.number, node.version
        )
    },
    status_state_dir: "State folder",
    status_endpoint: "Endpoint",
    status_process: "Process",
    status_mailer: "Mail goes as",
    role: str::to_owned,

    default_value: "(default)",
    unset: |key| match key {
        "server" | "certificate" => Some("(not set)"),
        "login" => Some("(taken from the sender's address)"),
        "pickup-directory" => Some("(pickup in the state folder)"),
        "ehlo-name" => Some("(this host's name)"),
        "envelope-sender" => Some("(the sender's address)"),
        "messages-per-minute" => Some("(no limit)"),
        "proxy" | "reply-to" => Some("(none)"),
        other => (super::signin::EN.unset)(other),
    },
    blank_name: "(blank: the recipient sees the address)",
    hidden: "(hidden)",
    password_set: "set",
    password_unset: "not set",
    password_new: "set anew",
    password_cleared: |command| {
        format!(
            "The stored password was cleared, because it belonged to the former server, login, TLS settings or proxy.\n\
             Set it anew: {command} --ask-password"
        )
    },
    accept_invalid: |account| {
        format!(
            "Account {account} takes any server for the right one (tls-check=accept-invalid): whoever is on the path \
             can read the mail and the password."
        )
    },
    nobody_signs: |account, sender| {
        format!(
            "Account {account} signs its mail, and no certificate here can sign for {sender}: its mail is held until there \
             is one. See `faxpost cert candidates {account}`."
        )
    },
    still_pickup: |command| {
        format!("Mail still goes to the pickup folder (method=pickup). To send by SMTP:\n  {command}")
    },
    valid: "The settings are valid; nothing was changed.",
    unchanged: "Nothing is different.",
    created: |account| format!("Account {account} is there."),
    deleted: |account| format!("Account {account} is deleted."),
    overtaken: |account| {
        format!(
            "The account {account} was changed meanwhile; your changes were not made. Look at it and try again."
        )
    },
    overtaken_by: |account, who, when| {
        format!(
            "The account {account} was changed meanwhile ({who}, {when}); your changes were not made. \
             Look at it and try again."
        )
    },

    step: words::EN.step,
    skipped: "not needed",
    server_says: "Server:",
    advice: "Advice:",
    failure: words::EN.failure,
    offer_pin: |command| {
        format!(
            "To trust this server by its key, first compare the SHA-256 above with what its administrator says, then:\n  \
             {command}"
        )
    },
    certificate_line: |subject, issuer, until| format!("{subject}, issued by {issuer}, valid until {until}"),
    days_left: |days| {
        if days < 0 {
            format!("expired {} days ago", days.unsigned_abs())
        } else {
            format!("{days} days left")
        }
    },
    key_sha256: "SHA-256 of the key",
    tolerated: |why| format!("The system's check would have refused this certificate: {why}"),

    uploading: "Uploading",
    accepted_as: |id, message_id| format!("Accepted: {id}  {message_id}"),
    duplicate: "This request id was accepted before; nothing new was sent.",
    not_accepted: "The message was not accepted, and nothing of it is kept: send it again later.",
    not_of_sendmail: |word| {
        format!(
            "{word} is not what `faxpost sendmail` takes, or lacks its value; see `faxpost sendmail --help`."
        )
    },
    still_waiting: |id| format!("Not finished yet; Faxpost goes on trying. See `faxpost outbox show {id}`."),
    held_until: |reason, id, account| match reason {
        "" => format!("Somebody holds it, until it is released: `faxpost outbox release {id}`"),
        "NOT_SIGNED_IN" | "SIGN_IN_LOST" => {
            format!(
                "Faxpost holds it, and sends it as soon as somebody has signed in: `faxpost signin {account}`"
            )
        }
        _ => format!(
            "Faxpost holds it, and sends it as soon as it can be signed: `faxpost cert candidates {account}` says what is missing"
        ),
    },
    held_label: "Held",
    message_state: words::EN.message_state,
    recipient_state: words::EN.recipient_state,
    entry_kind: words::EN.entry_kind,
    entry_outcome: words::EN.entry_outcome,
    has_transcript: |id| format!("The SMTP dialogue: `faxpost log transcript {id}`"),
    truncated: "The dialogue was longer than the daemon keeps.",
    exported: |count| format!("{count} {} exported", if count == 1 { "entry" } else { "entries" }),
    policy_changed: "* changed from what Faxpost comes with",
    certificates: &super::certificates::EN,
    signin: super::signin::EN,
    accounts: &super::accounts::EN,
};

/// Used where the daemon gives no sentence of its own; what to type comes from here.
fn reason(code: &str) -> Option<&'static str> {
    Some(match code {
        reason::PASSWORD_NEEDED => {
            "These changes need the password anew: it belongs to the saved settings. Use --ask-password or \
             --password-stdin."
        }
        reason::NOT_SIGNED_IN => "Nobody has signed in to this account. Use `faxpost signin`.",
        reason::NO_USABLE_CERTIFICATE => "No certificate fits. `faxpost cert candidates` says why.",
        reason::KEY_ACCESS_DENIED => {
            "The account may not use the private key. An administrator can grant it: `faxpost cert grant`."
        }
        other => return (words::EN.reason)(other),
    })
}
