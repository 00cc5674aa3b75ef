//! The life of tokens (requirement B4), the broker (B8) and alarms (B7).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use faxpost_proto::v1::{Decision, Role, SignInState};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::{At, CLIENT_ID, Fault, OauthServer, Rotation};
use tonic::Code;

use crate::kit::{
    FIELDS, PATIENCE, SCOPE, account, alarms, daemon, give_secret, invalid, ok, refused, sign_in, standing,
    status, token, until,
};

/// Signed in with a token that is over at once; what comes later lives an hour.
async fn stale(provider: &OauthServer) -> TestDaemon {
    let daemon = daemon(provider).await;
    provider.set_life(0);
    sign_in(&daemon, provider).await.unwrap();
    provider.set_life(3600);
    daemon
}

#[tokio::test]
async fn b4_one_refresh_serves_everybody_who_waits() {
    let provider = OauthServer::start().await;
    let daemon = stale(&provider).await;
    let client = daemon.oauth().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut client = client.clone();
        calls.spawn(async move { ok(client.get_access_token(v1::GetAccessTokenRequest::default()).await) });
    }
    let mut tokens: Vec<_> = calls.join_all().await.into_iter().map(|given| given.access_token).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "all have the same");
    assert_eq!(provider.asked_for("refresh_token").len(), 1);
}

#[tokio::test]
async fn b4_the_newest_refresh_token_is_used_and_the_scope_sent_again() {
    let provider = OauthServer::builder().life(0).rotation(Rotation::Strict).start().await;
    let daemon = daemon(&provider).await;
    sign_in(&daemon, &provider).await.unwrap();
    for _ in 0..4 {
        assert!(provider.accepts(&token(&daemon).await.unwrap().access_token));
    }
    let asked = provider.asked_for("refresh_token");
    let mut used: Vec<_> = asked.iter().map(|asked| asked.value("refresh_token").unwrap()).collect();
    assert_eq!(used.len(), 4);
    used.sort();
    used.dedup();
    assert_eq!(used.len(), 4, "never one twice");
    assert!(asked.iter().all(|asked| asked.value("scope").as_deref() == Some(SCOPE)));
    let sign_in = standing(&daemon).await;
    assert!(sign_in.last_refresh_time.is_some() && sign_in.state() == SignInState::SignedIn);
}

#[tokio::test]
async fn b4_a_refresh_token_that_does_not_rotate_stays() {
    let provider = OauthServer::builder().life(0).rotation(Rotation::Never).start().await;
    let daemon = daemon(&provider).await;
    sign_in(&daemon, &provider).await.unwrap();
    for _ in 0..2 {
        token(&daemon).await.unwrap();
    }
    let asked = provider.asked_for("refresh_token");
    assert_eq!(asked[0].value("refresh_token"), asked[1].value("refresh_token"));
}

#[tokio::test]
async fn b4_trouble_that_passes_is_told_waited_out_and_forgotten() {
    let provider = OauthServer::start().await;
    let daemon = stale(&provider).await;
    provider.fault(1, At::Refresh, Fault::Answer(500, "oops".to_owned()));
    refused(token(&daemon).await, Code::Unavailable, reason::PROVIDER_UNAVAILABLE);
    let sign_in = until(&daemon, SignInState::Degraded).await;
    assert_eq!(sign_in.advice_reason, "OAUTH_PROVIDER_BUSY");
    assert!(sign_in.error_text.contains("500") && !sign_in.advice_text.is_empty());
    // Too early: nobody is asked.
    refused(token(&daemon).await, Code::Unavailable, reason::PROVIDER_UNAVAILABLE);
    assert_eq!(provider.asked_for("refresh_token").len(), 1);

    let well = async {
        while token(&daemon).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, well).await.expect("it is asked again after its pause");
    let sign_in = standing(&daemon).await;
    assert_eq!((sign_in.state(), sign_in.error_text.as_str()), (SignInState::SignedIn, ""));
    assert_eq!(provider.asked_for("refresh_token").len(), 2);
}

#[tokio::test]
async fn b4_a_token_that_has_not_ended_does_while_the_provider_is_away() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    // A tenth of a minute is left of it when it should be renewed, so it is both usable and not fresh from the start.
    provider.set_life(3600);
    sign_in(&daemon, &provider).await.unwrap();
    let first = token(&daemon).await.unwrap().access_token;
    provider.fault(9, At::Refresh, Fault::Drop);
    assert_eq!(token(&daemon).await.unwrap().access_token, first);
    assert_eq!(provider.asked_for("refresh_token").len(), 0);
}

