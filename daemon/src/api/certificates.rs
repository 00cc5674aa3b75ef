//! `faxpost.v1.Certificates`.

use std::sync::Arc;

use faxpost_proto::v1::{self, certificates_server::Certificates};
use tonic::{Request, Response, Status};

use super::accounts::id_or_default;
use super::approvals::submit;
use super::authorize::Admitted;
use super::{App, check_signing, convert, error, page};
use crate::certs::{Action, Candidate, Details, Done, KeyReference, KeyType, Source, Stored, Users};
use crate::policy::Role;
use crate::secrets::Secret;

/// Certificates of a caller's own store that are judged at once.
const MOST_OF_CALLER: usize = 50;

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Certificates for Service {
    async fn list_certificates(
        &self,
        request: Request<v1::ListCertificatesRequest>,
    ) -> Answer<v1::ListCertificatesResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let size = page::size(request.page_size, 50, 100)?;
        // They are in a fixed order and few: the token is a position.
        let begin = page::key(&request.page_token)?.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let entries =
            self.0.certificates.look(|machine| machine.entries()).await.map_err(error::certificate)?;
        let users = self.users().await?;
        let shown = entries.iter().skip(begin).take(size);
        let certificates: Vec<_> =
            shown.map(|entry| of_store(&entry.details, &entry.stored, &viewer, &users)).collect();
        let end = begin.saturating_add(certificates.len());
        let next_page_token = if end < entries.len() { end.to_string() } else { String::new() };
        Ok(Response::new(v1::ListCertificatesResponse { certificates, next_page_token }))
    }

    async fn get_certificate(
        &self,
        request: Request<v1::GetCertificateRequest>,
    ) -> Answer<v1::GetCertificateResponse> {
        let viewer = Admitted::of(&request)?;
        let fingerprint = request.into_inner().fingerprint;
        // Who may use a key is for those who run the system.
        let sees_holders = viewer.role != Role::User;
        let looked = self.0.certificates.look(move |machine| {
            let entry = machine.find(&fingerprint)?;
            let holders = if sees_holders { machine.holders(&entry)? } else { Vec::new() };
            Ok((entry, holders))
        });
        let (entry, holders) = looked.await.map_err(error::certificate)?;
        let chain = entry.chain.links.iter().map(|link| v1::ChainLink {
            certificate: Some(convert::certificate(&link.details, &link.certificate)),
            trusted_root: link.trusted_root,
            problem: link.problem.clone().unwrap_or_default(),
        });
        let problem = entry.chain.problem.clone().or_else(|| entry.chain.untrusted.clone());
        Ok(Response::new(v1::GetCertificateResponse {
            chain: chain.collect(),
            chain_problem: problem.unwrap_or_default(),
            revocation: entry.chain.revocation.text.clone(),
            key_holders: holders.iter().map(convert::holder).collect(),
            redacted: if sees_holders { Vec::new() } else { vec!["key_holders".to_owned()] },
            certificate: Some(of_store(&entry.details, &entry.stored, &viewer, &self.users().await?)),
        }))
    }

    async fn list_candidates(
        &self,
        request: Request<v1::ListCandidatesRequest>,
    ) -> Answer<v1::ListCandidatesResponse> {
        let viewer = Admitted::of(&request)?;
        let v1::ListCandidatesRequest { account, sender_email, certificates } = request.into_inner();
        let sender_email = self.sender(account, sender_email)?;
        if certificates.len() > MOST_OF_CALLER {
            let text = format!("at most {MOST_OF_CALLER} certificates are judged at once");
            return Err(error::invalid("certificates", text));
        }
        let sender = sender_email.clone();
        let certificates: Vec<_> = certificates.iter().map(|der| der.to_vec()).collect();
        let looked = self.0.certificates.look(move |machine| {
            Ok((machine.candidates(&sender, &certificates)?, machine.service_account()?))
        });
        let (candidates, account) = looked.await.map_err(error::certificate)?;
        let users = self.users().await?;
        let candidates = candidates.iter().map(|one| candidate(one, &viewer, &users)).collect();
        Ok(Response::new(v1::ListCandidatesResponse {
            sender_email,
            candidates,
            service_account_name: account.name,
            service_account_id: account.id,
        }))
    }

    async fn install_certificate(
        &self,
        request: Request<v1::InstallCertificateRequest>,
    ) -> Answer<v1::InstallCertificateResponse> {
        let caller = Admitted::of(&request)?;
        let v1::InstallCertificateRequest { pkcs12, password, pem, key_pem, exportable, grant } =
            request.into_inner();
        let (password, key) = (Secret::new(password), Secret::new(key_pem));
        let source = match (pkcs12.is_empty(), pem.is_empty() && key.is_empty()) {
            (false, true) => Source::Pkcs12 { file: pkcs12.to_vec(), password },
            (true, false) => Source::Pem { certificates: pem, key },
            (true, true) => {
                return Err(error::invalid("pkcs12", "required: a PKCS#12 file, or pem with key_pem"));
            }
            (false, false) => return Err(error::invalid("pem", "give either pkcs12, or pem with key_pem")),
        };
        let certificates = &self.0.certificates;
        let action =
            certificates.installation(source, exportable, grant).await.map_err(error::certificate)?;
        let chain = match &action {
            Action::Install { identity, .. } => identity.chain.clone(),
            _ => Vec::new(),
        };
        let chain =
            chain.iter().filter_map(|der| Details::read(der).ok()).map(|details| details.fingerprint());
        let (stored, already_installed) = installed(self.act(&caller, action).await?)?;
        Ok(Response::new(v1::InstallCertificateResponse {
            certificate: Some(self.stored(&stored, &caller).await?),
            already_installed,
            chain: chain.collect(),
        }))
    }

    async fn delete_certificate(
        &self,
        request: Request<v1::DeleteCertificateRequest>,
    ) -> Answer<v1::DeleteCertificateResponse> {
        let caller = Admitted::of(&request)?;
        let fingerprint = request.into_inner().fingerprint;
        let action = self.0.certificates.deletion(fingerprint).await.map_err(error::certificate)?;
        self.act(&caller, action).await?;
        Ok(Response::new(v1::DeleteCertificateResponse {}))
    }

    async fn grant_key_access(
        &self,
        request: Request<v1::GrantKeyAccessRequest>,
    ) -> Answer<v1::GrantKeyAccessResponse> {
        let caller = Admitted::of(&request)?;
        let v1::GrantKeyAccessRequest { fingerprint, trustee } = request.into_inner();
        let action = self.0.certificates.grant(fingerprint, trustee).await.map_err(error::certificate)?;
        let key_holders = holders(self.act(&caller, action).await?);
        Ok(Response::new(v1::GrantKeyAccessResponse { key_holders }))
    }

    async fn revoke_key_access(
        &self,
        request: Request<v1::RevokeKeyAccessRequest>,
    ) -> Answer<v1::RevokeKeyAccessResponse> {
        let caller = Admitted::of(&request)?;
        let v1::RevokeKeyAccessRequest { fingerprint, trustee } = request.into_inner();
        let action =
            self.0.certificates.revocation(fingerprint, trustee).await.map_err(error::certificate)?;
        let key_holders = holders(self.act(&caller, action).await?);
        Ok(Response::new(v1::RevokeKeyAccessResponse { key_holders }))
    }

    async fn check_signing(
        &self,
        request: Request<v1::CheckSigningRequest>,
    ) -> Answer<v1::CheckSigningResponse> {
        let caller = Admitted::of(&request)?;
        let v1::CheckSigningRequest { fingerprint, account } = request.into_inner();
        let checked = check_signing::check(&self.0, fingerprint, id_or_default(account)).await?;
        if !checked.passed {
            caller.note().failed(&checked.failure_reason);
        }
        Ok(Response::new(checked))
    }

    async fn create_signing_request(
        &self,
        request: Request<v1::CreateSigningRequestRequest>,
    ) -> Answer<v1::CreateSigningRequestResponse> {
        let caller = Admitted::of(&request)?;
        let v1::CreateSigningRequestRequest { account, sender_email, subject, key_type } =
            request.into_inner();
        let address = self.sender(account, sender_email)?;
        let key_type = match v1::KeyType::try_from(key_type) {
            Ok(v1::KeyType::Unspecified | v1::KeyType::Rsa3072) => KeyType::Rsa(3072),
            Ok(v1::KeyType::Rsa2048) => KeyType::Rsa(2048),
            Ok(v1::KeyType::Rsa4096) => KeyType::Rsa(4096),
            Ok(v1::KeyType::EcP256) => KeyType::EcP256,
            Err(_) => return Err(error::invalid("key_type", "not one of its values")),
        };
        let action = Action::CreateSigningRequest { subject, address, key_type };
        match self.act(&caller, action).await? {
            Done::Requested(request) => Ok(Response::new(v1::CreateSigningRequestResponse {
                signing_request: Some(convert::signing_request(request)),
            })),
            other => Err(unexpected(&other)),
        }
    }

    async fn list_signing_requests(
        &self,
        _request: Request<v1::ListSigningRequestsRequest>,
    ) -> Answer<v1::ListSigningRequestsResponse> {
        let waiting = self.0.certificates.signing_requests().await.map_err(error::certificate)?;
        let signing_requests = waiting.into_iter().map(convert::signing_request).collect();
        Ok(Response::new(v1::ListSigningRequestsResponse { signing_requests }))
    }

    async fn install_signing_answer(
        &self,
        request: Request<v1::InstallSigningAnswerRequest>,
    ) -> Answer<v1::InstallSigningAnswerResponse> {
        let caller = Admitted::of(&request)?;
        let v1::InstallSigningAnswerRequest { answer, grant } = request.into_inner();
        let action = self.0.certificates.answer(answer.to_vec(), grant).await.map_err(error::certificate)?;
        let (stored, _) = installed(self.act(&caller, action).await?)?;
        let certificate = Some(self.stored(&stored, &caller).await?);
        Ok(Response::new(v1::InstallSigningAnswerResponse { certificate }))
    }

    async fn delete_signing_request(
        &self,
        request: Request<v1::DeleteSigningRequestRequest>,
    ) -> Answer<v1::DeleteSigningRequestResponse> {
        let caller = Admitted::of(&request)?;
        let mut id = [0; 32];
        let text = "required: the id of a request, 64 hexadecimal digits";
        hex::decode_to_slice(request.into_inner().id, &mut id).map_err(|_| error::invalid("id", text))?;
        self.act(&caller, Action::DeleteSigningRequest { id }).await?;
        Ok(Response::new(v1::DeleteSigningRequestResponse {}))
    }
}

