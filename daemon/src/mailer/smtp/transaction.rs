//! The mail transaction (RFC 5321 section 3.3): sender, recipients, content.
//!
//! Where PIPELINING is offered (RFC 2920), the recipients leave together with the sender, and the last of them with DATA;
//! their answers are read after. The content waits for them all the same, also where BDAT needs no leave (RFC 3030): it must
//! not go to a server that took no recipient, and it would not save the round trip: a server that answers to the envelope and to the
//! content in two pieces (Nagle's algorithm) waits for an acknowledgement that our system delays by 40 ms.

use std::collections::VecDeque;

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter, RcptParameter};

use super::content::{Content, PIECE, Stuffer};
use super::session::Session;
use crate::mailer::failure::Fault;
use crate::mailer::{
    DeliveryStatus, Envelope, Failure, FailureKind, GiveBack, Notify, RecipientOutcome, Reply, Step, envelope,
};

/// Recipients asked for at once. Their answers must fit into the buffers of both sides while nobody reads them.
const GROUP: usize = 50;

impl<'a> Session<'a> {
    pub(super) async fn sender(&mut self) -> Result<(), Fault> {
        let sender = envelope::sender(&self.job.envelope)?;
        let parameters = self.mail_parameters().await?;
        self.connection.queue(Mail::new(sender, parameters));
        if self.capabilities.pipelining && self.job.until > Step::Sender {
            self.ask_for_recipients(GROUP);
        }
        let reply = self.connection.reply().await?;
        if !reply.is_positive() {
            return Err(Fault::refused(FailureKind::SenderRejected, "the sender", reply));
        }
        self.progress.note(format!("from <{}>", self.job.envelope.from));
        self.progress.answered(reply);
        Ok(())
    }

