//! The helper as a process: told a job, heard out within bounds, and ended when it takes too long.

use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::super::foreign::Handed;
use super::super::header::Rest;
use super::super::places::Places;
use super::{NAME, Order, platform};
use crate::mailer::progress::Progress;
use crate::mailer::smtp::certificate::describe_chain;
use crate::mailer::{Failure, FailureKind, Reply, SmtpRoute, Step, Timeouts, TlsInfo};

/// Helpers at once: each is a runtime of .NET, with some 40 MB. With one server and login two.
static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(4, 2));

/// Bytes of an outcome: a thousand recipients that are refused with a sentence each.
const LONGEST_OUTCOME: u64 = 512 * 1024;

/// Bytes kept of what it says besides.
const LONGEST_COMPLAINT: u64 = 4 * 1024;

/// What the start of a runtime may take, beside the timeouts of the session.
const START: Duration = Duration::from_secs(30);

/// The longest that a message may take its place, whatever its account's timeouts and however many recipients it has.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// From the end of its outputs to its own.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) async fn run(
    order: &Order<'_>,
    body: Rest<'_>,
    route: &SmtpRoute,
    progress: &Progress,
    programs: &Path,
) -> Handed {
    let patience = patience(route.timeouts, order.recipients.len());
    let Some(_place) = PLACES.take(route, patience).await else {
        return failed(FailureKind::MailerFailed, format!("all that {NAME} may do at once was under way"));
    };
    let command = match platform::command(programs) {
        Ok(command) => command,
        Err(error) => return failed(FailureKind::MailerFailed, format!("{NAME} cannot be started: {error}")),
    };
    hear_out(command, order, body, progress, patience).await
}

fn failed(kind: FailureKind, text: String) -> Handed {
    Failure { step: Step::Message, kind, text, reply: None }.into()
}

/// From its start to its end.
async fn hear_out(
    mut command: Command,
    order: &impl Serialize,
    body: Rest<'_>,
    progress: &Progress,
    patience: Duration,
) -> Handed {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The job was cancelled, or this process ends.
    command.kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(FailureKind::MailerFailed, format!("{NAME} cannot be started: {error}")),
    };
    let mut told = Told::default();
    let session = converse(&mut child, order, body, progress, &mut told);
    let ended = timeout(patience, session).await;
    let outcome = match ended {
        Ok(Ok(())) => {
            let outcome = Outcome::read(&told.outcome);
            if outcome.is_none() {
                // Both its outputs have ended, and so it has, or does so now.
                let status = timeout(FAREWELL, child.wait()).await.ok().and_then(Result::ok);
                told.ended = status.map(|status| format!(" ({status})")).unwrap_or_default();
            }
            outcome.unwrap_or_else(|| failed(told.unsure(), told.complaint()))
        }
        Ok(Err(error)) => failed(told.unsure(), format!("{NAME} broke off: {error}{}", told.words())),
        Err(_) => failed(told.unsure(), format!("{NAME} did not end in time")),
    };
    // Dropping it would do the same, and leave it to be buried by somebody.
    let _ = child.kill().await;
    outcome
}

/// The longest that a start and a session may take which keeps to its timeouts, within reason.
fn patience(timeouts: Timeouts, recipients: usize) -> Duration {
    // Greeting, two EHLO, STARTTLS, TLS, three lines of a sign-in, sender, DATA; and each recipient.
    let commands = u64::try_from(recipients).unwrap_or(u64::MAX).saturating_add(10);
    let once = timeouts.connect.saturating_mul(4).saturating_add(timeouts.command.saturating_mul(commands));
    // A second time without those that were refused.
    let twice = once.saturating_mul(2);
    let content = timeouts.data.saturating_mul(2).saturating_add(timeouts.final_answer);
    Duration::from_secs(twice.saturating_add(content)).saturating_add(START).min(LONGEST)
}

/// What was said on both sides.
#[derive(Default)]
struct Told {
    /// It has the whole message.
    all: bool,
    /// What it says: an empty line when it begins to send, and a line at its end.
    outcome: Vec<u8>,
    complaint: Vec<u8>,
    /// How it ended.
    ended: String,
}

impl Told {
    /// Without an outcome. One that has not even begun to send, like a runtime that does not start, has sent nothing.
    fn unsure(&self) -> FailureKind {
        let may_have_sent = self.all && !self.outcome.is_empty();
        if may_have_sent { FailureKind::Uncertain } else { FailureKind::MailerFailed }
    }

    fn complaint(&self) -> String {
        format!("{NAME} ended without an outcome{}{}", self.ended, self.words())
    }

    fn words(&self) -> String {
        let words = String::from_utf8_lossy(&self.complaint).trim().replace(['\r', '\n'], " ");
        if words.is_empty() { words } else { format!(": {words}") }
    }
}

