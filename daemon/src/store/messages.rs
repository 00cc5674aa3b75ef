//! The outbox's rows.

use std::path::PathBuf;

use super::sql::{Connection, Row, Value, out_of_range, params};
use super::{Backend, Page, Store, StoreError, fleet, log};
use crate::log::Entry;
use crate::outbox::{Message, Recipient, RecipientState, State};

const COLUMNS: &str = "seq, id, message_id, account, caller_id, caller_name, state, sender, subject, size, attempts, \
                       accepted_at, next_attempt_at, expires_at, last_error, last_error_reason, \
                       not_before, delivery_status, seven_bit, held_for";

/// A message to accept.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Without `seq`.
    pub message: Message,
    /// The address in From; empty: there is not exactly one.
    pub author: String,
    /// Chosen by the caller.
    pub request_id: Option<String>,
    /// Of what the caller gave; without a request id nobody compares it.
    pub digest: [u8; 32],
    /// `None`: in the spool.
    pub body: Option<Vec<u8>>,
    /// The file of the spool, if it is there.
    pub file: Option<PathBuf>,
    /// What the log says of it.
    pub entry: Entry,
}

/// What became of a [`NewMessage`].
#[derive(Debug)]
pub enum Inserted {
    /// It is stored.
    New {
        /// Its key.
        seq: i64,
        /// The log entry's id.
        entry: i64,
    },
    /// The same request was accepted before, as this.
    Duplicate(Box<Message>),
    /// Another message has this request id.
    Reused,
    /// It is kept in the state folder until the database is back.
    Kept,
}

/// A queued message, as far as the scheduler needs it. Times are Unix milliseconds.
#[derive(Debug)]
pub struct Queued {
    /// Its key.
    pub seq: i64,
    /// Account id.
    pub account: String,
    /// Who sent it.
    pub caller_id: String,
    /// When it is due.
    pub next_attempt_at: Option<i64>,
    /// Chosen by the caller.
    pub not_before: Option<i64>,
    /// No attempt after this.
    pub expires_at: i64,
}

/// A message whose time has come.
#[derive(Debug)]
pub struct Due {
    /// The message.
    pub message: Message,
    /// `None`: in the spool.
    pub body: Option<Vec<u8>>,
}

/// Which messages, newest first.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Only this caller's; `None`: everybody's.
    pub caller_id: Option<String>,
    /// Empty: all.
    pub account: String,
    /// Empty: all.
    pub states: Vec<State>,
    /// Only those with a smaller `seq`.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

/// A message after an attempt or after somebody steered it.
#[derive(Debug)]
pub struct Settled {
    /// Its key.
    pub seq: i64,
    /// All recipients.
    pub recipients: Vec<Recipient>,
    /// Where it stands.
    pub state: State,
    /// Attempts that have ended.
    pub attempts: u32,
    /// When to try again.
    pub next_attempt_at: Option<i64>,
    /// Why it did not end well.
    pub last_error: String,
    /// Its code.
    pub last_error_reason: String,
    /// Why the daemon holds it; empty: it does not, or a caller does.
    pub held_for: &'static str,
    /// What the log says of it.
    pub entry: Entry,
    /// A message to its sender about it.
    pub report: Option<Box<NewMessage>>,
}

/// What was written of a [`Settled`].
#[derive(Debug)]
pub struct Written {
    /// The log entry's id.
    pub entry: i64,
    /// The report's key, and its log entry's id.
    pub report: Option<(i64, i64)>,
    /// It is another daemon's message, which was told.
    pub elsewhere: bool,
}

/// What is unfinished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Messages that wait for an attempt.
    pub queued: u64,
    /// Messages that are held.
    pub held: u64,
    /// When the oldest queued one was accepted.
    pub oldest: Option<i64>,
}

