//! The mail transaction (RFC 5321 section 3.3): sender, recipients, content.
//!
//! Where PIPELINING is offered (RFC 2920), the recipients leave together with the sender, and the last of them with DATA;
//! their answers are read after. The content waits for them all the same, also where BDAT needs no leave (RFC 3030): it must
//! not go to a server that took no recipient. The round trip is saved otherwise: what the next message begins with leaves behind
//! the content of this one (see `ahead`).

use std::pin::pin;
use std::time::Duration;

use lettre::transport::smtp::commands::Data;
use tokio::time::timeout;

use super::asking::Asking;
use super::content::{Content, PIECE, Stuffer};
use super::recipients::GROUP;
use super::session::Session;
use crate::mailer::failure::Fault;
use crate::mailer::{FailureKind, Reply, Step};

/// How long the next message waits for the answer to this one's content, when it could go over another connection.
const NEXT_WAITS: Duration = Duration::from_secs(2);

impl<'a> Session<'a> {
    pub(super) async fn sender(&mut self) -> Result<(), Fault> {
        if !self.begun {
            self.ask_for_the_sender().await?;
        }
        let reply = self.connection.reply().await?;
        if !reply.is_positive() {
            return Err(Fault::refused(FailureKind::SenderRejected, "the sender", reply));
        }
        self.progress.note(format!("from <{}>", self.job.envelope.from));
        self.progress.answered(reply);
        Ok(())
    }

    /// What cannot be is found out before anything is sent.
    async fn ask_for_the_sender(&mut self) -> Result<(), Fault> {
        self.asking().check()?;
        self.remark_on_reports();
        if self.asking().wants_survey() {
            self.survey = self.content().await?.survey().await.map_err(unreadable)?;
        }
        let mail = self.asking().mail()?;
        self.connection.queue(mail);
        if self.capabilities.pipelining && self.job.until > Step::Sender {
            self.ask_for_recipients(GROUP);
        }
        Ok(())
    }

