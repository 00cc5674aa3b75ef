//! `faxpost policy show | set`

use faxpost_tests::daemon::TestDaemon;

use crate::kit::faxpost;

#[tokio::test]
async fn h2_a_denied_method_exits_77_and_says_how_to_allow_it() {
    let daemon = TestDaemon::start().await;
    let send = ["send", "--to", "a@example.test", "--subject", "Fax"];
    faxpost(&daemon, &send).await.exits(0);
    let set = faxpost(&daemon, &["policy", "set", "Mail/SendMail", "administrator=deny"]).await.exits(0);
    set.says("Mail/SendMail").says("deny *");

    let denied = faxpost(&daemon, &send).await.exits(77);
    assert!(denied.out.is_empty());
    denied.complains("Mail/SendMail").complains("faxpost policy set Mail/SendMail administrator=allow");
    faxpost(&daemon, &["--lang", "ru", "--json", "send", "--to", "a@example.test"])
        .await
        .exits(77)
        .complains("вызывать Mail/SendMail вам нельзя")
        .complains("faxpost policy set Mail/SendMail administrator=allow");

    faxpost(&daemon, &["policy", "set", "Mail/SendMail", "administrator=default"]).await.exits(0);
    faxpost(&daemon, &send).await.exits(0);
}

#[tokio::test]
async fn h2_the_table_is_shown_with_its_roles() {
    let daemon = TestDaemon::start().await;
    let shown = faxpost(&daemon, &["policy", "show"]).await.exits(0).says("METHOD").says("MEMBERS");
    let line = shown.out.lines().find(|line| line.starts_with("Accounts/DeleteAccount")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>()[1..], ["allow", "deny", "deny"]);
    assert!(!shown.out.contains("* changed"), "nothing was changed: {}", shown.out);

    let changed = faxpost(&daemon, &["--json", "policy", "set", "Log/GetEntry", "user=deny"]).await.exits(0);
    assert_eq!(changed.json()["rule"]["method"], "faxpost.v1.Log/GetEntry");
    let policy = faxpost(&daemon, &["--json", "policy", "show"]).await.exits(0).json();
    let rules = policy["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["method"] == "faxpost.v1.Log/GetEntry").unwrap();
    let cells = rule["cells"].as_array().unwrap();
    let cell = cells.iter().find(|cell| cell["role"] == "ROLE_USER").unwrap();
    assert_eq!((&cell["decision"], &cell["changed"]), (&"DECISION_DENY".into(), &true.into()));
    faxpost(&daemon, &["policy", "show"]).await.exits(0).says("deny *").says("* changed");
}

#[tokio::test]
async fn h2_what_cannot_be_set_is_said() {
    let daemon = TestDaemon::start().await;
    for (arguments, code, said) in [
        (["Mail/Nothing", "user=deny"], 65, "no such method"),
        (["Mail/SendMail", "user=maybe"], 64, "deny, allow, approval, default"),
        (["Mail/SendMail", "root=deny"], 64, "administrator, service, user"),
        (["Mail/SendMail", "user"], 64, "user=deny"),
        (["Mail/SendMail", "user=approval"], 65, "cannot need approval"),
        (["Admin/GetPolicy", "administrator=deny"], 65, "nobody could give them back"),
    ] {
        let run = faxpost(&daemon, &[&["policy", "set"], &arguments[..]].concat()).await;
        assert_eq!(run.code, code, "{run:#?}");
        assert!(run.out.is_empty() && run.err.contains(said), "{run:#?}");
    }
}
