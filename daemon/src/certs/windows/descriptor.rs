//! Who may use a key, as Windows keeps it: a self-relative security descriptor (MS-DTYP 2.4.6), in which one entry for
//! reading is added or taken away and all else stays as it was, to the byte.
//!
//! Knows no call of Windows, so that its rules are proven everywhere.

use std::fmt;
use std::str::FromStr;

/// Reading a key as both kinds of Windows keys write it down: GENERIC_READ, and what that means for a file.
const READ: u32 = 0x8012_0089;

/// An entry with nothing but these is for reading: READ, and in the registry KEY_NOTIFY belongs to it.
const READING: u32 = READ | 0x10;

/// GENERIC_ALL.
const EVERYTHING: u32 = 0x1000_0000;

/// With one of these a key can be used: GENERIC_READ, GENERIC_ALL, FILE_READ_DATA.
const USING: u32 = 0x9000_0001;

/// Types of entries whose SID follows the mask.
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;
/// Allowed under a condition.
const ALLOWED_CALLBACK: u8 = 9;
const DENIED_CALLBACK: u8 = 10;

/// Flags of entries.
const INHERIT_ONLY: u8 = 0x08;
const INHERITED: u8 = 0x10;

/// Bits of the control word: there is a list; nothing is inherited into it; the format.
const LIST_PRESENT: u16 = 0x0004;
const PROTECTED: u16 = 0x1000;
const SELF_RELATIVE: u16 = 0x8000;
/// What of the control word is about owner, group and list, and is written back: defaulted, inherited, protected.
const KEPT: u16 = 0x0001 | 0x0002 | LIST_PRESENT | 0x0008 | 0x0100 | 0x0400 | PROTECTED | SELF_RELATIVE;

/// Bytes before the first part of a descriptor, and before the first entry of a list.
const HEAD: usize = 20;
const LIST_HEAD: usize = 8;
/// Bytes of an entry before its SID: type, flags, size, mask.
const ENTRY_HEAD: usize = 8;

/// Sub-authorities of a SID, at most.
const SUB_AUTHORITIES: usize = 15;

/// A security identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sid {
    /// 48 bits.
    authority: u64,
    sub_authorities: Vec<u32>,
}

impl Sid {
    /// From the beginning of some bytes.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (&[revision, count], rest) = bytes.split_first_chunk::<2>()?;
        let (authority, rest) = rest.split_first_chunk::<6>()?;
        let parts = rest.get(..usize::from(count) * 4)?;
        if revision != 1 || usize::from(count) > SUB_AUTHORITIES {
            return None;
        }
        let authority = authority.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let sub_authorities = parts.chunks_exact(4).map(|part| word(part, 0)).collect::<Option<_>>()?;
        Some(Self { authority, sub_authorities })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = vec![1, self.sub_authorities.len() as u8]; // 15 at most
        out.extend(&self.authority.to_be_bytes()[2..]);
        out.extend(self.sub_authorities.iter().flat_map(|part| part.to_le_bytes()));
        out
    }
}

/// As Windows writes it; an authority that needs more than 32 bits is hexadecimal.
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u32::try_from(self.authority) {
            Ok(authority) => write!(f, "S-1-{authority}")?,
            Err(_) => write!(f, "S-1-0x{:012X}", self.authority)?,
        }
        self.sub_authorities.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl FromStr for Sid {
    type Err = Broken;

    fn from_str(text: &str) -> Result<Self, Broken> {
        let not_a_sid = Broken("not a SID");
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = text.split('-');
        let head = (parts.next(), parts.next(), parts.next());
        let (Some("S" | "s"), Some("1"), Some(authority)) = head else { return Err(not_a_sid) };
        let authority = match authority.strip_prefix("0x") {
            Some(hexadecimal) if hexadecimal.len() == 12 => u64::from_str_radix(hexadecimal, 16).ok(),
            Some(_) => None,
            None => authority.parse::<u32>().ok().filter(|_| digits(authority)).map(u64::from),
        };
        let authority = authority.ok_or(not_a_sid)?;
        let sub_authorities: Vec<u32> = parts
            .map(|part| part.parse().ok().filter(|_| digits(part)).ok_or(not_a_sid))
            .collect::<Result<_, _>>()?;
        if sub_authorities.is_empty() || sub_authorities.len() > SUB_AUTHORITIES {
            return Err(not_a_sid);
        }
        Ok(Self { authority, sub_authorities })
    }
}

/// What Windows gave is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Broken(&'static str);

