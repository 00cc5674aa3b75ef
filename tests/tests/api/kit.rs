//! What the modules share: refusals taken apart, accounts that point at a test's own server, mail and its end.

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::{TestDaemon, mask};
use faxpost_tests::smtp::SmtpServer;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

/// How long something may take that ends by itself. Generous: a busy machine is slow, not wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Everything an account needs to talk to a server.
pub(crate) const SMTP_FIELDS: &[&str] = &["method", "server", "port", "sender_email"];

/// Asserts that a call was refused with this code and this reason, and gives the status.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T, Status>, code: Code, why: &str) -> Status {
    let status = result.expect_err("the call is refused");
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("an ErrorInfo in {status:?}"));
    assert_eq!((status.code(), info.reason.as_str()), (code, why), "{status:?}");
    assert_eq!(info.domain, reason::DOMAIN);
    assert!(reason::ALL.contains(&info.reason.as_str()), "{} is a reason of the vocabulary", info.reason);
    assert!(!status.message().is_empty(), "a sentence for people");
    status
}

/// As [`refused`], for INVALID_FIELD: exactly these fields are named.
#[track_caller]
pub(crate) fn invalid<T: Debug>(result: Result<T, Status>, expected: &[&str]) -> Status {
    let status = refused(result, Code::InvalidArgument, reason::INVALID_FIELD);
    assert_eq!(fields(&status), expected, "{status:?}");
    status
}

/// The fields that a refusal names, in its order.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let violations = status.get_details_bad_request().map_or_else(Vec::new, |bad| bad.field_violations);
    for violation in &violations {
        assert!(!violation.description.is_empty(), "{} is explained", violation.field);
    }
    violations.into_iter().map(|violation| violation.field).collect()
}

/// The message of an answer.
#[track_caller]
pub(crate) fn ok<T>(result: Result<Response<T>, Status>) -> T {
    result.unwrap_or_else(|status| panic!("{status:?}")).into_inner()
}

/// A port of the loopback where nobody listens.
pub(crate) fn dead_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The account `id` as one that sends without TLS and sign-in to this port: with [`SMTP_FIELDS`].
pub(crate) fn smtp_account(id: &str, port: u16) -> v1::Account {
    v1::Account {
        id: id.to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        sender_email: "fax@example.test".to_owned(),
        ..v1::Account::default()
    }
}

/// Points "default" at this server.
pub(crate) async fn send_to(daemon: &TestDaemon, server: &SmtpServer) {
    send_to_port(daemon, server.port()).await;
}

/// Points "default" at this port.
pub(crate) async fn send_to_port(daemon: &TestDaemon, port: u16) {
    daemon.set(smtp_account("default", port), SMTP_FIELDS).await.unwrap();
}

/// An account by its id.
pub(crate) async fn account(daemon: &TestDaemon, id: &str) -> v1::Account {
    let request = v1::GetAccountRequest { id: id.to_owned() };
    ok(daemon.accounts().await.get_account(request).await).account.unwrap()
}

/// A request for a new account.
pub(crate) fn create(account: v1::Account, fields: &[&str]) -> v1::CreateAccountRequest {
    v1::CreateAccountRequest { account: Some(account), update_mask: Some(mask(fields)), validate_only: false }
}

/// A small mail to one.
pub(crate) fn mail_to(to: &str) -> v1::SendMailRequest {
    v1::SendMailRequest {
        to: vec![to.to_owned()],
        subject: "Fax".to_owned(),
        text: "Two pages.".to_owned(),
        ..v1::SendMailRequest::default()
    }
}

/// Sends it, and gives its id.
pub(crate) async fn send(daemon: &TestDaemon, mail: v1::SendMailRequest) -> String {
    ok(daemon.mail().await.send_mail(mail).await).id
}

/// The message as it is.
pub(crate) async fn message(daemon: &TestDaemon, id: &str) -> v1::Message {
    let request = v1::GetMessageRequest { id: id.to_owned() };
    ok(daemon.mail().await.get_message(request).await).message.unwrap()
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

/// Waits until nothing more will change.
pub(crate) async fn finished(daemon: &TestDaemon, id: &str) -> v1::Message {
    use v1::MessageState::{Cancelled, Delivered, Failed};
    watched(daemon, id, |message| [Delivered, Failed, Cancelled].contains(&message.state())).await
}

/// All entries of the log, oldest first.
pub(crate) async fn entries(daemon: &TestDaemon) -> Vec<v1::Entry> {
    let request = v1::ListEntriesRequest { page_size: 500, ..Default::default() };
    let mut entries = ok(daemon.log().await.list_entries(request).await).entries;
    entries.reverse();
    entries
}

/// Files of the spool.
pub(crate) fn spool(daemon: &TestDaemon) -> Vec<PathBuf> {
    std::fs::read_dir(daemon.state_dir().join("spool")).unwrap().map(|file| file.unwrap().path()).collect()
}

/// Waits until `done` holds; for what the daemon does after its answer.
pub(crate) async fn eventually(what: &str, done: impl Fn() -> bool) {
    let waited = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Denies a method to the role the test runs as, with what an administrator has for it.
pub(crate) async fn decide(
    daemon: &TestDaemon,
    method: &str,
    role: v1::Role,
    decision: v1::Decision,
) -> Result<v1::PolicyRule, Status> {
    let request =
        v1::UpdatePolicyRequest { method: method.to_owned(), role: role.into(), decision: decision.into() };
    let answer = daemon.admin().await.update_policy(request).await?.into_inner();
    Ok(answer.rule.unwrap())
}
