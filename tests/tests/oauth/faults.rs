//! What is between the daemon and a provider fails, or the store does: it is told, and nothing is half-done.

use std::fs::OpenOptions;
use std::io::{Seek as _, Write as _};

use faxpost_proto::v1::SignInState;
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::OauthServer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tonic::Code;

use crate::kit::{FIELDS, account, daemon, finish, ok, refused, sign_in, standing, start, token};

#[tokio::test]
async fn b2_a_provider_behind_a_proxy_is_asked_through_it() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let provider = OauthServer::start().await;
    let daemon =
        TestDaemon::builder().env("HTTPS_PROXY", address.clone()).env("HTTP_PROXY", address).start().await;
    // Loopback goes without.
    daemon.set(account(&provider, 2587), FIELDS).await.unwrap();
    sign_in(&daemon, &provider).await.unwrap();

    let elsewhere = v1::Account {
        oauth_token_endpoint: "https://sso.example.test/token".to_owned(),
        ..account(&provider, 2587)
    };
    daemon.set(elsewhere, &["oauth_token_endpoint"]).await.unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let mut line = String::new();
        BufReader::new(&mut stream).read_line(&mut line).await.unwrap();
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        line
    });
    let started = start(&daemon).await.unwrap();
    let query = provider.agree(&started.authorization_url);
    let result = finish(&daemon, &started.sign_in_id, &query).await;
    refused(result, Code::Unavailable, reason::PROVIDER_UNAVAILABLE);
    assert_eq!(asked.await.unwrap().trim_end(), "CONNECT sso.example.test:443 HTTP/1.1");
}

#[tokio::test]
async fn b2_nobody_at_the_endpoint_is_told_as_such() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let change =
        v1::Account { oauth_token_endpoint: format!("http://{dead}/token"), ..account(&provider, 2587) };
    daemon.set(change, &["oauth_token_endpoint"]).await.unwrap();
    let status = refused(sign_in(&daemon, &provider).await, Code::Unavailable, reason::PROVIDER_UNAVAILABLE);
    assert!(status.message().contains("cannot be reached"), "{}", status.message());
}

/// Overwrites the database with noise, in place: the daemon has its files open.
#[cfg(unix)]
fn destroy(daemon: &TestDaemon) {
    for name in ["faxpost.db", "faxpost.db-wal", "faxpost.db-shm"] {
        let mut file = OpenOptions::new().write(true).open(daemon.state_dir().join(name)).unwrap();
        let size = file.seek(std::io::SeekFrom::End(0)).unwrap();
        file.rewind().unwrap();
        let noise: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        file.write_all(&noise).unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_destroyed_database_is_told_to_whoever_signs_in_and_the_daemon_lives() {
    let provider = OauthServer::start().await;
    let daemon = daemon(&provider).await;
    let started = start(&daemon).await.unwrap();
    let query = provider.agree(&started.authorization_url);
    let mut client = daemon.oauth().await;
    assert_eq!(standing(&daemon).await.state(), SignInState::SignedOut);
    destroy(&daemon);
    let failed = |result| {
        let status: tonic::Status = refused(result, Code::Unavailable, reason::STORE_FAILED);
        assert!(!status.message().contains("SQL"), "{}", status.message());
    };
    failed(finish(&daemon, &started.sign_in_id, &query).await.map(drop));
    failed(client.get_sign_in(v1::GetSignInRequest::default()).await.map(drop));
    failed(token(&daemon).await.map(drop));
    failed(client.sign_out(v1::SignOutRequest::default()).await.map(drop));
    let mut states = ok(client.watch_sign_ins(v1::WatchSignInsRequest {}).await);
    failed(states.message().await.map(drop));
    let mut states = ok(daemon.diagnostics().await.watch_status(v1::WatchStatusRequest {}).await);
    failed(states.message().await.map(drop));
    // What needs no store goes on.
    ok(client.list_profiles(v1::ListProfilesRequest {}).await);
    start(&daemon).await.unwrap();
}
