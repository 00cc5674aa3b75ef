//! `faxpostd`: the process around the daemon, and the mailer's, which the daemon starts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use faxpostd::config::Config;
use faxpostd::mailer::worker;
use faxpostd::service;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// The privileged mail daemon of a fax system.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs in the foreground until Ctrl-C or SIGTERM. FAXPOST_LOG sets what is logged, e.g. debug (default: info).
    Run {
        /// Folder for database, spool, key and pickup [default: /var/lib/faxpost, or %ProgramData%\Faxpost].
        #[arg(long, value_name = "DIR")]
        state_dir: Option<PathBuf>,
        /// Socket path, or pipe name, to serve [default: /run/faxpost/faxpost.sock, or
        /// \\.\pipe\ProtectedPrefix\Administrators\Faxpost].
        #[arg(long, value_name = "PATH", default_value = faxpost_proto::endpoint::DEFAULT, hide_default_value = true)]
        endpoint: String,
    },
    /// The mailer's own process: started by the daemon, and by nobody else.
    #[command(hide = true)]
    Mailer {
        /// The account to become.
        #[arg(long, required_unless_present = "own_account", conflicts_with = "own_account")]
        account: Option<String>,
        /// Stays what it is, even root.
        #[arg(long)]
        own_account: bool,
        /// The folder of private keys.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
}

/// How long a stop waits for work that cannot be interrupted.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let filter = EnvFilter::try_from_env("FAXPOST_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(terminal).with_writer(std::io::stderr);
    let (state_dir, endpoint) = match command {
        Command::Mailer { account, keys, .. } => {
            // The daemon writes the time before it.
            log.without_time().init();
            return worker::main(&worker::Arguments { account, keys });
        }
        Command::Run { state_dir, endpoint } => (state_dir, endpoint),
    };
    log.init();

    match serve(state_dir.unwrap_or_else(service::default_state_dir), &endpoint) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain on one line: what failed, and what the system said.
            eprintln!("faxpostd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(state_dir: PathBuf, endpoint: &str) -> anyhow::Result<()> {
    let config = Config::load(&state_dir, endpoint)?;
    service::raise_limits();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            match service::stop_requested().await {
                Ok(()) => tracing::info!("asked to stop"),
                Err(error) => tracing::error!(%error, "signals cannot be received"),
            }
            stop.cancel();
        });
        faxpostd::run(config, shutdown).await
    });
    // Not for ever: a look-up of names may hang, and everything that must be kept is on the disk.
    runtime.shutdown_timeout(STOP_PATIENCE);
    served
}
