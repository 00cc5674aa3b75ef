//! The history of accounts for those who are no administrators (requirements A12, H2).

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;

use crate::kit::{DENIED, Member, Somebody, TEMPORARY};

/// Not in the user database, so without groups.
const STRANGER: u32 = 54_321;

#[tokio::test]
async fn a12_a_user_sees_the_history_and_neither_goes_back_nor_imports() {
    let daemon = TestDaemon::start().await;
    let account = v1::Account {
        id: "default".to_owned(),
        login: "secret-login".to_owned(),
        pickup_directory: daemon.pickup_dir().display().to_string(),
        ..v1::Account::default()
    };
    daemon.set(account, &["login", "pickup_directory"]).await.unwrap();
    let user = Somebody::numbered(&daemon, STRANGER);
    user.run(&["account", "set", "sender-name=Stranger"]).exits(0);

    let told = user.run(&["--json", "account", "history"]).json(0);
    assert_eq!(told["revisions"][0]["changedBy"], "uid:54321", "{told}");
    assert!(told["revisions"][1]["changedById"].is_null(), "ids are for administrators: {told}");
    let diff = user.run(&["--json", "account", "diff", "2"]).json(0);
    assert_eq!(diff["account"]["login"], "secret-login", "who may change it sees it");
    assert!(!diff.to_string().contains(&daemon.pickup_dir().display().to_string()), "{diff}");
    user.run(&["account", "rollback", "1"]).exits(DENIED);
    let file = daemon.state_dir().parent().unwrap().join("accounts.toml");
    std::fs::write(&file, "[account.default]\nport = 26\n").unwrap();
    user.run(&["account", "import", "--yes", file.to_str().unwrap()]).exits(DENIED);
    user.run(&["account", "presets"]).exits(0);

    // Even where an administrator lets users go back, restricted fields stay restricted.
    let root = Somebody::numbered(&daemon, 0);
    root.run(&["policy", "set", "Accounts/RollbackAccount", "user=allow"]).exits(0);
    assert!(user.run(&["account", "rollback", "1"]).exits(DENIED).contains("pickup-directory"));

    // Whoever may no longer change accounts does not see their logins, in the history as anywhere else.
    root.run(&["policy", "set", "Accounts/UpdateAccount", "user=deny"]).exits(0);
    for command in [&["--json", "account", "diff", "2"][..], &["account", "diff", "1", "2"]] {
        assert!(!user.run(command).exits(0).contains("secret-login"));
    }
}

#[tokio::test]
async fn h5_a_user_changes_accounts_only_so_often_and_an_administrator_as_he_likes() {
    let daemon = TestDaemon::start().await;
    let (ann, bob) = (Somebody::numbered(&daemon, STRANGER), Somebody::numbered(&daemon, STRANGER + 1));
    let port = |somebody: &Somebody, port: u32| somebody.run(&["account", "set", &format!("port={port}")]);
    let mut made = 0;
    while made < 200 {
        let ran = port(&ann, 1000 + made);
        if !ran.is_good() {
            assert!(ran.exits(TEMPORARY).contains("as often as one caller may"));
            break;
        }
        made += 1;
    }
    assert!((100..150).contains(&made), "{made}");
    port(&bob, 26).exits(0);
    port(&Somebody::numbered(&daemon, 0), 27).exits(0);
}

#[tokio::test]
async fn a12_components_of_the_fax_system_need_no_history() {
    let daemon = TestDaemon::start().await;
    let member = Member::of("faxpost-service");
    let service = Somebody::named(&daemon, &member.name);
    service.run(&["account", "history"]).exits(DENIED);
    service.run(&["account", "discover", "a@gmail.com"]).exits(DENIED);
    service.run(&["account", "presets"]).exits(0);
}
