//! Calls of the outbox page.

use faxpost_proto::v1::mail_client::MailClient;
use faxpost_proto::v1::{
    CancelMessageRequest, HoldMessageRequest, ListMessagesRequest, Message, MessageState,
    ReleaseMessageRequest, RetryMessageRequest, WatchMessageRequest,
};
use tonic::transport::Channel;

use super::{Answer, LARGEST_ANSWER, Sender, request};
use crate::state::outbox::Deed;

/// What the daemon gives on one page at most.
pub const LARGEST_PAGE: usize = 500;

/// What of the outbox is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// All, if none.
    pub state: Option<MessageState>,
    /// Id; empty: all.
    pub account: String,
}

/// A page, newest first, and what leads to the next one.
///
/// # Errors
/// The daemon's.
pub async fn messages(
    channel: Channel,
    selection: Selection,
    page_token: String,
    size: usize,
) -> Answer<(Vec<Message>, String)> {
    let call = ListMessagesRequest {
        page_size: i32::try_from(size.min(LARGEST_PAGE)).unwrap_or_default(),
        page_token,
        states: selection.state.into_iter().map(Into::into).collect(),
        account: selection.account,
    };
    let answer = client(channel).list_messages(request(call)).await?.into_inner();
    Ok((answer.messages, answer.next_page_token))
}

/// One message, now and after every change.
pub async fn watch(channel: Channel, id: String, to: Sender<Message>) {
    let Ok(answers) = client(channel).watch_message(WatchMessageRequest { id }).await else { return };
    let mut answers = answers.into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        if let Some(message) = answer.message {
            to.send(message);
        }
    }
}

/// Does something with a message, and gives it back as it is then.
///
/// # Errors
/// The daemon's.
pub async fn steer(channel: Channel, id: String, deed: Deed) -> Answer<Message> {
    let mut client = client(channel);
    let message = match deed {
        Deed::Retry => client.retry_message(request(RetryMessageRequest { id })).await?.into_inner().message,
        Deed::Hold => client.hold_message(request(HoldMessageRequest { id })).await?.into_inner().message,
        Deed::Release => {
            client.release_message(request(ReleaseMessageRequest { id })).await?.into_inner().message
        }
        Deed::Cancel => {
            client.cancel_message(request(CancelMessageRequest { id })).await?.into_inner().message
        }
    };
    Ok(message.unwrap_or_default())
}

fn client(channel: Channel) -> MailClient<Channel> {
    MailClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}
