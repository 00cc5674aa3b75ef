//! Durable acceptance: when [`Outbox::accept`] returns, the message survives a crash and loss of power.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::doubt::Doubt;
use super::metrics::count;
use super::model::{Message, Recipient, RecipientState, State};
use super::queue::Waiting;
use super::spool::INLINE_BYTES;
use super::{Outbox, lock};
use crate::accounts::{FieldProblem, Problem};
use crate::log::{Entry, Kind, Outcome};
use crate::mailer::DeliveryStatus;
use crate::message::raw::RawError;
use crate::message::{Attachment, Composed, Content, Draft};
use crate::store::{Author, Inserted, NewMessage, StoreError};

/// Messages up to this size stay in memory, however they are encoded.
const SMALL_BYTES: u64 = 16 * 1024;

/// So long what was written is still in the system's memory, and reading it waits for no disk.
const FRESH_MS: i64 = 10_000;

/// In the place of the digest of a message without a request id: nobody will compare it, and making it reads all that the
/// caller gave.
pub(super) const NO_DIGEST: [u8; 32] = [0; 32];

/// What a caller wants to send, and who he is.
#[derive(Debug)]
pub struct Request {
    /// Account id.
    pub account: String,
    /// The message, its sender left empty.
    pub draft: Draft,
    /// Chosen by the caller; empty: none.
    pub request_id: String,
    /// Who.
    pub caller: Author,
    /// Not before this, Unix milliseconds.
    pub not_before: Option<i64>,
    /// What is asked of servers.
    pub delivery_status: DeliveryStatus,
}

/// A message that is now the daemon's to deliver.
#[derive(Debug)]
pub struct Accepted {
    /// Outbox id.
    pub id: String,
    /// Message-ID header field.
    pub message_id: String,
    /// Unix milliseconds.
    pub at: i64,
    /// It had been accepted before.
    pub duplicate: bool,
}

/// Why a message was not accepted. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Fields that cannot be as asked.
    #[error("{} field(s) cannot be as asked", .0.len())]
    Fields(Vec<FieldProblem>),
    /// No such account.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// Too large.
    #[error("the message has {size} bytes before encoding, more than the {limit} that are allowed")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The caller has as many unfinished messages as he may.
    #[error(
        "you have {0} unfinished messages in the outbox, as many as one caller may; wait for some to be delivered"
    )]
    QueueShare(u64),
    /// The caller's unfinished messages have as many bytes as they may.
    #[error(
        "your unfinished messages in the outbox would have more than {0} bytes, as many as one caller's may; wait for \
         some to be delivered"
    )]
    BytesShare(u64),
    /// A finished message is from somebody else.
    #[error("{0}")]
    Foreign(String),
    /// The request id was used for another message.
    #[error("this request id was used before for another message; use a new one for a new message")]
    Reused,
    /// The spool failed.
    #[error("the spool failed: {0}")]
    Spool(#[from] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RawError> for AcceptError {
    fn from(error: RawError) -> Self {
        match error {
            RawError::Fields(problems) => Self::Fields(problems),
            RawError::Io(error) => Self::Spool(error),
            foreign @ RawError::Foreign(..) => Self::Foreign(foreign.to_string()),
        }
    }
}

/// A composed message that is, where it is large, already in the spool.
pub(super) struct Built {
    pub(super) composed: Composed,
    pub(super) body: Option<Vec<u8>>,
    pub(super) digest: [u8; 32],
}

/// How a message shall be sent, beside what it is.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) not_before: Option<i64>,
    pub(super) delivery_status: DeliveryStatus,
}

/// What the message is, beside its content.
pub(super) struct New<'a> {
    pub(super) account: &'a str,
    pub(super) request_id: &'a str,
    pub(super) id: &'a str,
    pub(super) subject: String,
    pub(super) options: Options,
}