impl Store {
    /// Accepts a message, its recipients and its log entry, all or nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn insert_message(&self, new: NewMessage) -> Result<Inserted, StoreError> {
        if let Backend::Postgres(database) = &self.backend {
            return match (database.accept(&new).await, &self.kept) {
                // Nothing was changed there.
                (Err(StoreError::Away(_)), Some(kept)) if self.keeps => kept.keep(new).await,
                (result, _) => result,
            };
        }
        self.write(move |c| accept(c, &new)).await
    }

    /// The message that this caller's request became, and the digest of what he gave.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message_of_request(
        &self,
        caller: String,
        request: String,
    ) -> Result<Option<(Message, [u8; 32])>, StoreError> {
        self.read(move |c| by_request(c, &caller, &request)).await
    }

    /// Every queued message of this daemon, as far as the scheduler needs it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn queued(&self) -> Result<Vec<Queued>, StoreError> {
        self.read(|c| {
            let sql = format!(
                "SELECT seq, account, caller_id, next_attempt_at, not_before, expires_at FROM message
                 WHERE state = 1{}",
                fleet::mine(c)
            );
            c.rows(&sql, params![], |row| {
                Ok(Queued {
                    seq: row.get(0)?,
                    account: row.get(1)?,
                    caller_id: row.get(2)?,
                    next_attempt_at: row.get(3)?,
                    not_before: row.get(4)?,
                    expires_at: row.get(5)?,
                })
            })
        })
        .await
    }

    /// A message with its body, as it is now.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn with_body(&self, seq: i64) -> Result<Option<Due>, StoreError> {
        self.read(move |c| due(c, seq)).await
    }

    /// As [`Self::with_body`], without another thread: for a message that was written a moment ago, so that no disk is
    /// waited for. `None`: everybody who could read is busy.
    pub fn with_body_here(&self, seq: i64) -> Option<Result<Option<Due>, StoreError>> {
        self.read_here(|c| due(c, seq))
    }

    /// Makes the file of a large body anew, where another machine accepted the message or the file is lost. `false`: the store
    /// does not have it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn body_file(&self, seq: i64, file: PathBuf) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(false),
            Backend::Postgres(database) => database.body_file(seq, file).await,
        }
    }

    /// A message, and whether it is this daemon's.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn steered(&self, seq: i64) -> Result<Option<(Message, bool)>, StoreError> {
        self.read(move |c| {
            let sql = format!("SELECT {COLUMNS} FROM message WHERE seq = ?1");
            let Some(found) = c.optional(&sql, params![seq], message)? else { return Ok(None) };
            let mine = format!("SELECT count(*) FROM message WHERE seq = ?1{}", fleet::mine(c));
            let is_mine = c.one(&mine, params![seq], |row| row.get::<i64>(0))? == 1;
            Ok(with_recipients(c, Some(found))?.map(|message| (message, is_mine)))
        })
        .await
    }

    /// One message; `caller_id`: only if it is his.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message(
        &self,
        id: String,
        caller_id: Option<String>,
    ) -> Result<Option<Message>, StoreError> {
        self.read(
            move |c| Ok(by_id(c, &id)?.filter(|m| caller_id.is_none_or(|caller| m.caller_id == caller))),
        )
        .await
    }

    /// A page of messages.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn messages(&self, listing: Listing) -> Result<Page<Message>, StoreError> {
        self.read(move |c| {
            let mut sql = format!("SELECT {COLUMNS} FROM message WHERE 1 = 1");
            let mut values: Vec<Value<'_>> = Vec::new();
            if let Some(id) = listing.caller_id {
                sql.push_str(" AND caller_id = ?");
                values.push(id.into());
            }
            if !listing.account.is_empty() {
                sql.push_str(" AND account = ?");
                values.push(listing.account.into());
            }
            if let Some(seq) = listing.before {
                sql.push_str(" AND seq < ?");
                values.push(seq.into());
            }
            if !listing.states.is_empty() {
                let marks = vec!["?"; listing.states.len()].join(", ");
                sql.push_str(&format!(" AND state IN ({marks})"));
                values.extend(listing.states.iter().map(|state| Value::from(*state as i64)));
            }
            sql.push_str(" ORDER BY seq DESC LIMIT ?");
            values.push((listing.limit as i64).into());
            let whole = |row: &Row<'_>| {
                let mut message = message(row)?;
                message.recipients = recipients(c, message.seq)?;
                Ok(message)
            };
            Page::read(c, &sql, &values, listing.limit, whole, |message| {
                let recipients = message.recipients.iter().map(|r| r.address.len() + r.answer.len());
                message.subject.len() + message.last_error.len() + recipients.sum::<usize>()
            })
        })
        .await
    }

    /// Writes what `decide` makes of the message as it is now, in one transaction with its log entry. `None` from
    /// `decide`: nothing is written. The result of `decide` is given back with the entry's id.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn settle<R: Send + 'static>(
        &self,
        id: String,
        decide: impl FnOnce(Option<&Message>) -> (R, Option<Settled>) + Send + 'static,
    ) -> Result<(R, Option<Written>), StoreError> {
        self.write(move |c| settle(c, &id, decide)).await
    }

    /// As [`Self::settle`], for what nobody waits for, and for whoever has the message already: only its state may be
    /// another since. `lasting`: a power cut must not undo it, not even one that comes at once.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn settle_later<R: Send + 'static>(
        &self,
        seq: i64,
        lasting: bool,
        decide: impl FnOnce(Option<State>) -> (R, Option<Settled>) + Send + 'static,
    ) -> Result<(R, Option<Written>), StoreError> {
        let work = move |c: &Connection<'_>| {
            let sql = "SELECT state FROM message WHERE seq = ?1";
            let number = c.optional_locked(sql, params![seq], |row| row.get::<i64>(0))?;
            let (result, settled) = decide(number.and_then(State::from_number));
            Ok((result, write_down(c, settled)?))
        };
        if lasting { self.write(work).await } else { self.write_later(work).await }
    }

    /// What is unfinished of one caller, or of all.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn unfinished(&self, caller: Option<String>) -> Result<Unfinished, StoreError> {
        self.read(move |c| {
            let sql = "SELECT count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 3),
                              min(accepted_at) FILTER (WHERE state = 1)
                       FROM message WHERE state IN (1, 3) AND (?1 IS NULL OR caller_id = ?1)";
            c.one(sql, params![caller], |row| {
                Ok(Unfinished { queued: row.get(0)?, held: row.get(1)?, oldest: row.get(2)? })
            })
        })
        .await
    }

    /// What each caller has unfinished with this daemon: messages, and their bytes.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn shares(&self) -> Result<Vec<(String, u64, u64)>, StoreError> {
        self.read(|c| {
            let sql = format!(
                "SELECT caller_id, count(*), CAST(sum(size) AS BIGINT) FROM message
                 WHERE state IN (1, 3){} GROUP BY caller_id",
                fleet::mine(c)
            );
            c.rows(&sql, params![], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })
        .await
    }

    /// Which of these messages are unfinished.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn unfinished_of(&self, ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        let mut kept = match &self.kept {
            Some(kept) => kept.among(ids.clone()).await?,
            None => Vec::new(),
        };
        kept.extend(self.read(move |c| unfinished_among(c, ids)).await?);
        Ok(kept)
    }

    /// Whether the account has unfinished messages.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn account_is_busy(&self, account: String) -> Result<bool, StoreError> {
        self.read(move |c| {
            let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE state IN (1, 3) AND account = ?1)";
            c.one(sql, params![account], |row| row.get(0))
        })
        .await
    }
}

