//! What a caller brings and names, made into an [`Action`]: files are opened, fingerprints and accounts looked up. From
//! then on nothing can mean something else.

use sha2::{Digest as _, Sha256};

use super::action::Action;
use super::carry::Certificates;
use super::fault::CertificateError;
use super::import;
use super::machine::Machine;
use super::read::Details;
use super::store::Trustee;
use crate::secrets::Secret;

/// A certificate with its key, as it is brought.
#[derive(Debug)]
pub enum Source {
    /// A PKCS#12 file.
    Pkcs12 {
        /// The file.
        file: Vec<u8>,
        /// Its password.
        password: Secret,
    },
    /// Two texts.
    Pem {
        /// Certificate and chain.
        certificates: String,
        /// The key.
        key: Secret,
    },
}

impl Certificates {
    /// Opens what was brought. Its password is forgotten with `source`.
    ///
    /// # Errors
    /// See [`CertificateError`]; so with all of them.
    pub async fn installation(
        &self,
        source: Source,
        exportable: bool,
        grant: bool,
    ) -> Result<Action, CertificateError> {
        self.look(move |machine| {
            let identity = match &source {
                Source::Pkcs12 { file, password } => import::pkcs12(file, password)?,
                Source::Pem { certificates, key } => import::pem(certificates, key)?,
            };
            Ok(Action::Install { identity, exportable, grant: granted(machine, grant)? })
        })
        .await
    }

    /// Reads the answer of a CA.
    ///
    /// # Errors
    /// See above.
    pub async fn answer(&self, bytes: Vec<u8>, grant: bool) -> Result<Action, CertificateError> {
        let waiting = self.signing_requests().await?;
        self.look(move |machine| {
            let mut certificates = import::answer(&bytes)?;
            let answers = |der: &Vec<u8>| {
                let key =
                    Details::read(der).map(|details| <[u8; 32]>::from(Sha256::digest(details.public_key)));
                key.is_ok_and(|key| waiting.iter().any(|request| request.id == key))
            };
            let Some(at) = certificates.iter().position(answers) else {
                let text = "the answer fits no request that waits here; `faxpost cert csr list` shows them";
                return Err(CertificateError::RequestNotFound(text.to_owned()));
            };
            let certificate = certificates.swap_remove(at);
            let chain = import::above(&certificate, &certificates);
            Ok(Action::InstallAnswer { certificate, chain, grant: granted(machine, grant)? })
        })
        .await
    }

    /// Finds the certificate to delete.
    ///
    /// # Errors
    /// See above.
    pub async fn deletion(&self, fingerprint: String) -> Result<Action, CertificateError> {
        self.look(move |machine| {
            Ok(Action::Delete { certificate: machine.find(&fingerprint)?.details.sha256 })
        })
        .await
    }

    /// Finds whose key, and who gets it; an empty name is the service account.
    ///
    /// # Errors
    /// See above.
    pub async fn grant(&self, fingerprint: String, trustee: String) -> Result<Action, CertificateError> {
        self.look(move |machine| {
            let certificate = machine.find(&fingerprint)?.details.sha256;
            Ok(Action::Grant { certificate, trustee: machine.trustee(&trustee)? })
        })
        .await
    }

    /// Finds whose key, and from whom it is taken.
    ///
    /// # Errors
    /// See above.
    pub async fn revocation(&self, fingerprint: String, trustee: String) -> Result<Action, CertificateError> {
        self.look(move |machine| {
            let certificate = machine.find(&fingerprint)?.details.sha256;
            if trustee.trim().is_empty() {
                return Err(CertificateError::invalid("trustee", "required: from whom the key is taken"));
            }
            Ok(Action::Revoke { certificate, trustee: machine.trustee(&trustee)? })
        })
        .await
    }
}

fn granted(machine: &Machine, grant: bool) -> Result<Option<Trustee>, CertificateError> {
    grant.then(|| machine.service_account()).transpose()
}
