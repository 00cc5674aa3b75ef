//! `sendmail`: a finished message from standard input, for everything that pipes to a program of that name. What it means
//! for mail is the daemon's to decide; here are only the words, and the exits that such callers know.

use std::ffi::OsString;

use faxpost_proto::{
    reason,
    v1::{MessageState, RawEnvelope, SendRawMailRequest, send_raw_mail_request::Part},
};

use super::{Context, outbox, stream};
use crate::{error::Error, exit::Exit, output::escape::one_line};

mod input;
mod words;

use words::{Mode, Words};

pub(super) async fn run(words: &[OsString], context: &mut Context) -> Result<(), Error> {
    let words = Words::read(words, context.texts)?;
    let sent = match words.mode {
        Mode::Send => send(words, context).await,
        Mode::Queue => {
            let states = [MessageState::Queued, MessageState::Sending, MessageState::Held];
            outbox::list::run(&states, None, 500, context).await
        }
        // There is no queue to run and no table to build: Faxpost does that by itself.
        Mode::Nothing => Ok(()),
    };
    sent.map_err(|error| as_sendmail(error, context))
}

async fn send(words: Words, context: &mut Context) -> Result<(), Error> {
    let mut client = context.mail().await?;
    let (parts, upload) = stream::channel();
    let (ignore_dots, verbose) = (words.ignore_dots, words.verbose);
    let feed = async {
        parts.put(SendRawMailRequest { part: Some(Part::Envelope(envelope(words))) }).await;
        let mut chunks = input::chunks(ignore_dots);
        while let Some(chunk) = chunks.recv().await {
            let chunk = chunk.map_err(|source| Error::Read { path: "-".into(), source })?;
            parts.put(SendRawMailRequest { part: Some(Part::Chunk(chunk)) }).await;
        }
        parts.finish().await;
        Ok::<_, Error>(())
    };
    let call = client.send_raw_mail(upload);
    tokio::pin!(call);
    let answer = tokio::select! {
        // The daemon may refuse before it has everything.
        answer = &mut call => answer,
        fed = feed => {
            fed?;
            call.await
        }
    };
    let answer = answer?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    if verbose {
        let line = (context.texts.accepted_as)(&one_line(&answer.id), &one_line(&answer.message_id));
        context.out.line(&line)?;
    }
    Ok(())
}

fn envelope(words: Words) -> RawEnvelope {
    RawEnvelope {
        account: words.account,
        recipients: words.recipients,
        recipients_from_header: words.from_header,
        sender: words.sender,
        sender_name: words.sender_name,
        notify: words.notify.into_iter().map(Into::into).collect(),
        give_back: words.give_back.into(),
        envelope_id: words.envelope_id,
        ..RawEnvelope::default()
    }
}

/// Callers of sendmail try again after 75, and bounce after everything else: so what is not their fault is 75.
fn as_sendmail(error: Error, context: &mut Context) -> Error {
    let exit = match error.exit() {
        _ if error.has_reason(reason::ACCOUNT_NOT_FOUND) => Exit::Configuration,
        Exit::NotRunning | Exit::Other => Exit::Temporary,
        _ => return error,
    };
    let sentence = format!("{}\n{}", error.sentence(context.texts), context.texts.not_accepted);
    context.out.error(&sentence);
    Error::Told(exit)
}
