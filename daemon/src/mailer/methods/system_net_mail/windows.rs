//! Windows: .NET Framework runs the helper from a file, which the daemon writes anew at each start, into a folder of the
//! state that the mailer's account may read and only administrators may write to.
#![allow(unsafe_code)] // The version of .NET Framework stands in the registry.

use std::io::{self, Write as _};
use std::os::windows::process::CommandExt as _;
use std::path::Path;

use tokio::process::Command;
use windows::Win32::Foundation::ERROR_SUCCESS;
use windows::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW};
use windows::Win32::System::Threading::CREATE_NO_WINDOW;
use windows::core::w;

use super::HELPER;
use crate::service::{private_file, readable_file, readable_folder};

const FILE: &str = "FaxpostNetMail.exe";

/// .NET Framework 4.7.2, the first whose SmtpClient takes the TLS that the system has and that Windows Server 2016 and later
/// bring.
const OLDEST: u32 = 461_808;

/// What of the mailer's environment the runtime is given. Without the first ones there are no sockets.
const KEPT: [&str; 4] = ["SystemRoot", "SystemDrive", "windir", "PATH"];

pub(super) fn missing() -> Option<String> {
    match release() {
        None => Some(".NET Framework 4 is not installed here: install version 4.8".to_owned()),
        Some(release) if release < OLDEST => {
            Some(".NET Framework is older than 4.7.2 here: install version 4.8".to_owned())
        }
        Some(_) => None,
    }
}

fn release() -> Option<u32> {
    let mut release = 0_u32;
    let mut size = size_of::<u32>() as u32;
    // SAFETY: the names end with zero; the value is a DWORD, as is asked for, and fits into `release`, which with `size`
    // outlives the call.
    let read = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            w!(r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full"),
            w!("Release"),
            RRF_RT_REG_DWORD,
            None,
            Some((&raw mut release).cast()),
            Some(&mut size),
        )
    };
    (read == ERROR_SUCCESS).then_some(release)
}

pub(in crate::mailer::methods) fn install(programs: &Path, account: &str) -> io::Result<()> {
    if super::missing().is_some() {
        return Ok(());
    }
    readable_folder(programs, account)?;
    let path = programs.join(FILE);
    // A mailer that has outlived its daemon may run it, and the same is as good as a new one.
    if !std::fs::read(&path).is_ok_and(|there| there == HELPER) {
        let mut file = private_file(&path)?;
        file.set_len(0)?;
        file.write_all(HELPER)?;
    }
    readable_file(&path, account)
}

/// The helper, ready to be started.
pub(super) fn command(programs: &Path) -> io::Result<Command> {
    if let Some(missing) = super::missing() {
        return Err(io::Error::new(io::ErrorKind::NotFound, missing));
    }
    let mut command = std::process::Command::new(programs.join(FILE));
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| KEPT.iter().any(|kept| name == kept)));
    command.creation_flags(CREATE_NO_WINDOW.0);
    Ok(command.into())
}
