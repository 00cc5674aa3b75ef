//! `faxpost.v1.Certificates`.

use std::sync::Arc;

use faxpost_proto::v1::{self, certificates_server::Certificates};
use tonic::{Request, Response, Status};

use super::App;

pub(super) struct Service(#[expect(dead_code, reason = "until its methods are there")] pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

fn not_yet<T>() -> Answer<T> {
    Err(Status::unimplemented("not built in yet"))
}

#[tonic::async_trait]
impl Certificates for Service {
    async fn list_certificates(
        &self,
        _request: Request<v1::ListCertificatesRequest>,
    ) -> Answer<v1::ListCertificatesResponse> {
        not_yet()
    }

    async fn get_certificate(
        &self,
        _request: Request<v1::GetCertificateRequest>,
    ) -> Answer<v1::GetCertificateResponse> {
        not_yet()
    }

    async fn list_candidates(
        &self,
        _request: Request<v1::ListCandidatesRequest>,
    ) -> Answer<v1::ListCandidatesResponse> {
        not_yet()
    }

    async fn install_certificate(
        &self,
        _request: Request<v1::InstallCertificateRequest>,
    ) -> Answer<v1::InstallCertificateResponse> {
        not_yet()
    }

    async fn delete_certificate(
        &self,
        _request: Request<v1::DeleteCertificateRequest>,
    ) -> Answer<v1::DeleteCertificateResponse> {
        not_yet()
    }

    async fn grant_key_access(
        &self,
        _request: Request<v1::GrantKeyAccessRequest>,
    ) -> Answer<v1::GrantKeyAccessResponse> {
        not_yet()
    }

    async fn revoke_key_access(
        &self,
        _request: Request<v1::RevokeKeyAccessRequest>,
    ) -> Answer<v1::RevokeKeyAccessResponse> {
        not_yet()
    }

    async fn check_signing(
        &self,
        _request: Request<v1::CheckSigningRequest>,
    ) -> Answer<v1::CheckSigningResponse> {
        not_yet()
    }

    async fn create_signing_request(
        &self,
        _request: Request<v1::CreateSigningRequestRequest>,
    ) -> Answer<v1::CreateSigningRequestResponse> {
        not_yet()
    }

    async fn list_signing_requests(
        &self,
        _request: Request<v1::ListSigningRequestsRequest>,
    ) -> Answer<v1::ListSigningRequestsResponse> {
        not_yet()
    }

    async fn install_signing_answer(
        &self,
        _request: Request<v1::InstallSigningAnswerRequest>,
    ) -> Answer<v1::InstallSigningAnswerResponse> {
        not_yet()
    }

    async fn delete_signing_request(
        &self,
        _request: Request<v1::DeleteSigningRequestRequest>,
    ) -> Answer<v1::DeleteSigningRequestResponse> {
        not_yet()
    }
}
