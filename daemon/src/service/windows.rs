//! Windows: folders with descriptors, console events, and the service of the system.

// The folder's descriptor has to be there from the beginning, and std cannot give one.
#![allow(unsafe_code)]

pub(crate) mod event_log;
mod log_file;
mod machine_path;
mod manager;
mod programs;
mod scm;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStringExt as _;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsHandle as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use faxpost_proto::security::{ADMINISTRATORS, Descriptor, Grant, SYSTEM, Token, account_name};
use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
use windows::Win32::Foundation::{ERROR_ALREADY_EXISTS, GENERIC_EXECUTE, GENERIC_READ};
use windows::Win32::Security::{
    DACL_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR,
    SECURITY_ATTRIBUTES, SetFileSecurityW,
};
use windows::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_GENERIC_EXECUTE,
    FILE_GENERIC_READ, READ_CONTROL,
};
use windows::Win32::System::Com::CoTaskMemFree;
use windows::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode,
};
use windows::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};
use windows::Win32::UI::Shell::{FOLDERID_ProgramData, KF_FLAG_DEFAULT, SHGetKnownFolderPath};
use windows::core::HSTRING;

use super::words::Words;
use super::{Order, Work};
use crate::ipc::HandedOver;

/// Who owns Windows' own folders: NT SERVICE\\TrustedInstaller.
const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

/// Where the daemon keeps its state unless told otherwise. The system is asked, and not the environment: whoever starts a
/// process makes that.
#[must_use]
pub fn default_state_dir() -> PathBuf {
    program_data().unwrap_or_else(|| r"C:\ProgramData".into()).join("Faxpost")
}

fn program_data() -> Option<PathBuf> {
    // SAFETY: the identifier is Windows' own constant; the text that comes back ends with zero, is copied, and freed once by
    // the function that is meant for it.
    unsafe {
        let text = SHGetKnownFolderPath(&FOLDERID_ProgramData, KF_FLAG_DEFAULT, None).ok()?;
        let path = PathBuf::from(OsString::from_wide(text.as_wide()));
        CoTaskMemFree(Some(text.as_ptr().cast()));
        Some(path)
    }
}

/// SYSTEM, Administrators and the owner have everything, nobody else anything. Protected, so that ProgramData's readers
/// are not inherited.
const CLOSED: &str = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)";

/// Stand for the owner of what they are on: OWNER RIGHTS, CREATOR OWNER.
const OWNERS: [&str; 2] = ["S-1-3-4", "S-1-3-0"];

/// Everything of a folder but reading, its attributes and its list, and entering it: files and folders added, removed,
/// renamed, given away or opened to others.
const CHANGING: u32 = !(FILE_GENERIC_READ.0 | FILE_GENERIC_EXECUTE.0 | GENERIC_READ.0 | GENERIC_EXECUTE.0);

/// The account this process runs under: its name, and its SID.
#[must_use]
pub fn own_account() -> (String, String) {
    let id = Token::own().and_then(|token| token.facts()).map_or_else(|_| String::new(), |facts| facts.user);
    (account_name(&id).unwrap_or_else(|| id.clone()), id)
}

/// Makes the state folder, for SYSTEM, Administrators and its owner only; refuses one that others could change. All users
/// may make folders in ProgramData: one of them could have been there first.
///
/// # Errors
/// It cannot be made, or is somebody else's, or others may write to it.
pub fn prepare_state_dir(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    if path.is_dir() {
        return check(path).with_context(|| format!("the state folder {shown} cannot be used"));
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
    }
    create(path, CLOSED).with_context(|| {
        format!("cannot make the state folder {shown}; run as administrator, or give --state-dir")
    })
}

fn create(path: &Path, sddl: &str) -> anyhow::Result<()> {
    let descriptor = Descriptor::from_sddl(sddl)?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.as_ptr(),
        bInheritHandle: false.into(),
    };
    // SAFETY: the path ends with zero, as HSTRING has it; the attributes and the descriptor in them outlive the call.
    match unsafe { CreateDirectoryW(&HSTRING::from(path), Some(&attributes)) } {
        // Somebody was quicker.
        Err(error) if error.code() == ERROR_ALREADY_EXISTS.to_hresult() => check(path),
        created => Ok(created?),
    }
}

/// The folder, and, if a link leads to it, the link: whoever may change that one could lead it elsewhere.
fn check(path: &Path) -> anyhow::Result<()> {
    let own = Token::own()?.facts()?.user;
    // Without the first no folder opens.
    let folder = FILE_FLAG_BACKUP_SEMANTICS.0;
    for flags in [folder, folder | FILE_FLAG_OPEN_REPARSE_POINT.0] {
        match look(path, flags, &own, |grant| grant.mask)? {
            None => {}
            Some(Objection::Owner(owner)) => {
                bail!("it belongs to {}, and not to the daemon or an administrator", shown(&owner))
            }
            Some(Objection::Open(to)) => bail!(
                "others may write to it ({}); take that away: icacls \"{}\" /inheritance:r /grant \
                 *{SYSTEM}:(OI)(CI)F *{ADMINISTRATORS}:(OI)(CI)F *{own}:(OI)(CI)F",
                shown(&to),
                path.display()
            ),
        }
    }
    Ok(())
}

