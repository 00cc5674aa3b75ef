//! The API: one file a gRPC service, and the authorization layer in front of all of them.

mod accounts;
mod admin;
mod approvals;
mod authorize;
mod body;
mod certificates;
mod check_signing;
mod convert;
mod diagnostics;
mod discover;
mod error;
mod health;
mod history;
mod ledger;
mod log;
mod mail;
mod oauth;
mod page;
mod raw_mail;
mod standby;
mod status;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use faxpost_proto::v1::accounts_server::AccountsServer;
use faxpost_proto::v1::admin_server::AdminServer;
use faxpost_proto::v1::approvals_server::ApprovalsServer;
use faxpost_proto::v1::certificates_server::CertificatesServer;
use faxpost_proto::v1::diagnostics_server::DiagnosticsServer;
use faxpost_proto::v1::log_server::LogServer;
use faxpost_proto::v1::mail_server::MailServer;
use faxpost_proto::v1::o_auth_server::OAuthServer;
use futures_util::Stream;
use tokio_util::sync::CancellationToken;

use crate::accounts::Registry;
use crate::approvals::Desk;
use crate::audit::Audit;
use crate::certs::Certificates;
use crate::config::Config;
use crate::ipc::Conn;
use crate::log::Log;
use crate::mailer::Mailer;
use crate::oauth::Oauth;
use crate::outbox::Outbox;
use crate::store::Store;

pub(crate) use approvals::carried_out;
pub use authorize::PolicyKeeper;
pub use discover::Lookups;
pub use standby::standby;

/// Bytes of an HTTP/2 frame: our clients' chunks are of 64 KiB, and cut into smaller ones cost a call for each.
const FRAME: u32 = 64 * 1024 + FRAMING as u32;

/// Largest SendMail request. gRPC holds a whole request in memory, and a caller may have as many under way as he has call
/// slots, so what is larger comes as a stream.
pub(crate) const MAX_UNARY_BYTES: usize = 1024 * 1024;

/// What stands around the bytes of a `chunk` of the same size.
const FRAMING: usize = 64;

/// Largest request of everything else: settings, ids, filters.
const MAX_SMALL_BYTES: usize = 64 * 1024;

/// Largest request about certificates: fifty of them, or a PKCS#12 file. And of accounts: a hundred to import.
const MAX_STORE_BYTES: usize = 512 * 1024;

/// What stands before a request in its stream.
const PREFIX: usize = 5;

/// Octets of the body of a call, where that is less than its service takes: tonic has one bound for all methods of it.
fn most_octets(method: &str) -> Option<usize> {
    let small = method.starts_with("faxpost.v1.Accounts/") && method != "faxpost.v1.Accounts/ImportAccounts";
    small.then_some(MAX_SMALL_BYTES + PREFIX)
}

/// What the services work on.
pub struct App {
    /// What the daemon was started with.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The accounts.
    pub registry: Arc<Registry>,
    /// The sign-ins with OAuth 2.0.
    pub oauth: Arc<Oauth>,
    /// The signing certificates, and what may be done to them.
    pub certificates: Arc<Certificates>,
    /// The outbox.
    pub outbox: Arc<Outbox>,
    /// The e-mail log.
    pub log: Log,
    /// Who talks to servers.
    pub mailer: Mailer,
    /// The policy.
    pub policy: Arc<PolicyKeeper>,
    /// Servers that are being looked for.
    pub lookups: Lookups,
    /// What waits for an administrator, and the way to every privileged change.
    pub desk: Arc<Desk>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// When the daemon began, Unix milliseconds.
    pub started_at: i64,
    /// Cancelled when the daemon stops: streams end.
    pub stopping: CancellationToken,
}

/// Serves until `app.stopping`, then lets calls under way end.
///
/// # Errors
/// Of the transport as a whole; a connection that fails ends alone. Or the API's own description is not one.
pub async fn serve(
    app: Arc<App>,
    incoming: impl Stream<Item = std::io::Result<Conn>> + Send + 'static,
) -> anyhow::Result<()> {
    let patience = Duration::from_secs(app.config.limits.patience_seconds);
    let stopping = app.stopping.clone();
    let small = MAX_SMALL_BYTES;
    let health = health::health(stopping.clone()).await;
    let reflection = health::reflection().build_v1()?;
    // What most tools still ask for.
    let reflection_alpha = health::reflection().build_v1alpha()?;
    tonic::transport::Server::builder()
        // Pings find half-open connections, so that a client whose machine slept does not hold its slot for ever.
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_concurrent_streams(Some(128))
        .max_frame_size(Some(FRAME))
        // What a caller can make the daemon buffer, a stream and a connection.
        .initial_stream_window_size(Some(256 * 1024))
        .initial_connection_window_size(Some(1024 * 1024))
        .http2_max_header_list_size(Some(16 * 1024))
        .layer(authorize::Authorize::new(app.policy.clone(), app.audit.clone(), patience))
        .add_service(
            AccountsServer::new(accounts::Service(app.clone())).max_decoding_message_size(MAX_STORE_BYTES),
        )
        .add_service(
            MailServer::new(mail::Service(app.clone())).max_decoding_message_size(MAX_UNARY_BYTES + FRAMING),
        )
        .add_service(LogServer::new(log::Service(app.clone())).max_decoding_message_size(small))
        .add_service(
            DiagnosticsServer::new(diagnostics::Service(app.clone())).max_decoding_message_size(small),
        )
        .add_service(OAuthServer::new(oauth::Service(app.clone())).max_decoding_message_size(small))
        .add_service(
            CertificatesServer::new(certificates::Service(app.clone()))
                .max_decoding_message_size(MAX_STORE_BYTES),
        )
        .add_service(ApprovalsServer::new(approvals::Service(app.clone())).max_decoding_message_size(small))
        .add_service(AdminServer::new(admin::Service(app)).max_decoding_message_size(small))
        .add_service(health.max_decoding_message_size(small))
        .add_service(reflection.max_decoding_message_size(small))
        .add_service(reflection_alpha.max_decoding_message_size(small))
        .serve_with_incoming_shutdown(incoming, stopping.cancelled_owned())
        .await?;
    Ok(())
}
