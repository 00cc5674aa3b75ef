//! CreateSigningRequest, ListSigningRequests, InstallSigningAnswer, DeleteSigningRequest.

use std::os::unix::fs::MetadataExt as _;

use faxpost_proto::{reason, v1};
use faxpost_tests::pki::{Kind, Pki, pem};
use tonic::Code;

use crate::kit::{Fixture, SENDER, invalid, ok, refused};

fn request(key_type: v1::KeyType, subject: &str) -> v1::CreateSigningRequestRequest {
    v1::CreateSigningRequestRequest {
        sender_email: SENDER.to_owned(),
        subject: subject.to_owned(),
        key_type: key_type.into(),
        ..Default::default()
    }
}

async fn waiting(fixture: &Fixture) -> Vec<v1::SigningRequest> {
    let mut client = fixture.daemon.certificates().await;
    ok(client.list_signing_requests(v1::ListSigningRequestsRequest {}).await).signing_requests
}

#[tokio::test]
async fn c9_a_key_is_made_its_request_waits_and_the_answer_is_installed_onto_it() {
    let mut fixture = Fixture::start().await;
    for (key_type, algorithm) in [(v1::KeyType::EcP256, "EC P-256"), (v1::KeyType::Rsa2048, "RSA 2048")] {
        let mut client = fixture.daemon.certificates().await;
        let made = ok(client.create_signing_request(request(key_type, "CN=Fax, O=Firm, C=DE")).await);
        let made = made.signing_request.unwrap();
        assert_eq!((made.key_algorithm.as_str(), &made.addresses[..]), (algorithm, &[SENDER.to_owned()][..]));
        assert_eq!((made.subject.as_str(), made.id.len()), ("CN=Fax, O=Firm, C=DE", 64));
        assert!(!made.created_by.is_empty() && made.create_time.is_some());
        assert_eq!(waiting(&fixture).await, std::slice::from_ref(&made));
        let key = fixture.folder().join("pending").join(&made.id).join("key.p8");
        assert_eq!(std::fs::metadata(&key).unwrap().mode() & 0o777, 0o600);

        // The CA takes its time.
        fixture.daemon.kill();
        fixture.daemon.start_again().await;
        assert_eq!(waiting(&fixture).await, std::slice::from_ref(&made));
        let mut client = fixture.daemon.certificates().await;
        // rcgen reads the request, and checks that its own key signed it.
        let certificate = fixture.pki.answer(&made.pem);
        let answer = pem("CERTIFICATE", &fixture.pki.intermediate()) + &pem("CERTIFICATE", &certificate);
        let install = v1::InstallSigningAnswerRequest { answer: answer.into_bytes().into(), grant: false };
        let installed = ok(client.install_signing_answer(install).await).certificate.unwrap();
        assert_eq!(
            (installed.subject.as_str(), &installed.addresses[..]),
            ("CN=Fax,O=Firm,C=DE", &[SENDER.to_owned()][..])
        );
        assert_eq!(installed.der, certificate);
        assert!(!key.exists() && waiting(&fixture).await.is_empty());
        // Chain, key and rights are as of an installed one.
        let shown = fixture.get(&installed.sha256).await.unwrap();
        assert_eq!((shown.chain.len(), shown.chain_problem.as_str()), (3, ""));
        let check = v1::CheckSigningRequest { fingerprint: installed.sha256.clone(), ..Default::default() };
        let check = ok(client.check_signing(check).await);
        assert!(check.passed, "{check:?}");
    }
}

#[tokio::test]
async fn c9_without_a_subject_the_address_is_the_common_name_and_rsa_3072_the_key() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    let made = ok(client.create_signing_request(request(v1::KeyType::Unspecified, "")).await)
        .signing_request
        .unwrap();
    assert_eq!((made.subject.as_str(), made.key_algorithm.as_str()), (&*format!("CN={SENDER}"), "RSA 3072"));
}

#[tokio::test]
async fn c9_a_request_can_be_given_up_with_its_key() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    let made =
        ok(client.create_signing_request(request(v1::KeyType::EcP256, "")).await).signing_request.unwrap();
    let delete = v1::DeleteSigningRequestRequest { id: made.id.clone() };
    ok(client.delete_signing_request(delete.clone()).await);
    assert!(waiting(&fixture).await.is_empty() && !fixture.folder().join("pending").join(&made.id).exists());
    refused(
        client.delete_signing_request(delete).await,
        Code::NotFound,
        reason::SIGNING_REQUEST_NOT_FOUND,
        &[],
    );
    for wrong in ["", "ab", "../../../../etc/passwd"] {
        let delete = v1::DeleteSigningRequestRequest { id: wrong.to_owned() };
        invalid(client.delete_signing_request(delete).await, "id");
    }
    // Its answer comes too late.
    let answer = fixture.pki.answer(&made.pem);
    let install = v1::InstallSigningAnswerRequest { answer: answer.into(), grant: false };
    let refusal = client.install_signing_answer(install).await;
    refused(refusal, Code::NotFound, reason::SIGNING_REQUEST_NOT_FOUND, &[]);
}

#[tokio::test]
async fn c9_what_is_wrong_with_a_request_or_an_answer_is_named() {
    let fixture = Fixture::start().await;
    let mut client = fixture.daemon.certificates().await;
    invalid(client.create_signing_request(request(v1::KeyType::EcP256, "Fax")).await, "subject");
    let sender = v1::CreateSigningRequestRequest { sender_email: "nobody".to_owned(), ..Default::default() };
    invalid(client.create_signing_request(sender).await, "sender_email");
    let kind = v1::CreateSigningRequestRequest { key_type: 99, ..request(v1::KeyType::EcP256, "") };
    invalid(client.create_signing_request(kind).await, "key_type");
    let account = v1::CreateSigningRequestRequest { account: "nobody".to_owned(), ..Default::default() };
    refused(client.create_signing_request(account).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND, &[]);
    assert!(waiting(&fixture).await.is_empty());
    assert_eq!(std::fs::read_dir(fixture.folder().join("pending")).unwrap().count(), 0, "no key is left");

    for answer in [&b""[..], b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA"] {
        let install = v1::InstallSigningAnswerRequest { answer: answer.to_vec().into(), grant: false };
        invalid(client.install_signing_answer(install).await, "answer");
    }
    let foreign = Pki::new(Kind::EcP256).person(SENDER, Kind::EcP256).certificate;
    let install = v1::InstallSigningAnswerRequest { answer: foreign.into(), grant: false };
    refused(
        client.install_signing_answer(install).await,
        Code::NotFound,
        reason::SIGNING_REQUEST_NOT_FOUND,
        &[],
    );
}
