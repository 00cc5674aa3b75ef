//! The method `secure-smtp-client`: Faxpost's own engine. The conversation itself is in [`crate::mailer::smtp`].

use crate::mailer::progress::Progress;
use crate::mailer::smtp::{JobTurn, Key, Pool, Session};
use crate::mailer::{Job, Outcome, SmtpRoute};

/// One job, one session, on a connection of its own or one that an earlier job has left in the pool.
pub(in crate::mailer) async fn run(
    job: &Job,
    route: &SmtpRoute,
    progress: Progress,
    pool: Option<(&Pool, Key)>,
    turn: &mut JobTurn,
) -> Outcome {
    Session::new(job, route, progress, pool, turn).run().await
}
