//! Faxpost to a real Postfix with Dovecot's sign-in: what callers give arrives, and what the servers say is understood.

use std::fs;
use std::process::Output;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::peers::{ALICE, BOB, Postfix};
use faxpost_tests::tiff;
use sha2::{Digest as _, Sha256};

/// A daemon that trusts the test's CA, with an account for `port`.
async fn daemon(postfix: &Postfix, port: u16, security: v1::Security, user: (&str, &str)) -> TestDaemon {
    let builder = TestDaemon::builder().settings("[outbox]\nretry-seconds = [1]\n");
    let daemon = builder.env("SSL_CERT_FILE", postfix.ca().display().to_string()).start().await;
    let account = v1::Account {
        id: "default".to_owned(),
        sender_email: user.0.to_owned(),
        sender_name: Some("Факс-сервер".to_owned()),
        method: v1::Method::SecureSmtpClient.into(),
        server: "localhost".to_owned(),
        port: port.into(),
        security: security.into(),
        authentication: true,
        login: user.0.to_owned(),
        password: user.1.to_owned(),
        plaintext_auth: security == v1::Security::None,
        ..Default::default()
    };
    let fields = [
        "sender_email",
        "sender_name",
        "method",
        "server",
        "port",
        "security",
        "authentication",
        "login",
        "password",
        "plaintext_auth",
    ];
    daemon.set(account, &fields).await.unwrap();
    daemon
}

fn run(daemon: &TestDaemon, arguments: &[&str]) -> Output {
    let output = daemon.faxpost(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "faxpost {arguments:?}: {said}\n{}", daemon.stderr());
    output
}

/// The attachment's bytes, by plain means.
fn attachment(message: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(message).unwrap();
    let part = text.split("\r\n--").find(|part| part.contains("Content-Disposition: attachment")).unwrap();
    let (_, body) = part.split_once("\r\n\r\n").unwrap();
    BASE64.decode(body.lines().collect::<String>()).unwrap()
}

#[tokio::test]
async fn a3_a5_f1_a_fax_with_a_cyrillic_subject_arrives_byte_for_byte_over_starttls_with_sign_in() {
    let postfix = Postfix::shared();
    let daemon = daemon(postfix, postfix.starttls, v1::Security::Starttls, ALICE).await;
    let folder = tempfile::tempdir().unwrap();
    let (fax, file) = (tiff::fax(3, 1200), folder.path().join("Факс на 3 страницах.tif"));
    fs::write(&file, &fax).unwrap();

    // Held until its file in the spool has been read: that is the message as it was accepted.
    daemon.set(v1::Account { id: "default".into(), port: 1, ..Default::default() }, &["port"]).await.unwrap();
    let sent = run(
        &daemon,
        &[
            "--json",
            "send",
            "--to",
            "Пётр <byte-for-byte@fax.test>",
            "--subject",
            "Входящий факс с номера 8 (495)",
            "--text",
            "Три страницы.\n.\n..точки в начале строк\n",
            "--attach",
            file.to_str().unwrap(),
        ],
    );
    let id =
        serde_json::from_slice::<serde_json::Value>(&sent.stdout).unwrap()["id"].as_str().unwrap().to_owned();
    let accepted = fs::read(daemon.state_dir().join(format!("spool/{id}.eml"))).unwrap();

    // The port changed, so the password had to be given anew (D3).
    let account = v1::Account {
        id: "default".into(),
        port: postfix.starttls.into(),
        password: ALICE.1.to_owned(),
        ..Default::default()
    };
    daemon.set(account, &["port", "password"]).await.unwrap();
    let mails = postfix.wait_for("byte-for-byte@fax.test", 1).await.unwrap();

    assert!(mails[0].message == accepted, "what arrived is not what was accepted");
    assert!(attachment(&mails[0].message) == fax, "the TIFF is not what was attached");
    let head = String::from_utf8_lossy(&mails[0].message);
    assert!(head.contains("filename*0*=utf-8''%D0%A4%D0%B0%D0%BA%D1%81"), "{}", &head[..2000]);
    assert_eq!(mails[0].return_path, ALICE.0);
    assert!(mails[0].trace.contains("TLSv1.3"), "{}", mails[0].trace);
    assert!(mails[0].trace.contains(&format!("Authenticated sender: {}", ALICE.0)), "{}", mails[0].trace);
}

