//! A store that fails: every method says so, and the daemon goes on.

use faxpost_proto::{reason, v1};
use faxpost_tests::pki::Kind;
use tonic::Code;

use crate::kit::{Fixture, SENDER, as_pem, ok, refused};

#[tokio::test]
async fn c1_to_c9_a_store_that_cannot_be_read_is_told_by_every_method() {
    let fixture = Fixture::start().await;
    let issued = fixture.pki.person(SENDER, Kind::EcP256);
    let folder = fixture.folder();
    std::fs::rename(&folder, folder.with_extension("away")).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    std::fs::write(fixture.daemon.state_dir().join("requests"), "no folder").unwrap();

    let mut client = fixture.daemon.certificates().await;
    let fingerprint = issued.fingerprint();
    let failed = |result: Result<(), tonic::Status>| {
        let text = refused(result, Code::Unavailable, reason::CERTIFICATE_STORE_FAILED, &[]);
        assert!(!text.is_empty());
    };
    failed(client.list_certificates(v1::ListCertificatesRequest::default()).await.map(drop));
    let get = v1::GetCertificateRequest { fingerprint: fingerprint.clone() };
    failed(client.get_certificate(get).await.map(drop));
    failed(client.list_candidates(v1::ListCandidatesRequest::default()).await.map(drop));
    failed(client.install_certificate(as_pem(&issued)).await.map(drop));
    let delete = v1::DeleteCertificateRequest { fingerprint: fingerprint.clone() };
    failed(client.delete_certificate(delete).await.map(drop));
    let grant = v1::GrantKeyAccessRequest { fingerprint: fingerprint.clone(), trustee: "uid:5".to_owned() };
    failed(client.grant_key_access(grant).await.map(drop));
    let revoke = v1::RevokeKeyAccessRequest { fingerprint: fingerprint.clone(), trustee: "uid:5".to_owned() };
    failed(client.revoke_key_access(revoke).await.map(drop));
    let check = v1::CheckSigningRequest { fingerprint, ..Default::default() };
    failed(client.check_signing(check).await.map(drop));
    let create =
        v1::CreateSigningRequestRequest { key_type: v1::KeyType::EcP256.into(), ..Default::default() };
    failed(client.create_signing_request(create).await.map(drop));
    failed(client.list_signing_requests(v1::ListSigningRequestsRequest {}).await.map(drop));
    let answer = v1::InstallSigningAnswerRequest { answer: issued.certificate.clone().into(), grant: false };
    failed(client.install_signing_answer(answer).await.map(drop));
    let delete = v1::DeleteSigningRequestRequest { id: "ab".repeat(32) };
    failed(client.delete_signing_request(delete).await.map(drop));

    // The rest of the daemon does not mind, and the store is used again when it is back.
    ok(fixture.daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await);
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(folder.with_extension("away"), &folder).unwrap();
    fixture.install(&issued).await;
    assert_eq!(fixture.list().await.len(), 1);
}
