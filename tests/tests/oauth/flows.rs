//! Device code and client credentials (requirement B3), signing out, profiles and discovery (B1).

use faxpost_proto::v1::{OAuthFlow, SignInState};
use faxpost_proto::{reason, v1};
use faxpost_tests::oauth::{At, CLIENT_ID, Fault, OauthServer};
use tonic::Code;

use crate::kit::{account, daemon, give_secret, invalid, ok, refused, sign_in, standing, token, until};

#[tokio::test]
async fn b3_a_person_signs_in_on_another_device() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut steps =
        ok(daemon.oauth().await.sign_in_with_device(v1::SignInWithDeviceRequest::default()).await);
    let codes = steps.message().await.unwrap().unwrap();
    assert!(codes.user_code.starts_with("FAX-") && codes.sign_in.is_none());
    assert_eq!(codes.verification_uri, format!("{}/activate", provider.issuer()));
    assert!(codes.verification_uri_complete.contains(&codes.user_code) && codes.expire_time.is_some());

    provider.decide_device(&codes.user_code, true);
    let sign_in = steps.message().await.unwrap().unwrap().sign_in.unwrap();
    assert_eq!((sign_in.state(), sign_in.flow()), (SignInState::SignedIn, OAuthFlow::DeviceCode));
    assert!(steps.message().await.unwrap().is_none(), "the stream ends");
    assert!(provider.accepts(&token(&daemon).await.unwrap().access_token));
}

#[tokio::test]
async fn b3_the_device_flow_waits_while_the_provider_wants_patience_and_ends_with_a_no() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    provider.fault(1, At::Token, Fault::Answer(503, String::new()));
    provider.fault(1, At::Token, Fault::Error("slow_down", String::new()));
    let mut steps =
        ok(daemon.oauth().await.sign_in_with_device(v1::SignInWithDeviceRequest::default()).await);
    let codes = steps.message().await.unwrap().unwrap();
    provider.decide_device(&codes.user_code, false);
    let status = refused(steps.message().await, Code::FailedPrecondition, reason::PROVIDER_REFUSED);
    assert!(status.message().contains("access_denied"), "{}", status.message());
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedOut);
}

#[tokio::test]
async fn b3_the_device_flow_ends_with_its_call() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    // The poll is stalled by the provider; when the caller goes, the daemon lets go of the connection.
    provider.fault(1, At::Token, Fault::Stall);
    let mut steps =
        ok(daemon.oauth().await.sign_in_with_device(v1::SignInWithDeviceRequest::default()).await);
    let codes = steps.message().await.unwrap().unwrap();
    provider.stalled(1).await;
    drop(steps);
    provider.decide_device(&codes.user_code, true);
    // A later sign-in is answered after whatever the first would still have done.
    sign_in(&daemon, &provider).await.unwrap();
    let polls = provider.asked_for("urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code");
    assert_eq!(polls.len(), 1, "nobody asks on");
    assert_eq!(standing(&daemon).await.flow(), OAuthFlow::AuthorizationCode);
}

#[tokio::test]
async fn b3_an_application_signs_in_as_itself_and_renews_without_a_refresh_token() {
    let provider = OauthServer::builder().confidential().life(0).start().await;
    let daemon = daemon(&provider).await;
    let mut client = daemon.oauth().await;
    let request = v1::SignInWithClientCredentialsRequest::default();
    invalid(client.sign_in_with_client_credentials(request.clone()).await, &["oauth_client_secret"]);
    give_secret(&daemon).await;
    let sign_in = ok(client.sign_in_with_client_credentials(request).await).sign_in.unwrap();
    assert_eq!((sign_in.state(), sign_in.flow()), (SignInState::SignedIn, OAuthFlow::ClientCredentials));
    assert!(sign_in.refresh_token_time.is_none());
    // Over at once, and asked for again.
    assert!(provider.accepts(&token(&daemon).await.unwrap().access_token));
    assert_eq!(provider.asked_for("client_credentials").len(), 2);
}

