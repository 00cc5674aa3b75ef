//! The named pipe. Its descriptor lets every local account connect, and only the system and administrators stand in for
//! the server; who calls is taken from impersonation, which no caller can forge.
//!
//! The caller's process is asked as well, and can only take away: what a caller may do, both tokens must allow. Process
//! ids are reused, so that token alone proves nothing.
//!
//! Limit: no mandatory label is set, so programs at low integrity (sandboxes) may not write to the pipe, by Windows'
//! own default.
#![allow(unsafe_code)] // Impersonation and the security attributes of a new pipe exist as raw calls only.

use std::io::{self, ErrorKind};
use std::os::windows::io::{
    AsHandle as _, AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle,
};
use std::sync::Arc;
use std::time::Duration;

use faxpost_proto::security::{
    ADMINISTRATORS, Descriptor, SYSTEM, Token, TokenFacts, account_name, pipe_client, pipe_server,
    system_error,
};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::io::AsyncReadExt as _;
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeServer, ServerOptions};
use tokio::sync::Semaphore;
use windows::Win32::Foundation::{ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_BUSY, HANDLE};
use windows::Win32::Security::{RevertToSelf, SECURITY_ATTRIBUTES, TOKEN_QUERY};
use windows::Win32::System::Pipes::ImpersonateNamedPipeClient;
use windows::Win32::System::Threading::{GetCurrentThread, OpenThreadToken};

use super::quota::Claim;
use super::{Identity, OpenError};
use crate::caller::Caller;

pub(super) type Stream = NamedPipeServer;

/// Windows hands no pipes over.
pub type HandedOver = std::convert::Infallible;

/// For everybody: read and write, but not FILE_CREATE_PIPE_INSTANCE (0x4), with which anybody could serve beside us.
/// GENERIC_WRITE holds that bit.
const EVERYBODY: &str = "(A;;0x12019b;;;AU)";

/// The system and administrators: everything.
const MASTERS: &str = "(A;;FA;;;SY)(A;;FA;;;BA)";

/// Instances that listen at any time. One would do; with a few, a crowd finds a free one without a second try.
const SPARES: usize = 4;

/// Of each direction. A part of an attachment has 64 KiB; the system lends this memory out of its scarce pool.
const PIPE_BUFFER: u32 = 64 * 1024;

/// Before trying again to make an instance when the system could not.
const PAUSE: Duration = Duration::from_millis(50);

/// Every HTTP/2 client begins with this (RFC 9113, 3.4). Impersonation needs something to have been read.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Where nobody but administrators can make a pipe.
const PROTECTED: &str = r"\\.\pipe\ProtectedPrefix\Administrators\";

/// The pipe, listening.
pub(super) struct Listener {
    endpoint: String,
    descriptor: Descriptor,
    access: String,
    waiting: FuturesUnordered<BoxFuture<'static, io::Result<NamedPipeServer>>>,
}

impl Listener {
    pub(super) fn hand_over(listener: HandedOver, _endpoint: &str) -> Result<Self, OpenError> {
        match listener {}
    }

