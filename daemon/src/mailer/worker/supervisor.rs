//! The daemon's handle on the mailer's process: starts it with the first job, and again when it died.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::link::{Link, Lost};
use super::{Answer, Arguments, Task, platform};
use crate::mailer::{
    self, Event, Failure, FailureKind, Job, Outcome, RecipientOutcome, Step, StepReport, StepState,
    Transcript,
};
use crate::service::own_account;

/// Pause before the second start in a row; each one more doubles it.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One that lived so long did not die of its start.
const LONG_LIFE: Duration = Duration::from_secs(60);

/// What of the process' own log goes to the daemon's: bytes of a line, lines a minute.
const LONGEST_LINE: usize = 1024;
const MOST_LINES: u32 = 300;

/// The account that the mailer works under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name in the system's language.
    pub name: String,
    /// SID, or "uid:107".
    pub id: String,
    /// Why it is the daemon's own, if it is: a code of `faxpost_proto::advice`.
    pub note: Option<&'static str>,
    /// What the process is told to become; `None`: it stays what the daemon is.
    pub(super) switch: Option<String>,
}

impl Account {
    /// That of this process.
    pub(in crate::mailer) fn own() -> Self {
        let (name, id) = own_account();
        Self { name, id, note: Some("MAILER_SAME_ACCOUNT"), switch: None }
    }
}

/// Handle on the process, whichever it is at the moment.
#[derive(Clone)]
pub(in crate::mailer) struct Supervisor(Arc<Shared>);

struct Shared {
    account: Account,
    keys: PathBuf,
    program: Arc<platform::Program>,
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    link: Option<Arc<Link>>,
    started: Option<Instant>,
    /// Starts in a row that came to nothing.
    deaths: u32,
    not_before: Option<Instant>,
    stopped: bool,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Supervisor({})", self.0.account.name)
    }
}

impl Supervisor {
    /// Nothing runs until the first job. `program`: the process is this one, and not what was installed with the daemon.
    ///
    /// # Errors
    /// There is no account of the name that was set, or the program cannot be read.
    pub(in crate::mailer) fn new(
        account: Option<&str>,
        keys: PathBuf,
        program: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let account = platform::account(account)?;
        let program = program.map_or_else(platform::Program::of_this_daemon, platform::Program::at);
        let program = Arc::new(program.context("the mailer's program cannot be opened")?);
        Ok(Self(Arc::new(Shared { account, keys, program, state: tokio::sync::Mutex::default() })))
    }

    pub(in crate::mailer) fn account(&self) -> &Account {
        &self.0.account
    }

    /// Ends the process; jobs that it has are lost, and there will be no other one.
    pub(in crate::mailer) async fn stop(&self) {
        let mut state = self.0.state.lock().await;
        state.stopped = true;
        if let Some(link) = state.link.take() {
            link.condemn("the daemon stops");
            link.ended().await;
        }
    }

    pub(in crate::mailer) async fn deliver(
        &self,
        job: Job,
        events: Option<UnboundedSender<Event>>,
    ) -> Outcome {
        let recipients = job.envelope.to.len();
        let told = events.clone();
        let lost = match self.call(Task::Deliver(Box::new(job)), events).await {
            Ok((Answer::Deliver(mut outcome), _)) if outcome.recipients.len() == recipients => {
                outcome.shorten();
                return *outcome;
            }
            // It may have been sent: an answer to believe was not given.
            Ok((_, link)) => link.is_wrong(),
            Err(lost) => lost,
        };
        let outcome = without(lost, recipients);
        if let (Some(events), Some(failure)) = (told, &outcome.failure) {
            let report = StepReport {
                step: failure.step,
                state: StepState::Failed,
                millis: 0,
                details: Vec::new(),
                reply: None,
                tls: None,
                failure: Some(failure.clone()),
            };
            // Nobody may be listening any more.
            let _ = events.send(Event::Finished(report));
        }
        outcome
    }

