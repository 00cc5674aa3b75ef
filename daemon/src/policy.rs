//! Who may do what: one table, method × role, default deny. Nothing else in the daemon decides it.

use std::collections::BTreeMap;

use crate::caller::Caller;

/// Who a caller is to the table: the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Administrators of this machine.
    Administrator,
    /// Components of the fax system.
    Service,
    /// Everybody else who is known to this machine.
    User,
}

impl Role {
    /// All, in the order of the table's columns.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Service, Self::User];

    /// The word of the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Service => "service",
            Self::User => "user",
        }
    }
}

/// What the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// No.
    Deny,
    /// Yes.
    Allow,
    /// He may ask for it: an administrator must approve each request. Only for [`APPROVABLE`] methods.
    Approval,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deny, Self::Allow, Self::Approval];

    /// The word of the command line, and of the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
            Self::Approval => "approval",
        }
    }
}

use Decision::{Allow, Approval, Deny};

/// What can be asked for and carried out later, exactly as it was shown. Everything else is over when it was called.
pub const APPROVABLE: [&str; 7] = [
    INSTALL_CERTIFICATE,
    DELETE_CERTIFICATE,
    GRANT_KEY_ACCESS,
    REVOKE_KEY_ACCESS,
    CREATE_SIGNING_REQUEST,
    INSTALL_SIGNING_ANSWER,
    DELETE_SIGNING_REQUEST,
];

/// See [`APPROVABLE`].
pub const INSTALL_CERTIFICATE: &str = "faxpost.v1.Certificates/InstallCertificate";
/// See [`APPROVABLE`].
pub const DELETE_CERTIFICATE: &str = "faxpost.v1.Certificates/DeleteCertificate";
/// See [`APPROVABLE`].
pub const GRANT_KEY_ACCESS: &str = "faxpost.v1.Certificates/GrantKeyAccess";
/// See [`APPROVABLE`].
pub const REVOKE_KEY_ACCESS: &str = "faxpost.v1.Certificates/RevokeKeyAccess";
/// See [`APPROVABLE`].
pub const CREATE_SIGNING_REQUEST: &str = "faxpost.v1.Certificates/CreateSigningRequest";
/// See [`APPROVABLE`].
pub const INSTALL_SIGNING_ANSWER: &str = "faxpost.v1.Certificates/InstallSigningAnswer";
/// See [`APPROVABLE`].
pub const DELETE_SIGNING_REQUEST: &str = "faxpost.v1.Certificates/DeleteSigningRequest";

