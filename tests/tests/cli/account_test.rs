//! `faxpost account test`

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};

use crate::kit::{faxpost, faxpost_with, send_by};

#[tokio::test]
async fn d1_a_test_shows_its_steps_and_sends_a_message() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let test = faxpost(&daemon, &["account", "test", "--to", "chief@example.test"]).await.exits(0);
    let test = test.says("✓ Connect").says("– TLS  not needed").says("✓ EHLO").says("✓ Message");
    assert!(
        !test.out.contains('\u{1b}') && !test.out.contains('\r'),
        "no terminal, no tricks: {:?}",
        test.out
    );
    let received = server.wait_for(1).await;
    assert_eq!(received[0].to, ["chief@example.test"]);
}

#[tokio::test]
async fn d1_json_is_a_step_a_line() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let steps = faxpost(&daemon, &["--json", "account", "test"]).await.exits(0).jsons();
    let ended: Vec<_> = steps
        .iter()
        .map(|line| &line["step"])
        .filter(|step| step["state"] != "STEP_STATE_STARTED")
        .map(|step| step["step"].as_str().unwrap().trim_start_matches("STEP_").to_owned())
        .collect();
    let all = ["RESOLVE", "CONNECT", "TLS", "EHLO", "SIGN_IN", "SENDER", "RECIPIENT", "MESSAGE"];
    assert_eq!(ended, all);
}

#[tokio::test]
async fn d1_until_stops_before_anything_is_sent() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let test = faxpost(&daemon, &["account", "test", "--until", "ehlo"]).await.exits(0).says("✓ EHLO");
    assert!(!test.out.contains("Message"), "{}", test.out);
    assert!(server.received().is_empty());
    assert!(!server.commands().iter().any(|command| command.starts_with("MAIL")), "{:?}", server.commands());
    faxpost(&daemon, &["account", "test", "--until", "later"]).await.exits(64).complains("sign-in");
}

#[tokio::test]
async fn d2_a_wrong_password_is_configuration_and_comes_with_advice() {
    let server = SmtpServer::builder().credentials("fax", "right").start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let test = ["authentication=on", "login=fax", "plaintext-auth=on", "--password-stdin"];
    let test = [&["account", "test"], &test[..]].concat();
    let failed = faxpost_with(&daemon, &test, "wrong\n").await.exits(78);
    let failed = failed.says("✗ Sign in").says("535").says("Advice:");
    assert!(!failed.out.contains("Sender"), "nothing follows a failed step: {}", failed.out);
    let russian = faxpost_with(&daemon, &[&["--lang", "ru"], &test[..]].concat(), "wrong\n").await;
    russian.exits(78).says("✗ Вход").says("Сервер не принял логин или пароль.").says("Совет:");
    // A draft is not saved.
    faxpost_with(&daemon, &test, "right\n").await.exits(0);
    let account = faxpost(&daemon, &["--json", "account", "show"]).await.exits(0).json();
    assert_ne!(account["account"]["authentication"], true);
    assert_ne!(account["account"]["hasPassword"], true);
}

#[tokio::test]
async fn d2_what_may_pass_later_exits_75_and_what_will_not_78() {
    let daemon = TestDaemon::start().await;
    let busy = SmtpServer::builder().fault(At::Mail, Fault::answer(451, "4.3.0 busy")).start().await;
    send_by(&daemon, &busy).await;
    faxpost(&daemon, &["account", "test"]).await.exits(75).says("✗ Sender").says("451 4.3.0 busy");
    let refusing = SmtpServer::builder().start().await;
    send_by(&daemon, &refusing).await;
    faxpost(&daemon, &["account", "test", "--to", "r550@example.test"]).await.exits(78).says("✗ Recipient");
    let json = faxpost(&daemon, &["--json", "account", "test", "--to", "r450@example.test"]).await.exits(75);
    assert_eq!(json.jsons().last().unwrap()["step"]["failureReason"], "RECIPIENT_REJECTED");

    faxpost(&daemon, &["account", "test", "port=1"]).await.exits(75).says("✗ Connect").says("Advice:");
    let missing =
        faxpost(&daemon, &["account", "test", "server=nothing.invalid", "--until", "resolve"]).await;
    assert!([75, 78].contains(&missing.code), "without a resolver it is temporary: {missing:#?}");
    missing.says("✗ Resolve the name").says("nothing.invalid");
    faxpost(&daemon, &["account", "test", "server="]).await.exits(65).complains("  server: ");
    faxpost(&daemon, &["account", "test", "--to", "me"]).await.exits(65).complains("to \"me\" is not");
}

#[tokio::test]
async fn a4_an_unknown_certificate_comes_with_the_command_that_pins_it() {
    let identity = Authority::self_signed();
    let pin = hex::encode(identity.public_key_sha256);
    let server = SmtpServer::builder().starttls(identity).start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let test = ["account", "test", "server=localhost", "security=starttls", "--until", "ehlo"];
    let offer = format!("faxpost account set tls-check=pinned:{pin}");
    faxpost(&daemon, &test).await.exits(78).says("✗ TLS").says("self-signed").says(&offer);
    let check = format!("tls-check=pinned:{pin}");
    faxpost(&daemon, &[&test[..], &[&check]].concat()).await.exits(0).says("✓ TLS");
    let any = faxpost(&daemon, &[&test[..], &["tls-check=accept-invalid"]].concat()).await.exits(0);
    any.says("would have refused this certificate");
}
