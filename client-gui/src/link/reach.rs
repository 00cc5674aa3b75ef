//! Whether there is a daemon to talk to: connects, watches, and connects again by itself.

use std::sync::Arc;
use std::time::Duration;

use faxpost_proto::connect::{ConnectError, connect};
use faxpost_proto::v1::diagnostics_client::DiagnosticsClient;
use faxpost_proto::v1::{GetStatusRequest, GetStatusResponse, WatchStatusRequest};
use tokio::sync::Notify;
use tonic::Status;
use tonic::transport::Channel;

use super::{LARGEST_ANSWER, Sender};

/// The first pause between two attempts; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is told about the daemon.
#[derive(Debug)]
pub enum News {
    /// It is there, and is who it should be.
    Connected,
    /// How it is: once after connecting, and after every change.
    Status(Box<GetStatusResponse>),
    /// It was there, and is not any more: why the connection ended.
    Lost(Option<Box<Status>>),
    /// There is no way in.
    NoWay(ConnectError),
}

impl News {
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::NoWay(_))
    }
}

/// What comes from the runtime: the news, and the connection itself.
pub enum Contact {
    /// Calls may be made.
    Channel(Channel),
    /// Anything else.
    News(News),
}

/// Never ends; its task is dropped.
pub(super) async fn stay(endpoint: String, again: Arc<Notify>, to: Sender<Contact>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match connect(&endpoint).await {
            Ok(channel) => {
                let mut seen = false;
                let why = watch(channel, &to, &mut seen).await;
                to.send(Contact::News(News::Lost(why.map(Box::new))));
                // Whoever hangs up at once, e.g. because there are too many of us, is not asked more often for it.
                if seen {
                    pause = FIRST_PAUSE;
                }
            }
            Err(error) => to.send(Contact::News(News::NoWay(error))),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = again.notified() => pause = FIRST_PAUSE,
        }
    }
}

/// Until the connection ends.
async fn watch(channel: Channel, to: &Sender<Contact>, seen: &mut bool) -> Option<Status> {
    let mut client = DiagnosticsClient::new(channel.clone()).max_decoding_message_size(LARGEST_ANSWER);
    // The status first: pages show by it what the caller may do.
    let status = match client.get_status(super::request(GetStatusRequest {})).await {
        Ok(status) => status.into_inner(),
        Err(status) => return Some(status),
    };
    to.send(Contact::Channel(channel));
    to.send(Contact::News(News::Status(Box::new(status))));
    *seen = true;
    let mut states = match client.watch_status(WatchStatusRequest {}).await {
        Ok(states) => states.into_inner(),
        Err(status) => return Some(status),
    };
    loop {
        match states.message().await {
            Ok(Some(answer)) => {
                if let Some(status) = answer.status {
                    to.send(Contact::News(News::Status(Box::new(status))));
                }
            }
            Ok(None) => return None,
            Err(status) => return Some(status),
        }
    }
}
