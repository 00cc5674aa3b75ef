//! GrantKeyAccess and RevokeKeyAccess. That they have effect for another user is in tests/users, which wants root.

use faxpost_proto::{reason, v1};
use faxpost_tests::pki::Kind;
use tonic::{Code, Response};

use crate::kit::{Fixture, SENDER, as_pem, invalid, ok, refused};

async fn grant(
    fixture: &Fixture,
    fingerprint: &str,
    trustee: &str,
) -> Result<Vec<v1::KeyHolder>, tonic::Status> {
    let request =
        v1::GrantKeyAccessRequest { fingerprint: fingerprint.to_owned(), trustee: trustee.to_owned() };
    let answer = fixture.daemon.certificates().await.grant_key_access(request).await;
    answer.map(Response::into_inner).map(|answer| answer.key_holders)
}

async fn revoke(
    fixture: &Fixture,
    fingerprint: &str,
    trustee: &str,
) -> Result<Vec<v1::KeyHolder>, tonic::Status> {
    let request =
        v1::RevokeKeyAccessRequest { fingerprint: fingerprint.to_owned(), trustee: trustee.to_owned() };
    let answer = fixture.daemon.certificates().await.revoke_key_access(request).await;
    answer.map(Response::into_inner).map(|answer| answer.key_holders)
}

/// Those who can be revoked.
fn granted(holders: &[v1::KeyHolder]) -> Vec<(&str, &str)> {
    let granted = holders.iter().filter(|holder| !holder.builtin);
    granted.map(|holder| (holder.id.as_str(), holder.access.as_str())).collect()
}

#[tokio::test]
async fn c5_a_key_is_granted_to_one_account_and_taken_from_exactly_that_one() {
    let fixture = Fixture::start().await;
    let sha256 = fixture.installed(SENDER, Kind::EcP256).await.fingerprint();
    assert_eq!(granted(&grant(&fixture, &sha256, "uid:54321").await.unwrap()), [("uid:54321", "read")]);
    let both = grant(&fixture, &sha256, "54322").await.unwrap();
    assert_eq!(granted(&both), [("uid:54321", "read"), ("uid:54322", "read")]);
    assert_eq!(grant(&fixture, &sha256, "uid:54321").await.unwrap(), both, "granted twice is granted once");
    assert_eq!(fixture.get(&sha256).await.unwrap().key_holders, both);
    assert_eq!(granted(&revoke(&fixture, &sha256, "uid:54321").await.unwrap()), [("uid:54322", "read")]);
    assert_eq!(granted(&revoke(&fixture, &sha256, "uid:54321").await.unwrap()), [("uid:54322", "read")]);
    assert_eq!(granted(&revoke(&fixture, &sha256, "uid:54322").await.unwrap()), []);
}

#[tokio::test]
async fn c5_an_installation_can_grant_the_service_account_at_once() {
    let builder = faxpost_tests::daemon::TestDaemon::builder();
    let daemon = builder.settings("[mailer]\naccount = \"uid:54321\"").start().await;
    let issued = faxpost_tests::pki::Pki::new(Kind::EcP256).person(SENDER, Kind::EcP256);
    let request = v1::InstallCertificateRequest { grant: true, ..as_pem(&issued) };
    let mut client = daemon.certificates().await;
    ok(client.install_certificate(request).await);
    let request = v1::GetCertificateRequest { fingerprint: issued.fingerprint() };
    let holders = ok(client.get_certificate(request).await).key_holders;
    assert_eq!(granted(&holders), [("uid:54321", "read")]);
    // An empty name is the service account, too.
    let other = faxpost_tests::pki::Pki::new(Kind::EcP256).person(SENDER, Kind::EcP256);
    ok(client.install_certificate(as_pem(&other)).await);
    let request = v1::GrantKeyAccessRequest { fingerprint: other.fingerprint(), trustee: String::new() };
    assert_eq!(granted(&ok(client.grant_key_access(request).await).key_holders), [("uid:54321", "read")]);
}

#[tokio::test]
async fn c5_whose_right_cannot_be_changed_and_who_is_not_there_is_told() {
    let fixture = Fixture::start().await;
    let sha256 = fixture.installed(SENDER, Kind::EcP256).await.fingerprint();
    let text = invalid(revoke(&fixture, &sha256, "root").await, "trustee");
    assert!(text.contains("system's own rules"), "{text}");
    assert_eq!(granted(&grant(&fixture, &sha256, "root").await.unwrap()), []);
    invalid(revoke(&fixture, &sha256, "").await, "trustee");
    let long = "a".repeat(1000);
    for unknown in ["nobody-of-this-name", "S-1-5-20", "uid:", "uid:4294967295", "a\u{7}b", &long] {
        for result in [grant(&fixture, &sha256, unknown).await, revoke(&fixture, &sha256, unknown).await] {
            refused(result, Code::InvalidArgument, reason::TRUSTEE_UNKNOWN, &["trustee"]);
        }
    }
    let nothing = "ab".repeat(32);
    for result in [grant(&fixture, &nothing, "uid:5").await, revoke(&fixture, &nothing, "uid:5").await] {
        refused(result, Code::NotFound, reason::CERTIFICATE_NOT_FOUND, &[]);
    }
    std::fs::remove_file(fixture.folder().join(&sha256).join("key.p8")).unwrap();
    let refusal = grant(&fixture, &sha256, "uid:5").await;
    refused(refusal, Code::InvalidArgument, reason::KEY_MISSING, &["fingerprint"]);
}
