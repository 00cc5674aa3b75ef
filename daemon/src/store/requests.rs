//! Requests that wait for an administrator. What they would carry out is sealed before it comes here.

use super::sql::{Connection, Row, Value, out_of_range, params, unreadable};
use super::{Author, Page, Store, StoreError};
use crate::approvals::{Request, State};
use crate::certs::Effect;

const COLUMNS: &str = "number, method, caller_id, caller_name, role, created_at, expires_at, summary, effects, digest, \
                       state, decider_id, decider_name, decided_at, decision_text, ended_at, outcome_reason, outcome_text";

/// How many requests there can be.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// That wait, of one caller.
    pub caller: i64,
    /// That wait, in all.
    pub all: i64,
    /// That have ended, of one caller; the oldest go.
    pub ended: i64,
}

/// What became of a new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It waits under this number.
    New(i64),
    /// The same caller asked for the same before, and it still waits.
    Same(i64),
    /// The caller has too many.
    TooManyOfCaller,
    /// All have too many.
    TooManyInAll,
}

/// A change of a request.
#[derive(Clone, Debug)]
pub struct RequestStep {
    /// Its new state. Whatever it is, what the request would carry out is deleted, and given out this once.
    pub state: State,
    /// When.
    pub at: i64,
    /// Who decided, and what he said.
    pub decision: Option<(Author, String)>,
    /// Why carrying it out failed: reason and sentence.
    pub outcome: Option<(String, String)>,
}

/// A step that was made: the request after it, and the sealed action if it was still there.
pub type Stepped = (Request, Option<Vec<u8>>);

/// Which requests.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// Only of this caller.
    pub caller: Option<String>,
    /// Only in these states; empty: all.
    pub states: Vec<State>,
}

