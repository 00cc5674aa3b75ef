//! Privileged changes: looked at without effect, and carried out.
//!
//! [`Certificates::check`] and [`Certificates::carry_out`] get the same [`Action`], and carry_out checks again: between
//! the two there may be days, in which an administrator made up his mind.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::action::{Action, Done, Plan};
use super::chain::day;
use super::fault::CertificateError;
use super::import::private_key;
use super::machine::{Entry, Machine};
use super::read::Details;
use super::requests::Requests;
use super::store::{Fingerprint, Identity, KeyType, Trustee};
use super::{SigningRequest, csr};
use crate::accounts::{AccountId, Registry, Signing};
use crate::alarm::Alarm;
use crate::store::{AccountRow, Author};

/// Which account signs with which certificate.
#[derive(Clone, Debug, Default)]
pub struct Users(Vec<(String, String)>);

impl Users {
    /// Ids of the accounts that sign with this one.
    #[must_use]
    pub fn of(&self, certificate: &Fingerprint) -> Vec<String> {
        let name = hex::encode(certificate);
        self.0.iter().filter(|(used, _)| *used == name).map(|(_, id)| id.clone()).collect()
    }
}

/// The certificates of this machine, and what may be done to them.
pub struct Certificates {
    machine: Arc<Machine>,
    accounts: Arc<Registry>,
    requests: Arc<Requests>,
    /// Of which the sender of an account is made that has none.
    host_name: String,
    /// One change at a time.
    changing: Mutex<()>,
}

impl Certificates {
    /// The machine's certificates, with the accounts that sign with them and the requests that wait.
    #[must_use]
    pub fn new(
        machine: Arc<Machine>,
        accounts: Arc<Registry>,
        requests: Requests,
        host_name: String,
    ) -> Self {
        Self { machine, accounts, requests: Arc::new(requests), host_name, changing: Mutex::new(()) }
    }

    /// What is there now.
    #[must_use]
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// Runs something that touches the disk, off the async runtime's own threads.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Machine) -> Result<T, CertificateError> + Send + 'static,
    ) -> Result<T, CertificateError> {
        let machine = self.machine.clone();
        blocking(move || work(&machine)).await
    }

    /// Which account signs with which certificate: the one that it names, else the one that is chosen for its sender.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub async fn users(&self) -> Result<Users, CertificateError> {
        let signing = self.signing();
        if signing.is_empty() {
            return Ok(Users::default());
        }
        self.look(move |machine| {
            let signs_with = |(id, sender, configured): (AccountId, String, String)| {
                let certificate = match configured.as_str() {
                    // Mail waits, then: no certificate is in use.
                    "" => hex::encode(Sha256::digest(machine.signer(&sender, "").ok()?.certificate)),
                    _ => configured,
                };
                Some((certificate, id.to_string()))
            };
            Ok(Users(signing.into_iter().filter_map(signs_with).collect()))
        })
        .await
    }

    /// Accounts that sign: id, sender, and the certificate that it names.
    fn signing(&self) -> Vec<(AccountId, String, String)> {
        let rows = self.accounts.all();
        let signing = rows.iter().filter(|row| row.account.sign != Signing::Off);
        let of = |row: &AccountRow| {
            (row.id.clone(), row.account.effective_sender(&self.host_name), row.account.certificate.clone())
        };
        signing.map(of).collect()
    }

    /// What administrators should know of the certificates of accounts that sign (requirement C8), with the account.
    pub async fn alarms(&self) -> Vec<(AccountId, Alarm)> {
        let signing = self.signing();
        if signing.is_empty() {
            return Vec::new();
        }
        let looked = self.look(move |machine| {
            let alarm = |(account, sender, configured): (AccountId, String, String)| {
                machine.alarm(&sender, &configured).map(|alarm| (account, alarm))
            };
            Ok(signing.into_iter().filter_map(alarm).collect())
        });
        looked.await.unwrap_or_default()
    }

    /// The requests for a CA whose answer has not come.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub async fn signing_requests(&self) -> Result<Vec<SigningRequest>, CertificateError> {
        let requests = self.requests.clone();
        blocking(move || Ok(requests.list()?.into_iter().map(|waiting| waiting.request).collect())).await
    }

    /// What the action would do. Changes nothing.
    ///
    /// # Errors
    /// Why it cannot be done, see [`CertificateError`].
    pub async fn check(&self, action: &Action) -> Result<Plan, CertificateError> {
        if let Action::Delete { certificate } = action {
            self.not_in_use(certificate).await?;
        }
        let (machine, requests, action) = (self.machine.clone(), self.requests.clone(), action.clone());
        blocking(move || plan(&machine, &requests, &action)).await
    }

    /// Does it, and nothing else than [`Self::check`] told.
    ///
    /// # Errors
    /// See [`CertificateError`]; nothing was changed then.
    pub async fn carry_out(&self, action: Action, by: &Author) -> Result<Done, CertificateError> {
        let _one = self.changing.lock().await;
        if let Action::Delete { certificate } = &action {
            self.not_in_use(certificate).await?;
        }
        let (machine, requests, by) = (self.machine.clone(), self.requests.clone(), by.name.clone());
        blocking(move || {
            machine.refresh();
            let done = plan(&machine, &requests, &action).and_then(|_| act(&machine, &requests, action, by));
            machine.changed();
            done
        })
        .await
    }

    async fn not_in_use(&self, certificate: &Fingerprint) -> Result<(), CertificateError> {
        let used_by = self.users().await?.of(certificate);
        if used_by.is_empty() { Ok(()) } else { Err(CertificateError::InUse(used_by)) }
    }
}

