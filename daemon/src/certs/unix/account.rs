//! Accounts of Linux: by name, or "uid:107".

use nix::unistd::{Gid, Group, Uid, User};

use super::super::store::{StoreFault, Trustee};

/// Mail is sent under this account where it exists and nobody named another.
const DEFAULT: &str = "faxpost";

/// An account by its name or number. A number needs no entry in the user database, a name does.
pub(super) fn trustee(text: &str) -> Result<Trustee, StoreFault> {
    let digits = text.strip_prefix("uid:").unwrap_or(text);
    // 2^32 - 1 stands for nobody at all.
    match digits.parse::<u32>() {
        Ok(u32::MAX) => Err(StoreFault::TrusteeUnknown(text.to_owned())),
        Ok(uid) => Ok(of_uid(uid)),
        Err(_) => match User::from_name(text) {
            Ok(Some(user)) => Ok(named(user.uid.as_raw(), user.name)),
            Ok(None) => Err(StoreFault::TrusteeUnknown(text.to_owned())),
            Err(error) => {
                Err(StoreFault::Failed(format!("the system does not say who {text:?} is: {error}")))
            }
        },
    }
}

/// The one that mail is sent under unless told otherwise.
pub(super) fn service_account() -> Trustee {
    let own = Uid::effective();
    match User::from_name(DEFAULT) {
        Ok(Some(user)) if own.is_root() => named(user.uid.as_raw(), user.name),
        _ => of_uid(own.as_raw()),
    }
}

pub(super) fn of_uid(uid: u32) -> Trustee {
    let name = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
    named(uid, name.unwrap_or_else(|| format!("uid:{uid}")))
}

pub(super) fn of_gid(gid: u32) -> Trustee {
    let name = Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name);
    Trustee {
        id: format!("gid:{gid}"),
        name: name.map_or_else(|| format!("gid:{gid}"), |name| format!("group {name}")),
    }
}

/// The uid in a trustee's id.
pub(super) fn uid_of(trustee: &Trustee) -> Result<u32, StoreFault> {
    let uid = trustee.id.strip_prefix("uid:").and_then(|digits| digits.parse().ok());
    uid.ok_or_else(|| StoreFault::TrusteeUnknown(trustee.id.clone()))
}

/// The groups a user is in; none, if the system does not know him.
pub(super) fn groups_of(uid: u32) -> Vec<u32> {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return Vec::new() };
    let Ok(name) = std::ffi::CString::new(user.name) else { return Vec::new() };
    let groups = nix::unistd::getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid]);
    groups.into_iter().map(Gid::as_raw).collect()
}

fn named(uid: u32, name: String) -> Trustee {
    Trustee { id: format!("uid:{uid}"), name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c5_accounts_are_found_by_name_and_number() {
        let root = Trustee { id: "uid:0".to_owned(), name: "root".to_owned() };
        for text in ["root", "0", "uid:0"] {
            assert_eq!(trustee(text).unwrap(), root);
        }
        let nameless = Trustee { id: "uid:54321".to_owned(), name: "uid:54321".to_owned() };
        assert_eq!(trustee("uid:54321").unwrap(), nameless);
        for unknown in ["nobody-of-this-name", "uid:4294967295", "uid:-1", "S-1-5-20"] {
            assert_eq!(trustee(unknown), Err(StoreFault::TrusteeUnknown(unknown.to_owned())));
        }
        assert_eq!(groups_of(54_321), [] as [u32; 0]);
        assert!(groups_of(0).contains(&0));
    }
}
