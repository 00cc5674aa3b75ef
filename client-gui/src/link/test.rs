//! Calls of the test page.

use faxpost_proto::v1::diagnostics_client::DiagnosticsClient;
use faxpost_proto::v1::{TestAccountRequest, TestStep};
use tonic::Status;
use tonic::transport::Channel;

use super::{Answer, LARGEST_ANSWER, Sender};

/// What a test tells.
pub enum Progress {
    /// A step began or ended.
    Step(Box<TestStep>),
    /// There are no more steps: why, if the daemon says so.
    Over(Option<Box<Status>>),
}

/// Runs a test. Dropping its task stops it, at the server, too.
pub async fn run(
    connection: impl Future<Output = Answer<Channel>>,
    call: TestAccountRequest,
    to: Sender<Progress>,
) {
    let way = async {
        let mut client = DiagnosticsClient::new(connection.await?).max_decoding_message_size(LARGEST_ANSWER);
        let mut answers = client.test_account(call).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            if let Some(step) = answer.step {
                to.send(Progress::Step(Box::new(step)));
            }
        }
        Ok(())
    };
    let result: Result<(), Status> = way.await;
    to.send(Progress::Over(result.err().map(Box::new)));
}