#[tokio::test]
async fn b4_b5_a_lost_grant_is_told_with_its_code_and_what_to_do() {
    for (error, words, code, advice) in [
        (
            "invalid_grant",
            "AADSTS700082: The refresh token has expired",
            "AADSTS700082",
            "OAUTH_UNUSED_TOO_LONG",
        ),
        ("invalid_grant", "AADSTS50173: password changed", "AADSTS50173", "OAUTH_PASSWORD_CHANGED"),
        ("consent_required", "", "consent_required", "OAUTH_CONSENT_NEEDED"),
        ("interaction_required", "AADSTS50076: MFA", "AADSTS50076", "OAUTH_POLICY_WANTS_SIGN_IN"),
        ("invalid_grant", "Token has been expired or revoked.", "invalid_grant", "OAUTH_SIGN_IN_AGAIN"),
    ] {
        let provider = OauthServer::start().await;
        let daemon = stale(&provider).await;
        provider.fault(1, At::Refresh, Fault::Error(error, words.to_owned()));
        refused(token(&daemon).await, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
        let lost = standing(&daemon).await;
        assert_eq!(lost.state(), SignInState::Lost);
        assert_eq!((lost.error_code.as_str(), lost.advice_reason.as_str()), (code, advice));
        assert!(lost.error_text.contains(error) && lost.error_text.contains(words), "{}", lost.error_text);
        assert!(!lost.advice_text.is_empty());
        assert_eq!(alarms(&daemon).await, ["ACCEPT_INVALID", "OAUTH_LOST"]);
        // Nobody asks again, until somebody signs in.
        refused(token(&daemon).await, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
        assert_eq!(provider.asked_for("refresh_token").len(), 1);
        sign_in(&daemon, &provider).await.unwrap();
        token(&daemon).await.unwrap();
        assert_eq!(alarms(&daemon).await, ["ACCEPT_INVALID"]);
    }
}

#[tokio::test]
async fn b5_b7_a_new_client_secret_repairs_what_an_expired_one_broke() {
    let provider = OauthServer::builder().confidential().start().await;
    let daemon = daemon(&provider).await;
    give_secret(&daemon).await;
    provider.set_life(0);
    sign_in(&daemon, &provider).await.unwrap();
    let over = "AADSTS7000222: The provided client secret keys are expired.";
    provider.fault(1, At::Refresh, Fault::Error("invalid_client", over.to_owned()));
    refused(token(&daemon).await, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
    let lost = standing(&daemon).await;
    assert_eq!((lost.error_code.as_str(), lost.state()), ("AADSTS7000222", SignInState::Lost));
    assert_eq!(lost.advice_reason, "OAUTH_CLIENT_SECRET_OVER");
    let changed = give_secret(&daemon).await;
    assert!(!changed.signed_out && !changed.client_secret_cleared);
    assert!(provider.accepts(&token(&daemon).await.unwrap().access_token), "without a new sign-in");
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
}

#[tokio::test]
async fn b5_without_a_refresh_token_the_end_of_the_access_token_is_the_end() {
    let provider = OauthServer::builder().without_refresh().life(0).start().await;
    let daemon = daemon(&provider).await;
    sign_in(&daemon, &provider).await.unwrap();
    assert_eq!(alarms(&daemon).await, ["ACCEPT_INVALID", "OAUTH_REFRESH_TOKEN_AGEING"]);
    refused(token(&daemon).await, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
    let lost = standing(&daemon).await;
    assert_eq!((lost.state(), lost.advice_reason.as_str()), (SignInState::Lost, "OAUTH_NO_REFRESH_TOKEN"));
}

#[tokio::test]
async fn b7_alarms_come_before_secrets_and_refresh_tokens_end() {
    let day = 86_400;
    let provider = OauthServer::builder().refresh_life(10 * day).start().await;
    let daemon = daemon(&provider).await;
    assert_eq!(alarms(&daemon).await, ["ACCEPT_INVALID", "OAUTH_SIGNED_OUT"]);
    sign_in(&daemon, &provider).await.unwrap();
    assert_eq!(alarms(&daemon).await, ["ACCEPT_INVALID", "OAUTH_REFRESH_TOKEN_AGEING"]);
    assert!(standing(&daemon).await.refresh_token_expire_time.is_some());

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    for (days, expected) in
        [(40, None), (29, Some("within 30 days")), (6, Some("within 7 days")), (-1, Some("over"))]
    {
        let ends = prost_types::Timestamp { seconds: now + days * day, nanos: 0 };
        let change = v1::Account { oauth_client_secret_expire_time: Some(ends), ..account(&provider, 2587) };
        let changed = daemon.set(change, &["oauth_client_secret_expire_time"]).await.unwrap();
        assert_eq!(changed.account.unwrap().oauth_client_secret_expire_time, Some(ends));
        assert!(!changed.signed_out);
        let found = status(&daemon).await.alarms;
        let found = found.iter().find(|alarm| alarm.reason == "OAUTH_CLIENT_SECRET_EXPIRING");
        assert_eq!(found.is_some(), expected.is_some(), "{days}");
        assert!(found.is_none_or(|alarm| alarm.text.contains(expected.unwrap())), "{found:?}");
        assert!(found.is_none_or(|alarm| alarm.due_time == Some(ends)), "{found:?}");
    }
}

#[tokio::test]
async fn b7_a_watch_of_the_status_tells_alarms_as_they_come() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut states = ok(daemon.diagnostics().await.watch_status(v1::WatchStatusRequest {}).await);
    let has = |state: &v1::WatchStatusResponse, alarm: &str| {
        state.status.as_ref().unwrap().alarms.iter().any(|known| known.reason == alarm)
    };
    let first = states.message().await.unwrap().unwrap();
    assert!(has(&first, "OAUTH_SIGNED_OUT"));
    assert_eq!(first.status.unwrap(), status(&daemon).await);
    sign_in(&daemon, &provider).await.unwrap();
    let waited = async {
        loop {
            let state = states.message().await.unwrap().unwrap();
            if !has(&state, "OAUTH_SIGNED_OUT") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("the alarm goes");
}

#[tokio::test]
async fn b8_the_broker_gives_tokens_within_the_grant_and_to_administrators_only() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let mut client = daemon.oauth().await;
    let scoped = |scope: &str| v1::GetAccessTokenRequest { scope: scope.to_owned(), ..Default::default() };
    refused(client.get_access_token(scoped("")).await, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
    sign_in(&daemon, &provider).await.unwrap();
    let whole = ok(client.get_access_token(scoped("")).await);
    assert_eq!(ok(client.get_access_token(scoped("mail.send")).await), whole);
    assert!(whole.expire_time.is_some());
    for more in ["mail.read", "mail.send mail.read", "mail", "MAIL.SEND"] {
        let status = refused(
            client.get_access_token(scoped(more)).await,
            Code::PermissionDenied,
            reason::SCOPE_DENIED,
        );
        assert!(!status.message().contains(&whole.access_token));
    }
    invalid(client.get_access_token(scoped("\u{7}")).await, &["scope"]);
    let missing = v1::GetAccessTokenRequest { account: "none".to_owned(), ..Default::default() };
    refused(client.get_access_token(missing).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);

    let policy = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
    let rule = policy.rules.iter().find(|rule| rule.method == "faxpost.v1.OAuth/GetAccessToken").unwrap();
    let cells: Vec<_> = rule.cells.iter().map(|cell| (cell.role(), cell.decision())).collect();
    assert_eq!(
        cells,
        [
            (Role::Administrator, Decision::Allow),
            (Role::Service, Decision::Deny),
            (Role::User, Decision::Deny)
        ]
    );
}

#[tokio::test]
async fn b1_the_account_keeps_its_settings_and_names_bad_ones() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let set = |change: v1::Account, field: &'static str| {
        let daemon = &daemon;
        async move { daemon.set(v1::Account { id: "default".to_owned(), ..change }, &[field]).await }
    };
    let empty = v1::Account::default;
    for (change, field) in [
        (v1::Account { oauth_profile: "goggle".to_owned(), ..empty() }, "oauth_profile"),
        (v1::Account { oauth_client_id: "x\u{7}".to_owned(), ..empty() }, "oauth_client_id"),
        (v1::Account { oauth_client_id: "x".repeat(513), ..empty() }, "oauth_client_id"),
        (v1::Account { oauth_client_secret: "x".repeat(1025), ..empty() }, "oauth_client_secret"),
        (v1::Account { oauth_tenant: "a/b".to_owned(), ..empty() }, "oauth_tenant"),
        (v1::Account { oauth_scope: "a\"b".to_owned(), ..empty() }, "oauth_scope"),
        (
            v1::Account { oauth_token_endpoint: "http://x.example/".to_owned(), ..empty() },
            "oauth_token_endpoint",
        ),
        (
            v1::Account { oauth_authorization_endpoint: "javascript:1".to_owned(), ..empty() },
            "oauth_authorization_endpoint",
        ),
        (
            v1::Account { oauth_device_authorization_endpoint: "x".to_owned(), ..empty() },
            "oauth_device_authorization_endpoint",
        ),
        (
            v1::Account { oauth_revocation_endpoint: "https://u@x.example/".to_owned(), ..empty() },
            "oauth_revocation_endpoint",
        ),
    ] {
        invalid(set(change, field).await, &[field]);
    }
    let kept = daemon.set(account(&provider, 2587), FIELDS).await.unwrap().account.unwrap();
    assert_eq!(
        (kept.oauth, kept.oauth_client_id.as_str(), kept.oauth_scope.as_str()),
        (true, CLIENT_ID, SCOPE)
    );
    assert_eq!(kept.oauth_token_endpoint, provider.endpoint("token"));
    invalid(set(empty(), "authentication").await, &["oauth"]);
    invalid(set(empty(), "security").await, &["authentication"]);
}