fn plan(machine: &Machine, requests: &Requests, action: &Action) -> Result<Plan, CertificateError> {
    Ok(match action {
        Action::Install { identity, exportable, grant } => {
            let details = installable(identity)?;
            let verb = format!("installs the certificate {:?} with its private key", details.subject);
            let plan = certificate(
                Plan::new(with_grant(verb, grant.as_ref())),
                machine,
                &details,
                &identity.certificate,
                &identity.chain,
            )?;
            let exportable = if *exportable { "may be exported again" } else { "" };
            plan.with("exportable", exportable).with("trustee", grant.as_ref().map(who).unwrap_or_default())
        }
        Action::Delete { certificate } => {
            let entry = machine.get(certificate)?;
            let with_key = if entry.stored.key.is_some() {
                " with its private key, which nobody can bring back"
            } else {
                ""
            };
            let summary = format!("Deletes the certificate {:?}{with_key}.", entry.details.subject);
            described(Plan::new(summary), &entry.details)
        }
        Action::Grant { certificate, trustee } => {
            let entry = with_key(machine, certificate)?;
            let what = &entry.details.subject;
            let summary = format!("Lets {} use the private key of the certificate {what:?}.", who(trustee));
            described(Plan::new(summary), &entry.details).with("trustee", who(trustee))
        }
        Action::Revoke { certificate, trustee } => {
            let entry = with_key(machine, certificate)?;
            let what = &entry.details.subject;
            let summary = format!("Takes the private key of the certificate {what:?} from {}.", who(trustee));
            described(Plan::new(summary), &entry.details).with("trustee", who(trustee))
        }
        Action::CreateSigningRequest { subject, address, key_type } => {
            // Before the key is made: that takes its time.
            requests.has_room()?;
            let subject = csr::subject(subject, address)?;
            let key = key_words(*key_type);
            let summary = format!(
                "Makes a key ({key}) in the machine's store, and a request for a certificate for {address}."
            );
            Plan::new(summary).with("subject", subject).with("address", address).with("key", key)
        }
        Action::InstallAnswer { certificate: der, chain, grant } => {
            let (_, details) = answered(requests, der)?;
            let verb = format!(
                "installs the certificate {:?} onto the private key that waits for it",
                details.subject
            );
            let plan =
                certificate(Plan::new(with_grant(verb, grant.as_ref())), machine, &details, der, chain)?;
            plan.with("trustee", grant.as_ref().map(who).unwrap_or_default())
        }
        Action::DeleteSigningRequest { id } => {
            let waiting = requests.get(id)?;
            let subject = &waiting.request.subject;
            let summary = format!("Gives the request for {subject:?} up, and deletes its private key.");
            Plan::new(summary).with("request", hex::encode(id)).with("subject", subject)
        }
    })
}

fn act(machine: &Machine, requests: &Requests, action: Action, by: String) -> Result<Done, CertificateError> {
    let store = &machine.store;
    Ok(match action {
        Action::Install { identity, exportable, grant } => {
            let details = installable(&identity)?;
            let known = machine.get(&details.sha256).ok().filter(|entry| entry.stored.key.is_some());
            let already = known.is_some();
            let stored = match known {
                Some(entry) => entry.stored,
                None => store.install(&identity, exportable)?,
            };
            let granted = match (&grant, &stored.key) {
                (Some(trustee), Some(key)) => store.grant(key, trustee),
                _ => Ok(()),
            };
            if let Err(error) = granted {
                // What was asked for is one thing: nothing of it stays.
                if !already && let Err(error) = store.delete(&details.sha256) {
                    tracing::error!(%error, "a certificate that could not be granted is left in the store");
                }
                return Err(error.into());
            }
            Done::Installed { stored, already }
        }
        Action::Delete { certificate } => {
            store.delete(&certificate)?;
            Done::Deleted
        }
        Action::Grant { certificate, trustee } => {
            let key = key_of(machine, &certificate)?;
            store.grant(&key, &trustee)?;
            Done::Holders(store.holders(&key)?)
        }
        Action::Revoke { certificate, trustee } => {
            let key = key_of(machine, &certificate)?;
            store.revoke(&key, &trustee)?;
            Done::Holders(store.holders(&key)?)
        }
        Action::CreateSigningRequest { subject, address, key_type } => {
            let pending = store.create_key(key_type)?;
            let made = csr::make(&subject, &address, &pending).and_then(|request| {
                let key_algorithm = key_words(key_type);
                requests.put(SigningRequest { key_algorithm, ..request }, &pending, by)
            });
            match made {
                Ok(request) => Done::Requested(request),
                Err(error) => {
                    // Its own failure says less than the first.
                    let _ = store.discard(&pending);
                    return Err(error);
                }
            }
        }
        Action::InstallAnswer { certificate, chain, grant } => {
            let (waiting, _) = answered(requests, &certificate)?;
            let stored = store.complete(&waiting.pending, &certificate, &chain)?;
            requests.remove(&waiting.request.id)?;
            if let (Some(trustee), Some(key)) = (&grant, &stored.key) {
                store.grant(key, trustee)?;
            }
            Done::Installed { stored, already: false }
        }
        Action::DeleteSigningRequest { id } => {
            let waiting = requests.get(&id)?;
            match store.discard(&waiting.pending) {
                // Gone already: what is left is the note of it.
                Ok(()) | Err(super::StoreFault::NotFound) => requests.remove(&id)?,
                Err(error) => return Err(error.into()),
            }
            Done::Deleted
        }
    })
}

