//! A client's way in: dials the daemon, and makes sure it is the daemon before a byte is said.
//!
//! Every dial is verified, also the ones that a [`Channel`] makes by itself after the daemon was restarted: the check
//! stands in the connector, and only a [`Verified`] stream can leave it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::{Channel, Endpoint, Uri};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as platform;

/// How long a dial waits for a daemon that is there but has its hands full. Accepting takes microseconds, so this only
/// runs out when the daemon hangs or is being flooded.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// Room for an answer's parts on their way. A message log is read in 64 KiB parts; sixteen of them keep a stream moving.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// Room for all streams of a connection together: two busy ones, so that a log being followed never stops a call.
const CONNECTION_WINDOW: u32 = 2 * STREAM_WINDOW;

/// A closed socket is noticed at once; this is for a daemon that is there and does nothing any more.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long such a daemon may take to answer. Generous: a machine under load is slow and not broken.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a client did not get in.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens there.
    #[error("the Faxpost service is not running at {endpoint}")]
    NotRunning {
        /// The endpoint that was dialled.
        endpoint: String,
        #[source]
        /// What the system said.
        source: std::io::Error,
    },
    /// The system does not let the caller open the endpoint.
    #[error("this account may not connect to {endpoint}")]
    Denied {
        /// The endpoint that was dialled.
        endpoint: String,
        #[source]
        /// What the system said.
        source: std::io::Error,
    },
    /// Whoever listens there is not a service of this machine.
    #[error("{endpoint} is not served by Faxpost: {why}")]
    Impostor {
        /// The endpoint that was dialled.
        endpoint: String,
        /// What gave it away.
        why: String,
    },
    /// Anything else, e.g. a path that is too long.
    #[error("cannot connect to {endpoint}")]
    Failed {
        /// The endpoint that was dialled.
        endpoint: String,
        #[source]
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Connects to the daemon at `endpoint` (a socket path, or a pipe name), verified.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(endpoint: &str) -> Result<Channel, ConnectError> {
    // Dialled here and not by tonic, whose errors only say "transport error".
    let first = Arc::new(Mutex::new(Some(platform::dial(endpoint).await?)));
    let redial = endpoint.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let ready = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let endpoint = redial.clone();
        async move {
            let verified = match ready {
                Some(stream) => stream,
                None => platform::dial(&endpoint).await?,
            };
            Ok::<_, ConnectError>(TokioIo::new(verified))
        }
    });

    // The name is only what HTTP/2 asks for; where the call goes is the connector's business.
    Endpoint::from_static("http://localhost")
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .connect_with_connector(connector)
        .await
        .map_err(|source| ConnectError::failed(endpoint, source))
}

impl ConnectError {
    fn failed(endpoint: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { endpoint: endpoint.to_owned(), source: source.into() }
    }

    fn impostor(endpoint: &str, why: impl Into<String>) -> Self {
        Self::Impostor { endpoint: endpoint.to_owned(), why: why.into() }
    }
}

/// A connection to a server that was found to be a service of this machine. The platform's `dial` is the only place
/// that makes one, so nothing can be said to a server that was not checked.
struct Verified(platform::Stream);

impl AsyncRead for Verified {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Verified {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
