use proptest::prelude::*;

use super::*;

const SYSTEM: &str = "S-1-5-18";
const ADMINISTRATORS: &str = "S-1-5-32-544";
const NETWORK_SERVICE: &str = "S-1-5-20";
const FULL: u32 = 0xd01f_01ff;

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

fn entry(kind: u8, flags: u8, mask: u32, who: &str) -> Entry {
    let mut entry = Entry::allowing(&sid(who), mask);
    (entry.0[0], entry.0[1]) = (kind, flags);
    entry
}

fn with(entries: Vec<Entry>) -> Descriptor {
    let mut descriptor = Descriptor::closed(&[]);
    descriptor.list = Some(List { revision: 2, entries });
    descriptor
}

fn users(descriptor: &Descriptor) -> Vec<(String, bool)> {
    let users = descriptor.users().unwrap();
    users.into_iter().map(|user| (user.sid.to_string(), user.full)).collect()
}

/// As CNG gives it for a key that the certificates console let NETWORK SERVICE read:
/// `D:P(A;;0xd01f01ff;;;SY)(A;;0xd01f01ff;;;BA)(A;;0x80120089;;;NS)`.
const FROM_WINDOWS: &str = "0100049000000000000000000000000014000000020048000300000000001400ff011fd0010100000000000512\
                            00000000001800ff011fd0010200000000000520000000200200000000140089001280010100000000000514\
                            000000";

#[test]
fn c5_a_descriptor_of_windows_is_read_and_written_as_it_was() {
    let bytes = hex::decode(FROM_WINDOWS).unwrap();
    let mut descriptor = Descriptor::read(&bytes).unwrap();
    assert_eq!(descriptor.bytes(), bytes);
    let expected = [(SYSTEM, true), (ADMINISTRATORS, true), (NETWORK_SERVICE, false)];
    assert_eq!(users(&descriptor), expected.map(|(sid, full)| (sid.to_owned(), full)));

    assert_eq!(descriptor.grant(&sid(NETWORK_SERVICE)), Ok(false), "he has it");
    assert_eq!(descriptor.bytes(), bytes);
    assert_eq!(descriptor.revoke(&sid(NETWORK_SERVICE)), Ok(true));
    assert_eq!(users(&descriptor).len(), 2);
    assert_eq!(descriptor.grant(&sid(NETWORK_SERVICE)), Ok(true));
    assert_eq!(descriptor.bytes(), bytes, "what Windows' own console grants is what is granted here");
}

#[test]
fn c5_a_sid_is_written_as_windows_writes_it() {
    for text in
        [SYSTEM, ADMINISTRATORS, "S-1-1-0", "S-1-5-80-956008885-3418522649-4294967295-0-1", "S-1-16-12288"]
    {
        assert_eq!(sid(text).to_string(), text);
        assert_eq!(Sid::read(&sid(text).bytes()), Some(sid(text)));
    }
    assert_eq!(sid("S-1-0x123456789ABC-7").to_string(), "S-1-0x123456789ABC-7");
    let long = format!("S-1-5{}", "-1".repeat(16));
    for wrong in [
        "",
        "S",
        "S-1",
        "S-1-5",
        "S-2-5-18",
        "S-1-5-",
        "S-1--18",
        "S-1-5-4294967296",
        "S-1-5-+1",
        " S-1-5-18",
        &long,
    ] {
        assert!(wrong.parse::<Sid>().is_err(), "{wrong:?}");
    }
}

