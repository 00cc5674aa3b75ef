//! `faxpost.v1.Log`.

use std::collections::VecDeque;
use std::sync::Arc;

use faxpost_proto::reason;
use faxpost_proto::v1::{self, log_server::Log};
use futures_util::stream;
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status};

use super::authorize::Admitted;
use super::watch::{Watch, until_stopping};
use super::{App, convert, error, page};
use crate::log::{Entry, Filter};
use crate::store::EntriesFrom;

/// Entries read at once for a follower.
const FOLLOW_PAGE: usize = 100;

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Log for Service {
    async fn list_entries(
        &self,
        request: Request<v1::ListEntriesRequest>,
    ) -> Answer<v1::ListEntriesResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let size = page::size(request.page_size, 50, 500)?;
        let last = page::key(&request.page_token)?;
        let from = if request.oldest_first {
            EntriesFrom::After(last.unwrap_or(0))
        } else {
            EntriesFrom::Before(last)
        };
        let filter = filter(request.filter, &viewer)?;
        let found = self.0.store.entries(filter, from, size).await.map_err(|e| error::store(&e))?;
        let next_page_token = page::next(found.rows.last().map(|e| e.id), found.more);
        let entries = found.rows.into_iter().map(wire).collect();
        Ok(Response::new(v1::ListEntriesResponse { entries, next_page_token }))
    }

    async fn get_entry(&self, request: Request<v1::GetEntryRequest>) -> Answer<v1::GetEntryResponse> {
        let viewer = Admitted::of(&request)?;
        let entry = self.find(request.into_inner().id, &viewer).await?;
        Ok(Response::new(v1::GetEntryResponse { entry: Some(wire(entry)) }))
    }

    async fn get_transcript(
        &self,
        request: Request<v1::GetTranscriptRequest>,
    ) -> Answer<v1::GetTranscriptResponse> {
        let viewer = Admitted::of(&request)?;
        let entry = self.find(request.into_inner().id, &viewer).await?;
        let transcript = self.0.store.transcript(entry.id).await.map_err(|e| error::store(&e))?;
        let transcript = transcript.ok_or_else(|| {
            let text = format!("log entry {} has no transcript: nothing was said to a server", entry.id);
            error::status(Code::NotFound, reason::TRANSCRIPT_NOT_FOUND, text)
        })?;
        Ok(Response::new(v1::GetTranscriptResponse {
            text: transcript.text,
            truncated: transcript.truncated,
        }))
    }

    type FollowEntriesStream = Watch<v1::FollowEntriesResponse>;

    async fn follow_entries(
        &self,
        request: Request<v1::FollowEntriesRequest>,
    ) -> Answer<Self::FollowEntriesStream> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let backlog = usize::try_from(request.backlog)
            .ok()
            .filter(|backlog| *backlog <= 500)
            .ok_or_else(|| error::invalid("backlog", "0 to 500"))?;
        let filter = filter(request.filter, &viewer)?;
        // Subscribed before the first look, so that no entry falls between.
        let news = self.0.log.follow();
        let everything = Filter::default();
        let newest = self.0.store.entries(everything, EntriesFrom::Before(None), 1).await;
        let last = newest.map_err(|e| error::store(&e))?.rows.first().map_or(0, |entry| entry.id);
        let from = EntriesFrom::Before(Some(last + 1));
        let mut waiting = match backlog {
            0 => Vec::new(),
            backlog => {
                self.0.store.entries(filter.clone(), from, backlog).await.map_err(|e| error::store(&e))?.rows
            }
        };
        waiting.reverse();
        let follower =
            Follower { app: self.0.clone(), filter, last, waiting: waiting.into(), news, ended: false };
        let entries = stream::unfold(follower, Follower::next);
        Ok(Response::new(until_stopping(entries, &self.0.stopping)))
    }
}

