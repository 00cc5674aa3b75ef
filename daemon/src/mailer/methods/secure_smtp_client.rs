//! The method `secure-smtp-client`: Faxpost's own engine. The conversation itself is in [`crate::mailer::smtp`].

use crate::mailer::progress::Progress;
use crate::mailer::smtp::Session;
use crate::mailer::{Job, Outcome, SmtpRoute};

/// One job, one session. Connections are not kept: one that died while idle would cost the next message.
pub(in crate::mailer) async fn run(job: &Job, route: &SmtpRoute, progress: Progress) -> Outcome {
    Session::new(job, route, progress).run().await
}
