//! The service as Windows' service control manager has it registered: what `faxpostd install` and its like do.

use std::ffi::{OsStr, OsString, c_void};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use faxpost_proto::security::system_error;
use windows::Win32::System::Services::{
    ChangeServiceConfig2W, SC_HANDLE, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO,
    SERVICE_REQUIRED_PRIVILEGES_INFOW,
};
use windows::core::PWSTR;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceSidType, ServiceStartType,
    ServiceState, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::super::words::Words;
use super::super::{Order, Removal, default_state_dir, remove_data};
use super::{event_log, machine_path, programs, scm};

/// The name that Windows knows it by; its SID is that of `NT SERVICE\Faxpost`.
pub(super) const NAME: &str = "Faxpost";

/// What the service is started with; see `faxpostd --help`.
const SERVE: &str = "service";

const DISPLAY_NAME: &str = "Faxpost mail service";

const DESCRIPTION: &str = "Sends the mail of the fax system: holds its SMTP accounts, passwords, sign-ins and signing \
                           certificates, and lets other programs send. Without it, no fax mail goes out.";

/// All that the daemon has of the system's privileges. The mailer it starts has none of them.
///
/// SeTcb, SeAssignPrimaryToken, SeIncreaseQuota: to log NETWORK SERVICE on and start the mailer as it. SeImpersonate: to see
/// who calls. SeSecurity: descriptors of old keys. SeChangeNotify: everybody has it.
const PRIVILEGES: [&str; 6] = [
    "SeTcbPrivilege",
    "SeAssignPrimaryTokenPrivilege",
    "SeIncreaseQuotaPrivilege",
    "SeImpersonatePrivilege",
    "SeSecurityPrivilege",
    "SeChangeNotifyPrivilege",
];

/// Pauses before it is started again after a failure; the last one repeats. Short at first: mail waits.
const RESTARTS: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300)];

/// After so long without a failure the pauses begin anew.
const CALM: Duration = Duration::from_secs(24 * 3600);

/// How long a start or a stop is waited for. A stop lets deliveries under way end; a start may have to bring in what a
/// crash left.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What Windows says (winerror.h).
const ACCESS_DENIED: i32 = 5;
const INVALID_LEVEL: i32 = 124;
const ALREADY_RUNNING: i32 = 1056;
const NO_SUCH_SERVICE: i32 = 1060;
const NOT_RUNNING: i32 = 1062;
const MARKED_FOR_DELETE: i32 = 1072;

pub(super) fn command(order: &Order, words: &Words) -> anyhow::Result<String> {
    match order {
        Order::Install { state_dir, endpoint, add_to_path } => {
            install(state_dir.as_deref(), endpoint.as_deref(), *add_to_path, words)
        }
        Order::Uninstall { remove_data } => uninstall(*remove_data, words),
        Order::Start => start(words),
        Order::Stop => stop(words),
        Order::CheckFolder { folder } => {
            programs::check_folder(folder, words)?;
            Ok(String::new())
        }
        Order::StateDir => {
            let manager = manager(ServiceManagerAccess::CONNECT, words)?;
            let folder = match manager.open_service(NAME, ServiceAccess::QUERY_CONFIG) {
                Ok(service) => state_dir_of(&service, words)?,
                Err(error) if code(&error) == Some(NO_SUCH_SERVICE) => default_state_dir(),
                Err(error) => return Err(explained(words)(error)),
            };
            Ok(folder.display().to_string())
        }
    }
}