impl Service {
    /// Hands the action in, with a word for the audit log.
    async fn act(&self, caller: &Admitted, action: Action) -> Result<Done, Status> {
        let plan = self.0.certificates.check(&action).await.map_err(error::certificate)?;
        caller.note().about(&plan.summary);
        submit(&self.0, caller, action).await
    }

    /// The address that was given, or the sender of an account.
    fn sender(&self, account: String, sender_email: String) -> Result<String, Status> {
        let id = id_or_default(account);
        let row = self.0.registry.get(&id).ok_or_else(|| error::no_account(&id))?;
        if sender_email.is_empty() {
            return Ok(row.account.effective_sender(&self.0.outbox.host().name));
        }
        match crate::message::address::parse_addr_spec(&sender_email) {
            Ok(_) => Ok(sender_email),
            Err(what) => Err(error::invalid("sender_email", format!("the sender's address {what}"))),
        }
    }

    async fn stored(&self, stored: &Stored, viewer: &Admitted) -> Result<v1::Certificate, Status> {
        let details = Details::read(&stored.certificate).map_err(error::internal)?;
        Ok(of_store(&details, stored, viewer, &self.users().await?))
    }

    async fn users(&self) -> Result<Users, Status> {
        self.0.certificates.users().await.map_err(error::certificate)
    }
}

