//! The calls into Windows that everything about identity is built from.
#![allow(unsafe_code)] // Windows offers tokens and descriptors through pointers only; nowhere else are they touched.

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle};
use std::ptr;

use windows::Win32::Foundation::{ERROR_INVALID_FUNCTION, HANDLE, HLOCAL, LocalFree};
use windows::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, ConvertStringSidToSidW, GetSecurityInfo,
    SDDL_REVISION_1, SE_KERNEL_OBJECT,
};
use windows::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, CONTAINER_INHERIT_ACE, DACL_SECURITY_INFORMATION, GetAce,
    GetSecurityDescriptorDacl, GetSecurityDescriptorOwner, GetTokenInformation, INHERIT_ONLY_ACE,
    LookupAccountSidW, OBJECT_INHERIT_ACE, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    SID_AND_ATTRIBUTES, SID_NAME_USE, TOKEN_ELEVATION, TOKEN_GROUPS, TOKEN_INFORMATION_CLASS, TOKEN_QUERY,
    TOKEN_USER, TokenElevation, TokenGroups, TokenRestrictedSids, TokenUser,
};
use windows::Win32::System::Pipes::{GetNamedPipeClientProcessId, GetNamedPipeServerProcessId};
use windows::Win32::System::SystemServices::{
    ACCESS_ALLOWED_ACE_TYPE, ACCESS_ALLOWED_CALLBACK_ACE_TYPE, SE_GROUP_ENABLED, SE_GROUP_INTEGRITY,
    SE_GROUP_USE_FOR_DENY_ONLY,
};
use windows::Win32::System::Threading::{
    GetCurrentProcess, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
};
use windows::core::{BOOL, Error, HSTRING, PWSTR};

/// The operating system itself.
pub const SYSTEM: &str = "S-1-5-18";

/// The group of the machine's administrators.
pub const ADMINISTRATORS: &str = "S-1-5-32-544";

/// `NT SERVICE\…`: one service, and nobody else.
const SERVICES: &str = "S-1-5-80-";

/// `NT SERVICE\ALL SERVICES`: says that it is some service, not which.
const ALL_SERVICES: &str = "S-1-5-80-0";

/// Win32 errors travel in an HRESULT with this in its upper half.
const FACILITY_WIN32: u32 = 0x8007_0000;

/// A domain name and an account name each fit into this many UTF-16 units, with room to spare.
const NAME_UNITS: usize = 512;

/// Whether the SID is that of one particular service.
pub fn is_service(sid: &str) -> bool {
    sid.starts_with(SERVICES) && sid != ALL_SERVICES
}

/// The error with its Win32 number, so that its kind can be told.
pub fn system_error(error: Error) -> io::Error {
    let code = error.code().0.cast_unsigned();
    if code & 0xffff_0000 == FACILITY_WIN32 {
        io::Error::from_raw_os_error((code & 0xffff).cast_signed())
    } else {
        io::Error::from_raw_os_error(code.cast_signed())
    }
}

/// The process at the client's end of a pipe.
///
/// # Errors
/// The handle is no pipe's, or nobody is connected.
pub fn pipe_client(pipe: BorrowedHandle<'_>) -> io::Result<u32> {
    let mut pid = 0;
    // SAFETY: the handle is open while it is borrowed, and `pid` outlives the call.
    unsafe { GetNamedPipeClientProcessId(handle(pipe), &mut pid) }.map_err(system_error)?;
    Ok(pid)
}

/// The process at the server's end of a pipe.
///
/// # Errors
/// The handle is no pipe's.
pub fn pipe_server(pipe: BorrowedHandle<'_>) -> io::Result<u32> {
    let mut pid = 0;
    // SAFETY: as above.
    unsafe { GetNamedPipeServerProcessId(handle(pipe), &mut pid) }.map_err(system_error)?;
    Ok(pid)
}

