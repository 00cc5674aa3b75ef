//! A large message as a stream: files are read as fast as the daemon takes them, so memory stays the same for any size.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
    time::Duration,
};

use bytes::BytesMut;
use faxpost_proto::v1::{
    AttachmentStart, SendMailRequest, SendMailStreamRequest, SendMailStreamResponse, mail_client::MailClient,
    send_mail_stream_request::Part,
};
use tokio::{
    io::AsyncReadExt as _,
    sync::mpsc::{self, Receiver, Sender},
};
use tokio_stream::Stream;
use tonic::transport::Channel;

use super::{files::File, progress::Progress};
use crate::{commands::Context, error::Error};

/// How long a daemon that restarts gets before the second try.
pub(super) const BREATH: Duration = Duration::from_millis(500);
/// The size of a piece that the protocol recommends.
const CHUNK: usize = 64 << 10;
/// Pieces read ahead: one is on its way while the next is read.
const AHEAD: usize = 2;

/// Sends the message with its files, and tells on a terminal how far it is.
pub(super) async fn send(
    mut client: MailClient<Channel>,
    mail: &SendMailRequest,
    files: &[File],
    context: &mut Context,
) -> Result<SendMailStreamResponse, Error> {
    let (parts, received) = mpsc::channel(AHEAD);
    let total = files.iter().map(File::size).sum::<Option<u64>>();
    let mut progress = Progress::new(total, context.texts.uploading);
    let call = client.send_mail_stream(Upload { parts: received, ended: false });
    tokio::pin!(call);

    let answer = tokio::select! {
        // The daemon may refuse before it has everything.
        answer = &mut call => answer,
        fed = feed(&parts, mail, files, &mut progress) => {
            fed?;
            call.await
        }
    };
    Ok(answer?.into_inner())
}

/// What goes to the stream; `None`: nothing follows, the message is whole.
type Piece = Option<Part>;

async fn feed(
    parts: &Sender<Piece>,
    mail: &SendMailRequest,
    files: &[File],
    progress: &mut Progress,
) -> Result<(), Error> {
    put(parts, Part::Mail(mail.clone())).await;
    for file in files {
        let mut open = file.open().await?;
        let start = AttachmentStart { file_name: file.name().to_owned(), content_type: String::new() };
        put(parts, Part::Attachment(start)).await;
        loop {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            while chunk.len() < CHUNK {
                let read = open.read_buf(&mut chunk).await.map_err(|source| file.failed(source))?;
                if read == 0 {
                    break;
                }
            }
            if chunk.is_empty() {
                break;
            }
            let size = chunk.len();
            put(parts, Part::Chunk(chunk.freeze())).await;
            progress.add(size);
        }
    }
    // A closed channel: the call is over, and its answer says why.
    let _ = parts.send(None).await;
    Ok(())
}

async fn put(parts: &Sender<Piece>, part: Part) {
    if parts.send(Some(part)).await.is_err() {
        // The call is over; its answer is the one that counts, so wait for it to be taken.
        std::future::pending::<()>().await;
    }
}

/// The stream of a message. It ends only when the message is whole: a stream that ended because a file could not be
/// read would be accepted as a shorter message.
struct Upload {
    parts: Receiver<Piece>,
    ended: bool,
}

impl Stream for Upload {
    type Item = SendMailStreamRequest;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.parts.poll_recv(task) {
            Poll::Ready(Some(Some(part))) => Poll::Ready(Some(SendMailStreamRequest { part: Some(part) })),
            Poll::Ready(Some(None)) => {
                self.ended = true;
                Poll::Ready(None)
            }
            // Broken off: neither more nor an end.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio_stream::StreamExt as _;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn f1_a_large_file_becomes_chunks_and_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fax.tif");
        let content: Vec<u8> = (0..CHUNK * 2 + 17).map(|index| u8::try_from(index % 251).unwrap()).collect();
        std::fs::write(&path, &content).unwrap();
        let files = [File::look(&path).unwrap_or_else(|_| panic!())];

        let parts: Vec<_> = runtime().block_on(async {
            let (sender, received) = mpsc::channel(AHEAD);
            let mut progress = Progress::hidden();
            let mail = SendMailRequest::default();
            let collect =
                Upload { parts: received, ended: false }.map(|request| request.part.unwrap()).collect();
            let (fed, parts) = tokio::join!(feed(&sender, &mail, &files, &mut progress), collect);
            assert!(fed.is_ok());
            parts
        });

        assert_eq!(parts.len(), 2 + 3);
        assert!(matches!(&parts[1], Part::Attachment(start) if start.file_name == "fax.tif"));
        let sent: Vec<u8> = parts[2..]
            .iter()
            .flat_map(|part| match part {
                Part::Chunk(chunk) => chunk.to_vec(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(sent == content);
    }

    #[test]
    fn f1_an_upload_that_breaks_off_never_ends_as_if_it_were_whole() {
        let (sender, received) = mpsc::channel(AHEAD);
        let mut upload = Upload { parts: received, ended: false };
        sender.try_send(Some(Part::Chunk(vec![1].into()))).unwrap();
        drop(sender);
        let mut task = Task::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut upload).poll_next(&mut task), Poll::Ready(Some(_))));
        assert!(Pin::new(&mut upload).poll_next(&mut task).is_pending(), "the stream ended");
    }
}
