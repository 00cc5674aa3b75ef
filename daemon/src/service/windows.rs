//! Windows: folders with descriptors, and console events. The service control manager comes with the installer.

// The folder's descriptor has to be there from the beginning, and std cannot give one.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
use windows::Win32::Foundation::{ERROR_ALREADY_EXISTS, HLOCAL, LocalFree};
use windows::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows::Win32::Security::{PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES};
use windows::Win32::Storage::FileSystem::CreateDirectoryW;
use windows::core::{HSTRING, w};

/// Where the daemon keeps its state unless told otherwise.
#[must_use]
pub fn default_state_dir() -> PathBuf {
    let data = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
    PathBuf::from(data).join("Faxpost")
}

/// Makes the state folder: SYSTEM, Administrators and its owner have everything, nobody else anything. Protected, so
/// that ProgramData's readers are not inherited.
///
/// # Errors
/// It cannot be made.
pub fn prepare_state_dir(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let shown = path.display();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
    }
    create(path).with_context(|| {
        format!("cannot make the state folder {shown}; run as administrator, or give --state-dir")
    })
}

fn create(path: &Path) -> windows::core::Result<()> {
    let sddl = w!("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)");
    let mut descriptor = PSECURITY_DESCRIPTOR::default();
    // SAFETY: the string is a constant, `descriptor` outlives the call and is freed below, `attributes` points to it
    // only while it lives.
    unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &mut descriptor, None)?;
        let attributes = SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: descriptor.0,
            bInheritHandle: false.into(),
        };
        let created = CreateDirectoryW(&HSTRING::from(path), Some(&attributes));
        LocalFree(Some(HLOCAL(descriptor.0)));
        match created {
            Err(error) if error.code() == ERROR_ALREADY_EXISTS.to_hresult() => Ok(()),
            created => created,
        }
    }
}

/// Windows has no limit of open handles worth raising.
pub fn raise_limits() {}

/// Returns when the console asks the daemon to stop: Ctrl-C, Ctrl-Break, its window closed, or shutdown.
///
/// # Errors
/// Console events cannot be received.
pub async fn stop_requested() -> std::io::Result<()> {
    let (mut c, mut brk, mut close, mut shutdown) =
        (ctrl_c()?, ctrl_break()?, ctrl_close()?, ctrl_shutdown()?);
    tokio::select! {
        _ = c.recv() => {}
        _ = brk.recv() => {}
        _ = close.recv() => {}
        _ = shutdown.recv() => {}
    }
    Ok(())
}
