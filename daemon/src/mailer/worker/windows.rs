//! Windows: the process is started under NETWORK SERVICE by the service of the system, over pipes without a name that only
//! it inherits; and under the daemon's own account by anybody else, who cannot log that account on.
//!
//! Its token has no privileges: that of a network service could impersonate whoever connects to it, and so become the
//! system again. Its job ends it with the daemon.
#![allow(unsafe_code)] // A process with another token and a list of handles exists as raw calls only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::{AsHandle as _, AsRawHandle, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use windows::Win32::Foundation::{
    HANDLE, HANDLE_FLAG_INHERIT, HANDLE_FLAGS, SetHandleInformation, WAIT_OBJECT_0,
};
use windows::Win32::Security::{
    CreateRestrictedToken, DISABLE_MAX_PRIVILEGE, LOGON32_LOGON_SERVICE, LOGON32_PROVIDER_DEFAULT, LogonUserW,
};
use windows::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, DeleteProcThreadAttributeList,
    EXTENDED_STARTUPINFO_PRESENT, GetExitCodeProcess, InitializeProcThreadAttributeList,
    LPPROC_THREAD_ATTRIBUTE_LIST, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, PROCESS_INFORMATION,
    STARTF_USESTDHANDLES, STARTUPINFOEXW, TerminateProcess, UpdateProcThreadAttribute, WaitForSingleObject,
};
use windows::core::{HSTRING, PCWSTR, PWSTR};

use super::child::Confined;
use super::link::Started;
use super::{Account, Arguments, program};
use crate::service::{forbid_dumps, own_account};

const SYSTEM: &str = "S-1-5-18";

/// The accounts that can be logged on without a password: SID, name, and how a person may write it.
const SERVICES: [(&str, &str); 2] = [("S-1-5-20", "NETWORK SERVICE"), ("S-1-5-19", "LOCAL SERVICE")];

/// What of the environment the mailer is given. Without the first ones there are no sockets.
const KEPT: [&str; 12] = [
    "SystemRoot",
    "SystemDrive",
    "windir",
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "FAXPOST_LOG",
    "RUST_BACKTRACE",
];

/// What a process ends with that we end.
const ENDED: u32 = 9;

/// The account that mail is sent under, by what is set and what can be.
pub(super) fn account(wanted: Option<&str>) -> anyhow::Result<Account> {
    let (own_name, own) = own_account();
    let wanted = wanted.unwrap_or(SERVICES[0].0);
    if wanted == own || wanted.eq_ignore_ascii_case(&own_name) {
        return Ok(Account { name: own_name, id: own, note: Some("MAILER_SAME_ACCOUNT"), switch: None });
    }
    let bare = wanted.rsplit_once('\\').map_or(wanted, |(_, name)| name);
    let known = SERVICES.iter().find(|(sid, name)| wanted == *sid || bare.eq_ignore_ascii_case(name));
    let (sid, name) = known.with_context(|| {
        format!("mailer.account: {wanted} cannot be used; NETWORK SERVICE and LOCAL SERVICE can, which have no password")
    })?;
    Ok(match log_on(name) {
        Ok(_) => Account {
            name: format!("NT AUTHORITY\\{name}"),
            id: (*sid).to_owned(),
            note: None,
            switch: Some((*name).to_owned()),
        },
        Err(_) => Account { name: own_name, id: own, note: Some("MAILER_NO_LOGON"), switch: None },
    })
}

/// The token of a service account, without its privileges. Only the system may ask for it.
fn log_on(name: &str) -> io::Result<OwnedHandle> {
    let (mut full, mut bare) = (HANDLE::default(), HANDLE::default());
    // SAFETY: the strings end with zero, as HSTRING has it, and outlive the call; each new handle has its owner at once.
    unsafe {
        LogonUserW(
            &HSTRING::from(name),
            &HSTRING::from("NT AUTHORITY"),
            PCWSTR::null(),
            LOGON32_LOGON_SERVICE,
            LOGON32_PROVIDER_DEFAULT,
            &mut full,
        )?;
        let full = OwnedHandle::from_raw_handle(full.0);
        CreateRestrictedToken(raw(&full), DISABLE_MAX_PRIVILEGE, None, None, None, &mut bare)?;
        Ok(OwnedHandle::from_raw_handle(bare.0))
    }
}

/// The program that is started. A program that runs is not replaced: an update ends the service first.
pub(super) struct Program(PathBuf);

impl Program {
    pub(super) fn of_this_daemon() -> io::Result<Self> {
        let itself = std::env::current_exe()?;
        Ok(Self(program::beside(&itself).unwrap_or(itself)))
    }

    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self(path.to_owned()))
    }
}

