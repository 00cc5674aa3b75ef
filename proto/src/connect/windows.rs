//! The Windows way in. tokio opens pipes with GENERIC_WRITE, and so does parity-tokio-ipc; that asks for the right to
//! create instances, which a caller does not have and must not have. So the pipe is opened here, with exactly what the
//! daemon grants, and at identification level: the server may see who calls, and not act in his name.
//!
//! The server is judged by the owner of the pipe, read from the same handle: only SYSTEM and administrators can make an
//! administrators' object. Its process' token, where the caller may see it (an unprivileged one may not see that of a
//! service), can only take trust away.
#![allow(unsafe_code)] // CreateFileW is the only call that takes exact access rights and the identification level.

use std::io::{self, ErrorKind};
use std::os::windows::io::{AsHandle as _, BorrowedHandle};
use std::time::Duration;

use tokio::net::windows::named_pipe::NamedPipeClient;
use tokio::time::Instant;
use windows::Win32::Foundation::{ERROR_INVALID_PARAMETER, ERROR_PIPE_BUSY};
use windows::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, FILE_SHARE_NONE, OPEN_EXISTING, SECURITY_IDENTIFICATION,
    SECURITY_SQOS_PRESENT,
};
use windows::core::HSTRING;

use super::{BUSY_PATIENCE, ConnectError, Verified};
use crate::endpoint;
use crate::security::{
    ADMINISTRATORS, Descriptor, SYSTEM, Token, TokenFacts, account_name, is_service, pipe_server,
    system_error,
};

pub(super) type Stream = NamedPipeClient;

/// Read and write data and attributes, READ_CONTROL (for the owner) and SYNCHRONIZE; not FILE_CREATE_PIPE_INSTANCE.
const ACCESS: u32 = 0x0012_019B;

/// The only namespace of pipes on this machine; anything else could lead to another one.
const LOCAL_PIPES: &str = r"\\.\pipe\";

/// The longest name that Windows takes, with what stands before it.
const LONGEST_NAME: usize = 256;

/// Between two tries when every instance is taken: the daemon makes the next one within microseconds.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Connects to the pipe at `endpoint`, if a service of this machine made it.
pub(super) async fn dial(endpoint: &str) -> Result<Verified, ConnectError> {
    if !is_local_pipe(endpoint) {
        let why = format!("it is not the name of a pipe on this machine, {LOCAL_PIPES}…");
        return Err(ConnectError::impostor(endpoint, why));
    }
    let give_up = Instant::now() + BUSY_PATIENCE;
    loop {
        match open(endpoint) {
            Ok(pipe) => {
                verify(endpoint, pipe.as_handle())?;
                return Ok(Verified(pipe));
            }
            Err(error) if is_busy(&error) && Instant::now() < give_up => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            Err(error) => return Err(explain(endpoint, error)),
        }
    }
}

/// `\\host\pipe\…` would send the caller's credentials to that host; `..` leads out of the pipes.
fn is_local_pipe(endpoint: &str) -> bool {
    let Some((start, name)) = endpoint.split_at_checked(LOCAL_PIPES.len()) else { return false };
    start.eq_ignore_ascii_case(LOCAL_PIPES)
        && endpoint.encode_utf16().count() <= LONGEST_NAME
        && !name.contains(['/', '\0'])
        && name.split('\\').all(|part| !matches!(part, "" | "." | ".."))
}

fn open(endpoint: &str) -> io::Result<NamedPipeClient> {
    // SAFETY: the string ends with zero, as HSTRING has it. The handle is new, overlapped, and nobody else's, as
    // `from_raw_handle` needs it; the stream owns it from then on.
    unsafe {
        let pipe = CreateFileW(
            &HSTRING::from(endpoint),
            ACCESS,
            FILE_SHARE_NONE,
            None,
            OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
            None,
        )
        .map_err(system_error)?;
        NamedPipeClient::from_raw_handle(pipe.0)
    }
}

fn verify(endpoint: &str, pipe: BorrowedHandle<'_>) -> Result<(), ConnectError> {
    let unknown = |source: io::Error| {
        ConnectError::impostor(endpoint, format!("the system does not say whose it is ({source})"))
    };
    let owner = Descriptor::of(pipe).and_then(|descriptor| descriptor.owner()).map_err(unknown)?;
    let server = match pipe_server(pipe).and_then(Token::of_process).and_then(|token| token.facts()) {
        Ok(facts) => Some(facts),
        // An unprivileged caller may not look at a service.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
        // No such process: it ended just now.
        Err(source) if is(&source, ERROR_INVALID_PARAMETER.0) => {
            return Err(ConnectError::NotRunning { endpoint: endpoint.to_owned(), source });
        }
        Err(error) => return Err(unknown(error)),
    };
    let caller = Token::own().and_then(|token| token.facts()).map_err(unknown)?.user;
    // A development run without elevation: whoever serves there can do to the caller no more than the caller himself.
    let own = (!endpoint.eq_ignore_ascii_case(endpoint::DEFAULT)).then_some(caller.as_str());
    match objection(owner.as_deref().unwrap_or_default(), server.as_ref(), own) {
        None => Ok(()),
        Some(why) => Err(ConnectError::impostor(endpoint, why)),
    }
}

