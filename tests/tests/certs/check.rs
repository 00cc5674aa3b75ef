//! CheckSigning: somebody really signs.

use faxpost_proto::{reason, v1};
use faxpost_tests::pki::Kind;
use tonic::Code;

use crate::kit::{Fixture, SENDER, invalid, ok, refused};

fn of(fingerprint: &str) -> v1::CheckSigningRequest {
    v1::CheckSigningRequest { fingerprint: fingerprint.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn c5_a_key_that_signs_passes() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    for (kind, algorithm) in
        [(Kind::Rsa2048, "RSA PKCS#1 v1.5 with SHA-256"), (Kind::EcP256, "ECDSA P-256 with SHA-256")]
    {
        let issued = fixture.installed(SENDER, kind).await;
        let check = ok(client.check_signing(of(&issued.fingerprint())).await);
        assert!(check.passed && check.failure_reason.is_empty(), "{check:?}");
        assert_eq!(check.algorithm, algorithm);
        assert!(check.signed_as_id.starts_with("uid:") && !check.signed_as_name.is_empty());
    }
    // Without a name: the account's, here the best that fits.
    fixture.sign_with("").await.unwrap();
    assert!(ok(client.check_signing(v1::CheckSigningRequest::default()).await).passed);
}

#[tokio::test]
async fn c5_a_key_that_is_gone_or_another_ones_does_not_pass() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    let issued = fixture.installed(SENDER, Kind::EcP256).await;
    let key = fixture.folder().join(issued.fingerprint()).join("key.p8");
    std::fs::write(&key, fixture.pki.person(SENDER, Kind::EcP256).key).unwrap();
    let check = ok(client.check_signing(of(&issued.fingerprint())).await);
    assert!(!check.passed && !check.failure_reason.is_empty() && !check.failure_text.is_empty(), "{check:?}");
    std::fs::write(&key, "garbage").unwrap();
    let check = ok(client.check_signing(of(&issued.fingerprint())).await);
    assert_eq!((check.passed, check.failure_reason.as_str()), (false, "SIGNING_FAILED"), "{check:?}");
    std::fs::remove_file(&key).unwrap();
    let check = ok(client.check_signing(of(&issued.fingerprint())).await);
    assert_eq!((check.passed, check.failure_reason.as_str()), (false, "SIGNING_KEY_MISSING"), "{check:?}");
}

#[tokio::test]
async fn c5_what_cannot_be_checked_is_told() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    let nothing = client.check_signing(of(&"ab".repeat(32))).await;
    refused(nothing, Code::NotFound, reason::CERTIFICATE_NOT_FOUND, &[]);
    invalid(client.check_signing(of("x")).await, "fingerprint");
    let account = v1::CheckSigningRequest { account: "nobody".to_owned(), ..Default::default() };
    refused(client.check_signing(account).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND, &[]);
    let none = client.check_signing(v1::CheckSigningRequest::default()).await;
    refused(none, Code::FailedPrecondition, reason::NO_USABLE_CERTIFICATE, &[]);
}