    pub(super) fn remark_on_reports(&mut self) {
        if self.asking().lacks_reports() {
            self.connection.recorder.remark("the server has no reports of delivery to ask for (DSN)");
        }
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            job: self.job,
            capabilities: &self.capabilities,
            survey: self.survey,
            without_chunking: self.without_chunking,
        }
    }

    pub(super) async fn recipients(&mut self) -> Result<(), Fault> {
        let group = if self.capabilities.pipelining { GROUP } else { 1 };
        loop {
            if self.recipients.asked.is_empty() {
                self.ask_for_recipients(group);
            }
            let Some((index, address)) = self.recipients.asked.pop_front() else { break };
            let reply = self.connection.reply().await?;
            self.progress.note(format!("<{address}>: {}", reply.in_one_line()));
            self.progress.answered(reply.clone());
            self.recipients.answered(index, &address, reply)?;
        }
        if self.recipients.accepted { Ok(()) } else { Err(self.recipients.none_accepted()) }
    }

    fn ask_for_recipients(&mut self, at_most: usize) {
        let Self { job, capabilities, survey, without_chunking, connection, recipients, .. } = self;
        let asking = Asking { job, capabilities, survey: *survey, without_chunking: *without_chunking };
        self.data_asked |= recipients.ask(&asking, at_most, |command| connection.queue(command));
    }

    pub(super) async fn message(&mut self) -> Result<(), Fault> {
        let content = self.content().await.inspect_err(|fault| {
            if self.data_asked {
                // The server waits for the content, and whatever came instead would be taken for it.
                self.connection.close(&fault.text);
            }
        })?;
        self.chunked = self.asking().can_chunk();
        let beginning = if self.chunked { self.chunk() } else { self.data().await? };
        let mut last = self.stream(content, beginning).await?;
        if let Some(signature) = self.job.body.signature() {
            self.connection.recorder.remark(&signature);
            self.progress.note(signature);
        }
        self.progress.note(format!("{} bytes", self.job.body.size()));

        self.progress.final_dot().await;
        self.begin_next(&mut last);
        // With the final dot on its way, every end but an answer leaves open whether the message was taken.
        let reply = match self.connection.write_content(&last).await {
            Ok(()) => self.answer_to_content().await,
            Err(fault) => self.connection.last_words().await.ok_or(fault),
        };
        let reply = reply.map_err(|fault| {
            let text = format!("the message was sent, but whether it was taken is not known: {}", fault.text);
            Fault::new(FailureKind::Uncertain, text)
        })?;
        if !reply.is_positive() {
            return Err(Fault::refused(FailureKind::MessageRejected, "the message", reply));
        }
        self.progress.answered(reply.clone());
        self.answer = Some(reply);
        Ok(())
    }

    /// The next message does not wait for long that this one is answered.
    async fn answer_to_content(&mut self) -> Result<Reply, Fault> {
        let reply = {
            let mut answer = pin!(self.connection.content_reply());
            match timeout(NEXT_WAITS, &mut answer).await {
                Ok(reply) => reply,
                Err(_) => {
                    self.turn.let_next_go();
                    answer.await
                }
            }
        };
        match (&self.ahead, &reply) {
            (Some(_), Ok(_)) => self.connection.hurry(),
            // It may be that the server did not like what it was sent behind the content.
            (Some(_), Err(_)) => self.turn.each_alone(),
            (None, _) => {}
        }
        reply
    }

    async fn data(&mut self) -> Result<Vec<u8>, Fault> {
        if !std::mem::take(&mut self.data_asked) {
            self.connection.queue(Data);
        }
        let reply = self.connection.reply().await?;
        if reply.code != 354 {
            return Err(Fault::refused(FailureKind::MessageRejected, "the message", reply));
        }
        Ok(Vec::with_capacity(self.room()))
    }

    /// All of it is one chunk, and leaves with its command (RFC 3030).
    fn chunk(&mut self) -> Vec<u8> {
        let command = format!("BDAT {} LAST\r\n", self.job.body.size());
        self.connection.recorder.client(command.trim_end());
        let mut beginning = Vec::with_capacity(self.room() + command.len());
        beginning.extend_from_slice(command.as_bytes());
        beginning
    }

    /// Of the buffer that the content passes through: a small message shall not cost what a large one does.
    fn room(&self) -> usize {
        let size = usize::try_from(self.job.body.size()).unwrap_or(PIECE).min(PIECE);
        size + size / 16 + 16
    }

    /// Sends the content after `output` except for its last bytes (and the final dot), which are given back.
    async fn stream(&mut self, mut content: Content<'_>, mut output: Vec<u8>) -> Result<Vec<u8>, Fault> {
        self.content_begun = true;
        self.connection.recorder.client(&format!("[{} bytes]", self.job.body.size()));
        let mut stuffer = (!self.chunked).then(Stuffer::default);
        let mut piece = Vec::new();
        loop {
            // Half a message without its final dot is none: the server throws it away.
            content.read(&mut piece).await.map_err(|error| {
                self.connection.close("closed: the message could not be read to its end");
                unreadable(error)
            })?;
            if piece.is_empty() {
                break;
            }
            match &mut stuffer {
                Some(stuffer) if self.job.seven_bit => stuffer.push_clean(&piece, &mut output),
                Some(stuffer) => stuffer.push(&piece, &mut output),
                None => output.extend_from_slice(&piece),
            }
            if output.len() >= PIECE {
                // What ends the message is not sent yet: the final dot, or the last byte of the chunk.
                let ready = output.len() - usize::from(self.chunked);
                if let Err(fault) = self.connection.write_content(&output[..ready]).await {
                    return Err(match self.connection.last_words().await {
                        Some(reply) => Fault::refused(FailureKind::MessageRejected, "the message", reply),
                        None => fault,
                    });
                }
                output.drain(..ready);
            }
        }
        if let Some(stuffer) = stuffer {
            stuffer.finish(&mut output);
        }
        Ok(output)
    }

    async fn content(&self) -> Result<Content<'a>, Fault> {
        let job = self.job;
        Content::open(&job.body).await.map_err(unreadable)
    }
}

fn unreadable(error: std::io::Error) -> Fault {
    Fault::new(FailureKind::LocalFile, format!("the message cannot be read: {error}"))
}
