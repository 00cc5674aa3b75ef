//! A client's way in: dials the daemon, and makes sure it is the daemon before a byte is said.

use tonic::transport::Channel;

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
    let _ = endpoint;
    Err(ConnectError::Impostor { endpoint: endpoint.to_owned(), why: "not built yet".to_owned() })
}
