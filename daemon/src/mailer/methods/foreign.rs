//! What the methods have in common whose session is not ours: System.Net.Mail and Collaboration Data Objects.
//!
//! They take a whole message and say what became of it, and nothing in between. So a Test looks first, up to EHLO, with
//! Faxpost's own engine, and says so in each step; sign-in, sender and recipients are the method's own, and told when it has
//! ended: a message that was taken has passed them all. A Test that ends before the message is that look alone.

use crate::accounts::Security;
use crate::mailer::failure::Fault;
use crate::mailer::progress::Progress;
use crate::mailer::smtp::{JobTurn, Recorder, Session};
use crate::mailer::{
    Body, Credential, DeliveryStatus, Failure, FailureKind, Job, Outcome, RecipientOutcome, Reply, SmtpRoute,
    Step, TlsInfo, envelope,
};

/// What became of a message.
#[derive(Debug, Default)]
pub(super) struct Handed {
    /// Why it did not go; the steps before that one were passed.
    pub(super) failure: Option<Failure>,
    /// The server's words, as far as they are told.
    pub(super) answer: String,
    /// Recipients that the server did not take.
    pub(super) refused: Vec<(String, Reply)>,
    pub(super) tls: Option<TlsInfo>,
    /// For the transcript.
    pub(super) remarks: Vec<String>,
}

impl From<Failure> for Handed {
    fn from(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }
}

/// A job that goes on with its method's own part.
pub(super) struct Begun<'a> {
    job: &'a Job,
    progress: Progress,
    recorder: Recorder,
    /// The step that is told at the moment.
    step: Step,
    /// Of those that cannot be recipients at all.
    decided: Vec<Option<RecipientOutcome>>,
    tls: Option<TlsInfo>,
}

/// Everything before the method's own part. `Err`: the job has ended already.
pub(super) async fn begin<'a>(
    job: &'a Job,
    route: &'a SmtpRoute,
    progress: Progress,
    name: &str,
) -> Result<Begun<'a>, Outcome> {
    let unusable =
        |to: &String| envelope::recipient(to).err().map(|answer| RecipientOutcome::Failed { answer });
    let mut begun = Begun {
        job,
        progress,
        recorder: Recorder::new(),
        step: Step::SignIn,
        decided: job.envelope.to.iter().map(unusable).collect(),
        tls: None,
    };
    if let Some(sign_in) = &route.sign_in {
        begun.recorder.hide(sign_in.credential.secret().expose());
    }
    if begun.progress.is_told() || job.until < Step::Message {
        begun.look(route, name).await?;
    }
    if route.sign_in.is_none() {
        begun.progress.skip(Step::SignIn);
        begun.step = Step::Sender;
    }
    begun.progress.begin(begun.step);
    match check(job, route, name) {
        Ok(()) => Ok(begun),
        Err((step, fault)) => Err(begun.end(fault.at(step).into())),
    }
}

/// What no such method does, whatever the server says.
fn check(job: &Job, route: &SmtpRoute, name: &str) -> Result<(), (Step, Fault)> {
    if let Some(sign_in) = &route.sign_in {
        if route.security == Security::None && !route.plaintext_auth {
            let text = "without TLS the password could be read on its way";
            return Err((Step::SignIn, Fault::new(FailureKind::PlaintextRefused, text)));
        }
        if matches!(sign_in.credential, Credential::AccessToken(_)) || sign_in.mechanism.is_some() {
            let text = format!("{name} signs in with a password, in its own way");
            return Err((Step::SignIn, Fault::new(FailureKind::NoMechanism, text)));
        }
    }
    envelope::sender(&job.envelope).map_err(|fault| (Step::Sender, fault))?;
    if envelope::is_internationalized(&job.envelope) {
        let text = format!("{name} takes addresses in ASCII only");
        return Err((Step::Recipient, Fault::new(FailureKind::NoSmtputf8, text)));
    }
    Ok(())
}

