//! A grant has effect: another user reads a key after it and not before, and signs; and a revoke takes exactly that away.

use std::path::Path;
use std::process::Command;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::pki::{Issued, Kind, Pki};

/// Have no names and no groups.
const MAILER: u32 = 54_399;
const OTHER: u32 = 54_322;

async fn daemon() -> TestDaemon {
    let settings = format!("[mailer]\naccount = \"uid:{MAILER}\"");
    TestDaemon::builder().settings(&settings).start().await
}

async fn install(daemon: &TestDaemon, kind: Kind) -> Issued {
    let issued = Pki::new(Kind::EcP256).person("fax@example.test", kind);
    let request = v1::InstallCertificateRequest {
        pem: issued.pem(),
        key_pem: issued.key_pem(),
        ..v1::InstallCertificateRequest::default()
    };
    daemon.certificates().await.install_certificate(request).await.unwrap();
    issued
}

async fn grant(daemon: &TestDaemon, issued: &Issued, uid: u32) {
    let request =
        v1::GrantKeyAccessRequest { fingerprint: issued.fingerprint(), trustee: format!("uid:{uid}") };
    daemon.certificates().await.grant_key_access(request).await.unwrap();
}

async fn revoke(daemon: &TestDaemon, issued: &Issued, uid: u32) {
    let request =
        v1::RevokeKeyAccessRequest { fingerprint: issued.fingerprint(), trustee: format!("uid:{uid}") };
    daemon.certificates().await.revoke_key_access(request).await.unwrap();
}

/// What this user gets when he runs a program on a path; `None`: he is refused.
fn tries(uid: u32, program: &str, path: &Path) -> Option<Vec<u8>> {
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={uid}"))
        .arg(format!("--regid={uid}"))
        .arg("--clear-groups")
        .arg(program)
        .arg(path);
    let output = command.current_dir("/").output().expect("setpriv of util-linux");
    output.status.success().then_some(output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_only_who_was_granted_a_key_can_read_it_and_only_as_long_as_he_is() {
    let daemon = daemon().await;
    let issued = install(&daemon, Kind::EcP256).await;
    let folder = daemon.state_dir().join("certificates").join(issued.fingerprint());
    let reads = |uid| tries(uid, "cat", &folder.join("key.p8"));
    assert_eq!((reads(MAILER), reads(OTHER)), (None, None));
    grant(&daemon, &issued, MAILER).await;
    assert_eq!((reads(MAILER), reads(OTHER)), (Some(issued.key.clone()), None));
    grant(&daemon, &issued, OTHER).await;
    assert_eq!((reads(MAILER), reads(OTHER)), (Some(issued.key.clone()), Some(issued.key.clone())));
    revoke(&daemon, &issued, MAILER).await;
    assert_eq!((reads(MAILER), reads(OTHER)), (None, Some(issued.key.clone())));
    revoke(&daemon, &issued, OTHER).await;
    assert_eq!((reads(MAILER), reads(OTHER)), (None, None));
    // Another certificate's key is not his.
    grant(&daemon, &issued, MAILER).await;
    let other = install(&daemon, Kind::Rsa2048).await;
    let key = daemon.state_dir().join("certificates").join(other.fingerprint()).join("key.p8");
    assert_eq!(tries(MAILER, "cat", &key), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_the_service_account_signs_after_the_grant_and_not_before_and_not_after_the_revoke() {
    let daemon = daemon().await;
    for kind in [Kind::EcP256, Kind::Rsa2048] {
        let issued = install(&daemon, kind).await;
        let check = async || {
            let request = v1::CheckSigningRequest {
                fingerprint: issued.fingerprint(),
                ..v1::CheckSigningRequest::default()
            };
            let check = daemon.certificates().await.check_signing(request).await.unwrap().into_inner();
            assert_eq!(check.signed_as_id, format!("uid:{MAILER}"), "{check:?}");
            (check.passed, check.failure_reason)
        };
        let denied = (false, "KEY_ACCESS_DENIED".to_owned());
        assert_eq!(check().await, denied);
        grant(&daemon, &issued, OTHER).await;
        assert_eq!(check().await, denied);
        grant(&daemon, &issued, MAILER).await;
        assert_eq!(check().await, (true, String::new()));
        revoke(&daemon, &issued, MAILER).await;
        assert_eq!(check().await, denied);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_who_passes_through_the_state_folder_finds_nothing_else_in_it() {
    let daemon = daemon().await;
    install(&daemon, Kind::EcP256).await;
    let state = daemon.state_dir();
    for folder in [state.clone(), state.join("certificates"), state.join("spool"), state.join("pickup")] {
        assert_eq!(tries(OTHER, "ls", &folder), None, "{}", folder.display());
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.file_name().unwrap() != "faxpostd.toml" {
            assert_eq!(tries(OTHER, "cat", &path), None, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 3, "database, key and lock are there");
}
