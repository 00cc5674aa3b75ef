//! Signing, where the mail is sent: under the account that the keys are granted to, whatever the method.

use std::sync::Arc;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::failure::Fault;
use super::progress::Progress;
use super::smtp::JobTurn;
use super::{Body, Engine, Event, FailureKind, Job, Outcome, RecipientOutcome, Signing, Step, Transcript};
use crate::certs::{KeyAlgorithm, KeyError, KeyReference, SigningKey, open_key};
use crate::message::Content;
use crate::message::smime::{self, Signer, SigningError};
use crate::service::own_account;

/// Octets of a probe: no message looks like it.
const PROBE: usize = 32;

/// What came of signing a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningCheck {
    /// Who signed: name, and SID or "uid:107".
    pub account_name: String,
    /// The same, as the system knows him.
    pub account_id: String,
    /// How the key signs; `None` when it could not be opened.
    pub algorithm: Option<KeyAlgorithm>,
    /// How long it took, with the opening of the key.
    pub millis: u64,
    /// What was signed.
    pub probe: Vec<u8>,
    /// The signature, already verified with the certificate; or the kind of failure and its text.
    pub result: Result<Vec<u8>, (FailureKind, String)>,
}

/// Opens a private key.
type Open = dyn FnOnce(&KeyReference) -> Result<Box<dyn SigningKey>, KeyError> + Send;

/// Where private keys are opened.
pub(super) struct Keys {
    /// Who opens them.
    pub(super) account: String,
    /// Waits, so it is not for the async runtime's own threads.
    pub(super) open: Box<Open>,
}

impl Keys {
    /// Here, under the account of this process. It stays the same, and its name is not looked up for every job.
    pub(super) fn own() -> Self {
        static OWN: LazyLock<String> = LazyLock::new(|| own_account().0);
        Self { account: OWN.clone(), open: Box::new(open_key) }
    }
}

/// Puts the signed message in the place of the unsigned one. A test that sends nothing needs no signature.
pub(super) async fn sign(job: &mut Job, keys: Keys) -> Result<(), Fault> {
    let Some(signing) = job.signing.as_ref().filter(|_| job.until == Step::Message) else { return Ok(()) };
    let (signing, body) = (signing.clone(), job.body.clone());
    let Keys { account, open } = keys;
    let work = move || -> Result<Body, SigningError> {
        let key = open(&signing.key)?;
        let message = match body {
            Body::Inline(bytes) => Content::Memory(Bytes::from(bytes)),
            Body::File { path, .. } => Content::File(path),
            Body::Remote(remote) => Content::Elsewhere(Arc::new(remote)),
            Body::Signed(_) => return Ok(body),
        };
        let signer = Signer { certificate: &signing.certificate, chain: &signing.chain, key: &*key };
        let signed = smime::sign(message, signing.mode, signer, SystemTime::now())?;
        Ok(Body::Signed(Arc::new(signed)))
    };
    // A key may ask another process, and a large message is read whole.
    job.body = match tokio::task::spawn_blocking(work).await {
        Ok(signed) => signed.map_err(|error| fault(&error, &account))?,
        Err(_) => return Err(Fault::new(FailureKind::SigningFailed, "the signature could not be computed")),
    };
    Ok(())
}

/// The end of a job whose message cannot be signed. The steps of a test are told as far as they go; nobody else needs
/// the server for that.
pub(super) async fn failed(
    engine: &Engine,
    mut job: Job,
    fault: Fault,
    events: Option<UnboundedSender<Event>>,
) -> Outcome {
    let mut outcome = match &events {
        Some(_) => {
            job.until = Step::Recipient;
            let mut alone = JobTurn::free();
            engine.hand_over(&job, Progress::new(events.clone(), None), None, &mut alone).await
        }
        None => Outcome {
            reused: false,
            failure: None,
            recipients: Vec::new(),
            transcript: Transcript::default(),
            tls: None,
            answer: String::new(),
        },
    };
    if outcome.failure.is_none() {
        let mut progress = Progress::new(events, None);
        progress.begin(Step::Message);
        let failure = progress.fail(fault);
        let deferred = RecipientOutcome::Deferred { answer: failure.text.clone() };
        outcome.recipients = vec![deferred; job.envelope.to.len()];
        outcome.failure = Some(failure);
    }
    outcome
}

/// Signs a probe with the key of `signing` and verifies it with its certificate.
pub async fn check_signing(signing: Signing) -> SigningCheck {
    let begun = Instant::now();
    let work = move || {
        let mut probe = vec![0; PROBE];
        let random = getrandom::fill(&mut probe).map_err(|error| KeyError::Failed(error.to_string()));
        let opened = random.and_then(|()| open_key(&signing.key));
        let algorithm = opened.as_ref().ok().map(|key| key.algorithm());
        let signed = opened.map_err(SigningError::from).and_then(|key| {
            let signature = key.sign(&probe)?;
            smime::check_signature(&signing.certificate, &probe, &signature)?;
            Ok(signature)
        });
        (probe, algorithm, signed.map_err(|error| (kind(&error), error.to_string())))
    };
    let failed = || (FailureKind::SigningFailed, "the signature could not be computed".to_owned());
    let (probe, algorithm, result) =
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| (Vec::new(), None, Err(failed())));
    let (account_name, account_id) = own_account();
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    SigningCheck { account_name, account_id, algorithm, millis, probe, result }
}

fn fault(error: &SigningError, account: &str) -> Fault {
    let who = match kind(error) {
        FailureKind::KeyAccessDenied | FailureKind::SigningKeyMissing => {
            format!(" (signing as {account})")
        }
        _ => String::new(),
    };
    Fault::new(kind(error), format!("{error}{who}"))
}

fn kind(error: &SigningError) -> FailureKind {
    match error {
        SigningError::Key(KeyError::Missing) => FailureKind::SigningKeyMissing,
        SigningError::Key(KeyError::AccessDenied) => FailureKind::KeyAccessDenied,
        SigningError::Key(KeyError::Unsupported(_) | KeyError::Failed(_)) => FailureKind::SigningFailed,
        SigningError::Certificate(_) => FailureKind::NoSigningCertificate,
        SigningError::Message(_) => FailureKind::SigningFailed,
        SigningError::Io(_) => FailureKind::LocalFile,
    }
}
