//! The authorization code flow (requirement B2): who may end a sign-in, with what, and how often.

use faxpost_proto::v1::{OAuthFlow, SignInState};
use faxpost_proto::{reason, v1};
use faxpost_tests::oauth::{At, Fault, OauthServer};
use tonic::Code;

use crate::kit::{
    FIELDS, LOGIN, SCOPE, account, daemon, finish, give_secret, invalid, refused, sign_in, standing, start,
    token,
};

#[tokio::test]
async fn b2_a_person_signs_in_with_a_browser_and_tokens_stay_in_the_daemon() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedOut);

    let started = start(&daemon).await.unwrap();
    assert!(started.authorization_url.starts_with(&provider.endpoint("authorize")));
    assert!(started.expire_time.is_some());
    let query = provider.agree(&started.authorization_url);
    let sign_in = finish(&daemon, &started.sign_in_id, &query).await.unwrap();
    assert_eq!(sign_in.state(), SignInState::SignedIn);
    assert_eq!(sign_in.flow(), OAuthFlow::AuthorizationCode);
    assert_eq!(sign_in.scope, SCOPE);
    assert!(!sign_in.signed_in_by.is_empty());
    assert!(sign_in.sign_in_time.is_some() && sign_in.access_token_expire_time.is_some());
    assert!(sign_in.refresh_token_time.is_some());
    assert_eq!(sign_in, standing(&daemon).await);

    let given = token(&daemon).await.unwrap();
    assert!(provider.accepts(&given.access_token));
    assert_eq!((given.login.as_str(), given.scope.as_str()), (LOGIN, SCOPE));
    assert_eq!(provider.asked_for("refresh_token").len(), 0, "the one at hand is fresh");
}

#[tokio::test]
async fn b2_a_confidential_client_tells_its_secret_to_the_token_endpoint_only() {
    let provider = OauthServer::builder().confidential().start().await;
    let daemon = daemon(&provider).await;
    let without = sign_in(&daemon, &provider).await;
    let status = refused(without, Code::FailedPrecondition, reason::PROVIDER_REFUSED);
    assert!(status.message().contains("invalid_client"), "the provider's words: {}", status.message());
    give_secret(&daemon).await;
    sign_in(&daemon, &provider).await.unwrap();
    let asked = provider.requests().pop().unwrap();
    assert!(asked.authorization.starts_with("Basic ") && !asked.body.contains("client_secret"));
}

#[tokio::test]
async fn b2_an_end_is_refused_with_a_wrong_state_a_second_time_and_for_nothing_that_began() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let started = start(&daemon).await.unwrap();
    let good = provider.agree(&started.authorization_url);
    let unknown = |result| refused(result, Code::FailedPrecondition, reason::SIGN_IN_UNKNOWN);

    unknown(finish(&daemon, &started.sign_in_id, "code=stolen&state=guessed").await);
    unknown(finish(&daemon, "nothing", &good).await);
    unknown(finish(&daemon, "", &good).await);
    // Another one's state.
    let other = start(&daemon).await.unwrap();
    unknown(finish(&daemon, &other.sign_in_id, &good).await);
    assert_eq!(provider.asked_for("authorization_code").len(), 0, "no code was told to anybody");

    finish(&daemon, &started.sign_in_id, &good).await.unwrap();
    unknown(finish(&daemon, &started.sign_in_id, &good).await);
    assert_eq!(provider.asked_for("authorization_code").len(), 1);
}

#[tokio::test]
async fn b2_an_account_that_changed_meanwhile_is_not_signed_in() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let changes: [(v1::Account, &str); 3] = [
        (v1::Account { server: "localhost".to_owned(), ..account(&provider, 2587) }, "server"),
        (v1::Account { oauth_scope: "mail.read".to_owned(), ..account(&provider, 2587) }, "oauth_scope"),
        (
            v1::Account { oauth_client_id: "another".to_owned(), ..account(&provider, 2587) },
            "oauth_client_id",
        ),
    ];
    for (change, field) in changes {
        daemon.set(account(&provider, 2587), FIELDS).await.unwrap();
        let started = start(&daemon).await.unwrap();
        let query = provider.agree(&started.authorization_url);
        daemon.set(change, &[field]).await.unwrap();
        let result = finish(&daemon, &started.sign_in_id, &query).await;
        refused(result, Code::FailedPrecondition, reason::SIGN_IN_UNKNOWN);
    }
    assert_eq!(provider.asked_for("authorization_code").len(), 0);
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedOut);
}

