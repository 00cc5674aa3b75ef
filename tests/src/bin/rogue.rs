//! A daemon whose mailer has been taken over: it confines itself as the real one does, says hello, and then misbehaves on
//! purpose. How stands in the file `rogue` of the state folder; without it all is as it should be.
//!
//! The daemon is the real one: it starts its own program as the mailer, and that is this one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use faxpostd::config::Config;
use faxpostd::mailer::worker::{self, Arguments};
use faxpostd::mailer::{Event, Outcome, Step, Transcript};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

// As `daemon/src/mailer/worker/wire.rs` has them.
const PIECE: u8 = 2;
const HELLO: u8 = 16;
const EVENT: u8 = 17;
const READ: u8 = 18;
const PART: u8 = 19;
const ANSWER: u8 = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let done = if arguments.first().is_some_and(|command| command == "mailer") {
        let keys = PathBuf::from(value("--keys").unwrap_or_default());
        let state = keys.parent().unwrap_or(Path::new("")).to_owned();
        let arguments = Arguments { account: value("--account"), keys };
        match std::fs::read_to_string(state.join("rogue")) {
            Ok(mode) => mailer(mode.trim(), &arguments, &state),
            Err(_) => return worker::main(&arguments),
        }
    } else {
        daemon(&value("--state-dir").unwrap_or_default(), &value("--endpoint").unwrap_or_default())
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rogue: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn daemon(state: &str, endpoint: &str) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let config = Config::load(Path::new(state), endpoint)?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        let _ = faxpostd::service::stop_requested().await;
        stop.cancel();
    });
    faxpostd::run(config, shutdown).await
}

fn mailer(mode: &str, arguments: &Arguments, state: &Path) -> anyhow::Result<()> {
    if mode == "exit" {
        std::process::exit(3);
    }
    let socket = state.parent().unwrap_or(Path::new("/")).join("faxpost.sock");
    let confined = worker::confine(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut from, mut to) = confined.connection.open()?;
        if mode == "mute" {
            return std::future::pending().await;
        }
        if mode == "garbage at once" {
            return Ok(to.write_all(&garbage()).await?);
        }
        say(&mut to, HELLO, 0, br#"{"protocol":1,"confined":"rogue\nwith a line of its own"}"#).await?;
        let id = job(&mut from).await?;
        match mode {
            "garbage" => to.write_all(&garbage()).await?,
            "giant" => to.write_all(&[&[0xff; 4][..], &[ANSWER], &id.to_le_bytes()].concat()).await?,
            "cut off" => to.write_all(&[100, 0, 0, 0, ANSWER, 1, 2]).await?,
            "stranger" => say(&mut to, ANSWER, id.wrapping_add(7), b"{}").await?,
            "no json" => say(&mut to, ANSWER, id, &garbage()).await?,
            "other side" => say(&mut to, PIECE, id, b"x").await?,
            "cancelled" => say(&mut to, ANSWER, id, br#""Cancelled""#).await?,
            "nobody" => {
                let outcome = Outcome {
                    reused: false,
                    failure: None,
                    recipients: Vec::new(),
                    transcript: Transcript::default(),
                    tls: None,
                    answer: "250 believe me".to_owned(),
                };
                let answer = serde_json::json!({ "Answered": { "Deliver": outcome } });
                say(&mut to, ANSWER, id, &serde_json::to_vec(&answer)?).await?;
            }
            "events" => {
                let event = serde_json::to_vec(&Event::Started(Step::Ehlo))?;
                endless(&mut to, EVENT, id, &event).await?;
            }
            "reads" => endless(&mut to, READ, id, &0_u64.to_le_bytes()).await?,
            "parts" => endless(&mut to, PART, id, &vec![b' '; 1_000_000]).await?,
            "silent" => {}
            "pry" => pry(state, &socket).await,
            _ => anyhow::bail!("no such mode: {mode}"),
        }
        // Whatever is to come, it comes from the daemon.
        std::future::pending().await
    })
}

fn garbage() -> Vec<u8> {
    (0..70_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

async fn say(to: &mut (impl AsyncWrite + Unpin), kind: u8, id: u32, payload: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(payload.len() + 5).unwrap_or(u32::MAX).to_le_bytes();
    to.write_all(&[&length[..], &[kind], &id.to_le_bytes(), payload].concat()).await?;
    to.flush().await
}

async fn endless(
    to: &mut (impl AsyncWrite + Unpin),
    kind: u8,
    id: u32,
    payload: &[u8],
) -> std::io::Result<()> {
    loop {
        say(to, kind, id, payload).await?;
    }
}

/// The id of the first job.
async fn job(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<u32> {
    let length = from.read_u32_le().await?;
    let _start = from.read_u8().await?;
    let id = from.read_u32_le().await?;
    let mut payload = vec![0; length as usize - 5];
    from.read_exact(&mut payload).await?;
    Ok(id)
}

/// Tries what a mailer has no business with, and says what became of it.
#[cfg(unix)]
async fn pry(state: &Path, socket: &Path) {
    use std::fs;

    use faxpost_proto::v1;
    use faxpost_proto::v1::admin_client::AdminClient;
    use faxpost_proto::v1::mail_client::MailClient;

    let told = |what: &str, got: bool| eprintln!("pry: {what}: {}", if got { "GOT IT" } else { "no" });
    let parent = nix::unistd::getppid();
    for (what, path) in [
        ("the database", state.join("faxpost.db")),
        ("the sealing key", state.join("secret.key")),
        ("a key that is not granted", state.join("certificates/other.key")),
        ("a file of everybody", socket.with_file_name("stderr")),
        ("the environment of the daemon", format!("/proc/{parent}/environ").into()),
        ("the memory of the daemon", format!("/proc/{parent}/mem").into()),
        ("shadow", "/etc/shadow".into()),
    ] {
        told(what, fs::read(path).is_ok());
    }
    told("the names in the spool", fs::read_dir(state.join("spool")).is_ok());
    told("a file of its own", fs::write(std::env::temp_dir().join("faxpost-rogue"), "x").is_ok());
    told("root", nix::unistd::setuid(0.into()).is_ok());
    told("a signal to the daemon", nix::sys::signal::kill(parent, None).is_ok());
    told(
        "a namespace",
        std::process::Command::new("unshare").args(["-r", "true"]).status().is_ok_and(|s| s.success()),
    );
    told(
        "a program of everybody",
        std::process::Command::new("/usr/bin/true").status().is_ok_and(|s| s.success()),
    );
    let channel = faxpost_proto::connect::connect(&socket.display().to_string()).await;
    match channel {
        Ok(channel) => {
            let mut admin = AdminClient::new(channel.clone());
            told("the policy", admin.get_policy(v1::GetPolicyRequest::default()).await.is_ok());
            let mut mail = MailClient::new(channel);
            let listed = mail.list_messages(v1::ListMessagesRequest::default()).await;
            let messages = listed.map(|answer| answer.into_inner().messages.len());
            eprintln!("pry: messages that it may see: {messages:?}");
        }
        Err(error) => eprintln!("pry: no way to the API: {error}"),
    }
    eprintln!("pry: done");
}

#[cfg(not(unix))]
async fn pry(_state: &Path, _socket: &Path) {}
