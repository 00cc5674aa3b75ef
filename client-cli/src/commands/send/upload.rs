//! A large message as a stream: files are read as fast as the daemon takes them, so memory stays the same for any size.

use std::time::Duration;

use bytes::BytesMut;
use faxpost_proto::v1::{
    AttachmentStart, SendMailRequest, SendMailStreamRequest, SendMailStreamResponse, mail_client::MailClient,
    send_mail_stream_request::Part,
};
use tokio::io::AsyncReadExt as _;
use tonic::transport::Channel;

use super::{files::File, progress::Progress};
use crate::{
    commands::{
        Context,
        stream::{self, CHUNK, Parts},
    },
    error::Error,
};

/// How long a daemon that restarts gets before the second try.
pub(super) const BREATH: Duration = Duration::from_millis(500);

/// Sends the message with its files, and tells on a terminal how far it is.
pub(super) async fn send(
    mut client: MailClient<Channel>,
    mail: &SendMailRequest,
    files: &[File],
    context: &mut Context,
) -> Result<SendMailStreamResponse, Error> {
    let (parts, upload) = stream::channel();
    let total = files.iter().map(File::size).sum::<Option<u64>>();
    let mut progress = Progress::new(total, context.texts.uploading);
    let call = client.send_mail_stream(upload);
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

async fn feed(
    parts: &Parts<SendMailStreamRequest>,
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
    parts.finish().await;
    Ok(())
}

async fn put(parts: &Parts<SendMailStreamRequest>, part: Part) {
    parts.put(SendMailStreamRequest { part: Some(part) }).await;
}

#[cfg(test)]
mod tests {
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
            let (sender, upload) = stream::channel();
            let mut progress = Progress::hidden();
            let mail = SendMailRequest::default();
            let collect = upload.map(|request: SendMailStreamRequest| request.part.unwrap()).collect();
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
}
