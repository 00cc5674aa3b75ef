//! The windows' texts: each has its Russian, and none is left over.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[test]
fn g2_every_text_of_the_windows_has_its_russian() {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let mut wanted = BTreeSet::new();
    for file in sources(&ui) {
        let source = std::fs::read_to_string(&file).unwrap();
        let texts = translatable(&source);
        assert_eq!(texts.len(), source.matches("@tr(").count(), "an @tr that is not understood in {file:?}");
        wanted.extend(texts);
    }
    assert!(wanted.len() > 100);
    let russian =
        catalogue(&std::fs::read_to_string(ui.join("lang/ru/LC_MESSAGES/faxpost-gui-ui.po")).unwrap());
    let known: BTreeSet<_> = russian.iter().map(|(english, _)| english.clone()).collect();
    assert_eq!(wanted.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "without Russian");
    assert_eq!(known.difference(&wanted).collect::<Vec<_>>(), Vec::<&String>::new(), "left over");
    assert_eq!(known.len(), russian.len(), "twice");
    for (english, russian) in russian {
        assert!(!russian.is_empty(), "{english}");
        assert_eq!(english.matches("{}").count(), russian.matches("{}").count(), "{english}");
        let cyrillic =
            russian.chars().any(|one| ('а'..='я').contains(&one.to_ascii_lowercase()) || one > 'Ѐ');
        // Names of keys and protocols are the same everywhere.
        assert!(cyrillic || russian == english, "{english}");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "slint") {
            found.push(path);
        }
    }
    found
}

/// The texts of `@tr("…")`.
fn translatable(source: &str) -> Vec<String> {
    let begins = source.split("@tr(\"").skip(1);
    begins.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// English and Russian.
fn catalogue(po: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = po.lines().collect();
    let pair = |two: &[&str]| {
        let english = two[0].strip_prefix("msgid \"")?.strip_suffix('"')?;
        let russian = two[1].strip_prefix("msgstr \"")?.strip_suffix('"')?;
        (!english.is_empty()).then(|| (english.to_owned(), russian.to_owned()))
    };
    lines.windows(2).filter_map(pair).collect()
}
