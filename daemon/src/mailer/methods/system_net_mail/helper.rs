//! The helper as a process: told a job, heard out within bounds, and ended when it takes too long.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::super::foreign::Handed;
use super::super::header::Rest;
use super::{NAME, Order, platform};
use crate::mailer::progress::Progress;
use crate::mailer::smtp::certificate::describe_chain;
use crate::mailer::{Failure, FailureKind, Reply, Step, Timeouts, TlsInfo};

/// Helpers at once: each is a runtime of .NET, with some 40 MB.
static PLACES: Semaphore = Semaphore::const_new(4);

/// Bytes of an outcome: a thousand recipients that are refused with a sentence each.
const LONGEST_OUTCOME: u64 = 512 * 1024;

/// Bytes kept of what it says besides.
const LONGEST_COMPLAINT: u64 = 4 * 1024;

/// What the start of a runtime may take, beside the timeouts of the session.
const START: Duration = Duration::from_secs(30);

pub(super) async fn run(
    order: &Order<'_>,
    body: Rest<'_>,
    timeouts: Timeouts,
    progress: &Progress,
    programs: &Path,
) -> Handed {
    let failed = |kind, text| Handed::from(Failure { step: Step::Message, kind, text, reply: None });
    // Never closed.
    let Ok(_place) = PLACES.acquire().await else { return Handed::default() };
    let mut command = match platform::command(programs) {
        Ok(command) => command,
        Err(error) => return failed(FailureKind::MailerFailed, format!("{NAME} cannot be started: {error}")),
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The job was cancelled, or this process ends.
    command.kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(FailureKind::MailerFailed, format!("{NAME} cannot be started: {error}")),
    };
    let mut told = Told::default();
    let session = converse(&mut child, order, body, progress, &mut told);
    let patience = START + patience(timeouts, order.recipients.len());
    let ended = timeout(patience, session).await;
    let outcome = match ended {
        Ok(Ok(line)) => {
            return Outcome::read(&line).unwrap_or_else(|| failed(unsure(&told), told.complaint()));
        }
        Ok(Err(error)) => failed(unsure(&told), format!("{NAME} broke off: {error}{}", told.words())),
        Err(_) => failed(unsure(&told), format!("{NAME} did not end in time")),
    };
    // Dropping it would do the same, and leave it to be buried by somebody.
    let _ = child.kill().await;
    outcome
}

/// The longest that a session may take which keeps to its timeouts.
fn patience(timeouts: Timeouts, recipients: usize) -> Duration {
    // Greeting, two EHLO, STARTTLS, TLS, three lines of a sign-in, sender, DATA; and each recipient.
    let commands = 10 + u64::try_from(recipients).unwrap_or(u64::MAX);
    let once = timeouts.connect.saturating_mul(4).saturating_add(timeouts.command.saturating_mul(commands));
    // A second time without those that were refused.
    let twice = once.saturating_mul(2);
    Duration::from_secs(
        twice.saturating_add(timeouts.data.saturating_mul(2)).saturating_add(timeouts.final_answer),
    )
}

/// How far it was told.
#[derive(Default)]
struct Told {
    /// The whole message: from here on it may have gone out.
    all: bool,
    complaint: String,
}

impl Told {
    fn complaint(&self) -> String {
        format!("{NAME} ended without an outcome{}", self.words())
    }

    fn words(&self) -> String {
        if self.complaint.is_empty() { String::new() } else { format!(": {}", self.complaint) }
    }
}

fn unsure(told: &Told) -> FailureKind {
    if told.all { FailureKind::Uncertain } else { FailureKind::MailerFailed }
}

/// Tells it the job and hears its outcome, at once: neither side waits for the other with a full pipe.
async fn converse(
    child: &mut Child,
    order: &Order<'_>,
    mut body: Rest<'_>,
    progress: &Progress,
    told: &mut Told,
) -> std::io::Result<Vec<u8>> {
    let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let mut input = child.stdin.take().ok_or_else(gone)?;
    let (output, complaint) = (child.stdout.take().ok_or_else(gone)?, child.stderr.take().ok_or_else(gone)?);
    let mut all = false;
    let telling = async {
        let mut line = Zeroizing::new(serde_json::to_vec(order)?);
        line.push(b'\n');
        input.write_all(&line).await?;
        let mut piece = Vec::new();
        loop {
            body.read(&mut piece).await?;
            if piece.is_empty() {
                break;
            }
            input.write_all(&piece).await?;
        }
        // It sends when it has all.
        progress.final_dot().await;
        all = true;
        drop(input);
        std::io::Result::Ok(())
    };
    let (sent, answer, words) =
        tokio::join!(telling, bounded(output, LONGEST_OUTCOME), bounded(complaint, LONGEST_COMPLAINT));
    told.all = all;
    told.complaint = String::from_utf8_lossy(&words?).trim().replace(['\r', '\n'], " ");
    let answer = answer?;
    // Whoever broke off early may have said why.
    if answer.is_empty() {
        sent?;
    }
    Ok(answer)
}

