//! Sign-ins of several daemons: a provider that takes an old refresh token back sees each of them once.

use std::collections::BTreeSet;
use std::time::Duration;

use faxpost_proto::v1;
use faxpost_tests::oauth::{CLIENT_ID, OauthServer, Rotation};
use faxpostd::store::{Connected, How, Store};

use crate::kit::{Database, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn b4_of_all_daemons_one_at_a_time_uses_an_accounts_refresh_token() {
    let database = Database::new("refresh").await;
    let folder = tempfile::tempdir().unwrap();
    faxpostd::service::prepare_state_dir(folder.path()).unwrap();
    let address = faxpostd::store::Address::parse(&database.url).unwrap();
    let open = async || match Store::connect(&address, None, folder.path(), How::Beside).await.unwrap() {
        Connected::Held(store) => store,
        Connected::Standby(_) => panic!("nobody is in the way"),
    };
    let (one, other) = (open().await, open().await);
    let alone = one.alone_with_grant("default").await.unwrap();
    let another = other.alone_with_grant("another").await.unwrap();
    let mut waits = std::pin::pin!(other.alone_with_grant("default"));
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut waits).await.is_err(), "it waits");
    drop(alone);
    waits.await.unwrap();
    drop(another);
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_two_daemons_that_want_a_token_at_once_refresh_it_once() {
    let provider = OauthServer::builder().rotation(Rotation::Strict).start().await;
    let database = Database::new("signed_in").await;
    let first = database.daemon().start().await;
    let mut second = database.joined(&first).await;
    second.start_again().await;
    let account = v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        sender_email: "fax@example.test".to_owned(),
        security: v1::Security::Starttls.into(),
        authentication: true,
        oauth: true,
        oauth_client_id: CLIENT_ID.to_owned(),
        oauth_scope: "mail.send offline_access".to_owned(),
        oauth_authorization_endpoint: provider.endpoint("authorize"),
        oauth_token_endpoint: provider.endpoint("token"),
        ..v1::Account::default()
    };
    let fields = [
        "method",
        "server",
        "sender_email",
        "security",
        "authentication",
        "oauth",
        "oauth_client_id",
        "oauth_scope",
        "oauth_authorization_endpoint",
        "oauth_token_endpoint",
    ];
    first.set(account, &fields).await.unwrap();
    // What comes now is over at once.
    provider.set_life(0);
    let redirect_uri = "http://127.0.0.1:49152/faxpost".to_owned();
    let request = v1::StartSignInRequest { account: String::new(), redirect_uri };
    let started = first.oauth().await.start_sign_in(request).await.unwrap().into_inner();
    let redirect_query = provider.agree(&started.authorization_url);
    let request = v1::FinishSignInRequest { sign_in_id: started.sign_in_id, redirect_query };
    first.oauth().await.finish_sign_in(request).await.unwrap();
    provider.set_life(3600);
    let signed_in = async || {
        let answer = second.oauth().await.get_sign_in(v1::GetSignInRequest::default()).await;
        answer.is_ok_and(|answer| {
            answer.into_inner().sign_in.is_some_and(|found| found.state() == v1::SignInState::SignedIn)
        })
    };
    eventually("the second knows the sign-in and its account", signed_in).await;

    let mut calls = tokio::task::JoinSet::new();
    for daemon in [&first, &second, &first, &second, &first, &second] {
        let mut client = daemon.oauth().await;
        calls.spawn(async move {
            let answer = client.get_access_token(v1::GetAccessTokenRequest::default()).await;
            answer.unwrap().into_inner().access_token
        });
    }
    let tokens: BTreeSet<_> = calls.join_all().await.into_iter().collect();
    assert_eq!(tokens.len(), 1, "all have the same");
    assert_eq!(provider.asked_for("refresh_token").len(), 1);
}
