//! `faxpost.v1.Mail`.

use std::sync::Arc;

use faxpost_proto::reason;
use faxpost_proto::v1::send_mail_stream_request::Part;
use faxpost_proto::v1::{self, mail_server::Mail};
use futures_util::stream;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::broadcast;
use tonic::{Code, Request, Response, Status, Streaming};

use super::accounts::id_or_default;
use super::authorize::Admitted;
use super::watch::{Watch, until_stopping};
use super::{App, convert, error, page, raw_mail};
use crate::mailer::{DeliveryStatus, GiveBack, Notify};
use crate::message::{Attachment, Content, Draft, MAX_ATTACHMENTS};
use crate::outbox::{self, Accepted, Message, Room, State, Steering, Upload};
use crate::store::Listing;

/// Bytes of one `chunk`, as the API documents it: bounds what a stream holds in memory.
pub(super) const MAX_CHUNK: usize = 1024 * 1024;

pub(super) struct Service(pub(super) Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Mail for Service {
    async fn send_mail(&self, request: Request<v1::SendMailRequest>) -> Answer<v1::SendMailResponse> {
        let sender = Admitted::of(&request)?;
        let accepted = self.accept(request.into_inner(), Vec::new(), &sender).await?;
        Ok(Response::new(v1::SendMailResponse {
            id: accepted.id,
            message_id: accepted.message_id,
            accept_time: Some(convert::timestamp(accepted.at)),
            duplicate: accepted.duplicate,
        }))
    }

    async fn send_mail_stream(
        &self,
        request: Request<Streaming<v1::SendMailStreamRequest>>,
    ) -> Answer<v1::SendMailStreamResponse> {
        let sender = Admitted::of(&request)?;
        let mut parts = request.into_inner();
        let order = |text| error::invalid("part", text);
        let Some(Part::Mail(mail)) = parts.message().await?.and_then(|first| first.part) else {
            return Err(order("the first part is `mail`"));
        };
        let room = self.0.outbox.room(&sender.caller.id, &mail.request_id);
        let mut incoming = Incoming::new(&self.0, &mail, room);
        let head = sender.charge().held();
        let mut largest = 0;
        while let Some(next) = parts.message().await? {
            match next.part {
                Some(Part::Attachment(start)) => incoming.begin(start).await?,
                Some(Part::Chunk(bytes)) => {
                    incoming.add(&bytes).await?;
                    largest = largest.max(bytes.len());
                }
                Some(Part::Mail(_)) => return Err(order("`mail` comes once, as the first part")),
                None => return Err(order("a part is `mail`, `attachment` or `chunk`")),
            }
            // In the spool now. What tonic decodes in stays as large as the largest part was.
            sender.charge().keep(head + largest);
        }
        // The room is kept until the message has its own.
        let (uploads, _room) = incoming.finish().await?;
        let accepted = self.accept(mail, uploads, &sender).await?;
        Ok(Response::new(v1::SendMailStreamResponse {
            id: accepted.id,
            message_id: accepted.message_id,
            accept_time: Some(convert::timestamp(accepted.at)),
            duplicate: accepted.duplicate,
        }))
    }

    async fn send_raw_mail(
        &self,
        request: Request<Streaming<v1::SendRawMailRequest>>,
    ) -> Answer<v1::SendRawMailResponse> {
        let sender = Admitted::of(&request)?;
        let accepted = raw_mail::accept(&self.0, request.into_inner(), &sender).await?;
        Ok(Response::new(v1::SendRawMailResponse {
            id: accepted.id,
            message_id: accepted.message_id,
            accept_time: Some(convert::timestamp(accepted.at)),
            duplicate: accepted.duplicate,
        }))
    }

    async fn list_messages(
        &self,
        request: Request<v1::ListMessagesRequest>,
    ) -> Answer<v1::ListMessagesResponse> {
        let viewer = Admitted::of(&request)?;
        let request = request.into_inner();
        let size = page::size(request.page_size, 50, 500)?;
        let wanted = request.states;
        let mut states = Vec::new();
        for number in &wanted {
            let state = State::from_number((*number).into());
            let state = state.ok_or_else(|| error::invalid("states", format!("{number} is not a state")))?;
            // Sending is Queued in the store.
            let state = if state == State::Sending { State::Queued } else { state };
            // Each becomes a bound value of the query: one of a kind is enough.
            if !states.contains(&state) {
                states.push(state);
            }
        }
        let listing = Listing {
            caller_id: viewer.only_own(),
            account: request.account,
            states,
            before: page::key(&request.page_token)?,
            limit: size,
        };
        let found = self.0.store.messages(listing).await.map_err(|e| error::store(&e))?;
        let next_page_token = page::next(found.rows.last().map(|m| m.seq), found.more);
        let mut messages: Vec<_> = found.rows.into_iter().map(|message| self.view(message)).collect();
        // Only now Queued and Sending differ. A page may be short; its token is right all the same.
        messages.retain(|message| wanted.is_empty() || wanted.contains(&message.state));
        Ok(Response::new(v1::ListMessagesResponse { messages, next_page_token }))
    }

    async fn get_message(&self, request: Request<v1::GetMessageRequest>) -> Answer<v1::GetMessageResponse> {
        let viewer = Admitted::of(&request)?;
        let message = find(&self.0, &request.into_inner().id, &viewer).await?;
        Ok(Response::new(v1::GetMessageResponse { message: Some(self.view(message)) }))
    }

    type WatchMessageStream = Watch<v1::WatchMessageResponse>;

    async fn watch_message(
        &self,
        request: Request<v1::WatchMessageRequest>,
    ) -> Answer<Self::WatchMessageStream> {
        let viewer = Admitted::of(&request)?;
        let id = request.into_inner().id;
        // Subscribed before the first look, so that no change falls between.
        let changes = self.0.outbox.watch();
        find(&self.0, &id, &viewer).await?;
        let watch = MessageWatch { app: self.0.clone(), id, viewer, changes, begun: false, ended: false };
        let states = stream::unfold(watch, MessageWatch::next);
        Ok(Response::new(until_stopping(states, &self.0.stopping)))
    }

    async fn retry_message(
        &self,
        request: Request<v1::RetryMessageRequest>,
    ) -> Answer<v1::RetryMessageResponse> {
        let caller = Admitted::of(&request)?;
        let message = Some(self.steer(&request.into_inner().id, Steering::Retry, &caller).await?);
        Ok(Response::new(v1::RetryMessageResponse { message }))
    }

    async fn hold_message(
        &self,
        request: Request<v1::HoldMessageRequest>,
    ) -> Answer<v1::HoldMessageResponse> {
        let caller = Admitted::of(&request)?;
        let message = Some(self.steer(&request.into_inner().id, Steering::Hold, &caller).await?);
        Ok(Response::new(v1::HoldMessageResponse { message }))
    }

    async fn release_message(
        &self,
        request: Request<v1::ReleaseMessageRequest>,
    ) -> Answer<v1::ReleaseMessageResponse> {
        let caller = Admitted::of(&request)?;
        let message = Some(self.steer(&request.into_inner().id, Steering::Release, &caller).await?);
        Ok(Response::new(v1::ReleaseMessageResponse { message }))
    }

    async fn cancel_message(
        &self,
        request: Request<v1::CancelMessageRequest>,
    ) -> Answer<v1::CancelMessageResponse> {
        let caller = Admitted::of(&request)?;
        let message = Some(self.steer(&request.into_inner().id, Steering::Cancel, &caller).await?);
        Ok(Response::new(v1::CancelMessageResponse { message }))
    }
}

impl Service {
    async fn accept(
        &self,
        mail: v1::SendMailRequest,
        uploads: Vec<Uploaded>,
        sender: &Admitted,
    ) -> Result<Accepted, Status> {
        let delivery_status = delivery_status(&mail.notify, mail.give_back, &mail.envelope_id)?;
        let mut attachments: Vec<_> = mail
            .attachments
            .into_iter()
            .map(|a| Attachment {
                file_name: a.file_name,
                content_type: a.content_type,
                content: Content::Memory(a.content),
            })
            .collect();
        attachments.extend(uploads.iter().map(|uploaded| Attachment {
            file_name: uploaded.start.file_name.clone(),
            content_type: uploaded.start.content_type.clone(),
            content: Content::File(uploaded.file.path().to_owned()),
        }));
        let draft = Draft {
            sender_name: String::new(),
            sender_email: String::new(),
            to: mail.to,
            cc: mail.cc,
            bcc: mail.bcc,
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            headers: mail.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            attachments,
            ..Draft::default()
        };
        let not_before = send_time(mail.send_time.as_ref())?;
        let request = crate::outbox::Request {
            not_before,
            delivery_status,
            account: id_or_default(mail.account),
            draft,
            request_id: mail.request_id,
            caller: sender.author(),
        };
        let accepted = self.0.outbox.accept(request).await;
        drop(uploads);
        accepted.map_err(error::accept)
    }

    async fn steer(&self, id: &str, steering: Steering, caller: &Admitted) -> Result<v1::Message, Status> {
        let own_only = !caller.is_administrator();
        let steered = self.0.outbox.steer(id, steering, &caller.author(), own_only).await;
        steered.map(convert::message).map_err(|error| error::steer(error, own_only))
    }

    fn view(&self, message: Message) -> v1::Message {
        convert::message(self.0.outbox.present(message))
    }
}

/// At most a year ahead: further than that, it is a mistake.
pub(super) fn send_time(given: Option<&prost_types::Timestamp>) -> Result<Option<i64>, Status> {
    const YEAR_MS: i64 = 366 * 86_400_000;
    let Some(time) = given else { return Ok(None) };
    let at = convert::millis(time);
    let now = jiff::Timestamp::now().as_millisecond();
    if at.saturating_sub(now) > YEAR_MS {
        return Err(error::invalid("send_time", "at most a year ahead"));
    }
    // One that has passed is now; but it stays what was asked for, so that a retry with the same request id is the same.
    Ok(Some(at))
}

pub(super) fn delivery_status(
    notify: &[i32],
    give_back: i32,
    envelope_id: &str,
) -> Result<DeliveryStatus, Status> {
    let mut occasions = Vec::new();
    for number in notify {
        let occasion = match v1::Notify::try_from(*number) {
            Ok(v1::Notify::Never) if notify.len() == 1 => continue,
            Ok(v1::Notify::Success) => Notify::Success,
            Ok(v1::Notify::Failure) => Notify::Failure,
            Ok(v1::Notify::Delay) => Notify::Delay,
            _ => return Err(error::invalid("notify", "success, failure and delay, or never alone")),
        };
        // Servers may refuse one that comes twice, and with it the recipient.
        if occasions.contains(&occasion) {
            return Err(error::invalid("notify", "each occasion once"));
        }
        occasions.push(occasion);
    }
    let give_back = match v1::GiveBack::try_from(give_back) {
        Ok(v1::GiveBack::Unspecified) => None,
        Ok(v1::GiveBack::Full) => Some(GiveBack::Full),
        Ok(v1::GiveBack::Header) => Some(GiveBack::Header),
        Err(_) => return Err(error::invalid("give_back", "full or header")),
    };
    let envelope_id = envelope_id.to_owned();
    if envelope_id.len() > 100 || !envelope_id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Err(error::invalid("envelope_id", "printable ASCII, at most 100 characters"));
    }
    Ok(DeliveryStatus { notify: (!notify.is_empty()).then_some(occasions), give_back, envelope_id })
}

