//! Who may change the programs that the system runs as itself: nobody but administrators, whether by writing to them, to their
//! folder, or by putting another folder in the place of one above it.
//!
//! A volume's root lets users add folders as Windows makes it (`C:\` does), and a data volume's more than that; neither changes
//! what is there already. So a folder above counts by what replaces things, and only a folder that is yet to be made by what
//! it would inherit, too.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use faxpost_proto::security::{Grant, Token};
use windows::Win32::Storage::FileSystem::{
    DELETE, FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_WRITE_ATTRIBUTES, FILE_WRITE_EA,
};

use super::super::words::Words;
use super::{CHANGING, Objection, look, shown};

/// What replaces nothing: files and folders are added.
const ADDING: u32 = FILE_ADD_FILE.0 | FILE_ADD_SUBDIRECTORY.0;

/// What cannot be done to a volume's root: it is neither moved nor made a link.
const NOT_OF_A_ROOT: u32 = DELETE.0 | FILE_WRITE_ATTRIBUTES.0 | FILE_WRITE_EA.0;

/// What of the path is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The program, or its folder.
    Programs,
    /// The folder in which that one is yet to be made.
    Before,
    /// Above it.
    Above,
}

/// Refuses a program that others may change.
pub(super) fn check_program(program: &Path, words: &Words) -> anyhow::Result<()> {
    let own = Token::own()?.facts()?.user;
    judge(program, Place::Programs, &own, words)?;
    check_folder(program.parent().unwrap_or(program), words)
}

/// Refuses a folder for programs in which others may change them. It need not be there yet.
pub(super) fn check_folder(folder: &Path, words: &Words) -> anyhow::Result<()> {
    let own = Token::own()?.facts()?.user;
    let folder = std::path::absolute(folder).with_context(|| (words.cannot_look)(folder))?;
    // A link that leads nowhere is there, too.
    let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(&folder);
    let nearest = if there == folder { Place::Programs } else { Place::Before };
    // As it is written, and as it is without links: both ways can be changed.
    let straight = fs::canonicalize(there).with_context(|| (words.cannot_look)(there))?;
    for way in [there, straight.as_path()] {
        for (above, path) in way.ancestors().enumerate() {
            judge(path, if above == 0 { nearest } else { Place::Above }, &own, words)?;
        }
    }
    Ok(())
}

fn judge(path: &Path, place: Place, own: &str, words: &Words) -> anyhow::Result<()> {
    let is_root = path.parent().is_none();
    let folder = FILE_FLAG_BACKUP_SEMANTICS.0;
    for flags in [folder, folder | FILE_FLAG_OPEN_REPARSE_POINT.0] {
        let found = look(path, flags, own, |grant| counted(grant, place, is_root));
        let who = match found.with_context(|| (words.cannot_look)(path))? {
            None => continue,
            Some(Objection::Owner(who) | Objection::Open(who)) => shown(&who),
        };
        bail!((words.open_program)(path, &who));
    }
    Ok(())
}

/// The rights of an entry that are dangerous there.
fn counted(grant: &Grant, place: Place, is_root: bool) -> u32 {
    let here = if grant.inherit_only { 0 } else { grant.mask };
    let below = if grant.inherited { grant.mask } else { 0 };
    let replacing = here & CHANGING & !ADDING & if is_root { !NOT_OF_A_ROOT } else { u32::MAX };
    match place {
        Place::Programs => grant.mask,
        Place::Before => replacing | below,
        Place::Above => replacing,
    }
}

#[cfg(test)]
mod tests {
    use faxpost_proto::security::{Descriptor, SYSTEM};

    use super::super::super::words::{EN, RU};
    use super::super::objection;
    use super::*;

    /// Who is objected to, with this descriptor there.
    fn found(sddl: &str, place: Place, is_root: bool) -> Option<String> {
        let descriptor = Descriptor::from_sddl(sddl).unwrap();
        let entries = descriptor.entries().unwrap().unwrap();
        let grants: Vec<_> =
            entries.iter().map(|grant| (grant.sid.clone(), counted(grant, place, is_root))).collect();
        match objection(&descriptor.owner().unwrap().unwrap_or_default(), Some(&grants), SYSTEM) {
            None => None,
            Some(Objection::Owner(who) | Objection::Open(who)) => Some(who),
        }
    }

