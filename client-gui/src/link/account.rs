//! Calls of the account page.

use faxpost_proto::v1::accounts_client::AccountsClient;
use faxpost_proto::v1::o_auth_client::OAuthClient;
use faxpost_proto::v1::{
    Account, DiscoverAccountRequest, DiscoverAccountResponse, GetCapabilitiesRequest,
    GetCapabilitiesResponse, ListProfilesRequest, OAuthProfile, UpdateAccountRequest, UpdateAccountResponse,
    WatchAccountsRequest,
};
use tonic::transport::Channel;

use super::{Answer, LARGEST_ANSWER, Sender, request};

/// What does not change while the daemon runs.
pub struct Constants {
    /// The method matrix.
    pub capabilities: GetCapabilitiesResponse,
    /// The providers that are known. Empty when the caller may not list them.
    pub profiles: Vec<OAuthProfile>,
}

/// Reads them.
///
/// # Errors
/// The daemon's.
pub async fn constants(channel: Channel) -> Answer<Constants> {
    let capabilities =
        client(channel.clone()).get_capabilities(request(GetCapabilitiesRequest {})).await?.into_inner();
    // Only a convenience: the page works without.
    let profiles = OAuthClient::new(channel).list_profiles(request(ListProfilesRequest {})).await;
    let profiles = profiles.map(|answer| answer.into_inner().profiles).unwrap_or_default();
    Ok(Constants { capabilities, profiles })
}

/// All accounts, now and after every change; at the end why there are no more.
pub async fn watch(channel: Channel, to: Sender<Answer<Vec<Account>>>) {
    let answers = client(channel).watch_accounts(WatchAccountsRequest {}).await;
    let mut answers = match answers {
        Ok(answers) => answers.into_inner(),
        Err(status) => return to.send(Err(status)),
    };
    loop {
        match answers.message().await {
            Ok(Some(answer)) => to.send(Ok(answer.accounts)),
            // The connection ended: who stays in contact says so.
            Ok(None) => return,
            Err(status) => return to.send(Err(status)),
        }
    }
}

/// Changes the fields of `mask`.
///
/// # Errors
/// The daemon's.
pub async fn update(channel: Channel, call: UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
    Ok(client(channel).update_account(request(call)).await?.into_inner())
}

/// Looks for settings of an address. Asks name and web servers of its domain.
///
/// # Errors
/// The daemon's.
pub async fn discover(channel: Channel, address: String) -> Answer<DiscoverAccountResponse> {
    let call = DiscoverAccountRequest { address };
    Ok(client(channel).discover_account(request(call)).await?.into_inner())
}

fn client(channel: Channel) -> AccountsClient<Channel> {
    AccountsClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}
