//! Real peers: an instance of Postfix with Dovecot's sign-in, started by `peers/postfix.sh`, which says what it does; and
//! an OAuth 2.0 server ([`Oidc`]).
//!
//! Needs root and Debian's packages, so it is behind the feature `peers`: `tests/run peers` brings both. The instance ends
//! with its owner, however the owner ends: the script serves until its stdin is closed.

mod oidc;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

pub use oidc::{Browser, Oidc};

/// How long a message may take to its maildir before the test fails: a loaded machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A login and its password that every instance knows.
pub const ALICE: (&str, &str) = ("alice@fax.test", "secret");
/// One whose password is no ASCII.
pub const BOB: (&str, &str) = ("bob@fax.test", "pässwörd mit Leer & \"Q\"");

/// A running Postfix. It listens on 127.0.0.1 and takes mail for everybody.
pub struct Postfix {
    /// Port without TLS and sign-in.
    pub plain: u16,
    /// Port where STARTTLS and then a sign-in are required.
    pub starttls: u16,
    /// Port with implicit TLS, where a sign-in is required.
    pub smtps: u16,
    /// Port without TLS, where a sign-in is required.
    pub authplain: u16,
    script: Child,
    home: TempDir,
}

/// A message as it stands in the maildir.
#[derive(Clone, Debug)]
pub struct Received {
    /// The address it was sent to (RCPT TO).
    pub recipient: String,
    /// The envelope's sender (MAIL FROM); empty for a report.
    pub return_path: String,
    /// Postfix's own `Received:` field, unfolded: it tells of TLS and of the sign-in.
    pub trace: String,
    /// What the client sent, with the CRLF that it had on the wire.
    pub message: Vec<u8>,
}

impl Postfix {
    /// Starts an instance of one's own; it takes half a second.
    ///
    /// # Errors
    /// When it does not start, with what the servers said.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with("", false)
    }

    /// One that takes and queues mail as the others do, and then throws it away: delivering it would take the time of whoever
    /// is measured.
    ///
    /// # Errors
    /// See [`Self::start`].
    pub fn discarding() -> anyhow::Result<Self> {
        Self::start_with("", true)
    }

    /// The same that also takes access tokens: those that `oidc` knows as alice's.
    ///
    /// # Errors
    /// See [`Self::start`].
    pub fn with_tokens_of(oidc: &Oidc) -> anyhow::Result<Self> {
        Self::start_with(&oidc.introspection(), false)
    }

    fn start_with(introspection: &str, discards: bool) -> anyhow::Result<Self> {
        let home = tempfile::Builder::new().prefix("faxpost-peers-").tempdir_in("/tmp")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/postfix.sh");
        let mut script = Command::new(&script)
            .arg("run")
            .arg(home.path())
            .env_remove("PLAIN")
            .env_remove("STARTTLS")
            .env_remove("SMTPS")
            .env_remove("AUTHPLAIN")
            .env("INTROSPECTION", introspection)
            .env("DISCARD", if discards { "yes" } else { "" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", script.display()))?;

        let mut line = String::new();
        let said = script.stdout.take().context("stdout is a pipe")?;
        BufReader::new(said).read_line(&mut line)?;
        if line != "ready\n" {
            let mut complaint = String::new();
            if let Some(mut stderr) = script.stderr.take() {
                stderr.read_to_string(&mut complaint)?;
            }
            script.wait()?;
            bail!("Postfix did not start: {complaint}");
        }

        let ports = fs::read_to_string(home.path().join("ports.env"))?;
        let port = |name: &str| -> anyhow::Result<u16> {
            let value = ports.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            Ok(value.with_context(|| format!("no port {name} in {ports:?}"))?.parse()?)
        };
        Ok(Self {
            plain: port("PLAIN")?,
            starttls: port("STARTTLS")?,
            smtps: port("SMTPS")?,
            authplain: port("AUTHPLAIN")?,
            script,
            home,
        })
    }

    /// The instance that the tests of one program share: use recipients that are yours alone. It ends with the program.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postfix> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().expect("Postfix starts"))
    }

    /// The certificate that signed the server's, as PEM. The server is `localhost`, `mail.test` and `127.0.0.1`.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.home.path().join("ca/ca.pem")
    }

    /// The server's own certificate, as PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.home.path().join("ca/server.pem")
    }

    /// What Postfix and Dovecot logged so far: for the message of a failed assertion.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.home.path().join("log").join(name)).unwrap_or_default();
        read("maillog") + &read("dovecot.log")
    }

    /// What has arrived for `recipient` so far.
    ///
    /// # Errors
    /// When the maildir cannot be read, or a file in it is not what Postfix writes.
    pub fn mails_to(&self, recipient: &str) -> anyhow::Result<Vec<Received>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.home.path().join("mail/all/new"))? {
            let mail = Received::parse(&fs::read(entry?.path())?)?;
            if mail.recipient == recipient {
                found.push(mail);
            }
        }
        Ok(found)
    }

    /// Waits until `count` messages have arrived for `recipient`.
    ///
    /// # Errors
    /// When they do not, with the log; or when more than that have.
    pub async fn wait_for(&self, recipient: &str, count: usize) -> anyhow::Result<Vec<Received>> {
        let arrived = async {
            loop {
                let mails = self.mails_to(recipient)?;
                if mails.len() >= count {
                    return anyhow::Ok(mails);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let mails = tokio::time::timeout(PATIENCE, arrived).await.with_context(|| {
            format!("{count} messages for {recipient} have not arrived; the log says:\n{}", self.log())
        })??;
        ensure!(mails.len() == count, "{} messages for {recipient} instead of {count}", mails.len());
        Ok(mails)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // The script ends the servers, and then itself, when its stdin does.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

impl Received {
    /// Takes off the fields that Postfix put on top: Return-Path, X-Original-To, Delivered-To and Received.
    fn parse(file: &[u8]) -> anyhow::Result<Self> {
        let mut rest = file;
        let mut field = |name: &str| -> anyhow::Result<String> {
            let value = rest.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b": "));
            let value = value.with_context(|| format!("{name} is not where Postfix writes it"))?;
            let mut text = String::new();
            let mut at = 0;
            // A field goes on as long as the next line begins with a blank.
            loop {
                let line =
                    value[at..].split_inclusive(|byte| *byte == b'\n').next().context("a cut field")?;
                text.push_str(std::str::from_utf8(line)?.trim_matches(['\n', '\t', ' ']));
                at += line.len();
                if !matches!(value.get(at), Some(b' ' | b'\t')) {
                    break;
                }
                text.push(' ');
            }
            rest = &value[at..];
            Ok(text)
        };
        let return_path = field("Return-Path")?.trim_matches(['<', '>']).to_owned();
        let recipient = field("X-Original-To")?;
        field("Delivered-To")?;
        let trace = field("Received")?;
        let mut message = Vec::with_capacity(rest.len() + rest.len() / 64);
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(line) => {
                    message.extend_from_slice(line);
                    message.extend_from_slice(b"\r\n");
                }
                None => message.extend_from_slice(line),
            }
        }
        Ok(Self { recipient, return_path, trace, message })
    }
}
