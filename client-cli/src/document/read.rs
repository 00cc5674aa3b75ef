//! TOML → settings. Every mistake has its line, and all of them are told, not only the first.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::TABLE;
use crate::{
    lang::Texts,
    settings::{Changes, is_secret, key_of},
};

/// The settings of one account, as a file has them.
pub(crate) struct Read {
    /// Empty: the file is about one that is known.
    pub(crate) id: String,
    pub(crate) changes: Changes,
    /// Where the account begins.
    pub(crate) begins: usize,
    /// Key and line.
    lines: Vec<(String, usize)>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Read {
    /// The line of a field of the protocol.
    pub(crate) fn line(&self, field: &str) -> Option<usize> {
        let key = key_of(field);
        self.lines.iter().find(|(name, _)| *name == key).map(|(_, line)| *line)
    }
}

/// The settings of one account, at the top of the file.
pub(crate) fn read_one(text: &str, texts: &Texts) -> Result<Read, Vec<Mistake>> {
    let file = File { text, texts };
    let mut mistakes = Vec::new();
    let read = file.account(String::new(), &file.table()?, 1, &mut mistakes);
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

/// `[account.ID]` tables, in the order of the file.
pub(crate) fn read_accounts(text: &str, texts: &Texts) -> Result<Vec<Read>, Vec<Mistake>> {
    let file = File { text, texts };
    let mut mistakes = Vec::new();
    let mut accounts = Vec::new();
    for (name, value) in &file.table()? {
        let line = file.line(&name.span());
        match (name.get_ref().as_ref(), value.get_ref()) {
            (TABLE, DeValue::Table(tables)) => {
                for (id, value) in tables {
                    let line = file.line(&id.span());
                    match value.get_ref() {
                        DeValue::Table(table) => {
                            let id = id.get_ref().to_string();
                            accounts.push(file.account(id, table, line, &mut mistakes));
                        }
                        _ => {
                            mistakes.push(Mistake { line, text: texts.accounts.no_account_table.to_owned() })
                        }
                    }
                }
            }
            _ => mistakes.push(Mistake { line, text: texts.accounts.no_account_table.to_owned() }),
        }
    }
    if mistakes.is_empty() && accounts.is_empty() {
        mistakes.push(Mistake { line: 1, text: texts.accounts.no_account_table.to_owned() });
    }
    accounts.sort_by_key(|read| read.begins);
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() { Ok(accounts) } else { Err(mistakes) }
}

struct File<'a> {
    text: &'a str,
    texts: &'a Texts,
}

impl<'a> File<'a> {
    fn table(&self) -> Result<DeTable<'a>, Vec<Mistake>> {
        DeTable::parse(self.text).map(toml::Spanned::into_inner).map_err(|error| {
            let line = error.span().map_or(1, |span| self.line(&span));
            vec![Mistake { line, text: (self.texts.accounts.no_toml)(error.message()) }]
        })
    }

    fn account(&self, id: String, table: &DeTable<'_>, begins: usize, mistakes: &mut Vec<Mistake>) -> Read {
        let mut read = Read { id, changes: Changes::default(), begins, lines: Vec::new() };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let line = self.line(&name.span());
            let key = name.get_ref().as_ref();
            let taken = if is_secret(key) {
                Err((self.texts.accounts.secret_in_file)(key))
            } else {
                match typed(value.get_ref()) {
                    Some(value) => read.changes.put(key, &value, self.texts),
                    None => Err((self.texts.accounts.no_value)(key)),
                }
            };
            match taken {
                Ok(()) => read.lines.push((key.to_owned(), line)),
                Err(text) => mistakes.push(Mistake { line, text }),
            }
        }
        read
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or_default();
        before.matches('\n').count() + 1
    }
}

/// As it would be typed behind `KEY=`.
fn typed(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Boolean(on) => Some(if *on { "on" } else { "off" }.to_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Datetime(moment) => Some(moment.to_string()),
        DeValue::Float(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
