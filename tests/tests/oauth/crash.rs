//! Daemons that are killed at each step of a refresh: nothing is lost that the provider still honours (requirement B4).

use std::time::Duration;

use faxpost_proto::v1::{MessageState, SignInState};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::{At, Fault, OauthServer, Rotation};
use faxpost_tests::smtp::{self, Authority, SmtpServer};
use tonic::Code;

use crate::kit::{
    EAGER, FIELDS, LOGIN, PATIENCE, account, daemon, mail_server, message_in, refused, send, sign_in,
    standing, token,
};

/// Asks for a token in the background, and does not mind that the daemon dies over it.
async fn ask(daemon: &TestDaemon) -> tokio::task::JoinHandle<()> {
    let mut client = daemon.oauth().await;
    tokio::spawn(async move {
        let _ = client.get_access_token(v1::GetAccessTokenRequest::default()).await;
    })
}

#[tokio::test]
async fn b4_killed_before_the_provider_answers_the_old_token_is_asked_with_again() {
    let provider = OauthServer::builder().life(0).rotation(Rotation::Strict).start().await;
    let mut daemon = daemon(&provider).await;
    sign_in(&daemon, &provider).await.unwrap();
    provider.fault(1, At::Refresh, Fault::Stall);
    let asking = ask(&daemon).await;
    provider.stalled(1).await;
    daemon.kill();
    asking.await.unwrap();
    daemon.start_again().await;
    assert!(provider.accepts(&token(&daemon).await.unwrap().access_token));
}

#[tokio::test]
async fn b4_killed_between_answer_and_commit_nothing_is_lost_that_is_still_honoured() {
    let provider = OauthServer::builder().life(0).rotation(Rotation::UntilNewIsUsed).start().await;
    let mut daemon = daemon(&provider).await;
    sign_in(&daemon, &provider).await.unwrap();
    for round in 1..=3 {
        // The provider has rotated; what it answered never arrives.
        provider.fault(1, At::Refresh, Fault::StallAfter);
        let asking = ask(&daemon).await;
        provider.stalled(round).await;
        daemon.kill();
        asking.await.unwrap();
        daemon.start_again().await;
        assert!(provider.accepts(&token(&daemon).await.unwrap().access_token));
    }
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
}

#[tokio::test]
async fn b4_b5_what_a_strict_provider_no_longer_honours_is_told_and_mail_is_held() {
    let provider = OauthServer::builder().rotation(Rotation::Strict).start().await;
    let server = mail_server(&provider).await;
    let mut daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(&provider, server.port()), FIELDS).await.unwrap();
    provider.set_life(0);
    sign_in(&daemon, &provider).await.unwrap();
    provider.set_life(3600);
    provider.fault(1, At::Refresh, Fault::StallAfter);
    let id = send(&daemon).await;
    provider.stalled(1).await;
    daemon.kill();
    daemon.start_again().await;
    let held = message_in(&daemon, &id, MessageState::Held).await;
    assert_eq!(held.last_error_reason, "SIGN_IN_LOST");
    refused(token(&daemon).await, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
    sign_in(&daemon, &provider).await.unwrap();
    message_in(&daemon, &id, MessageState::Delivered).await;
}

#[tokio::test]
async fn b4_killed_between_commit_and_use_the_new_tokens_are_there() {
    let provider = OauthServer::builder().rotation(Rotation::Strict).start().await;
    // The mail server has the token before it, and says nothing: the daemon has committed and not used it.
    let server = SmtpServer::builder()
        .starttls(Authority::new().good())
        .tokens(provider.introspection(LOGIN))
        .fault_times(1, smtp::At::Auth, smtp::Fault::Stall)
        .start()
        .await;
    let mut daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(&provider, server.port()), FIELDS).await.unwrap();
    provider.set_life(0);
    sign_in(&daemon, &provider).await.unwrap();
    provider.set_life(3600);
    let id = send(&daemon).await;
    let at_auth = async {
        while !server.commands().iter().any(|line| line.starts_with("AUTH")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, at_auth).await.expect("the session gets to the sign-in");
    assert_eq!(provider.asked_for("refresh_token").len(), 1);
    daemon.kill();
    daemon.start_again().await;
    message_in(&daemon, &id, MessageState::Delivered).await;
    assert_eq!(provider.asked_for("refresh_token").len(), 1, "the access token is there");
    // And so is the refresh token: with the old one, everything would be revoked.
    provider.end_access_tokens();
    let id = send(&daemon).await;
    message_in(&daemon, &id, MessageState::Delivered).await;
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
}

#[tokio::test]
async fn b4_killed_at_any_time_a_sign_in_lasts() {
    let provider = OauthServer::builder().life(0).rotation(Rotation::UntilNewIsUsed).start().await;
    let mut daemon = daemon(&provider).await;
    sign_in(&daemon, &provider).await.unwrap();
    for round in 0..6 {
        let before = provider.requests().len();
        let asking = [ask(&daemon).await, ask(&daemon).await, ask(&daemon).await];
        // A few requests later each time.
        let some = async {
            while provider.requests().len() < before + round % 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, some).await.expect("the daemon asks");
        daemon.kill();
        for asking in asking {
            asking.await.unwrap();
        }
        daemon.start_again().await;
    }
    assert!(provider.accepts(&token(&daemon).await.unwrap().access_token));
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
}

#[tokio::test]
async fn b4_a_caller_who_goes_away_takes_no_refresh_along() {
    let provider = OauthServer::builder().life(0).rotation(Rotation::Strict).start().await;
    let daemon = daemon(&provider).await;
    sign_in(&daemon, &provider).await.unwrap();
    for _ in 0..5 {
        let before = provider.asked_for("refresh_token").len();
        let asking = ask(&daemon).await;
        let asked = async {
            while provider.asked_for("refresh_token").len() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("the daemon asks");
        asking.abort();
        // With the old refresh token it would be lost.
        token(&daemon).await.unwrap();
    }
}