fn install(
    state_dir: Option<&Path>,
    endpoint: Option<&str>,
    add_to_path: bool,
    words: &Words,
) -> anyhow::Result<String> {
    let explained = explained(words);
    let program = std::env::current_exe().context(words.no_path)?;
    programs::check_program(&program, words)?;
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE, words)?;
    let chosen = arguments(state_dir, endpoint)?;
    let (service, was_there) = match manager.open_service(NAME, ServiceAccess::ALL_ACCESS) {
        Ok(service) => {
            // An update must not lead the daemon away from its state.
            let arguments = if chosen.len() > 1 { chosen } else { registered_arguments(&service, words)? };
            service.change_config(&registration(program.clone(), arguments)).map_err(explained)?;
            (service, true)
        }
        Err(error) if code(&error) == Some(NO_SUCH_SERVICE) => {
            let info = registration(program.clone(), chosen);
            (manager.create_service(&info, ServiceAccess::ALL_ACCESS).map_err(explained)?, false)
        }
        Err(error) => return Err(explained(error)),
    };
    let unknown = configure(&service, words).inspect_err(|_| {
        if !was_there {
            // Half a registration would be taken for a whole one.
            let _ = service.delete();
        }
    })?;
    register_event_source().context(words.source_not_registered)?;
    if add_to_path && let Some(folder) = program.parent() {
        machine_path::add(folder).context(words.path_not_changed)?;
    }
    let done = if was_there { words.up_to_date } else { words.registered };
    let unknown = unknown.join(", ");
    Ok(if unknown.is_empty() { done.to_owned() } else { format!("{done}\n{}", (words.lacks)(&unknown)) })
}

/// What comes behind the program on the command line of the service.
fn arguments(state_dir: Option<&Path>, endpoint: Option<&str>) -> anyhow::Result<Vec<OsString>> {
    let mut arguments = vec![OsString::from(SERVE)];
    if let Some(folder) = state_dir {
        let folder = std::path::absolute(folder).context("--state-dir")?;
        // Without a backslash at its end, which would quote a quote.
        arguments.extend(["--state-dir".into(), folder.components().collect::<PathBuf>().into_os_string()]);
    }
    if let Some(endpoint) = endpoint {
        arguments.extend(["--endpoint".into(), endpoint.into()]);
    }
    Ok(arguments)
}

/// The same, of the service as it is registered.
fn registered_arguments(service: &Service, texts: &Words) -> anyhow::Result<Vec<OsString>> {
    let line = service.query_config().map_err(explained(texts))?.executable_path;
    let line = line.to_str().context(texts.no_text)?;
    let mut words = words(line).into_iter().skip_while(|word| word != SERVE).peekable();
    ensure!(words.peek().is_some(), (texts.others_service)(line));
    Ok(words.map(OsString::from).collect())
}

/// The state folder of the service as it is registered.
fn state_dir_of(service: &Service, words: &Words) -> anyhow::Result<PathBuf> {
    let arguments = registered_arguments(service, words)?;
    let named = arguments.iter().skip_while(|word| *word != "--state-dir").nth(1);
    Ok(named.map_or_else(default_state_dir, PathBuf::from))
}

/// A command line as it was written from words without quotes in them: no path and no pipe has one.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars().chain([' ']) {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted && !word.is_empty() => words.push(std::mem::take(&mut word)),
            ' ' if !quoted => {}
            c => word.push(c),
        }
    }
    words
}

fn registration(program: PathBuf, arguments: Vec<OsString>) -> ServiceInfo {
    ServiceInfo {
        name: NAME.into(),
        display_name: DISPLAY_NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: program,
        launch_arguments: arguments,
        dependencies: Vec::new(),
        // LocalSystem: the machine's keys, and the mailer's account, are the system's to give.
        account_name: None,
        account_password: None,
    }
}

/// What a registration has beside its program. What this system has no such setting for (ERROR_INVALID_LEVEL) is no reason to
/// be without the service: it is named.
fn configure(service: &Service, words: &Words) -> anyhow::Result<Vec<&'static str>> {
    let restarts = RESTARTS.map(|delay| ServiceAction { action_type: ServiceActionType::Restart, delay });
    let failures = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(CALM),
        reboot_msg: None,
        command: None,
        actions: Some(restarts.into()),
    };
    let settings = [
        ("description", service.set_description(DESCRIPTION)),
        // After what a user waits for at a start of the machine.
        ("delayed start", service.set_delayed_auto_start(true)),
        ("restart after failures", service.update_failure_actions(failures)),
        // Also when it ends by itself with an error, e.g. on a disk that is full.
        ("restart after errors", service.set_failure_actions_on_non_crash_failures(true)),
        ("SID of its own", service.set_config_service_sid_info(ServiceSidType::Unrestricted)),
        ("time to stop at shutdown", service.set_preshutdown_timeout(scm::STOP_TAKES)),
        ("required privileges", require_privileges(service)),
    ];
    let mut unknown = Vec::new();
    for (name, set) in settings {
        match set {
            Ok(()) => {}
            Err(error) if code(&error) == Some(INVALID_LEVEL) => unknown.push(name),
            Err(error) => return Err(explained(words)(error).context((words.not_set)(name))),
        }
    }
    Ok(unknown)
}

