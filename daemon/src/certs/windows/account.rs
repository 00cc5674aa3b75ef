//! Accounts of the machine: by name or SID, and the groups that they are in.

#![allow(unsafe_code)] // accounts are asked for through raw calls

use faxpost_proto::security::{ADMINISTRATORS, SYSTEM, account_name, is_service};
use windows::Win32::Foundation::ERROR_SUCCESS;
use windows::Win32::NetworkManagement::NetManagement::{
    LG_INCLUDE_INDIRECT, LOCALGROUP_USERS_INFO_0, MAX_PREFERRED_LENGTH, NetApiBufferFree,
    NetUserGetLocalGroups,
};
use windows::Win32::Security::{
    LookupAccountNameW, PSID, SECURITY_MAX_SID_SIZE, SID_NAME_USE, SidTypeAlias, SidTypeGroup, SidTypeUser,
    SidTypeWellKnownGroup,
};
use windows::core::{HSTRING, PWSTR};

use super::descriptor::Sid;
use crate::certs::{StoreFault, Trustee};

/// The account that Windows' own services use the network under.
pub(super) const NETWORK_SERVICE: &str = "S-1-5-20";
const LOCAL_SERVICE: &str = "S-1-5-19";

/// Everyone, and who everyone is when signed in.
const EVERYONE: &str = "S-1-1-0";
const AUTHENTICATED: &str = "S-1-5-11";
const ANONYMOUS: &str = "S-1-5-7";
const USERS: &str = "S-1-5-32-545";
const GUESTS: &str = "S-1-5-32-546";
const INTERACTIVE: &str = "S-1-5-4";
const NETWORK: &str = "S-1-5-2";
/// Whatever runs as a service; and as one with a SID of its own.
const SERVICE: &str = "S-1-5-6";
const ALL_SERVICES: &str = "S-1-5-80-0";
/// Who owns the key.
const OWNER: [&str; 2] = ["S-1-3-0", "S-1-3-4"];

/// Application pools of IIS, whose SIDs come from their names as those of services do.
const POOLS: &str = "S-1-5-82-";

/// A domain name fits into this many UTF-16 units.
const DOMAIN_UNITS: usize = 512;

/// Whoever is in one of these may use a key by the system's own rules.
pub(super) fn is_builtin(sid: &str) -> bool {
    sid == SYSTEM || sid == ADMINISTRATORS || OWNER.contains(&sid)
}

/// A group that nearly everybody is in: a key that it may use is nobody's in particular.
pub(super) fn is_everybody(sid: &str) -> bool {
    [EVERYONE, AUTHENTICATED, ANONYMOUS, USERS, GUESTS, INTERACTIVE, NETWORK].contains(&sid)
}

/// Whether the system knows the SID, or can do without knowing it.
pub(super) fn exists(sid: &str) -> bool {
    is_service(sid) || sid.starts_with(POOLS) || account_name(sid).is_some()
}

/// With the name that the system has for it.
pub(super) fn named(sid: &Sid) -> Trustee {
    let id = sid.to_string();
    let name = account_name(&id).unwrap_or_else(|| id.clone());
    Trustee { id, name }
}

/// By SID or name.
///
/// # Errors
/// No such account.
pub(super) fn find(text: &str) -> Result<Trustee, StoreFault> {
    let text = text.trim();
    let sid = match text.parse::<Sid>() {
        Ok(sid) => Some(sid),
        Err(_) => by_name(text),
    };
    sid.map(|sid| named(&sid)).ok_or_else(|| StoreFault::TrusteeUnknown(text.to_owned()))
}

fn by_name(name: &str) -> Option<Sid> {
    if name.is_empty() || name.contains('\0') {
        return None;
    }
    let mut sid = [0_u64; (SECURITY_MAX_SID_SIZE as usize).div_ceil(8)];
    let mut domain = [0_u16; DOMAIN_UNITS];
    let (mut bytes, mut units) = (SECURITY_MAX_SID_SIZE, DOMAIN_UNITS as u32);
    let mut kind = SID_NAME_USE::default();
    // SAFETY: the name ends with zero, as HSTRING has it; the lengths are those of the two buffers, and the one for the
    // SID is aligned for it.
    unsafe {
        LookupAccountNameW(
            None,
            &HSTRING::from(name),
            Some(PSID(sid.as_mut_ptr().cast())),
            &mut bytes,
            Some(PWSTR(domain.as_mut_ptr())),
            &mut units,
            &mut kind,
        )
    }
    .ok()?;
    if ![SidTypeUser, SidTypeGroup, SidTypeAlias, SidTypeWellKnownGroup].contains(&kind) {
        return None;
    }
    let sid: Vec<u8> = sid.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Sid::read(&sid)
}

/// The account and the groups that speak for it wherever it runs. May ask another machine, and take its time.
pub(super) fn with_groups(sid: &str) -> Vec<Sid> {
    let mut all = vec![sid.to_owned(), EVERYONE.to_owned()];
    if sid != ANONYMOUS {
        all.push(AUTHENTICATED.to_owned());
    }
    match sid {
        SYSTEM => all.push(ADMINISTRATORS.to_owned()),
        NETWORK_SERVICE | LOCAL_SERVICE => all.extend([USERS, SERVICE].map(str::to_owned)),
        _ if is_service(sid) => all.extend([USERS, SERVICE, ALL_SERVICES].map(str::to_owned)),
        _ => {}
    }
    let mut all: Vec<Sid> = all.iter().filter_map(|sid| sid.parse().ok()).collect();
    if sid.starts_with("S-1-5-21-")
        && let Some(name) = account_name(sid)
    {
        all.extend(local_groups(&name).iter().filter_map(|group| by_name(group)));
    }
    all
}

fn local_groups(user: &str) -> Vec<String> {
    let mut buffer = std::ptr::null_mut();
    let (mut read, mut total) = (0, 0);
    // SAFETY: the name ends with zero, as HSTRING has it. On success there are so many entries, whose texts lie in the
    // same memory; they are copied before it is freed.
    unsafe {
        let status = NetUserGetLocalGroups(
            None,
            &HSTRING::from(user),
            0,
            LG_INCLUDE_INDIRECT,
            &mut buffer,
            MAX_PREFERRED_LENGTH,
            &mut read,
            &mut total,
        );
        let mut groups = Vec::new();
        if status == ERROR_SUCCESS.0 && !buffer.is_null() {
            let entries = std::slice::from_raw_parts(buffer.cast::<LOCALGROUP_USERS_INFO_0>(), read as usize);
            groups.extend(entries.iter().map(|entry| String::from_utf16_lossy(entry.lgrui0_name.as_wide())));
        }
        if !buffer.is_null() {
            NetApiBufferFree(Some(buffer.cast()));
        }
        groups
    }
}