    const USERS: &str = "S-1-5-32-545";
    const AUTHENTICATED: &str = "S-1-5-11";

    /// As Windows 11 makes them.
    const ROOT_OF_C: &str = "O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464D:PAI(A;OICI;FA;;;BA)\
                             (A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)";
    const PROGRAM_FILES: &str = "O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464D:PAI\
                                 (A;;0x1301bf;;;SY)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)\
                                 (A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;OICIIO;GA;;;CO)(A;;0x1200a9;;;AC)";
    const ROOT_OF_DATA: &str =
        "O:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1301bf;;;AU)(A;OICI;0x1200a9;;;BU)";

    #[test]
    fn h3_program_files_of_a_fresh_windows_is_taken_before_and_after_the_folder_is_made() {
        assert_eq!(found(PROGRAM_FILES, Place::Before, false), None);
        assert_eq!(found(PROGRAM_FILES, Place::Above, false), None);
        assert_eq!(found(ROOT_OF_C, Place::Above, true), None);
        assert_eq!(
            found("O:BAD:(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)", Place::Programs, false),
            None
        );
    }

    #[test]
    fn h3_a_folder_of_programs_that_would_inherit_the_rights_of_users_is_refused_before_it_is_made() {
        assert_eq!(found(ROOT_OF_C, Place::Before, true).as_deref(), Some(AUTHENTICATED));
        assert_eq!(found(ROOT_OF_DATA, Place::Before, true).as_deref(), Some(AUTHENTICATED));
        // Of a closed folder on such a volume the root decides nothing.
        assert_eq!(found(ROOT_OF_DATA, Place::Above, true), None);
        assert_eq!(
            found(ROOT_OF_DATA, Place::Above, false).as_deref(),
            Some(AUTHENTICATED),
            "it can be renamed"
        );
    }

    #[test]
    fn h3_every_right_to_replace_a_folder_above_the_programs_counts() {
        let with = |mask: u32| format!("O:BAD:(A;;FA;;;BA)(A;;{:#x};;;BU)", 0x0012_00a9 | mask);
        for (mask, name, on_root) in [
            (0x40, "delete children", true),
            (0x0004_0000, "change the list", true),
            (0x0008_0000, "take it over", true),
            (0x0001_0000, "rename it", false),
            (0x0000_0100, "make it a link", false),
        ] {
            assert_eq!(found(&with(mask), Place::Above, false).as_deref(), Some(USERS), "{name}");
            assert_eq!(found(&with(mask), Place::Above, true).is_some(), on_root, "{name}");
        }
        assert_eq!(found(&with(0x6), Place::Above, false), None, "adding replaces nothing");
        assert_eq!(
            found(&with(0x6), Place::Programs, false).as_deref(),
            Some(USERS),
            "but a library beside it"
        );
        let owned = "O:S-1-5-21-1-2-3-1002D:(A;;FA;;;BA)";
        assert_eq!(found(owned, Place::Above, false).as_deref(), Some("S-1-5-21-1-2-3-1002"));
    }

    #[test]
    fn h3_a_folder_below_one_that_others_may_change_is_refused_in_both_languages() {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        let programs = above.join("programs");
        fs::create_dir_all(&programs).unwrap();
        for folder in [&programs, &programs.join("yet/to/be/made")] {
            check_folder(folder, &EN).unwrap();
        }
        super::super::give(&above, "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;WD)").unwrap();
        for (words, said) in
            [(&EN, "put the programs where only administrators"), (&RU, "поместите программы туда")]
        {
            for folder in [&programs, &above.join("another")] {
                let error = format!("{:#}", check_folder(folder, words).unwrap_err());
                assert!(error.contains(said) && error.contains("above"), "{error}");
            }
        }
    }
}