/// "DOMAIN\name" of a SID; `None` when the system has no name for it. May ask another machine, and take its time.
pub fn account_name(sid: &str) -> Option<String> {
    let mut memory = PSID::default();
    // SAFETY: the string ends with zero, as HSTRING has it, and `memory` outlives the call.
    unsafe { ConvertStringSidToSidW(&HSTRING::from(sid), &mut memory) }.ok()?;
    let sid = Lent(memory.0);

    let (mut name, mut domain) = ([0_u16; NAME_UNITS], [0_u16; NAME_UNITS]);
    let (mut name_units, mut domain_units) = (NAME_UNITS as u32, NAME_UNITS as u32);
    let mut kind = SID_NAME_USE::default();
    // SAFETY: the SID was made by Windows and is freed after the call; the lengths are those of the two buffers.
    unsafe {
        LookupAccountSidW(
            None,
            PSID(sid.0),
            Some(PWSTR(name.as_mut_ptr())),
            &mut name_units,
            Some(PWSTR(domain.as_mut_ptr())),
            &mut domain_units,
            &mut kind,
        )
    }
    .ok()?;
    // Now the lengths without the closing zero.
    let name = String::from_utf16_lossy(name.get(..name_units as usize)?);
    let domain = String::from_utf16_lossy(domain.get(..domain_units as usize)?);
    Some(if domain.is_empty() { name } else { format!("{domain}\\{name}") })
}

/// What counts about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// SID of the user.
    pub user: String,
    /// SIDs of the groups that grant something: enabled, and not for denying only.
    pub groups: Vec<String>,
    /// The token is elevated, and not restricted.
    pub elevated: bool,
}

impl TokenFacts {
    /// An administrator who has his rights at hand.
    pub fn is_administrator(&self) -> bool {
        self.elevated && self.groups.iter().any(|group| group == ADMINISTRATORS)
    }
}

/// An access token, open for questions.
#[derive(Debug)]
pub struct Token(OwnedHandle);

impl Token {
    /// Takes a token's handle.
    pub fn from_handle(handle: OwnedHandle) -> Self {
        Self(handle)
    }

    /// That of this process.
    ///
    /// # Errors
    /// The system refuses; it has no reason to.
    pub fn own() -> io::Result<Self> {
        // SAFETY: the pseudo handle is always valid and need not be closed.
        Self::of(unsafe { GetCurrentProcess() })
    }