/// Accepts a message in the embedded database.
pub(super) fn accept(c: &Connection<'_>, new: &NewMessage) -> Result<Inserted, StoreError> {
    if let Some(request) = &new.request_id
        && let Some((message, digest)) = by_request(c, &new.message.caller_id, request)?
    {
        return Ok(if digest == new.digest {
            Inserted::Duplicate(Box::new(message))
        } else {
            Inserted::Reused
        });
    }
    let seq = insert(c, new)?;
    Ok(Inserted::New { seq, entry: log::insert(c, &new.entry)? })
}

pub(super) fn unfinished_among(c: &Connection<'_>, ids: Vec<String>) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1 AND state IN (1, 3))";
    let mut unfinished = Vec::new();
    for id in ids {
        if c.one(sql, params![id], |row| row.get(0))? {
            unfinished.push(id);
        }
    }
    Ok(unfinished)
}

fn settle<R>(
    c: &Connection<'_>,
    id: &str,
    decide: impl FnOnce(Option<&Message>) -> (R, Option<Settled>),
) -> Result<(R, Option<Written>), StoreError> {
    // Whoever settles it, too, waits here, and decides about what this one leaves.
    c.lock("SELECT seq FROM message WHERE id = ?1", params![id])?;
    let (result, settled) = decide(by_id(c, id)?.as_ref());
    let seq = settled.as_ref().map(|settled| settled.seq);
    let mut written = write_down(c, settled)?;
    if let (Some(written), Some(seq)) = (&mut written, seq) {
        written.elsewhere = fleet::tell_owner(c, seq)?;
    }
    Ok((result, written))
}

fn write_down(c: &Connection<'_>, settled: Option<Settled>) -> Result<Option<Written>, StoreError> {
    let Some(settled) = settled else { return Ok(None) };
    update(c, &settled)?;
    let entry = log::insert(c, &settled.entry)?;
    let report = match &settled.report {
        // It is there already when a commit without an answer was made after all, and is repeated.
        Some(new) if by_id(c, &new.message.id)?.is_none() => {
            Some((insert(c, new)?, log::insert(c, &new.entry)?))
        }
        _ => None,
    };
    Ok(Some(Written { entry, report, elsewhere: false }))
}

fn insert(c: &Connection<'_>, new: &NewMessage) -> Result<i64, StoreError> {
    let m = &new.message;
    let seq = c.insert(
        "INSERT INTO message (id, account, caller_id, caller_name, request_id, digest, message_id, sender, subject,
                              size, state, accepted_at, next_attempt_at, expires_at, not_before, delivery_status,
                              seven_bit, author)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        "seq",
        params![
        m.id,
        m.account,
        m.caller_id,
        m.caller_name,
        new.request_id,
        new.digest,
        m.message_id,
        m.sender,
        m.subject,
        m.size,
        m.state as i64,
        m.accepted_at,
        m.next_attempt_at,
        m.expires_at,
        m.not_before,
        m.delivery_status,
        m.seven_bit,
        new.author,
    ])?;
    if let Some(body) = &new.body {
        c.execute("INSERT INTO body (message, content) VALUES (?1, ?2)", params![seq, body])?;
    }
    let sql = "INSERT INTO recipient (message, position, address, state) VALUES (?1, ?2, ?3, ?4)";
    for (position, recipient) in m.recipients.iter().enumerate() {
        c.execute(sql, params![seq, position, recipient.address, recipient.state as i64])?;
    }
    Ok(seq)
}