fn candidate(candidate: &Candidate, viewer: &Admitted, users: &Users) -> v1::Candidate {
    let certificate = match &candidate.stored {
        Some(stored) => of_store(&candidate.details, stored, viewer, users),
        None => convert::certificate(&candidate.details, &candidate.certificate),
    };
    v1::Candidate {
        certificate: Some(certificate),
        unmet: candidate.unmet.iter().map(convert::unmet).collect(),
        from_request: candidate.stored.is_none(),
    }
}

fn of_store(details: &Details, stored: &Stored, viewer: &Admitted, users: &Users) -> v1::Certificate {
    let (provider, name) = match &stored.key {
        None => (v1::KeyProvider::None, String::new()),
        Some(KeyReference::File(path)) => (v1::KeyProvider::File, path.display().to_string()),
        Some(KeyReference::Cng { name, .. }) => (v1::KeyProvider::Cng, name.clone()),
        Some(KeyReference::Capi { container, .. }) => (v1::KeyProvider::Capi, container.clone()),
    };
    v1::Certificate {
        key_provider: provider.into(),
        key_name: if viewer.is_administrator() { name } else { String::new() },
        exportable: stored.exportable,
        used_by: users.of(&details.sha256),
        ..convert::certificate(details, &stored.certificate)
    }
}

fn installed(done: Done) -> Result<(Stored, bool), Status> {
    match done {
        Done::Installed { stored, already } => Ok((stored, already)),
        other => Err(unexpected(&other)),
    }
}

fn holders(done: Done) -> Vec<v1::KeyHolder> {
    match done {
        Done::Holders(holders) => holders.iter().map(convert::holder).collect(),
        _ => Vec::new(),
    }
}

fn unexpected(done: &Done) -> Status {
    let what = match done {
        Done::Installed { .. } => "installed",
        Done::Deleted => "deleted",
        Done::Holders(_) => "holders",
        Done::Requested(_) => "requested",
    };
    error::internal(format!("an action ended as another one: {what}"))
}