    /// That of another process.
    ///
    /// # Errors
    /// The process is gone, or this one may not look at it.
    pub fn of_process(pid: u32) -> io::Result<Self> {
        // SAFETY: plain numbers go in; the handle that comes out has its owner at once.
        let process = unsafe {
            let process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, false, pid).map_err(system_error)?;
            OwnedHandle::from_raw_handle(process.0)
        };
        Self::of(HANDLE(process.as_raw_handle()))
    }

    fn of(process: HANDLE) -> io::Result<Self> {
        let mut token = HANDLE::default();
        // SAFETY: the caller's process handle is open; the token's handle has its owner at once.
        unsafe {
            OpenProcessToken(process, TOKEN_QUERY, &mut token).map_err(system_error)?;
            Ok(Self(OwnedHandle::from_raw_handle(token.0)))
        }
    }

    /// What counts about it.
    ///
    /// # Errors
    /// The system refuses to tell a part of it. Then nothing is known, rather than something that grants too much.
    pub fn facts(&self) -> io::Result<TokenFacts> {
        let user = self.ask(TokenUser)?;
        // SAFETY: for this question Windows answers with a TOKEN_USER, in memory aligned for it; the SID that it points
        // to lies in the same memory.
        let user = unsafe { sid_text((*user.as_ptr().cast::<TOKEN_USER>()).User.Sid) }?;
        let mut groups: Vec<String> = Vec::new();
        for (group, attributes) in self.groups(TokenGroups)? {
            let wanted = attributes & SE_GROUP_ENABLED.cast_unsigned() != 0;
            let other = (SE_GROUP_USE_FOR_DENY_ONLY | SE_GROUP_INTEGRITY).cast_unsigned();
            if wanted && attributes & other == 0 {
                groups.push(group);
            }
        }
        let elevation = self.ask(TokenElevation)?;
        // SAFETY: for this question Windows answers with a TOKEN_ELEVATION, in memory aligned for it.
        let mut elevated = unsafe { (*elevation.as_ptr().cast::<TOKEN_ELEVATION>()).TokenIsElevated } != 0;

        // A sandboxed program: only what is in both lists grants anything.
        let restricting = match self.groups(TokenRestrictedSids) {
            // A system that does not know the question does not have such tokens.
            Err(error) if error.raw_os_error() == Some(ERROR_INVALID_FUNCTION.0.cast_signed()) => Vec::new(),
            answer => answer?,
        };
        if !restricting.is_empty() {
            groups.retain(|group| restricting.iter().any(|(sid, _)| sid == group));
            elevated = false;
        }
        Ok(TokenFacts { user, groups, elevated })
    }

    fn groups(&self, question: TOKEN_INFORMATION_CLASS) -> io::Result<Vec<(String, u32)>> {
        let answer = self.ask(question)?;
        let list = answer.as_ptr().cast::<TOKEN_GROUPS>();
        // SAFETY: for these questions Windows answers with a TOKEN_GROUPS, in memory aligned for it: a count, and so
        // many entries behind it, whose SIDs lie in the same memory.
        unsafe {
            let count = (*list).GroupCount as usize;
            let first = (&raw const (*list).Groups).cast::<SID_AND_ATTRIBUTES>();
            std::slice::from_raw_parts(first, count)
                .iter()
                .map(|entry| Ok((sid_text(entry.Sid)?, entry.Attributes)))
                .collect()
        }
    }

    /// The answer in memory aligned for any of the structures: 8 bytes, as pointers.
    fn ask(&self, question: TOKEN_INFORMATION_CLASS) -> io::Result<Vec<u64>> {
        let token = HANDLE(self.0.as_raw_handle());
        let mut bytes = 0;
        // SAFETY: without a buffer, only the length is written.
        let _ = unsafe { GetTokenInformation(token, question, None, 0, &mut bytes) };
        // Never less than the head of any answer, whatever the system says.
        let mut answer = vec![0_u64; (bytes as usize).div_ceil(8).max(4)];
        let room = u32::try_from(answer.len() * 8).unwrap_or(u32::MAX);
        // SAFETY: `answer` has `room` bytes and outlives the call.
        unsafe {
            GetTokenInformation(token, question, Some(answer.as_mut_ptr().cast()), room, &mut bytes)
                .map_err(system_error)?;
        }
        Ok(answer)
    }
}

/// A security descriptor in memory that Windows lent.
#[derive(Debug)]
pub struct Descriptor(Lent);

/// An entry of a list of access that grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub sid: String,
    /// What.
    pub mask: u32,
    /// Not on the object itself.
    pub inherit_only: bool,
    /// What is made in the object has it, too.
    pub inherited: bool,
}