/// Tells it the job and hears its outcome, at once: neither side waits for the other with a full pipe.
async fn converse(
    child: &mut Child,
    order: &impl Serialize,
    mut body: Rest<'_>,
    progress: &Progress,
    told: &mut Told,
) -> std::io::Result<()> {
    let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let (output, complaints) = (child.stdout.take().ok_or_else(gone)?, child.stderr.take().ok_or_else(gone)?);
    // It stays the process': its end is the message's, and whatever breaks off here must not close it before the process is
    // ended, or half a message would go out.
    let input = &mut child.stdin;
    let Told { all, outcome, complaint, .. } = told;
    let telling = async {
        let mut line = Zeroizing::new(serde_json::to_vec(order)?);
        line.push(b'\n');
        let mut sent = write(input, &line).await;
        let mut piece = Vec::new();
        while sent.is_ok() {
            body.read(&mut piece).await?;
            if piece.is_empty() {
                // It sends when it has all.
                progress.final_dot().await;
                *all = true;
                *input = None;
                break;
            }
            sent = write(input, &piece).await;
        }
        // Whoever stopped listening may say why.
        std::io::Result::Ok(sent)
    };
    let hearing = async {
        let heard = tokio::join!(
            bounded(output, LONGEST_OUTCOME, outcome),
            bounded(complaints, LONGEST_COMPLAINT, complaint)
        );
        heard.0.and(heard.1)
    };
    let (sent, ()) = tokio::try_join!(telling, hearing)?;
    if told.outcome.trim_ascii().is_empty() && told.complaint.is_empty() {
        sent?;
    }
    Ok(())
}

async fn write(to: &mut Option<ChildStdin>, bytes: &[u8]) -> std::io::Result<()> {
    match to {
        Some(to) => to.write_all(bytes).await,
        None => Err(std::io::ErrorKind::BrokenPipe.into()),
    }
}

/// What is longer is read on, and not kept: whoever writes must not be stopped by a full pipe.
async fn bounded(mut from: impl AsyncRead + Unpin, longest: u64, kept: &mut Vec<u8>) -> std::io::Result<()> {
    (&mut from).take(longest).read_to_end(kept).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(())
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

    #[test]
    fn h5_a_message_has_its_place_for_half_an_hour_at_most() {
        for (seconds, recipients) in [(0, 1000), (u32::MAX, 1), (u32::MAX, usize::MAX)] {
            assert_eq!(patience(Timeouts::of(seconds), recipients), LONGEST);
        }
        assert!(patience(Timeouts { connect: 1, command: 1, data: 1, final_answer: 1 }, 1) < 3 * START);
    }

    /// A helper that is a script of the shell, and what becomes of its message.
    #[cfg(unix)]
    async fn helped(script: &str, patience: Duration) -> Failure {
        let message = crate::mailer::Body::Inline(b"From: a@b.test\r\n\r\nbody\r\n".to_vec());
        helped_with(&message, script, patience).await
    }

    #[cfg(unix)]
    async fn helped_with(message: &crate::mailer::Body, script: &str, patience: Duration) -> Failure {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let (_, body) = super::super::super::header::open(message).await.unwrap();
        let progress = Progress::new(None, None);
        hear_out(command, &"order", body, &progress, patience).await.failure.unwrap()
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a7_a_helper_that_does_not_begin_has_sent_nothing() {
        let long = Duration::from_secs(30);
        // A runtime that does not start, whether it reads what fits into the pipe or not; one that is stopped by the system.
        for script in ["exit 1", "cat > /dev/null; echo no >&2; exit 3", "cat > /dev/null; kill -SEGV $$"] {
            let failure = helped(script, long).await;
            assert_eq!(failure.kind, FailureKind::MailerFailed, "{script}: {}", failure.text);
        }
        let failure = helped("cat > /dev/null; echo; exit 3", long).await;
        assert_eq!(failure.kind, FailureKind::Uncertain, "it had begun");
        assert!(failure.text.contains("exit status: 3"), "{}", failure.text);
        for (script, kind) in [
            ("cat > /dev/null; exec sleep 60", FailureKind::MailerFailed),
            ("cat > /dev/null; echo; exec sleep 60", FailureKind::Uncertain),
        ] {
            assert_eq!(helped(script, Duration::from_secs(2)).await.kind, kind, "{script}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn f2_half_a_message_is_never_sent_as_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let (spooled, sent) = (folder.path().join("spooled"), folder.path().join("sent"));
        std::fs::write(&spooled, format!("From: a@b.test\r\n\r\n{}", "x".repeat(100_000))).unwrap();
        let message = crate::mailer::Body::File { path: spooled, size: 200_000 };
        let script = format!("cat > /dev/null; echo; echo > {}", sent.display());
        let failure = helped_with(&message, &script, Duration::from_secs(30)).await;
        assert_eq!(failure.kind, FailureKind::MailerFailed, "{}", failure.text);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!sent.exists(), "it was ended before its input");
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
