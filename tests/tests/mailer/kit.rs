//! Jobs, and what came of them.

use faxpost_tests::smtp::SmtpServer;
use faxpostd::accounts::{Security, TlsCheck};
use faxpostd::mailer::{
    Body, Credential, Envelope, Event, Failure, FailureKind, Job, Mailer, Outcome, RecipientOutcome, Route,
    SignIn, SmtpRoute, Step, StepReport, StepState, Timeouts,
};
use faxpostd::secrets::Secret;

pub(crate) const MESSAGE: &[u8] = b"Subject: fax\r\n\r\none\r\n.two\r\n..\r\n.\r\nlast\r\n";

/// Patient enough for a machine under load: the tests that want a timeout set their own.
const TIMEOUTS: Timeouts = Timeouts { connect: 20, command: 20, data: 20, final_answer: 20 };

/// A message from a@ to b@example.com without TLS and sign-in, to be changed.
pub(crate) fn job(server: &SmtpServer) -> Job {
    job_to(server.port())
}

/// The same, to whatever listens on this port of the loopback.
pub(crate) fn job_to(port: u16) -> Job {
    Job {
        route: Route::Smtp(SmtpRoute {
            server: "127.0.0.1".to_owned(),
            port,
            security: Security::None,
            tls_check: TlsCheck::System,
            sign_in: None,
            plaintext_auth: false,
            ehlo_name: "fax.test".to_owned(),
            timeouts: TIMEOUTS,
            proxy: None,
        }),
        envelope: Envelope { from: "a@example.com".to_owned(), to: vec!["b@example.com".to_owned()] },
        body: Body::Inline(MESSAGE.to_vec()),
        seven_bit: false,
        signing: None,
        until: Step::Message,
        delivery_status: Default::default(),
        pool: None,
    }
}

/// Short forms for what the tests change.
pub(crate) trait JobExt: Sized {
    fn route(&mut self) -> &mut SmtpRoute;

    fn tls(mut self, security: Security, check: TlsCheck) -> Self {
        (self.route().security, self.route().tls_check) = (security, check);
        self
    }

    fn sign_in(mut self, login: &str, password: &str) -> Self {
        let password = Secret::new(password.to_owned());
        self.route().sign_in = Some(SignIn {
            login: login.to_owned(),
            credential: Credential::Password(password),
            mechanism: None,
        });
        self
    }

    fn token(mut self, login: &str, token: &str) -> Self {
        let token = Secret::new(token.to_owned());
        self.route().sign_in = Some(SignIn {
            login: login.to_owned(),
            credential: Credential::AccessToken(token),
            mechanism: None,
        });
        self
    }

    /// Of the sign-in that was set before.
    fn mechanism(mut self, name: &str) -> Self {
        self.route().sign_in.as_mut().expect("a sign-in").mechanism = Some(name.to_owned());
        self
    }

    fn plaintext_auth(mut self) -> Self {
        self.route().plaintext_auth = true;
        self
    }

    /// One second for everything.
    fn impatient(mut self) -> Self {
        self.route().timeouts = Timeouts { connect: 1, command: 1, data: 1, final_answer: 1 };
        self
    }

    /// By System.Net.Mail.
    #[cfg(unix)]
    fn net_mail(self) -> Self;
    /// By Collaboration Data Objects.
    #[cfg(windows)]
    fn cdo(self) -> Self;
    fn to(self, to: &[&str]) -> Self;
    fn until(self, step: Step) -> Self;
}

impl JobExt for Job {
    fn route(&mut self) -> &mut SmtpRoute {
        match &mut self.route {
            Route::Smtp(route) | Route::SystemNetMail(route) | Route::CdoMessage(route) => route,
            Route::Pickup { .. } => panic!("a job with a server"),
        }
    }

    #[cfg(unix)]
    fn net_mail(mut self) -> Self {
        self.route = Route::SystemNetMail(self.route().clone());
        self
    }

    #[cfg(windows)]
    fn cdo(mut self) -> Self {
        self.route = Route::CdoMessage(self.route().clone());
        self
    }

    fn to(mut self, to: &[&str]) -> Self {
        self.envelope.to = to.iter().map(|&to| to.to_owned()).collect();
        self
    }

    fn until(mut self, step: Step) -> Self {
        self.until = step;
        self
    }
}

/// Runs it with a mailer of its own.
pub(crate) async fn run(job: Job, events: Option<tokio::sync::mpsc::UnboundedSender<Event>>) -> Outcome {
    Mailer::in_process().deliver(job, events).await
}

/// Runs it, and gives the reports of its steps, too.
pub(crate) async fn run_told(job: Job) -> (Outcome, Vec<StepReport>) {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let outcome = run(job, Some(sender)).await;
    let mut reports = Vec::new();
    let mut begun = None;
    while let Some(event) = events.recv().await {
        match event {
            Event::Started(step) => begun = Some(step),
            Event::Finished(report) => {
                let expected = (report.state != StepState::Skipped).then_some(report.step);
                assert_eq!(begun.take(), expected, "a step that ran began before it ended");
                reports.push(report);
            }
        }
    }
    (outcome, reports)
}

/// Runs it, and it fails.
pub(crate) async fn fails(job: Job) -> Failure {
    let recipients = job.envelope.to.len();
    let (outcome, reports) = run_told(job).await;
    assert_eq!(outcome.recipients.len(), recipients);
    let failure = outcome.failure.expect("a failure");
    let last = reports.last().expect("steps");
    assert_eq!((last.step, last.state), (failure.step, StepState::Failed), "nothing follows a failed step");
    assert_eq!(last.reply, failure.reply, "the step tells the server's answer");
    let is_deferred = |outcome: &RecipientOutcome| matches!(outcome, RecipientOutcome::Deferred { .. });
    if failure.is_transient() && failure.kind != FailureKind::RecipientRejected {
        assert!(outcome.recipients.iter().all(is_deferred), "{:?}", outcome.recipients);
    }
    failure
}

/// Runs it, and all are delivered.
pub(crate) async fn succeeds(job: Job) -> Outcome {
    let outcome = run(job, None).await;
    assert!(outcome.failure.is_none(), "{:?}\n{}", outcome.failure, outcome.transcript.text);
    let delivered = |outcome: &RecipientOutcome| matches!(outcome, RecipientOutcome::Delivered { .. });
    assert!(outcome.recipients.iter().all(delivered), "{:?}", outcome.recipients);
    outcome
}
