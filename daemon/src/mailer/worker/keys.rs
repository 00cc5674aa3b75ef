//! Private keys as the daemon has them for what it sends itself: it asks the mailer, which opens them under its account.

use tokio::runtime::Handle;

use super::link::Lost;
use super::supervisor::Supervisor;
use super::{Answer, Task};
use crate::certs::{KeyAlgorithm, KeyError, KeyReference, SigningKey};
use crate::mailer::FailureKind;
use crate::mailer::discovery::{Exchangers, Findings, Lookup};
use crate::mailer::signing::{Keys, SigningCheck};
use crate::mailer::{ExchangeError, ExchangeFault, Signing};

impl Supervisor {
    /// Keys that are opened in the mailer's process.
    pub(in crate::mailer) fn keys(&self) -> Keys {
        let (this, runtime) = (self.clone(), Handle::current());
        let open = move |key: &KeyReference| {
            let mut opened =
                RemoteKey { mailer: this, runtime, key: key.clone(), algorithm: KeyAlgorithm::Rsa };
            // Which kind it is, only the key itself says.
            opened.algorithm = opened.ask(&[])?.0;
            Ok(Box::new(opened) as Box<dyn SigningKey>)
        };
        Keys { account: self.account().name.clone(), open: Box::new(open) }
    }

    pub(in crate::mailer) async fn check_signing(&self, signing: Signing) -> SigningCheck {
        let failed = |text| SigningCheck {
            account_name: self.account().name.clone(),
            account_id: self.account().id.clone(),
            algorithm: None,
            millis: 0,
            probe: Vec::new(),
            result: Err((FailureKind::MailerFailed, text)),
        };
        match self.call(Task::CheckSigning(Box::new(signing)), None).await {
            Ok((Answer::CheckSigning(check), _)) => *check,
            Ok((_, link)) => failed(link.is_wrong().text),
            Err(Lost { text, .. }) => failed(text),
        }
    }

    pub(in crate::mailer) async fn discover(&self, lookup: Lookup) -> Findings {
        let name = format!("MX {}", lookup.domain);
        let failed = |text| Findings {
            exchangers: Some(Exchangers { name, hosts: Err(text) }),
            ..Findings::default()
        };
        match self.call(Task::Discover(lookup), None).await {
            Ok((Answer::Discover(findings), _)) => *findings,
            Ok((_, link)) => failed(link.is_wrong().text),
            Err(Lost { text, .. }) => failed(text),
        }
    }

    pub(in crate::mailer) async fn exchange(
        &self,
        exchange: crate::mailer::Exchange,
    ) -> Result<crate::mailer::Answer, ExchangeError> {
        let failed = |text| ExchangeError {
            kind: ExchangeFault::Unreachable,
            code: String::new(),
            error: String::new(),
            text,
            retry_after: None,
        };
        match self.call(Task::Exchange(Box::new(exchange)), None).await {
            Ok((Answer::Exchange(answer), _)) => *answer,
            Ok((_, link)) => Err(failed(link.is_wrong().text)),
            Err(Lost { text, .. }) => Err(failed(text)),
        }
    }
}

/// A key in the mailer's process.
struct RemoteKey {
    mailer: Supervisor,
    runtime: Handle,
    key: KeyReference,
    algorithm: KeyAlgorithm,
}

impl RemoteKey {
    fn ask(&self, message: &[u8]) -> Result<(KeyAlgorithm, Vec<u8>), KeyError> {
        let task = Task::Sign(self.key.clone(), message.to_vec());
        match self.runtime.block_on(self.mailer.call(task, None)) {
            Ok((Answer::Sign(signed), _)) => signed,
            Ok((_, link)) => Err(KeyError::Failed(link.is_wrong().text)),
            Err(Lost { text, .. }) => Err(KeyError::Failed(text)),
        }
    }
}

impl SigningKey for RemoteKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.ask(message).map(|(_, signature)| signature)
    }
}
