//! The audit log (requirement H4): what leaves an entry, what is in it, who may read it.

use faxpost_proto::reason;
use faxpost_proto::v1::{self, AuditOutcome, Decision, Role};
use faxpost_tests::daemon::{TestDaemon, mask};
use tonic::Code;

use crate::kit::{audit, call, decide, invalid, methods, ok, refused};

/// Methods that change nothing privileged: they look, or they are about the caller's own mail, which the e-mail log has.
/// Whoever adds a method to the API decides here, or the test below fails.
const UNPRIVILEGED: [&str; 39] = [
    "Accounts/GetCapabilities",
    "Accounts/ListAccounts",
    "Accounts/GetAccount",
    "Accounts/WatchAccounts",
    "Accounts/ListRevisions",
    "Accounts/GetRevision",
    "Accounts/ListPresets",
    "Accounts/DiscoverAccount",
    "OAuth/ListProfiles",
    "OAuth/DiscoverIssuer",
    "OAuth/GetSignIn",
    "OAuth/WatchSignIns",
    "Certificates/ListCertificates",
    "Certificates/GetCertificate",
    "Certificates/ListCandidates",
    "Certificates/ListSigningRequests",
    "Mail/SendMail",
    "Mail/SendMailStream",
    "Mail/SendRawMail",
    "Mail/ListMessages",
    "Mail/GetMessage",
    "Mail/WatchMessage",
    "Mail/RetryMessage",
    "Mail/HoldMessage",
    "Mail/ReleaseMessage",
    "Mail/CancelMessage",
    "Log/ListEntries",
    "Log/GetEntry",
    "Log/GetTranscript",
    "Log/FollowEntries",
    "Diagnostics/GetStatus",
    "Diagnostics/GetMetrics",
    "Diagnostics/WatchStatus",
    "Diagnostics/TestAccount",
    "Approvals/ListRequests",
    "Approvals/GetRequest",
    "Approvals/WatchRequests",
    "Admin/GetPolicy",
    "Admin/ListAuditEntries",
];

#[tokio::test]
async fn h4_every_method_that_is_not_read_only_leaves_an_entry() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    let mut tried = 0;
    for (path, kind) in methods() {
        let short = path.trim_start_matches("faxpost.v1.");
        if UNPRIVILEGED.contains(&short) {
            continue;
        }
        tried += 1;
        let before = audit(&daemon).await.first().map_or(0, |entry| entry.id);
        let result = call(&channel, &path, &kind).await;
        let after = audit(&daemon).await;
        let new: Vec<_> = after.iter().filter(|entry| entry.id > before).collect();
        assert_eq!(new.len(), 1, "{path}: {new:?}");
        let entry = new[0];
        assert_eq!((entry.method.as_str(), entry.role.as_str()), (path.as_str(), "administrator"));
        assert!(entry.origin.contains(&format!("process {}", std::process::id())), "{entry:?}");
        assert!(!entry.caller_id.is_empty() && !entry.caller_name.is_empty(), "{entry:?}");
        let outcome = if result.is_ok() { AuditOutcome::Done } else { AuditOutcome::Failed };
        assert_eq!(entry.outcome(), outcome, "{path}: {result:?}");
        assert_eq!(entry.reason.is_empty(), result.is_ok(), "{entry:?}");
    }
    assert_eq!(tried + UNPRIVILEGED.len(), methods().len());
}

#[tokio::test]
async fn h4_every_denied_method_leaves_an_entry() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    for (path, kind) in methods() {
        // Administrators keep these two; the log is read with the third.
        let kept = ["GetPolicy", "UpdatePolicy", "ListAuditEntries"];
        if kept.iter().any(|method| path.ends_with(&format!("Admin/{method}"))) {
            continue;
        }
        decide(&daemon, &path, Role::Administrator, Decision::Deny).await;
        refused(call(&channel, &path, &kind).await, Code::PermissionDenied, reason::POLICY_DENIED);
        let entry = audit(&daemon).await.remove(0);
        assert_eq!((entry.method.as_str(), entry.outcome()), (path.as_str(), AuditOutcome::Denied));
        assert_eq!(entry.reason, reason::POLICY_DENIED);
    }
}

#[tokio::test]
async fn h4_what_is_no_method_leaves_none() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    let (_, kind) = methods().remove(0);
    for path in ["faxpost.v1.Mail/Nope", "x", "faxpost.v1.Admin/UpdatePolicy/"] {
        call(&channel, path, &kind).await.unwrap_err();
    }
    assert_eq!(audit(&daemon).await, []);
}

#[tokio::test]
async fn h4_a_flood_of_denied_calls_does_not_fill_the_log() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    decide(&daemon, "Log/GetEntry", Role::Administrator, Decision::Deny).await;
    let (path, kind) = methods().into_iter().find(|(path, _)| path.ends_with("Log/GetEntry")).unwrap();
    for _ in 0..150 {
        call(&channel, &path, &kind).await.unwrap_err();
    }
    let denied = audit(&daemon).await.iter().filter(|entry| entry.outcome() == AuditOutcome::Denied).count();
    assert!((100..=106).contains(&denied), "{denied}");
}

