//! gRPC's own services, by hand: what any client asks that knows nothing of Faxpost (requirement F5).

use bytes::Bytes;
use faxpost_proto::v1::{Decision, Role};
use faxpost_proto::{FILE_DESCRIPTOR_SET, reason};
use faxpost_tests::daemon::TestDaemon;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::kit::{decide, refused};

/// `grpc.health.v1.HealthCheckRequest`
#[derive(Clone, PartialEq, Message)]
struct Check {
    #[prost(string, tag = "1")]
    service: String,
}

/// `grpc.health.v1.HealthCheckResponse`
#[derive(Clone, PartialEq, Message)]
struct Health {
    #[prost(int32, tag = "1")]
    status: i32,
}

const SERVING: i32 = 1;

/// `grpc.reflection.v1.ServerReflectionRequest`
#[derive(Clone, PartialEq, Message)]
struct Ask {
    #[prost(string, optional, tag = "4")]
    file_containing_symbol: Option<String>,
    #[prost(string, optional, tag = "7")]
    list_services: Option<String>,
}

/// `grpc.reflection.v1.ServerReflectionResponse`
#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(message, optional, tag = "4")]
    files: Option<Files>,
    #[prost(message, optional, tag = "6")]
    services: Option<Services>,
    #[prost(message, optional, tag = "7")]
    error: Option<Health>,
}

#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    services: Vec<Check>,
}

async fn client(channel: &Channel) -> Grpc<Channel> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    client
}

fn path(method: &str) -> PathAndQuery {
    PathAndQuery::from_maybe_shared(Bytes::from(format!("/{method}"))).unwrap()
}

async fn check(channel: &Channel, service: &str) -> Result<i32, Status> {
    let request = Request::new(Check { service: service.to_owned() });
    let codec = ProstCodec::<Check, Health>::default();
    let answer = client(channel).await.unary(request, path("grpc.health.v1.Health/Check"), codec).await?;
    Ok(answer.into_inner().status)
}

async fn ask(channel: &Channel, version: &str, question: Ask) -> Result<Told, Status> {
    let codec = ProstCodec::<Ask, Told>::default();
    let path = path(&format!("grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"));
    let request = Request::new(tokio_stream::once(question));
    let mut answers = client(channel).await.streaming(request, path, codec).await?.into_inner();
    Ok(answers.message().await?.expect("an answer"))
}

#[tokio::test]
async fn f5_reflection_tells_every_service_and_its_messages() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    let known: Vec<_> = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET)
        .unwrap()
        .file
        .into_iter()
        .flat_map(|file| file.service.into_iter().map(|service| format!("faxpost.v1.{}", service.name())))
        .collect();
    for version in ["v1", "v1alpha"] {
        let list = Ask { list_services: Some("*".to_owned()), ..Ask::default() };
        let services = ask(&channel, version, list).await.unwrap().services.unwrap().services;
        for service in known.iter().chain([&"grpc.health.v1.Health".to_owned()]) {
            assert!(services.iter().any(|told| told.service == *service), "{version}: {service}");
        }
        let symbol = |name: &str| Ask { file_containing_symbol: Some(name.to_owned()), ..Ask::default() };
        let files =
            ask(&channel, version, symbol("faxpost.v1.SendRawMailRequest")).await.unwrap().files.unwrap();
        let file = prost_types::FileDescriptorProto::decode(&*files.files[0]).unwrap();
        assert_eq!(file.name(), "faxpost/v1/mail.proto");
        let nothing = ask(&channel, version, symbol("faxpost.v1.Nothing")).await;
        assert!(nothing.map_or(true, |told| told.error.is_some()));
    }
}

#[tokio::test]
async fn f5_health_is_told_of_the_whole_and_of_each_service() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    for service in ["", "faxpost.v1.Mail", "faxpost.v1.Accounts", "faxpost.v1.OAuth"] {
        assert_eq!(check(&channel, service).await.unwrap(), SERVING, "{service}");
    }
    assert_eq!(check(&channel, "faxpost.v1.Nothing").await.unwrap_err().code(), Code::NotFound);
}

#[cfg(unix)] // Wine has no way to ask a process to stop
#[tokio::test]
async fn f5_who_watches_health_hears_of_the_stop_and_does_not_hold_it_up() {
    use std::time::{Duration, Instant};
    const NOT_SERVING: i32 = 2;
    let mut daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    let codec = ProstCodec::<Check, Health>::default();
    let request = Request::new(Check { service: String::new() });
    let watch =
        client(&channel).await.server_streaming(request, path("grpc.health.v1.Health/Watch"), codec).await;
    let mut watch = watch.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, SERVING);
    let begun = Instant::now();
    let id = nix::unistd::Pid::from_raw(daemon.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(watch.message().await.unwrap().map(|told| told.status), Some(NOT_SERVING));
    assert!(daemon.ended().await.success());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn f5_reflection_and_health_stand_in_the_policy() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    let list = || Ask { list_services: Some("*".to_owned()), ..Ask::default() };
    for method in [
        "grpc.health.v1.Health/Check",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        decide(&daemon, method, Role::Administrator, Decision::Deny).await.unwrap();
    }
    refused(check(&channel, "").await, Code::PermissionDenied, reason::POLICY_DENIED);
    for version in ["v1", "v1alpha"] {
        refused(ask(&channel, version, list()).await, Code::PermissionDenied, reason::POLICY_DENIED);
    }
}