impl Descriptor {
    /// From its written form (SDDL).
    ///
    /// # Errors
    /// The text is not SDDL.
    pub fn from_sddl(sddl: &str) -> io::Result<Self> {
        let mut descriptor = PSECURITY_DESCRIPTOR::default();
        // SAFETY: the string ends with zero, as HSTRING has it; the memory has its owner at once.
        unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                &HSTRING::from(sddl),
                SDDL_REVISION_1,
                &mut descriptor,
                None,
            )
        }
        .map_err(system_error)?;
        Ok(Self(Lent(descriptor.0)))
    }

    /// Owner and access list of an open object.
    ///
    /// # Errors
    /// The handle was opened without READ_CONTROL.
    pub fn of(object: BorrowedHandle<'_>) -> io::Result<Self> {
        let mut descriptor = PSECURITY_DESCRIPTOR::default();
        // SAFETY: the handle is open while it is borrowed; the memory has its owner at once.
        unsafe {
            GetSecurityInfo(
                handle(object),
                SE_KERNEL_OBJECT,
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                None,
                None,
                None,
                None,
                Some(&mut descriptor),
            )
        }
        .ok()
        .map_err(system_error)?;
        Ok(Self(Lent(descriptor.0)))
    }

    /// Its written form: owner and access list.
    ///
    /// # Errors
    /// The system cannot write it.
    pub fn sddl(&self) -> io::Result<String> {
        let mut text = PWSTR::null();
        // SAFETY: the descriptor lives as long as `self`.
        unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                PSECURITY_DESCRIPTOR(self.as_ptr()),
                SDDL_REVISION_1,
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                &mut text,
                None,
            )
            .map_err(system_error)?;
            lent_text(text)
        }
    }

    /// SID of the owner; `None` when it has none.
    ///
    /// # Errors
    /// The descriptor is broken.
    pub fn owner(&self) -> io::Result<Option<String>> {
        let (mut owner, mut defaulted) = (PSID::default(), BOOL::default());
        // SAFETY: the descriptor lives as long as `self`, and the owner's SID lies in it.
        unsafe {
            GetSecurityDescriptorOwner(PSECURITY_DESCRIPTOR(self.as_ptr()), &mut owner, &mut defaulted)
                .map_err(system_error)?;
            if owner.is_invalid() { Ok(None) } else { sid_text(owner).map(Some) }
        }
    }

    /// Who is granted what, in the order of the list: SID and access mask. `None` without a list: everybody everything.
    ///
    /// # Errors
    /// The descriptor is broken.
    pub fn grants(&self) -> io::Result<Option<Vec<(String, u32)>>> {
        let entries = self.entries()?;
        Ok(entries.map(|entries| entries.into_iter().map(|grant| (grant.sid, grant.mask)).collect()))
    }

    /// The same, and where each of them holds.
    ///
    /// # Errors
    /// The descriptor is broken.
    pub fn entries(&self) -> io::Result<Option<Vec<Grant>>> {
        let (mut list, mut present, mut defaulted) = (ptr::null_mut(), BOOL::default(), BOOL::default());
        // SAFETY: the descriptor lives as long as `self`, and its list lies in it. Entries of these two types are an
        // ACCESS_ALLOWED_ACE, with the SID where `SidStart` is; others are not looked into.
        unsafe {
            let descriptor = PSECURITY_DESCRIPTOR(self.as_ptr());
            GetSecurityDescriptorDacl(descriptor, &mut present, &mut list, &mut defaulted)
                .map_err(system_error)?;
            if !present.as_bool() || list.is_null() {
                return Ok(None);
            }
            let mut grants = Vec::new();
            for index in 0..(*list).AceCount {
                let mut entry = ptr::null_mut();
                GetAce(list, index.into(), &mut entry).map_err(system_error)?;
                let header = *entry.cast::<ACE_HEADER>();
                let (kind, flags) = (u32::from(header.AceType), u32::from(header.AceFlags));
                if kind == ACCESS_ALLOWED_ACE_TYPE || kind == ACCESS_ALLOWED_CALLBACK_ACE_TYPE {
                    let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
                    let sid = PSID((&raw mut (*entry).SidStart).cast());
                    grants.push(Grant {
                        sid: sid_text(sid)?,
                        mask: (*entry).Mask,
                        inherit_only: flags & INHERIT_ONLY_ACE.0 != 0,
                        inherited: flags & (CONTAINER_INHERIT_ACE.0 | OBJECT_INHERIT_ACE.0) != 0,
                    });
                }
            }
            Ok(Some(grants))
        }
    }

    /// For calls that take one; good as long as `self`.
    pub fn as_ptr(&self) -> *mut c_void {
        self.0.0
    }
}