/// Starts the process; its own log comes with it.
pub(super) fn start(program: &Program, arguments: &Arguments) -> io::Result<(Started, Box<dyn Read + Send>)> {
    let (their_input, our_output) = io::pipe()?;
    let (our_input, their_output) = io::pipe()?;
    let (our_log, their_log) = io::pipe()?;
    let theirs = Theirs { input: their_input, output: their_output, log: their_log };
    let process = match &arguments.account {
        Some(account) => start_as(&log_on(account)?, &program.0, account, &arguments.keys, &theirs)?,
        None => start_own(&program.0, &arguments.keys, theirs)?,
    };
    let reader = tokio::fs::File::from_std(File::from(OwnedHandle::from(our_input)));
    let writer = tokio::fs::File::from_std(File::from(OwnedHandle::from(our_output)));
    let started = Started { process, reader: Box::new(reader), writer: Box::new(writer) };
    Ok((started, Box::new(our_log)))
}

/// The other ends of the pipes.
struct Theirs {
    input: PipeReader,
    output: PipeWriter,
    log: PipeWriter,
}

fn start_own(program: &Path, keys: &Path, theirs: Theirs) -> io::Result<Process> {
    let mut command = Command::new(program);
    command.args(["mailer", "--own-account", "--keys"]).arg(keys);
    command.env_clear().envs(environment());
    command.stdin(theirs.input).stdout(theirs.output).stderr(Stdio::from(theirs.log));
    command.creation_flags(CREATE_NO_WINDOW.0);
    let child = command.spawn()?;
    let id = child.id();
    Process::new(OwnedHandle::from(child), id)
}

fn start_as(
    token: &OwnedHandle,
    program: &Path,
    account: &str,
    keys: &Path,
    theirs: &Theirs,
) -> io::Result<Process> {
    let mut line: Vec<u16> = Vec::new();
    for argument in [
        program.as_os_str(),
        "mailer".as_ref(),
        "--account".as_ref(),
        account.as_ref(),
        "--keys".as_ref(),
        keys.as_os_str(),
    ] {
        // No path or account has a quote in it, and the folder's does not end with a backslash: it is joined.
        line.push(u16::from(b'"'));
        line.extend(argument.encode_wide());
        line.extend([u16::from(b'"'), u16::from(b' ')]);
    }
    line.push(0);
    let mut block: Vec<u16> = Vec::new();
    for (name, value) in environment() {
        block.extend(name.encode_wide().chain([u16::from(b'=')]).chain(value.encode_wide()).chain([0]));
    }
    block.extend([0, 0]);
    let folder =
        HSTRING::from(std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into()).as_os_str());

    let handles = [raw(&theirs.input), raw(&theirs.output), raw(&theirs.log)];
    for handle in handles {
        // SAFETY: the pipes are open.
        unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT.0, HANDLE_FLAGS(HANDLE_FLAG_INHERIT.0)) }?;
    }
    let mut attributes = Attributes::with_handles(&handles)?;
    let mut start = STARTUPINFOEXW::default();
    start.StartupInfo.cb = size_of::<STARTUPINFOEXW>() as u32;
    start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    [start.StartupInfo.hStdInput, start.StartupInfo.hStdOutput, start.StartupInfo.hStdError] = handles;
    start.lpAttributeList = attributes.list();
    let mut started = PROCESS_INFORMATION::default();
    // SAFETY: line, block and folder end with zero; the list of handles and everything else outlives the call, and with
    // EXTENDED_STARTUPINFO_PRESENT the structure is the long one, as its length says. Both new handles have their owners
    // at once.
    let process = unsafe {
        CreateProcessAsUserW(
            Some(raw(token)),
            None,
            Some(PWSTR(line.as_mut_ptr())),
            None,
            None,
            true,
            EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT | CREATE_NO_WINDOW,
            Some(block.as_ptr().cast()),
            &folder,
            &raw const start.StartupInfo,
            &mut started,
        )?;
        drop(OwnedHandle::from_raw_handle(started.hThread.0));
        OwnedHandle::from_raw_handle(started.hProcess.0)
    };
    Process::new(process, started.dwProcessId)
}

/// The list of handles that a new process inherits, and no others.
struct Attributes<'a> {
    memory: Vec<usize>,
    _handles: &'a [HANDLE],
}

impl<'a> Attributes<'a> {
    fn with_handles(handles: &'a [HANDLE]) -> io::Result<Self> {
        let mut size = 0;
        // SAFETY: asks for the size only, and therefore fails.
        let _ = unsafe { InitializeProcThreadAttributeList(None, 1, None, &mut size) };
        let memory = vec![0_usize; size.div_ceil(size_of::<usize>())];
        let mut this = Self { memory, _handles: handles };
        let list = LPPROC_THREAD_ATTRIBUTE_LIST(this.memory.as_mut_ptr().cast());
        // SAFETY: the memory has the size that was asked for; the handles outlive this, as their lifetime says.
        unsafe {
            if let Err(error) = InitializeProcThreadAttributeList(Some(list), 1, None, &mut size) {
                // Nothing to delete then.
                this.memory.clear();
                return Err(error.into());
            }
            UpdateProcThreadAttribute(
                list,
                0,
                PROC_THREAD_ATTRIBUTE_HANDLE_LIST as usize,
                Some(handles.as_ptr().cast()),
                size_of_val(handles),
                None,
                None,
            )?;
        }
        Ok(this)
    }

    fn list(&mut self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        LPPROC_THREAD_ATTRIBUTE_LIST(self.memory.as_mut_ptr().cast())
    }
}