impl Outbox {
    /// Accepts a message.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub async fn accept(self: &Arc<Self>, request: Request) -> Result<Accepted, AcceptError> {
        let begun = Instant::now();
        let result = self.take_in(request).await;
        self.counted(&result, begun);
        result
    }

    pub(super) fn counted(&self, result: &Result<Accepted, AcceptError>, begun: Instant) {
        match result {
            Ok(Accepted { duplicate: true, .. }) => count(&self.metrics.duplicates),
            Ok(_) => {
                count(&self.metrics.accepted);
                self.metrics.accepting.observe(begun.elapsed());
            }
            Err(_) => count(&self.metrics.refused),
        }
    }

    async fn take_in(self: &Arc<Self>, request: Request) -> Result<Accepted, AcceptError> {
        let account = &request.account;
        let row = self.registry.get(account).ok_or_else(|| AcceptError::NoAccount(account.clone()))?;
        check_request_id(&request.request_id)?;
        let (size, limit) = (size_of(&request.draft)?, self.max_message_bytes);
        if size > limit {
            return Err(AcceptError::TooLarge { size, limit });
        }
        if !self.take_share(&request.caller.id) {
            return self.instead(request).await;
        }
        let share = Share { outbox: self, caller: &request.caller.id, bytes: 0, kept: false };

        let id = uuid::Uuid::now_v7().to_string();
        let options = Options { not_before: request.not_before, delivery_status: request.delivery_status };
        let mut draft = request.draft;
        let subject = draft.subject.clone();
        let sender = row.account.effective_sender(&self.host.name);
        let built = {
            let (outbox, id, account) = (self.clone(), id.clone(), account.clone());
            let row = row.account.clone();
            let options = options.clone();
            let in_memory = |attachment: &Attachment| matches!(attachment.content, Content::Memory(_));
            let is_small = size <= SMALL_BYTES && draft.attachments.iter().all(in_memory);
            let is_compared = !request.request_id.is_empty();
            let build = move || {
                let digest = if is_compared { digest(&account, &draft, &options)? } else { NO_DIGEST };
                (draft.sender_name, draft.reply_to) = (row.sender_name, row.reply_to);
                draft.envelope_sender = row.envelope_sender;
                draft.sender_email = sender;
                outbox.build(&id, &draft, digest)
            };
            // Composing reads and writes files, unless it is soon done without.
            match is_small {
                true => build()?,
                false => tokio::task::spawn_blocking(build).await.map_err(io::Error::other)??,
            }
        };
        let new =
            New { account: &request.account, request_id: &request.request_id, id: &id, subject, options };
        self.commit(new, &request.caller, built, share).await
    }

    /// Takes the bytes of the caller's share, and makes the message last.
    pub(super) async fn commit(
        &self,
        new: New<'_>,
        caller: &Author,
        built: Built,
        mut share: Share<'_>,
    ) -> Result<Accepted, AcceptError> {
        let (id, size, spooled) = (new.id, built.composed.size, built.body.is_none());
        if self.take_bytes(&caller.id, size) {
            share.bytes = size;
        } else {
            if spooled {
                self.spool.remove(id);
            }
            let full = AcceptError::BytesShare(self.queued_bytes_per_caller);
            return self.accepted_before(&caller.id, new.request_id, built.digest, full).await;
        }
        let result = self.insert(new, caller, built).await;
        match &result {
            Ok(accepted) if !accepted.duplicate => share.keep(),
            // Nobody knows whether the row is on the disk. If it is, its body must be, too; the next start finds out.
            Err(AcceptError::Store(StoreError::Failed(_))) => {}
            // Nor here, and it is found out as soon as the database is back.
            Err(AcceptError::Store(StoreError::Unknown(_))) => {
                lock(&self.doubts).push(Doubt::of(id, &caller.id, size));
                share.keep();
            }
            _ if spooled => self.spool.remove(id),
            _ => {}
        }
        result
    }

    /// For whom has no share left.
    async fn instead(&self, request: Request) -> Result<Accepted, AcceptError> {
        let full = AcceptError::QueueShare(self.queued_per_caller);
        if request.request_id.is_empty() {
            return Err(full);
        }
        let (account, draft) = (request.account, request.draft);
        let options = Options { not_before: request.not_before, delivery_status: request.delivery_status };
        let digest = tokio::task::spawn_blocking(move || digest(&account, &draft, &options)).await;
        let digest = digest.map_err(io::Error::other)??;
        self.accepted_before(&request.caller.id, &request.request_id, digest, full).await
    }

    /// A caller without a share left is refused, but whoever lost the answer to a message that was accepted gets it.
    pub(super) async fn accepted_before(
        &self,
        caller: &str,
        request_id: &str,
        digest: [u8; 32],
        full: AcceptError,
    ) -> Result<Accepted, AcceptError> {
        if request_id.is_empty() {
            return Err(full);
        }
        match self.store.message_of_request(caller.to_owned(), request_id.to_owned()).await? {
            Some((message, before)) if before == digest => Ok(duplicate(message)),
            Some(_) => Err(AcceptError::Reused),
            None => Err(full),
        }
    }

    fn build(&self, id: &str, draft: &Draft, digest: [u8; 32]) -> Result<Built, AcceptError> {
        let composed = draft.compose().map_err(AcceptError::Fields)?;
        let body = if composed.size <= INLINE_BYTES {
            let mut body = Vec::with_capacity(composed.size as usize);
            composed.write_to(&mut body)?;
            Some(body)
        } else {
            self.spool.store(id, |out| composed.write_to(out))?;
            None
        };
        Ok(Built { composed, body, digest })
    }

    async fn insert(&self, new: New<'_>, caller: &Author, built: Built) -> Result<Accepted, AcceptError> {
        let New { account, request_id, id, subject, options: Options { not_before, delivery_status } } = new;
        let at = self.clock.wall();
        let not_before = not_before.filter(|time| *time > at);
        let due = not_before.unwrap_or(at);
        let envelope = built.composed.envelope;
        let pending = |address| Recipient { address, state: RecipientState::Pending, answer: String::new() };
        let message = Message {
            seq: 0,
            id: id.to_owned(),
            message_id: built.composed.message_id.clone(),
            account: account.to_owned(),
            caller_id: caller.id.clone(),
            caller_name: caller.name.clone(),
            state: State::Queued,
            sender: envelope.from,
            subject,
            recipients: envelope.to.into_iter().map(pending).collect(),
            size: built.composed.size,
            attempts: 0,
            accepted_at: at,
            next_attempt_at: Some(due),
            expires_at: due.saturating_add(self.give_up_ms),
            last_error: String::new(),
            last_error_reason: String::new(),
            not_before,
            delivery_status: delivery_status.stored(),
            seven_bit: built.composed.seven_bit,
            held_for: String::new(),
        };
        let entry = entry_about(&message, Kind::Accepted, Outcome::Ok, at, caller);
        let request_id = (!request_id.is_empty()).then(|| request_id.to_owned());
        let (author, digest, body) = (built.composed.author, built.digest, built.body);
        let file = body.is_none().then(|| self.spool.body(id));
        let new = NewMessage { message, author, request_id, digest, body, file, entry };
        match self.store.insert_message(new).await? {
            Inserted::New { seq, entry } => {
                self.log.written(entry);
                self.enqueue(seq, account, &caller.id, not_before.map(|time| time - at), not_before);
                self.metrics.accepted_bytes.fetch_add(built.composed.size, Ordering::Relaxed);
                let message_id = built.composed.message_id;
                Ok(Accepted { id: id.to_owned(), message_id, at, duplicate: false })
            }
            // Nobody tries it before it is handed over.
            Inserted::Kept => {
                let message_id = built.composed.message_id;
                Ok(Accepted { id: id.to_owned(), message_id, at, duplicate: false })
            }
            Inserted::Duplicate(message) => Ok(duplicate(*message)),
            Inserted::Reused => Err(AcceptError::Reused),
        }
    }
}