/// What Faxpost comes with. Columns: administrator, service, user.
///
/// Users may edit and test accounts: whoever changes where a password goes loses the password (accounts/update.rs).
/// Services send and follow their mail, and need no settings. Users ask for what makes their mail be signed; nobody needs
/// to ask for a deletion.
const TABLE: &[(&str, [Decision; 3])] = &[
    ("faxpost.v1.Accounts/GetCapabilities", [Allow, Allow, Allow]),
    ("faxpost.v1.Accounts/ListAccounts", [Allow, Allow, Allow]),
    ("faxpost.v1.Accounts/GetAccount", [Allow, Allow, Allow]),
    ("faxpost.v1.Accounts/WatchAccounts", [Allow, Allow, Allow]),
    ("faxpost.v1.Accounts/CreateAccount", [Allow, Deny, Deny]),
    (UPDATE_ACCOUNT, [Allow, Deny, Allow]),
    ("faxpost.v1.Accounts/DeleteAccount", [Allow, Deny, Deny]),
    ("faxpost.v1.Accounts/ListRevisions", [Allow, Deny, Allow]),
    ("faxpost.v1.Accounts/GetRevision", [Allow, Deny, Allow]),
    // Both can bring accounts into being. Whoever may edit can do the rest by UpdateAccount.
    ("faxpost.v1.Accounts/RollbackAccount", [Allow, Deny, Deny]),
    ("faxpost.v1.Accounts/ImportAccounts", [Allow, Deny, Deny]),
    ("faxpost.v1.Accounts/ListPresets", [Allow, Allow, Allow]),
    // Makes the mailer ask strangers' servers: for those who set accounts up.
    ("faxpost.v1.Accounts/DiscoverAccount", [Allow, Deny, Allow]),
    ("faxpost.v1.OAuth/ListProfiles", [Allow, Allow, Allow]),
    ("faxpost.v1.OAuth/DiscoverIssuer", [Allow, Deny, Allow]),
    ("faxpost.v1.OAuth/StartSignIn", [Allow, Deny, Allow]),
    ("faxpost.v1.OAuth/FinishSignIn", [Allow, Deny, Allow]),
    ("faxpost.v1.OAuth/SignInWithDevice", [Allow, Deny, Allow]),
    ("faxpost.v1.OAuth/SignInWithClientCredentials", [Allow, Deny, Allow]),
    ("faxpost.v1.OAuth/SignOut", [Allow, Deny, Allow]),
    ("faxpost.v1.OAuth/GetSignIn", [Allow, Allow, Allow]),
    ("faxpost.v1.OAuth/WatchSignIns", [Allow, Allow, Allow]),
    // Hands out a secret: an administrator opens it for the component that needs it.
    ("faxpost.v1.OAuth/GetAccessToken", [Allow, Deny, Deny]),
    ("faxpost.v1.Certificates/ListCertificates", [Allow, Allow, Allow]),
    ("faxpost.v1.Certificates/GetCertificate", [Allow, Allow, Allow]),
    ("faxpost.v1.Certificates/ListCandidates", [Allow, Allow, Allow]),
    (INSTALL_CERTIFICATE, [Allow, Deny, Approval]),
    (DELETE_CERTIFICATE, [Allow, Deny, Deny]),
    (GRANT_KEY_ACCESS, [Allow, Deny, Approval]),
    (REVOKE_KEY_ACCESS, [Allow, Deny, Approval]),
    ("faxpost.v1.Certificates/CheckSigning", [Allow, Allow, Allow]),
    (CREATE_SIGNING_REQUEST, [Allow, Deny, Approval]),
    ("faxpost.v1.Certificates/ListSigningRequests", [Allow, Deny, Allow]),
    (INSTALL_SIGNING_ANSWER, [Allow, Deny, Approval]),
    (DELETE_SIGNING_REQUEST, [Allow, Deny, Deny]),
    ("faxpost.v1.Mail/SendMail", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/SendMailStream", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/SendRawMail", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/ListMessages", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/GetMessage", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/WatchMessage", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/RetryMessage", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/HoldMessage", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/ReleaseMessage", [Allow, Allow, Allow]),
    ("faxpost.v1.Mail/CancelMessage", [Allow, Allow, Allow]),
    ("faxpost.v1.Log/ListEntries", [Allow, Allow, Allow]),
    ("faxpost.v1.Log/GetEntry", [Allow, Allow, Allow]),
    ("faxpost.v1.Log/GetTranscript", [Allow, Allow, Allow]),
    ("faxpost.v1.Log/FollowEntries", [Allow, Allow, Allow]),
    ("faxpost.v1.Diagnostics/GetStatus", [Allow, Allow, Allow]),
    // Counts what all callers do.
    ("faxpost.v1.Diagnostics/GetMetrics", [Allow, Allow, Deny]),
    ("faxpost.v1.Diagnostics/WatchStatus", [Allow, Allow, Allow]),
    ("faxpost.v1.Diagnostics/TestAccount", [Allow, Deny, Allow]),
    ("faxpost.v1.Approvals/ListRequests", [Allow, Deny, Allow]),
    ("faxpost.v1.Approvals/GetRequest", [Allow, Deny, Allow]),
    ("faxpost.v1.Approvals/WatchRequests", [Allow, Deny, Allow]),
    ("faxpost.v1.Approvals/ApproveRequest", [Allow, Deny, Deny]),
    ("faxpost.v1.Approvals/RefuseRequest", [Allow, Deny, Deny]),
    ("faxpost.v1.Approvals/WithdrawRequest", [Allow, Deny, Allow]),
    (GET_POLICY, [Allow, Deny, Deny]),
    (UPDATE_POLICY, [Allow, Deny, Deny]),
    ("faxpost.v1.Admin/ListAuditEntries", [Allow, Deny, Deny]),
    // What clients of any language ask: is it there, and what has it. The sources say no less.
    ("grpc.health.v1.Health/Check", [Allow, Allow, Allow]),
    ("grpc.health.v1.Health/Watch", [Allow, Allow, Allow]),
    ("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", [Allow, Allow, Allow]),
    ("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", [Allow, Allow, Allow]),
];

/// Whoever may not call this does not see an account's login.
pub const UPDATE_ACCOUNT: &str = "faxpost.v1.Accounts/UpdateAccount";
const GET_POLICY: &str = "faxpost.v1.Admin/GetPolicy";
const UPDATE_POLICY: &str = "faxpost.v1.Admin/UpdatePolicy";

/// The table with this installation's changes.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    changes: BTreeMap<(&'static str, Role), Decision>,
}

