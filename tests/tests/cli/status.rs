//! `faxpost status`

use faxpost_tests::daemon::TestDaemon;

use crate::kit::faxpost;

#[tokio::test]
async fn g1_status_says_who_i_am_and_fits_a_terminal() {
    let daemon = TestDaemon::start().await;
    let status = faxpost(&daemon, &["status"]).await.exits(0).says("Service").says("administrator");
    let status = status.says("0 queued, 0 held").says("You may").says("everything").says(daemon.endpoint());
    let methods = status.out.lines().filter(|line| line.contains("SendMail")).count();
    assert_eq!(methods, 0, "an administrator needs no list: {}", status.out);
}

#[tokio::test]
async fn h2_status_names_what_is_not_allowed_and_json_has_the_whole_list() {
    let daemon = TestDaemon::start().await;
    faxpost(&daemon, &["policy", "set", "Mail/HoldMessage", "administrator=deny"]).await.exits(0);
    let status = faxpost(&daemon, &["status"]).await.exits(0).says("You may not").says("Mail: HoldMessage");
    assert!(!status.out.contains("Accounts"), "{}", status.out);

    let status = faxpost(&daemon, &["--json", "status"]).await.exits(0).json();
    assert_eq!(status["role"], "administrator");
    let permissions = status["permissions"].as_array().unwrap();
    assert!(permissions.len() > 20);
    let hold = permissions.iter().find(|one| one["method"] == "faxpost.v1.Mail/HoldMessage").unwrap();
    assert_ne!(hold["allowed"], true);
    assert!(status["stateDir"].as_str().unwrap().ends_with("state"));
}

#[tokio::test]
async fn g1_status_shows_what_waits_and_raises_alarms() {
    let daemon = TestDaemon::start().await;
    let settings =
        ["method=secure-smtp-client", "server=127.0.0.1", "port=1", "sender-email=fax@example.test"];
    let arguments =
        [&["account", "set", "security=starttls", "tls-check=accept-invalid"], &settings[..]].concat();
    faxpost(&daemon, &arguments).await.exits(0).complains("takes any server for the right one");
    let id = crate::kit::send(&daemon, "a@example.test").await;
    faxpost(&daemon, &["outbox", "hold", &id]).await;
    let status = faxpost(&daemon, &["status"]).await.exits(0).says("ALARM default:");
    assert!(status.out.contains("1 held") || status.out.contains("1 queued"), "{}", status.out);
    let alarms = faxpost(&daemon, &["status", "--json"]).await.exits(0).json();
    assert_eq!(alarms["alarms"][0]["reason"], "ACCEPT_INVALID");
}

#[tokio::test]
async fn h6_status_says_under_which_account_mail_goes_and_why_it_is_the_daemons_own() {
    let settings = format!("[mailer]\naccount = \"{}\"", own_account());
    let daemon = TestDaemon::builder().settings(&settings).start().await;
    let json = faxpost(&daemon, &["--json", "status"]).await.exits(0).json();
    assert_eq!(json["serviceAccountId"], json["callerId"]);
    let status = faxpost(&daemon, &["status"]).await.exits(0).says("Mail goes as");
    status.says("it is the one that is set for the mailer");
    faxpost(&daemon, &["--lang", "ru", "status"]).await.exits(0).says("под учётной записью самой службы");
}

fn own_account() -> String {
    faxpostd::service::own_account().1
}
