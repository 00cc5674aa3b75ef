//! Accepting a message: its row, its body, its recipients and its log entry in one statement, which is its own transaction.
//! One way to the server and back, and one commit.

use tokio_postgres::types::{ToSql, Type};

use super::session::{Failed, Session, answered, judge, storable, type_of};
use super::{Postgres, body};
use crate::store::log;
use crate::store::sql::{Value, params};
use crate::store::{Inserted, NewMessage, StoreError, messages};

/// Nothing is inserted, and no row comes back, when the caller's request id is there already.
const ACCEPT: &str = "
    WITH accepted AS (
      INSERT INTO message (id, account, caller_id, caller_name, request_id, digest, message_id, sender, subject, size, state,
                           accepted_at, next_attempt_at, expires_at, not_before, delivery_status, seven_bit, author)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
      ON CONFLICT DO NOTHING RETURNING seq),
    content AS (INSERT INTO body (message, content) SELECT seq, $19 FROM accepted WHERE $19 IS NOT NULL),
    envelope AS (
      INSERT INTO recipient (message, position, address, state)
      SELECT seq, place - 1, address, state
      FROM accepted, unnest($38, $39) WITH ORDINALITY AS envelope (address, state, place)),
    logged AS (
      INSERT INTO entry (at, kind, outcome, message, caller_id, caller_name, account, method, server, sender, recipients,
                         subject, size, attempt, duration_ms, answer, reason, tls)
      SELECT $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37 FROM accepted
      RETURNING id)
    SELECT seq, id FROM accepted, logged";

impl Postgres {
    pub(in crate::store) async fn accept(&self, new: &NewMessage) -> Result<Inserted, StoreError> {
        let inserted = self.pool.noted(self.insert(new).await)?;
        if let Some((seq, entry)) = inserted {
            return Ok(Inserted::New { seq, entry });
        }
        let request = new.request_id.clone().unwrap_or_default();
        let caller = new.message.caller_id.clone();
        let before = self.read(move |c| messages::by_request(c, &caller, &request)).await?;
        match before {
            Some((message, digest)) if digest == new.digest => Ok(Inserted::Duplicate(Box::new(message))),
            Some(_) => Ok(Inserted::Reused),
            None => Err(StoreError::Failed("a message was neither inserted nor there before".to_owned())),
        }
    }

    async fn insert(&self, new: &NewMessage) -> Result<Option<(i64, i64)>, StoreError> {
        if new.body.is_some() {
            let taken = self.pool.take().await?;
            let inserted = insert(taken.session(), new).await.map_err(Failed::of_commit)?;
            taken.give_back();
            Ok(inserted)
        } else {
            let taken = self.pool.begin().await?;
            let inserted = insert(taken.session(), new).await.map_err(|failed| failed.error)?;
            if let (Some((seq, _)), Some(file)) = (inserted, &new.file) {
                body::write(taken.session(), seq, file).await?;
            }
            taken.session().commit().await?;
            taken.give_back();
            Ok(inserted)
        }
    }
}

async fn insert(session: &Session, new: &NewMessage) -> Result<Option<(i64, i64)>, Failed> {
    let (m, e) = (&new.message, &new.entry);
    let recipients = log::recipients(e)?;
    let (state, kind, outcome) = (m.state as i64, e.kind as i64, e.outcome as i64);
    let values: &[Value<'_>] = params![
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
        state,
        m.accepted_at,
        m.next_attempt_at,
        m.expires_at,
        m.not_before,
        m.delivery_status,
        m.seven_bit,
        new.author,
        new.body,
        e.at,
        kind,
        outcome,
        e.message,
        e.caller_id,
        e.caller_name,
        e.account,
        e.method,
        e.server,
        e.sender,
        recipients,
        e.subject,
        e.size,
        e.attempt,
        e.duration_ms,
        e.answer,
        e.reason,
        e.tls,
    ];
    let addresses: Vec<_> = m.recipients.iter().map(|recipient| storable(&recipient.address)).collect();
    let states: Vec<_> = m.recipients.iter().map(|recipient| recipient.state as i64).collect();
    let types = || {
        let all = values.iter().map(|value| type_of(value.kind()));
        all.chain([Type::TEXT_ARRAY, Type::INT8_ARRAY]).collect()
    };
    let statement = session.prepared(ACCEPT, || ACCEPT.to_owned(), types).await?;
    let mut bound: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
    bound.extend([&addresses as &(dyn ToSql + Sync), &states]);
    let asked = answered(session.client().query_opt(&statement, &bound)).await;
    let Some(row) = asked? else { return Ok(None) };
    let number = |at| row.try_get(at).map_err(|error| judge(&error));
    Ok(Some((number(0)?, number(1)?)))
}