/// One cell for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Column.
    pub role: Role,
    /// What holds.
    pub decision: Decision,
    /// It differs from what Faxpost comes with.
    pub changed: bool,
}

/// Why a change to the table is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No such method.
    #[error("no such method; `faxpost policy show` lists them")]
    UnknownMethod,
    /// It would take the table away from administrators.
    #[error(
        "administrators cannot take GetPolicy and UpdatePolicy from themselves, nobody could give them back"
    )]
    Lockout,
    /// The method cannot wait for somebody's approval.
    #[error(
        "{0} cannot need approval: only what changes certificates and keys can be carried out later; allow or deny it"
    )]
    NotApprovable(&'static str),
}

impl Policy {
    /// Whether `role` may call `method` ("faxpost.v1.Mail/SendMail"). Not in the table: no.
    #[must_use]
    pub fn decide(&self, method: &str, role: Role) -> Decision {
        let Some((name, defaults)) = TABLE.iter().find(|(name, _)| *name == method) else { return Deny };
        self.changes.get(&(*name, role)).copied().unwrap_or(defaults[role as usize])
    }

    /// The whole table.
    pub fn rules(&self) -> impl Iterator<Item = (&'static str, [Cell; 3])> {
        TABLE.iter().map(|(method, _)| (*method, self.cells(method)))
    }

    /// One row.
    ///
    /// # Errors
    /// [`PolicyError::UnknownMethod`].
    pub fn rule(&self, method: &str) -> Result<(&'static str, [Cell; 3]), PolicyError> {
        let name = known(method)?;
        Ok((name, self.cells(name)))
    }

    /// Changes one cell; `None`: back to the default.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn change(
        &mut self,
        method: &str,
        role: Role,
        decision: Option<Decision>,
    ) -> Result<&'static str, PolicyError> {
        let name = known(method)?;
        if role == Role::Administrator
            && decision == Some(Deny)
            && [GET_POLICY, UPDATE_POLICY].contains(&name)
        {
            return Err(PolicyError::Lockout);
        }
        if decision == Some(Approval) && !APPROVABLE.contains(&name) {
            return Err(PolicyError::NotApprovable(name));
        }
        match decision {
            Some(decision) => self.changes.insert((name, role), decision),
            None => self.changes.remove(&(name, role)),
        };
        Ok(name)
    }

    fn cells(&self, method: &str) -> [Cell; 3] {
        Role::ALL.map(|role| {
            let decision = self.decide(method, role);
            Cell { role, decision, changed: decision != Self::default().decide(method, role) }
        })
    }
}

/// The table's own name of a method, "faxpost.v1.Mail/SendMail"; `None`: it is not in the table.
#[must_use]
pub fn name_of(method: &str) -> Option<&'static str> {
    TABLE.iter().map(|(name, _)| *name).find(|name| *name == method)
}

fn known(method: &str) -> Result<&'static str, PolicyError> {
    TABLE
        .iter()
        .map(|(name, _)| *name)
        .find(|name| *name == method || name.strip_prefix("faxpost.v1.") == Some(method))
        .ok_or(PolicyError::UnknownMethod)
}

/// Who belongs to a role, as `policy show` tells it. [`role_of`] is the rule.
pub const MEMBERS: [(Role, &[&str]); 3] = [
    (
        Role::Administrator,
        &[
            "SYSTEM (S-1-5-18)",
            "Administrators, elevated (S-1-5-32-544)",
            "root (uid:0)",
            "the account of the daemon",
            "group:faxpost-admin",
        ],
    ),
    (
        Role::Service,
        &[
            "LOCAL SERVICE (S-1-5-19)",
            "NETWORK SERVICE (S-1-5-20)",
            "SERVICE (S-1-5-6)",
            "service accounts (S-1-5-80-*)",
            "group:faxpost-service",
            "the account of the mailer",
        ],
    ),
    (
        Role::User,
        &[
            "everybody else, but not ANONYMOUS LOGON (S-1-5-7), NETWORK (S-1-5-2), Guests (S-1-5-32-546) and nobody (uid:65534)",
        ],
    ),
];

