//! What a person may do here, in the words of what it is for, and where an alarm is repaired.

use faxpost_proto::v1::Permission;

/// Something that people do here, by the methods that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Send mail.
    Send,
    /// Retry, hold, release and cancel messages.
    Steer,
    /// Read the e-mail log.
    ReadLog,
    /// Change settings of accounts.
    ChangeAccounts,
    /// Create and delete accounts.
    MakeAccounts,
    /// Sign accounts in and out.
    SignIn,
    /// Test accounts.
    Test,
    /// Install and delete certificates.
    Certificates,
    /// Say who may use private keys.
    Keys,
    /// Decide about requests.
    Decide,
    /// Change the policy.
    Policy,
    /// Read the audit log.
    Audit,
}

/// Whether somebody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// At once.
    Yes,
    /// An administrator must approve it.
    Ask,
    /// No.
    No,
}

/// Where an alarm is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Settings of the account.
    Account,
    /// Password or OAuth.
    SignIn,
    /// Certificate and key.
    Certificate,
    /// Nowhere in this window.
    Nowhere,
}

/// All deeds, with what they need: whoever may not do one of it may not do it.
pub const DEEDS: [(Deed, &[&str]); 12] = [
    (Deed::Send, &["Mail/SendMail"]),
    (Deed::Steer, &["Mail/RetryMessage", "Mail/HoldMessage", "Mail/ReleaseMessage", "Mail/CancelMessage"]),
    (Deed::ReadLog, &["Log/ListEntries", "Log/GetTranscript"]),
    (Deed::ChangeAccounts, &["Accounts/UpdateAccount"]),
    (Deed::MakeAccounts, &["Accounts/CreateAccount", "Accounts/DeleteAccount"]),
    (Deed::SignIn, &["OAuth/StartSignIn", "OAuth/FinishSignIn", "OAuth/SignOut"]),
    (Deed::Test, &["Diagnostics/TestAccount"]),
    (Deed::Certificates, &["Certificates/InstallCertificate", "Certificates/DeleteCertificate"]),
    (Deed::Keys, &["Certificates/GrantKeyAccess", "Certificates/RevokeKeyAccess"]),
    (Deed::Decide, &["Approvals/ApproveRequest", "Approvals/RefuseRequest"]),
    (Deed::Policy, &["Admin/UpdatePolicy"]),
    (Deed::Audit, &["Admin/ListAuditEntries"]),
];

/// Whether all of these methods may be called.
#[must_use]
pub fn may(permissions: &[Permission], methods: &[&str]) -> May {
    let each = methods.iter().map(|method| {
        let known = permissions.iter().find(|known| known.method.strip_prefix("faxpost.v1.") == Some(method));
        match known {
            Some(known) if known.allowed => May::Yes,
            Some(known) if known.approval => May::Ask,
            _ => May::No,
        }
    });
    each.max_by_key(|may| match may {
        May::Yes => 0,
        May::Ask => 1,
        May::No => 2,
    })
    .unwrap_or(May::No)
}

/// Where something can be done about an alarm.
#[must_use]
pub fn repair(reason: &str) -> Repair {
    match reason {
        "ACCEPT_INVALID" | "PLAINTEXT_AUTH" => Repair::Account,
        "NO_PASSWORD" | "PASSWORD_UNUSABLE" => Repair::SignIn,
        _ if reason.starts_with("OAUTH_") => Repair::SignIn,
        "MAIL_UNSIGNED" => Repair::Certificate,
        _ if reason.starts_with("CERTIFICATE_") => Repair::Certificate,
        _ => Repair::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(method: &str, allowed: bool, approval: bool) -> Permission {
        Permission { method: format!("faxpost.v1.{method}"), allowed, approval }
    }

    #[test]
    fn h2_a_deed_is_as_free_as_its_least_free_part() {
        let permissions = [
            permission("Certificates/GrantKeyAccess", true, false),
            permission("Certificates/RevokeKeyAccess", false, true),
            permission("Mail/SendMail", true, false),
            permission("Accounts/CreateAccount", true, false),
            permission("Accounts/DeleteAccount", false, false),
        ];
        let of = |deed| may(&permissions, DEEDS.iter().find(|(known, _)| *known == deed).unwrap().1);
        assert_eq!(of(Deed::Keys), May::Ask);
        assert_eq!(of(Deed::Send), May::Yes);
        assert_eq!(of(Deed::MakeAccounts), May::No);
        assert_eq!(of(Deed::Policy), May::No, "what the daemon does not know is denied");
    }

    #[test]
    fn g2_an_alarm_leads_to_where_it_is_repaired() {
        assert_eq!(repair("PLAINTEXT_AUTH"), Repair::Account);
        assert_eq!(repair("OAUTH_LOST"), Repair::SignIn);
        assert_eq!(repair("CERTIFICATE_EXPIRING"), Repair::Certificate);
        assert_eq!(repair("OF_A_LATER_VERSION"), Repair::Nowhere);
    }
}