impl Store {
    /// Writes a request, with what `seal` makes for its number.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn insert_request(
        &self,
        mut request: Request,
        limits: RequestLimits,
        seal: impl FnOnce(&Request) -> Vec<u8> + Send + 'static,
    ) -> Result<Asked, StoreError> {
        self.write(move |c| {
            c.alone("request")?;
            let caller = request.caller_id.as_str();
            let same = "SELECT number FROM request WHERE caller_id = ?1 AND digest = ?2 AND state = 1";
            if let Some(number) = c.optional(same, params![caller, request.digest], |row| row.get(0))? {
                return Ok(Asked::Same(number));
            }
            let open = "SELECT count(*), count(*) FILTER (WHERE caller_id = ?1) FROM request WHERE ended_at IS NULL";
            let (all, of_caller): (i64, i64) =
                c.one(open, params![caller], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if of_caller >= limits.caller {
                return Ok(Asked::TooManyOfCaller);
            }
            if all >= limits.all {
                return Ok(Asked::TooManyInAll);
            }
            c.execute(
                "DELETE FROM request WHERE number IN (SELECT number FROM request
                 WHERE caller_id = ?1 AND ended_at IS NOT NULL ORDER BY number DESC LIMIT 9223372036854775807 OFFSET ?2)",
                params![caller, limits.ended],
            )?;
            let effects = json(&request.effects)?;
            request.number = c.insert(
                "INSERT INTO request (method, caller_id, caller_name, role, created_at, expires_at, summary, effects,
                                      digest, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1)",
                "number",
                params![
                request.method,
                request.caller_id,
                request.caller_name,
                request.role,
                request.created_at,
                request.expires_at,
                request.summary,
                effects,
                request.digest,
            ])?;
            let sealed = seal(&request);
            c.execute("UPDATE request SET action = ?2 WHERE number = ?1", params![request.number, sealed])?;
            Ok(Asked::New(request.number))
        })
        .await
    }

    /// Changes a request as `decide` says, in one step with looking at it.
    ///
    /// # Errors
    /// See [`StoreError`]; the inner one is `decide`'s, and then nothing was changed.
    pub async fn step_request<E: Send + 'static>(
        &self,
        number: i64,
        decide: impl FnOnce(Option<&Request>) -> Result<RequestStep, E> + Send + 'static,
    ) -> Result<Result<Stepped, E>, StoreError> {
        self.write(move |c| {
            let sealed = c.optional_locked("SELECT action FROM request WHERE number = ?1", params![number], |row| row.get(0))?;
            let step = match decide(by_number(c, number)?.as_ref()) {
                Ok(step) => step,
                Err(error) => return Ok(Err(error)),
            };
            let (reason, text) = step.outcome.unwrap_or_default();
            c.execute(
                "UPDATE request SET state = ?2, action = NULL, ended_at = ?3, outcome_reason = ?4, outcome_text = ?5
                 WHERE number = ?1",
                params![
                number,
                step.state as i64,
                step.state.is_final().then_some(step.at),
                reason,
                text
            ])?;
            if let Some((decider, said)) = step.decision {
                c.execute(
                    "UPDATE request SET decider_id = ?2, decider_name = ?3, decided_at = ?4, decision_text = ?5
                     WHERE number = ?1",
                    params![number, decider.id, decider.name, step.at, said],
                )?;
            }
            let after = by_number(c, number)?;
            let after = after.ok_or_else(|| StoreError::Failed(format!("request {number} is gone")))?;
            Ok(Ok((after, sealed.flatten())))
        })
        .await
    }

    /// One request.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn request(&self, number: i64) -> Result<Option<Request>, StoreError> {
        self.read(move |c| by_number(c, number)).await
    }

    /// The machine whose certificates a request is about, if it is not this one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn request_elsewhere(&self, number: i64) -> Result<Option<String>, StoreError> {
        self.read(move |c| {
            let Connection::Postgres(_) = c else { return Ok(None) };
            let sql = "SELECT machine FROM request
                       WHERE number = ?1 AND machine NOT IN ('', current_setting('faxpost.machine', TRUE))";
            c.optional(sql, params![number], |row| row.get(0))
        })
        .await
    }

    /// At most `limit` requests with numbers below `before`, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn requests(
        &self,
        filter: RequestFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Request>, StoreError> {
        self.read(move |c| {
            let (condition, mut values) = condition(&filter);
            values.push(before.unwrap_or(i64::MAX).into());
            values.push((limit as i64).into());
            let sql = format!(
                "SELECT {COLUMNS} FROM request WHERE {condition} AND number < ? ORDER BY number DESC LIMIT ?"
            );
            Page::read(c, &sql, &values, limit, request, |request| {
                let effects = request.effects.iter().map(|effect| effect.name.len() + effect.value.len());
                request.summary.len() + request.outcome_text.len() + effects.sum::<usize>()
            })
        })
        .await
    }

    /// How many fit.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn count_requests(&self, filter: RequestFilter) -> Result<i64, StoreError> {
        self.read(move |c| {
            let (condition, values) = condition(&filter);
            let sql = format!("SELECT count(*) FROM request WHERE {condition}");
            c.one(&sql, &values, |row| row.get(0))
        })
        .await
    }

    /// When the next one expires.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn next_expiry(&self) -> Result<Option<i64>, StoreError> {
        self.read(|c| {
            let sql = "SELECT min(expires_at) FROM request WHERE state = 1";
            c.one(sql, params![], |row| row.get(0))
        })
        .await
    }

    /// Those that wait and whose time was over at `now`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn overdue_requests(&self, now: i64) -> Result<Vec<i64>, StoreError> {
        self.read(move |c| {
            let sql = "SELECT number FROM request WHERE state = 1 AND expires_at <= ?1";
            c.rows(sql, params![now], |row| row.get(0))
        })
        .await
    }

    /// Removes requests that ended before `before`, at most `limit`; gives how many.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_requests(&self, before: i64, limit: usize) -> Result<usize, StoreError> {
        self.write(move |c| {
            let sql = "DELETE FROM request WHERE number IN
                       (SELECT number FROM request WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)";
            c.execute(sql, params![before, limit])
        })
        .await
    }
}

fn condition(filter: &RequestFilter) -> (String, Vec<Value<'static>>) {
    let (mut parts, mut values) = (vec!["1 = 1".to_owned()], Vec::<Value<'static>>::new());
    if let Some(caller) = &filter.caller {
        parts.push("caller_id = ?".to_owned());
        values.push(caller.clone().into());
    }
    if !filter.states.is_empty() {
        let marks = vec!["?"; filter.states.len()].join(", ");
        parts.push(format!("state IN ({marks})"));
        values.extend(filter.states.iter().map(|state| Value::from(*state as i64)));
    }
    (parts.join(" AND "), values)
}

pub(super) fn by_number(c: &Connection<'_>, number: i64) -> Result<Option<Request>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM request WHERE number = ?1");
    c.optional(&sql, params![number], request)
}

fn request(row: &Row<'_>) -> Result<Request, StoreError> {
    let state: i64 = row.get(10)?;
    let effects: String = row.get(8)?;
    let effects: Vec<Effect> = serde_json::from_str(&effects).map_err(|error| unreadable(8, &error))?;
    Ok(Request {
        number: row.get(0)?,
        method: row.get(1)?,
        caller_id: row.get(2)?,
        caller_name: row.get(3)?,
        role: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        summary: row.get(7)?,
        effects,
        digest: row.get(9)?,
        state: State::from_number(state).ok_or_else(|| out_of_range(10, state))?,
        decider_id: row.get(11)?,
        decider_name: row.get(12)?,
        decided_at: row.get(13)?,
        decision_text: row.get(14)?,
        ended_at: row.get(15)?,
        outcome_reason: row.get(16)?,
        outcome_text: row.get(17)?,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()))
}
