//! A privilege for the length of one call, and for this thread only: what else the daemon does meanwhile goes without.

#![allow(unsafe_code)] // tokens are raw calls; all of it is here

use std::os::windows::io::{FromRawHandle as _, OwnedHandle};

use windows::Win32::Foundation::{HANDLE, LUID};
use windows::Win32::Security::{
    AdjustTokenPrivileges, ImpersonateSelf, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW, RevertToSelf,
    SE_PRIVILEGE_ENABLED, SE_SECURITY_NAME, SecurityImpersonation, TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES,
    TOKEN_QUERY,
};
use windows::Win32::System::Threading::{GetCurrentThread, OpenThreadToken};
use windows::core::Result;

/// While it lives, this thread has the privilege.
pub(super) struct Privilege {
    /// Where it goes back to its process' token; a thread's own cannot be given away.
    _thread: std::marker::PhantomData<*const ()>,
}

impl Privilege {
    /// SeSecurityPrivilege, which the descriptors of old keys are opened with; `None` for an account that has no such
    /// privilege: then the call it is wanted for decides.
    pub(super) fn security() -> Option<Self> {
        // SAFETY: plain numbers.
        unsafe { ImpersonateSelf(SecurityImpersonation) }.ok()?;
        // From here on, leaving means going back.
        let privilege = Self { _thread: std::marker::PhantomData };
        enable().ok()?;
        Some(privilege)
    }
}

fn enable() -> Result<()> {
    let mut token = HANDLE::default();
    let mut privileges = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES { Luid: LUID::default(), Attributes: SE_PRIVILEGE_ENABLED }],
    };
    // SAFETY: the token's handle has its owner at once; the other arguments outlive their calls.
    unsafe {
        OpenThreadToken(GetCurrentThread(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, true, &mut token)?;
        let _token = OwnedHandle::from_raw_handle(token.0);
        LookupPrivilegeValueW(None, SE_SECURITY_NAME, &mut privileges.Privileges[0].Luid)?;
        AdjustTokenPrivileges(token, false, Some(&privileges), 0, None, None)
    }
}

impl Drop for Privilege {
    fn drop(&mut self) {
        // SAFETY: this thread impersonates itself since this value was made.
        if unsafe { RevertToSelf() }.is_err() {
            // It would go on with a privilege that nobody expects.
            std::process::abort();
        }
    }
}