/// Certificate and key are whole and belong together.
fn installable(identity: &Identity) -> Result<Details, CertificateError> {
    let wrong = |what| CertificateError::invalid("certificate", format!("the certificate {what}"));
    let details = Details::read(&identity.certificate).map_err(wrong)?;
    for (at, der) in identity.chain.iter().enumerate() {
        let wrong =
            |what| CertificateError::invalid("chain", format!("certificate {} of the chain {what}", at + 1));
        Details::read(der).map_err(wrong)?;
    }
    match private_key::fit(&identity.key, &details.public_key) {
        private_key::Fit::Fits(_) => Ok(details),
        private_key::Fit::Differs => {
            Err(CertificateError::invalid("key", "the private key is not that of the certificate"))
        }
        private_key::Fit::Unusable(what) => Err(CertificateError::invalid("key", what)),
    }
}

/// The request that this certificate answers.
fn answered(
    requests: &Requests,
    certificate: &[u8],
) -> Result<(super::requests::Waiting, Details), CertificateError> {
    let wrong = |what| CertificateError::invalid("answer", format!("the certificate {what}"));
    let details = Details::read(certificate).map_err(wrong)?;
    let id = Sha256::digest(&details.public_key).into();
    let waiting = requests.get(&id).map_err(|error| match error {
        CertificateError::RequestNotFound(_) => CertificateError::RequestNotFound(format!(
            "no key waits here for the certificate {:?}; its request was made elsewhere, or given up",
            details.subject
        )),
        other => other,
    })?;
    Ok((waiting, details))
}

fn with_key(machine: &Machine, certificate: &[u8; 32]) -> Result<Entry, CertificateError> {
    let entry = machine.get(certificate)?;
    if entry.stored.key.is_none() {
        let text =
            format!("the certificate {:?} has no private key in the machine's store", entry.details.subject);
        return Err(CertificateError::KeyMissing { field: "fingerprint", text });
    }
    Ok(entry)
}

fn key_of(machine: &Machine, certificate: &[u8; 32]) -> Result<super::KeyReference, CertificateError> {
    with_key(machine, certificate)?
        .stored
        .key
        .ok_or_else(|| CertificateError::NotFound(hex::encode(certificate)))
}

fn described(plan: Plan, details: &Details) -> Plan {
    plan.with("certificate", details.fingerprint())
        .with("subject", &details.subject)
        .with("issuer", &details.issuer)
        .with("addresses", details.addresses.join(", "))
        .with("not-after", day(details.not_after))
}

/// As [`described`], with what is to say about the chain of a certificate that is not there yet.
fn certificate(
    plan: Plan,
    machine: &Machine,
    details: &Details,
    der: &[u8],
    with_it: &[Vec<u8>],
) -> Result<Plan, CertificateError> {
    let chain = machine.chain_of(der, with_it)?;
    let said = chain.problem.or(chain.untrusted).unwrap_or_else(|| "complete and trusted".to_owned());
    Ok(described(plan, details).with("key", &details.key_algorithm).with("chain", said))
}

/// "X, and lets Y use the key."
fn with_grant(verb: String, grant: Option<&Trustee>) -> String {
    let mut verb = verb;
    if let Some(first) = verb.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match grant {
        Some(trustee) => format!("{verb}, and lets {} use it.", who(trustee)),
        None => format!("{verb}."),
    }
}

fn who(trustee: &Trustee) -> String {
    if trustee.name == trustee.id { trustee.id.clone() } else { format!("{} ({})", trustee.name, trustee.id) }
}

pub(super) fn key_words(key_type: KeyType) -> String {
    match key_type {
        KeyType::Rsa(bits) => format!("RSA {bits}"),
        KeyType::EcP256 => "EC P-256".to_owned(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CertificateError> + Send + 'static,
) -> Result<T, CertificateError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(CertificateError::Store(format!("the work on certificates broke off: {error}"))),
    }
}
