//! Documents that say something about the code are held against it.

use std::collections::BTreeSet;
use std::fs;

use faxpost_proto::advice::{self, Language};
use faxpost_proto::{alarm, reason, said, v1};

use crate::{root, source};

/// The cells of a table's rows, in all tables of a document.
fn rows(document: &str) -> Vec<Vec<String>> {
    let text =
        fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"));
    let cells = |line: &str| {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?.replace("\\|", "\u{0}");
        Some(line.split(" | ").map(|cell| cell.replace('\u{0}', "|")).collect())
    };
    text.lines().filter_map(cells).collect()
}

#[test]
fn f5_every_reason_is_documented_in_both_languages_and_no_other() {
    for document in ["docs/api.md", "docs/api.ru.md"] {
        let known = |row: &Vec<String>| row[0].strip_prefix('`')?.strip_suffix('`').map(str::to_owned);
        let rows: Vec<_> = rows(document).into_iter().filter(|row| known(row).is_some()).collect();
        let found: Vec<_> = rows.iter().filter_map(known).collect();
        assert_eq!(found, reason::ALL, "{document}");
        for row in rows {
            assert!(row.len() == 4 && row.iter().all(|cell| !cell.trim().is_empty()), "{document}: {row:?}");
        }
    }
}

#[test]
fn d2_the_table_of_advice_is_what_the_programs_say() {
    for (document, language) in
        [("docs/server-answers.md", Language::En), ("docs/server-answers.ru.md", Language::Ru)]
    {
        let rows = rows(document);
        for code in advice::codes() {
            let row = rows.iter().find(|row| row.len() == 3 && row[1] == format!("`{code}`"));
            let row = row.unwrap_or_else(|| panic!("{document} has no row of {code}"));
            assert_eq!(row[2], advice::text(code, language).unwrap(), "{document}: {code}");
            assert!(!row[0].trim().is_empty(), "{document}: {code}");
        }
        let known: BTreeSet<_> = advice::codes().map(|code| format!("`{code}`")).collect();
        for row in rows.iter().filter(|row| row[0].contains('`')) {
            assert!(known.contains(&row[1]), "{document} has {}, which nobody says", row[1]);
        }
    }
}

#[test]
fn the_tests_that_security_md_names_are_there() {
    let sources = source::all(&root());
    let named = rows("SECURITY.md").into_iter().filter(|row| row.len() == 3 && row[2].starts_with('`'));
    let names: Vec<_> =
        named.flat_map(|row| row[2].split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        let name = name.trim_matches('`');
        let function = format!("fn {name}(");
        let is_there = sources.iter().any(|source| source.raw.iter().any(|line| line.contains(&function)));
        assert!(is_there, "SECURITY.md names {name}, and there is no such test");
    }
}

/// A sentence that the daemon says in other words now would stay English without a sound.
#[test]
fn g2_every_sentence_that_clients_translate_is_said_by_the_daemon() {
    let daemon = source::all(&root()).into_iter().filter(|source| source.path.starts_with("daemon/src/"));
    let said: String = daemon.map(|source| strings(&source.raw.join("\n"))).collect();
    assert!(said.len() > 100_000, "the daemon's sources are not there");
    let mut missing = Vec::new();
    for sentence in said::sentences() {
        let parts = sentence.split("{}").map(str::trim).filter(|part| !part.is_empty());
        let unknown = |part: &&str| !is_said(part, &said);
        missing.extend(parts.filter(unknown).map(|part| format!("{part:?} of {sentence:?}")));
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// An alarm without its Russian would stay English in the status of both clients.
#[test]
fn g2_every_alarm_of_the_daemon_is_told_in_russian() {
    let daemon = source::all(&root()).into_iter().filter(|source| source.path.starts_with("daemon/src/"));
    let with_alarms = daemon.filter(|source| source.raw.iter().any(|line| line.contains("alarm::Alarm;")));
    let codes: BTreeSet<_> = with_alarms.flat_map(|source| alarm_codes(&source.raw.join("\n"))).collect();
    assert!(codes.len() >= 11, "{codes:?}");
    for code in codes {
        let alarm = v1::Alarm { reason: code.clone(), text: "English.".into(), ..Default::default() };
        let soon = v1::Alarm { due_time: Some(Default::default()), ..alarm.clone() };
        let told = [&alarm, &soon].map(|alarm| alarm::text(alarm, Language::Ru) != "English.");
        assert!(told.contains(&true), "{code}");
    }
}

/// What stands in capitals alone between quotes: in a source that raises alarms these are their codes.
fn alarm_codes(source: &str) -> Vec<String> {
    let capitals = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let code = |text: &&str| text.len() > 5 && capitals(text) && !text.starts_with("CARGO_");
    source.split('"').filter(code).map(str::to_owned).collect()
}

/// Whether the daemon says this, in one piece or put together from up to three.
fn is_said(part: &str, said: &str) -> bool {
    // Sentences of the API begin with a capital, and clients take that away.
    let capital = part.get(..1).unwrap_or_default().to_uppercase() + part.get(1..).unwrap_or_default();
    if said.contains(part) || said.contains(&capital) {
        return true;
    }
    let mut rest = part;
    for _ in 0..3 {
        let ends = (7..=rest.len()).rev().filter(|end| rest.is_char_boundary(*end));
        let Some(end) = ends.into_iter().find(|end| said.contains(rest[..*end].trim())) else { return false };
        rest = rest[end..].trim_start();
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// A source with the lines of its literals joined, and nothing escaped in them.
fn strings(source: &str) -> String {
    let mut pieces = source.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start()).replace("\\\"", "\"")
}

/// The block of commands that begins with the installation, one command a line, without what each language has of its own.
fn first_commands(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).unwrap().replace("\\\n", "");
    let (_, block) =
        text.split_once("```sh\nsudo apt install ./faxpost_").unwrap_or_else(|| panic!("{document}"));
    let (block, _) = block.split_once("```").unwrap();
    let plain = |line: &str| {
        let unquoted =
            line.split('"').step_by(2).collect::<Vec<_>>().join("TEXT").replace("example.ru", "example.com");
        unquoted.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    };
    block.lines().map(plain).collect()
}

#[test]
fn the_first_five_commands_are_the_same_wherever_they_stand() {
    let tried = first_commands("README.md");
    assert_eq!(tried.len(), 5, "the packages' tests type these: {tried:?}");
    for document in ["README.ru.md", "docs/guide.md", "docs/guide.ru.md"] {
        assert_eq!(first_commands(document), tried, "{document}");
    }
}
