//! The house's rules, held: who may know whom, where platforms and `unsafe` may stand, how long a file may be.
//!
//! Reads the sources as text, so it sees code for all platforms. What the compiler and clippy can check (unwraps, missing
//! docs, `unsafe` without leave) is left to them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod documents;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

use source::Source;

/// The rooms of the daemon that know neither the door nor the wire: the domain.
const DOMAIN: [&str; 12] = [
    "accounts",
    "approvals",
    "audit",
    "certs",
    "diagnose",
    "log",
    "mailer",
    "message",
    "oauth",
    "outbox",
    "secrets",
    "store",
];

/// What of the wire's crate the domain may use: plain words for failures, no messages.
const WORDS: [&str; 3] = ["faxpost_proto::advice", "faxpost_proto::reason", "faxpost_proto::security"];

/// Longer files have more than one duty.
const LINES: usize = 600;

/// Says one thing differently on each platform, once for both sides of the wire: too little for a pair of files.
const PLATFORM_EXCEPTIONS: [&str; 1] = ["proto/src/endpoint.rs"];

#[test]
fn the_domain_knows_neither_the_door_nor_the_wire() {
    hold(domain_arrows);
}

#[test]
fn the_mailer_knows_neither_the_store_nor_the_policy() {
    hold(mailer_arrows);
}

#[test]
fn the_door_and_the_policy_know_only_the_caller() {
    hold(door_arrows);
}

#[test]
fn sql_stands_only_in_the_store() {
    hold(sql_in_the_store);
}

#[test]
fn privileged_changes_go_over_the_desk() {
    hold(over_the_desk);
}

#[test]
fn platforms_stand_only_in_their_files() {
    hold(platforms_in_pairs);
}

#[test]
fn unsafe_stands_only_in_windows_files_and_says_why_it_is_safe() {
    hold(unsafe_in_windows_files);
}

#[test]
fn no_file_is_too_long() {
    hold(length);
}

#[test]
fn clients_and_the_wire_do_not_depend_on_the_daemon() {
    let mut seen = 0;
    for entry in fs::read_dir(root()).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        if name != "proto" && !name.starts_with("client-") {
            continue;
        }
        seen += 1;
        for (number, line) in manifest.lines().enumerate() {
            let depends = line.trim_start().starts_with("faxpostd") || line.contains("path = \"../daemon\"");
            assert!(!depends, "{name}/Cargo.toml:{}: knows proto only, never the daemon: {line}", number + 1);
        }
    }
    assert!(seen >= 2, "proto and the command line are there");
}

