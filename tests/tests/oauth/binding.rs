//! A token goes to the server it was obtained for, and a client secret to the provider it was given for (requirement D3).

use faxpost_proto::v1::{Security, SignInState, TlsCheck};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::{TestDaemon, mask};
use faxpost_tests::oauth::OauthServer;
use faxpost_tests::smtp::{Authority, SmtpServer};
use tonic::Code;

use crate::kit::{
    FIELDS, account, alarms, daemon, give_secret, message_in, ok, refused, send, sign_in, signed_in, standing,
};

/// What tokens are bound to, each changed; whether the client secret is bound to it, too.
fn elsewhere() -> Vec<(v1::Account, Vec<&'static str>, bool)> {
    let empty = || v1::Account { id: "default".to_owned(), ..v1::Account::default() };
    let text = str::to_owned;
    vec![
        (v1::Account { server: text("evil.example.test"), ..empty() }, vec!["server"], false),
        (v1::Account { port: 2466, ..empty() }, vec!["port"], false),
        (v1::Account { security: Security::Implicit.into(), ..empty() }, vec!["security"], false),
        (
            v1::Account { tls_check: TlsCheck::Pinned.into(), tls_pin: "0f".repeat(32), ..empty() },
            vec!["tls_check", "tls_pin"],
            false,
        ),
        (v1::Account { login: text("other@example.test"), ..empty() }, vec!["login"], false),
        (v1::Account { sender_email: text("other@example.test"), ..empty() }, vec!["sender_email"], false),
        (v1::Account { oauth_client_id: text("another"), ..empty() }, vec!["oauth_client_id"], true),
        (
            v1::Account { oauth_profile: text("google"), ..empty() },
            vec!["oauth_profile", "oauth_token_endpoint"],
            true,
        ),
        (
            v1::Account { oauth_token_endpoint: text("https://evil.example/"), ..empty() },
            vec!["oauth_token_endpoint"],
            true,
        ),
        (
            v1::Account { oauth_revocation_endpoint: text("https://evil.example/"), ..empty() },
            vec!["oauth_revocation_endpoint"],
            true,
        ),
        (
            v1::Account { oauth_device_authorization_endpoint: text("https://evil.example/"), ..empty() },
            vec!["oauth_device_authorization_endpoint"],
            true,
        ),
    ]
}

#[tokio::test]
async fn d3_changing_what_tokens_are_bound_to_signs_out_and_says_so() {
    let provider = OauthServer::builder().confidential().start().await;
    let daemon = daemon(&provider).await;
    for (change, fields, secret_too) in elsewhere() {
        daemon.set(account(&provider, 2587), &[FIELDS, &["login", "oauth_profile"]].concat()).await.unwrap();
        give_secret(&daemon).await;
        sign_in(&daemon, &provider).await.unwrap();
        let dry = validate(&daemon, change.clone(), &fields).await;
        assert!(dry.signed_out && dry.client_secret_cleared == secret_too, "{fields:?} {dry:?}");
        assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn, "only asked");

        let changed = daemon.set(change, &fields).await.unwrap();
        assert!(changed.signed_out, "{fields:?}");
        assert_eq!(changed.client_secret_cleared, secret_too, "{fields:?}");
        assert_eq!(changed.account.unwrap().has_oauth_client_secret, !secret_too, "{fields:?}");
        assert_eq!(standing(&daemon).await.state(), SignInState::SignedOut, "{fields:?}");
        assert!(alarms(&daemon).await.contains(&"OAUTH_SIGNED_OUT".to_owned()));
    }
}

#[tokio::test]
async fn d3_other_changes_leave_the_sign_in_alone() {
    let provider = OauthServer::builder().confidential().start().await;
    let daemon = daemon(&provider).await;
    give_secret(&daemon).await;
    sign_in(&daemon, &provider).await.unwrap();
    let change = v1::Account {
        sender_name: Some("Another".to_owned()),
        ehlo_name: "fax.example.test".to_owned(),
        server: "127.0.0.1".to_owned(),
        ..account(&provider, 2587)
    };
    let changed =
        daemon.set(change, &["sender_name", "ehlo_name", "server", "port", "oauth_scope"]).await.unwrap();
    assert!(!changed.signed_out && !changed.client_secret_cleared && !changed.password_cleared);
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedIn);
    // A new secret along with what the old one was bound to is the new one's.
    let change = v1::Account {
        oauth_client_id: "another".to_owned(),
        oauth_client_secret: "its own".to_owned(),
        ..account(&provider, 2587)
    };
    let changed = daemon.set(change, &["oauth_client_id", "oauth_client_secret"]).await.unwrap();
    assert!(changed.signed_out && !changed.client_secret_cleared);
    assert!(changed.account.unwrap().has_oauth_client_secret);
}

#[tokio::test]
async fn d3_no_token_reaches_another_server_by_mail_or_by_a_test() {
    let provider = OauthServer::start().await;
    let (daemon, _server) = signed_in(&provider).await;
    let other = SmtpServer::builder().starttls(Authority::new().good()).tokens(|_, _| true).start().await;
    let draft =
        || v1::Account { id: "default".to_owned(), port: other.port().into(), ..v1::Account::default() };
    let request = v1::TestAccountRequest {
        draft: Some(draft()),
        update_mask: Some(mask(&["port"])),
        ..v1::TestAccountRequest::default()
    };
    let result = daemon.diagnostics().await.test_account(request).await;
    refused(result, Code::FailedPrecondition, reason::NOT_SIGNED_IN);
    let changed = daemon.set(draft(), &["port"]).await.unwrap();
    assert!(changed.signed_out);
    let id = send(&daemon).await;
    let held = message_in(&daemon, &id, v1::MessageState::Held).await;
    assert_eq!(held.last_error_reason, "NOT_SIGNED_IN");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn d3_a_deleted_account_takes_its_sign_in_along() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let own = v1::Account { id: "sales".to_owned(), ..account(&provider, 2587) };
    let create = || v1::CreateAccountRequest {
        account: Some(own.clone()),
        update_mask: Some(mask(FIELDS)),
        validate_only: false,
    };
    let made = ok(daemon.accounts().await.create_account(create()).await).account.unwrap();
    let mut client = daemon.oauth().await;
    let request =
        v1::StartSignInRequest { account: "sales".to_owned(), redirect_uri: crate::kit::REDIRECT.to_owned() };
    let started = ok(client.start_sign_in(request).await);
    let query = provider.agree(&started.authorization_url);
    crate::kit::finish(&daemon, &started.sign_in_id, &query).await.unwrap();
    let request = v1::DeleteAccountRequest { id: "sales".to_owned(), etag: made.etag };
    ok(daemon.accounts().await.delete_account(request).await);
    ok(daemon.accounts().await.create_account(create()).await);
    let request = v1::GetSignInRequest { account: "sales".to_owned() };
    let found = ok(client.get_sign_in(request).await).sign_in.unwrap();
    assert_eq!(found.state(), SignInState::SignedOut);
}

/// What a change would do.
async fn validate(daemon: &TestDaemon, change: v1::Account, fields: &[&str]) -> v1::UpdateAccountResponse {
    let mut client = daemon.accounts().await;
    let current = ok(client.get_account(v1::GetAccountRequest::default()).await).account.unwrap();
    let request = v1::UpdateAccountRequest {
        account: Some(v1::Account { etag: current.etag, ..change }),
        update_mask: Some(mask(fields)),
        validate_only: true,
    };
    ok(client.update_account(request).await)
}
