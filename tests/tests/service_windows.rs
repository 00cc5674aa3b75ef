//! The service of the system, registered, started, used, stopped and removed, as an administrator does it. One test at a
//! time: a machine has one service of that name.
#![cfg(windows)]
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use faxpost_tests::bins;
use serde_json::Value;
use windows_registry::LOCAL_MACHINE;
use windows_service::service::{Service, ServiceAccess, ServiceSidType, ServiceStartType, ServiceState};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

const ENDPOINT: &str = r"\\.\pipe\faxpost-test-service";
const EVENT_SOURCE: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\Faxpost";
const MACHINE: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";

/// A program where only administrators may write, also above: `install` refuses every other place, and the checkout may be
/// anywhere.
fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = PathBuf::from(std::env::var_os("ProgramFiles").unwrap()).join("Faxpost tests");
        // Of an earlier run: it may have been of another build.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["faxpostd", "faxpost"] {
            let built = bins::path(name);
            let there = folder.join(built.file_name().unwrap());
            std::fs::hard_link(&built, &there).or_else(|_| std::fs::copy(&built, &there).map(drop)).unwrap();
        }
        folder
    });
    folder.join(format!("{name}.exe"))
}

/// Exit code, and both outputs in one text.
fn run(program: &str, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(self::program(program));
    command.args(arguments).env("FAXPOST_ENDPOINT", ENDPOINT).stdin(std::process::Stdio::null());
    let child = bins::started(|| {
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()
    });
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap(), said.concat())
}

fn faxpostd(arguments: &[&str]) -> String {
    let (code, said) = run("faxpostd", arguments);
    assert_eq!(code, 0, "faxpostd {arguments:?}: {said}");
    said
}

fn status() -> Value {
    let (code, said) = run("faxpost", &["--json", "status"]);
    assert_eq!(code, 0, "{said}");
    serde_json::from_str(&said).unwrap()
}

fn registered() -> Option<Service> {
    let manager = ServiceManager::local_computer(None::<&OsStr>, ServiceManagerAccess::CONNECT).unwrap();
    manager.open_service("Faxpost", ServiceAccess::ALL_ACCESS).ok()
}

fn state() -> ServiceState {
    registered().unwrap().query_status().unwrap().current_state
}

/// What an earlier run that was cut off has left.
fn clear() {
    if registered().is_some() {
        run("faxpostd", &["uninstall"]);
    }
}

fn install(state_dir: &Path) -> String {
    faxpostd(&["install", "--state-dir", state_dir.to_str().unwrap(), "--endpoint", ENDPOINT])
}

fn log(state_dir: &Path) -> String {
    std::fs::read_to_string(state_dir.join("log").join("faxpostd.log")).unwrap()
}

