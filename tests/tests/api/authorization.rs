//! One table in front of every method (requirement H2): nothing is reachable that is not in it, and each of its cells
//! holds.

use bytes::Bytes;
use faxpost_proto::v1::{Decision, Role};
use faxpost_proto::{FILE_DESCRIPTOR_SET, reason, v1};
use faxpost_tests::daemon::TestDaemon;
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::kit::{account, decide, ok, refused, smtp_account};

/// Administrators keep these.
const KEPT: [&str; 2] = ["faxpost.v1.Admin/GetPolicy", "faxpost.v1.Admin/UpdatePolicy"];

/// Those of gRPC itself, and whether they stream: requests, answers.
const GENERIC: [(&str, bool, bool); 4] = [
    ("grpc.health.v1.Health/Check", false, false),
    ("grpc.health.v1.Health/Watch", false, true),
    ("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true, true),
    ("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true, true),
];

/// Every method that the daemon serves, as "faxpost.v1.Mail/SendMail".
fn methods() -> Vec<(String, MethodDescriptorProto)> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.into_iter().flat_map(|file| {
        let package = file.package().to_owned();
        file.service.into_iter().map(move |service| (package.clone(), service))
    });
    let generic = GENERIC.map(|(path, client, server)| {
        let kind = MethodDescriptorProto {
            client_streaming: Some(client),
            server_streaming: Some(server),
            ..MethodDescriptorProto::default()
        };
        (path.to_owned(), kind)
    });
    services
        .flat_map(|(package, service)| {
            let name = service.name().to_owned();
            let path = move |method: &MethodDescriptorProto| format!("{package}.{name}/{}", method.name());
            service.method.into_iter().map(move |method| (path(&method), method))
        })
        .chain(generic)
        .collect()
}

/// Calls it with an empty message, and gives what is refused.
async fn call(channel: &Channel, path: &str, kind: &MethodDescriptorProto) -> Result<(), Status> {
    let path = PathAndQuery::from_maybe_shared(Bytes::from(path.to_owned())).unwrap();
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<(), ()>::default();
    match (kind.client_streaming(), kind.server_streaming()) {
        (false, false) => client.unary(Request::new(()), path, codec).await.map(drop),
        (false, true) => client.server_streaming(Request::new(()), path, codec).await.map(drop),
        (true, false) => {
            let parts = Request::new(tokio_stream::once(()));
            client.client_streaming(parts, path, codec).await.map(drop)
        }
        (true, true) => {
            let parts = Request::new(tokio_stream::once(()));
            client.streaming(parts, path, codec).await.map(drop)
        }
    }
}

#[tokio::test]
async fn h2_the_policy_lists_every_method_of_the_api_and_nothing_else() {
    let daemon = TestDaemon::start().await;
    let policy = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
    let mut listed: Vec<_> = policy.rules.iter().map(|rule| rule.method.clone()).collect();
    let mut known: Vec<_> = methods().into_iter().map(|(path, _)| path).collect();
    listed.sort();
    known.sort();
    assert_eq!(listed, known);
    assert!(known.len() > 20, "{known:?}");

    let permissions = ok(daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await).permissions;
    let mut told: Vec<_> = permissions.into_iter().map(|permission| permission.method).collect();
    told.sort();
    assert_eq!(told, known, "GetStatus tells of the same");
}

#[tokio::test]
async fn h2_every_method_is_denied_once_its_cell_says_so() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    for (path, kind) in methods().into_iter().filter(|(path, _)| !KEPT.contains(&path.as_str())) {
        let rule = decide(&daemon, &path, Role::Administrator, Decision::Deny).await.unwrap();
        assert_eq!(rule.method, path);
        let status = refused(
            call(&channel, &format!("/{path}"), &kind).await,
            Code::PermissionDenied,
            reason::POLICY_DENIED,
        );
        let short = path.trim_start_matches("faxpost.v1.");
        assert!(status.message().contains(short), "{}", status.message());

        decide(&daemon, &path, Role::Administrator, Decision::Unspecified).await.unwrap();
        if let Err(status) = call(&channel, &format!("/{path}"), &kind).await {
            assert_ne!(status.code(), Code::PermissionDenied, "{path} is allowed again: {status:?}");
        }
    }
}

#[tokio::test]
async fn h2_denying_a_method_to_others_denies_it_to_them_only() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    for (path, kind) in methods() {
        for role in [Role::Service, Role::User] {
            decide(&daemon, &path, role, Decision::Deny).await.unwrap();
        }
        if let Err(status) = call(&channel, &format!("/{path}"), &kind).await {
            assert_ne!(status.code(), Code::PermissionDenied, "{path}: {status:?}");
        }
    }
}

