//! CheckSigning: the account that signs mail signs something, and the daemon verifies it with the certificate. Neither
//! the right to a key nor the other process is believed without that.

use faxpost_proto::v1;
use tonic::Status;

use super::{App, error};
use crate::certs::{CertificateError, Entry, KeyAlgorithm, Machine, Requirement, verifies};
use crate::mailer::{FailureKind, Signing};
use crate::message::smime::Mode;

/// Checks a certificate, or that of an account where none is named.
pub(super) async fn check(
    app: &App,
    fingerprint: String,
    account: String,
) -> Result<v1::CheckSigningResponse, Status> {
    let row = app.registry.get(&account).ok_or_else(|| error::no_account(&account))?;
    let sender = row.account.effective_sender(&app.outbox.host().name);
    let wanted = if fingerprint.is_empty() { row.account.certificate } else { fingerprint };
    let looked = app.certificates.look(move |machine| {
        let entry = if wanted.is_empty() { best(machine, &sender)? } else { machine.find(&wanted)? };
        Ok((entry, machine.service_account()?))
    });
    let (entry, service_account) = looked.await.map_err(error::certificate)?;
    let Some(key) = entry.stored.key.clone() else {
        return Ok(v1::CheckSigningResponse {
            signed_as_name: service_account.name,
            signed_as_id: service_account.id,
            failure_reason: FailureKind::SigningKeyMissing.code().to_owned(),
            failure_text: "the certificate's private key is not in the machine's store".to_owned(),
            ..v1::CheckSigningResponse::default()
        });
    };
    let signing =
        Signing { mode: Mode::Clear, certificate: entry.stored.certificate.clone(), chain: Vec::new(), key };
    let check = app.mailer.check_signing(signing).await;
    let failure = match &check.result {
        Err((kind, text)) => Some((kind.code(), text.clone())),
        Ok(signature) => {
            let right = check
                .algorithm
                .is_some_and(|algorithm| verifies(&entry.details, algorithm, &check.probe, signature));
            let text = "what was signed does not verify with the certificate: the key is another one's";
            (!right).then(|| (FailureKind::SigningFailed.code(), text.to_owned()))
        }
    };
    let (reason, text) = failure.clone().unwrap_or_default();
    Ok(v1::CheckSigningResponse {
        passed: failure.is_none(),
        signed_as_name: check.account_name,
        signed_as_id: check.account_id,
        failure_reason: reason.to_owned(),
        failure_text: text,
        algorithm: match check.algorithm {
            Some(KeyAlgorithm::Rsa) => "RSA PKCS#1 v1.5 with SHA-256".to_owned(),
            Some(KeyAlgorithm::EcP256) => "ECDSA P-256 with SHA-256".to_owned(),
            None => String::new(),
        },
        duration_ms: check.millis.try_into().unwrap_or(i32::MAX),
    })
}

/// The best certificate for a sender, whoever may use its key now: that is what is to be found out.
fn best(machine: &Machine, sender: &str) -> Result<Entry, CertificateError> {
    let candidates = machine.candidates(sender, &[])?;
    let best = candidates.into_iter().next();
    match best {
        Some(best) if best.unmet.iter().all(|unmet| unmet.requirement == Requirement::KeyAccess) => {
            machine.get(&best.details.sha256)
        }
        _ => match machine.signer(sender, "") {
            Err(error) => Err(error),
            // It came meanwhile.
            Ok(_) => Err(CertificateError::NoneUsable("the certificates are changing; try again".to_owned())),
        },
    }
}
