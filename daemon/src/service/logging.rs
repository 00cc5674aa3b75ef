//! Where the daemon's log goes: the system's log when the system started it, a file, or standard error.

use std::io::{IsTerminal as _, Write};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What to log, where nothing good is said: what every administrator wants to know.
const USUAL: &str = "info";

/// `FAXPOST_LOG`, e.g. "debug"; and why that cannot be used, if it cannot.
fn filter() -> (EnvFilter, Option<String>) {
    let wanted = std::env::var("FAXPOST_LOG").unwrap_or_default();
    match EnvFilter::try_new(if wanted.is_empty() { USUAL } else { &wanted }) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(USUAL), Some(error.to_string())),
    }
}

fn warn(mistake: Option<String>) {
    if let Some(error) = mistake {
        tracing::warn!(error, "FAXPOST_LOG is no filter for logs; {USUAL} is used");
    }
}

/// To the journal if standard error is connected to it, which has time and level by itself; else to standard error.
pub fn start() {
    let (filter, mistake) = filter();
    match super::system_log() {
        Some(journal) => tracing_subscriber::registry().with(filter).with(journal).init(),
        None => {
            let terminal = std::io::stderr().is_terminal();
            let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(terminal);
            log.with_writer(std::io::stderr).init();
        }
    }
    warn(mistake);
}

/// Of the mailer: to the daemon, which writes the time before it.
pub fn start_of_mailer() {
    // The daemon has warned.
    let log = tracing_subscriber::fmt().with_env_filter(filter().0).with_ansi(false).without_time();
    log.with_writer(std::io::stderr).init();
}

/// To a file, for a service that has no standard error; what panics is written there, too.
pub fn start_to(file: impl Write + Send + 'static) {
    let (filter, mistake) = filter();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    log.with_writer(Mutex::new(file)).init();
    warn(mistake);
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(%panic, %backtrace, "a part of the daemon failed");
    }));
}
