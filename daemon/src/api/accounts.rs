//! `faxpost.v1.Accounts`.

use std::sync::Arc;

use faxpost_proto::v1::{self, accounts_server::Accounts};
use futures_util::StreamExt as _;
use prost_types::FieldMask;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

use super::authorize::Admitted;
use super::watch::{Watch, until_stopping};
use super::{App, MAX_UNARY_BYTES, convert, discover, error, history, page};
use crate::accounts::{AccountId, capabilities};
use crate::store::AccountRow;

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Accounts for Service {
    async fn get_capabilities(
        &self,
        _request: Request<v1::GetCapabilitiesRequest>,
    ) -> Answer<v1::GetCapabilitiesResponse> {
        let methods = capabilities()
            .iter()
            .map(|row| v1::MethodCapability {
                method: convert::method(row.method).into(),
                available: row.unavailable.is_none(),
                unavailable_text: row.unavailable.clone().unwrap_or_default(),
                unavailable_reason: match &row.unavailable {
                    Some(_) => faxpost_proto::reason::NOT_AVAILABLE.to_owned(),
                    None => String::new(),
                },
                securities: row.securities.iter().map(|mode| convert::security(*mode).into()).collect(),
                tls_check: row.tls_check,
                authentication: row.authentication,
                oauth: row.oauth,
                signing: row.signing,
                transcript: row.transcript,
                mechanism: row.mechanism,
                ehlo_name: row.ehlo_name,
                envelope_sender: row.envelope_sender,
                proxy: row.proxy,
            })
            .collect();
        Ok(Response::new(v1::GetCapabilitiesResponse {
            methods,
            max_message_bytes: self.0.config.limits.max_message_bytes.try_into().unwrap_or(i64::MAX),
            max_unary_bytes: MAX_UNARY_BYTES as i64,
        }))
    }

    async fn list_accounts(
        &self,
        request: Request<v1::ListAccountsRequest>,
    ) -> Answer<v1::ListAccountsResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let size = page::size(request.page_size, 100, 100)?;
        // Rows are in a fixed order and few: the token is a position.
        let begin = page::key(&request.page_token)?.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let rows = self.0.registry.all();
        let accounts: Vec<_> =
            rows.iter().skip(begin).take(size).map(|row| self.view(row, &viewer)).collect();
        let end = begin.saturating_add(accounts.len());
        let next_page_token = if end < rows.len() { end.to_string() } else { String::new() };
        Ok(Response::new(v1::ListAccountsResponse { accounts, next_page_token }))
    }

    async fn get_account(&self, request: Request<v1::GetAccountRequest>) -> Answer<v1::GetAccountResponse> {
        let viewer = Admitted::of(&request)?;
        let id = id_or_default(request.into_inner().id);
        let row = self.0.registry.get(&id).ok_or_else(|| error::no_account(&id))?;
        Ok(Response::new(v1::GetAccountResponse { account: Some(self.view(&row, &viewer)) }))
    }

    async fn create_account(
        &self,
        request: Request<v1::CreateAccountRequest>,
    ) -> Answer<v1::CreateAccountResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let account = request.account.ok_or_else(|| error::invalid("account", "required"))?;
        let id = AccountId::parse(&account.id).map_err(|why| error::invalid("id", why))?;
        note(&viewer, id.as_str(), request.update_mask.as_ref(), request.validate_only);
        let sets = convert::sets(account, request.update_mask.as_ref())?;
        let administrator = viewer.is_administrator();
        let created = self
            .0
            .registry
            .create(id, &sets, administrator, &viewer.author(), request.validate_only)
            .await
            .map_err(error::change)?;
        Ok(Response::new(v1::CreateAccountResponse { account: Some(self.view(&created.row, &viewer)) }))
    }

    async fn update_account(
        &self,
        request: Request<v1::UpdateAccountRequest>,
    ) -> Answer<v1::UpdateAccountResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let account = request.account.ok_or_else(|| error::invalid("account", "required"))?;
        let id = id_or_default(account.id.clone());
        note(&viewer, &id, request.update_mask.as_ref(), request.validate_only);
        let revision = convert::revision(&account.etag)?;
        let sets = convert::sets(account, request.update_mask.as_ref())?;
        if sets.is_empty() {
            return Err(error::invalid("update_mask", "required: the fields to change"));
        }
        let administrator = viewer.is_administrator();
        let changed = self
            .0
            .registry
            .update(&id, revision, &sets, administrator, &viewer.author(), request.validate_only)
            .await
            .map_err(error::change)?;
        if changed.row.revision == revision {
            viewer.note().harmless();
        }
        Ok(Response::new(v1::UpdateAccountResponse {
            client_secret_cleared: changed.client_secret_cleared,
            signed_out: changed.signed_out,
            account: Some(self.view(&changed.row, &viewer)),
            password_cleared: changed.password_cleared,
        }))
    }

    async fn delete_account(
        &self,
        request: Request<v1::DeleteAccountRequest>,
    ) -> Answer<v1::DeleteAccountResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        note(&viewer, &request.id, None, false);
        let revision = convert::revision(&request.etag)?;
        self.0.registry.delete(&request.id, revision, &viewer.author()).await.map_err(error::change)?;
        Ok(Response::new(v1::DeleteAccountResponse {}))
    }

    type WatchAccountsStream = Watch<v1::WatchAccountsResponse>;

    async fn watch_accounts(
        &self,
        request: Request<v1::WatchAccountsRequest>,
    ) -> Answer<Self::WatchAccountsStream> {
        let viewer = Admitted::of(&request)?;
        let app = self.0.clone();
        // A watch channel holds the latest state only: a slow reader skips states and costs nothing.
        let states = WatchStream::new(app.registry.watch()).map(move |rows| {
            let host = &app.outbox.host().name;
            let accounts = rows.iter().map(|row| convert::account(row, host, &viewer)).collect();
            Ok(v1::WatchAccountsResponse { accounts })
        });
        Ok(Response::new(until_stopping(states, &self.0.stopping)))
    }

    async fn list_revisions(
        &self,
        request: Request<v1::ListRevisionsRequest>,
    ) -> Answer<v1::ListRevisionsResponse> {
        history::list(&self.0, request).await
    }

    async fn get_revision(
        &self,
        request: Request<v1::GetRevisionRequest>,
    ) -> Answer<v1::GetRevisionResponse> {
        history::get(&self.0, request).await
    }

    async fn rollback_account(
        &self,
        request: Request<v1::RollbackAccountRequest>,
    ) -> Answer<v1::RollbackAccountResponse> {
        history::rollback(&self.0, request).await
    }

    async fn import_accounts(
        &self,
        request: Request<v1::ImportAccountsRequest>,
    ) -> Answer<v1::ImportAccountsResponse> {
        history::import(&self.0, request).await
    }

    async fn list_presets(
        &self,
        _request: Request<v1::ListPresetsRequest>,
    ) -> Answer<v1::ListPresetsResponse> {
        Ok(Response::new(discover::list()))
    }

    async fn discover_account(
        &self,
        request: Request<v1::DiscoverAccountRequest>,
    ) -> Answer<v1::DiscoverAccountResponse> {
        discover::discover(&self.0, request).await
    }
}

impl Service {
    fn view(&self, row: &AccountRow, viewer: &Admitted) -> v1::Account {
        view(&self.0, row, viewer)
    }
}

/// The account as this caller may see it.
pub(super) fn view(app: &App, row: &AccountRow, viewer: &Admitted) -> v1::Account {
    convert::account(row, &app.outbox.host().name, viewer)
}

/// For the audit log: which account, and which of its fields; not what they become.
pub(super) fn note(viewer: &Admitted, id: &str, mask: Option<&FieldMask>, validate_only: bool) {
    let fields =
        mask.map_or(&[][..], |mask| &mask.paths[..mask.paths.len().min(convert::MAX_PATHS)]).join(", ");
    let id: String = id.chars().take(100).collect();
    let target = if fields.is_empty() { format!("account {id}") } else { format!("account {id}: {fields}") };
    viewer.note().about(target);
    if validate_only {
        viewer.note().harmless();
    }
}

pub(super) fn id_or_default(id: String) -> String {
    if id.is_empty() { AccountId::DEFAULT.to_owned() } else { id }
}