/// What speaks against what is there. `counted`: the rights of an entry that matter.
fn look(
    path: &Path,
    flags: u32,
    own: &str,
    counted: impl Fn(&Grant) -> u32,
) -> anyhow::Result<Option<Objection>> {
    let opened = OpenOptions::new().access_mode(READ_CONTROL.0).custom_flags(flags).open(path)?;
    let descriptor = Descriptor::of(opened.as_handle())?;
    let owner = descriptor.owner()?.unwrap_or_default();
    let entries = descriptor.entries()?;
    let grants = entries.map(|entries| {
        entries.into_iter().map(|grant| (grant.sid.clone(), counted(&grant))).collect::<Vec<_>>()
    });
    Ok(objection(&owner, grants.as_deref(), own))
}

/// What speaks against a folder.
#[derive(Debug, PartialEq, Eq)]
enum Objection {
    /// This SID, which owns it and may open it at any time.
    Owner(String),
    /// That this SID may change what is in it.
    Open(String),
}

fn objection(owner: &str, grants: Option<&[(String, u32)]>, own: &str) -> Option<Objection> {
    let trusted = |sid: &str| [SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER, own].contains(&sid);
    if !trusted(owner) {
        return Some(Objection::Owner(owner.to_owned()));
    }
    let Some(grants) = grants else { return Some(Objection::Open("S-1-1-0".to_owned())) };
    let open = grants
        .iter()
        .find(|(sid, mask)| mask & CHANGING != 0 && !trusted(sid) && !OWNERS.contains(&sid.as_str()))?;
    Some(Objection::Open(open.0.clone()))
}

fn shown(sid: &str) -> String {
    account_name(sid).unwrap_or_else(|| sid.to_owned())
}

/// Makes a folder of the state, with its parents. What is in the state folder inherits its descriptor.
///
/// # Errors
/// It cannot be made.
pub fn private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Makes a folder in the state folder that `account`, a SID, may read and start programs from; refuses one that it or others
/// could change. One that was made for another account is this one's then.
///
/// # Errors
/// It cannot be made, or others may write to it.
pub fn readable_folder(path: &Path, account: &str) -> io::Result<()> {
    let sddl = folder_list(account);
    create(path, &sddl).map_err(|error| io::Error::other(format!("{error:#}")))?;
    give(path, &sddl)
}

/// Lets `account`, a SID, read and start a file of such a folder, and no account that it was made for before.
///
/// # Errors
/// Its descriptor cannot be set.
pub fn readable_file(path: &Path, account: &str) -> io::Result<()> {
    give(path, &file_list(account))
}

fn folder_list(account: &str) -> String {
    format!("{CLOSED}(A;OICI;0x1200a9;;;{account})")
}

fn file_list(account: &str) -> String {
    format!("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)(A;;0x1200a9;;;{account})")
}

/// Gives what is there exactly this list of access.
fn give(path: &Path, sddl: &str) -> io::Result<()> {
    let descriptor = Descriptor::from_sddl(sddl)?;
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the path ends with zero, as HSTRING has it; the descriptor outlives the call.
    Ok(unsafe {
        SetFileSecurityW(&HSTRING::from(path), what, PSECURITY_DESCRIPTOR(descriptor.as_ptr())).ok()
    }?)
}

/// Opens a file of the state for writing, and makes it if it is not there.
///
/// # Errors
/// It cannot be opened or made.
pub fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

/// Does what an administrator asks for about the service; says what was done.
///
/// # Errors
/// It cannot be done; why, and what to do.
pub fn command(order: &Order, words: &Words) -> anyhow::Result<String> {
    manager::command(order, words)
}

/// Hands this process to Windows as its service, and returns when that has ended.
///
/// # Errors
/// It was not Windows that started it.
pub fn serve(state_dir: &Path, work: Work, words: &Words) -> anyhow::Result<()> {
    scm::serve(state_dir, work, words)
}

/// Windows hands no pipes over.
///
/// # Errors
/// None here.
pub fn handed_over() -> anyhow::Result<Option<HandedOver>> {
    Ok(None)
}

/// In the foreground there is nobody to tell.
pub fn tell_ready() {}

/// In the foreground there is nobody to tell.
pub fn tell_stopping() {}

/// There is no log of the system that takes every line; the Event Log is told what an administrator must know.
pub(super) fn system_log() -> Option<tracing_subscriber::layer::Identity> {
    None
}

