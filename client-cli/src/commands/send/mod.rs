//! `send`: one message, small ones in one call, large ones as a stream.

use faxpost_proto::v1::{Attachment, Header, SendMailRequest, SendMailResponse, SendMailStreamResponse};
use prost::{Message as _, Name};
use uuid::Uuid;

use super::Context;
use crate::{args::Send, error::Error, input, output::escape::one_line};

mod files;
mod progress;
mod upload;
mod wait;

use files::File;

/// Up to here one call carries it all. The daemon takes 1 MiB; the rest is for names and lengths on the wire.
const UNARY: u64 = (1 << 20) - (16 << 10);

pub(super) async fn run(args: Send, context: &mut Context) -> Result<(), Error> {
    let wait = (args.wait || args.wait_seconds.is_some()).then_some(args.wait_seconds);
    let files = args.attach.iter().map(|path| File::look(path)).collect::<Result<Vec<_>, _>>()?;
    let mail = mail(args, context)?;
    let accepted = send(&mail, &files, context).await?;
    tell(&accepted, context)?;
    match wait {
        Some(seconds) => wait::run(&accepted.id, seconds, context).await,
        None => Ok(()),
    }
}

/// What both ways of sending answer.
struct Accepted {
    id: String,
    message_id: String,
    duplicate: bool,
}

async fn send(mail: &SendMailRequest, files: &[File], context: &mut Context) -> Result<Accepted, Error> {
    let size =
        files.iter().map(File::size).try_fold(mail.encoded_len() as u64, |sum, size| Some(sum + size?));
    let small = size.is_some_and(|size| size <= UNARY);
    let first = attempt(mail, files, small, context).await;
    match first {
        // What the daemon did is not known; the same request id makes a second try harmless.
        Err(error) if error.is_broken_connection() && files.iter().all(File::can_be_read_again) => {
            tokio::time::sleep(upload::BREATH).await;
            attempt(mail, files, small, context).await
        }
        result => result,
    }
}

async fn attempt(
    mail: &SendMailRequest,
    files: &[File],
    small: bool,
    context: &mut Context,
) -> Result<Accepted, Error> {
    let mut client = context.mail().await?;
    if small {
        let mut whole = mail.clone();
        for file in files {
            whole.attachments.push(Attachment {
                file_name: file.name().to_owned(),
                content_type: String::new(),
                content: file.read().await?.into(),
            });
        }
        let answer = client.send_mail(super::request(whole)).await?.into_inner();
        let SendMailResponse { id, message_id, duplicate, .. } = answer.clone();
        json(&answer, context)?;
        Ok(Accepted { id, message_id, duplicate })
    } else {
        let answer = upload::send(client, mail, files, context).await?;
        let SendMailStreamResponse { id, message_id, duplicate, .. } = answer.clone();
        json(&answer, context)?;
        Ok(Accepted { id, message_id, duplicate })
    }
}

fn json<M: prost::Message + Name>(answer: &M, context: &mut Context) -> Result<(), Error> {
    if context.out.is_json() { context.out.json(answer) } else { Ok(()) }
}

fn tell(accepted: &Accepted, context: &mut Context) -> Result<(), Error> {
    if context.out.is_json() {
        return Ok(());
    }
    let texts = context.texts;
    let line = (texts.accepted_as)(&one_line(&accepted.id), &one_line(&accepted.message_id));
    context.out.line(&line)?;
    if accepted.duplicate {
        context.out.line(texts.duplicate)?;
    }
    context.out.flush()
}

fn mail(args: Send, context: &Context) -> Result<SendMailRequest, Error> {
    let texts = context.texts;
    let text = if args.text == "-" { input::text("-".as_ref(), texts)? } else { args.text };
    let html = args.html.map(|path| input::text(&path, texts)).transpose()?.unwrap_or_default();
    let headers =
        args.header.iter().map(|field| header(field).ok_or_else(|| Error::Usage((texts.bad_header)(field))));
    Ok(SendMailRequest {
        account: args.account.unwrap_or_default(),
        to: args.to,
        cc: args.cc,
        bcc: args.bcc,
        subject: args.subject,
        text,
        html,
        attachments: Vec::new(),
        headers: headers.collect::<Result<_, _>>()?,
        request_id: args.request_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        ..SendMailRequest::default()
    })
}

/// `Name: value`; what may stand in either is the daemon's to say.
fn header(field: &str) -> Option<Header> {
    let (name, value) = field.split_once(':')?;
    Some(Header { name: name.to_owned(), value: value.strip_prefix(' ').unwrap_or(value).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let parsed = |field| header(field).map(|header| (header.name, header.value));
        assert_eq!(parsed("X-Fax: 12: a"), Some(("X-Fax".into(), "12: a".into())));
        assert_eq!(parsed("X-Fax:"), Some(("X-Fax".into(), String::new())));
        assert_eq!(parsed("X-Fax"), None);
    }
}