/// Why a right is not added, or not taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// There is no list at all.
    #[error("everybody may use this key: it has no access list, and adding to it would lock others out")]
    Open,
    /// An entry for denying comes first.
    #[error("an entry of the key's access list denies it to this account; remove that entry first")]
    Denied,
    /// More than 64 KiB.
    #[error("the key's access list is full")]
    Full,
    /// Some other entry gives it.
    #[error(
        "this account may do more with the key than read it, or inherits the right; Faxpost takes away only what it \
         grants, so remove that entry with the certificates console (All Tasks, Manage Private Keys)"
    )]
    Stays,
}

/// An account that may use the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub sid: Sid,
    /// More than to read it.
    pub full: bool,
}

/// A security descriptor, without its audit list: that one needs another right, and is never written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    control: u16,
    owner: Option<Sid>,
    group: Option<Sid>,
    /// Without a list everybody may do everything.
    list: Option<List>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct List {
    /// 2, or 4 when there are entries of kinds that came later.
    revision: u8,
    entries: Vec<Entry>,
}

/// One entry, as it stands in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry(Vec<u8>);

impl Descriptor {
    /// For a new key: these have everything, nobody else anything, and nothing is inherited.
    pub(super) fn closed(to: &[Sid]) -> Self {
        let entries = to.iter().map(|sid| Entry::allowing(sid, EVERYTHING)).collect();
        let list = Some(List { revision: 2, entries });
        Self { control: SELF_RELATIVE | LIST_PRESENT | PROTECTED, owner: None, group: None, list }
    }

    /// From Windows' bytes; what follows the descriptor does not count.
    ///
    /// # Errors
    /// They are none.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let broken = Broken("the key's security descriptor is damaged");
        let control = short(bytes, 2).ok_or(broken)?;
        if bytes.len() < HEAD || bytes[0] != 1 || control & SELF_RELATIVE == 0 {
            return Err(broken);
        }
        // Where a part stands; nowhere, if that is 0.
        let part = |at| match word(bytes, at) {
            Some(0) => Ok(None),
            Some(offset) => bytes.get(offset as usize..).map(Some).ok_or(broken),
            None => Err(broken),
        };
        let sid = |at| part(at)?.map(|from| Sid::read(from).ok_or(broken)).transpose();
        let list = if control & LIST_PRESENT == 0 { None } else { part(16)? };
        Ok(Self {
            control: control & KEPT,
            owner: sid(4)?,
            group: sid(8)?,
            list: list.map(|from| List::read(from).ok_or(broken)).transpose()?,
        })
    }

    /// For Windows.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = vec![1, 0];
        out.extend(self.control.to_le_bytes());
        let (owner, group) = (self.owner.as_ref().map(Sid::bytes), self.group.as_ref().map(Sid::bytes));
        let parts = [owner, group, None, self.list.as_ref().map(List::bytes)];
        let mut at = HEAD;
        for part in &parts {
            let length = part.as_ref().map_or(0, Vec::len);
            out.extend((if length == 0 { 0 } else { at as u32 }).to_le_bytes());
            at += length;
        }
        out.extend(parts.into_iter().flatten().flatten());
        out
    }

    /// Everybody who may use the key, in the order of the list; `None` when that is everybody.
    pub(super) fn users(&self) -> Option<Vec<User>> {
        let list = self.list.as_ref()?;
        let mut users: Vec<User> = Vec::new();
        for (sid, mask) in list.entries.iter().filter_map(Entry::allows) {
            let full = mask & !READING != 0;
            match users.iter_mut().find(|user| user.sid == sid) {
                Some(user) => user.full |= full,
                None if mask & USING == 0 || list.denies(&sid) => {}
                None => users.push(User { sid, full }),
            }
        }
        Some(users)
    }

    /// Whether somebody can use the key who is all of these: an account and its groups. The first entry that speaks of
    /// one of them decides, as in Windows.
    pub(super) fn lets_use(&self, who: &[Sid]) -> bool {
        let Some(list) = &self.list else { return true };
        let mine =
            |found: Option<(Sid, u32)>| found.filter(|(sid, mask)| who.contains(sid) && mask & USING != 0);
        let first = list.entries.iter().find_map(|entry| {
            mine(entry.denies()).map(|_| false).or_else(|| mine(entry.allows()).map(|_| true))
        });
        first.unwrap_or(false)
    }

    /// Lets an account read. `false` when it already may.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing has changed then.
    pub(super) fn grant(&mut self, sid: &Sid) -> Result<bool, Refusal> {
        let list = self.list.as_mut().ok_or(Refusal::Open)?;
        if list.denies(sid) {
            return Err(Refusal::Denied);
        }
        if list.lets_use(sid) {
            return Ok(false);
        }
        let entry = Entry::allowing(sid, READ);
        if list.length() + entry.0.len() > usize::from(u16::MAX) {
            return Err(Refusal::Full);
        }
        // Windows wants what is inherited at the end.
        let inherited = list.entries.iter().position(Entry::is_inherited).unwrap_or(list.entries.len());
        list.entries.insert(inherited, entry);
        Ok(true)
    }

    /// Takes back what [`Descriptor::grant`] gives. `false` when there is nothing of it.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing has changed then.
    pub(super) fn revoke(&mut self, sid: &Sid) -> Result<bool, Refusal> {
        let list = self.list.as_mut().ok_or(Refusal::Open)?;
        let mut rest = list.clone();
        rest.entries.retain(|entry| !entry.is_reading_of(sid));
        if rest.lets_use(sid) && !rest.denies(sid) {
            return Err(Refusal::Stays);
        }
        let changed = rest.entries.len() != list.entries.len();
        *list = rest;
        Ok(changed)
    }
}