/// The role of a caller, by what the operating system says of him. `None`: all is denied.
#[must_use]
pub fn role_of(caller: &Caller) -> Option<Role> {
    let is = |id: &str| caller.id == id;
    let member = |group: &str| caller.groups.iter().any(|g| g == group);

    // Anonymous, guests, and whoever logged on over the network: the pipe is for this machine's people. 65534 is the
    // kernel's word for a user it cannot map (user namespaces), which can be anybody.
    if is("S-1-5-7") || member("S-1-5-32-546") || member("S-1-5-2") || is("uid:65534") {
        return None;
    }
    let own_account = caller.elevated && caller.id.starts_with("uid:");
    let windows_administrator = caller.elevated && member("S-1-5-32-544");
    if is("S-1-5-18") || is("uid:0") || own_account || windows_administrator || member("group:faxpost-admin")
    {
        return Some(Role::Administrator);
    }
    let service_account = is("S-1-5-19") || is("S-1-5-20") || caller.id.starts_with("S-1-5-80-");
    if service_account || member("S-1-5-6") || member("group:faxpost-service") {
        return Some(Role::Service);
    }
    Some(Role::User)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(id: &str, groups: &[&str], elevated: bool) -> Caller {
        Caller {
            id: id.to_owned(),
            name: id.to_owned(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            elevated,
        }
    }

    #[test]
    fn h2_a_method_outside_the_table_is_denied_to_everybody() {
        for role in Role::ALL {
            assert_eq!(Policy::default().decide("faxpost.v1.Mail/NoSuchMethod", role), Deny);
            assert_eq!(Policy::default().decide("", role), Deny);
        }
    }

    #[test]
    fn h2_roles_come_from_groups() {
        let role = |id, groups: &[&str], elevated| role_of(&caller(id, groups, elevated));
        assert_eq!(role("uid:0", &[], true), Some(Role::Administrator));
        assert_eq!(role("uid:1000", &["group:faxpost-admin"], false), Some(Role::Administrator));
        assert_eq!(role("uid:1000", &["group:faxpost-service"], false), Some(Role::Service));
        assert_eq!(role("uid:1000", &["gid:1000"], false), Some(Role::User));
        assert_eq!(role("S-1-5-18", &[], false), Some(Role::Administrator));
        assert_eq!(role("S-1-5-21-1-2-3-1001", &["S-1-5-32-544"], true), Some(Role::Administrator));
        assert_eq!(role("S-1-5-20", &[], false), Some(Role::Service));
        assert_eq!(role("S-1-5-80-1-2-3-4-5", &[], false), Some(Role::Service));
    }

    #[test]
    fn h2_an_administrator_without_elevation_is_a_user() {
        assert_eq!(role_of(&caller("S-1-5-21-1-2-3-1001", &["S-1-5-32-544"], false)), Some(Role::User));
        // Elevation alone (any high-integrity token) is not membership.
        assert_eq!(role_of(&caller("S-1-5-21-1-2-3-1001", &[], true)), Some(Role::User));
    }

    #[test]
    fn h2_anonymous_guests_remote_and_unmapped_callers_have_no_role() {
        for nobody in [
            caller("S-1-5-7", &[], false),
            caller("S-1-5-21-1-2-3-501", &["S-1-5-32-546"], false),
            caller("S-1-5-21-1-2-3-1001", &["S-1-5-2", "S-1-5-32-544"], true),
            caller("uid:65534", &[], false),
        ] {
            assert_eq!(role_of(&nobody), None, "{nobody:?}");
        }
    }

    #[test]
    fn c6_only_what_can_wait_can_need_approval() {
        let mut policy = Policy::default();
        for (method, _) in TABLE {
            for role in Role::ALL {
                let changed = policy.change(method, role, Some(Approval));
                match APPROVABLE.contains(method) {
                    true => assert_eq!(changed, Ok(*method)),
                    false => assert_eq!(changed, Err(PolicyError::NotApprovable(method))),
                }
            }
        }
        for (method, defaults) in TABLE {
            assert!(APPROVABLE.contains(method) || !defaults.contains(&Approval), "{method}");
        }
        assert!(APPROVABLE.iter().all(|method| name_of(method).is_some()));
    }

    #[test]
    fn h2_administrators_cannot_lock_themselves_out() {
        let mut policy = Policy::default();
        assert_eq!(
            policy.change("Admin/UpdatePolicy", Role::Administrator, Some(Deny)),
            Err(PolicyError::Lockout)
        );
        assert_eq!(policy.change("Admin/Nothing", Role::User, Some(Deny)), Err(PolicyError::UnknownMethod));
        assert_eq!(policy.change("Mail/SendMail", Role::User, Some(Deny)), Ok("faxpost.v1.Mail/SendMail"));
        assert_eq!(policy.decide("faxpost.v1.Mail/SendMail", Role::User), Deny);
        assert!(policy.rule("Mail/SendMail").unwrap().1[2].changed);
        policy.change("Mail/SendMail", Role::User, None).unwrap();
        assert_eq!(policy.decide("faxpost.v1.Mail/SendMail", Role::User), Allow);
    }
}
