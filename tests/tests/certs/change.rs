//! InstallCertificate and DeleteCertificate.

use std::os::unix::fs::MetadataExt as _;

use faxpost_proto::{reason, v1};
use faxpost_tests::pki::{Kind, Pki};
use tonic::Code;

use crate::kit::{Fixture, SENDER, as_pem, invalid, ok, refused};

fn p12(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pkcs12");
    std::fs::read(folder.join(name)).unwrap()
}

fn as_p12(name: &str, password: &str) -> v1::InstallCertificateRequest {
    v1::InstallCertificateRequest {
        pkcs12: p12(name).into(),
        password: password.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn c4_a_pkcs12_file_is_installed_and_its_password_is_nowhere() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    for (name, chain) in [("rsa-aes.p12", 1), ("ec-legacy-rc2-128.p12", 0)] {
        let answer = ok(client.install_certificate(as_p12(name, "correct-horse")).await);
        assert_eq!((answer.already_installed, answer.chain.len()), (false, chain), "{name}");
        let folder = fixture.folder().join(answer.certificate.unwrap().sha256);
        let key = std::fs::metadata(folder.join("key.p8")).unwrap();
        assert_eq!(key.mode() & 0o777, 0o600);
    }
    assert_eq!(fixture.list().await.len(), 2);
    let again = ok(client.install_certificate(as_p12("rsa-aes.p12", "correct-horse")).await);
    assert!(again.already_installed);

    let mut folders = vec![fixture.daemon.state_dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(13).any(|window| window == b"correct-horse"), "{}", path.display());
            }
        }
    }
    assert!(!fixture.daemon.stderr().contains("correct-horse"));
}

#[tokio::test]
async fn c4_an_installed_certificate_survives_the_daemon() {
    let mut fixture = Fixture::start().await;
    let issued = fixture.installed(SENDER, Kind::EcP256).await;
    fixture.daemon.kill();
    // What a crash leaves of another one.
    let left = fixture.folder().join(".unfinished-1");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("key.p8"), "x").unwrap();
    fixture.daemon.start_again().await;
    let certificates = fixture.list().await;
    assert_eq!((certificates.len(), &certificates[0].sha256), (1, &issued.fingerprint()));
    assert!(!left.exists());
}

#[tokio::test]
async fn c4_what_cannot_be_installed_is_refused_with_its_field_and_leaves_nothing() {
    let fixture = Fixture::start().await;
    let client = fixture.daemon.certificates().await;
    let issued = fixture.pki.person(SENDER, Kind::EcP256);
    let install = |request| {
        let mut client = client.clone();
        async move { client.install_certificate(request).await }
    };
    let text = refused(
        install(as_p12("rsa-aes.p12", "wrong")).await,
        Code::InvalidArgument,
        reason::WRONG_PASSWORD,
        &["password"],
    );
    assert!(!text.contains("wrong-") && text.contains("password"), "{text}");
    refused(
        install(as_p12("no-key.p12", "correct-horse")).await,
        Code::InvalidArgument,
        reason::KEY_MISSING,
        &["pkcs12"],
    );
    for name in ["java-several.p12", "no-certificate.p12", "small-key.p12", "many-rounds.p12"] {
        invalid(install(as_p12(name, "correct-horse")).await, "pkcs12");
    }
    let mut cut = as_p12("rsa-aes.p12", "correct-horse");
    cut.pkcs12 = cut.pkcs12.slice(..1000);
    invalid(install(cut).await, "pkcs12");
    invalid(install(v1::InstallCertificateRequest::default()).await, "pkcs12");
    invalid(
        install(v1::InstallCertificateRequest { pkcs12: p12("rsa-aes.p12").into(), ..as_pem(&issued) }).await,
        "pem",
    );
    let other = fixture.pki.person(SENDER, Kind::EcP256);
    let text = invalid(
        install(v1::InstallCertificateRequest { key_pem: other.key_pem(), ..as_pem(&issued) }).await,
        "key_pem",
    );
    assert!(text.contains("no private key belongs to a certificate"), "{text}");
    let without = v1::InstallCertificateRequest { key_pem: String::new(), ..as_pem(&issued) };
    refused(install(without).await, Code::InvalidArgument, reason::KEY_MISSING, &["key_pem"]);
    let large = v1::InstallCertificateRequest { pkcs12: vec![0; 40_001].into(), ..Default::default() };
    invalid(install(large).await, "pkcs12");
    assert_eq!(fixture.list().await, []);
    let names: Vec<_> =
        std::fs::read_dir(fixture.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "pending, authorities, revocation: {names:?}");
}

