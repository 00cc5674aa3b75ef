//! Starts programs with a token in which Administrators counts for denying only, and which is not elevated.
//!
//! Made for Wine, where every process is an administrator and no other user can be had. On Windows the linked token can
//! not be used for a process without a privilege of the system's; there, tests run under an account of their own.
#![allow(unsafe_code)] // Tokens and processes with another token exist as raw calls only.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;

use faxpost_proto::security::{Descriptor, system_error};
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
use windows::Win32::Foundation::{
    HANDLE, HANDLE_FLAG_INHERIT, HANDLE_FLAGS, SetHandleInformation, WAIT_OBJECT_0,
};
use windows::Win32::Security::{
    AccessCheck, CreateRestrictedToken, CreateWellKnownSid, DISABLE_MAX_PRIVILEGE, DuplicateToken,
    DuplicateTokenEx, GENERIC_MAPPING, GetTokenInformation, MapGenericMask, PRIVILEGE_SET,
    PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, SECURITY_MAX_SID_SIZE, SID_AND_ATTRIBUTES,
    SecurityIdentification, SecurityImpersonation, TOKEN_ALL_ACCESS, TOKEN_LINKED_TOKEN, TokenLinkedToken,
    TokenPrimary, WinBuiltinAdministratorsSid,
};
use windows::Win32::Storage::FileSystem::{
    FILE_ALL_ACCESS, FILE_GENERIC_EXECUTE, FILE_GENERIC_READ, FILE_GENERIC_WRITE,
};
use windows::Win32::System::Threading::{
    CreateProcessAsUserW, GetCurrentProcess, GetExitCodeProcess, OpenProcessToken, PROCESS_CREATION_FLAGS,
    PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOW, TerminateProcess, WaitForSingleObject,
};
use windows::core::{BOOL, PWSTR};

/// After this a child hangs, and is ended so that the test run does not. Milliseconds.
const CHILD_PATIENCE: u32 = 60_000;

/// Runs a program to its end; what it wrote to both its outputs comes back with its exit code.
///
/// # Errors
/// The token cannot be made, the program not be started, or it hangs.
pub fn spawn_restricted(exe: &Path, args: &[&str]) -> io::Result<(u32, String)> {
    let token = restricted_token()?;
    let exe = exe.to_str().ok_or(io::ErrorKind::InvalidInput)?;
    let line: Vec<String> = std::iter::once(exe).chain(args.iter().copied()).map(quoted).collect();
    let mut line: Vec<u16> = line.join(" ").encode_utf16().chain([0]).collect();

    let mut output = tempfile::tempfile()?;
    let nothing = File::open("NUL")?;
    for file in [&output, &nothing] {
        // SAFETY: the file is open.
        unsafe {
            SetHandleInformation(raw(file), HANDLE_FLAG_INHERIT.0, HANDLE_FLAGS(HANDLE_FLAG_INHERIT.0))
        }
        .map_err(system_error)?;
    }
    let start = STARTUPINFOW {
        cb: size_of::<STARTUPINFOW>() as u32,
        dwFlags: STARTF_USESTDHANDLES,
        hStdInput: raw(&nothing),
        hStdOutput: raw(&output),
        hStdError: raw(&output),
        ..STARTUPINFOW::default()
    };
    let mut started = PROCESS_INFORMATION::default();
    // SAFETY: the line ends with zero and may be written to; everything else outlives the call. The two new handles have
    // their owners at once.
    let (process, _thread) = unsafe {
        CreateProcessAsUserW(
            Some(HANDLE(token.as_raw_handle())),
            None,
            Some(PWSTR(line.as_mut_ptr())),
            None,
            None,
            true,
            PROCESS_CREATION_FLAGS(0),
            None,
            None,
            &start,
            &mut started,
        )
        .map_err(system_error)?;
        let process = OwnedHandle::from_raw_handle(started.hProcess.0);
        (process, OwnedHandle::from_raw_handle(started.hThread.0))
    };

    let process = HANDLE(process.as_raw_handle());
    let mut code = 0;
    // SAFETY: the process' handle is open to the end of this function, and `code` outlives the call.
    unsafe {
        if WaitForSingleObject(process, CHILD_PATIENCE) != WAIT_OBJECT_0 {
            let _ = TerminateProcess(process, 1);
            return Err(io::ErrorKind::TimedOut.into());
        }
        GetExitCodeProcess(process, &mut code).map_err(system_error)?;
    }
    let mut text = Vec::new();
    output.rewind()?;
    output.read_to_end(&mut text)?;
    Ok((code, String::from_utf8_lossy(&text).into_owned()))
}