impl Begun<'_> {
    /// Those that the method is to send to.
    pub(super) fn recipients(&self) -> Vec<String> {
        let all = self.job.envelope.to.iter().zip(&self.decided);
        all.filter(|(_, decided)| decided.is_none()).map(|(to, _)| to.clone()).collect()
    }

    /// To be told before the end of the message leaves.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// A session of ours, on a connection of its own, without a message. `Err`: it failed, or is all that was asked for.
    async fn look(&mut self, route: &SmtpRoute, name: &str) -> Result<(), Outcome> {
        let until = if self.job.until < Step::Message { self.job.until } else { Step::Ehlo };
        let label = format!("seen by Faxpost's own engine: {name} does not tell its steps");
        let job = Job {
            until,
            route: self.job.route.clone(),
            envelope: self.job.envelope.clone(),
            body: Body::Inline(Vec::new()),
            seven_bit: true,
            signing: None,
            delivery_status: DeliveryStatus::default(),
            pool: None,
        };
        let progress = self.progress.beside(label.clone());
        let mut outcome = Session::new(&job, route, progress, None, &mut JobTurn::free()).run().await;
        outcome.transcript.text.insert_str(0, &format!("* {label}\n"));
        if outcome.failure.is_some() || self.job.until < Step::Message {
            return Err(outcome);
        }
        self.tls = outcome.tls;
        for line in outcome.transcript.text.lines() {
            self.recorder.remark(line.trim_start());
        }
        Ok(())
    }

    /// The end of the job.
    pub(super) fn end(mut self, handed: Handed) -> Outcome {
        for remark in &handed.remarks {
            self.recorder.remark(&self.recorder.scrub(remark));
        }
        let failure = handed.failure.map(|failure| self.fail(failure));
        let answer = self.recorder.scrub(&handed.answer);
        if failure.is_none() {
            self.pass(&answer);
        }
        let decided = std::mem::take(&mut self.decided);
        let refused = |to: &str| handed.refused.iter().find(|(one, _)| one.eq_ignore_ascii_case(to));
        let refusal = |reply: &Reply| Failure {
            step: Step::Recipient,
            kind: FailureKind::RecipientRejected,
            text: self.recorder.scrub(&format!("the server refused the recipient: {}", reply.in_one_line())),
            reply: Some(self.scrubbed(reply)),
        };
        let outcome = |(to, decided): (&String, Option<RecipientOutcome>)| match (decided, refused(to)) {
            (Some(decided), _) => decided,
            (None, Some((_, reply))) => refusal(reply).outcome(),
            (None, None) => failure.as_ref().map_or_else(
                || RecipientOutcome::Delivered { answer: answer.clone() },
                |failure| failure.outcome(),
            ),
        };
        let recipients = self.job.envelope.to.iter().zip(decided).map(outcome).collect();
        let some_refused = handed.refused.first().map(|(_, reply)| refusal(reply));
        Outcome {
            reused: false,
            recipients,
            tls: handed.tls.or(self.tls),
            answer: if failure.is_none() { answer } else { String::new() },
            failure: failure.or(some_refused),
            transcript: self.recorder.finish(),
        }
    }

    fn fail(&mut self, failure: Failure) -> Failure {
        // Who listens has seen the connection stand.
        let step = if self.progress.is_told() { failure.step.max(self.step) } else { failure.step };
        let failure = Failure {
            step,
            text: self.recorder.scrub(&failure.text),
            reply: failure.reply.as_ref().map(|reply| self.scrubbed(reply)),
            kind: failure.kind,
        };
        self.recorder.remark(&failure.text);
        while self.step < step {
            self.next();
        }
        let Failure { kind, text, reply, .. } = failure.clone();
        self.progress.fail(Fault { kind, text, reply });
        failure
    }

    fn pass(&mut self, answer: &str) {
        while self.step < Step::Message {
            self.next();
        }
        if let Some(signature) = self.job.body.signature() {
            self.recorder.remark(&signature);
            self.progress.note(&signature);
        }
        self.recorder.remark(&format!("taken: {answer}"));
        self.progress.note(answer);
        self.progress.pass();
    }

    fn next(&mut self) {
        self.progress.pass();
        let next = Step::ALL.into_iter().find(|step| *step > self.step);
        self.step = next.unwrap_or(Step::Message);
        self.progress.begin(self.step);
    }

    /// A server may repeat what it was told.
    fn scrubbed(&self, reply: &Reply) -> Reply {
        let lines: Vec<_> = reply.lines.iter().map(|line| self.recorder.scrub(line)).collect();
        Reply { lines, ..reply.clone() }
    }
}
