//! The recipients of one message: who is asked for, who was, and what became of each.

use std::collections::VecDeque;

use lettre::Address;
use lettre::transport::smtp::commands::Data;

use super::asking::Asking;
use crate::mailer::failure::Fault;
use crate::mailer::{Envelope, Failure, FailureKind, RecipientOutcome, Reply, Step, envelope};

/// Recipients asked for at once. Their answers must fit into the buffers of both sides while nobody reads them.
pub(super) const GROUP: usize = 50;

/// Who is asked for, who was, and what became of each.
pub(super) struct Recipients {
    to_ask: VecDeque<(usize, Address)>,
    pub(super) asked: VecDeque<(usize, Address)>,
    outcomes: Vec<Option<RecipientOutcome>>,
    pub(super) accepted: bool,
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

    /// Asks for the next of them, and behind the last for leave to send the content, where that is wanted; whether it did.
    pub(super) fn ask(&mut self, asking: &Asking<'_>, at_most: usize, mut queue: impl FnMut(String)) -> bool {
        for _ in 0..at_most {
            let Some((index, address)) = self.to_ask.pop_front() else { break };
            queue(asking.rcpt(&address));
            self.asked.push_back((index, address));
        }
        // A server that took no recipient refuses it, and one that does not is left (see `Connection::settle`).
        let is_last = self.to_ask.is_empty() && !self.asked.is_empty();
        let asks = is_last && asking.asks_for_data();
        if asks {
            queue(Data.to_string());
        }
        asks
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

    pub(super) fn answered(&mut self, index: usize, address: &Address, reply: Reply) -> Result<(), Fault> {
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

    pub(super) fn none_accepted(&mut self) -> Fault {
        self.refusal
            .take()
            .unwrap_or_else(|| Fault::new(FailureKind::RecipientRejected, "the message has no recipient"))
    }
}
