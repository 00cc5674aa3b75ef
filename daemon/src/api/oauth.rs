//! `faxpost.v1.OAuth`.

use std::sync::Arc;

use faxpost_proto::v1::{self, o_auth_server::OAuth};
use tonic::{Request, Response, Status};

use super::App;
use super::watch::Watch;

pub(super) struct Service(#[expect(dead_code, reason = "until its methods are there")] pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

fn not_yet<T>() -> Answer<T> {
    Err(Status::unimplemented("not built in yet"))
}

#[tonic::async_trait]
impl OAuth for Service {
    async fn list_profiles(
        &self,
        _request: Request<v1::ListProfilesRequest>,
    ) -> Answer<v1::ListProfilesResponse> {
        not_yet()
    }

    async fn discover_issuer(
        &self,
        _request: Request<v1::DiscoverIssuerRequest>,
    ) -> Answer<v1::DiscoverIssuerResponse> {
        not_yet()
    }

    async fn start_sign_in(
        &self,
        _request: Request<v1::StartSignInRequest>,
    ) -> Answer<v1::StartSignInResponse> {
        not_yet()
    }

    async fn finish_sign_in(
        &self,
        _request: Request<v1::FinishSignInRequest>,
    ) -> Answer<v1::FinishSignInResponse> {
        not_yet()
    }

    type SignInWithDeviceStream = Watch<v1::SignInWithDeviceResponse>;

    async fn sign_in_with_device(
        &self,
        _request: Request<v1::SignInWithDeviceRequest>,
    ) -> Answer<Self::SignInWithDeviceStream> {
        not_yet()
    }

    async fn sign_in_with_client_credentials(
        &self,
        _request: Request<v1::SignInWithClientCredentialsRequest>,
    ) -> Answer<v1::SignInWithClientCredentialsResponse> {
        not_yet()
    }

    async fn sign_out(&self, _request: Request<v1::SignOutRequest>) -> Answer<v1::SignOutResponse> {
        not_yet()
    }

    async fn get_sign_in(&self, _request: Request<v1::GetSignInRequest>) -> Answer<v1::GetSignInResponse> {
        not_yet()
    }

    type WatchSignInsStream = Watch<v1::WatchSignInsResponse>;

    async fn watch_sign_ins(
        &self,
        _request: Request<v1::WatchSignInsRequest>,
    ) -> Answer<Self::WatchSignInsStream> {
        not_yet()
    }

    async fn get_access_token(
        &self,
        _request: Request<v1::GetAccessTokenRequest>,
    ) -> Answer<v1::GetAccessTokenResponse> {
        not_yet()
    }
}