/// Each rule finds what it forbids, and leaves alone what it allows: a rule that sees nothing holds nothing.
#[test]
fn the_rules_are_not_blind() {
    let broken = |rule: Rule, path: &str, text: &str| rule(&Source::new(path, text)).len();
    let at = "daemon/src/log/mod.rs";
    assert_eq!(broken(domain_arrows, at, "use crate::{caller::Caller, api::error};"), 1);
    assert_eq!(broken(domain_arrows, at, "fn f() -> tonic::Status {}\nuse faxpost_proto::v1;"), 2);
    assert_eq!(broken(domain_arrows, at, "use super::ipc::Peer;"), 1);
    assert_eq!(
        broken(domain_arrows, at, "// tonic::Status\nuse faxpost_proto::{advice, reason::Reason};"),
        0
    );
    assert_eq!(broken(domain_arrows, "daemon/src/api/mod.rs", "use tonic::Status;"), 0);

    assert_eq!(
        broken(mailer_arrows, "daemon/src/mailer/smtp/tls.rs", "use crate::{store, policy::Rule};"),
        2
    );
    assert_eq!(broken(mailer_arrows, "daemon/src/outbox/mod.rs", "use crate::store;"), 0);

    assert_eq!(broken(door_arrows, "daemon/src/policy.rs", "use crate::accounts::Account;"), 1);
    assert_eq!(broken(door_arrows, "daemon/src/ipc/unix.rs", "use crate::{api, caller::Caller};"), 1);

    assert_eq!(broken(sql_in_the_store, "daemon/src/outbox/mod.rs", "use rusqlite::Connection;"), 1);
    assert_eq!(broken(sql_in_the_store, "daemon/src/store/schema.rs", "use rusqlite::Connection;"), 0);

    let hasty = "app.certificates.carry_out(action).await";
    assert_eq!(broken(over_the_desk, "daemon/src/api/certificates.rs", hasty), 1);
    assert_eq!(broken(over_the_desk, "daemon/src/approvals/desk.rs", hasty), 0);

    let cfg = "#[cfg(not(windows))]\nfn f() { if cfg!(unix) {} }\n#[cfg_attr(target_os = \"linux\", x)]\n#[cfg(\n    unix\n)]";
    assert_eq!(broken(platforms_in_pairs, "daemon/src/config.rs", cfg), 4);
    assert_eq!(broken(platforms_in_pairs, "daemon/src/ipc/windows.rs", cfg), 0);
    assert_eq!(broken(platforms_in_pairs, "daemon/src/certs/windows/capi.rs", cfg), 0);
    assert_eq!(
        broken(platforms_in_pairs, "daemon/src/config.rs", "#[cfg(test)]\nmod tests {\n#[cfg(unix)]\n}"),
        0
    );
    assert_eq!(broken(platforms_in_pairs, "daemon/src/config.rs", "#[cfg(feature = \"unix\")]"), 0);

    let good = "// SAFETY: the handle is ours,\n// and open.\nlet x = unsafe { f() };";
    assert_eq!(broken(unsafe_in_windows_files, "daemon/src/ipc/windows.rs", good), 0);
    assert_eq!(broken(unsafe_in_windows_files, "daemon/src/ipc/windows.rs", "// why\nunsafe { f() };"), 1);
    assert_eq!(broken(unsafe_in_windows_files, "daemon/src/certs/windows/capi.rs", good), 0);
    assert_eq!(broken(unsafe_in_windows_files, "daemon/src/certs/windows/capi.rs", "unsafe { f() };"), 1);
    assert_eq!(broken(unsafe_in_windows_files, "daemon/src/ipc/unix.rs", good), 1);
    assert_eq!(broken(unsafe_in_windows_files, "daemon/src/ipc/windows_pipe.rs", good), 1);
    assert_eq!(
        broken(unsafe_in_windows_files, "daemon/src/ipc/unix.rs", "#![allow(unsafe_code)] // unsafe"),
        0
    );

    assert_eq!(broken(length, at, &"\n".repeat(LINES + 1)), 1);
    assert_eq!(broken(length, at, &"\n".repeat(LINES)), 0);
}

/// Looks at one file, and returns what is wrong with it: the line, and the rule.
type Rule = fn(&Source) -> Vec<(usize, String)>;

