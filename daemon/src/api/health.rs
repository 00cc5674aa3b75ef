//! What any gRPC client asks without knowing Faxpost: whether it works (`grpc.health.v1`), and what there is
//! (`grpc.reflection`). The policy's table has both, as everything.

use faxpost_proto::{FILE_DESCRIPTOR_SET, v1};
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::Builder;

/// The services that can be asked about beside the whole, which has no name.
const SERVICES: [&str; 8] = [
    v1::accounts_server::AccountsServer::<()>::NAME,
    v1::o_auth_server::OAuthServer::<()>::NAME,
    v1::certificates_server::CertificatesServer::<()>::NAME,
    v1::mail_server::MailServer::<()>::NAME,
    v1::log_server::LogServer::<()>::NAME,
    v1::diagnostics_server::DiagnosticsServer::<()>::NAME,
    v1::approvals_server::ApprovalsServer::<()>::NAME,
    v1::admin_server::AdminServer::<()>::NAME,
];

/// Serving until `stopping`; whoever watches is told then, and his stream ends.
pub(super) async fn health(stopping: CancellationToken) -> HealthServer<impl Health> {
    let (mut reporter, server) = tonic_health::server::health_reporter();
    for name in SERVICES {
        reporter.set_service_status(name, ServingStatus::Serving).await;
    }
    tokio::spawn(async move {
        stopping.cancelled().await;
        for name in SERVICES.into_iter().chain([""]) {
            reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
        // Without a status there is nothing more to watch.
        for name in SERVICES.into_iter().chain([""]) {
            reporter.clear_service_status(name).await;
        }
    });
    server
}

/// What reflection tells of: Faxpost, and itself.
pub(super) fn reflection() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
