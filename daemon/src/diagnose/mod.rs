//! The Test of an account (requirement D): the mailer's own session, step by step, with a small message of ours.

mod advice;

use jiff::Timestamp;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::accounts::{Account, FieldProblem, Host, destination, route};
use crate::log::{Entry, Kind, Log, Outcome as LogOutcome};
use crate::mailer::{
    Body, Credential, DeliveryStatus, Event, Failure, Job, Mailer, Outcome, RecipientOutcome, Signing, Step,
    StepReport, StepState, Transcript,
};
use crate::message::Draft;
use crate::store::Author;

pub use advice::advise;

/// What to test.
#[derive(Debug)]
pub struct Test {
    /// Account id, for the log.
    pub id: String,
    /// Saved or unsaved settings.
    pub account: Account,
    /// What goes with them, or why there is nothing.
    pub credential: Result<Option<Credential>, Failure>,
    /// Who signs the test message, or why nobody can.
    pub signing: Result<Option<Signing>, Failure>,
    /// Who gets the test message; empty: the sender.
    pub to: String,
    /// The last step.
    pub until: Step,
    /// Language of the test message.
    pub russian: bool,
    /// Who tests.
    pub caller: Author,
}

/// A test under way.
#[derive(Debug)]
pub struct Running {
    /// Its steps; ends with the test.
    pub steps: UnboundedReceiver<Event>,
    /// Dropped: the test stops at once.
    pub guard: DropGuard,
}

/// Starts a test. It ends by itself, and is written to the log however it ends.
///
/// # Errors
/// The test message cannot be built, e.g. `to` is no address.
pub fn start(test: Test, host: &Host, log: &Log, mailer: &Mailer) -> Result<Running, Vec<FieldProblem>> {
    let sender = test.account.effective_sender(&host.name);
    let to = if test.to.is_empty() { sender.clone() } else { test.to.clone() };
    let (subject, text) = if test.russian { (SUBJECT_RU, TEXT_RU) } else { (SUBJECT_EN, TEXT_EN) };
    let composed = Draft {
        sender_name: test.account.sender_name.clone(),
        sender_email: sender,
        to: vec![to],
        subject: subject.to_owned(),
        text: text.to_owned(),
        reply_to: test.account.reply_to.clone(),
        envelope_sender: test.account.envelope_sender.clone(),
        ..Draft::default()
    }
    .compose()
    .map_err(|problems| problems.into_iter().map(name_to).collect::<Vec<_>>())?;
    let mut body = Vec::with_capacity(composed.size as usize);
    composed.write_to(&mut body).expect("memory takes what is written to it");

    let (events, steps) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    let file_stem = format!("test-{}", uuid::Uuid::now_v7());
    let (signing, unsigned) = match test.signing {
        Ok(signing) => (signing, None),
        Err(failure) => (None, Some(failure)),
    };
    let way = test.credential.and_then(|credential| route(&test.account, credential, host, &file_stem));
    let (way, missing) = match way {
        Err(failure) if failure.step == Step::SignIn => {
            let without = Account { authentication: false, ..test.account.clone() };
            (route(&without, None, host, &file_stem), Some(failure))
        }
        way => (way, unsigned),
    };
    // Without a password or a signature it goes as far as it can: the other settings want to be known, too.
    let until = missing.as_ref().map_or(test.until, |failure| test.until.min(before(failure.step)));
    let missing = missing.filter(|failure| test.until >= failure.step);
    let job = way.map(|route| Job {
        route,
        envelope: composed.envelope.clone(),
        body: Body::Inline(body),
        seven_bit: composed.seven_bit,
        signing,
        until,
        delivery_status: DeliveryStatus::default(),
        pool: None,
    });

    let begun = Timestamp::now();
    let mut entry = Entry::new(Kind::Test, LogOutcome::Ok, 0, (&test.caller.id, &test.caller.name), &test.id);
    entry.method = test.account.method.as_str().to_owned();
    entry.server = destination(&test.account, host);
    entry.sender = composed.envelope.from;
    entry.subject = subject.to_owned();
    entry.size = composed.size;
    let (recipients, log, mailer) = (composed.envelope.to, log.clone(), mailer.clone());
    tokio::spawn(async move {
        let outcome = tokio::select! {
            outcome = run(&mailer, job, missing, &events) => Some(outcome),
            () = stop.cancelled() => None,
        };
        entry.at = Timestamp::now().as_millisecond();
        entry.duration_ms = (entry.at - begun.as_millisecond()).max(0).unsigned_abs();
        conclude(&mut entry, outcome, &recipients);
        if let Err(error) = log.write(entry).await {
            tracing::error!(%error, "a test could not be written to the log");
        }
        // Last, so that whoever sees the stream end finds the entry.
        drop(events);
    });
    Ok(Running { steps, guard })
}

