//! The system's check, with a CA of our own trusted by `SSL_CERT_FILE`. That is read from the environment, once, so
//! these tests run in a process of their own.

use std::process::Command;

use faxpost_tests::smtp::{Authority, SmtpServer};
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::mailer::FailureKind;

use crate::kit::{JobExt as _, fails, job, succeeds};

#[test]
fn a4_the_system_check_tells_trust_name_and_time_apart() {
    if std::env::consts::OS == "windows" {
        return; // Windows asks its own store, which a test must not change.
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "system_roots::within_a_process_that_trusts_our_ca", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", folder.path().join("ca.pem"))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
#[ignore = "run by a4_the_system_check_tells_trust_name_and_time_apart"]
async fn within_a_process_that_trusts_our_ca() {
    let authority = Authority::new();
    std::fs::write(std::env::var_os("SSL_CERT_FILE").unwrap(), authority.pem()).unwrap();

    for name in ["127.0.0.1", "localhost"] {
        let server = SmtpServer::builder().starttls(authority.good()).start().await;
        let mut good = job(&server).tls(Security::Starttls, TlsCheck::System);
        good.route().server = name.to_owned();
        let tls = succeeds(good).await.tls.unwrap();
        assert_eq!(tls.tolerated, None);
        assert_eq!(tls.chain[0].issuer, "CN=Faxpost Test CA");
    }
    for (identity, kind) in [
        (authority.expired(), FailureKind::CertificateExpired),
        (authority.wrong_name(), FailureKind::CertificateName),
        (Authority::new().good(), FailureKind::CertificateUntrusted),
        (Authority::self_signed(), FailureKind::CertificateUntrusted),
    ] {
        let server = SmtpServer::builder().implicit_tls(identity).start().await;
        let failure = fails(job(&server).tls(Security::Implicit, TlsCheck::System)).await;
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(server.commands().is_empty());
    }
}
