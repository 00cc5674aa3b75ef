//! A source file as the rules see it: its code without comments and the insides of literals, and the paths it names.

use std::{fs, path::Path};

/// One `.rs` file of the workspace.
pub(crate) struct Source {
    /// Below the workspace's root, with slashes.
    pub path: String,
    /// As it is, line by line.
    pub raw: Vec<String>,
    /// The same lines with comments and the insides of literals blanked.
    pub code: Vec<String>,
    /// The line (from 0) where its tests begin; past the end when it has none.
    tests_begin: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let raw: Vec<_> = text.lines().map(str::to_owned).collect();
        let code: Vec<_> = blank(text).lines().map(str::to_owned).collect();
        // Tests stand last in a file, or in one of their own.
        let own = path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs");
        let begin = code.iter().zip(code.iter().skip(1)).position(|(attribute, module)| {
            attribute.trim() == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{')
        });
        let tests_begin = if own { 0 } else { begin.unwrap_or(code.len()) };
        Self { path: path.to_owned(), raw, code, tests_begin }
    }

    /// The code that is no test, with the numbers of its lines (from 1).
    pub(crate) fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().take(self.tests_begin).enumerate().map(|(at, line)| (at + 1, line.as_str()))
    }

    /// The paths that the product's code names, `use` trees spelt out and `super` resolved: `crate::api::error`.
    pub(crate) fn paths(&self) -> Vec<(usize, String)> {
        let mut tokens = Vec::new();
        for (number, line) in self.product() {
            tokenize(number, line, &mut tokens);
        }
        let home = module(&self.path);
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            at = if is_word(tokens[at].1) { tree(&tokens, at, "", &home, &mut found) } else { at + 1 };
        }
        found
    }

    /// The room of the daemon's house that this file stands in, if it is one of the daemon's.
    pub(crate) fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("daemon/src/")?;
        Some(inside.split('/').next()?.trim_end_matches(".rs"))
    }
}

/// All sources of the workspace.
pub(crate) fn all(root: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        // Members of the workspace; target/ and .git/ are none.
        if path.join("Cargo.toml").exists() {
            walk(root, &path, &mut found);
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            found.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The module a file is: `daemon/src/mailer/smtp/tls.rs` → `crate::mailer::smtp::tls`.
fn module(path: &str) -> String {
    let inside = path.split_once("/src/").map_or("", |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    let mut module = "crate".to_owned();
    for part in inside.split('/').filter(|part| !matches!(*part, "" | "lib" | "main")) {
        module = format!("{module}::{part}");
    }
    module
}

/// Reads one path from `tokens[at]` on, with its branches; returns where it ends.
fn tree(
    tokens: &[(usize, &str)],
    mut at: usize,
    prefix: &str,
    home: &str,
    found: &mut Vec<(usize, String)>,
) -> usize {
    let line = tokens[at].0;
    let mut path = prefix.to_owned();
    loop {
        let word = tokens[at].1;
        path = match word {
            "super" if path.is_empty() => parent(home),
            "super" => parent(&path),
            "self" if path.is_empty() => home.to_owned(),
            "self" => path,
            _ if path.is_empty() => word.to_owned(),
            _ => format!("{path}::{word}"),
        };
        at += 1;
        let next = |ahead: usize| tokens.get(at + ahead).map(|token| token.1);
        match (next(0), next(1)) {
            (Some("::"), Some("{")) => {
                at += 2;
                while at < tokens.len() && tokens[at].1 != "}" {
                    at = match tokens[at].1 {
                        "as" => at + 2,
                        word if is_word(word) => tree(tokens, at, &path, home, found),
                        _ => at + 1,
                    };
                }
                return at + 1;
            }
            (Some("::"), Some(word)) if is_word(word) => at += 1,
            _ => {
                found.push((line, path));
                return at;
            }
        }
    }
}

fn parent(path: &str) -> String {
    path.rsplit_once("::").map_or("crate", |(parent, _)| parent).to_owned()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first == '_' || first.is_alphabetic())
}

/// Words, `::` and single signs.
fn tokenize<'a>(number: usize, line: &'a str, tokens: &mut Vec<(usize, &'a str)>) {
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
        let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
        tokens.push((number, &rest[..length]));
        rest = rest[length..].trim_start();
    }
}

/// `text` with comments and the insides of literals replaced by blanks; lines stay where they are.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = out.ends_with(|c: char| c == '_' || c.is_alphanumeric());
        let (length, keep) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (block_comment(rest), false)
        } else if first == '"' {
            (string(rest, 1), false)
        } else if !after_word && raw_string(rest).is_some() {
            (raw_string(rest).unwrap_or(1), false)
        } else if first == '\'' {
            (character(rest), false)
        } else {
            (first.len_utf8(), true)
        };
        let piece = &rest[..length];
        if keep {
            out.push_str(piece);
        } else {
            out.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = &rest[length..];
    }
    out
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string whose inside begins at `at`.
fn string(text: &str, at: usize) -> usize {
    let mut escaped = false;
    for (offset, c) in text[at..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + offset + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let after =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = text.len() - inside.len();
    Some(inside.find(&end).map_or(text.len(), |offset| begin + offset + end.len()))
}

/// The length of a character literal; 1 for the tick of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((escaped, _))) => {
            text[escaped + 1..].find('\'').map_or(text.len(), |offset| escaped + 1 + offset + 1)
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 1,
    }
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "let a = \"unsafe \\\" // x\"; // unsafe\nlet b = r#\"un\"safe\"#; /* a /* b */ c\n */ let c = '\"'; f::<'a>('\\'');";
    let code = Source::new("x/src/a.rs", text).code;
    let code: Vec<_> =
        code.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(code, ["let a = ;", "let b = ;", "let c = ; f::< a>( );"]);
}

#[test]
fn paths_are_spelt_out() {
    let text = "use crate::{api::{error, Status as S}, log};\nuse super::super::store::{self, Row};\n\
                fn f(a: self::B) -> tonic::Status { g::<C>() }\n#[cfg(test)]\nmod tests {\n    use crate::ipc;\n}";
    let found = Source::new("daemon/src/mailer/smtp.rs", text).paths();
    let found: Vec<_> =
        found.iter().filter(|(_, path)| path.contains("::")).map(|(_, path)| path.as_str()).collect();
    assert_eq!(
        found,
        [
            "crate::api::error",
            "crate::api::Status",
            "crate::log",
            "crate::store",
            "crate::store::Row",
            "crate::mailer::smtp::B",
            "tonic::Status",
        ]
    );
}