#[tokio::test]
async fn b3_flows_that_a_provider_does_not_have_for_mail_are_refused_with_the_field() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let google = v1::Account {
        oauth_profile: "google".to_owned(),
        oauth_client_id: CLIENT_ID.to_owned(),
        ..v1::Account { id: "default".to_owned(), ..Default::default() }
    };
    let own = ["oauth_profile", "oauth_token_endpoint", "oauth_device_authorization_endpoint"];
    daemon.set(google, &own).await.unwrap();
    let mut client = daemon.oauth().await;
    invalid(client.sign_in_with_device(v1::SignInWithDeviceRequest::default()).await, &["oauth_profile"]);
    let request = v1::SignInWithClientCredentialsRequest::default();
    invalid(client.sign_in_with_client_credentials(request).await, &["oauth_profile"]);

    let none = v1::Account { oauth_device_authorization_endpoint: String::new(), ..account(&provider, 2587) };
    daemon
        .set(none, &["oauth_profile", "oauth_token_endpoint", "oauth_device_authorization_endpoint"])
        .await
        .unwrap();
    let request = v1::SignInWithDeviceRequest::default();
    invalid(client.sign_in_with_device(request).await, &["oauth_device_authorization_endpoint"]);
    for missing in ["none", "UPPER"] {
        let request = v1::SignInWithDeviceRequest { account: missing.to_owned() };
        refused(client.sign_in_with_device(request).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
        let request = v1::GetSignInRequest { account: missing.to_owned() };
        refused(client.get_sign_in(request).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
        let request = v1::SignOutRequest { account: missing.to_owned() };
        refused(client.sign_out(request).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    }
}

#[tokio::test]
async fn b5_signing_out_revokes_at_the_provider_and_forgets_in_any_case() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut client = daemon.oauth().await;
    sign_in(&daemon, &provider).await.unwrap();
    let given = token(&daemon).await.unwrap().access_token;
    let out = ok(client.sign_out(v1::SignOutRequest::default()).await);
    assert_eq!((out.sign_in.unwrap().state(), out.revocation_error.as_str()), (SignInState::SignedOut, ""));
    assert!(!provider.accepts(&given), "the provider was told");
    refused(token(&daemon).await, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
    // Out already: nothing to do, and no fault.
    ok(client.sign_out(v1::SignOutRequest::default()).await);

    sign_in(&daemon, &provider).await.unwrap();
    provider.fault(1, At::Revoke, Fault::Answer(503, String::new()));
    let out = ok(client.sign_out(v1::SignOutRequest::default()).await);
    assert!(out.revocation_error.contains("503"), "{}", out.revocation_error);
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedOut);
}

#[tokio::test]
async fn b2_watchers_see_a_sign_in_come_and_go() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut states = ok(daemon.oauth().await.watch_sign_ins(v1::WatchSignInsRequest {}).await);
    let first = states.message().await.unwrap().unwrap().sign_ins;
    assert_eq!(first.len(), 1, "one an account");
    assert_eq!(first[0].state(), SignInState::SignedOut);
    assert_eq!(first[0].advice_reason, "OAUTH_SIGN_IN_FIRST");
    sign_in(&daemon, &provider).await.unwrap();
    until(&daemon, SignInState::SignedIn).await;
    ok(daemon.oauth().await.sign_out(v1::SignOutRequest::default()).await);
    until(&daemon, SignInState::SignedOut).await;
}

#[tokio::test]
async fn b1_profiles_are_told_and_an_issuer_is_discovered() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut client = daemon.oauth().await;
    let profiles = ok(client.list_profiles(v1::ListProfilesRequest {}).await).profiles;
    let google = profiles.iter().find(|profile| profile.id == "google").unwrap();
    assert_eq!(google.flows, [i32::from(OAuthFlow::AuthorizationCode)]);
    assert!(google.client_secret_required && !google.notes.is_empty());

    let discover = |issuer: &str| v1::DiscoverIssuerRequest { issuer: issuer.to_owned() };
    let found = ok(client.discover_issuer(discover(&provider.issuer())).await);
    assert_eq!(found.token_endpoint, provider.endpoint("token"));
    assert_eq!(found.revocation_endpoint, provider.endpoint("revoke"));
    assert_eq!(found.scopes_supported, ["mail", "offline_access"]);

    for bad in
        ["", "http://sso.example/", "file:///etc/passwd", "x", &format!("https://x/{}", "x".repeat(1024))]
    {
        invalid(client.discover_issuer(discover(bad)).await, &["issuer"]);
    }
    let foreign = "{\"issuer\":\"https://another.example\",\"token_endpoint\":\"https://another.example/t\"}";
    let insecure =
        format!("{{\"issuer\":\"{}\",\"token_endpoint\":\"http://another.example/t\"}}", provider.issuer());
    for body in [foreign, insecure.as_str(), "[]", "<html>"] {
        provider.fault(2, At::Metadata, Fault::Answer(200, body.to_owned()));
        let result = client.discover_issuer(discover(&provider.issuer())).await;
        refused(result, Code::Unavailable, reason::PROVIDER_UNAVAILABLE);
        provider.behave();
    }
}
