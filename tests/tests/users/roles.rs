//! Roles (requirement H2): what a user, a component of the fax system, an administrator and a nobody may do.

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{BAD_DATA, DENIED, Member, Somebody};

/// Not in the user database, so without groups.
const STRANGER: u32 = 54_321;
/// What the kernel says of users it cannot map.
const UNMAPPED: u32 = 65_534;

/// "default" with a login, and a message of root.
async fn daemon() -> (TestDaemon, String) {
    let daemon = TestDaemon::start().await;
    let account = v1::Account {
        id: "default".to_owned(),
        login: "secret-login".to_owned(),
        pickup_directory: daemon.pickup_dir().display().to_string(),
        ..v1::Account::default()
    };
    daemon.set(account, &["login", "pickup_directory"]).await.unwrap();
    let mail =
        v1::SendMailRequest { to: vec!["a@example.test".to_owned()], ..v1::SendMailRequest::default() };
    let id = daemon.mail().await.send_mail(mail).await.unwrap().into_inner().id;
    (daemon, id)
}

#[tokio::test]
async fn h2_a_user_sends_and_edits_and_is_no_administrator() {
    let (daemon, _) = daemon().await;
    let user = Somebody::numbered(&daemon, STRANGER);
    let status = user.run(&["--json", "status"]).json(0);
    assert_eq!((&status["role"], &status["callerId"]), (&"user".into(), &"uid:54321".into()), "{status}");
    for hidden in ["stateDir", "endpoint", "processId"] {
        let value = &status[hidden];
        assert!(value.is_null() || value == "" || value == 0, "{hidden} is for administrators: {value}");
    }

    for denied in [
        &["policy", "show"][..],
        &["policy", "set", "Mail/SendMail", "user=allow"],
        &["account", "create", "sales"],
        &["account", "delete", "default", "--yes"],
        &["account", "set", "pickup-directory=/tmp/elsewhere"],
        &["account", "set", "pickup-directory="],
        &["account", "set", "--validate-only", "pickup-directory=/etc"],
        &["account", "test", "pickup-directory=/tmp/elsewhere"],
    ] {
        user.run(denied).exits(DENIED);
    }
    let said = user.run(&["account", "set", "login=x", "pickup-directory=/tmp/elsewhere"]).exits(DENIED);
    assert!(said.contains("pickup-directory"), "the field is named: {said}");

    let account = user.run(&["--json", "account", "show"]).json(0)["account"].take();
    assert_eq!(account["redacted"], serde_json::json!(["pickup_directory"]), "{account}");
    assert_eq!(account["login"], "secret-login", "who may change it sees it: {account}");
    user.run(&["account", "set", "sender-name=Stranger"]).exits(0);
    user.run(&["account", "test", "--to", "a@example.test"]).exits(0);
    user.send();
    let root = daemon.accounts().await.get_account(v1::GetAccountRequest::default()).await.unwrap();
    let root = root.into_inner().account.unwrap();
    assert_eq!((root.updated_by.as_str(), root.login.as_str()), ("uid:54321", "secret-login"));
    assert_eq!(root.pickup_directory, daemon.pickup_dir().display().to_string());
}

#[tokio::test]
async fn h2_whom_the_system_cannot_name_may_do_nothing() {
    let (daemon, id) = daemon().await;
    let nobody = Somebody::numbered(&daemon, UNMAPPED);
    let id = id.as_str();
    for denied in [
        &["status"][..],
        &["account", "list"],
        &["account", "show"],
        &["account", "create", "sales"],
        &["account", "set", "login=x"],
        &["account", "delete", "sales", "--yes"],
        &["account", "test"],
        &["send", "--to", "a@example.test", "--subject", "x", "--text", "x"],
        &["outbox", "list"],
        &["outbox", "show", id],
        &["outbox", "retry", id],
        &["outbox", "hold", id],
        &["outbox", "release", id],
        &["outbox", "cancel", id],
        &["log", "list"],
        &["log", "show", "1"],
        &["log", "transcript", "1"],
        &["log", "follow"],
        &["policy", "show"],
        &["policy", "set", "Mail/SendMail", "user=allow"],
    ] {
        let said = nobody.run(denied).exits(DENIED);
        assert!(!said.contains("secret-login") && !said.contains("a@example.test"), "{said}");
    }
}

/// One test, so that the user database is changed by one at a time.
#[tokio::test]
async fn h2_membership_of_a_group_makes_the_role() {
    let (daemon, id) = daemon().await;
    {
        let member = Member::of("faxpost-service");
        let service = Somebody::named(&daemon, &member.name);
        let status = service.run(&["--json", "status"]).json(0);
        assert_eq!(
            (&status["role"], &status["callerName"]),
            (&"service".into(), &member.name.as_str().into())
        );
        let account = service.run(&["--json", "account", "show"]).json(0)["account"].take();
        assert_eq!(account["redacted"], serde_json::json!(["login", "pickup_directory"]), "{account}");
        for shown in [&["account", "show"][..], &["account", "list"], &["--json", "account", "list"]] {
            let said = service.run(shown).exits(0);
            assert!(!said.contains("secret-login"), "{said}");
        }
        for denied in [
            &["account", "set", "sender-name=x"][..],
            &["account", "test"],
            &["account", "create", "sales"],
            &["account", "delete", "default", "--yes"],
            &["policy", "show"],
            &["policy", "set", "Accounts/UpdateAccount", "service=allow"],
        ] {
            service.run(denied).exits(DENIED);
        }
        let own = service.send();
        service.run(&["outbox", "show", &own]).exits(0);
        service.run(&["outbox", "show", &id]).exits(BAD_DATA);
    }
    {
        let member = Member::of("faxpost-admin");
        let administrator = Somebody::named(&daemon, &member.name);
        let status = administrator.run(&["--json", "status"]).json(0);
        assert_eq!(status["role"], "administrator");
        administrator.run(&["policy", "show"]).exits(0);
        administrator.run(&["outbox", "show", &id]).exits(0);
        administrator.run(&["account", "create", "sales"]).exits(0);
        administrator.run(&["account", "delete", "sales", "--yes"]).exits(0);
    }
}

#[tokio::test]
async fn h2_a_changed_cell_holds_for_the_role_at_once() {
    let (daemon, _) = daemon().await;
    let user = Somebody::numbered(&daemon, STRANGER);
    let decide = async |method: &str, decision: v1::Decision| {
        let role = v1::Role::User.into();
        let request = v1::UpdatePolicyRequest { method: method.to_owned(), role, decision: decision.into() };
        daemon.admin().await.update_policy(request).await.unwrap();
    };
    decide("Mail/SendMail", v1::Decision::Deny).await;
    decide("Mail/SendMailStream", v1::Decision::Deny).await;
    let said = user.run(&["send", "--to", "a@example.test", "--subject", "x", "--text", "x"]).exits(DENIED);
    assert!(said.contains("user"), "the role is told: {said}");
    decide("Accounts/CreateAccount", v1::Decision::Allow).await;
    user.run(&["account", "create", "sales"]).exits(0);
    user.run(&["account", "create", "more", "pickup-directory=/tmp/elsewhere"]).exits(DENIED);
    decide("Accounts/UpdateAccount", v1::Decision::Deny).await;
    let said = user.run(&["account", "show"]).exits(0);
    assert!(!said.contains("secret-login"), "{said}");
    decide("Admin/GetPolicy", v1::Decision::Allow).await;
    user.run(&["policy", "show"]).exits(0);
    user.run(&["policy", "set", "Admin/UpdatePolicy", "user=allow"]).exits(DENIED);
}