    pub(super) async fn open(endpoint: &str) -> Result<Self, OpenError> {
        let system = |source| OpenError::System { endpoint: endpoint.to_owned(), source };
        let own = Token::own().and_then(|token| token.facts()).map_err(system)?;
        let descriptor = Descriptor::from_sddl(&sddl(&own)).map_err(system)?;
        // The first-instance flag decides; asking before gives the sentence with the other's number.
        if let Some(pid) = alive(endpoint) {
            return Err(OpenError::Held { endpoint: endpoint.to_owned(), pid });
        }
        let first = make(endpoint, &descriptor, true).map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied if is_protected(endpoint) && !own.is_administrator() => {
                let why = "only administrators can listen there; start elevated, or with another endpoint";
                OpenError::Unusable { endpoint: endpoint.to_owned(), why: why.to_owned() }
            }
            ErrorKind::PermissionDenied => OpenError::Held { endpoint: endpoint.to_owned(), pid: None },
            ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::InvalidFilename => {
                let why = r"it is not the name of a pipe, \\.\pipe\…".to_owned();
                OpenError::Unusable { endpoint: endpoint.to_owned(), why }
            }
            _ => system(source),
        })?;
        let access = Descriptor::of(first.as_handle()).and_then(|live| live.sddl()).map_err(system)?;
        let listener =
            Self { endpoint: endpoint.to_owned(), descriptor, access, waiting: FuturesUnordered::new() };
        listener.waiting.push(listening(first));
        Ok(listener)
    }

    /// The next connection. Another instance listens before it is handed on, so that the name is never free for anybody
    /// and no client finds nobody there.
    pub(super) async fn accept(&mut self) -> io::Result<Stream> {
        loop {
            self.refill()?;
            match self.waiting.next().await {
                Some(Ok(pipe)) => {
                    while let Err(error) = self.refill() {
                        tracing::warn!(%error, "cannot make another instance of the pipe; trying again");
                        tokio::time::sleep(PAUSE).await;
                    }
                    return Ok(pipe);
                }
                // Came and went before it was noticed: nothing is wrong here.
                Some(Err(error)) if is_gone(&error) => {}
                Some(Err(error)) => return Err(error),
                None => {}
            }
        }
    }

    pub(super) fn access(&self) -> io::Result<String> {
        Ok(self.access.clone())
    }

    /// Fails only when no instance is left to wait with.
    fn refill(&mut self) -> io::Result<()> {
        while self.waiting.len() < SPARES {
            match make(&self.endpoint, &self.descriptor, false) {
                Ok(pipe) => self.waiting.push(listening(pipe)),
                Err(error) if self.waiting.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }
}

/// Who the connection is counted for until it has said something: the user of its process.
pub(super) fn claim(stream: &Stream) -> Claim {
    match process_facts(stream.as_handle()) {
        Ok(facts) => Claim { administrator: facts.is_administrator(), id: facts.user },
        Err(_) => Claim { id: "unknown".to_owned(), administrator: false },
    }
}

/// Everything that the system knows about the other end.
pub(super) async fn identify(
    stream: &mut Stream,
    claim: &Claim,
    lookups: &Arc<Semaphore>,
) -> io::Result<Identity> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    if &preface != PREFACE {
        return Err(io::Error::new(ErrorKind::InvalidData, "it does not speak HTTP/2"));
    }
    let prefix = bytes::Bytes::from_static(PREFACE);

    let facts = match impersonated(stream.as_handle()).and_then(|token| token.facts()) {
        Ok(facts) => what_both_allow(facts, process_facts(stream.as_handle()).ok()),
        Err(error) => {
            tracing::warn!(%error, "the system does not say who a caller is");
            return Ok(Identity { claim: claim.clone(), caller: None, prefix });
        }
    };
    let claim = Claim { id: facts.user.clone(), administrator: facts.is_administrator() };
    let sid = facts.user.clone();
    let name = super::look_up(lookups, claim.administrator, move || account_name(&sid)).await;
    let caller = Caller {
        name: name.flatten().unwrap_or_else(|| facts.user.clone()),
        id: facts.user,
        groups: facts.groups,
        elevated: facts.elevated,
    };
    Ok(Identity { claim, caller: Some(caller), prefix })
}

/// The process that connected.
pub(super) fn process(stream: &Stream) -> Option<u32> {
    pipe_client(stream.as_handle()).ok()
}

/// The descriptor of the pipe. Under a user's own unelevated run, that user has to be able to make instances too, and
/// owns the pipe; clients of other users then refuse it, as they should.
fn sddl(own: &TokenFacts) -> String {
    if own.user == SYSTEM || own.is_administrator() {
        // Owned by the group: a client trusts the pipe for its owner, and no other account can give it this one.
        format!("O:BAD:P{MASTERS}{EVERYBODY}")
    } else {
        let user = &own.user;
        format!("O:{user}D:P{MASTERS}(A;;FA;;;{user}){EVERYBODY}")
    }
}

/// The caller as impersonation has it, less everything that his process does not have.
fn what_both_allow(impersonated: TokenFacts, process: Option<TokenFacts>) -> TokenFacts {
    let mut both = impersonated;
    match process {
        Some(process) if process.user == both.user => {
            both.groups.retain(|group| process.groups.contains(group));
            both.elevated &= process.elevated;
        }
        // A process that is gone, or one that calls in another's name: then its groups say nothing about him. The name
        // stands, as the system vouches for it; an administrator's rights have to be shown by both.
        _ => {
            both.groups.retain(|group| group != ADMINISTRATORS);
            both.elevated = false;
        }
    }
    both
}

fn process_facts(pipe: BorrowedHandle<'_>) -> io::Result<TokenFacts> {
    Token::of_process(pipe_client(pipe)?)?.facts()
}

/// The token of whoever wrote what was last read from the pipe.
fn impersonated(pipe: BorrowedHandle<'_>) -> io::Result<Token> {
    let _back = Impersonation::of(pipe)?;
    let mut token = HANDLE::default();
    // SAFETY: the pseudo handle of the thread needs no closing; the token's handle has its owner at once. The token is
    // opened as the daemon, because the caller's may only be looked at and not used.
    unsafe {
        OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, true, &mut token).map_err(system_error)?;
        Ok(Token::from_handle(OwnedHandle::from_raw_handle(token.0)))
    }
}

