//! `faxpost.v1.Admin`: the policy read and changed. What it does to calls is in authorization.rs.

use faxpost_proto::v1::{Decision, Role};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use tonic::Code;

use crate::kit::{decide, fields, invalid, ok, refused};

#[tokio::test]
async fn h2_get_policy_tells_the_table_and_who_belongs_to_a_role() {
    let daemon = TestDaemon::start().await;
    let policy = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
    for rule in &policy.rules {
        let roles: Vec<_> = rule.cells.iter().map(v1::PolicyCell::role).collect();
        assert_eq!(roles, [Role::Administrator, Role::Service, Role::User], "{}", rule.method);
        assert!(rule.cells.iter().all(|cell| !cell.changed), "{rule:?}");
        assert_eq!(rule.cells[0].decision(), Decision::Allow, "{}", rule.method);
    }
    let denied = |role: usize| -> Vec<&str> {
        let rules = policy.rules.iter().filter(|rule| rule.cells[role].decision() == Decision::Deny);
        rules.map(|rule| rule.method.trim_start_matches("faxpost.v1.")).collect()
    };
    let for_users = [
        "Accounts/CreateAccount",
        "Accounts/DeleteAccount",
        "Accounts/RollbackAccount",
        "Accounts/ImportAccounts",
        "OAuth/GetAccessToken",
        "Certificates/DeleteCertificate",
        "Certificates/DeleteSigningRequest",
        "Diagnostics/GetMetrics",
        "Approvals/ApproveRequest",
        "Approvals/RefuseRequest",
        "Admin/GetPolicy",
        "Admin/UpdatePolicy",
        "Admin/ListAuditEntries",
    ];
    assert_eq!(denied(2), for_users);
    assert_eq!(
        denied(1),
        [
            "Accounts/CreateAccount",
            "Accounts/UpdateAccount",
            "Accounts/DeleteAccount",
            "Accounts/ListRevisions",
            "Accounts/GetRevision",
            "Accounts/RollbackAccount",
            "Accounts/ImportAccounts",
            "Accounts/DiscoverAccount",
            "OAuth/DiscoverIssuer",
            "OAuth/StartSignIn",
            "OAuth/FinishSignIn",
            "OAuth/SignInWithDevice",
            "OAuth/SignInWithClientCredentials",
            "OAuth/SignOut",
            "OAuth/GetAccessToken",
            "Certificates/InstallCertificate",
            "Certificates/DeleteCertificate",
            "Certificates/GrantKeyAccess",
            "Certificates/RevokeKeyAccess",
            "Certificates/CreateSigningRequest",
            "Certificates/ListSigningRequests",
            "Certificates/InstallSigningAnswer",
            "Certificates/DeleteSigningRequest",
            "Diagnostics/TestAccount",
            "Approvals/ListRequests",
            "Approvals/GetRequest",
            "Approvals/WatchRequests",
            "Approvals/ApproveRequest",
            "Approvals/RefuseRequest",
            "Approvals/WithdrawRequest",
            "Admin/GetPolicy",
            "Admin/UpdatePolicy",
            "Admin/ListAuditEntries"
        ]
    );
    let of_users = |decision: Decision| -> Vec<&str> {
        let rules = policy.rules.iter().filter(|rule| rule.cells[2].decision() == decision);
        rules.map(|rule| rule.method.trim_start_matches("faxpost.v1.")).collect()
    };
    assert_eq!(
        of_users(Decision::Approval),
        [
            "Certificates/InstallCertificate",
            "Certificates/GrantKeyAccess",
            "Certificates/RevokeKeyAccess",
            "Certificates/CreateSigningRequest",
            "Certificates/InstallSigningAnswer",
        ]
    );
    let approvable: Vec<_> = policy.rules.iter().filter(|rule| rule.approvable).map(|r| &*r.method).collect();
    assert_eq!(approvable.len(), 7, "{approvable:?}");
    assert!(approvable.iter().all(|method| method.starts_with("faxpost.v1.Certificates/")), "{approvable:?}");
    let roles: Vec<_> = policy.roles.iter().map(v1::RoleDefinition::role).collect();
    assert_eq!(roles, [Role::Administrator, Role::Service, Role::User]);
    assert!(policy.roles.iter().all(|role| !role.members.is_empty()));
}