#[test]
fn i1_the_service_is_installed_started_used_stopped_and_removed() {
    clear();
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join("the state");
    assert!(install(&state_dir).contains("faxpostd start"));
    let config = registered().unwrap().query_config().unwrap();
    assert_eq!(config.start_type, ServiceStartType::AutoStart);
    assert!(config.account_name.unwrap().to_string_lossy().contains("LocalSystem"));
    let command = config.executable_path.to_string_lossy().into_owned();
    assert!(command.contains("faxpostd.exe") && command.contains("service --state-dir"), "{command}");
    // Wine has no such setting; Windows does.
    if let Ok(sid) = registered().unwrap().get_config_service_sid_info() {
        assert_eq!(sid, ServiceSidType::Unrestricted);
    }
    let source = LOCAL_MACHINE.open(EVENT_SOURCE).unwrap();
    assert!(source.get_string("EventMessageFile").unwrap().ends_with("EventCreate.exe"));
    assert!(!state_dir.exists(), "nothing is begun before it starts");

    assert!(faxpostd(&["start"]).contains("runs"));
    let first = status();
    assert_eq!(first["endpoint"], ENDPOINT);
    assert_eq!(first["role"], "administrator");
    let (code, said) =
        run("faxpost", &["send", "--to", "a@example.test", "--subject", "s", "--text", "t", "--wait"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(std::fs::read_dir(state_dir.join("pickup")).unwrap().count(), 1);
    assert!(faxpostd(&["start"]).contains("already"), "a second start is no failure");

    assert!(faxpostd(&["stop"]).contains("ended"));
    assert_eq!(state(), ServiceState::Stopped);
    assert!(faxpostd(&["stop"]).contains("not running"));
    let (code, said) = run("faxpost", &["status"]);
    assert_eq!(code, 69, "{said}");
    let log = log(&state_dir);
    for line in ["ready", "asked to stop", "stopped"] {
        assert!(log.contains(line), "no `{line}` in the log:\n{log}");
    }

    faxpostd(&["start"]);
    assert_ne!(status()["processId"], first["processId"]);
    assert!(faxpostd(&["uninstall"]).contains("kept"));
    assert!(registered().is_none() && LOCAL_MACHINE.open(EVENT_SOURCE).is_err());
    assert!(state_dir.join("faxpost.db").exists(), "the state is kept");
    let (code, said) = run("faxpostd", &["uninstall"]);
    assert!(code == 1 && said.contains("no service Faxpost"), "{said}");
}

#[test]
fn i1_uninstalling_with_the_data_removes_the_folder_that_the_service_had_and_nothing_of_others() {
    clear();
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join("the state");
    install(&state_dir);
    assert_eq!(faxpostd(&["state-dir"]).trim(), state_dir.to_str().unwrap());
    faxpostd(&["start"]);
    let (code, said) = run("faxpost", &["send", "--to", "a@example.test", "--subject", "s", "--wait"]);
    assert_eq!(code, 0, "{said}");
    assert!(faxpostd(&["--lang", "ru", "uninstall", "--remove-data"]).contains("вместе с её данными"));
    assert!(!state_dir.exists() && folder.path().exists());

    // A folder that an administrator uses for something else, too.
    install(&state_dir);
    faxpostd(&["start"]);
    std::fs::write(state_dir.join("thesis.txt"), "years of work").unwrap();
    assert!(faxpostd(&["uninstall", "--remove-data"]).contains("thesis.txt"));
    let left: Vec<_> =
        std::fs::read_dir(&state_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["thesis.txt"]);

    // And one that never was Faxpost's.
    install(&state_dir);
    let (code, said) = run("faxpostd", &["uninstall", "--remove-data"]);
    assert!(code == 1 && said.contains("by hand") && said.contains("neither a database"), "{said}");
    assert!(state_dir.join("thesis.txt").exists() && registered().is_none());
}

#[test]
fn h3_the_usual_state_folder_is_the_systems_word_and_not_the_environments() {
    clear();
    let usual = faxpostd(&["state-dir"]);
    assert!(usual.trim().ends_with(r"\Faxpost"), "{usual}");
    let mut command = Command::new(program("faxpostd"));
    let output = bins::started(|| command.arg("state-dir").env("ProgramData", r"C:\elsewhere").output());
    assert_eq!(String::from_utf8_lossy(&output.stdout), usual);
}

#[test]
fn i1_installing_again_brings_the_registration_up_to_date() {
    clear();
    let folder = tempfile::tempdir().unwrap();
    install(&folder.path().join("one"));
    assert!(install(&folder.path().join("two")).contains("up to date"));
    let command = || registered().unwrap().query_config().unwrap().executable_path.display().to_string();
    let two = command();
    assert!(two.contains("two") && !two.contains("one"), "{two}");
    // As an installer does, which knows nothing of what was chosen.
    faxpostd(&["install"]);
    assert_eq!(command(), two);
    faxpostd(&["uninstall"]);
}

#[test]
fn i1_a_service_that_cannot_start_says_where_it_is_told_why() {
    clear();
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join("state");
    faxpostd::service::prepare_state_dir(&state_dir).unwrap();
    std::fs::write(state_dir.join("faxpostd.toml"), "[limits]\nconnections = 0\n").unwrap();
    install(&state_dir);
    let start = || run("faxpostd", &["start"]);
    // ERROR_SERVICE_REQUEST_TIMEOUT: Wine just begun may be too slow to hear a service that ends at once.
    let (code, said) = match start() {
        (1, said) if said.contains("os error 1053") => start(),
        answer => answer,
    };
    assert!(code == 1 && said.contains("Event Log") && said.contains("faxpostd.log"), "{said}");
    assert!(log(&state_dir).contains("limits.connections"), "{}", log(&state_dir));
    faxpostd(&["uninstall"]);
}

#[test]
fn i1_without_a_registration_every_command_says_so() {
    clear();
    for command in ["start", "stop"] {
        let (code, said) = run("faxpostd", &[command]);
        assert!(code == 1 && said.contains("faxpostd install"), "{command}: {said}");
    }
    let (code, said) = run("faxpostd", &["service"]);
    assert!(code == 1 && said.contains("faxpostd start"), "{said}");
}

#[test]
fn g1_the_programs_are_found_in_the_path_while_they_are_installed() {
    clear();
    let machine_path = || LOCAL_MACHINE.open(MACHINE).unwrap().get_string("Path").unwrap();
    let before = machine_path();
    let programs = program("faxpostd").parent().unwrap().to_str().unwrap().to_owned();
    for _ in 0..2 {
        faxpostd(&["install", "--add-to-path"]);
        assert_eq!(machine_path(), format!("{};{programs}", before.trim_end_matches(';')));
    }
    faxpostd(&["uninstall"]);
    assert_eq!(machine_path(), before.trim_end_matches(';'));
}
