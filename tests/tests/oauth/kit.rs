//! What the modules share: an account that signs in at a test's own provider, and mail through it.

use std::fmt::Debug;
use std::time::Duration;

use faxpost_proto::v1::{Security, SignInState, TlsCheck};
use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::oauth::{CLIENT_ID, CLIENT_SECRET, OauthServer};
use faxpost_tests::smtp::{Authority, SmtpServer};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

/// How long something may take that ends by itself. Generous: a busy machine is slow, not wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// SASL identity of the account.
pub(crate) const LOGIN: &str = "fax@example.test";

/// What the account asks for.
pub(crate) const SCOPE: &str = "mail.send offline_access";

/// Where the client would listen.
pub(crate) const REDIRECT: &str = "http://127.0.0.1:49152/faxpost";

/// Settings under which mail is tried again at once.
pub(crate) const EAGER: &str = "[outbox]\nretry-seconds = [1]";

/// Everything that [`account`] sets.
pub(crate) const FIELDS: &[&str] = &[
    "method",
    "server",
    "port",
    "sender_email",
    "security",
    "tls_check",
    "authentication",
    "oauth",
    "oauth_client_id",
    "oauth_scope",
    "oauth_authorization_endpoint",
    "oauth_token_endpoint",
    "oauth_device_authorization_endpoint",
    "oauth_revocation_endpoint",
];

/// "default", pointed at this provider and this port.
pub(crate) fn account(provider: &OauthServer, port: u16) -> v1::Account {
    v1::Account {
        id: "default".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        sender_email: LOGIN.to_owned(),
        security: Security::Starttls.into(),
        tls_check: TlsCheck::AcceptInvalid.into(),
        authentication: true,
        oauth: true,
        oauth_client_id: CLIENT_ID.to_owned(),
        oauth_scope: SCOPE.to_owned(),
        oauth_authorization_endpoint: provider.endpoint("authorize"),
        oauth_token_endpoint: provider.endpoint("token"),
        oauth_device_authorization_endpoint: provider.endpoint("device"),
        oauth_revocation_endpoint: provider.endpoint("revoke"),
        ..v1::Account::default()
    }
}

/// A daemon whose "default" signs in at this provider.
pub(crate) async fn daemon(provider: &OauthServer) -> TestDaemon {
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(provider, 2587), FIELDS).await.unwrap();
    daemon
}

/// A mail server that takes this provider's tokens.
pub(crate) async fn mail_server(provider: &OauthServer) -> SmtpServer {
    let tokens = provider.introspection(LOGIN);
    SmtpServer::builder().starttls(Authority::new().good()).tokens(tokens).start().await
}

/// All three, with a person signed in.
pub(crate) async fn signed_in(provider: &OauthServer) -> (TestDaemon, SmtpServer) {
    let server = mail_server(provider).await;
    let daemon = TestDaemon::builder().settings(EAGER).start().await;
    daemon.set(account(provider, server.port()), FIELDS).await.unwrap();
    sign_in(&daemon, provider).await.unwrap();
    (daemon, server)
}

/// Gives the account the client's secret.
pub(crate) async fn give_secret(daemon: &TestDaemon) -> v1::UpdateAccountResponse {
    let secret = v1::Account {
        id: "default".to_owned(),
        oauth_client_secret: CLIENT_SECRET.to_owned(),
        ..v1::Account::default()
    };
    daemon.set(secret, &["oauth_client_secret"]).await.unwrap()
}

/// A sign-in with a browser, begun.
pub(crate) async fn start(daemon: &TestDaemon) -> Result<v1::StartSignInResponse, Status> {
    let request = v1::StartSignInRequest { account: String::new(), redirect_uri: REDIRECT.to_owned() };
    Ok(daemon.oauth().await.start_sign_in(request).await?.into_inner())
}

/// Its end.
pub(crate) async fn finish(daemon: &TestDaemon, id: &str, query: &str) -> Result<v1::SignIn, Status> {
    let request = v1::FinishSignInRequest { sign_in_id: id.to_owned(), redirect_query: query.to_owned() };
    Ok(daemon.oauth().await.finish_sign_in(request).await?.into_inner().sign_in.unwrap())
}