impl Service {
    async fn find(&self, id: i64, viewer: &Admitted) -> Result<Entry, Status> {
        let entry = self.0.store.entry(id).await.map_err(|e| error::store(&e))?;
        let own = |entry: &Entry| viewer.only_own().is_none_or(|caller| caller == entry.caller_id);
        entry.filter(own).ok_or_else(|| {
            let text = format!("there is no log entry {id}{}", error::of_yours(viewer.only_own().is_some()));
            error::status(Code::NotFound, reason::ENTRY_NOT_FOUND, text)
        })
    }
}

/// Reads what is new from the store, page by page: a slow reader misses nothing and nothing is kept for it.
struct Follower {
    app: Arc<App>,
    filter: Filter,
    last: i64,
    waiting: VecDeque<Entry>,
    news: watch::Receiver<i64>,
    ended: bool,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<v1::FollowEntriesResponse, Status>, Self)> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                self.last = self.last.max(entry.id);
                return Some((Ok(v1::FollowEntriesResponse { entry: Some(wire(entry)) }), self));
            }
            // Everything up to this is committed, so what does not fit need not be looked at again.
            let newest = *self.news.borrow_and_update();
            let page =
                self.app.store.entries(self.filter.clone(), EntriesFrom::After(self.last), FOLLOW_PAGE).await;
            match page {
                Ok(page) if page.rows.is_empty() => {
                    self.last = self.last.max(newest);
                    if self.news.changed().await.is_err() {
                        return None;
                    }
                }
                Ok(page) => self.waiting = page.rows.into(),
                Err(error) => {
                    self.ended = true;
                    return Some((Err(error::store(&error)), self));
                }
            }
        }
    }
}

fn filter(filter: Option<v1::EntryFilter>, viewer: &Admitted) -> Result<Filter, Status> {
    let filter = filter.unwrap_or_default();
    for (field, text) in [
        ("filter.message", &filter.message),
        ("filter.account", &filter.account),
        ("filter.recipient", &filter.recipient),
        ("filter.caller", &filter.caller),
    ] {
        if text.len() > 254 {
            return Err(error::invalid(field, "at most 254 octets"));
        }
    }
    // Each number becomes a bound value of the query; there are not more than these.
    if filter.kinds.len() > 5 || filter.kinds.iter().any(|kind| v1::EntryKind::try_from(*kind).is_err()) {
        return Err(error::invalid("filter.kinds", "each kind once, by its number"));
    }
    if filter.outcomes.len() > 4 || filter.outcomes.iter().any(|o| v1::EntryOutcome::try_from(*o).is_err()) {
        return Err(error::invalid("filter.outcomes", "each outcome once, by its number"));
    }
    Ok(Filter {
        caller_id: viewer.only_own(),
        message: filter.message,
        account: filter.account,
        recipient: filter.recipient,
        caller: filter.caller,
        kinds: filter.kinds,
        outcomes: filter.outcomes,
        since: filter.since.as_ref().map(convert::millis),
        until: filter.until.as_ref().map(convert::millis),
    })
}

/// Kinds and outcomes have the wire's numbers.
fn wire(entry: Entry) -> v1::Entry {
    v1::Entry {
        id: entry.id,
        time: Some(convert::timestamp(entry.at)),
        kind: entry.kind as i32,
        outcome: entry.outcome as i32,
        message: entry.message,
        caller: entry.caller_name,
        account: entry.account,
        method: entry.method,
        server: entry.server,
        sender: entry.sender,
        recipients: entry
            .recipients
            .into_iter()
            .map(|(address, delivered, answer)| v1::EntryRecipient { address, delivered, answer })
            .collect(),
        subject: entry.subject,
        size: entry.size.try_into().unwrap_or(i64::MAX),
        attempt: entry.attempt.try_into().unwrap_or(i32::MAX),
        duration_ms: entry.duration_ms.try_into().unwrap_or(i32::MAX),
        answer: entry.answer,
        reason: entry.reason,
        tls: entry.tls,
        has_transcript: entry.has_transcript,
    }
}
