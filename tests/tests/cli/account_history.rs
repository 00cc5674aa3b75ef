//! `faxpost account history | diff | rollback | presets | discover`

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dns::{DnsServer, Record};

use crate::kit::{faxpost, faxpost_with};

#[tokio::test]
async fn a12_the_history_is_shown_compared_and_gone_back_to() {
    let daemon = TestDaemon::start().await;
    let given = ["account", "set", "server=a.example", "port=26", "--password-stdin"];
    faxpost_with(&daemon, &given, "correct horse\n").await.exits(0);
    faxpost(&daemon, &["account", "set", "server=b.example"]).await.exits(0);

    let told = faxpost(&daemon, &["account", "history"]).await.exits(0);
    let told =
        told.says("server, port, password (new)").says("server, password (cleared: of another server)");
    assert!(told.out.contains("(now)") && !told.out.contains("correct horse"), "{}", told.out);
    let json = faxpost(&daemon, &["--json", "account", "history", "-n", "1"]).await.exits(0).json();
    assert_eq!(json["revisions"].as_array().unwrap().len(), 1);
    assert_eq!(json["revisions"][0]["password"], "SECRET_CHANGE_CLEARED_BY_BINDING");

    let diff = faxpost(&daemon, &["account", "diff", "3"]).await.exits(0).says("a.example").says("b.example");
    assert!(!diff.out.contains("port"), "{}", diff.out);
    faxpost(&daemon, &["account", "diff", "1", "3"]).await.exits(0).says("port");
    faxpost(&daemon, &["--lang", "ru", "account", "diff", "2"]).await.exits(0).says("изменена");
    faxpost(&daemon, &["account", "diff", "9"]).await.exits(65).complains("no revision 9");

    let back = ["account", "rollback", "2"];
    faxpost(&daemon, &[&back[..], &["--validate-only"]].concat()).await.exits(0).says("nothing was changed");
    faxpost(&daemon, &back).await.exits(0).says("as revision 2 has it").says("a.example");
    faxpost(&daemon, &back).await.exits(0).says("like that already");
    faxpost(&daemon, &["account", "history"]).await.exits(0).says("set back to 2");
    faxpost(&daemon, &[&back[..], &["--etag", "1"]].concat()).await.exits(75).complains("changed meanwhile");
    let json = faxpost(&daemon, &["--json", "account", "rollback", "1"]).await.exits(0).json();
    assert!(json["account"]["server"].is_null());
}

#[tokio::test]
async fn a12_a_deleted_account_comes_back() {
    let daemon = TestDaemon::start().await;
    faxpost(&daemon, &["account", "create", "office", "port=2525"]).await.exits(0);
    faxpost(&daemon, &["account", "delete", "office", "--yes"]).await.exits(0);
    faxpost(&daemon, &["account", "history", "office"]).await.exits(0).says("deleted").says("created");
    faxpost(&daemon, &["account", "history", "--all"]).await.exits(0).says("office").says("default");
    faxpost(&daemon, &["account", "diff", "3"]).await.exits(0).says("was deleted");
    faxpost(&daemon, &["account", "rollback", "2"]).await.exits(0);
    faxpost(&daemon, &["account", "show", "office"]).await.exits(0).says("2525");
    faxpost(&daemon, &["account", "history", "nobody"]).await.exits(0).says("no history");
}

#[tokio::test]
async fn a11_presets_are_listed_and_an_address_leads_to_a_command() {
    let daemon = TestDaemon::start().await;
    let list = faxpost(&daemon, &["account", "presets"]).await.exits(0).says("smtp.gmail.com").says("zoho");
    assert!(list.out.contains("OAuth 2.0, app password"), "{}", list.out);
    let json = faxpost(&daemon, &["--json", "account", "presets"]).await.exits(0).json();
    assert!(json["presets"].as_array().unwrap().len() > 12);

    let found =
        faxpost(&daemon, &["account", "discover", "me@icloud.com"]).await.exits(0).says("smtp.mail.me.com");
    let command = found.out.lines().find(|line| line.contains("faxpost account set")).unwrap();
    assert!(command.contains("login=me@icloud.com") && command.ends_with("--ask-password"), "{command}");
    let words: Vec<_> = command.trim().split(' ').skip(1).filter(|word| !word.starts_with("--")).collect();
    faxpost(&daemon, &words).await.exits(0);
    faxpost(&daemon, &["account", "discover", "nobody"]).await.exits(65).complains("address");
}

#[tokio::test]
async fn a11_what_dns_says_of_others_is_to_be_confirmed() {
    let record = Record::Srv(1, 1, 465, "mail.provider.test");
    let dns = DnsServer::start(&[("_submissions._tcp.example.test", record)]).await;
    let settings = format!("[discovery]\ndns-server = \"{}\"\nhttps-port = 1\n", dns.address());
    let daemon = TestDaemon::builder().settings(&settings).start().await;
    let found = faxpost(&daemon, &["account", "discover", "a@example.test"]).await.exits(0);
    found.says("to be confirmed").complains("Compare it with what your provider says");
    let none = faxpost(&daemon, &["account", "discover", "a@nothing.test"]).await.exits(1);
    none.says("_submissions._tcp.nothing.test: there is no such record").complains("Nothing was found");
    let json = faxpost(&daemon, &["--json", "account", "discover", "a@nothing.test"]).await.exits(1).json();
    assert_eq!(json["sources"].as_array().unwrap().len(), 5);
}