/// A person signs in with a browser and agrees.
pub(crate) async fn sign_in(daemon: &TestDaemon, provider: &OauthServer) -> Result<v1::SignIn, Status> {
    let started = start(daemon).await?;
    let query = provider.agree(&started.authorization_url);
    finish(daemon, &started.sign_in_id, &query).await
}

/// Where the sign-in of "default" stands.
pub(crate) async fn standing(daemon: &TestDaemon) -> v1::SignIn {
    let request = v1::GetSignInRequest::default();
    ok(daemon.oauth().await.get_sign_in(request).await).sign_in.unwrap()
}

/// Watches the sign-ins until that of "default" is in this state.
pub(crate) async fn until(daemon: &TestDaemon, state: SignInState) -> v1::SignIn {
    let mut states = ok(daemon.oauth().await.watch_sign_ins(v1::WatchSignInsRequest {}).await);
    let waited = async {
        while let Some(answer) = states.message().await.unwrap() {
            let own = answer.sign_ins.into_iter().find(|sign_in| sign_in.account == "default").unwrap();
            if own.state() == state {
                return own;
            }
        }
        panic!("the watch ended");
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("the sign-in gets there")
}

/// An access token of "default", for whoever asks.
pub(crate) async fn token(daemon: &TestDaemon) -> Result<v1::GetAccessTokenResponse, Status> {
    let request = v1::GetAccessTokenRequest::default();
    Ok(daemon.oauth().await.get_access_token(request).await?.into_inner())
}

/// Sends a small mail, and gives its id.
pub(crate) async fn send(daemon: &TestDaemon) -> String {
    send_to(daemon, "a@example.test").await
}

/// The same to somebody whom the mail server takes or refuses by his name.
pub(crate) async fn send_to(daemon: &TestDaemon, recipient: &str) -> String {
    let mail = v1::SendMailRequest {
        to: vec![recipient.to_owned()],
        subject: "Fax".to_owned(),
        text: "Two pages.".to_owned(),
        ..v1::SendMailRequest::default()
    };
    ok(daemon.mail().await.send_mail(mail).await).id
}

/// Watches the message until `wanted` holds.
pub(crate) async fn watched(
    daemon: &TestDaemon,
    id: &str,
    wanted: impl Fn(&v1::Message) -> bool,
) -> v1::Message {
    let request = v1::WatchMessageRequest { id: id.to_owned() };
    let mut states = ok(daemon.mail().await.watch_message(request).await);
    let mut last = None;
    let waited = async {
        while let Some(state) = states.message().await.unwrap() {
            let message = state.message.unwrap();
            if wanted(&message) {
                return message;
            }
            last = Some(message);
        }
        panic!("the message ended as {last:?}");
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("the message gets there")
}

/// Waits until it is in this state.
pub(crate) async fn message_in(daemon: &TestDaemon, id: &str, state: v1::MessageState) -> v1::Message {
    watched(daemon, id, |message| message.state() == state).await
}

/// The daemon's status.
pub(crate) async fn status(daemon: &TestDaemon) -> v1::GetStatusResponse {
    ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await)
}

/// The codes of its alarms.
pub(crate) async fn alarms(daemon: &TestDaemon) -> Vec<String> {
    status(daemon).await.alarms.into_iter().map(|alarm| alarm.reason).collect()
}

/// Asserts that a call was refused with this code and this reason, and gives the status.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T, Status>, code: Code, why: &str) -> Status {
    let status = result.expect_err("the call is refused");
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("an ErrorInfo in {status:?}"));
    assert_eq!((status.code(), info.reason.as_str()), (code, why), "{status:?}");
    assert!(!status.message().is_empty(), "a sentence for people");
    status
}

/// As [`refused`], for INVALID_FIELD: exactly these fields are named.
#[track_caller]
pub(crate) fn invalid<T: Debug>(result: Result<T, Status>, expected: &[&str]) -> Status {
    let status = refused(result, Code::InvalidArgument, reason::INVALID_FIELD);
    let violations = status.get_details_bad_request().map_or_else(Vec::new, |bad| bad.field_violations);
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, expected, "{status:?}");
    status
}

/// The message of an answer.
#[track_caller]
pub(crate) fn ok<T>(result: Result<Response<T>, Status>) -> T {
    result.unwrap_or_else(|status| panic!("{status:?}")).into_inner()
}