#[tokio::test]
async fn h2_update_policy_changes_one_cell_and_gives_back_its_row() {
    let daemon = TestDaemon::start().await;
    for method in ["Mail/SendMail", "faxpost.v1.Mail/SendMail"] {
        let rule = decide(&daemon, method, Role::User, Decision::Deny).await.unwrap();
        assert_eq!(rule.method, "faxpost.v1.Mail/SendMail");
        let cells: Vec<_> = rule.cells.iter().map(|cell| (cell.decision(), cell.changed)).collect();
        assert_eq!(cells, [(Decision::Allow, false), (Decision::Allow, false), (Decision::Deny, true)]);
        let policy = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
        assert!(policy.rules.contains(&rule));

        let rule = decide(&daemon, method, Role::User, Decision::Unspecified).await.unwrap();
        assert_eq!((rule.cells[2].decision(), rule.cells[2].changed), (Decision::Allow, false));
    }
    // Said again, what holds anyway is no change.
    let rule = decide(&daemon, "Mail/SendMail", Role::User, Decision::Allow).await.unwrap();
    assert!(!rule.cells[2].changed);
}

#[tokio::test]
async fn h2_update_policy_names_the_field_that_is_wrong() {
    let daemon = TestDaemon::start().await;
    let before = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
    for method in ["", "Mail/Nope", "mail/sendmail", "/faxpost.v1.Mail/SendMail", "faxpost.v1.", "*"] {
        invalid(decide(&daemon, method, Role::User, Decision::Deny).await, &["method"]);
    }
    invalid(decide(&daemon, "Mail/SendMail", Role::Unspecified, Decision::Deny).await, &["role"]);
    let request =
        |role, decision| v1::UpdatePolicyRequest { method: "Mail/SendMail".to_owned(), role, decision };
    let mut admin = daemon.admin().await;
    invalid(admin.update_policy(request(99, Decision::Deny.into())).await, &["role"]);
    invalid(admin.update_policy(request(Role::User.into(), 99)).await, &["decision"]);

    for role in [Role::Administrator, Role::Service, Role::User] {
        for method in ["Mail/SendMail", "Admin/UpdatePolicy", "Approvals/ApproveRequest"] {
            let approval = decide(&daemon, method, role, Decision::Approval).await;
            let status = refused(approval, Code::InvalidArgument, reason::INVALID_FIELD);
            assert_eq!(fields(&status), ["decision"]);
        }
    }
    assert_eq!(ok(admin.get_policy(v1::GetPolicyRequest {}).await), before, "nothing was changed");
}

#[tokio::test]
async fn c6_a_method_that_can_wait_can_need_approval_and_it_lasts() {
    let mut daemon = TestDaemon::start().await;
    let method = "Certificates/DeleteCertificate";
    let rule = decide(&daemon, method, Role::User, Decision::Approval).await.unwrap();
    let cells: Vec<_> = rule.cells.iter().map(|cell| (cell.decision(), cell.changed)).collect();
    assert_eq!(cells, [(Decision::Allow, false), (Decision::Deny, false), (Decision::Approval, true)]);
    daemon.kill();
    daemon.start_again().await;
    let policy = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
    assert!(policy.rules.contains(&rule));

    decide(&daemon, method, Role::Administrator, Decision::Approval).await.unwrap();
    let status = ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await);
    let permission =
        status.permissions.iter().find(|permission| permission.method.ends_with(method)).unwrap();
    assert_eq!((permission.allowed, permission.approval), (false, true));
}
