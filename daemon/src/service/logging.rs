//! Where the daemon's log goes: the system's log when the system started it, a file, or standard error.

use std::io::{IsTerminal as _, Write};
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What to log, where nothing good is said: what every administrator wants to know.
const USUAL: LevelFilter = LevelFilter::INFO;

/// `FAXPOST_LOG`, as [`read`] has it.
fn filter() -> (Targets, Option<String>) {
    read(&std::env::var("FAXPOST_LOG").unwrap_or_default())
}

/// A level, e.g. "debug", or one for each of some parts, e.g. "info,h2=debug"; and why that cannot be used, if it cannot.
fn read(wanted: &str) -> (Targets, Option<String>) {
    let usual = || Targets::new().with_default(USUAL);
    match wanted.parse() {
        _ if wanted.is_empty() => (usual(), None),
        Ok(filter) => (filter, None),
        Err(error) => (usual(), Some(ParseError::to_string(&error))),
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
            let log = fmt::layer().with_ansi(terminal).with_writer(std::io::stderr);
            tracing_subscriber::registry().with(filter).with(log).init();
        }
    }
    warn(mistake);
}

/// Of the mailer: to the daemon, which writes the time before it.
pub fn start_of_mailer() {
    // The daemon has warned.
    let log = fmt::layer().with_ansi(false).without_time().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter().0).with(log).init();
}

/// To a file, for a service that has no standard error; what panics is written there, too.
pub fn start_to(file: impl Write + Send + 'static) {
    let (filter, mistake) = filter();
    let log = fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
    tracing_subscriber::registry().with(filter).with(log).init();
    warn(mistake);
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(%panic, %backtrace, "a part of the daemon failed");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_is_a_level_or_one_for_each_part_and_a_mistake_is_told() {
        for (wanted, of_the_daemon, of_h2) in [
            ("", LevelFilter::INFO, LevelFilter::INFO),
            ("debug", LevelFilter::DEBUG, LevelFilter::DEBUG),
            ("warn,h2=trace", LevelFilter::WARN, LevelFilter::TRACE),
            ("off", LevelFilter::OFF, LevelFilter::OFF),
        ] {
            let (filter, mistake) = read(wanted);
            assert_eq!(mistake, None, "{wanted}");
            for (target, level) in [("faxpostd::outbox", of_the_daemon), ("h2::client", of_h2)] {
                let most = [tracing::Level::ERROR, tracing::Level::INFO, tracing::Level::TRACE];
                for asked in most {
                    assert_eq!(
                        filter.would_enable(target, &asked),
                        asked <= level,
                        "{wanted} {target} {asked}"
                    );
                }
            }
        }
        let (filter, mistake) = read("faxpostd=loud");
        assert!(mistake.is_some());
        assert!(filter.would_enable("faxpostd", &tracing::Level::INFO));
    }
}
