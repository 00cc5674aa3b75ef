//! The grant of a key has an effect: mail is signed by the mailer's process, as the service account (requirement C5).

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Issued, Kind, Pki, pem};
use faxpost_tests::smtp::SmtpServer;

const SENDER: &str = "fax@example.test";

/// Has no name and no groups.
const ACCOUNT: &str = "uid:54398";

async fn check(daemon: &TestDaemon, issued: &Issued) -> v1::CheckSigningResponse {
    let request = v1::CheckSigningRequest { fingerprint: issued.fingerprint(), ..Default::default() };
    let check = daemon.certificates().await.check_signing(request).await.unwrap().into_inner();
    assert_eq!(check.signed_as_id, ACCOUNT, "{check:?}");
    check
}

/// Sends a message; its last state once an attempt has ended.
async fn send(daemon: &TestDaemon) -> v1::Message {
    let attachment = v1::Attachment {
        file_name: "fax.tif".to_owned(),
        content: vec![7; 300_000].into(),
        ..v1::Attachment::default()
    };
    let mail = v1::SendMailRequest {
        to: vec!["a@example.test".to_owned()],
        attachments: vec![attachment],
        ..v1::SendMailRequest::default()
    };
    let id = daemon.mail().await.send_mail(mail).await.unwrap().into_inner().id;
    let mut states =
        daemon.mail().await.watch_message(v1::WatchMessageRequest { id }).await.unwrap().into_inner();
    loop {
        let message = states.message().await.unwrap().unwrap().message.unwrap();
        let waits = matches!(message.state(), v1::MessageState::Queued | v1::MessageState::Sending);
        if !waits || message.attempts > 0 {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_the_service_account_signs_after_the_grant_and_neither_before_nor_after_the_revoke() {
    let pki = Pki::new(Kind::EcP256);
    let root = tempfile::Builder::new().suffix(".pem").tempfile().unwrap();
    std::fs::write(root.path(), pem("CERTIFICATE", &pki.root())).unwrap();
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::builder()
        .settings(&format!("[mailer]\naccount = \"{ACCOUNT}\""))
        .env("SSL_CERT_FILE", root.path().to_str().unwrap())
        .start()
        .await;
    let issued = pki.person(SENDER, Kind::Rsa2048);
    let install =
        v1::InstallCertificateRequest { pem: issued.pem(), key_pem: issued.key_pem(), ..Default::default() };
    daemon.certificates().await.install_certificate(install).await.unwrap();

    let before = check(&daemon, &issued).await;
    assert_eq!((before.passed, before.failure_reason.as_str()), (false, "KEY_ACCESS_DENIED"), "{before:?}");

    let grant = v1::GrantKeyAccessRequest { fingerprint: issued.fingerprint(), ..Default::default() };
    daemon.certificates().await.grant_key_access(grant).await.unwrap();
    let granted = check(&daemon, &issued).await;
    assert!(granted.passed, "{granted:?}");

    // By SMTP it is the mailer that has the message; into a folder it is the daemon, and the mailer signs for it.
    for method in [v1::Method::SecureSmtpClient, v1::Method::Pickup] {
        let account = v1::Account {
            id: "default".to_owned(),
            method: method.into(),
            server: "127.0.0.1".to_owned(),
            port: server.port().into(),
            sender_email: SENDER.to_owned(),
            sign: v1::Signing::Clear.into(),
            certificate: issued.fingerprint(),
            ..v1::Account::default()
        };
        let fields = ["method", "server", "port", "sender_email", "sign", "certificate"];
        daemon.set(account, &fields).await.unwrap();
        let sent = send(&daemon).await;
        assert_eq!(sent.state(), v1::MessageState::Delivered, "{sent:?}\n{}", daemon.stderr());
    }
    let mut signed: Vec<_> = server.received().into_iter().map(|received| received.content).collect();
    for file in std::fs::read_dir(daemon.pickup_dir()).unwrap() {
        signed.push(std::fs::read(file.unwrap().path()).unwrap());
    }
    assert_eq!(signed.len(), 2);
    for message in signed {
        let text = String::from_utf8_lossy(&message);
        assert!(text.contains("multipart/signed") && text.contains("smime.p7s"));
        assert!(message.len() > 400_000, "with its attachment");
    }

    let revoke =
        v1::RevokeKeyAccessRequest { fingerprint: issued.fingerprint(), trustee: ACCOUNT.to_owned() };
    daemon.certificates().await.revoke_key_access(revoke).await.unwrap();
    let after = check(&daemon, &issued).await;
    assert_eq!((after.passed, after.failure_reason.as_str()), (false, "KEY_ACCESS_DENIED"), "{after:?}");
    let held = send(&daemon).await;
    assert_ne!(held.state(), v1::MessageState::Delivered, "never unsigned: {held:?}");
    let unsigned = std::fs::read_dir(daemon.pickup_dir()).unwrap().count();
    assert_eq!((server.received().len(), unsigned), (1, 1));
}