async fn find(app: &App, id: &str, viewer: &Admitted) -> Result<Message, Status> {
    let found = app.store.message(id.to_owned(), viewer.only_own()).await.map_err(|e| error::store(&e))?;
    found.ok_or_else(|| error::no_message(id, viewer.only_own().is_some()))
}

/// The attachments of a streamed message on their way in.
struct Incoming<'a> {
    app: &'a App,
    /// Bytes that may still come.
    left: u64,
    done: Vec<Uploaded>,
    open: Option<(Uploaded, tokio::fs::File)>,
    /// Attachments that came with `mail` itself.
    inline: usize,
    room: Room,
}

struct Uploaded {
    start: v1::AttachmentStart,
    file: Upload,
}

impl<'a> Incoming<'a> {
    fn new(app: &'a App, mail: &v1::SendMailRequest, room: Room) -> Self {
        let left = app.config.limits.max_message_bytes;
        Self { app, left, done: Vec::new(), open: None, inline: mail.attachments.len(), room }
    }

    async fn begin(&mut self, start: v1::AttachmentStart) -> Result<(), Status> {
        self.close().await?;
        if self.inline + self.done.len() >= MAX_ATTACHMENTS {
            let text = format!("a message has at most {MAX_ATTACHMENTS} attachments");
            return Err(error::invalid("attachments", text));
        }
        let (file, handle) = self.app.outbox.spool().upload().map_err(|e| error::spool(&e))?;
        self.open = Some((Uploaded { start, file }, buffered(handle)));
        Ok(())
    }