/// Names with a zero behind each, and one more at the end.
fn multi_string(names: &[&str]) -> Vec<u16> {
    names.iter().flat_map(|name| name.encode_utf16().chain([0])).chain([0]).collect()
}

fn require_privileges(service: &Service) -> windows_service::Result<()> {
    let mut names = multi_string(&PRIVILEGES);
    let info = SERVICE_REQUIRED_PRIVILEGES_INFOW { pmszRequiredPrivileges: PWSTR(names.as_mut_ptr()) };
    let handle = SC_HANDLE(service.raw_handle().cast::<c_void>());
    // SAFETY: the service is open; the structure is the one that this level says, and it and the names outlive the call.
    unsafe {
        ChangeServiceConfig2W(handle, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, Some((&raw const info).cast()))
    }
    .map_err(|error| windows_service::Error::Winapi(system_error(error)))
}

fn uninstall(with_data: bool, words: &Words) -> anyhow::Result<String> {
    let explained = explained(words);
    let manager = manager(ServiceManagerAccess::CONNECT, words)?;
    let programs = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let state_dir = match manager.open_service(NAME, ServiceAccess::ALL_ACCESS) {
        Ok(service) => {
            let state_dir = state_dir_of(&service, words)?;
            stop_and_wait(&service, words)?;
            service.delete().map_err(explained)?;
            state_dir
        }
        // Removed before, and its data kept.
        Err(error) if code(&error) == Some(NO_SUCH_SERVICE) && with_data => default_state_dir(),
        Err(error) if code(&error) == Some(NO_SUCH_SERVICE) => bail!(words.nothing_to_remove),
        Err(error) => return Err(explained(error)),
    };
    remove_event_source().context(words.source_not_removed)?;
    if let Some(programs) = programs {
        machine_path::remove(&programs).context(words.path_not_changed)?;
    }
    if !with_data {
        return Ok(words.removed.to_owned());
    }
    Ok(match remove_data(&state_dir, words).with_context(|| (words.data_kept)(&state_dir))? {
        Removal::Nothing => (words.no_data)(&state_dir),
        Removal::Whole => (words.removed_with_data)(&state_dir),
        Removal::Others(names) => (words.others_kept)(&state_dir, &names.join(", ")),
    })
}