/// Memory that Windows gave to be freed with LocalFree.
#[derive(Debug)]
struct Lent(*mut c_void);

// SAFETY: a block of memory that nobody else knows; it belongs to no thread.
unsafe impl Send for Lent {}
// SAFETY: it is only read once it is here.
unsafe impl Sync for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: it came from a call that documents LocalFree for it, and is freed only here.
        unsafe { LocalFree(Some(HLOCAL(self.0))) };
    }
}

fn handle(borrowed: BorrowedHandle<'_>) -> HANDLE {
    HANDLE(borrowed.as_raw_handle())
}

/// # Safety
/// `sid` points to a SID.
unsafe fn sid_text(sid: PSID) -> io::Result<String> {
    let mut text = PWSTR::null();
    // SAFETY: the caller has a SID there.
    unsafe {
        ConvertSidToStringSidW(sid, &mut text).map_err(system_error)?;
        lent_text(text)
    }
}

/// # Safety
/// `text` was lent by Windows, ends with zero, and is to be freed with LocalFree.
unsafe fn lent_text(text: PWSTR) -> io::Result<String> {
    let owner = Lent(text.0.cast());
    // SAFETY: as the caller has it.
    let copy = unsafe { text.to_string() }.map_err(io::Error::other);
    drop(owner);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h1_this_process_has_a_user_groups_and_a_name() {
        let facts = Token::own().unwrap().facts().unwrap();
        assert!(facts.user.starts_with("S-1-5-"), "{facts:?}");
        assert!(facts.groups.contains(&"S-1-1-0".to_owned()), "everyone: {facts:?}");
        assert_eq!(Token::of_process(std::process::id()).unwrap().facts().unwrap(), facts);
        assert!(account_name(&facts.user).is_some());
        assert_eq!(account_name("S-1-5-21-1-2-3-4"), None);
        assert_eq!(account_name("no SID"), None);
    }

    #[test]
    fn a_descriptor_is_read_and_written() {
        let descriptor = Descriptor::from_sddl("O:BAD:P(A;;FA;;;SY)(A;;0x12019b;;;AU)").unwrap();
        assert_eq!(descriptor.sddl().unwrap(), "O:BAD:P(A;;FA;;;SY)(A;;0x12019b;;;AU)");
        assert_eq!(descriptor.owner().unwrap().as_deref(), Some(ADMINISTRATORS));
        assert_eq!(Descriptor::from_sddl("D:P").unwrap().owner().unwrap(), None);
        assert!(Descriptor::from_sddl("rubbish").is_err());
        let granted = |sid: &str, mask| (sid.to_owned(), mask);
        let expected = vec![granted(SYSTEM, 0x1f_01ff), granted("S-1-5-11", 0x12_019b)];
        assert_eq!(descriptor.grants().unwrap(), Some(expected));
        assert_eq!(Descriptor::from_sddl("D:P(D;;FA;;;WD)").unwrap().grants().unwrap(), Some(Vec::new()));
        assert_eq!(Descriptor::from_sddl("O:BA").unwrap().grants().unwrap(), None);
        let inheriting = Descriptor::from_sddl("D:(A;;FA;;;SY)(A;OICI;FA;;;SY)(A;CIIO;FA;;;SY)").unwrap();
        let where_they_hold = inheriting.entries().unwrap().unwrap();
        let where_they_hold: Vec<_> =
            where_they_hold.iter().map(|grant| (grant.inherit_only, grant.inherited)).collect();
        assert_eq!(where_they_hold, [(false, false), (false, true), (true, true)]);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error_with_its_kind() {
        assert!(Token::of_process(0xffff_fff0).is_err());
        let denied = system_error(Error::from_hresult(windows::core::HRESULT(0x8007_0005_u32.cast_signed())));
        assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn h1_all_services_is_nobody_in_particular() {
        assert!(is_service("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"));
        assert!(!is_service("S-1-5-80-0"));
        assert!(!is_service("S-1-5-8"));
    }
}