impl List {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (revision, length, count) = (*bytes.first()?, short(bytes, 2)?, short(bytes, 4)?);
        let mut rest = bytes.get(LIST_HEAD..usize::from(length))?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let size = usize::from(short(rest, 2)?);
            // Every kind has at least a mask.
            if size < ENTRY_HEAD {
                return None;
            }
            let entry = Entry(rest.get(..size)?.to_vec());
            if entry.has_sid() && entry.sid().is_none() {
                return None;
            }
            entries.push(entry);
            rest = &rest[size..];
        }
        matches!(revision, 2 | 4).then_some(Self { revision, entries })
    }

    fn bytes(&self) -> Vec<u8> {
        // Neither number overflows: the list was read from one with 16 bits for them, and `grant` looks at the length.
        let (length, count) = (self.length() as u16, self.entries.len() as u16);
        let mut out = vec![self.revision, 0];
        out.extend(length.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend([0, 0]);
        out.extend(self.entries.iter().flat_map(|entry| &entry.0));
        out
    }

    fn length(&self) -> usize {
        LIST_HEAD + self.entries.iter().map(|entry| entry.0.len()).sum::<usize>()
    }

    fn denies(&self, sid: &Sid) -> bool {
        let denied = self.entries.iter().filter_map(Entry::denies);
        denied.into_iter().any(|(denied, mask)| denied == *sid && mask & USING != 0)
    }

    fn lets_use(&self, sid: &Sid) -> bool {
        let allowed = self.entries.iter().filter_map(Entry::allows);
        allowed.into_iter().any(|(allowed, mask)| allowed == *sid && mask & USING != 0)
    }
}

impl Entry {
    fn allowing(sid: &Sid, mask: u32) -> Self {
        let sid = sid.bytes();
        let mut bytes = vec![ALLOWED, 0];
        bytes.extend(((ENTRY_HEAD + sid.len()) as u16).to_le_bytes()); // 76 at most
        bytes.extend(mask.to_le_bytes());
        bytes.extend(sid);
        Self(bytes)
    }

    fn is_reading_of(&self, sid: &Sid) -> bool {
        let mask = self.mask();
        self.kind() == ALLOWED
            && !self.is_inherited()
            && mask & USING != 0
            && mask & !READING == 0
            && self.sid().as_ref() == Some(sid)
    }

    fn allows(&self) -> Option<(Sid, u32)> {
        self.counts([ALLOWED, ALLOWED_CALLBACK])
    }

    fn denies(&self) -> Option<(Sid, u32)> {
        self.counts([DENIED, DENIED_CALLBACK])
    }

    fn counts(&self, kinds: [u8; 2]) -> Option<(Sid, u32)> {
        let here = self.flags() & INHERIT_ONLY == 0;
        if here && kinds.contains(&self.kind()) { Some((self.sid()?, self.mask())) } else { None }
    }

    fn has_sid(&self) -> bool {
        matches!(self.kind(), ALLOWED | DENIED | ALLOWED_CALLBACK | DENIED_CALLBACK)
    }

    fn sid(&self) -> Option<Sid> {
        self.has_sid().then(|| Sid::read(&self.0[ENTRY_HEAD..]))?
    }

    fn is_inherited(&self) -> bool {
        self.flags() & INHERITED != 0
    }

    fn kind(&self) -> u8 {
        self.0[0]
    }

    fn flags(&self) -> u8 {
        self.0[1]
    }

    fn mask(&self) -> u32 {
        word(&self.0, 4).unwrap_or_default()
    }
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests;
