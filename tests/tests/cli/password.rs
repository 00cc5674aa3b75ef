//! Secrets: in by standard input, and never out again.

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;

use crate::kit::{faxpost, faxpost_with, send_by};

const PASSWORD: &str = "пароль-hunter2-пароль";

#[tokio::test]
async fn h3_a_password_is_no_argument_and_is_not_repeated() {
    let daemon = TestDaemon::start().await;
    let setting = format!("password={PASSWORD}");
    let option = format!("--password={PASSWORD}");
    for arguments in [
        &["account", "set", &setting][..],
        &["account", "set", "password", PASSWORD],
        &["account", "create", "office", &setting],
        &["account", "test", &setting],
        &["account", "set", "--password", PASSWORD],
        &["account", "set", &option],
    ] {
        for lang in ["en", "ru"] {
            let run = faxpost(&daemon, &[&["--lang", lang], arguments].concat()).await.exits(64);
            let run = run.complains("--password-stdin");
            assert!(!format!("{run:?}").contains("hunter2"), "{run:#?}");
        }
    }
    let account = faxpost(&daemon, &["--json", "account", "show"]).await.exits(0).json();
    assert_ne!(account["account"]["hasPassword"], true);
}

#[tokio::test]
async fn h3_a_password_from_standard_input_signs_in_and_is_never_shown() {
    let server = SmtpServer::builder().credentials("fax", PASSWORD).start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let set = ["account", "set", "authentication=on", "login=fax", "plaintext-auth=on", "--password-stdin"];
    let set = faxpost_with(&daemon, &set, &format!("{PASSWORD}\n")).await.exits(0).says("set anew");

    let mut said = vec![set];
    for arguments in [
        &["account", "show"][..],
        &["--json", "account", "show"],
        &["account", "test"],
        &["--json", "account", "test"],
        &["--json", "log", "list"],
        &["log", "transcript", "1"],
        &["--json", "status"],
    ] {
        said.push(faxpost(&daemon, arguments).await.exits(0));
    }
    assert_eq!(server.received()[0].login.as_deref(), Some("fax"));
    use base64::Engine as _;
    let encoded = base64::prelude::BASE64_STANDARD.encode(format!("\0fax\0{PASSWORD}"));
    for run in said {
        let all = format!("{}{}", run.out, run.err);
        assert!(!all.contains("hunter2") && !all.contains(&encoded), "{all}");
    }
    let log = daemon.stderr();
    assert!(!log.contains("hunter2") && !log.contains(&encoded), "{log}");
}

#[tokio::test]
async fn d3_another_server_does_not_get_the_password() {
    let daemon = TestDaemon::start().await;
    let first = ["account", "set", "server=one.example.org", "--password-stdin"];
    faxpost_with(&daemon, &first, "secret\n").await.exits(0);
    let moved = faxpost(&daemon, &["account", "set", "server=two.example.org"]).await.exits(0);
    moved.says("not set").complains("was cleared").complains("faxpost account set --ask-password");
    let json = faxpost_with(&daemon, &["--json", "account", "set", "--password-stdin"], "again").await;
    assert_eq!(json.exits(0).json()["account"]["hasPassword"], true);
    let json = faxpost(&daemon, &["--json", "account", "set", "port=26"]).await.exits(0).json();
    assert_eq!(json["passwordCleared"], true);
}

#[tokio::test]
async fn h3_what_is_no_password_is_refused_in_words() {
    let daemon = TestDaemon::start().await;
    let set = ["account", "set", "--password-stdin"];
    faxpost_with(&daemon, &set, "").await.exits(65).complains("password is empty");
    faxpost_with(&daemon, &set, "\n").await.exits(65).complains("--clear-password");
    faxpost(&daemon, &["account", "set", "--ask-password"]).await.exits(64).complains("--password-stdin");
    let both = ["account", "set", "--password-stdin", "--clear-password"];
    faxpost(&daemon, &both).await.exits(64).complains("cannot be used with");
    faxpost_with(&daemon, &set, "secret").await.exits(0);
    faxpost(&daemon, &["account", "set", "--clear-password"]).await.exits(0).says("not set");
}
