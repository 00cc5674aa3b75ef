//! Where the daemon's log goes: the system's log when the system started it, a file, or standard error.

use std::io::{IsTerminal as _, Write};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// `FAXPOST_LOG`, e.g. "debug"; else what every administrator wants to know.
fn filter() -> EnvFilter {
    EnvFilter::try_from_env("FAXPOST_LOG").unwrap_or_else(|_| EnvFilter::new("info"))
}

/// To the journal if standard error is connected to it, which has time and level by itself; else to standard error.
pub fn start() {
    match super::system_log() {
        Some(journal) => tracing_subscriber::registry().with(filter()).with(journal).init(),
        None => {
            let terminal = std::io::stderr().is_terminal();
            let log = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(terminal);
            log.with_writer(std::io::stderr).init();
        }
    }
}

/// Of the mailer: to the daemon, which writes the time before it.
pub fn start_of_mailer() {
    let log = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false).without_time();
    log.with_writer(std::io::stderr).init();
}

/// To a file, for a service that has no standard error; what panics is written there, too.
pub fn start_to(file: impl Write + Send + 'static) {
    let log = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false);
    log.with_writer(Mutex::new(file)).init();
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(%panic, %backtrace, "a part of the daemon failed");
    }));
}
