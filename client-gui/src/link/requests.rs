//! Calls of the requests page. Watching them is the certificate page's, too.

use faxpost_proto::v1::approvals_client::ApprovalsClient;
use faxpost_proto::v1::{ApproveRequestRequest, RefuseRequestRequest, Request};
use tonic::transport::Channel;

use super::{Answer, LARGEST_ANSWER, request};

pub use super::certificate::{watch_requests as watch, withdraw};

/// Carries a request out. `digest`: of what was shown.
///
/// # Errors
/// The daemon's.
pub async fn approve(channel: Channel, number: i64, digest: String) -> Answer<Request> {
    let call = ApproveRequestRequest { number, digest };
    let answer = client(channel).approve_request(request(call)).await?.into_inner();
    Ok(answer.request.unwrap_or_default())
}

/// Ends a request without carrying it out.
///
/// # Errors
/// The daemon's.
pub async fn refuse(channel: Channel, number: i64, text: String) -> Answer<Request> {
    let call = RefuseRequestRequest { number, text };
    let answer = client(channel).refuse_request(request(call)).await?.into_inner();
    Ok(answer.request.unwrap_or_default())
}

fn client(channel: Channel) -> ApprovalsClient<Channel> {
    ApprovalsClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}