fn start(words: &Words) -> anyhow::Result<String> {
    let explained = explained(words);
    let service = registered(ServiceAccess::START | ServiceAccess::QUERY_STATUS, words)?;
    match service.start::<&OsStr>(&[]) {
        Ok(()) => {}
        Err(error) if code(&error) == Some(ALREADY_RUNNING) => return Ok(words.runs_already.to_owned()),
        Err(error) => return Err(explained(error)),
    }
    let since = Instant::now();
    loop {
        let status = service.query_status().map_err(explained)?;
        match status.current_state {
            ServiceState::Running => return Ok(words.runs.to_owned()),
            ServiceState::Stopped => bail!((words.ended_at_once)(&how(&status.exit_code, words))),
            _ => ensure!(since.elapsed() < PATIENCE, words.does_not_come_up),
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn how(code: &ServiceExitCode, words: &Words) -> String {
    match code {
        ServiceExitCode::Win32(code) => std::io::Error::from_raw_os_error(code.cast_signed()).to_string(),
        ServiceExitCode::ServiceSpecific(code) => (words.own_code)(&code.to_string()),
    }
}

fn stop(words: &Words) -> anyhow::Result<String> {
    let service = registered(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS, words)?;
    let was_running = stop_and_wait(&service, words)?;
    Ok(if was_running { words.ended } else { words.not_running }.to_owned())
}

/// Whether it ran.
fn stop_and_wait(service: &Service, words: &Words) -> anyhow::Result<bool> {
    let explained = explained(words);
    if service.query_status().map_err(explained)?.current_state == ServiceState::Stopped {
        return Ok(false);
    }
    match service.stop() {
        Ok(_) => {}
        Err(error) if code(&error) == Some(NOT_RUNNING) => return Ok(false),
        Err(error) => return Err(explained(error)),
    }
    let since = Instant::now();
    while service.query_status().map_err(explained)?.current_state != ServiceState::Stopped {
        ensure!(since.elapsed() < PATIENCE, words.does_not_end);
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(true)
}

fn manager(access: ServiceManagerAccess, words: &Words) -> anyhow::Result<ServiceManager> {
    ServiceManager::local_computer(None::<&OsStr>, access).map_err(explained(words))
}

fn registered(access: ServiceAccess, words: &Words) -> anyhow::Result<Service> {
    let manager = manager(ServiceManagerAccess::CONNECT, words)?;
    manager.open_service(NAME, access).map_err(explained(words))
}

fn code(error: &windows_service::Error) -> Option<i32> {
    match error {
        windows_service::Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    }
}

/// What to do about what Windows said.
fn explained(words: &Words) -> impl Fn(windows_service::Error) -> anyhow::Error + Copy {
    move |error| {
        let what = match code(&error) {
            Some(ACCESS_DENIED) => words.administrators_only,
            Some(NO_SUCH_SERVICE) => words.not_registered,
            Some(MARKED_FOR_DELETE) => words.being_removed,
            _ => words.refused,
        };
        match error {
            windows_service::Error::Winapi(source) => anyhow::Error::new(source).context(what),
            other => anyhow::Error::new(other).context(what),
        }
    }
}

/// Where Windows looks up how events of the source are shown.
fn event_source() -> String {
    format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{}", event_log::SOURCE)
}

fn register_event_source() -> anyhow::Result<()> {
    let key = windows_registry::LOCAL_MACHINE.create(event_source())?;
    // A program of Windows' own whose texts show what they are given.
    key.set_expand_string("EventMessageFile", r"%SystemRoot%\System32\EventCreate.exe")?;
    // Errors, warnings, information.
    key.set_u32("TypesSupported", 7)?;
    Ok(())
}

fn remove_event_source() -> anyhow::Result<()> {
    if windows_registry::LOCAL_MACHINE.open(event_source()).is_ok() {
        windows_registry::LOCAL_MACHINE.remove_tree(event_source())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_the_command_line_of_the_service_has_what_was_chosen() {
        assert_eq!(arguments(None, None).unwrap(), ["service"]);
        let own = arguments(Some(Path::new(r"D:\mail data\")), Some(r"\\.\pipe\x")).unwrap();
        assert_eq!(own, ["service", "--state-dir", r"D:\mail data", "--endpoint", r"\\.\pipe\x"]);
    }

    #[test]
    fn i1_a_command_line_is_read_as_it_was_written() {
        let line = r#""C:\Program Files\Faxpost\faxpostd.exe" service --state-dir "D:\mail data" --endpoint \\.\pipe\x"#;
        let program = r"C:\Program Files\Faxpost\faxpostd.exe";
        assert_eq!(
            words(line),
            [program, "service", "--state-dir", r"D:\mail data", "--endpoint", r"\\.\pipe\x"]
        );
        assert_eq!(words(""), Vec::<String>::new());
    }

    #[test]
    fn i1_names_of_privileges_are_written_as_windows_reads_them() {
        assert_eq!(multi_string(&["a", "bc"]), [97, 0, 98, 99, 0, 0]);
    }
}