    /// What the server must know beforehand; and what cannot be, is found out before anything is sent.
    async fn mail_parameters(&mut self) -> Result<Vec<MailParameter>, Fault> {
        let mut parameters = Vec::new();
        let size = self.job.body.size();
        if let Some(limit) = self.capabilities.size_limit()
            && size > limit
        {
            let text = format!("the message has {size} bytes, and the server takes at most {limit}");
            return Err(Fault::new(FailureKind::TooLarge, text));
        }
        if self.capabilities.size.is_some() {
            parameters.push(MailParameter::Size(usize::try_from(size).unwrap_or(usize::MAX)));
        }
        // A server without 8BITMIME is sent 8-bit content undeclared: all of today's pass it on.
        if !self.job.seven_bit && (self.capabilities.eight_bit_mime || self.capabilities.chunking) {
            self.survey = self.content().await?.survey().await.map_err(unreadable)?;
        }
        if self.capabilities.eight_bit_mime && self.survey.eight_bit {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if envelope::is_internationalized(&self.job.envelope) {
            if !self.capabilities.smtputf8 {
                let text =
                    "an address has other than ASCII letters before its @, and the server cannot take those";
                return Err(Fault::new(FailureKind::NoSmtputf8, text));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        parameters.extend(self.report_parameters());
        Ok(parameters)
    }

    /// RET and ENVID (RFC 3461), where the server has them.
    fn report_parameters(&mut self) -> Vec<MailParameter> {
        let DeliveryStatus { give_back, envelope_id, .. } = &self.job.delivery_status;
        let other = |keyword: &str, value: &str| MailParameter::Other {
            keyword: keyword.to_owned(),
            value: Some(value.to_owned()),
        };
        let mut parameters = Vec::new();
        parameters.extend(give_back.map(|much| match much {
            GiveBack::Full => other("RET", "FULL"),
            GiveBack::Header => other("RET", "HDRS"),
        }));
        parameters.extend((!envelope_id.is_empty()).then(|| other("ENVID", envelope_id)));
        if self.capabilities.dsn {
            return parameters;
        }
        if self.job.delivery_status != DeliveryStatus::default() {
            self.connection.recorder.remark("the server has no reports of delivery to ask for (DSN)");
        }
        Vec::new()
    }

    fn notify_parameters(&self) -> Vec<RcptParameter> {
        let Some(occasions) = self.job.delivery_status.notify.as_ref().filter(|_| self.capabilities.dsn)
        else {
            return Vec::new();
        };
        let word = |occasion: &Notify| match occasion {
            Notify::Success => "SUCCESS",
            Notify::Failure => "FAILURE",
            Notify::Delay => "DELAY",
        };
        let words: Vec<_> = occasions.iter().map(word).collect();
        let value = if words.is_empty() { "NEVER".to_owned() } else { words.join(",") };
        vec![RcptParameter::Other { keyword: "NOTIFY".to_owned(), value: Some(value) }]
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
        for _ in 0..at_most {
            let Some((index, address)) = self.recipients.to_ask.pop_front() else { break };
            self.connection.queue(Rcpt::new(address.clone(), self.notify_parameters()));
            self.recipients.asked.push_back((index, address));
        }
        // A server that took no recipient refuses it, and one that does not is left (see `Connection::settle`).
        let is_last = self.recipients.to_ask.is_empty() && !self.recipients.asked.is_empty();
        if is_last && self.capabilities.pipelining && self.job.until == Step::Message && !self.can_chunk() {
            self.connection.queue(Data);
            self.data_asked = true;
        }
    }

    /// One round trip less, and nothing to look for in the content.
    fn can_chunk(&self) -> bool {
        self.capabilities.chunking && !self.without_chunking && !self.survey.bare_line_end
    }

    pub(super) async fn message(&mut self) -> Result<(), Fault> {
        let content = self.content().await.inspect_err(|fault| {
            if self.data_asked {
                // The server waits for the content, and whatever came instead would be taken for it.
                self.connection.close(&fault.text);
            }
        })?;
        self.chunked = self.can_chunk();
        let beginning = if self.chunked { self.chunk() } else { self.data().await? };
        let last = self.stream(content, beginning).await?;
        if let Some(signature) = self.job.body.signature() {
            self.connection.recorder.remark(&signature);
            self.progress.note(signature);
        }
        self.progress.note(format!("{} bytes", self.job.body.size()));

        self.progress.final_dot().await;
        // With the final dot on its way, every end but an answer leaves open whether the message was taken.
        let reply = match self.connection.write_content(&last).await {
            Ok(()) => self.connection.content_reply().await,
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

/// Who is asked for, who was, and what became of each.
pub(super) struct Recipients {
    to_ask: VecDeque<(usize, Address)>,
    asked: VecDeque<(usize, Address)>,
    outcomes: Vec<Option<RecipientOutcome>>,
    accepted: bool,
    /// The refusal that is told for all: the first one that a later try may not meet, or else the first.
    refusal: Option<Fault>,
}

impl Recipients {
    pub(super) fn new(envelope: &Envelope) -> Self {
        let mut this = Self {
            to_ask: VecDeque::new(),
            asked: VecDeque::new(),
            outcomes: Vec::new(),
            accepted: false,
            refusal: None,
        };
        for (index, to) in envelope.to.iter().enumerate() {
            match envelope::recipient(to) {
                Ok(address) => {
                    this.to_ask.push_back((index, address));
                    this.outcomes.push(None);
                }
                Err(text) => {
                    this.outcomes.push(Some(RecipientOutcome::Failed { answer: text.clone() }));
                    this.refusal.get_or_insert_with(|| Fault::new(FailureKind::RecipientRejected, text));
                }
            }
        }
        this
    }

    /// What every recipient came to, when the session ended like this.
    pub(super) fn conclude(
        self,
        failure: Option<&Failure>,
        answer: Option<&Reply>,
    ) -> (Vec<RecipientOutcome>, Option<Failure>) {
        let rest = match (failure, answer) {
            (Some(failure), _) => failure.outcome(),
            (None, Some(reply)) => RecipientOutcome::Delivered { answer: reply.to_string() },
            (None, None) => RecipientOutcome::Deferred { answer: "not sent: only a test".to_owned() },
        };
        let outcomes = self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| rest.clone()));
        (outcomes.collect(), self.refusal.map(|fault| fault.at(Step::Recipient)))
    }

    fn answered(&mut self, index: usize, address: &Address, reply: Reply) -> Result<(), Fault> {
        if reply.is_positive() {
            self.accepted = true;
            return Ok(());
        }
        // RFC 5321 section 4.5.3.1.10: some say 552 for too many recipients, and mean 452.
        let too_many = reply.code == 552 && reply.enhanced.as_deref().is_none_or(|code| code == "5.5.3");
        let transient = too_many || reply.is_transient();
        let answer = reply.to_string();
        let fault = Fault::refused(FailureKind::RecipientRejected, &format!("<{address}>"), reply);
        if fault.kind != FailureKind::RecipientRejected && fault.kind != FailureKind::TooLarge {
            return Err(fault);
        }
        self.outcomes[index] = Some(if transient {
            RecipientOutcome::Deferred { answer }
        } else {
            RecipientOutcome::Failed { answer }
        });
        let tells_more = |old: &Fault| !old.reply.as_ref().is_some_and(Reply::is_transient) && transient;
        if self.refusal.as_ref().is_none_or(tells_more) {
            self.refusal = Some(fault);
        }
        Ok(())
    }

    fn none_accepted(&mut self) -> Fault {
        self.refusal
            .take()
            .unwrap_or_else(|| Fault::new(FailureKind::RecipientRejected, "the message has no recipient"))
    }
}