fn hold(rule: Rule) {
    let sources = source::all(&root());
    assert!(
        sources.iter().any(|source| source.path == "daemon/src/lib.rs"),
        "the daemon's sources are not there"
    );
    let wrong: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            rule(source).into_iter().map(|(line, what)| format!("{}:{line}: {what}", source.path))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn domain_arrows(source: &Source) -> Vec<(usize, String)> {
    if !source.room().is_some_and(|room| DOMAIN.contains(&room)) {
        return Vec::new();
    }
    let forbidden = |path: &str| {
        ["crate::api", "crate::ipc", "tonic", "tonic_types", "prost"].iter().any(|no| within(path, no))
            || within(path, "faxpost_proto") && !WORDS.iter().any(|word| within(path, word))
    };
    named(source, forbidden, "the domain never knows api, ipc or the wire")
}

fn mailer_arrows(source: &Source) -> Vec<(usize, String)> {
    if source.room() != Some("mailer") {
        return Vec::new();
    }
    let forbidden =
        |path: &str| ["store", "policy", "outbox"].iter().any(|no| within(path, &format!("crate::{no}")));
    named(source, forbidden, "the mailer gets all that it needs in its job")
}

fn door_arrows(source: &Source) -> Vec<(usize, String)> {
    let forbidden = |path: &str| {
        within(path, "crate::api") || DOMAIN.iter().any(|room| within(path, &format!("crate::{room}")))
    };
    match source.room() {
        Some("ipc" | "policy" | "caller") => {
            named(source, forbidden, "the door and the policy know only the caller")
        }
        _ => Vec::new(),
    }
}

fn sql_in_the_store(source: &Source) -> Vec<(usize, String)> {
    if source.room() == Some("store") {
        return Vec::new();
    }
    named(source, |path| within(path, "rusqlite"), "only the store knows SQL")
}

/// Whoever could call `carry_out` himself could forget to ask the policy.
fn over_the_desk(source: &Source) -> Vec<(usize, String)> {
    if !source.path.starts_with("daemon/src/") || matches!(source.room(), Some("approvals" | "certs")) {
        return Vec::new();
    }
    let calls = source.product().filter(|(_, line)| has_word(line, "carry_out"));
    calls
        .map(|(line, _)| (line, "only the desk (approvals) carries privileged changes out".to_owned()))
        .collect()
}

fn platforms_in_pairs(source: &Source) -> Vec<(usize, String)> {
    let (folder, name) = source.path.rsplit_once('/').unwrap();
    let has = |file: &str| root().join(folder).join(file).exists();
    let sides = ["windows.rs", "unix.rs", "windows/mod.rs", "unix/mod.rs"];
    let pair =
        is_of(source, "windows") || is_of(source, "unix") || name == "mod.rs" && sides.into_iter().any(has);
    if pair || source.path.starts_with("tests/") || PLATFORM_EXCEPTIONS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (number, line) in source.product() {
        for (at, _) in line.match_indices("cfg") {
            // The condition may go on in the next lines.
            let rest =
                source.code[number - 1..].iter().take(6).map(String::as_str).collect::<Vec<_>>().join(" ");
            if condition(&rest[at..]).is_some_and(names_a_platform) {
                wrong.push((
                    number,
                    format!("platforms stand only in {{mod,windows,unix}}.rs: {}", line.trim()),
                ));
            }
        }
    }
    wrong
}

/// What stands in the parentheses of `cfg(…)`, `cfg!(…)` or `cfg_attr(…)`.
fn condition(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("cfg")?;
    let rest =
        rest.strip_prefix("_attr").or_else(|| rest.strip_prefix('!')).unwrap_or(rest).strip_prefix('(')?;
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    Some(&rest[..end.unwrap_or(rest.len())])
}

fn names_a_platform(condition: &str) -> bool {
    ["windows", "unix", "target_os", "target_family", "target_env"]
        .iter()
        .any(|name| has_word(condition, name))
}

/// Whether a file is one platform's: by its own name, or by that of a folder it is in.
fn is_of(source: &Source, platform: &str) -> bool {
    source.path.ends_with(&format!("/{platform}.rs")) || source.path.contains(&format!("/{platform}/"))
}

fn unsafe_in_windows_files(source: &Source) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    for (at, line) in source.code.iter().enumerate() {
        if !has_word(line, "unsafe") {
            continue;
        }
        if !is_of(source, "windows") {
            wrong.push((at + 1, "unsafe stands only in windows.rs, and in folders of that name".to_owned()));
        } else if (line.contains("unsafe {") || line.contains("unsafe impl")) && !explained(source, at) {
            wrong.push((at + 1, "an unsafe block without its SAFETY comment".to_owned()));
        }
    }
    wrong
}

/// Whether the comment above the statement at `at` says why it is safe; a statement may begin some lines earlier.
fn explained(source: &Source, at: usize) -> bool {
    let comment = |line: &&String| line.trim_start().starts_with("//");
    let above = source.raw[..at].iter().rev();
    let statement = above.clone().take(4).take_while(|line| !comment(line)).count();
    let mut said = above.skip(statement).take_while(comment);
    source.raw[at].contains("SAFETY:") || said.any(|line| line.contains("SAFETY:"))
}

fn length(source: &Source) -> Vec<(usize, String)> {
    let lines = source.raw.len();
    if lines <= LINES {
        Vec::new()
    } else {
        vec![(lines, format!("more than {LINES} lines: split it by duty"))]
    }
}

/// Where the product's code names a path that is forbidden.
fn named(source: &Source, forbidden: impl Fn(&str) -> bool, rule: &str) -> Vec<(usize, String)> {
    let paths = source.paths().into_iter().filter(|(_, path)| forbidden(path));
    paths.map(|(line, path)| (line, format!("{rule}: {path}"))).collect()
}

fn within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c == '_' || c.is_alphanumeric();
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}
