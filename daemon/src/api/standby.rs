//! What a daemon answers while it must wait for its database: that it is a standby, to everybody, and temporarily. So mail is
//! tried again.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use faxpost_proto::reason;
use futures_util::Stream;
use tonic::Code;
use tonic::body::Body;
use tower::{Layer, Service};

use super::{error, health};
use crate::ipc::{Conn, Peer};

/// How long callers may take to hang up when the real service begins.
const GRACE: Duration = Duration::from_secs(2);

/// Answers so until `taken`; then `incoming` is at its place for who serves next.
///
/// # Errors
/// Of the transport as a whole.
pub async fn standby(
    incoming: impl Stream<Item = std::io::Result<Conn>>,
    taken: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let text = "this daemon waits for its database, which is being moved, or which daemons of an earlier version work on. Nothing was \
                accepted or changed; try again later";
    let (ends, ended) = tokio::sync::oneshot::channel();
    let signal = async move {
        taken.await;
        let _ = ends.send(());
    };
    let serving = tonic::transport::Server::builder()
        .max_concurrent_streams(Some(16))
        .http2_max_header_list_size(Some(16 * 1024))
        .layer(Refuse { text: text.into() })
        // Never reached: a server wants one service at least.
        .add_service(health::reflection().build_v1()?)
        .serve_with_incoming_shutdown(incoming, signal);
    tokio::select! {
        served = serving => Ok(served?),
        () = async { let _ = ended.await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// Refuses whatever is asked.
#[derive(Clone)]
struct Refuse {
    text: std::sync::Arc<str>,
}

impl<S> Layer<S> for Refuse {
    type Service = Self;

    fn layer(&self, _inner: S) -> Self {
        self.clone()
    }
}

impl Service<http::Request<Body>> for Refuse {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if let Some(peer) = request.extensions().get::<Peer>() {
            peer.request_seen();
        }
        ready(Ok(error::status(Code::Unavailable, reason::STANDBY, &*self.text).into_http()))
    }
}