/// While it lives, this thread acts as the caller. Never held over an await: another thread would go on as itself, and
/// this one would do another task's work as the caller.
struct Impersonation {
    /// Not to be sent to another thread.
    _here: std::marker::PhantomData<*const ()>,
}

impl Impersonation {
    fn of(pipe: BorrowedHandle<'_>) -> io::Result<Self> {
        // SAFETY: the handle is open while it is borrowed.
        unsafe { ImpersonateNamedPipeClient(HANDLE(pipe.as_raw_handle())) }.map_err(system_error)?;
        Ok(Self { _here: std::marker::PhantomData })
    }
}

impl Drop for Impersonation {
    fn drop(&mut self) {
        // SAFETY: ends this thread's impersonation; needs nothing else.
        if unsafe { RevertToSelf() }.is_err() {
            // Going on would mean to work for everybody in the name of this caller.
            std::process::abort();
        }
    }
}

fn make(endpoint: &str, descriptor: &Descriptor, first: bool) -> io::Result<NamedPipeServer> {
    let mut attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.as_ptr(),
        bInheritHandle: false.into(),
    };
    let mut options = ServerOptions::new();
    options
        .first_pipe_instance(first)
        .reject_remote_clients(true)
        .in_buffer_size(PIPE_BUFFER)
        .out_buffer_size(PIPE_BUFFER);
    // SAFETY: the attributes are whole and, as the descriptor in them, outlive the call.
    unsafe { options.create_with_security_attributes_raw(endpoint, (&raw mut attributes).cast()) }
}

fn listening(pipe: NamedPipeServer) -> BoxFuture<'static, io::Result<NamedPipeServer>> {
    Box::pin(async move {
        pipe.connect().await?;
        Ok(pipe)
    })
}

/// Whether somebody serves the pipe, and if so, which process.
fn alive(endpoint: &str) -> Option<Option<u32>> {
    match ClientOptions::new().write(false).open(endpoint) {
        Ok(pipe) => Some(pipe_server(pipe.as_handle()).ok()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied || is(&error, ERROR_PIPE_BUSY.0) => {
            Some(None)
        }
        Err(_) => None,
    }
}

fn is_protected(endpoint: &str) -> bool {
    endpoint.get(..PROTECTED.len()).is_some_and(|start| start.eq_ignore_ascii_case(PROTECTED))
}

fn is_gone(error: &io::Error) -> bool {
    is(error, ERROR_NO_DATA.0) || is(error, ERROR_BROKEN_PIPE.0)
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "S-1-5-21-1-2-3-1000";
    const FAX_USERS: &str = "S-1-5-21-1-2-3-2000";

    fn facts(user: &str, groups: &[&str], elevated: bool) -> TokenFacts {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        TokenFacts { user: user.to_owned(), groups, elevated }
    }

    #[test]
    fn h1_a_caller_may_do_what_both_tokens_allow() {
        let full = facts(USER, &[ADMINISTRATORS, FAX_USERS], true);
        assert_eq!(what_both_allow(full.clone(), Some(full.clone())), full);

        let low = facts(USER, &[FAX_USERS], false);
        assert_eq!(what_both_allow(full.clone(), Some(low.clone())), low);
        assert_eq!(what_both_allow(low.clone(), Some(full)), low, "the process gives nothing");
    }

    #[test]
    fn h1_an_administrator_whose_process_is_not_his_is_none() {
        let full = facts(USER, &[ADMINISTRATORS, FAX_USERS], true);
        let low = facts(USER, &[FAX_USERS], false);
        assert_eq!(what_both_allow(full.clone(), None), low);
        let service = facts(SYSTEM, &[ADMINISTRATORS], true);
        assert_eq!(what_both_allow(full, Some(service)), low, "the name is the impersonated one");
    }

    #[test]
    fn h1_the_descriptor_is_the_groups_unless_a_user_runs_the_daemon_for_himself() {
        let service = "O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x12019b;;;AU)";
        assert_eq!(sddl(&facts(SYSTEM, &[ADMINISTRATORS], true)), service);
        assert_eq!(sddl(&facts(USER, &[ADMINISTRATORS], true)), service);
        let own = sddl(&facts(USER, &[ADMINISTRATORS], false));
        assert_eq!(own, format!("O:{USER}D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{USER})(A;;0x12019b;;;AU)"));
    }
}
