//! What the modules share: refusals taken apart, the policy changed, the audit log read, any method called.

use std::fmt::Debug;

use bytes::Bytes;
use faxpost_proto::v1::{self, Decision, Role};
use faxpost_proto::{FILE_DESCRIPTOR_SET, reason};
use faxpost_tests::daemon::TestDaemon;
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

/// Asserts that a call was refused with this code and this reason, and gives the status.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T, Status>, code: Code, why: &str) -> Status {
    let status = result.expect_err("the call is refused");
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("an ErrorInfo in {status:?}"));
    assert_eq!((status.code(), info.reason.as_str()), (code, why), "{status:?}");
    assert!(reason::ALL.contains(&info.reason.as_str()), "{} is a reason of the vocabulary", info.reason);
    assert!(!status.message().is_empty(), "a sentence for people");
    status
}

/// As [`refused`], for INVALID_FIELD: exactly this field is named.
#[track_caller]
pub(crate) fn invalid<T: Debug>(result: Result<T, Status>, field: &str) {
    let status = refused(result, Code::InvalidArgument, reason::INVALID_FIELD);
    let named = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(
        named.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(),
        [field],
        "{status:?}"
    );
}

/// The message of an answer.
#[track_caller]
pub(crate) fn ok<T>(result: Result<Response<T>, Status>) -> T {
    result.unwrap_or_else(|status| panic!("{status:?}")).into_inner()
}

/// Changes a cell of the policy.
pub(crate) async fn decide(daemon: &TestDaemon, method: &str, role: Role, decision: Decision) {
    let request =
        v1::UpdatePolicyRequest { method: method.to_owned(), role: role.into(), decision: decision.into() };
    ok(daemon.admin().await.update_policy(request).await);
}

/// The whole audit log, newest first.
pub(crate) async fn audit(daemon: &TestDaemon) -> Vec<v1::AuditEntry> {
    let request = v1::ListAuditEntriesRequest { page_size: 500, ..Default::default() };
    ok(daemon.admin().await.list_audit_entries(request).await).entries
}

/// Every method that the daemon's own descriptors know, as "faxpost.v1.Mail/SendMail".
pub(crate) fn methods() -> Vec<(String, MethodDescriptorProto)> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.into_iter().flat_map(|file| {
        let package = file.package().to_owned();
        file.service.into_iter().map(move |service| (package.clone(), service))
    });
    services
        .flat_map(|(package, service)| {
            let name = service.name().to_owned();
            let path = move |method: &MethodDescriptorProto| format!("{package}.{name}/{}", method.name());
            service.method.into_iter().map(move |method| (path(&method), method))
        })
        .collect()
}

/// Calls a method with an empty message, reads its answer to the end, and gives what is refused.
pub(crate) async fn call(channel: &Channel, path: &str, kind: &MethodDescriptorProto) -> Result<(), Status> {
    let path = PathAndQuery::from_maybe_shared(Bytes::from(format!("/{path}"))).unwrap();
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<(), ()>::default();
    match (kind.client_streaming(), kind.server_streaming()) {
        (false, false) => client.unary(Request::new(()), path, codec).await.map(drop),
        (false, true) => {
            let mut answers = client.server_streaming(Request::new(()), path, codec).await?.into_inner();
            while answers.message().await?.is_some() {}
            Ok(())
        }
        (true, false) => {
            let parts = Request::new(tokio_stream::once(()));
            client.client_streaming(parts, path, codec).await.map(drop)
        }
        (true, true) => panic!("no method of Faxpost streams both ways"),
    }
}