fn update(c: &Connection<'_>, settled: &Settled) -> Result<(), StoreError> {
    c.execute(
        "UPDATE message SET state = ?2, attempts = ?3, next_attempt_at = ?4, last_error = ?5, last_error_reason = ?6,
                            finished_at = CASE WHEN ?7 THEN ?8 END, held_for = ?9
         WHERE seq = ?1",
        params![
        settled.seq,
        settled.state as i64,
        settled.attempts,
        settled.next_attempt_at,
        settled.last_error,
        settled.last_error_reason,
        settled.state.is_final(),
        settled.entry.at,
        settled.held_for,
    ])?;
    if settled.state.is_final() {
        c.execute("DELETE FROM body WHERE message = ?1", params![settled.seq])?;
        if let Connection::Postgres(_) = c {
            c.execute("DELETE FROM body_piece WHERE message = ?1", params![settled.seq])?;
        }
    }
    let sql = "UPDATE recipient SET state = ?3, answer = ?4 WHERE message = ?1 AND position = ?2";
    for (position, recipient) in settled.recipients.iter().enumerate() {
        c.execute(sql, params![settled.seq, position, recipient.state as i64, recipient.answer])?;
    }
    Ok(())
}

pub(super) fn due(c: &Connection<'_>, seq: i64) -> Result<Option<Due>, StoreError> {
    // Not what is another daemon's by now.
    let sql = format!(
        "SELECT {COLUMNS}, content FROM message LEFT JOIN body ON body.message = seq WHERE seq = ?1{}",
        fleet::mine(c)
    );
    let found =
        c.optional(&sql, params![seq], |row| Ok(Due { message: message(row)?, body: row.get(20)? }))?;
    let Some(mut due) = found else { return Ok(None) };
    due.message.recipients = recipients(c, seq)?;
    Ok(Some(due))
}

fn by_id(c: &Connection<'_>, id: &str) -> Result<Option<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE id = ?1");
    let found = c.optional(&sql, params![id], message)?;
    with_recipients(c, found)
}

pub(super) fn by_request(
    c: &Connection<'_>,
    caller: &str,
    request: &str,
) -> Result<Option<(Message, [u8; 32])>, StoreError> {
    let sql = format!("SELECT {COLUMNS}, digest FROM message WHERE caller_id = ?1 AND request_id = ?2");
    let found =
        c.optional(&sql, params![caller, request], |row| Ok((message(row)?, row.get::<[u8; 32]>(20)?)))?;
    let Some((message, digest)) = found else { return Ok(None) };
    Ok(with_recipients(c, Some(message))?.map(|message| (message, digest)))
}

fn with_recipients(c: &Connection<'_>, found: Option<Message>) -> Result<Option<Message>, StoreError> {
    let Some(mut message) = found else { return Ok(None) };
    message.recipients = recipients(c, message.seq)?;
    Ok(Some(message))
}

fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    let state: i64 = row.get(6)?;
    Ok(Message {
        seq: row.get(0)?,
        id: row.get(1)?,
        message_id: row.get(2)?,
        account: row.get(3)?,
        caller_id: row.get(4)?,
        caller_name: row.get(5)?,
        state: State::from_number(state).ok_or_else(|| out_of_range(6, state))?,
        sender: row.get(7)?,
        subject: row.get(8)?,
        recipients: Vec::new(),
        size: row.get(9)?,
        attempts: row.get(10)?,
        accepted_at: row.get(11)?,
        next_attempt_at: row.get(12)?,
        expires_at: row.get(13)?,
        last_error: row.get(14)?,
        last_error_reason: row.get(15)?,
        not_before: row.get(16)?,
        delivery_status: row.get(17)?,
        seven_bit: row.get(18)?,
        held_for: row.get(19)?,
    })
}

fn recipients(c: &Connection<'_>, seq: i64) -> Result<Vec<Recipient>, StoreError> {
    let sql = "SELECT address, state, answer FROM recipient WHERE message = ?1 ORDER BY position";
    c.rows(sql, params![seq], |row| {
        let state: i64 = row.get(1)?;
        let state = RecipientState::from_number(state).ok_or_else(|| out_of_range(1, state))?;
        Ok(Recipient { address: row.get(0)?, state, answer: row.get(2)? })
    })
}