#[tokio::test]
async fn b2_an_answer_of_another_issuer_is_not_exchanged() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let started = start(&daemon).await.unwrap();
    let query = provider.agree(&started.authorization_url);
    let (kept, _) = query.split_once("&iss=").unwrap();
    let foreign = format!("{kept}&iss=https%3A%2F%2Fevil.example");
    invalid(finish(&daemon, &started.sign_in_id, &foreign).await, &["redirect_query"]);
    assert_eq!(provider.asked_for("authorization_code").len(), 0);
}

#[tokio::test]
async fn b2_who_says_no_at_the_provider_is_not_signed_in() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let started = start(&daemon).await.unwrap();
    let query = provider.disagree(&started.authorization_url);
    let result = finish(&daemon, &started.sign_in_id, &query).await;
    let status = refused(result, Code::FailedPrecondition, reason::PROVIDER_REFUSED);
    assert!(status.message().contains("the person said no"), "{}", status.message());
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedOut);
}

#[tokio::test]
async fn b2_bad_input_names_its_field() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut client = daemon.oauth().await;
    for bad in ["", "https://127.0.0.1:8080/", "http://evil.example:8080/", "http://127.0.0.1/", "x"] {
        let request = v1::StartSignInRequest { account: String::new(), redirect_uri: bad.to_owned() };
        invalid(client.start_sign_in(request).await, &["redirect_uri"]);
    }
    let started = start(&daemon).await.unwrap();
    for bad in ["", "code=x", "state=x", &"x".repeat(8193)] {
        invalid(finish(&daemon, &started.sign_in_id, bad).await, &["redirect_query"]);
    }
    let request = v1::StartSignInRequest { account: "none".to_owned(), redirect_uri: String::new() };
    refused(client.start_sign_in(request).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);

    let empty = account(&provider, 2587);
    let empty = v1::Account {
        oauth_client_id: String::new(),
        oauth_token_endpoint: String::new(),
        oauth_authorization_endpoint: String::new(),
        ..empty
    };
    daemon.set(empty, FIELDS).await.unwrap();
    invalid(start(&daemon).await, &["oauth_client_id", "oauth_token_endpoint"]);
    daemon.set(v1::Account { id: "default".to_owned(), ..Default::default() }, &["oauth"]).await.unwrap();
    invalid(start(&daemon).await, &["oauth"]);
}

#[tokio::test]
async fn b2_a_provider_that_fails_is_told_apart_from_one_that_refuses() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let html = "<html>not json</html>".to_owned();
    for (fault, code, why) in [
        (Fault::Answer(503, String::new()), Code::Unavailable, reason::PROVIDER_UNAVAILABLE),
        (Fault::Answer(429, "{}".to_owned()), Code::Unavailable, reason::PROVIDER_UNAVAILABLE),
        (Fault::Answer(200, html.clone()), Code::Unavailable, reason::PROVIDER_UNAVAILABLE),
        (Fault::Answer(403, html), Code::Unavailable, reason::PROVIDER_UNAVAILABLE),
        (
            Fault::Answer(200, "{\"access_token\":7}".to_owned()),
            Code::Unavailable,
            reason::PROVIDER_UNAVAILABLE,
        ),
        (
            Fault::AnswerWith(302, "Location: http://127.0.0.1:1/\r\n".to_owned(), String::new()),
            Code::Unavailable,
            reason::PROVIDER_UNAVAILABLE,
        ),
        (Fault::Drop, Code::Unavailable, reason::PROVIDER_UNAVAILABLE),
        (Fault::Endless, Code::Unavailable, reason::PROVIDER_UNAVAILABLE),
        (
            Fault::Error("temporarily_unavailable", String::new()),
            Code::Unavailable,
            reason::PROVIDER_UNAVAILABLE,
        ),
        (
            Fault::Error("invalid_client", "AADSTS7000215: wrong".to_owned()),
            Code::FailedPrecondition,
            reason::PROVIDER_REFUSED,
        ),
        (
            Fault::Answer(200, "{\"error\":\"invalid_grant\"}".to_owned()),
            Code::FailedPrecondition,
            reason::PROVIDER_REFUSED,
        ),
    ] {
        let shown = format!("{fault:?}");
        provider.fault(1, At::Token, fault);
        let status = refused(sign_in(&daemon, &provider).await, code, why);
        assert!(status.message().contains("provider") || status.message().contains("endpoint"), "{shown}");
    }
    sign_in(&daemon, &provider).await.unwrap();
}
