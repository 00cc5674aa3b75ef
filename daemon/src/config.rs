//! What an administrator may set about the daemon itself: two arguments, and `faxpostd.toml` in the state folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

/// Everything the daemon is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database, the spool, the key and the pickup folder live.
    pub state_dir: PathBuf,
    /// Pipe name or socket path.
    pub endpoint: String,
    /// Bounds on what callers can make the daemon do.
    pub limits: Limits,
    /// When mail is tried again.
    pub outbox: Outbox,
}

/// Bounds on what callers can make the daemon do (requirement H5). `[limits]` in `faxpostd.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Largest message, attachments before encoding, in bytes.
    pub max_message_bytes: u64,
    /// Connections open at once, of all callers.
    pub connections: usize,
    /// Connections open at once, of one caller. Administrators have the same, plus a reserve nobody else can take.
    pub connections_per_caller: usize,
    /// Calls under way at once, of one caller.
    pub calls_per_caller: usize,
    /// Unfinished messages in the outbox, of one caller.
    pub queued_per_caller: u64,
    /// Seconds a new connection may take until its first request, and a stream between two of its parts.
    pub patience_seconds: u64,
    /// Messages handed over at the same time.
    pub deliveries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 50 * 1024 * 1024,
            connections: 512,
            connections_per_caller: 64,
            calls_per_caller: 64,
            queued_per_caller: 100_000,
            patience_seconds: 10,
            deliveries: 8,
        }
    }
}

/// When mail is tried again (requirement F3). `[outbox]` in `faxpostd.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Outbox {
    /// Pauses after the first, second, … failed attempt, in seconds; the last one repeats.
    pub retry_seconds: Vec<u64>,
    /// Hours after which a message is given up (RFC 5321 section 4.5.4.1 proposes 4 to 5 days).
    pub give_up_hours: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { retry_seconds: vec![60, 120, 300, 600, 1200, 1800, 3600], give_up_hours: 120 }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    limits: Limits,
    outbox: Outbox,
}

impl Config {
    /// The configuration of this state folder.
    ///
    /// # Errors
    /// `faxpostd.toml` is there and cannot be read or has a wrong line: the daemon must not start on guesses.
    pub fn load(state_dir: &Path, endpoint: &str) -> anyhow::Result<Self> {
        let path = state_dir.join("faxpostd.toml");
        let file: File = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is not usable", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self {
            state_dir: state_dir.to_owned(),
            endpoint: endpoint.to_owned(),
            limits: file.limits,
            outbox: file.outbox,
        })
    }
}
