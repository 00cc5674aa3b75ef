//! Linux: Mono runs the helper from memory. There is no file that somebody could put another one in the place of.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use tokio::process::Command;

use super::HELPER;

/// Where Mono is installed: nowhere that somebody else may write to.
const PREFIXES: [&str; 2] = ["/usr", "/usr/local"];

/// What of the mailer's environment the runtime is given.
const KEPT: [&str; 4] = ["TZ", "LANG", "LC_ALL", "LC_MESSAGES"];

/// What Mono needs of its own: nothing shared with others, the newer of its TLS, and no more memory than the largest message
/// takes, some times over.
const OWN: [(&str, &str); 4] = [
    ("MONO_DISABLE_SHARED_AREA", "1"),
    ("MONO_TLS_PROVIDER", "btls"),
    ("MONO_GC_PARAMS", "max-heap-size=1g"),
    ("HOME", "/nonexistent"),
];

pub(super) fn missing() -> Option<String> {
    let install = "install it: apt-get install mono-runtime libmono-system4.0-cil ca-certificates-mono";
    match prefix() {
        None => Some(format!("Mono is not installed here; {install}")),
        // Its own libraries are packages of their own.
        Some(prefix) if !prefix.join("lib/mono/4.5/System.dll").exists() => {
            Some(format!("Mono is here, and its System.dll is not; {install}"))
        }
        Some(_) => None,
    }
}

fn prefix() -> Option<PathBuf> {
    PREFIXES.iter().map(PathBuf::from).find(|prefix| prefix.join("bin/mono").is_file())
}

/// Nothing to do: see [`helper`].
#[expect(clippy::unnecessary_wraps, reason = "Windows' side can fail")]
pub(in crate::mailer::methods) fn install(_programs: &Path, _account: &str) -> io::Result<()> {
    Ok(())
}

/// The helper, ready to be started.
pub(super) fn command(_programs: &Path) -> io::Result<Command> {
    if let Some(missing) = super::missing() {
        return Err(io::Error::new(io::ErrorKind::NotFound, missing));
    }
    let prefix = prefix().ok_or(io::ErrorKind::NotFound)?;
    let mut command = Command::new(prefix.join("bin/mono"));
    command.arg(format!("/proc/self/fd/{}", helper()?));
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| KEPT.iter().any(|kept| name == kept)));
    command.envs(OWN).current_dir("/");
    Ok(command)
}

/// The number by which every child of this process knows the helper: a file in memory that nobody can change any more.
fn helper() -> io::Result<i32> {
    static FILE: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(file) = FILE.get() {
        return Ok(file.as_raw_fd());
    }
    // Not closed on exec: that is how it is handed over.
    let file = memfd_create("faxpost-net-mail", MFdFlags::MFD_ALLOW_SEALING)?;
    let mut writer = File::from(file);
    writer.write_all(HELPER)?;
    let seals =
        SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
    fcntl(&writer, FcntlArg::F_ADD_SEALS(seals))?;
    // Two at once make two, and one of them is kept.
    Ok(FILE.get_or_init(|| OwnedFd::from(writer)).as_raw_fd())
}