impl Drop for Attributes<'_> {
    fn drop(&mut self) {
        if !self.memory.is_empty() {
            // SAFETY: it was initialized.
            unsafe { DeleteProcThreadAttributeList(self.list()) }
        }
    }
}

/// In the order of their names, as Windows wants it.
fn environment() -> BTreeMap<OsString, OsString> {
    KEPT.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?))).collect()
}

/// The process; dropped, it ends.
pub(super) struct Process {
    handle: OwnedHandle,
    id: u32,
    /// Closed, it ends the process, however the daemon ended.
    _job: Option<OwnedHandle>,
}

impl Process {
    fn new(handle: OwnedHandle, id: u32) -> io::Result<Self> {
        let mut this = Self { handle, id, _job: None };
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        // SAFETY: the limits are whole, with the length that is said; the job's handle has its owner at once, and the
        // process' is open.
        unsafe {
            let job = OwnedHandle::from_raw_handle(CreateJobObjectW(None, PCWSTR::null())?.0);
            SetInformationJobObject(
                raw(&job),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>() as u32,
            )?;
            AssignProcessToJobObject(raw(&job), raw(&this.handle))?;
            this._job = Some(job);
        }
        Ok(this)
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits so long for it to end by itself, and then ends it; says how it ended.
    pub(super) fn end(self, grace: Duration) -> String {
        let grace = u32::try_from(grace.as_millis()).unwrap_or(0);
        let mut code = 0;
        // SAFETY: the handle is open, and `code` outlives the call.
        unsafe {
            if WaitForSingleObject(raw(&self.handle), grace) != WAIT_OBJECT_0 {
                let _ = TerminateProcess(raw(&self.handle), ENDED);
                let _ = WaitForSingleObject(raw(&self.handle), 10_000);
            }
            match GetExitCodeProcess(raw(&self.handle), &mut code) {
                Ok(()) => format!("exit code: {code}"),
                Err(error) => error.message(),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SAFETY: the handle is open. A process that has ended is not harmed.
        let _ = unsafe { TerminateProcess(raw(&self.handle), ENDED) };
    }
}

/// The way to the daemon, from the process.
pub struct Connection {
    reader: File,
    writer: File,
}

impl Connection {
    /// Inside of a runtime.
    ///
    /// # Errors
    /// None here.
    pub fn open(self) -> io::Result<(tokio::fs::File, tokio::fs::File)> {
        Ok((tokio::fs::File::from_std(self.reader), tokio::fs::File::from_std(self.writer)))
    }
}

/// The token has been chosen by the daemon; what is left is to see that it is the right one.
pub(super) fn confine(arguments: &Arguments) -> anyhow::Result<Confined> {
    let reader = File::from(
        io::stdin().as_handle().try_clone_to_owned().context("there is no connection to the daemon")?,
    );
    let writer = File::from(
        io::stdout().as_handle().try_clone_to_owned().context("there is no connection to the daemon")?,
    );
    ensure!(
        !io::IsTerminal::is_terminal(&reader),
        "this is started by the daemon, over a connection of its own, and not by hand"
    );
    // Whatever the mailer starts would have the daemon's pipes otherwise: the helper of another method talks to servers.
    for handle in [raw(&io::stdin()), raw(&io::stdout()), raw(&io::stderr())] {
        keep(handle).context("what is started from here would have the way to the daemon")?;
    }
    forbid_dumps()?;
    let (name, id) = own_account();
    if arguments.account.is_some() && id == SYSTEM {
        bail!("the mailer does not work as the system");
    }
    let privileges = if arguments.account.is_some() { ", no privileges" } else { "" };
    Ok(Confined { connection: Connection { reader, writer }, how: format!("{name} ({id}){privileges}") })
}

/// Not for the children of this process.
fn keep(handle: HANDLE) -> io::Result<()> {
    // SAFETY: the handle is open, or none at all, which is an error and no more.
    Ok(unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT.0, HANDLE_FLAGS(0)) }?)
}

fn raw(handle: &impl AsRawHandle) -> HANDLE {
    HANDLE(handle.as_raw_handle())
}

#[cfg(test)]
mod tests {
    use windows::Win32::Foundation::GetHandleInformation;

    use super::*;

    #[test]
    fn h6_what_the_mailer_starts_does_not_get_its_pipes() {
        let (_reader, pipe) = io::pipe().unwrap();
        let inherited = || {
            let mut flags = 0;
            // SAFETY: the pipe is open, and `flags` outlives the call.
            unsafe { GetHandleInformation(raw(&pipe), &mut flags) }.unwrap();
            flags & HANDLE_FLAG_INHERIT.0 != 0
        };
        // SAFETY: the pipe is open.
        unsafe {
            SetHandleInformation(raw(&pipe), HANDLE_FLAG_INHERIT.0, HANDLE_FLAGS(HANDLE_FLAG_INHERIT.0))
        }
        .unwrap();
        assert!(inherited());
        keep(raw(&pipe)).unwrap();
        assert!(!inherited());
    }
}
