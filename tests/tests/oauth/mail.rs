//! Mail of an account that signs in with OAuth 2.0 (requirements B4, B5): renewed tokens, mail that waits for a person,
//! and the Test.

use faxpost_proto::v1::{MessageState, SignInState, StepState};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::{At, Fault, OauthServer};
use faxpost_tests::smtp::{Authority, SmtpServer};
use tonic::Code;

use crate::kit::{
    EAGER, FIELDS, LOGIN, account, alarms, mail_server, message_in, ok, refused, send, send_to, sign_in,
    signed_in, standing, status, until, watched,
};

#[tokio::test]
async fn b4_mail_goes_with_a_token_and_with_one_refresh_for_many() {
    let provider = OauthServer::start().await;
    let server = mail_server(&provider).await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(&provider, server.port()), FIELDS).await.unwrap();
    provider.set_life(0);
    sign_in(&daemon, &provider).await.unwrap();
    provider.set_life(3600);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(send(&daemon).await);
    }
    for id in ids {
        assert_eq!(message_in(&daemon, &id, MessageState::Delivered).await.attempts, 1);
    }
    assert_eq!(provider.asked_for("refresh_token").len(), 1);
    let received = server.received();
    assert_eq!(received.len(), 5);
    assert_eq!(received[0].login.as_deref(), Some(LOGIN), "the whole address, as providers want it");
}

#[tokio::test]
async fn b4_a_refused_cached_token_is_renewed_once_and_the_mail_goes_in_the_same_attempt() {
    let provider = OauthServer::start().await;
    let (daemon, server) = signed_in(&provider).await;
    provider.end_access_tokens();
    let id = send(&daemon).await;
    let message = message_in(&daemon, &id, MessageState::Delivered).await;
    assert_eq!(message.attempts, 1);
    assert_eq!(provider.asked_for("refresh_token").len(), 1);
    assert_eq!(server.received().len(), 1);
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
}

#[tokio::test]
async fn b4_a_server_that_refuses_fresh_tokens_too_loses_no_sign_in_and_costs_one_refresh() {
    let provider = OauthServer::start().await;
    let server = SmtpServer::builder().starttls(Authority::new().good()).tokens(|_, _| false).start().await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(&provider, server.port()), FIELDS).await.unwrap();
    sign_in(&daemon, &provider).await.unwrap();
    let id = send(&daemon).await;
    let message = watched(&daemon, &id, |message| message.attempts >= 2).await;
    assert_eq!(message.last_error_reason, "TOKEN_REJECTED");
    assert!([MessageState::Queued, MessageState::Sending].contains(&message.state()), "{message:?}");
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
    assert_eq!(provider.asked_for("refresh_token").len(), 1, "not one an attempt");
}

#[tokio::test]
async fn b5_mail_is_held_while_nobody_has_signed_in_and_goes_when_somebody_does() {
    let provider = OauthServer::start().await;
    let server = mail_server(&provider).await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(&provider, server.port()), FIELDS).await.unwrap();
    let id = send(&daemon).await;
    let held = message_in(&daemon, &id, MessageState::Held).await;
    assert_eq!(held.last_error_reason, "NOT_SIGNED_IN");
    assert!(held.last_error.contains("sign in") && held.next_attempt_time.is_none(), "{held:?}");
    assert_eq!(status(&daemon).await.held, 1);
    sign_in(&daemon, &provider).await.unwrap();
    message_in(&daemon, &id, MessageState::Delivered).await;
}

#[tokio::test]
async fn b5_a_revoked_grant_holds_mail_and_a_new_sign_in_releases_exactly_that() {
    let provider = OauthServer::start().await;
    let (daemon, server) = signed_in(&provider).await;
    provider.revoke_all();
    let (one, two) = (send(&daemon).await, send(&daemon).await);
    for id in [&one, &two] {
        let held = message_in(&daemon, id, MessageState::Held).await;
        assert_eq!(held.last_error_reason, "SIGN_IN_LOST", "{held:?}");
    }
    let lost = until(&daemon, SignInState::Lost).await;
    assert_eq!(lost.advice_reason, "OAUTH_PASSWORD_CHANGED");
    assert!(alarms(&daemon).await.contains(&"OAUTH_LOST".to_owned()));
    assert_eq!(server.received().len(), 0);

    // One of them is held by a person from now on: released by him, held again by the daemon, and then no sign-in's business.
    let mut mail = daemon.mail().await;
    ok(mail.release_message(v1::ReleaseMessageRequest { id: two.clone() }).await);
    message_in(&daemon, &two, MessageState::Held).await;
    let by_hand = ok(mail.hold_message(v1::HoldMessageRequest { id: two.clone() }).await).message.unwrap();
    assert_eq!((by_hand.state(), by_hand.held_for.as_str()), (MessageState::Held, ""));
    assert_eq!((by_hand.last_error.as_str(), by_hand.last_error_reason.as_str()), ("", ""));
    let again = mail.hold_message(v1::HoldMessageRequest { id: two.clone() }).await;
    refused(again, Code::FailedPrecondition, reason::WRONG_STATE);

    sign_in(&daemon, &provider).await.unwrap();
    message_in(&daemon, &one, MessageState::Delivered).await;
    assert_eq!(message_in(&daemon, &two, MessageState::Held).await.state(), MessageState::Held);
    assert_eq!(server.wait_for(1).await.len(), 1);
    ok(mail.release_message(v1::ReleaseMessageRequest { id: two.clone() }).await);
    message_in(&daemon, &two, MessageState::Delivered).await;
}