#[tokio::test]
async fn c4_a_certificate_is_deleted_with_its_key_unless_an_account_signs_with_it() {
    let fixture = Fixture::start().await;
    let issued = fixture.installed(SENDER, Kind::EcP256).await;
    fixture.sign_with(&issued.fingerprint()).await.unwrap();
    assert_eq!(fixture.list().await[0].used_by, ["default"]);

    let mut client = fixture.daemon.certificates().await;
    let delete = v1::DeleteCertificateRequest { fingerprint: issued.fingerprint() };
    let refusal = client.delete_certificate(delete.clone()).await;
    let text = refused(refusal, Code::FailedPrecondition, reason::CERTIFICATE_IN_USE, &[]);
    assert!(text.contains("default"), "{text}");

    // Chosen for the sender, and named nowhere: mail would wait without it all the same.
    fixture.sign_with("").await.unwrap();
    assert_eq!(fixture.list().await[0].used_by, ["default"]);
    let refusal = client.delete_certificate(delete.clone()).await;
    let text = refused(refusal, Code::FailedPrecondition, reason::CERTIFICATE_IN_USE, &[]);
    assert!(text.contains("the account default signs with this certificate"), "{text}");

    // Its successor ends later, and signs from now on.
    let mut params = fixture.pki.params(SENDER);
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let successor = fixture.pki.issue(params, Kind::EcP256);
    fixture.install(&successor).await;
    let used: Vec<_> = fixture.list().await.into_iter().map(|one| (one.sha256, one.used_by)).collect();
    assert_eq!(used, [(successor.fingerprint(), vec!["default".to_owned()]), (issued.fingerprint(), vec![])]);
    ok(client.delete_certificate(delete.clone()).await);
    fixture.set(v1::Account::default(), &["sign"]).await.unwrap();
    ok(client
        .delete_certificate(v1::DeleteCertificateRequest { fingerprint: successor.fingerprint() })
        .await);
    assert_eq!(fixture.list().await, []);
    assert!(!fixture.folder().join(issued.fingerprint()).exists());
    refused(client.delete_certificate(delete).await, Code::NotFound, reason::CERTIFICATE_NOT_FOUND, &[]);
    let nothing = v1::DeleteCertificateRequest { fingerprint: "pending".to_owned() };
    invalid(client.delete_certificate(nothing).await, "fingerprint");
}

#[tokio::test]
async fn c4_every_change_is_in_the_audit_log_with_what_it_was_about() {
    let fixture = Fixture::start().await;
    let issued = fixture.installed(SENDER, Kind::EcP256).await;
    let mut client = fixture.daemon.certificates().await;
    ok(client.delete_certificate(v1::DeleteCertificateRequest { fingerprint: issued.fingerprint() }).await);
    let foreign = Pki::new(Kind::EcP256).person(SENDER, Kind::Ed25519);
    client.install_certificate(as_pem(&foreign)).await.unwrap_err();
    let entries =
        fixture.daemon.admin().await.list_audit_entries(v1::ListAuditEntriesRequest::default()).await;
    let entries = ok(entries).entries;
    let told = |method: &str, outcome: &str| {
        entries.iter().any(|entry| {
            entry.method.ends_with(method) && format!("{:?}", entry.outcome()).eq_ignore_ascii_case(outcome)
        })
    };
    assert!(told("InstallCertificate", "done") && told("DeleteCertificate", "done"), "{entries:?}");
    assert!(told("InstallCertificate", "failed"), "{entries:?}");
    let deleted = entries.iter().find(|entry| entry.method.ends_with("DeleteCertificate")).unwrap();
    assert!(deleted.target.contains(SENDER), "{deleted:?}");
}