/// `missing`: what a step cannot do without. It is told when nothing failed before.
async fn run(
    mailer: &Mailer,
    job: Result<Job, Failure>,
    missing: Option<Failure>,
    events: &UnboundedSender<Event>,
) -> Outcome {
    match job {
        Ok(job) => {
            let mut outcome = mailer.deliver(job, Some(events.clone())).await;
            if let Some(failure) = missing.filter(|_| outcome.failure.is_none()) {
                let _ = events.send(Event::Started(failure.step));
                tell(&failure, events);
                outcome.failure = Some(failure);
            }
            outcome
        }
        Err(failure) => {
            tell(&failure, events);
            Outcome {
                reused: false,
                answer: failure.text.clone(),
                failure: Some(failure),
                recipients: Vec::new(),
                transcript: Transcript::default(),
                tls: None,
            }
        }
    }
}

/// The last step that can do without what this one needs: a password, a signature.
fn before(step: Step) -> Step {
    if step == Step::SignIn { Step::Ehlo } else { Step::Recipient }
}

/// A step that failed here. Nobody may be listening any more.
fn tell(failure: &Failure, events: &UnboundedSender<Event>) {
    let report = StepReport {
        step: failure.step,
        state: StepState::Failed,
        millis: 0,
        details: Vec::new(),
        reply: None,
        tls: None,
        failure: Some(failure.clone()),
    };
    let _ = events.send(Event::Finished(report));
}

fn conclude(entry: &mut Entry, outcome: Option<Outcome>, recipients: &[String]) {
    let Some(outcome) = outcome else {
        entry.outcome = LogOutcome::Permanent;
        entry.answer = "stopped by the caller".to_owned();
        return;
    };
    let results = outcome.recipients.iter().map(Some).chain(std::iter::repeat(None));
    entry.recipients = recipients
        .iter()
        .zip(results)
        .map(|(address, result)| match result {
            Some(RecipientOutcome::Delivered { answer }) => (address.clone(), true, answer.clone()),
            Some(RecipientOutcome::Failed { answer } | RecipientOutcome::Deferred { answer }) => {
                (address.clone(), false, answer.clone())
            }
            None => (address.clone(), false, String::new()),
        })
        .collect();
    entry.answer = outcome.answer;
    if let Some(failure) = outcome.failure {
        entry.outcome = if failure.is_transient() { LogOutcome::Temporary } else { LogOutcome::Permanent };
        entry.reason = failure.kind.code().to_owned();
        entry.answer = failure.reply.map_or(failure.text, |reply| reply.to_string());
    }
    entry.tls = outcome.tls.map(|tls| format!("{} {}", tls.version, tls.cipher)).unwrap_or_default();
    entry.transcript = Some(outcome.transcript).filter(|transcript| !transcript.text.is_empty());
}

/// The caller knows the recipient as `to`.
fn name_to(mut problem: FieldProblem) -> FieldProblem {
    if problem.field.starts_with("to[") {
        problem.text = problem.text.replacen(&problem.field, "to", 1);
        problem.field = "to".to_owned();
    }
    problem
}

const SUBJECT_EN: &str = "Test message of Faxpost";
const TEXT_EN: &str = "This message was sent by Faxpost to test the settings of an account.\n\
                       If you can read it, they work.\n";
const SUBJECT_RU: &str = "Проверочное сообщение Faxpost";
const TEXT_RU: &str = "Это сообщение отправлено программой Faxpost для проверки параметров учётной записи.\n\
                       Если вы его читаете, они работают.\n";
