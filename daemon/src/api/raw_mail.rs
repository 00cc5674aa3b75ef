//! `SendRawMail`: a finished message on its way in.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use faxpost_proto::reason;
use faxpost_proto::v1::{self, send_raw_mail_request::Part};
use tokio::io::AsyncWriteExt as _;
use tonic::{Code, Status, Streaming};

use super::accounts::id_or_default;
use super::authorize::Admitted;
use super::mail::{MAX_CHUNK, buffered, delivery_status, send_time};
use super::{App, error};
use crate::message::Content;
use crate::message::raw::{MAX_RECIPIENTS, RawMail};
use crate::outbox::{Accepted, RawRequest, Room, Upload};

/// Up to here it stays in memory: most that is piped to sendmail is a page of text.
const IN_MEMORY: usize = 32 * 1024;

pub(super) async fn accept(
    app: &Arc<App>,
    mut parts: Streaming<v1::SendRawMailRequest>,
    sender: &Admitted,
) -> Result<Accepted, Status> {
    let Some(Part::Envelope(envelope)) = parts.message().await?.and_then(|first| first.part) else {
        return Err(error::invalid("part", "the first part is `envelope`"));
    };
    // Each of them is read and told of by itself.
    if envelope.recipients.len() > MAX_RECIPIENTS {
        let text = format!("more than {MAX_RECIPIENTS} recipients; send several messages");
        return Err(error::invalid("recipients", text));
    }
    let not_before = send_time(envelope.send_time.as_ref())?;
    let delivery_status = delivery_status(&envelope.notify, envelope.give_back, &envelope.envelope_id)?;
    let mut incoming = Incoming {
        app,
        left: app.config.limits.max_message_bytes,
        begin: BytesMut::new(),
        file: None,
        room: app.outbox.room(&sender.caller.id, &envelope.request_id),
    };
    let head = sender.charge().held();
    let mut largest = 0;
    while let Some(next) = parts.message().await? {
        match next.part {
            Some(Part::Chunk(bytes)) => {
                incoming.add(&bytes).await?;
                largest = largest.max(bytes.len());
            }
            _ => return Err(error::invalid("part", "after `envelope` come `chunk`s")),
        }
        // As for an attachment; what is small is still in memory.
        sender.charge().keep(head + largest + incoming.begin.len());
    }
    // The room is kept until the message has its own.
    let (message, upload, _room) = incoming.finish().await?;
    let request = RawRequest {
        account: id_or_default(envelope.account),
        mail: RawMail {
            recipients: envelope.recipients,
            recipients_from_header: envelope.recipients_from_header,
            sender: envelope.sender,
            sender_name: envelope.sender_name,
            message,
        },
        request_id: envelope.request_id,
        caller: sender.author(),
        not_before,
        delivery_status,
    };
    let accepted = app.outbox.accept_raw(request).await;
    drop(upload);
    accepted.map_err(error::accept)
}

/// The message as far as it has come.
struct Incoming<'a> {
    app: &'a App,
    /// Bytes that may still come.
    left: u64,
    /// As long as it is small.
    begin: BytesMut,
    file: Option<(Upload, tokio::fs::File)>,
    room: Room,
}

impl Incoming<'_> {
    async fn add(&mut self, bytes: &Bytes) -> Result<(), Status> {
        if bytes.len() > MAX_CHUNK {
            return Err(error::invalid("chunk", format!("a chunk has at most {MAX_CHUNK} bytes")));
        }
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            let limit = self.app.config.limits.max_message_bytes;
            let text = format!("the message has more than the {limit} bytes that are allowed");
            return Err(error::status(Code::InvalidArgument, reason::MESSAGE_TOO_LARGE, text));
        };
        self.left = left;
        if self.file.is_none() && self.begin.len() + bytes.len() <= IN_MEMORY {
            self.begin.extend_from_slice(bytes);
            return Ok(());
        }
        let begin = std::mem::take(&mut self.begin);
        self.room.take((begin.len() + bytes.len()) as u64).await.map_err(error::accept)?;
        if self.file.is_none() {
            let (upload, file) = self.app.outbox.spool().upload().map_err(|e| error::spool(&e))?;
            let mut file = buffered(file);
            file.write_all(&begin).await.map_err(|e| error::spool(&e))?;
            self.file = Some((upload, file));
        }
        match &mut self.file {
            Some((_, file)) => file.write_all(bytes).await.map_err(|e| error::spool(&e)),
            None => Ok(()),
        }
    }

    async fn finish(self) -> Result<(Content, Option<Upload>, Room), Status> {
        let Some((upload, mut file)) = self.file else {
            return Ok((Content::Memory(self.begin.freeze()), None, self.room));
        };
        file.flush().await.map_err(|e| error::spool(&e))?;
        Ok((Content::File(upload.path().to_owned()), Some(upload), self.room))
    }
}