/// Before the repair, after it, and while it releases: what a person was told that he holds is held.
#[tokio::test]
async fn b5_a_persons_hold_wins_against_the_release_by_a_sign_in_whenever_it_comes() {
    let provider = OauthServer::start().await;
    let (daemon, server) = signed_in(&provider).await;
    provider.revoke_all();
    let mut ids = Vec::new();
    for _ in 0..12 {
        // It is put off whenever it is tried, so that none is gone before somebody holds it.
        ids.push(send_to(&daemon, "r450@example.test").await);
    }
    for id in &ids {
        assert_eq!(message_in(&daemon, id, MessageState::Held).await.held_for, "SIGN_IN_LOST");
    }
    let hold = async |ids: &[String]| {
        let mut mail = daemon.mail().await;
        for id in ids {
            let held =
                ok(mail.hold_message(v1::HoldMessageRequest { id: id.clone() }).await).message.unwrap();
            assert_eq!(held.held_for, "", "{held:?}");
        }
    };
    hold(&ids[..4]).await;
    let (signed_in, ()) = tokio::join!(sign_in(&daemon, &provider), hold(&ids[4..8]));
    signed_in.unwrap();
    hold(&ids[8..]).await;
    // Attempts that were under way end, and another sign-in looks again at what it may release.
    sign_in(&daemon, &provider).await.unwrap();
    for id in &ids {
        let held = message_in(&daemon, id, MessageState::Held).await;
        assert_eq!(held.held_for, "", "{held:?}");
    }
    assert_eq!(status(&daemon).await.held, 12);

    ok(daemon.mail().await.release_message(v1::ReleaseMessageRequest { id: ids[0].clone() }).await);
    assert!(watched(&daemon, &ids[0], |message| message.attempts > 1).await.last_error.contains("450"));
    assert_eq!(status(&daemon).await.held, 11);
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn b5_held_mail_survives_a_restart_and_goes_after_a_sign_in() {
    let provider = OauthServer::start().await;
    let (mut daemon, server) = signed_in(&provider).await;
    provider.revoke_all();
    let id = send(&daemon).await;
    message_in(&daemon, &id, MessageState::Held).await;
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(standing(&daemon).await.state(), SignInState::Lost);
    message_in(&daemon, &id, MessageState::Held).await;
    sign_in(&daemon, &provider).await.unwrap();
    message_in(&daemon, &id, MessageState::Delivered).await;
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn b5_held_mail_goes_as_well_when_the_account_turns_to_a_password() {
    let provider = OauthServer::start().await;
    let tokens = provider.introspection(LOGIN);
    let server = SmtpServer::builder()
        .starttls(Authority::new().good())
        .tokens(tokens)
        .credentials("fax", "geheim")
        .mechanisms(&["XOAUTH2", "PLAIN"])
        .start()
        .await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(&provider, server.port()), FIELDS).await.unwrap();
    let id = send(&daemon).await;
    message_in(&daemon, &id, MessageState::Held).await;
    let change = v1::Account {
        id: "default".to_owned(),
        login: "fax".to_owned(),
        password: "geheim".to_owned(),
        ..v1::Account::default()
    };
    daemon.set(change, &["oauth", "login", "password"]).await.unwrap();
    message_in(&daemon, &id, MessageState::Delivered).await;
}

#[tokio::test]
async fn b4_mail_waits_for_a_provider_that_is_away_and_is_not_held() {
    let provider = OauthServer::start().await;
    let server = mail_server(&provider).await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(&provider, server.port()), FIELDS).await.unwrap();
    provider.set_life(0);
    sign_in(&daemon, &provider).await.unwrap();
    provider.set_life(3600);
    provider.fault(2, At::Refresh, Fault::Answer(503, String::new()));
    let id = send(&daemon).await;
    let waiting = watched(&daemon, &id, |message| message.attempts == 1).await;
    assert_eq!(
        (waiting.state(), waiting.last_error_reason.as_str()),
        (MessageState::Queued, "TOKEN_UNAVAILABLE")
    );
    message_in(&daemon, &id, MessageState::Delivered).await;
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
}

#[tokio::test]
async fn d1_the_test_signs_in_with_a_token_and_says_when_there_is_none() {
    let provider = OauthServer::start().await;
    let (daemon, server) = signed_in(&provider).await;
    let steps = test(&daemon).await;
    assert!(steps.iter().all(|step| step.state() != StepState::Failed), "{steps:?}");
    assert_eq!(server.received()[0].mechanism.as_deref(), Some("XOAUTH2"));

    provider.set_life(0);
    sign_in(&daemon, &provider).await.unwrap();
    provider.revoke_all();
    let failed = test(&daemon).await.pop().unwrap();
    assert_eq!((failed.step(), failed.state()), (v1::Step::SignIn, StepState::Failed));
    assert_eq!(
        (failed.failure_reason.as_str(), failed.advice_reason.as_str()),
        ("SIGN_IN_LOST", "OAUTH_SIGN_IN_AGAIN")
    );
}

async fn test(daemon: &TestDaemon) -> Vec<v1::TestStep> {
    let request = v1::TestAccountRequest::default();
    let mut stream = ok(daemon.diagnostics().await.test_account(request).await);
    let mut steps = Vec::new();
    while let Some(answer) = stream.message().await.unwrap() {
        steps.extend(answer.step.filter(|step| step.state() != StepState::Started));
    }
    steps
}