/// Keeps a fault of this process, and of those that it starts, from being reported with its memory: the key that seals every
/// secret is in it. An administrator can still have whole dumps made.
///
/// # Errors
/// None here.
pub fn forbid_dumps() -> anyhow::Result<()> {
    // SAFETY: both set a flag of this process, no more.
    unsafe {
        SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
        // For the ends that do not ask the mode: what is reported has no heap. Without it they are reported as ever.
        let _ = WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP);
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Read and enter, as ProgramData grants it to users.
    const READING: u32 = 0x0012_00a9;
    const USERS: &str = "S-1-5-32-545";
    const OWN: &str = "S-1-5-21-1-2-3-1001";

    fn grants(list: &[(&str, u32)]) -> Vec<(String, u32)> {
        list.iter().map(|(sid, mask)| ((*sid).to_owned(), *mask)).collect()
    }

    #[test]
    fn h3_the_usual_state_folder_is_the_systems_word_and_not_the_environments() {
        assert!(program_data().is_some());
        let folder = default_state_dir();
        assert!(folder.is_absolute() && folder.ends_with("Faxpost"), "{}", folder.display());
    }

    #[test]
    fn h3_a_fresh_state_folder_is_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        prepare_state_dir(&path).unwrap();
        prepare_state_dir(&path).unwrap();
    }

    #[test]
    fn h3_a_state_folder_that_others_may_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open");
        prepare_state_dir(&path).unwrap();
        let list = Descriptor::from_sddl("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;WD)").unwrap();
        // SAFETY: the path ends with zero, as HSTRING has it; the descriptor outlives the call.
        let set = unsafe {
            let descriptor = PSECURITY_DESCRIPTOR(list.as_ptr());
            SetFileSecurityW(&HSTRING::from(path.as_path()), DACL_SECURITY_INFORMATION, descriptor)
        };
        assert!(set.as_bool());
        let error = format!("{:#}", prepare_state_dir(&path).unwrap_err());
        assert!(error.contains("icacls") && error.contains("others may write"), "{error}");
    }

    #[test]
    fn a7_the_programs_are_for_the_account_that_the_mailer_has_now() {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("programs");
        let file = programs.join("FaxpostNetMail.exe");
        // What a disk of Wine keeps of a list is too little to look at: the lists are looked at, and that they are taken by
        // what another account had.
        for account in ["S-1-5-20", "S-1-5-19", "S-1-5-20"] {
            readable_folder(&programs, account).unwrap();
            std::fs::write(&file, "MZ").unwrap();
            readable_file(&file, account).unwrap();
            for list in [folder_list(account), file_list(account)] {
                let grants = Descriptor::from_sddl(&list).unwrap().grants().unwrap().unwrap();
                let reads = grants.iter().filter(|(_, mask)| *mask == READING).map(|(sid, _)| sid.as_str());
                assert_eq!(reads.collect::<Vec<_>>(), [account], "{list}");
            }
        }
    }

    #[test]
    fn h3_who_owns_a_state_folder_and_who_may_change_it_decides() {
        let closed = grants(&[(SYSTEM, 0x1f_01ff), (ADMINISTRATORS, 0x1f_01ff), ("S-1-3-4", 0x1f_01ff)]);
        for owner in [SYSTEM, ADMINISTRATORS, OWN] {
            assert_eq!(objection(owner, Some(&closed), OWN), None, "{owner}");
        }
        for owner in [USERS, "S-1-5-21-1-2-3-1002", "S-1-5-19", ""] {
            let wrong = Some(Objection::Owner(owner.to_owned()));
            assert_eq!(objection(owner, Some(&closed), OWN), wrong, "{owner}");
        }
        let readable = grants(&[(SYSTEM, 0x1f_01ff), (USERS, READING), ("S-1-3-0", 0x1000_0000)]);
        assert_eq!(objection(OWN, Some(&readable), OWN), None);
        assert_eq!(objection(OWN, None, OWN), Some(Objection::Open("S-1-1-0".to_owned())));
    }

    #[test]
    fn h3_every_right_to_change_a_state_folder_counts() {
        for (right, name) in [
            (0x0000_0002, "add files"),
            (0x0000_0004, "add folders"),
            (0x0000_0010, "write extended attributes"),
            (0x0000_0040, "delete children"),
            (0x0000_0100, "write attributes"),
            (0x0001_0000, "delete"),
            (0x0004_0000, "change the list"),
            (0x0008_0000, "take it over"),
            (0x1000_0000, "all"),
            (0x4000_0000, "write"),
        ] {
            let open = grants(&[(SYSTEM, 0x1f_01ff), (USERS, READING | right)]);
            assert_eq!(objection(OWN, Some(&open), OWN), Some(Objection::Open(USERS.to_owned())), "{name}");
        }
    }
}
