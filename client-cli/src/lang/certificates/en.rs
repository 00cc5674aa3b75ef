//! English.

use faxpost_proto::words;

use super::CertificateTexts;

pub(crate) static EN: CertificateTexts = CertificateTexts {
    fingerprint: "Fingerprint",
    subject: "Subject",
    issuer: "Issuer",
    serial: "Serial number",
    validity: "Valid",
    until: "Until",
    addresses: "Addresses",
    key_usage: "Key usage",
    extended_key_usage: "Extended usage",
    any_usage: "(not limited)",
    key: "Key",
    key_place: "Private key",
    key_name: "Name of the key",
    exportable: "Exportable",
    signature: "Signed with",
    used_by: "Used by",
    revocation: "Revocation",
    chain: "Chain",
    trusted_root: "trusted root",
    holders: "May use the key",
    access: "Access",
    builtin: "by the system",
    account_name: "Name",
    number: "No.",
    asked_by: "Asked by",
    asked_at: "Asked at",
    what: "What",
    digest: "Digest",
    decision: "Decision",
    target: "About",
    origin: "From where",
    request: "Request",

    key_provider: words::EN.key_provider,
    request_state: words::EN.request_state,
    audit_outcome: words::EN.audit_outcome,
    requirement: words::EN.requirement,
    effect: words::EN.effect,
    access_word: words::EN.access_word,

    candidates_for: |address| format!("Certificates for {address}:"),
    no_candidates: |address| {
        format!(
            "There is no certificate that could be looked at for {address}.\n\
             Install one: `faxpost cert install FILE`, or let a CA make one: `faxpost cert csr create`."
        )
    },
    can_sign: "can sign",
    own_store: "in your own store, not in the machine's",
    install_own: |fingerprint| format!("faxpost cert install --from-user {fingerprint}"),
    check_passed: |who, how, duration| format!("Signed as {who} and verified ({how}, {duration})."),
    check_failed: |who| format!("Signing as {who} failed."),
    check_is_of_the_service: "`faxpost cert check` signs as the account that mail is signed under, and tries no other.",
    unknown: "?",

    installed: |fingerprint, subject| format!("Installed: {fingerprint}  {subject}"),
    already_installed: |fingerprint| format!("It was there before; nothing was changed: {fingerprint}"),
    deleted: "Deleted.",
    will_delete: |fingerprint, subject| {
        format!(
            "This deletes the certificate {fingerprint} ({subject}) and its private key; nobody can bring that key back."
        )
    },
    will_delete_csr: |id| {
        format!(
            "This gives up the request {id} and deletes its private key: a certificate for it is of no use then."
        )
    },
    file_password: "Password of the file: ",
    password_options: "There is no terminal to ask for the password of the file: use --password-stdin, or \
                       --no-password if it has none.",
    no_key_in: |file| format!("There is no private key in {file}: name the file that has it with --key."),
    neither_p12_nor_pem: |file| format!("{file} is neither a PKCS#12 file (.pfx, .p12) nor PEM."),
    csr_next: |id, command| {
        format!(
            "The key waits under the id {id}.\n\
             Give the request above to a CA; when its answer is there:\n  {command}"
        )
    },
    fingerprint_needed: "A fingerprint has at least 8 hexadecimal digits.",

    pending: |number| {
        format!(
            "An administrator must approve this: it is request {number}, and is done as soon as he does.\n\
             Follow it:  faxpost request show {number}\n\
             For him:  faxpost request approve {number}"
        )
    },
    waiting: |number| {
        format!("Waiting for an administrator's decision on request {number}; Ctrl-C leaves it waiting.")
    },
    will_happen: "This will happen:",
    sure: "Carry it out? [y/N] ",
    yes_words: &["y", "yes"],
    not_approved: "Nothing was done; the request waits on.",
    approve_options: "There is no terminal to ask: use --digest with the digest of `faxpost request show`, or --yes.",
    no_audit_entry: |id| format!("There is no entry {id} in the audit log; `faxpost audit list` shows them."),
    status_requests: "Requests",
    status_pending: |count| format!("{count} waiting for an administrator (`faxpost request list`)"),
    status_may_ask: "You may ask for",
};