    async fn add(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let Some((_, file)) = &mut self.open else {
            return Err(error::invalid("part", "a `chunk` comes after its `attachment`"));
        };
        if bytes.len() > MAX_CHUNK {
            return Err(error::invalid("chunk", format!("a chunk has at most {MAX_CHUNK} bytes")));
        }
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            let limit = self.app.config.limits.max_message_bytes;
            let text = format!("the attachments have more than the {limit} bytes that are allowed");
            return Err(error::status(Code::InvalidArgument, reason::MESSAGE_TOO_LARGE, text));
        };
        self.left = left;
        self.room.take(bytes.len() as u64).await.map_err(error::accept)?;
        file.write_all(bytes).await.map_err(|e| error::spool(&e))
    }

    async fn close(&mut self) -> Result<(), Status> {
        if let Some((uploaded, mut file)) = self.open.take() {
            file.flush().await.map_err(|e| error::spool(&e))?;
            self.done.push(uploaded);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(Vec<Uploaded>, Room), Status> {
        self.close().await?;
        Ok((self.done, self.room))
    }
}

/// A file of the spool, with a buffer that every call under way may have.
pub(super) fn buffered(file: std::fs::File) -> tokio::fs::File {
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(128 * 1024);
    file
}

/// Tells a message now and after every change, until nothing more will change.
struct MessageWatch {
    app: Arc<App>,
    id: String,
    viewer: Admitted,
    changes: broadcast::Receiver<String>,
    begun: bool,
    ended: bool,
}

impl MessageWatch {
    async fn next(mut self) -> Option<(Result<v1::WatchMessageResponse, Status>, Self)> {
        if self.ended {
            return None;
        }
        while self.begun {
            match self.changes.recv().await {
                Ok(id) if id == self.id || id == outbox::ANY => break,
                Ok(_) => {}
                // Too far behind to know which: look.
                Err(broadcast::error::RecvError::Lagged(_)) => break,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
        self.begun = true;
        let message = match find(&self.app, &self.id, &self.viewer).await {
            Ok(message) => message,
            Err(status) => {
                self.ended = true;
                return Some((Err(status), self));
            }
        };
        self.ended = message.state.is_final();
        let message = Some(convert::message(self.app.outbox.present(message)));
        Some((Ok(v1::WatchMessageResponse { message }), self))
    }
}
