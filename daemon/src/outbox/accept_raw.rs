//! Durable acceptance of finished messages, by the same rules as [`super::accept`].

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::Outbox;
use super::accept::{AcceptError, Accepted, Built, NO_DIGEST, New, Options, Share, check_request_id};
use super::spool::INLINE_BYTES;
use crate::config::{ForeignFrom, Sendmail};
use crate::mailer::DeliveryStatus;
use crate::message::raw::{Aliases, Foreign, RawMail, Senders};
use crate::message::{Composed, Content};
use crate::store::{AccountRow, Author};

/// A finished message, and who hands it in.
#[derive(Debug)]
pub struct RawRequest {
    /// Account id.
    pub account: String,
    /// The message, and what the caller says beside it.
    pub mail: RawMail,
    /// As in [`super::Request`].
    pub request_id: String,
    /// Who.
    pub caller: Author,
    /// Not before this, Unix milliseconds.
    pub not_before: Option<i64>,
    /// What is asked of servers.
    pub delivery_status: DeliveryStatus,
}

/// As whom finished messages are sent, and to whom.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    foreign: ForeignFrom,
    senders: BTreeMap<String, Vec<String>>,
    aliases: Aliases,
}

impl Rules {
    /// # Errors
    /// The settings have no addresses where they should; `config` has said so before.
    pub(super) fn of(settings: &Sendmail, host: &str) -> anyhow::Result<Self> {
        let hosts = vec!["localhost".to_owned(), host.to_owned()];
        let aliases = Aliases { names: settings.addresses()?, hosts };
        Ok(Self { foreign: settings.foreign_from, senders: settings.senders()?, aliases })
    }

    fn senders(&self, row: &AccountRow, account: &str, host: &str) -> Senders {
        let own = &row.account;
        Senders {
            email: own.effective_sender(host),
            name: own.sender_name.clone(),
            reply_to: own.reply_to.clone(),
            envelope_sender: own.envelope_sender.clone(),
            others: self.senders.get(account).cloned().unwrap_or_default(),
            foreign: match self.foreign {
                ForeignFrom::Rewrite => Foreign::Rewrite,
                ForeignFrom::Refuse => Foreign::Refuse,
            },
        }
    }
}

impl Outbox {
    /// Accepts a finished message.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub async fn accept_raw(self: &Arc<Self>, request: RawRequest) -> Result<Accepted, AcceptError> {
        let begun = Instant::now();
        let result = self.take_raw_in(request).await;
        self.counted(&result, begun);
        result
    }

    async fn take_raw_in(self: &Arc<Self>, request: RawRequest) -> Result<Accepted, AcceptError> {
        let RawRequest { account, mail, request_id, caller, not_before, delivery_status } = request;
        let row = self.registry.get(&account).ok_or_else(|| AcceptError::NoAccount(account.clone()))?;
        check_request_id(&request_id)?;
        let options = Options { not_before, delivery_status };
        let digest = if request_id.is_empty() {
            NO_DIGEST
        } else {
            let (account, mail, options) = (account.clone(), mail.clone(), options.clone());
            tokio::task::spawn_blocking(move || digest(&account, &mail, &options))
                .await
                .map_err(io::Error::other)??
        };
        if !self.take_share(&caller.id) {
            let full = AcceptError::QueueShare(self.queued_per_caller);
            return self.accepted_before(&caller.id, &request_id, digest, full).await;
        }
        let share = Share { outbox: self, caller: &caller.id, bytes: 0, kept: false };

        let id = uuid::Uuid::now_v7().to_string();
        let senders = self.rules.senders(&row, &account, &self.host.name);
        let (built, subject) = {
            let (outbox, id) = (self.clone(), id.clone());
            let build = move || outbox.build_raw(&id, mail, &senders, digest);
            tokio::task::spawn_blocking(build).await.map_err(io::Error::other)??
        };
        let new = New { account: &account, request_id: &request_id, id: &id, subject, options };
        self.commit(new, &caller, built, share).await
    }

    fn build_raw(
        &self,
        id: &str,
        mail: RawMail,
        senders: &Senders,
        digest: [u8; 32],
    ) -> Result<(Built, String), AcceptError> {
        let is_small = matches!(mail.message, Content::Memory(_));
        let finished = mail.finish(senders, &self.rules.aliases)?;
        let (mut body, mut size) = (None, 0);
        if is_small {
            let mut bytes = Vec::new();
            finished.write_to(&mut bytes)?;
            size = bytes.len() as u64;
            body = Some(bytes);
        }
        // Encoding may have made it too large for the database.
        if size > INLINE_BYTES || body.is_none() {
            body = None;
            size = self.spool.store(id, |out| finished.write_to(out))?;
        }
        let composed = Composed::written(finished.message_id, finished.author, finished.envelope, size);
        Ok((Built { composed, body, digest }, finished.subject))
    }
}

fn digest(account: &str, mail: &RawMail, options: &Options) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update((account.len() as u64).to_be_bytes());
    hash.update(account);
    hash.update(mail.digest()?);
    if let Some(time) = options.not_before {
        hash.update(time.to_be_bytes());
    }
    hash.update(options.delivery_status.stored());
    Ok(hash.finalize().into())
}
