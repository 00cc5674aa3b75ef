//! The service while it runs: what Windows' service control manager asks of it, and what it is told.
//!
//! As long as the daemon starts or stops, Windows hears every second that it is still at it: whoever says nothing is taken
//! for dead.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use super::super::words::Words;
use super::super::{Work, logging};
use super::event_log::{self, Level};
use super::log_file::LogFile;
use super::manager::NAME;
use super::{prepare_state_dir, private_folder};

/// How long a stop may take: calls and deliveries under way end within 15 s, and then names being looked up are given up.
pub(super) const STOP_TAKES: Duration = Duration::from_secs(30);

/// Between two words to Windows while the daemon starts or stops.
const BEAT: Duration = Duration::from_secs(1);

/// What Windows may expect until the next word.
const NEXT_WORD: Duration = Duration::from_secs(10);

/// What Windows says to a program that it did not start (ERROR_FAILED_SERVICE_CONTROLLER_CONNECT).
const NOT_THE_SYSTEM: i32 = 1063;

/// Numbers of events; 100 to 103 are the audit's.
const STARTED: u32 = 1;
const STOPPED: u32 = 2;
const FAILED: u32 = 3;

/// What the service is to do, put here for the function that Windows calls, which can be given nothing.
static WORK: Mutex<Option<(PathBuf, Work)>> = Mutex::new(None);

/// Hands this process to Windows as its service, and returns when that has ended.
pub(super) fn serve(state_dir: &Path, work: Work, words: &Words) -> anyhow::Result<()> {
    *WORK.lock().unwrap_or_else(PoisonError::into_inner) = Some((state_dir.to_owned(), work));
    match service_dispatcher::start(NAME, service_main) {
        Ok(()) => Ok(()),
        Err(windows_service::Error::Winapi(error)) if error.raw_os_error() == Some(NOT_THE_SYSTEM) => {
            bail!(words.not_typed)
        }
        Err(error) => Err(error).context(words.not_handed_over),
    }
}

define_windows_service!(service_main, main);

fn main(_arguments: Vec<OsString>) {
    let Some((state_dir, work)) = WORK.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let stop = CancellationToken::new();
    let told = Arc::new(Told::default());
    let handler = {
        let (stop, told) = (stop.clone(), told.clone());
        move |control| match control {
            ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
                told.becomes(ServiceState::StopPending);
                stop.cancel();
                ServiceControlHandlerResult::NoError
            }
            ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
            _ => ServiceControlHandlerResult::NotImplemented,
        }
    };
    let handle = match service_control_handler::register(NAME, handler) {
        Ok(handle) => handle,
        Err(error) => {
            return report(Level::Error, FAILED, format!("Windows does not take the service: {error}"));
        }
    };
    let telling = {
        let told = told.clone();
        std::thread::spawn(move || told.tell(handle))
    };
    let ready = {
        let told = told.clone();
        Box::new(move || {
            told.becomes(ServiceState::Running);
            report(Level::Information, STARTED, "The Faxpost mail service runs.".to_owned());
        })
    };
    let done = begin_log(&state_dir).and_then(|()| work(stop, ready));
    let exit = match done {
        Ok(()) => {
            report(Level::Information, STOPPED, "The Faxpost mail service was stopped.".to_owned());
            ServiceExitCode::NO_ERROR
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "failed");
            report(Level::Error, FAILED, format!("The Faxpost mail service failed: {error:#}"));
            // Anything but zero is a failure, after which Windows starts it again.
            ServiceExitCode::ServiceSpecific(1)
        }
    };
    told.becomes(ServiceState::Stopped);
    let _ = telling.join();
    // The last word: Windows may end the process right after it.
    let _ = handle.set_service_status(status(ServiceState::Stopped, 0, exit));
}

/// The folder first: made now, it has the right descriptor, and everything in it inherits that.
fn begin_log(state_dir: &Path) -> anyhow::Result<()> {
    prepare_state_dir(state_dir)?;
    let folder = state_dir.join("log");
    let opened = private_folder(&folder).and_then(|()| LogFile::open(&folder));
    logging::start_to(opened.with_context(|| format!("the log cannot be written in {}", folder.display()))?);
    Ok(())
}

fn report(level: Level, number: u32, sentence: String) {
    if let Err(error) = event_log::report(level, number, None, &[sentence]) {
        tracing::warn!(%error, "the Event Log cannot be written");
    }
}

/// What Windows has been told, and what it is to be told next.
#[derive(Default)]
struct Told {
    /// `None`: it is starting.
    state: Mutex<Option<ServiceState>>,
    changed: Condvar,
}

impl Told {
    /// Goes forward only: a daemon that serves at last although it was told to stop is stopping.
    fn becomes(&self, state: ServiceState) {
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != Some(ServiceState::StopPending) || state == ServiceState::Stopped {
            *now = Some(state);
        }
        self.changed.notify_all();
    }

    /// Tells Windows until the service has stopped; that word is its owner's.
    fn tell(&self, handle: ServiceStatusHandle) {
        let mut checkpoint = 0;
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let state = now.unwrap_or(ServiceState::StartPending);
            if state == ServiceState::Stopped {
                return;
            }
            checkpoint = if state == ServiceState::Running { 0 } else { checkpoint + 1 };
            // Nobody is there to be told that it failed but Windows itself.
            let _ = handle.set_service_status(status(state, checkpoint, ServiceExitCode::NO_ERROR));
            let seen = *now;
            now = if state == ServiceState::Running {
                let same = |now: &mut Option<ServiceState>| *now == seen;
                self.changed.wait_while(now, same).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.changed.wait_timeout(now, BEAT).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }
}

fn status(state: ServiceState, checkpoint: u32, exit_code: ServiceExitCode) -> ServiceStatus {
    let controls_accepted = if state == ServiceState::Running {
        ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN
    } else if state == ServiceState::StartPending {
        // A start that takes long can be stopped, too.
        ServiceControlAccept::STOP
    } else {
        ServiceControlAccept::empty()
    };
    let wait_hint = if checkpoint == 0 { Duration::ZERO } else { NEXT_WORD };
    ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted,
        exit_code,
        checkpoint,
        wait_hint,
        process_id: None,
    }
}