#[tokio::test]
async fn h2_administrators_cannot_take_the_policy_from_themselves() {
    let daemon = TestDaemon::start().await;
    for method in KEPT.into_iter().chain(KEPT.map(|method| &method["faxpost.v1.".len()..])) {
        let answer = decide(&daemon, method, Role::Administrator, Decision::Deny).await;
        refused(answer, Code::FailedPrecondition, reason::LOCKOUT);
        decide(&daemon, method, Role::Administrator, Decision::Allow).await.unwrap();
    }
    assert!(!ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await).rules.is_empty());
}

#[tokio::test]
async fn h2_what_is_no_method_is_denied_and_not_unimplemented() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    let kinds =
        [(false, false), (false, true), (true, false)].map(|(client, server)| MethodDescriptorProto {
            client_streaming: Some(client),
            server_streaming: Some(server),
            ..MethodDescriptorProto::default()
        });
    for path in [
        "/faxpost.v1.Mail/Nope",
        "/other.Service/X",
        "/faxpost.v1.Mail/sendmail",
        "/faxpost.v1.Mail/SendMail/",
        "//faxpost.v1.Mail/SendMail",
        "/Mail/SendMail",
        "/faxpost.v1.Mail",
        "/grpc.health.v1.Health/List",
        "/grpc.reflection.v1.ServerReflection/Nope",
        "/",
    ] {
        for kind in &kinds {
            let status =
                refused(call(&channel, path, kind).await, Code::PermissionDenied, reason::POLICY_DENIED);
            assert!(status.message().len() < 500, "{}", status.message());
        }
    }
}

#[tokio::test]
async fn h2_a_changed_policy_survives_a_crash() {
    let mut daemon = TestDaemon::start().await;
    decide(&daemon, "Mail/SendMail", Role::Administrator, Decision::Deny).await.unwrap();
    decide(&daemon, "Accounts/UpdateAccount", Role::Service, Decision::Allow).await.unwrap();
    decide(&daemon, "Log/GetEntry", Role::User, Decision::Deny).await.unwrap();
    decide(&daemon, "Log/GetEntry", Role::User, Decision::Unspecified).await.unwrap();
    let before = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);

    daemon.kill();
    daemon.start_again().await;
    let after = ok(daemon.admin().await.get_policy(v1::GetPolicyRequest {}).await);
    assert_eq!(after, before);
    let changed: Vec<_> = after
        .rules
        .iter()
        .flat_map(|rule| rule.cells.iter().map(move |cell| (rule.method.as_str(), cell)))
        .filter(|(_, cell)| cell.changed)
        .map(|(method, cell)| (method, cell.role(), cell.decision()))
        .collect();
    assert_eq!(
        changed,
        [
            ("faxpost.v1.Accounts/UpdateAccount", Role::Service, Decision::Allow),
            ("faxpost.v1.Mail/SendMail", Role::Administrator, Decision::Deny),
        ]
    );
    let sent = daemon.mail().await.send_mail(crate::kit::mail_to("a@example.test")).await;
    refused(sent, Code::PermissionDenied, reason::POLICY_DENIED);
}

/// Permission is checked before existence: who may not ask does not learn what there is.
#[tokio::test]
async fn h2_a_denied_caller_does_not_learn_whether_the_account_exists() {
    let daemon = TestDaemon::start().await;
    decide(&daemon, "Accounts/GetAccount", Role::Administrator, Decision::Deny).await.unwrap();
    let mut client = daemon.accounts().await;
    let mut ask = async |id: &str| client.get_account(v1::GetAccountRequest { id: id.to_owned() }).await;
    let there = refused(ask("default").await, Code::PermissionDenied, reason::POLICY_DENIED);
    let missing = refused(ask("missing").await, Code::PermissionDenied, reason::POLICY_DENIED);
    assert_eq!(there.message(), missing.message());
}

#[tokio::test]
async fn h2_who_may_not_change_accounts_does_not_see_their_logins() {
    let daemon = TestDaemon::start().await;
    let settings = v1::Account { login: "secret-login".to_owned(), ..smtp_account("default", 25) };
    daemon.set(settings, &["login"]).await.unwrap();
    assert_eq!(account(&daemon, "default").await.login, "secret-login");

    decide(&daemon, "Accounts/UpdateAccount", Role::Administrator, Decision::Deny).await.unwrap();
    let mut client = daemon.accounts().await;
    let listed = ok(client.list_accounts(v1::ListAccountsRequest::default()).await).accounts.remove(0);
    let mut watch = ok(client.watch_accounts(v1::WatchAccountsRequest {}).await);
    let seen = watch.message().await.unwrap().unwrap().accounts.remove(0);
    for account in [account(&daemon, "default").await, listed, seen] {
        assert_eq!((account.login.as_str(), account.redacted), ("", vec!["login".to_owned()]));
    }
}