impl Outbox {
    /// Tells the scheduler of a message that was just written. `pause`: milliseconds until it is due.
    pub(super) fn enqueue(
        &self,
        seq: i64,
        account: &str,
        caller: &str,
        pause: Option<i64>,
        not_before: Option<i64>,
    ) {
        let now = self.clock.steady();
        let due = now.saturating_add(pause.unwrap_or(0));
        self.put(seq, (account, caller), due, not_before, now.saturating_add(FRESH_MS));
    }

    /// Tells the scheduler of a message that was held, or is wanted tried: it is due now.
    pub(super) fn enqueue_again(&self, seq: i64, account: &str, caller: &str) {
        let now = self.clock.steady();
        self.put(seq, (account, caller), now, None, now);
    }

    fn put(
        &self,
        seq: i64,
        (account, caller): (&str, &str),
        due: i64,
        not_before: Option<i64>,
        fresh_until: i64,
    ) {
        {
            let mut queue = lock(&self.queue);
            let (account, caller) = (queue.name(account), queue.name(caller));
            let expires = due.saturating_add(self.give_up_ms);
            queue.add(Waiting { seq, account, caller, due, not_before, expires, fresh_until });
        }
        self.wake.notify_one();
    }
}

fn duplicate(message: Message) -> Accepted {
    Accepted { id: message.id, message_id: message.message_id, at: message.accepted_at, duplicate: true }
}

/// A place of the caller's share, given back unless the message was accepted.
pub(super) struct Share<'a> {
    pub(super) outbox: &'a Outbox,
    pub(super) caller: &'a str,
    pub(super) bytes: u64,
    pub(super) kept: bool,
}

impl Share<'_> {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.outbox.give_share_back(self.caller, self.bytes);
        }
    }
}

pub(super) fn entry_about(
    message: &Message,
    kind: Kind,
    outcome: Outcome,
    at: i64,
    caller: &Author,
) -> Entry {
    let mut entry = Entry::new(kind, outcome, at, (&caller.id, &caller.name), &message.account);
    entry.message = message.id.clone();
    entry.sender = message.sender.clone();
    entry.subject = message.subject.clone();
    entry.size = message.size;
    entry.recipients = message
        .recipients
        .iter()
        .map(|r| (r.address.clone(), r.state == RecipientState::Delivered, r.answer.clone()))
        .collect();
    entry
}

pub(super) fn check_request_id(id: &str) -> Result<(), AcceptError> {
    if id.chars().count() <= 128 && !id.chars().any(char::is_control) {
        return Ok(());
    }
    Err(AcceptError::Fields(vec![FieldProblem {
        field: "request_id".to_owned(),
        problem: Problem::Invalid,
        text: "a request id has at most 128 characters, none of them a control character".to_owned(),
    }]))
}

/// Bytes of what the caller gave, before encoding.
fn size_of(draft: &Draft) -> io::Result<u64> {
    let mut size = (draft.text.len() + draft.html.len()) as u64;
    for attachment in &draft.attachments {
        size += match &attachment.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::File(path) => std::fs::metadata(path)?.len(),
            Content::Elsewhere(elsewhere) => elsewhere.size(),
        };
    }
    Ok(size)
}

/// Of the account and everything the caller gave; the sender is the account's and may change between two tries.
fn digest(account: &str, draft: &Draft, options: &Options) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update((account.len() as u64).to_be_bytes());
    hash.update(account);
    hash.update(draft.digest()?);
    if let Some(time) = options.not_before {
        hash.update(time.to_be_bytes());
    }
    hash.update(options.delivery_status.stored());
    Ok(hash.finalize().into())
}