#[tokio::test]
async fn a3_a4_implicit_tls_with_a_pinned_key_and_a_password_that_is_no_ascii() {
    let postfix = Postfix::shared();
    let daemon = daemon(postfix, postfix.smtps, v1::Security::Implicit, BOB).await;
    // The certificate's own SHA-256, by another program than ours.
    let certificate = fs::read_to_string(postfix.certificate()).unwrap();
    let base64: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    let pin = hex::encode(Sha256::digest(BASE64.decode(base64).unwrap()));
    let account = v1::Account {
        id: "default".into(),
        tls_check: v1::TlsCheck::Pinned.into(),
        tls_pin: pin,
        password: BOB.1.to_owned(),
        ..Default::default()
    };
    daemon.set(account, &["tls_check", "tls_pin", "password"]).await.unwrap();
    run(&daemon, &["send", "--to", "pinned@fax.test", "--subject", "pinned", "--text", "x", "--wait"]);
    assert_eq!(postfix.wait_for("pinned@fax.test", 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a5_the_strongest_sign_in_that_dovecot_offers_is_used_with_any_password() {
    let postfix = Postfix::shared();
    for (port, security, used) in [
        (postfix.starttls, v1::Security::Starttls, "SCRAM-SHA-256"),
        (postfix.smtps, v1::Security::Implicit, "SCRAM-SHA-1"),
        (postfix.authplain, v1::Security::None, "CRAM-MD5"),
    ] {
        for user in [ALICE, BOB] {
            let daemon = daemon(postfix, port, security, user).await;
            let to = format!("{used}-{}", user.0);
            run(&daemon, &["send", "--to", &to, "--subject", used, "--text", "x", "--wait"]);
            assert_eq!(postfix.wait_for(&to, 1).await.unwrap().len(), 1);
            let signed_in = format!("sasl_method={used}, sasl_username={}", user.0);
            assert!(postfix.log().contains(&signed_in), "no {signed_in} in {}", postfix.log());
        }
    }
}

#[tokio::test]
async fn a5_a_password_crosses_an_open_line_only_when_the_account_says_so() {
    let postfix = Postfix::shared();
    let daemon = daemon(postfix, postfix.authplain, v1::Security::None, ALICE).await;
    run(&daemon, &["send", "--to", "open-line@fax.test", "--subject", "open", "--text", "x", "--wait"]);
    assert_eq!(postfix.wait_for("open-line@fax.test", 1).await.unwrap().len(), 1);

    let account = v1::Account { id: "default".into(), ..Default::default() };
    let refused = daemon.set(account, &["plaintext_auth"]).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(refused.message().contains("authentication"), "{}", refused.message());
}

#[tokio::test]
async fn f3_each_recipient_has_the_outcome_that_postfix_gave_it() {
    let postfix = Postfix::shared();
    let daemon = daemon(postfix, postfix.starttls, v1::Security::Starttls, ALICE).await;
    let mut mail = daemon.mail().await;
    let to = ["outcome@fax.test", "r550@fax.test", "r450@fax.test"].map(str::to_owned).to_vec();
    let request =
        v1::SendMailRequest { to, subject: "outcomes".into(), text: "x".into(), ..Default::default() };
    let id = mail.send_mail(request).await.unwrap().into_inner().id;

    let mut states =
        mail.watch_message(v1::WatchMessageRequest { id: id.clone() }).await.unwrap().into_inner();
    let message = loop {
        let message = states.message().await.unwrap().unwrap().message.unwrap();
        if message.attempts >= 2 {
            break message;
        }
    };
    let found: Vec<_> = message.recipients.iter().map(|r| (r.state(), r.answer.as_str())).collect();
    assert_eq!(found[0].0, v1::RecipientState::Delivered);
    assert_eq!(found[1].0, v1::RecipientState::Failed);
    assert!(found[1].1.contains("550 5.1.1"), "{found:?}");
    assert_eq!(found[2].0, v1::RecipientState::Pending);
    assert!(found[2].1.contains("450 4.2.1"), "{found:?}");
    // The second attempt was for the deferred one alone.
    assert_eq!(postfix.wait_for("outcome@fax.test", 1).await.unwrap().len(), 1);

    let cancelled =
        mail.cancel_message(v1::CancelMessageRequest { id }).await.unwrap().into_inner().message.unwrap();
    assert_eq!(cancelled.state(), v1::MessageState::Cancelled);
}

#[tokio::test]
async fn d2_a_wrong_password_is_explained_with_the_servers_own_words() {
    let postfix = Postfix::shared();
    let daemon = daemon(postfix, postfix.starttls, v1::Security::Starttls, (ALICE.0, "wrong")).await;
    let output = daemon.faxpost(&["account", "test", "--to", "nobody@fax.test"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("535 5.7.8"), "{said}");
    assert!(said.contains("Advice:"), "{said}");
    assert!(!said.contains("wrong\n"), "{said}");
    assert!(postfix.mails_to("nobody@fax.test").unwrap().is_empty());
}

#[tokio::test]
async fn f1_a_fax_of_20_mb_goes_through_without_growing_the_daemon() {
    let postfix = Postfix::shared();
    let daemon = daemon(postfix, postfix.starttls, v1::Security::Starttls, ALICE).await;
    let folder = tempfile::tempdir().unwrap();
    let (fax, file) = (tiff::fax(88, 1100), folder.path().join("large.tif"));
    assert!(fax.len() > 20_000_000);
    fs::write(&file, &fax).unwrap();
    let file = file.to_str().unwrap();
    run(&daemon, &["send", "--to", "large@fax.test", "--subject", "large", "--attach", file, "--wait"]);
    let mails = postfix.wait_for("large@fax.test", 1).await.unwrap();
    assert!(attachment(&mails[0].message) == fax, "the TIFF is not what was attached");

    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let kib: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(kib <= 64 * 1024, "the daemon's peak was {kib} KiB");
}
