//! `account export [ID…]`

use faxpost_proto::v1::{
    Account, ListAccountsRequest, ListAccountsResponse, accounts_client::AccountsClient,
};
use tonic::transport::Channel;

use super::get;
use crate::{
    commands::{Context, request},
    document,
    error::Error,
};

pub(super) async fn run(ids: &[String], context: &mut Context) -> Result<(), Error> {
    let mut client = context.accounts().await?;
    let mut accounts = Vec::new();
    if ids.is_empty() {
        accounts = all(&mut client).await?;
    }
    for id in ids {
        accounts.push(get(&mut client, id).await?);
    }
    if context.out.is_json() {
        return context.out.json(&ListAccountsResponse { accounts, next_page_token: String::new() });
    }
    let text = document::write_accounts(&accounts, context.texts);
    context.out.piece(&text)
}

/// All accounts there are.
pub(super) async fn all(client: &mut AccountsClient<Channel>) -> Result<Vec<Account>, Error> {
    let mut accounts = Vec::new();
    let mut page_token = String::new();
    loop {
        let call = ListAccountsRequest { page_token, ..ListAccountsRequest::default() };
        let page = client.list_accounts(request(call)).await?.into_inner();
        accounts.extend(page.accounts);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(accounts);
        }
    }
}
