//! POSIX access control lists as Linux keeps them (`system.posix_acl_access`): who may read a key's file. One entry is
//! added or taken away, and what others put there stays as it is.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
use rustix::io::Errno;

const ATTRIBUTE: &str = "system.posix_acl_access";
const VERSION: u32 = 2;

/// Entries of one list; ext4 holds some hundreds.
const MOST: usize = 1024;

const READ: u16 = 4;

/// Whom an entry is for, as the kernel numbers them; the order is that of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    Owner = 0x01,
    User = 0x02,
    OwningGroup = 0x04,
    Group = 0x08,
    Mask = 0x10,
    Other = 0x20,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: Tag,
    permissions: u16,
    /// uid or gid where the tag is one of a named one.
    id: u32,
}

/// An access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acl(Vec<Entry>);

/// Somebody named in a list, or the group of the file, who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    User(u32),
    Group(u32),
    Everybody,
}

impl Acl {
    /// That of an open file.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`]: its file system has none.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let mut buffer = vec![0; 4 + 8 * MOST];
        match fgetxattr(file, ATTRIBUTE, &mut buffer[..]) {
            Ok(length) => {
                let broken = || {
                    io::Error::new(io::ErrorKind::InvalidData, "its access control list is not understood")
                };
                Self::decode(&buffer[..length]).ok_or_else(broken)
            }
            Err(Errno::NODATA) => Ok(Self::of_mode(file.metadata()?.mode())),
            Err(Errno::OPNOTSUPP) => Err(unsupported()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts it onto an open file.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`]: its file system has none.
    pub(super) fn set(&self, file: &File) -> io::Result<()> {
        match fsetxattr(file, ATTRIBUTE, &self.encode(), XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => Err(unsupported()),
            other => Ok(other?),
        }
    }

    /// What the mode of a file without a list says.
    fn of_mode(mode: u32) -> Self {
        // Three bits each.
        let entry = |tag, shift: u32| Entry { tag, permissions: (mode >> shift & 7) as u16, id: NOBODY };
        Self(vec![entry(Tag::Owner, 6), entry(Tag::OwningGroup, 3), entry(Tag::Other, 0)])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk::<4>()?;
        let (entries, rest) = rest.as_chunks::<8>();
        if u32::from_le_bytes(*version) != VERSION || !rest.is_empty() || entries.len() > MOST {
            return None;
        }
        let entry = |[t0, t1, p0, p1, i0, i1, i2, i3]: &[u8; 8]| {
            let tag = match u16::from_le_bytes([*t0, *t1]) {
                0x01 => Tag::Owner,
                0x02 => Tag::User,
                0x04 => Tag::OwningGroup,
                0x08 => Tag::Group,
                0x10 => Tag::Mask,
                0x20 => Tag::Other,
                _ => return None,
            };
            let permissions = u16::from_le_bytes([*p0, *p1]);
            (permissions <= 7).then_some(Entry {
                tag,
                permissions,
                id: u32::from_le_bytes([*i0, *i1, *i2, *i3]),
            })
        };
        entries.iter().map(entry).collect::<Option<Vec<_>>>().map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for Entry { tag, permissions, id } in &self.0 {
            bytes.extend_from_slice(&(*tag as u16).to_le_bytes());
            bytes.extend_from_slice(&permissions.to_le_bytes());
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        bytes
    }

    /// Lets a user read, and nobody and nothing else.
    pub(super) fn grant(&mut self, uid: u32) {
        let mask = self.mask();
        if mask.is_some_and(|mask| mask & READ == 0) {
            // A wider mask must not give others what it kept from them: their entries become what they were worth.
            for entry in &mut self.0 {
                if matches!(entry.tag, Tag::User | Tag::OwningGroup | Tag::Group) {
                    entry.permissions &= !READ;
                }
            }
        }
        match self.0.iter_mut().find(|entry| entry.tag == Tag::User && entry.id == uid) {
            Some(entry) => entry.permissions |= READ,
            None => self.0.push(Entry { tag: Tag::User, permissions: READ, id: uid }),
        }
        match self.0.iter_mut().find(|entry| entry.tag == Tag::Mask) {
            Some(entry) => entry.permissions |= READ,
            None => {
                let group = self.permissions(Tag::OwningGroup);
                self.0.push(Entry { tag: Tag::Mask, permissions: group | READ, id: NOBODY });
            }
        }
        self.0.sort_by_key(|entry| (entry.tag, entry.id));
    }

    /// Takes the right to read from a user's own entry; what else is in it stays.
    pub(super) fn revoke(&mut self, uid: u32) {
        for entry in &mut self.0 {
            if entry.tag == Tag::User && entry.id == uid {
                entry.permissions &= !READ;
            }
        }
        self.0.retain(|entry| entry.tag != Tag::User || entry.id != uid || entry.permissions != 0);
        let named = self.0.iter().any(|entry| matches!(entry.tag, Tag::User | Tag::Group));
        if let (false, Some(mask)) = (named, self.mask()) {
            // Without named entries it is a plain mode again; the group keeps what it was worth.
            self.0.retain(|entry| entry.tag != Tag::Mask);
            for entry in &mut self.0 {
                if entry.tag == Tag::OwningGroup {
                    entry.permissions &= mask;
                }
            }
        }
    }

    /// Who may read beside the owner.
    pub(super) fn readers(&self, owning_group: u32) -> Vec<Reader> {
        let mask = self.mask().unwrap_or(7);
        let reader = |entry: &Entry| {
            let (reader, worth) = match entry.tag {
                Tag::User => (Reader::User(entry.id), entry.permissions & mask),
                Tag::OwningGroup => (Reader::Group(owning_group), entry.permissions & mask),
                Tag::Group => (Reader::Group(entry.id), entry.permissions & mask),
                Tag::Other => (Reader::Everybody, entry.permissions),
                Tag::Owner | Tag::Mask => return None,
            };
            (worth & READ != 0).then_some(reader)
        };
        self.0.iter().filter_map(reader).collect()
    }

    /// Whether a user in these groups, who is neither the owner nor root, may read (acl(5), "access check algorithm").
    pub(super) fn lets_read(&self, uid: u32, groups: &[u32], owning_group: u32) -> bool {
        let mask = self.mask().unwrap_or(7);
        if let Some(own) = self.0.iter().find(|entry| entry.tag == Tag::User && entry.id == uid) {
            return own.permissions & mask & READ != 0;
        }
        let mut his = self.0.iter().filter(|entry| match entry.tag {
            Tag::OwningGroup => groups.contains(&owning_group),
            Tag::Group => groups.contains(&entry.id),
            _ => false,
        });
        let in_one = his.clone().next().is_some();
        if in_one {
            return his.any(|entry| entry.permissions & mask & READ != 0);
        }
        self.permissions(Tag::Other) & READ != 0
    }

    fn mask(&self) -> Option<u16> {
        self.0.iter().find(|entry| entry.tag == Tag::Mask).map(|entry| entry.permissions)
    }

    fn permissions(&self, tag: Tag) -> u16 {
        self.0.iter().find(|entry| entry.tag == tag).map_or(0, |entry| entry.permissions)
    }
}

/// ACL_UNDEFINED_ID, where an entry names nobody.
const NOBODY: u32 = u32::MAX;

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "its file system has no POSIX access control lists")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn acl(entries: &[(Tag, u16, u32)]) -> Acl {
        Acl(entries
            .iter()
            .map(|(tag, permissions, id)| Entry { tag: *tag, permissions: *permissions, id: *id })
            .collect())
    }

    #[test]
    fn c5_a_grant_adds_one_entry_and_a_revoke_takes_exactly_that_away() {
        let before = Acl::of_mode(0o600);
        let mut list = before.clone();
        list.grant(107);
        let expected = acl(&[
            (Tag::Owner, 6, NOBODY),
            (Tag::User, 4, 107),
            (Tag::OwningGroup, 0, NOBODY),
            (Tag::Mask, 4, NOBODY),
            (Tag::Other, 0, NOBODY),
        ]);
        assert_eq!(list, expected);
        assert_eq!(list.readers(0), [Reader::User(107)]);
        assert!(list.lets_read(107, &[], 0) && !list.lets_read(108, &[0, 5], 0));
        list.grant(5);
        assert_eq!(list.readers(0), [Reader::User(5), Reader::User(107)]);
        list.revoke(5);
        assert_eq!(list, expected);
        list.revoke(5);
        assert_eq!(list, expected, "taken twice is taken once");
        list.revoke(107);
        assert_eq!(list, before);
    }

    #[test]
    fn c5_a_wider_mask_gives_others_nothing() {
        let mut list = acl(&[
            (Tag::Owner, 6, NOBODY),
            (Tag::User, 7, 5),
            (Tag::OwningGroup, 4, NOBODY),
            (Tag::Group, 6, 9),
            (Tag::Mask, 2, NOBODY),
            (Tag::Other, 0, NOBODY),
        ]);
        assert_eq!(list.readers(0), []);
        list.grant(107);
        assert_eq!(list.readers(0), [Reader::User(107)]);
        assert!(!list.lets_read(5, &[9, 0], 0) && !list.lets_read(6, &[9, 0], 0));
        list.revoke(107);
        assert_eq!(list.readers(0), []);
        let writes = list.0.iter().find(|entry| entry.id == 5).unwrap().permissions;
        assert_eq!(writes & 2, 2, "what he had beside reading stays");
    }

    #[test]
    fn c5_rights_by_a_group_or_by_everybody_are_seen() {
        let list = acl(&[
            (Tag::Owner, 6, NOBODY),
            (Tag::User, 0, 5),
            (Tag::OwningGroup, 0, NOBODY),
            (Tag::Group, 4, 9),
            (Tag::Mask, 4, NOBODY),
            (Tag::Other, 4, NOBODY),
        ]);
        assert_eq!(list.readers(3), [Reader::Group(9), Reader::Everybody]);
        assert!(!list.lets_read(5, &[9], 3), "his own entry comes first");
        assert!(list.lets_read(6, &[9], 3) && list.lets_read(6, &[], 3));
        assert!(!list.lets_read(6, &[3], 3), "the group comes before everybody");
    }

    proptest! {
        #[test]
        fn lists_round_trip_and_a_grant_reaches_one_only(
            named in proptest::collection::btree_map((any::<bool>(), 1_u32..20), 0_u16..8, 0..6),
            mask in 0_u16..8, group in 0_u16..8, other in 0_u16..8, uid in 1_u32..20,
        ) {
            let mut entries = vec![(Tag::Owner, 6, NOBODY), (Tag::OwningGroup, group, NOBODY), (Tag::Other, other, NOBODY)];
            entries.extend(named.iter().map(|((user, id), p)| (if *user { Tag::User } else { Tag::Group }, *p, *id)));
            if !named.is_empty() {
                entries.push((Tag::Mask, mask, NOBODY));
            }
            entries.sort_by_key(|(tag, _, id)| (*tag, *id));
            let before = acl(&entries);
            prop_assert_eq!(&Acl::decode(&before.encode()).unwrap(), &before);
            let reads = |list: &Acl| (1_u32..20).filter(|id| *id != uid).map(|id| list.lets_read(id, &[id], 0)).collect::<Vec<_>>();
            let mut list = before.clone();
            list.grant(uid);
            prop_assert!(list.lets_read(uid, &[], 0));
            prop_assert_eq!(reads(&list), reads(&before));
            list.revoke(uid);
            prop_assert_eq!(reads(&list), reads(&before));
            prop_assert!(!list.readers(0).contains(&Reader::User(uid)));
        }

        #[test]
        fn any_bytes_are_a_list_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(list) = Acl::decode(&bytes) {
                prop_assert_eq!(list.encode(), bytes);
            }
        }
    }
}
