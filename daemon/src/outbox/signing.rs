//! Who signs a message, and mail that waits until it can be signed (requirements C7, C8). Never does it go unsigned.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::Outbox;
use super::model::Message;
use crate::accounts::{self, Account};
use crate::alarm::Alarm;
use crate::certs::SigningSource;
use crate::mailer::{Failure, FailureKind, Signing, Step};
use crate::message::smime::Mode;
use crate::message::{Content, author};
use crate::store::{AccountRow, StoreError};

/// A certificate comes of age, and a key is granted by other means than ours: so often it is looked.
const LOOK: Duration = Duration::from_secs(60);

/// Who signs what `sender` sends by this account; `None`: nobody, messages of it are not signed.
///
/// # Errors
/// There is no certificate that can; the text names each unmet requirement.
pub async fn choose(
    source: &Arc<dyn SigningSource>,
    account: &Account,
    sender: &str,
) -> Result<Option<Signing>, Failure> {
    let mode = match account.sign {
        accounts::Signing::Off => return Ok(None),
        accounts::Signing::Clear => Mode::Clear,
        accounts::Signing::Opaque => Mode::Opaque,
    };
    let (source, sender, configured) = (source.clone(), sender.to_owned(), account.certificate.clone());
    let chosen = tokio::task::spawn_blocking(move || source.choose(&sender, &configured)).await;
    match chosen.unwrap_or_else(|_| Err("the certificates cannot be read".to_owned())) {
        Ok(chosen) => {
            Ok(Some(Signing { mode, certificate: chosen.certificate, chain: chosen.chain, key: chosen.key }))
        }
        Err(text) => Err(unsigned(FailureKind::NoSigningCertificate, text)),
    }
}

impl Outbox {
    /// Who signs this message.
    pub(super) async fn signing(
        &self,
        message: &Message,
        body: Option<&[u8]>,
        row: &AccountRow,
    ) -> Result<Option<Signing>, Failure> {
        if row.account.sign == accounts::Signing::Off {
            return Ok(None);
        }
        let content = match body {
            Some(bytes) => Content::Memory(Bytes::copy_from_slice(bytes)),
            None => Content::File(self.spool.body(&message.id)),
        };
        // Not the account's sender, who may be another since, nor the envelope's.
        let author = tokio::task::spawn_blocking(move || author(&content)).await;
        let failed = |text: String| unsigned(FailureKind::SigningFailed, text);
        let author = author.map_err(|error| failed(error.to_string()))?;
        let author = author.map_err(|error| failed(format!("the message cannot be read: {error}")))?;
        let sender = author.ok_or_else(|| {
            failed("the message is not from exactly one address, so nobody can sign it".into())
        })?;
        choose(&self.certificates, &row.account, &sender).await
    }

    /// What is to be known of mail that waits to be signed, with the account. Of mail of others than `caller` no more than
    /// that it waits.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn signing_alarms(&self, caller: Option<String>) -> Result<Vec<(String, Alarm)>, StoreError> {
        let held = self.store.held_by_account(codes(&FailureKind::HOLD_FOR_SIGNING), caller).await?;
        let alarm = |(account, count, why): (String, u64, Option<String>)| {
            let text = match (count, why) {
                (1, Some(why)) => format!("one message waits because mail cannot be signed: {why}"),
                (count, Some(why)) => format!("{count} messages wait because mail cannot be signed: {why}"),
                (_, None) => {
                    "mail of others waits because it cannot be signed; administrators see why".to_owned()
                }
            };
            (account, Alarm::new("MAIL_UNSIGNED", text))
        };
        Ok(held.into_iter().map(alarm).collect())
    }

    /// Releases what waits to be signed, as soon as it can be.
    pub(super) async fn release_when_signable(self: Arc<Self>, shutdown: CancellationToken) {
        let (mut certificates, mut accounts) = (self.certificates.changes(), self.registry.watch());
        let mut reasons = FailureKind::HOLD_FOR_SIGNING.as_slice();
        loop {
            certificates.borrow_and_update();
            accounts.borrow_and_update();
            if let Err(error) = self.release_signable(reasons).await {
                tracing::error!(%error, "held mail cannot be released yet");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                // Only what this can see: trying the rest again and again would fill the log.
                () = tokio::time::sleep(LOOK) => reasons = &[FailureKind::NoSigningCertificate],
                changed = certificates.changed() => match changed {
                    Ok(()) => reasons = &FailureKind::HOLD_FOR_SIGNING,
                    Err(_) => return,
                },
                changed = accounts.changed() => match changed {
                    Ok(()) => reasons = &FailureKind::HOLD_FOR_SIGNING,
                    Err(_) => return,
                },
            }
        }
    }

    /// Releases mail that the daemon holds for one of `reasons`, where there is a certificate now, or no need for one.
    /// What a person holds stays.
    pub(super) async fn release_signable(&self, reasons: &[FailureKind]) -> Result<(), StoreError> {
        let reasons = codes(reasons);
        for (account, author) in self.store.held_mail(reasons.clone()).await? {
            let Some(row) = self.registry.get(&account) else { continue };
            let sender = match author.as_str() {
                // Of an earlier version, or nobody's; then it is held again, and says why.
                "" => row.account.effective_sender(&self.host.name),
                author => author.to_owned(),
            };
            if choose(&self.certificates, &row.account, &sender).await.is_err() {
                continue;
            }
            let pair = (account.clone(), author);
            let released = self.store.release_held_mail(pair, reasons.clone(), self.clock.wall()).await?;
            self.released(&account, &released);
            if !released.is_empty() {
                tracing::info!(account = row.id.as_str(), messages = released.len(), "released to be signed");
            }
        }
        Ok(())
    }
}

fn codes(kinds: &[FailureKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.code()).collect()
}

fn unsigned(kind: FailureKind, text: String) -> Failure {
    Failure { step: Step::Message, kind, text, reply: None }
}
