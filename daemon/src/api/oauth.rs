//! `faxpost.v1.OAuth`.

use std::sync::Arc;

use faxpost_proto::advice;
use faxpost_proto::v1::{self, o_auth_server::OAuth};
use futures_util::{StreamExt as _, stream};
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

use super::accounts::id_or_default;
use super::authorize::Admitted;
use super::watch::{Watch, until_stopping};
use super::{App, convert, error};
use crate::oauth::profiles::{Profile, profiles};
use crate::oauth::{Flow, SignIn, SignInState};

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl OAuth for Service {
    async fn list_profiles(
        &self,
        _request: Request<v1::ListProfilesRequest>,
    ) -> Answer<v1::ListProfilesResponse> {
        let profiles = profiles().iter().map(profile).collect();
        Ok(Response::new(v1::ListProfilesResponse { profiles }))
    }

    async fn discover_issuer(
        &self,
        request: Request<v1::DiscoverIssuerRequest>,
    ) -> Answer<v1::DiscoverIssuerResponse> {
        let found = self.0.oauth.discover(&request.into_inner().issuer).await.map_err(error::oauth)?;
        Ok(Response::new(v1::DiscoverIssuerResponse {
            issuer: found.issuer,
            authorization_endpoint: found.authorization_endpoint,
            token_endpoint: found.token_endpoint,
            device_authorization_endpoint: found.device_authorization_endpoint,
            revocation_endpoint: found.revocation_endpoint,
            scopes_supported: found.scopes_supported,
        }))
    }

    async fn start_sign_in(
        &self,
        request: Request<v1::StartSignInRequest>,
    ) -> Answer<v1::StartSignInResponse> {
        let caller = Admitted::of(&request)?;
        let request = request.into_inner();
        let account = id_or_default(request.account);
        caller.note().about(format!("account {}", shown(&account)));
        let started = self.0.oauth.start(&account, &request.redirect_uri, &caller.caller.id);
        let started = started.map_err(error::oauth)?;
        Ok(Response::new(v1::StartSignInResponse {
            sign_in_id: started.id,
            authorization_url: started.url,
            expire_time: Some(convert::timestamp(started.expires_at)),
        }))
    }

    async fn finish_sign_in(
        &self,
        request: Request<v1::FinishSignInRequest>,
    ) -> Answer<v1::FinishSignInResponse> {
        let caller = Admitted::of(&request)?;
        let request = request.into_inner();
        let ended = self.0.oauth.finish(&request.sign_in_id, &request.redirect_query, &caller.author()).await;
        let ended = ended.map_err(error::oauth)?;
        caller.note().about(format!("account {}", ended.account));
        let sign_in = Some(sign_in(ended));
        Ok(Response::new(v1::FinishSignInResponse { sign_in }))
    }

    type SignInWithDeviceStream = Watch<v1::SignInWithDeviceResponse>;

    async fn sign_in_with_device(
        &self,
        request: Request<v1::SignInWithDeviceRequest>,
    ) -> Answer<Self::SignInWithDeviceStream> {
        let caller = Admitted::of(&request)?;
        let account = id_or_default(request.into_inner().account);
        caller.note().about(format!("account {}", shown(&account)));
        let caller = caller.author();
        let oauth = self.0.oauth.clone();
        let device = oauth.device(&account).await.map_err(error::oauth)?;
        let codes = v1::SignInWithDeviceResponse {
            user_code: device.codes.user_code.clone(),
            verification_uri: device.codes.verification_uri.clone(),
            verification_uri_complete: device.codes.verification_uri_complete.clone().unwrap_or_default(),
            expire_time: Some(convert::timestamp(device.expires_at)),
            sign_in: None,
        };
        // Lives in the stream: who ends the call ends the polling.
        let end = stream::once(async move {
            let ended = oauth.device_end(device, &caller).await.map_err(error::oauth)?;
            Ok(v1::SignInWithDeviceResponse { sign_in: Some(sign_in(ended)), ..Default::default() })
        });
        let steps = stream::once(async move { Ok(codes) }).chain(end);
        Ok(Response::new(until_stopping(steps, &self.0.stopping)))
    }

    async fn sign_in_with_client_credentials(
        &self,
        request: Request<v1::SignInWithClientCredentialsRequest>,
    ) -> Answer<v1::SignInWithClientCredentialsResponse> {
        let caller = Admitted::of(&request)?;
        let account = id_or_default(request.into_inner().account);
        caller.note().about(format!("account {}", shown(&account)));
        let ended = self.0.oauth.client_credentials(&account, &caller.author()).await;
        let sign_in = Some(sign_in(ended.map_err(error::oauth)?));
        Ok(Response::new(v1::SignInWithClientCredentialsResponse { sign_in }))
    }

    async fn sign_out(&self, request: Request<v1::SignOutRequest>) -> Answer<v1::SignOutResponse> {
        let caller = Admitted::of(&request)?;
        let account = id_or_default(request.into_inner().account);
        caller.note().about(format!("account {}", shown(&account)));
        let (left, why) = self.0.oauth.sign_out(&account).await.map_err(error::oauth)?;
        let revocation_error = why.unwrap_or_default();
        Ok(Response::new(v1::SignOutResponse { sign_in: Some(sign_in(left)), revocation_error }))
    }

    async fn get_sign_in(&self, request: Request<v1::GetSignInRequest>) -> Answer<v1::GetSignInResponse> {
        let account = id_or_default(request.into_inner().account);
        let found = self.0.oauth.sign_in_of(&account).await.map_err(error::oauth)?;
        Ok(Response::new(v1::GetSignInResponse { sign_in: Some(sign_in(found)) }))
    }

    type WatchSignInsStream = Watch<v1::WatchSignInsResponse>;

    async fn watch_sign_ins(
        &self,
        _request: Request<v1::WatchSignInsRequest>,
    ) -> Answer<Self::WatchSignInsStream> {
        let oauth = self.0.oauth.clone();
        // A watch channel holds that something changed, and not what: a slow reader is told the latest.
        let states = WatchStream::new(oauth.watch()).then(move |_| {
            let oauth = oauth.clone();
            async move {
                let sign_ins = oauth.sign_ins().await.map_err(|error| error::store(&error))?;
                Ok(v1::WatchSignInsResponse { sign_ins: sign_ins.into_iter().map(sign_in).collect() })
            }
        });
        Ok(Response::new(until_stopping(states, &self.0.stopping)))
    }

    async fn get_access_token(
        &self,
        request: Request<v1::GetAccessTokenRequest>,
    ) -> Answer<v1::GetAccessTokenResponse> {
        let caller = Admitted::of(&request)?;
        let request = request.into_inner();
        let account = id_or_default(request.account);
        // Every token that leaves is in the audit log, and every one that was asked for in vain.
        caller.note().about(format!("account {}, scope {}", shown(&account), shown(&request.scope)));
        let token = self.0.oauth.broker(&account, &request.scope).await;
        let token = token.map_err(error::oauth)?;
        Ok(Response::new(v1::GetAccessTokenResponse {
            access_token: token.token.expose().to_owned(),
            expire_time: Some(convert::timestamp(token.expires_at)),
            scope: token.scope,
            login: token.login,
        }))
    }
}

