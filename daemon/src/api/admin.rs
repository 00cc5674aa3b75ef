//! `faxpost.v1.Admin`.

use std::sync::Arc;

use faxpost_proto::v1::{self, admin_server::Admin};
use tonic::{Request, Response, Status};

use super::authorize::Admitted;
use super::{App, convert, error, page};
use crate::policy::{Decision, MEMBERS, Role};
use crate::store::AuditFilter;

pub(super) struct Service(pub(super) Arc<App>);

#[tonic::async_trait]
impl Admin for Service {
    async fn get_policy(
        &self,
        _request: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::GetPolicyResponse>, Status> {
        let policy = self.0.policy.now();
        let roles = MEMBERS.iter().map(|(role, members)| v1::RoleDefinition {
            role: convert::role(*role).into(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
        });
        Ok(Response::new(v1::GetPolicyResponse {
            rules: policy.rules().map(|(method, cells)| convert::rule(method, cells)).collect(),
            roles: roles.collect(),
        }))
    }

    async fn update_policy(
        &self,
        request: Request<v1::UpdatePolicyRequest>,
    ) -> Result<Response<v1::UpdatePolicyResponse>, Status> {
        let caller = Admitted::of(&request)?;
        let request = request.into_inner();
        let role = match v1::Role::try_from(request.role) {
            Ok(v1::Role::Administrator) => Role::Administrator,
            Ok(v1::Role::Service) => Role::Service,
            Ok(v1::Role::User) => Role::User,
            _ => return Err(error::invalid("role", "required: administrator, service or user")),
        };
        let decision = match v1::Decision::try_from(request.decision) {
            Ok(v1::Decision::Unspecified) => None,
            Ok(v1::Decision::Allow) => Some(Decision::Allow),
            Ok(v1::Decision::Deny) => Some(Decision::Deny),
            Ok(v1::Decision::Approval) => Some(Decision::Approval),
            Err(_) => {
                return Err(error::invalid("decision", "allow, deny, approval, or nothing for the default"));
            }
        };
        let word = decision.map_or("default", Decision::as_str);
        caller.note().about(format!("{} {}={word}", shown(&request.method), role.as_str()));
        let changed = self.0.policy.change(&request.method, role, decision).await;
        let method = changed.map_err(|e| error::store(&e))?.map_err(error::policy)?;
        let (method, cells) = self.0.policy.now().rule(method).map_err(error::policy)?;
        Ok(Response::new(v1::UpdatePolicyResponse { rule: Some(convert::rule(method, cells)) }))
    }

    async fn list_audit_entries(
        &self,
        request: Request<v1::ListAuditEntriesRequest>,
    ) -> Result<Response<v1::ListAuditEntriesResponse>, Status> {
        let request = request.into_inner();
        let size = page::size(request.page_size, 50, 500)?;
        let before = page::key(&request.page_token)?;
        let only = match request.id {
            0 => None,
            id @ 1.. => Some(id),
            _ => return Err(error::invalid("id", "the number of an entry, or 0 for all")),
        };
        let policy = self.0.policy.now();
        let method = match request.method.as_str() {
            "" => "",
            method => policy.rule(method).map_err(error::policy)?.0,
        };
        let since = request.since.as_ref().map(convert::millis);
        let filter = AuditFilter { method: method.to_owned(), caller: request.caller, since };
        let page = match only {
            None => self.0.audit.list(filter, before, size).await,
            Some(id) => self.0.audit.find(filter, id).await,
        };
        let page = page.map_err(|e| error::store(&e))?;
        let next_page_token = page::next(page.rows.last().map(|(id, _)| *id), page.more);
        let entries = page.rows.into_iter().map(|(id, event)| convert::audit_entry(id, event)).collect();
        Ok(Response::new(v1::ListAuditEntriesResponse { entries, next_page_token }))
    }
}

/// A method's name as a caller gave it: it may be anything.
fn shown(method: &str) -> String {
    method.trim_start_matches("faxpost.v1.").chars().take(100).collect()
}