/// Whether a descriptor grants such a client all of these rights. Asked of the system, which Wine answers truly although
/// it does not hold pipes to it.
///
/// # Errors
/// The token cannot be made, or the text is not SDDL.
pub fn restricted_may(sddl: &str, wanted: u32) -> io::Result<bool> {
    let token = restricted_token()?;
    // The question needs a group in the descriptor, although it does not count.
    let descriptor = Descriptor::from_sddl(&sddl.replacen("D:", "G:SYD:", 1))?;
    let rights = GENERIC_MAPPING {
        GenericRead: FILE_GENERIC_READ.0,
        GenericWrite: FILE_GENERIC_WRITE.0,
        GenericExecute: FILE_GENERIC_EXECUTE.0,
        GenericAll: FILE_ALL_ACCESS.0,
    };
    let mut privileges = PRIVILEGE_SET::default();
    let mut room = size_of::<PRIVILEGE_SET>() as u32;
    let (mut granted, mut allowed) = (0, BOOL::default());
    let (mut asking, mut wanted) = (HANDLE::default(), wanted);
    // SAFETY: the token is open and the descriptor lives to the end of this function; the lengths are those of what they
    // stand for. The new handle has its owner at once.
    unsafe {
        DuplicateToken(HANDLE(token.as_raw_handle()), SecurityIdentification, &mut asking)
            .map_err(system_error)?;
        let _asking = OwnedHandle::from_raw_handle(asking.0);
        MapGenericMask(&mut wanted, &rights);
        AccessCheck(
            PSECURITY_DESCRIPTOR(descriptor.as_ptr()),
            asking,
            wanted,
            &rights,
            Some(&mut privileges),
            &mut room,
            &mut granted,
            &mut allowed,
        )
        .map_err(system_error)?;
    }
    Ok(allowed.as_bool() && granted & wanted == wanted)
}

/// A pipe with any descriptor, such as one of a stranger who wants to be taken for the daemon.
///
/// # Errors
/// The text is not SDDL, or the system refuses.
pub fn rival_pipe(endpoint: &str, sddl: &str) -> io::Result<NamedPipeServer> {
    let descriptor = Descriptor::from_sddl(sddl)?;
    let mut attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.as_ptr(),
        bInheritHandle: false.into(),
    };
    // SAFETY: the attributes are whole and, as the descriptor in them, outlive the call.
    unsafe {
        ServerOptions::new().create_with_security_attributes_raw(endpoint, (&raw mut attributes).cast())
    }
}

fn restricted_token() -> io::Result<OwnedHandle> {
    let mut administrators = [0_u64; (SECURITY_MAX_SID_SIZE as usize).div_ceil(8)];
    let sid = PSID(administrators.as_mut_ptr().cast());
    let mut room = SECURITY_MAX_SID_SIZE;
    let (mut own, mut primary, mut restricted) = (HANDLE::default(), HANDLE::default(), HANDLE::default());
    let mut linked = TOKEN_LINKED_TOKEN::default();
    let mut written = 0;
    // SAFETY: every buffer outlives its call and has the length that is said; every new handle has its owner at once.
    unsafe {
        CreateWellKnownSid(WinBuiltinAdministratorsSid, None, Some(sid), &mut room).map_err(system_error)?;
        OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &mut own).map_err(system_error)?;
        let _own = OwnedHandle::from_raw_handle(own.0);
        GetTokenInformation(
            own,
            TokenLinkedToken,
            Some((&raw mut linked).cast()),
            size_of::<TOKEN_LINKED_TOKEN>() as u32,
            &mut written,
        )
        .map_err(system_error)?;
        let _linked = OwnedHandle::from_raw_handle(linked.LinkedToken.0);
        DuplicateTokenEx(
            linked.LinkedToken,
            TOKEN_ALL_ACCESS,
            None,
            SecurityImpersonation,
            TokenPrimary,
            &mut primary,
        )
        .map_err(system_error)?;
        let _primary = OwnedHandle::from_raw_handle(primary.0);
        let denying = [SID_AND_ATTRIBUTES { Sid: sid, Attributes: 0 }];
        CreateRestrictedToken(primary, DISABLE_MAX_PRIVILEGE, Some(&denying), None, None, &mut restricted)
            .map_err(system_error)?;
        Ok(OwnedHandle::from_raw_handle(restricted.0))
    }
}

fn raw(file: &File) -> HANDLE {
    HANDLE(file.as_raw_handle())
}

/// As the C runtime takes a command line apart: backslashes count only before a quote.
fn quoted(argument: &str) -> String {
    let mut text = String::from("\"");
    let mut backslashes = 0;
    for character in argument.chars() {
        match character {
            '\\' => backslashes += 1,
            '"' => {
                text.extend(std::iter::repeat_n('\\', 2 * backslashes + 1));
                backslashes = 0;
            }
            _ => {
                text.extend(std::iter::repeat_n('\\', backslashes));
                backslashes = 0;
            }
        }
        if character != '\\' {
            text.push(character);
        }
    }
    text.extend(std::iter::repeat_n('\\', 2 * backslashes));
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_arrives_as_it_was() {
        assert_eq!(quoted(r"\\.\pipe\a b"), r#""\\.\pipe\a b""#);
        assert_eq!(quoted(r"C:\a\"), r#""C:\a\\""#);
        assert_eq!(quoted(r#"a"b\"c"#), r#""a\"b\\\"c""#);
        assert_eq!(quoted(""), r#""""#);
    }
}