#[test]
fn c5_a_grant_that_would_do_nothing_is_refused() {
    let mut denied = with(vec![entry(DENIED, 0, FULL, NETWORK_SERVICE), entry(ALLOWED, 0, FULL, SYSTEM)]);
    let before = denied.clone();
    assert_eq!(denied.grant(&sid(NETWORK_SERVICE)), Err(Refusal::Denied));
    assert_eq!(denied, before);
    assert!(!denied.lets_use(&[sid(NETWORK_SERVICE)]));

    let mut open = Descriptor { list: None, ..before };
    assert_eq!(open.users(), None);
    assert_eq!(open.grant(&sid(NETWORK_SERVICE)), Err(Refusal::Open));
    assert_eq!(open.revoke(&sid(NETWORK_SERVICE)), Err(Refusal::Open));
    assert!(open.lets_use(&[sid(NETWORK_SERVICE)]));
    assert_eq!(Descriptor::read(&open.bytes()), Ok(open));

    let full = (0..4000).map(|n| entry(ALLOWED, 0, READ, &format!("S-1-5-{n}")));
    let mut full = with(
        full.take_while({
            let mut length = LIST_HEAD;
            move |entry| {
                length += entry.0.len();
                length <= usize::from(u16::MAX)
            }
        })
        .collect(),
    );
    assert_eq!(full.grant(&sid("S-1-5-9999")), Err(Refusal::Full));
    assert_eq!(Descriptor::read(&full.bytes()), Ok(full));
}

#[test]
fn c5_what_others_granted_is_not_revoked() {
    for more in [
        entry(ALLOWED, 0, FULL, NETWORK_SERVICE),
        entry(ALLOWED, INHERITED, READ, NETWORK_SERVICE),
        entry(ALLOWED_CALLBACK, 0, READ, NETWORK_SERVICE),
    ] {
        let mut descriptor = with(vec![entry(ALLOWED, 0, READ, NETWORK_SERVICE), more]);
        let before = descriptor.clone();
        assert_eq!(descriptor.revoke(&sid(NETWORK_SERVICE)), Err(Refusal::Stays));
        assert_eq!(descriptor, before, "all or nothing");
    }
    // For what is made below the key only: there is nothing.
    let mut descriptor = with(vec![entry(ALLOWED, INHERIT_ONLY, FULL, NETWORK_SERVICE)]);
    assert_eq!(users(&descriptor), []);
    assert_eq!(descriptor.revoke(&sid(NETWORK_SERVICE)), Ok(false));
}

#[test]
fn c5_a_grant_stands_before_what_is_inherited() {
    let inherited = entry(ALLOWED, INHERITED, FULL, ADMINISTRATORS);
    let mut descriptor = with(vec![entry(ALLOWED, 0, FULL, SYSTEM), inherited.clone()]);
    descriptor.grant(&sid(NETWORK_SERVICE)).unwrap();
    let entries = &descriptor.list.as_ref().unwrap().entries;
    assert_eq!(entries[1], Entry::allowing(&sid(NETWORK_SERVICE), READ));
    assert_eq!(entries[2], inherited);
}

#[test]
fn c5_a_group_counts_and_the_first_entry_decides() {
    let me = [sid("S-1-5-21-1-2-3-1001"), sid("S-1-1-0")];
    let reading = |who| entry(ALLOWED, 0, READ, who);
    let denied = |who| entry(DENIED, 0, READ, who);
    assert!(with(vec![reading("S-1-1-0")]).lets_use(&me));
    assert!(!with(vec![denied("S-1-1-0"), reading("S-1-5-21-1-2-3-1001")]).lets_use(&me));
    assert!(with(vec![reading("S-1-5-21-1-2-3-1001"), denied("S-1-1-0")]).lets_use(&me));
    assert!(!with(vec![entry(ALLOWED, 0, 0x2_0000, "S-1-1-0")]).lets_use(&me), "to look is not to use");
    assert!(!with(vec![reading(NETWORK_SERVICE)]).lets_use(&me));
}

fn any_sid() -> impl Strategy<Value = Sid> {
    let known = [SYSTEM, ADMINISTRATORS, NETWORK_SERVICE, "S-1-1-0"].map(sid);
    let any = (0..1_u64 << 48, prop::collection::vec(any::<u32>(), 1..=SUB_AUTHORITIES))
        .prop_map(|(authority, sub_authorities)| Sid { authority, sub_authorities });
    prop_oneof![prop::sample::select(known.to_vec()), any]
}

