//! Calls of the certificate page.

use faxpost_proto::user_store;
use faxpost_proto::v1::approvals_client::ApprovalsClient;
use faxpost_proto::v1::certificates_client::CertificatesClient;
use faxpost_proto::v1::{
    CheckSigningRequest, CheckSigningResponse, CreateSigningRequestRequest, DeleteCertificateRequest,
    DeleteSigningRequestRequest, GetCertificateRequest, GetCertificateResponse, GrantKeyAccessRequest,
    InstallCertificateRequest, InstallCertificateResponse, InstallSigningAnswerRequest,
    InstallSigningAnswerResponse, ListCandidatesRequest, ListCandidatesResponse, ListSigningRequestsRequest,
    Request, RevokeKeyAccessRequest, SigningRequest, WatchRequestsRequest, WithdrawRequestRequest,
};
use tonic::transport::Channel;

use super::{Answer, LARGEST_ANSWER, Sender, request};

/// So many the daemon looks at in one call.
const AT_ONCE: usize = 50;

/// What could sign for the account's sender; the certificates of whoever sits here are judged, too.
///
/// # Errors
/// The daemon's.
pub async fn candidates(channel: Channel, account: String) -> Answer<ListCandidatesResponse> {
    // The store may block, and where there is none the machine's are shown alone.
    let own = tokio::task::spawn_blocking(user_store::list).await.ok().and_then(Result::ok);
    let own = own.unwrap_or_default().into_iter().filter(|own| own.has_key);
    let certificates = own.map(|own| own.der.into()).take(AT_ONCE).collect();
    let call = ListCandidatesRequest { account, sender_email: String::new(), certificates };
    Ok(client(channel).list_candidates(request(call)).await?.into_inner())
}

/// One of the machine's.
///
/// # Errors
/// The daemon's.
pub async fn details(channel: Channel, fingerprint: String) -> Answer<GetCertificateResponse> {
    let call = GetCertificateRequest { fingerprint };
    Ok(client(channel).get_certificate(request(call)).await?.into_inner())
}

/// Lets the service account use a key.
///
/// # Errors
/// The daemon's.
pub async fn grant(channel: Channel, fingerprint: String) -> Answer<()> {
    let call = GrantKeyAccessRequest { fingerprint, trustee: String::new() };
    client(channel).grant_key_access(request(call)).await.map(|_| ())
}

/// Takes a key from somebody.
///
/// # Errors
/// The daemon's.
pub async fn revoke(channel: Channel, fingerprint: String, trustee: String) -> Answer<()> {
    let call = RevokeKeyAccessRequest { fingerprint, trustee };
    client(channel).revoke_key_access(request(call)).await.map(|_| ())
}

/// Takes a certificate out of the machine's store.
///
/// # Errors
/// The daemon's.
pub async fn delete(channel: Channel, fingerprint: String) -> Answer<()> {
    client(channel).delete_certificate(request(DeleteCertificateRequest { fingerprint })).await.map(|_| ())
}

/// Signs something as the service account.
///
/// # Errors
/// The daemon's.
pub async fn check(channel: Channel, account: String, fingerprint: String) -> Answer<CheckSigningResponse> {
    let call = CheckSigningRequest { fingerprint, account };
    Ok(client(channel).check_signing(request(call)).await?.into_inner())
}

/// Puts a certificate into the machine's store.
///
/// # Errors
/// The daemon's.
pub async fn install(
    channel: Channel,
    call: InstallCertificateRequest,
) -> Answer<InstallCertificateResponse> {
    Ok(client(channel).install_certificate(request(call)).await?.into_inner())
}

/// Makes a key, and a request for a certificate authority.
///
/// # Errors
/// The daemon's.
pub async fn create_signing_request(
    channel: Channel,
    call: CreateSigningRequestRequest,
) -> Answer<SigningRequest> {
    let answer = client(channel).create_signing_request(request(call)).await?.into_inner();
    Ok(answer.signing_request.unwrap_or_default())
}

/// What waits for the answer of a certificate authority.
///
/// # Errors
/// The daemon's.
pub async fn signing_requests(channel: Channel) -> Answer<Vec<SigningRequest>> {
    let call = request(ListSigningRequestsRequest {});
    Ok(client(channel).list_signing_requests(call).await?.into_inner().signing_requests)
}

/// Puts such an answer onto the key that waits for it.
///
/// # Errors
/// The daemon's.
pub async fn install_answer(
    channel: Channel,
    call: InstallSigningAnswerRequest,
) -> Answer<InstallSigningAnswerResponse> {
    Ok(client(channel).install_signing_answer(request(call)).await?.into_inner())
}

/// Gives a request up, and deletes its key.
///
/// # Errors
/// The daemon's.
pub async fn delete_signing_request(channel: Channel, id: String) -> Answer<()> {
    client(channel).delete_signing_request(request(DeleteSigningRequestRequest { id })).await.map(|_| ())
}

/// The caller's requests, now and after every change.
pub async fn watch_requests(channel: Channel, to: Sender<Vec<Request>>) {
    let mut client = approvals(channel);
    let Ok(answers) = client.watch_requests(WatchRequestsRequest {}).await else { return };
    let mut answers = answers.into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        to.send(answer.requests);
    }
}

/// Takes one's own request back.
///
/// # Errors
/// The daemon's.
pub async fn withdraw(channel: Channel, number: i64) -> Answer<()> {
    approvals(channel).withdraw_request(request(WithdrawRequestRequest { number })).await.map(|_| ())
}

fn client(channel: Channel) -> CertificatesClient<Channel> {
    CertificatesClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

fn approvals(channel: Channel) -> ApprovalsClient<Channel> {
    ApprovalsClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}