#[tokio::test]
async fn h4_an_entry_names_what_it_was_about_and_no_secret() {
    let daemon = TestDaemon::start().await;
    let account = v1::Account {
        id: "default".to_owned(),
        login: "somebody".to_owned(),
        password: "hunter2-secret".to_owned(),
        authentication: true,
        security: v1::Security::Starttls.into(),
        server: "mail.example.test".to_owned(),
        sender_email: "fax@example.test".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        ..v1::Account::default()
    };
    let fields = ["method", "server", "security", "sender_email", "authentication", "login", "password"];
    daemon.set(account, &fields).await.unwrap();
    decide(&daemon, "Mail/SendMail", Role::User, Decision::Deny).await;
    let entries = audit(&daemon).await;
    assert_eq!(entries[0].target, "Mail/SendMail user=deny");
    assert_eq!(
        entries[1].target,
        "account default: method, server, security, sender_email, authentication, login, password"
    );
    assert!(!format!("{entries:?}").contains("hunter2"), "{entries:?}");
    assert!(!daemon.stderr().contains("hunter2"));
    // Where the system has no log, the daemon's output has it; where it has one, that.
    let journal = cfg!(windows) || std::path::Path::new("/run/systemd/journal/socket").exists();
    assert!(journal || daemon.stderr().contains("Accounts/UpdateAccount done"), "{}", daemon.stderr());
}

#[tokio::test]
async fn h4_a_check_that_changes_nothing_leaves_no_entry_unless_it_is_denied() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.accounts().await;
    let request = v1::CreateAccountRequest {
        account: Some(v1::Account { id: "sales".to_owned(), ..v1::Account::default() }),
        update_mask: Some(mask(&["sender_name"])),
        validate_only: true,
    };
    ok(client.create_account(request.clone()).await);
    assert_eq!(audit(&daemon).await, []);
    decide(&daemon, "Accounts/CreateAccount", Role::Administrator, Decision::Deny).await;
    client.create_account(request).await.unwrap_err();
    assert_eq!(audit(&daemon).await[0].outcome(), AuditOutcome::Denied);
}

#[tokio::test]
async fn h4_the_log_is_paged_and_filtered_and_survives_a_crash() {
    let mut daemon = TestDaemon::start().await;
    for decision in [Decision::Deny, Decision::Allow].into_iter().cycle().take(7) {
        decide(&daemon, "Mail/SendMail", Role::User, decision).await;
    }
    let request = v1::CreateAccountRequest {
        account: Some(v1::Account { id: "sales".to_owned(), ..v1::Account::default() }),
        ..v1::CreateAccountRequest::default()
    };
    ok(daemon.accounts().await.create_account(request).await);
    let all = audit(&daemon).await;
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(audit(&daemon).await, all);

    let mut client = daemon.admin().await;
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListAuditEntriesRequest { page_size: 3, page_token, ..Default::default() };
        let page = ok(client.list_audit_entries(request).await);
        assert!(page.entries.len() <= 3);
        paged.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);

    let mut list = async |method: &str, caller: &str| {
        let (method, caller) = (method.to_owned(), caller.to_owned());
        let request = v1::ListAuditEntriesRequest { method, caller, ..Default::default() };
        client.list_audit_entries(request).await
    };
    assert_eq!(ok(list("Admin/UpdatePolicy", "").await).entries.len(), 7);
    assert_eq!(ok(list("faxpost.v1.Accounts/CreateAccount", "").await).entries, all[..1]);
    let (id, name) = (all[0].caller_id.clone(), all[0].caller_name.clone());
    assert_eq!(ok(list("", &id).await).entries.len(), 8);
    assert_eq!(ok(list("", &name).await).entries.len(), 8);
    assert_eq!(ok(list("", "uid:4000000").await).entries, []);
    invalid(list("Mail/Nope", "").await, "method");

    let mut one = async |id: i64, method: &str| {
        let request = v1::ListAuditEntriesRequest { id, method: method.to_owned(), ..Default::default() };
        client.list_audit_entries(request).await
    };
    for entry in &all {
        let found = ok(one(entry.id, "").await);
        assert_eq!(
            (found.entries.as_slice(), found.next_page_token.as_str()),
            (std::slice::from_ref(entry), "")
        );
        // Both must fit.
        let is_created = entry.method.ends_with("CreateAccount");
        assert_eq!(ok(one(entry.id, "Accounts/CreateAccount").await).entries.len(), usize::from(is_created));
    }
    for id in [all[0].id + 1, i64::MAX] {
        assert_eq!(ok(one(id, "").await).entries, []);
    }
    invalid(one(-1, "").await, "id");

    let request = v1::ListAuditEntriesRequest { page_size: -1, ..Default::default() };
    invalid(client.list_audit_entries(request).await, "page_size");
    let request = v1::ListAuditEntriesRequest { page_token: "x".to_owned(), ..Default::default() };
    invalid(client.list_audit_entries(request).await, "page_token");
}

#[tokio::test]
async fn h4_who_may_not_read_the_log_does_not() {
    let daemon = TestDaemon::start().await;
    decide(&daemon, "Admin/ListAuditEntries", Role::Administrator, Decision::Deny).await;
    let listed = daemon.admin().await.list_audit_entries(v1::ListAuditEntriesRequest::default()).await;
    refused(listed, Code::PermissionDenied, reason::POLICY_DENIED);
    decide(&daemon, "Admin/ListAuditEntries", Role::Administrator, Decision::Allow).await;
    let entries = audit(&daemon).await;
    assert_eq!(entries[1].method, "faxpost.v1.Admin/ListAuditEntries");
    assert_eq!(entries[1].outcome(), AuditOutcome::Denied);
}
