//! `faxpost account export | import`

use faxpost_tests::daemon::TestDaemon;

use crate::kit::{faxpost, faxpost_with, file};

#[tokio::test]
async fn a12_an_export_is_read_back_and_changes_nothing() {
    let (daemon, folder) = (TestDaemon::start().await, tempfile::tempdir().unwrap());
    let office = ["account", "create", "office", "port=2525", "sender-name=Fax \"1\"", "--password-stdin"];
    faxpost_with(&daemon, &office, "correct horse\n").await.exits(0);
    let export = faxpost(&daemon, &["account", "export"]).await.exits(0);
    assert!(
        !export.out.contains("correct horse") && export.out.contains("A password is set"),
        "{}",
        export.out
    );
    assert_eq!(faxpost(&daemon, &["account", "export"]).await.exits(0).out, export.out, "always the same");
    let saved = file(&folder, "accounts.toml", export.out.as_bytes());
    faxpost(&daemon, &["account", "import", &saved]).await.exits(0).says("nothing to change");
    let json = faxpost(&daemon, &["--json", "account", "export", "office"]).await.exits(0).json();
    assert_eq!(json["accounts"][0]["id"], "office");

    // On another machine it makes the same accounts.
    let other = TestDaemon::start().await;
    faxpost(&other, &["account", "import", &saved]).await.exits(64).complains("--yes");
    faxpost(&other, &["account", "import", &saved, "--validate-only"]).await.exits(0).says("office: new");
    faxpost(&other, &["account", "show", "office"]).await.exits(65);
    faxpost(&other, &["account", "import", &saved, "--yes"]).await.exits(0).says("1 account imported");
    let same = faxpost(&other, &["account", "export", "office"]).await.exits(0).out;
    let first = faxpost(&daemon, &["account", "export", "office"]).await.exits(0).out;
    assert_eq!(
        same,
        first.replace("# A password is set. It is not shown, and stays as long as the server does.\n", "")
    );
}

#[tokio::test]
async fn a12_an_import_shows_the_changes_and_is_all_or_nothing() {
    let (daemon, folder) = (TestDaemon::start().await, tempfile::tempdir().unwrap());
    let good = "[account.default]\nport = 26\n\n[account.office]\nserver = \"a.example\"\n";
    let good = file(&folder, "good.toml", good.as_bytes());
    let shown = faxpost(&daemon, &["account", "import", "--validate-only", &good]).await.exits(0);
    shown.says("Account default:").says("port").says("26").says("Account office: new").says("a.example");
    faxpost(&daemon, &["account", "history", "--all", "-n", "9"]).await.exits(0).says("created");

    for (text, said) in [
        ("[account.default]\nport = 26\nsever = \"x\"\n", "line 3"),
        ("[account.default]\nport = 26\n[account.office]\n\nport = 99999\n", "line 5"),
        ("[account.office]\nreply-to = \"nobody\"\n", "line 2"),
        ("[account.office]\npassword = \"hunter2\"\n", "line 2"),
        ("[account.\"Not good\"]\nport = 1\n", "line 1"),
        ("port = 1\n", "line 1"),
    ] {
        let wrong = file(&folder, "wrong.toml", text.as_bytes());
        let run = faxpost(&daemon, &["account", "import", "--yes", &wrong]).await.exits(65).complains(said);
        assert!(!run.err.contains("hunter2"), "{run:#?}");
    }
    faxpost(&daemon, &["account", "show", "office"]).await.exits(65);
    let json = faxpost(&daemon, &["--json", "account", "import", "--yes", &good]).await.exits(0).json();
    assert_eq!(json["accounts"].as_array().unwrap().len(), 2);
    faxpost_with(&daemon, &["account", "import", "--yes", "-"], "[account.default]\nport = 27\n")
        .await
        .exits(0);
    faxpost(&daemon, &["account", "show"]).await.exits(0).says("27");
}

#[tokio::test]
async fn a12_a_configuration_of_msmtp_is_imported_without_its_password() {
    let (daemon, folder) = (TestDaemon::start().await, tempfile::tempdir().unwrap());
    let text = "defaults\nauth on\ntls on\nlogfile ~/.msmtp.log\n\naccount Work\nhost mail.example.org\nport 587\n\
                from fax@example.org\nuser fax\npassword hunter2\n\naccount default : Work\n";
    let saved = file(&folder, "msmtprc", text.as_bytes());
    let run = faxpost(&daemon, &["account", "import", "--from", "msmtp", "--yes", &saved]).await.exits(0);
    let run =
        run.says("2 accounts imported").complains("line 11: password is not taken").complains("logfile");
    let run = run.complains("faxpost account set work --ask-password").complains("called work here");
    assert!(!run.out.contains("hunter2") && !run.err.contains("hunter2"), "{run:#?}");
    let work = faxpost(&daemon, &["--json", "account", "show", "work"]).await.exits(0).json();
    assert_eq!(
        (&work["account"]["server"], &work["account"]["login"]),
        (&"mail.example.org".into(), &"fax".into())
    );
    assert!(work["account"]["hasPassword"].is_null());
    let bad = file(&folder, "bad", b"host x\n");
    faxpost(&daemon, &["account", "import", "--from", "msmtp", &bad]).await.exits(65).complains("line 1");
}
