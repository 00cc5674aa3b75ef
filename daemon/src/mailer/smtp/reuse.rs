//! Using a connection again: what a session takes over from the one before, when it begins anew, and what it leaves.

use super::connection::Connection;
use super::pool::{Kept, MESSAGES};
use super::recipients::Recipients;
use super::session::Session;
use crate::mailer::{Failure, FailureKind, Step};

impl Session<'_> {
    /// Takes the connection of the message before, or one from the pool, if there is one that still stands.
    pub(super) async fn use_again(&mut self) {
        let Some((pool, key)) = &self.pool else { return };
        let kept = match self.turn.carried() {
            Some(mut kept) => {
                kept.connection.recorder.restart();
                *kept
            }
            None => match pool.take(key).await {
                Some(kept) => kept,
                None => return,
            },
        };
        let Kept { connection, capabilities, tls, label, messages, begun, .. } = kept;
        (self.connection, self.capabilities, self.tls) = (connection, capabilities, tls);
        self.connection.recorder.remark(&format!("message {} on the connection to {label}", messages + 1));
        (self.label, self.messages) = (label, messages);
        if let Some(begun) = begun {
            self.take_over(begun);
        }
    }

    /// It carries no message after this one.
    pub(super) fn is_last_on_connection(&self) -> bool {
        self.messages + 1 >= MESSAGES
    }

    /// Nothing of the message can have been taken, and a fresh connection may do better. What the server had against
    /// the old one (too many messages, too long a silence) shows in many ways, so the new one is asked.
    pub(super) async fn begins_anew(&mut self, failure: &Failure) -> bool {
        let code = failure.reply.as_ref().map_or(0, |reply| reply.code);
        let cannot_chunk = self.chunked && matches!(code, 500..=504);
        let ended = match failure.kind {
            FailureKind::ConnectionLost
            | FailureKind::TimedOut
            | FailureKind::NotSmtp
            | FailureKind::SessionRefused => true,
            FailureKind::SenderRejected => matches!(code, 400..500 | 503 | 530),
            _ => false,
        };
        let reused = self.messages > 0 && failure.step >= Step::Sender;
        let untouched = reused && ended && !self.content_begun;
        if !cannot_chunk && !untouched {
            return false;
        }
        if self.begun && !matches!(code, 400..500) {
            // It may be that the server did not like it.
            self.turn.each_alone();
        }
        let why = if cannot_chunk { "the server cannot do BDAT" } else { "this connection is used up" };
        self.connection.make_room(why).await;
        self.connection.recorder.remark("once more, on a fresh connection");
        let mut fresh = Connection::new(self.route.timeouts);
        std::mem::swap(&mut fresh.recorder, &mut self.connection.recorder);
        self.connection = fresh;
        self.recipients = Recipients::new(&self.job.envelope);
        (self.messages, self.tls) = (0, None);
        (self.content_begun, self.data_asked, self.begun) = (false, false, false);
        self.ahead = None;
        self.turn.let_next_go();
        self.without_chunking |= std::mem::take(&mut self.chunked);
        true
    }

    /// Leaves the connection to the next message, if it can carry one; whether it did.
    pub(super) async fn keep(&mut self, failure: Option<&Failure>) -> bool {
        let Some((pool, key)) = self.pool.take() else { return false };
        if self.job.until < Step::Message || !self.connection.is_open() {
            return false;
        }
        // Refusals that speak of this message alone.
        let about_the_message = failure.is_none_or(|failure| {
            matches!(
                failure.kind,
                FailureKind::SenderRejected
                    | FailureKind::RecipientRejected
                    | FailureKind::MessageRejected
                    | FailureKind::TooLarge
                    | FailureKind::NoSmtputf8
            )
        });
        if !about_the_message {
            return false;
        }
        // The answer to the content ends the transaction, whatever it is; so what was begun behind it stands.
        let is_settled = failure.is_none() || self.ahead.is_some() || self.connection.settle().await;
        if !is_settled {
            return false;
        }
        if self.messages == 0 {
            let tls = self.tls.as_ref().map(|tls| format!(", {} {}", tls.version, tls.cipher));
            let login =
                self.route.sign_in.as_ref().map(|sign_in| format!(", signed in as {}", sign_in.login));
            self.label.extend([tls, login].into_iter().flatten());
        }
        self.connection.recorder.remark("the connection is kept for the next message");
        self.transcript = Some(self.connection.recorder.take());
        let connection = std::mem::replace(&mut self.connection, Connection::new(self.route.timeouts));
        let kept = Box::new(Kept {
            key,
            connection,
            capabilities: std::mem::take(&mut self.capabilities),
            tls: self.tls.clone(),
            label: std::mem::take(&mut self.label),
            messages: self.messages + 1,
            since: tokio::time::Instant::now(),
            begun: self.ahead.take(),
        });
        if let Err(kept) = self.turn.pass_on(kept) {
            pool.keep(*kept).await;
        }
        true
    }
}