/// What speaks against a server; `own`: the user that is trusted besides the machine's services.
fn objection(owner: &str, server: Option<&TokenFacts>, own: Option<&str>) -> Option<String> {
    let own_user = |sid: &str| own == Some(sid);
    if owner != SYSTEM && owner != ADMINISTRATORS && !is_service(owner) && !own_user(owner) {
        return Some(format!(
            "the pipe belongs to {}, who is neither a service nor an administrator",
            shown(owner)
        ));
    }
    let server = server?;
    let trusted = server.user == SYSTEM
        || is_service(&server.user)
        || server.groups.iter().any(|group| is_service(group))
        || server.is_administrator()
        || own_user(&server.user);
    (!trusted).then(|| {
        format!("its server runs as {}, who is neither a service nor an administrator", shown(&server.user))
    })
}

fn shown(sid: &str) -> String {
    match account_name(sid) {
        Some(name) => format!("{name} ({sid})"),
        None if sid.is_empty() => "nobody".to_owned(),
        None => sid.to_owned(),
    }
}

fn is_busy(error: &io::Error) -> bool {
    is(error, ERROR_PIPE_BUSY.0)
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

fn explain(endpoint: &str, source: io::Error) -> ConnectError {
    if is_busy(&source) {
        let patience = BUSY_PATIENCE.as_secs();
        return ConnectError::failed(
            endpoint,
            format!("the service took no new connection for {patience} seconds"),
        );
    }
    let endpoint = endpoint.to_owned();
    match source.kind() {
        ErrorKind::NotFound => ConnectError::NotRunning { endpoint, source },
        ErrorKind::PermissionDenied => ConnectError::Denied { endpoint, source },
        _ => ConnectError::Failed { endpoint, source: Box::new(source) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "S-1-5-21-1-2-3-1000";
    const STRANGER: &str = "S-1-5-21-1-2-3-1001";
    const NETWORK_SERVICE: &str = "S-1-5-20";
    const SERVICE: &str = "S-1-5-80-1-2-3-4-5";

    fn facts(user: &str, groups: &[&str], elevated: bool) -> TokenFacts {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        TokenFacts { user: user.to_owned(), groups, elevated }
    }

    #[test]
    fn h1_only_pipes_of_this_machine_are_opened() {
        for name in [endpoint::DEFAULT, r"\\.\pipe\x", r"\\.\PIPE\a\b", r"\\.\pipe\faxpost-тест"] {
            assert!(is_local_pipe(name), "{name}");
        }
        for name in [
            r"\\host\pipe\x",
            r"\\127.0.0.1\pipe\x",
            r"\\.\pipe\..\UNC\host\pipe\x",
            r"\\.\pipe\a\..\..\PhysicalDrive0",
            r"\\.\pipe/../x",
            r"\\.\pipe\",
            r"\\.\pipe\\x",
            r"\\?\pipe\x",
            r"\\.\UNC\host\pipe\x",
            r"C:\x",
            "",
        ] {
            assert!(!is_local_pipe(name), "{name}");
        }
        assert!(!is_local_pipe(&format!(r"\\.\pipe\{}", "x".repeat(300))));
    }

    #[test]
    fn h1_services_and_administrators_are_trusted() {
        for owner in [SYSTEM, ADMINISTRATORS, SERVICE] {
            assert_eq!(objection(owner, None, None), None, "{owner}");
            for server in [
                facts(SYSTEM, &[], true),
                facts(SERVICE, &[], false),
                facts(NETWORK_SERVICE, &[SERVICE], false),
                facts(USER, &[ADMINISTRATORS], true),
            ] {
                assert_eq!(objection(owner, Some(&server), None), None, "{owner} {server:?}");
            }
        }
    }

    #[test]
    fn h1_everybody_else_is_an_impostor() {
        for owner in [STRANGER, NETWORK_SERVICE, "S-1-5-19", "S-1-5-80-0", "S-1-5-32-545", ""] {
            assert!(objection(owner, None, Some(USER)).is_some(), "{owner}");
            assert!(objection(owner, Some(&facts(SYSTEM, &[], true)), Some(USER)).is_some(), "{owner}");
        }
        for server in [
            facts(STRANGER, &[], false),
            facts(STRANGER, &[ADMINISTRATORS], false),
            facts(STRANGER, &[], true),
            facts(NETWORK_SERVICE, &["S-1-5-80-0"], false),
        ] {
            let why = objection(SYSTEM, Some(&server), Some(USER));
            assert!(why.is_some_and(|why| why.contains(&server.user)), "{server:?}");
        }
    }

    #[test]
    fn h1_the_callers_own_server_is_trusted_only_where_that_is_said() {
        let own = facts(USER, &[], false);
        assert_eq!(objection(USER, Some(&own), Some(USER)), None);
        assert!(objection(USER, Some(&own), None).is_some());
        assert!(objection(SYSTEM, Some(&own), None).is_some());
    }

    #[tokio::test]
    async fn nobody_there_is_said_as_not_running() {
        let error = super::super::connect(r"\\.\pipe\faxpost-nobody-is-here").await.unwrap_err();
        assert!(matches!(error, ConnectError::NotRunning { .. }), "{error:?}");
        let error = super::super::connect(r"\\other\pipe\x").await.unwrap_err();
        assert!(matches!(error, ConnectError::Impostor { .. }), "{error:?}");
    }

    proptest::proptest! {
        #[test]
        fn h1_no_name_leads_out_of_the_pipes(name in r"[\\./?a-cUNC:]{0,24}") {
            let full = format!("{LOCAL_PIPES}{name}");
            if is_local_pipe(&full) {
                proptest::prop_assert!(!name.contains('/'));
                proptest::prop_assert!(!name.split('\\').any(|part| part == ".."));
            }
            proptest::prop_assert!(!is_local_pipe(&name));
        }
    }
}