/// What is longer is read on, and not kept: whoever writes must not be stopped by a full pipe.
async fn bounded(mut from: impl AsyncRead + Unpin, longest: u64) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    (&mut from).take(longest).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(kept)
}

/// What it says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outcome {
    failure: Option<Failed>,
    answer: Option<Answer>,
    refused: Vec<Refused>,
    tls: Option<Tls>,
    remarks: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Failed {
    step: Step,
    kind: FailureKind,
    text: String,
    reply: Option<Answer>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    code: u16,
    lines: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    address: String,
    #[serde(flatten)]
    reply: Answer,
}

#[derive(Debug, Deserialize)]
struct Tls {
    version: String,
    cipher: String,
    /// DER in base64.
    chain: Vec<String>,
}

impl Outcome {
    /// `None`: it said something else.
    fn read(line: &[u8]) -> Option<Handed> {
        let outcome: Self = serde_json::from_slice(line).ok()?;
        if outcome.failure.is_none() && outcome.answer.is_none() {
            return None;
        }
        Some(Handed {
            failure: outcome.failure.map(|failed| Failure {
                step: failed.step,
                kind: failed.kind,
                text: failed.text,
                reply: failed.reply.map(Answer::retold),
            }),
            answer: outcome.answer.map(|answer| answer.retold().to_string()).unwrap_or_default(),
            refused: outcome.refused.into_iter().map(|one| (one.address, one.reply.retold())).collect(),
            tls: outcome.tls.map(Tls::info),
            remarks: outcome.remarks,
        })
    }
}

impl Answer {
    /// .NET puts its own sentence before the server's words.
    fn retold(self) -> Reply {
        const BEFORE: &str = "The server response was: ";
        let own = |line: &String| {
            line.split_once(BEFORE).map_or_else(|| line.clone(), |(_, words)| words.to_owned())
        };
        Reply::retold(self.code, &self.lines.iter().map(own).collect::<Vec<_>>())
    }
}

impl Tls {
    fn info(self) -> TlsInfo {
        use base64::Engine as _;
        let der = |text: &String| base64::engine::general_purpose::STANDARD.decode(text).ok();
        let chain: Vec<_> = self.chain.iter().filter_map(der).map(Into::into).collect();
        TlsInfo { version: self.version, cipher: self.cipher, chain: describe_chain(&chain), tolerated: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a7_the_helpers_words_are_read() {
        let line = br#"{"answer":{"code":250,"lines":["2.0.0 taken"]},"refused":[{"address":"x@y","code":550,"lines":["Mailbox unavailable. The server response was: 5.1.1 no"]}],"tls":null,"remarks":["a"]}"#;
        let handed = Outcome::read(line).unwrap();
        assert_eq!(handed.answer, "250 2.0.0 taken");
        assert_eq!(handed.refused[0].1.enhanced.as_deref(), Some("5.1.1"));
        let line = br#"{"failure":{"step":"SignIn","kind":"AuthRejected","text":"no","reply":{"code":535,"lines":["5.7.8 no"]}}}"#;
        let failure = Outcome::read(line).unwrap().failure.unwrap();
        assert_eq!((failure.step, failure.kind), (Step::SignIn, FailureKind::AuthRejected));
        for nothing in ["", "{}", "null", r#"{"failure":{"step":"Later","kind":"AuthRejected","text":""}}"#] {
            assert!(Outcome::read(nothing.as_bytes()).is_none(), "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn h6_whatever_the_helper_says_it_is_an_outcome_or_none(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            mixed in "\\{\"(answer|failure|refused|tls)\":(\\{\"code\":[0-9]{1,6},\"lines\":\\[(\"[a-z. ]{0,9}\")?\\]\\}|null|\\[\\])\\}",
        ) {
            let _ = Outcome::read(&bytes);
            if let Some(handed) = Outcome::read(mixed.as_bytes()) {
                prop_assert!(handed.failure.is_some() || !handed.answer.is_empty());
            }
        }
    }
}