    /// A process that is gone has no connections.
    pub(in crate::mailer) async fn narrow(&self, shared: mailer::Shared) {
        let Some(link) = self.0.state.lock().await.link.clone() else { return };
        while link.is_open() {
            match link.call(Task::Narrow(shared.clone()), None).await {
                Ok(Answer::Narrow) => return,
                Ok(_) => drop(link.is_wrong()),
                // It has ended, or has more to do than it can.
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Does a task, and says in which process.
    pub(super) async fn call(
        &self,
        task: Task,
        events: Option<UnboundedSender<Event>>,
    ) -> Result<(Answer, Arc<Link>), Lost> {
        let link = self.link().await?;
        let answer = link.call(task, events).await?;
        Ok((answer, link))
    }

    /// A process that takes jobs: the one that runs, or a new one, after a pause if the last ones did not live long.
    async fn link(&self) -> Result<Arc<Link>, Lost> {
        // Held over the start: whoever comes meanwhile gets the same process.
        let mut state = self.0.state.lock().await;
        if state.stopped {
            return Err(Lost::unsent("the daemon stops"));
        }
        if let Some(link) = &state.link {
            if link.is_open() {
                return Ok(link.clone());
            }
            state.link = None;
            if state.started.is_some_and(|started| started.elapsed() >= LONG_LIFE) {
                state.deaths = 0;
            }
            state.died();
        }
        if let Some(at) = state.not_before {
            tokio::time::sleep_until(at).await;
        }
        match self.start().await {
            Ok(link) => {
                state.started = Some(Instant::now());
                state.link = Some(link.clone());
                Ok(link)
            }
            Err(lost) => {
                tracing::error!("{}", lost.text);
                state.died();
                Err(lost)
            }
        }
    }

    async fn start(&self) -> Result<Arc<Link>, Lost> {
        let arguments = Arguments { account: self.0.account.switch.clone(), keys: self.0.keys.clone() };
        let program = self.0.program.clone();
        let started = tokio::task::spawn_blocking(move || platform::start(&program, &arguments)).await;
        let started = started.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let (started, log) =
            started.map_err(|error| Lost::unsent(format!("the mailer cannot be started: {error}")))?;
        // A thread of its own: it reads as long as the process lives, and nobody waits for it.
        let named = std::thread::Builder::new().name("mailer-log".to_owned());
        if let Err(error) = named.spawn(move || copy_log(log)) {
            tracing::warn!(%error, "the mailer's own log is lost");
        }
        Link::open(started).await
    }
}

impl State {
    fn died(&mut self) {
        let pause = PAUSE.saturating_mul(1 << self.deaths.min(16)).min(LONGEST_PAUSE);
        self.deaths = self.deaths.saturating_add(1);
        self.not_before = Some(Instant::now() + pause);
    }
}

/// What a job without an answer means: trying again is right in any case, and the Message-ID stays.
fn without(lost: Lost, recipients: usize) -> Outcome {
    let (kind, step) = match (lost.final_dot, lost.step) {
        (true, _) => (FailureKind::Uncertain, Step::Message),
        (false, step) => (FailureKind::MailerFailed, step.unwrap_or(Step::Resolve)),
    };
    let text = match kind {
        FailureKind::Uncertain => {
            format!("the message was sent, but whether it was taken is not known: {}", lost.text)
        }
        _ => lost.text,
    };
    let failure = Failure { step, kind, text, reply: None };
    Outcome {
        reused: false,
        recipients: vec![RecipientOutcome::Deferred { answer: failure.text.clone() }; recipients],
        transcript: Transcript::default(),
        tls: None,
        answer: String::new(),
        failure: Some(failure),
    }
}

/// What a process may say in the daemon's log: in lines that look like nothing else, and not too many.
fn copy_log(mut log: Box<dyn Read + Send>) {
    let mut line = Vec::new();
    let mut piece = [0; 1024];
    let (mut since, mut count) = (std::time::Instant::now(), 0);
    let mut tell = |line: &mut Vec<u8>| {
        if since.elapsed() >= Duration::from_secs(60) {
            (since, count) = (std::time::Instant::now(), 0);
        }
        count += 1;
        if count < MOST_LINES {
            tracing::info!(target: "faxpostd::mailer", "the mailer says: {}", legible(&String::from_utf8_lossy(line)));
        } else if count == MOST_LINES {
            tracing::warn!("the mailer says too much; the rest of this minute is left out");
        }
        line.clear();
    };
    while let Ok(length @ 1..) = log.read(&mut piece) {
        for byte in &piece[..length] {
            match byte {
                b'\n' => tell(&mut line),
                _ if line.len() < LONGEST_LINE => line.push(*byte),
                _ => {}
            }
        }
    }
    if !line.is_empty() {
        tell(&mut line);
    }
}

/// Text of the other side in a line of ours.
pub(super) fn legible(text: &str) -> String {
    text.chars().take(LONGEST_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