/// Of every kind there is, also such as nobody knows yet.
fn any_entry() -> impl Strategy<Value = Entry> {
    let mask = prop_oneof![Just(READ), Just(FULL), Just(0x8000_0000), any::<u32>()];
    let known = (prop::sample::select(vec![0_u8, 1, 9, 10]), any::<u8>(), mask, any_sid()).prop_map(
        |(kind, flags, mask, sid)| {
            let mut entry = Entry::allowing(&sid, mask);
            (entry.0[0], entry.0[1]) = (kind, flags);
            entry
        },
    );
    let other =
        (11_u8.., any::<u8>(), prop::collection::vec(any::<u32>(), 1..20)).prop_map(|(kind, flags, body)| {
            let mut bytes = vec![kind, flags];
            bytes.extend((4 + 4 * body.len() as u16).to_le_bytes());
            bytes.extend(body.iter().flat_map(|word| word.to_le_bytes()));
            Entry(bytes)
        });
    prop_oneof![4 => known, 1 => other]
}

fn any_descriptor() -> impl Strategy<Value = Descriptor> {
    let entries = prop::collection::vec(any_entry(), 0..12);
    (any::<u16>(), prop::option::of(any_sid()), prop::option::of(any_sid()), prop::bool::ANY, entries)
        .prop_map(|(control, owner, group, new, entries)| Descriptor {
            control: (control & KEPT) | SELF_RELATIVE | LIST_PRESENT,
            owner,
            group,
            list: Some(List { revision: if new { 4 } else { 2 }, entries }),
        })
}

/// The entries, without one kind of them.
fn without(descriptor: &Descriptor, no: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let entries = &descriptor.list.as_ref().unwrap().entries;
    entries.iter().filter(|entry| !no(entry)).cloned().collect()
}

proptest! {
    #[test]
    fn c5_what_is_written_is_read_again(descriptor in any_descriptor()) {
        prop_assert_eq!(Descriptor::read(&descriptor.bytes()), Ok(descriptor));
    }

    #[test]
    fn c5_whatever_windows_gives_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Descriptor::read(&bytes);
    }

    #[test]
    fn c5_a_damaged_descriptor_is_no_panic(
        descriptor in any_descriptor(), at in any::<prop::sample::Index>(), byte in any::<u8>(), length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = descriptor.bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(mut descriptor) = Descriptor::read(&bytes) {
            descriptor.users();
            let _ = descriptor.grant(&sid(NETWORK_SERVICE));
            prop_assert_eq!(Descriptor::read(&descriptor.bytes()), Ok(descriptor));
        }
    }

    #[test]
    fn c5_a_grant_adds_one_entry_and_touches_nothing_else(before in any_descriptor(), who in any_sid()) {
        let mut after = before.clone();
        match after.grant(&who) {
            Ok(true) => {
                let now = &after.list.as_ref().unwrap().entries;
                let at = now.iter().position(|entry| *entry == Entry::allowing(&who, READ)).unwrap();
                let mut rest = now.clone();
                rest.remove(at);
                prop_assert_eq!(&rest, &before.list.as_ref().unwrap().entries);
                let listed = after.users().unwrap().iter().any(|user| user.sid == who);
                prop_assert!(listed);
                prop_assert_eq!((after.control, &after.owner, &after.group), (before.control, &before.owner, &before.group));
            }
            Ok(false) | Err(_) => prop_assert_eq!(&after, &before),
        }
        if after != before {
            let once = after.clone();
            prop_assert_eq!(after.grant(&who), Ok(false), "a holder stays one");
            prop_assert_eq!(after, once);
        }
    }

    #[test]
    fn c5_a_revoke_takes_back_exactly_the_grant(before in any_descriptor(), who in any_sid()) {
        let mut after = before.clone();
        if after.grant(&who) == Ok(true) && !before.list.as_ref().unwrap().entries.iter().any(|entry| entry.is_reading_of(&who)) {
            prop_assert_eq!(after.revoke(&who), Ok(true));
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn c5_a_revoke_touches_nobody_else(before in any_descriptor(), who in any_sid()) {
        let mut after = before.clone();
        let mine = |entry: &Entry| entry.is_reading_of(&who);
        match after.revoke(&who) {
            Ok(changed) => {
                prop_assert_eq!(changed, after != before);
                prop_assert_eq!(without(&after, |_| false), without(&before, mine));
                prop_assert_eq!(after.revoke(&who), Ok(false));
            }
            Err(refusal) => {
                prop_assert_eq!(refusal, Refusal::Stays);
                prop_assert_eq!(after, before);
            }
        }
    }
}
