//! The next message's beginning leaves behind the content of the one before it, which is a round trip less for each: content may
//! be the first in a group of commands (RFC 2920 section 3.1, RFC 3030 section 4.2).
//!
//! The job that is about to end writes, and reads no answer but its own; the rest is the next one's, who takes over the connection
//! with it. Nothing of a message is in it but its envelope: should the connection end, the next one begins anew.

use std::sync::Arc;

use super::asking::Asking;
use super::capabilities::Capabilities;
use super::content::Survey;
use super::pool::Key;
use super::recipients::{GROUP, Recipients};
use super::session::Session;
use crate::mailer::{Job, Route, Step};

/// A job that may go over the connection of another, and what it will begin with.
pub(in crate::mailer) struct Opening {
    job: Arc<Job>,
    key: Key,
}

impl Opening {
    /// `None`: it has a connection of its own.
    pub(in crate::mailer) fn of(job: &Arc<Job>) -> Option<Self> {
        let (Route::Smtp(route), Some(shared)) = (&job.route, &job.pool) else { return None };
        Some(Self { job: job.clone(), key: Key::of(&shared.name, route)? })
    }

    pub(in crate::mailer) fn key(&self) -> Key {
        self.key.clone()
    }
}

/// A message that was asked for before its turn.
pub(super) struct Begun {
    /// With their line ends.
    pub(super) commands: Vec<String>,
    pub(super) recipients: Recipients,
    /// DATA is among them.
    pub(super) data_asked: bool,
}

impl Begun {
    /// `None`: something must be known before, or will be refused here already.
    fn of(job: &Job, capabilities: &Capabilities) -> Option<Self> {
        let asking = Asking { job, capabilities, survey: Survey::default(), without_chunking: false };
        if !capabilities.pipelining || job.until != Step::Message || asking.wants_survey() {
            return None;
        }
        asking.check().ok()?;
        let mut commands = vec![asking.mail().ok()?];
        let mut recipients = Recipients::new(&job.envelope);
        let data_asked = recipients.ask(&asking, GROUP, |command| commands.push(command));
        (!recipients.asked.is_empty()).then_some(Self { commands, recipients, data_asked })
    }
}

impl Session<'_> {
    /// Lets the next message of the account begin behind `last`, the last of this one's content.
    pub(super) fn begin_next(&mut self, last: &mut Vec<u8>) {
        // It would be refused there as it was here.
        if !self.connection.acknowledges_at_once() || self.is_last_on_connection() || self.without_chunking {
            return;
        }
        let Some((_, key)) = &self.pool else { return };
        let capabilities = &self.capabilities;
        let fits = |next: &Opening| (next.key == *key).then(|| Begun::of(&next.job, capabilities)).flatten();
        if let Some(begun) = self.turn.choose_next(fits) {
            begun.commands.iter().for_each(|command| last.extend_from_slice(command.as_bytes()));
            self.ahead = Some(begun);
        }
    }

    /// What was begun for this message, by the one before it.
    pub(super) fn take_over(&mut self, begun: Begun) {
        let Begun { commands, recipients, data_asked } = begun;
        self.connection.has_been_asked(&commands);
        self.remark_on_reports();
        (self.recipients, self.data_asked, self.begun) = (recipients, data_asked, true);
    }
}
