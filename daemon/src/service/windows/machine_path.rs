//! The machine's PATH, which is read and written whole and keeps its kind: entries may stand for other variables.

use std::path::Path;

use anyhow::Context as _;
use windows_registry::{Key, LOCAL_MACHINE, Type};

const ENVIRONMENT: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";

/// Adds the folder at the end, if it is not there.
pub(super) fn add(folder: &Path) -> anyhow::Result<()> {
    change(|path| with(path, folder.to_str()?))
}

/// Takes the folder away, if it is there.
pub(super) fn remove(folder: &Path) -> anyhow::Result<()> {
    change(|path| without(path, folder.to_str()?))
}

/// Writes what `new` makes of it; `None`: it stays.
fn change(new: impl FnOnce(&str) -> Option<String>) -> anyhow::Result<()> {
    let key = LOCAL_MACHINE.options().read().write().open(ENVIRONMENT)?;
    let path = read(&key)?;
    let Some(changed) = new(&path) else { return Ok(()) };
    if key.get_type("Path").is_ok_and(|kind| matches!(kind, Type::String)) {
        key.set_string("Path", changed)?;
    } else {
        key.set_expand_string("Path", changed)?;
    }
    Ok(())
}

/// As it is written, with its %variables%. One that is there and cannot be read must not be written over.
fn read(key: &Key) -> anyhow::Result<String> {
    if key.get_type("Path").is_err() {
        return Ok(String::new());
    }
    key.get_string("Path").context("the PATH is not a text")
}

fn same(entry: &str, folder: &str) -> bool {
    let bare = |text: &str| text.trim().trim_matches('"').trim_end_matches('\\').to_lowercase();
    bare(entry) == bare(folder)
}

fn with(path: &str, folder: &str) -> Option<String> {
    if path.split(';').any(|entry| same(entry, folder)) {
        return None;
    }
    let path = path.trim_end_matches(';');
    Some(if path.is_empty() { folder.to_owned() } else { format!("{path};{folder}") })
}

fn without(path: &str, folder: &str) -> Option<String> {
    let kept: Vec<_> = path.split(';').filter(|entry| !same(entry, folder)).collect();
    let changed = kept.join(";");
    (changed != path).then_some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r"C:\Program Files\Faxpost";

    #[test]
    fn g1_the_path_is_added_to_once_and_everything_else_in_it_stays() {
        let path = r#"%SystemRoot%\system32;;"C:\a b";C:\c\"#;
        let added = with(path, OURS).unwrap();
        assert_eq!(added, format!("{path};{OURS}"));
        assert_eq!(with(&added, r"c:\program files\FAXPOST\"), None);
        assert_eq!(without(&added, OURS).unwrap(), path);
        assert_eq!(without(path, OURS), None);
        assert_eq!(with("", OURS).unwrap(), OURS);
        assert_eq!(without(OURS, OURS).unwrap(), "");
    }
}