/// What a caller named, for the audit log: it may be anything.
fn shown(name: &str) -> String {
    name.chars().take(200).collect()
}

fn profile(profile: &Profile) -> v1::OAuthProfile {
    let text = |text: &str| text.to_owned();
    v1::OAuthProfile {
        id: text(profile.id),
        title: text(profile.title),
        authorization_endpoint: text(profile.authorization_endpoint),
        token_endpoint: text(profile.token_endpoint),
        device_authorization_endpoint: text(profile.device_authorization_endpoint),
        revocation_endpoint: text(profile.revocation_endpoint),
        scope: text(profile.scope),
        client_credentials_scope: text(profile.client_credentials_scope),
        flows: profile.flows.iter().map(|known| flow(*known).into()).collect(),
        client_secret_required: profile.secret_required,
        server: text(profile.server),
        port: profile.port.into(),
        security: convert::security(profile.security).into(),
        mechanism: text(profile.mechanism),
        notes: profile.notes.iter().map(|note| text(note)).collect(),
        domains: profile.domains.iter().map(|domain| text(domain)).collect(),
    }
}

fn flow(flow: Flow) -> v1::OAuthFlow {
    match flow {
        Flow::AuthorizationCode => v1::OAuthFlow::AuthorizationCode,
        Flow::DeviceCode => v1::OAuthFlow::DeviceCode,
        Flow::ClientCredentials => v1::OAuthFlow::ClientCredentials,
    }
}

fn sign_in(of: SignIn) -> v1::SignIn {
    let advice_text = advice::text(&of.advice, advice::Language::En).unwrap_or_default().to_owned();
    v1::SignIn {
        account: of.account,
        state: match of.state {
            SignInState::SignedOut => v1::SignInState::SignedOut,
            SignInState::SignedIn => v1::SignInState::SignedIn,
            SignInState::Degraded => v1::SignInState::Degraded,
            SignInState::Lost => v1::SignInState::Lost,
        }
        .into(),
        flow: of.flow.map_or(v1::OAuthFlow::Unspecified, flow).into(),
        scope: of.scope,
        signed_in_by: of.signed_in_by,
        sign_in_time: of.signed_in_at.map(convert::timestamp),
        access_token_expire_time: of.access_expires_at.map(convert::timestamp),
        refresh_token_time: of.refresh_at.map(convert::timestamp),
        refresh_token_expire_time: of.refresh_expires_at.map(convert::timestamp),
        last_refresh_time: of.refreshed_at.map(convert::timestamp),
        error_code: of.error_code,
        error_text: of.error_text,
        advice_reason: of.advice,
        advice_text,
    }
}
