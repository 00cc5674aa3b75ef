//! `faxpost.v1.Approvals`.

use std::sync::Arc;

use faxpost_proto::v1::{self, approvals_server::Approvals};
use tonic::{Request, Response, Status};

use super::App;
use super::watch::Watch;

pub(super) struct Service(#[expect(dead_code, reason = "until its methods are there")] pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

fn not_yet<T>() -> Answer<T> {
    Err(Status::unimplemented("not built in yet"))
}

#[tonic::async_trait]
impl Approvals for Service {
    async fn list_requests(
        &self,
        _request: Request<v1::ListRequestsRequest>,
    ) -> Answer<v1::ListRequestsResponse> {
        not_yet()
    }

    async fn get_request(&self, _request: Request<v1::GetRequestRequest>) -> Answer<v1::GetRequestResponse> {
        not_yet()
    }

    type WatchRequestsStream = Watch<v1::WatchRequestsResponse>;

    async fn watch_requests(
        &self,
        _request: Request<v1::WatchRequestsRequest>,
    ) -> Answer<Self::WatchRequestsStream> {
        not_yet()
    }

    async fn approve_request(
        &self,
        _request: Request<v1::ApproveRequestRequest>,
    ) -> Answer<v1::ApproveRequestResponse> {
        not_yet()
    }

    async fn refuse_request(
        &self,
        _request: Request<v1::RefuseRequestRequest>,
    ) -> Answer<v1::RefuseRequestResponse> {
        not_yet()
    }

    async fn withdraw_request(
        &self,
        _request: Request<v1::WithdrawRequestRequest>,
    ) -> Answer<v1::WithdrawRequestResponse> {
        not_yet()
    }
}
