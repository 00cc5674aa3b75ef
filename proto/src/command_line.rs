//! What Faxpost's programs have in common as programs that are typed: in which language they speak, and what is wrong with a
//! command line. Help is clap's, and English unless a program has its own.

use std::env;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::advice::Language;

/// The language to use: as asked for, else that of this process's environment or, on Windows, of its user.
#[must_use]
pub fn language(asked: Option<Language>) -> Language {
    choose(asked, |name| env::var(name).ok(), sys_locale::get_locale)
}

/// By the words of a command line that could not be parsed, or is not parsed yet: its --lang is looked for by hand.
pub fn language_of(words: impl Iterator<Item = String>) -> Language {
    let mut asked = None;
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--lang") {
            Some("") => words.peek().cloned(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        match value.as_deref() {
            Some("en") => asked = Some(Language::En),
            Some("ru") => asked = Some(Language::Ru),
            _ => {}
        }
    }
    language(asked)
}

/// What clap finds wrong with a command line, in Russian; `None`: clap's own text is right, because it is help, or a mistake
/// that a person hardly makes. `of_values`: what the program's own parsers say of a value, in Russian; they say it in English.
#[must_use]
pub fn mistake_in_russian(error: &Error, of_values: impl Fn(&str) -> Option<&'static str>) -> Option<String> {
    if !error.use_stderr() {
        return None;
    }
    let argument = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    let mut said = match error.kind() {
        ErrorKind::UnknownArgument => format!("Неизвестный аргумент: {}.", argument?),
        ErrorKind::InvalidSubcommand => {
            format!("Команды {} нет.", text(error, ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::MissingRequiredArgument => format!("Не указано: {}.", argument?),
        ErrorKind::ArgumentConflict => match text(error, ContextKind::PriorArg) {
            Some(prior) => format!("{} нельзя указать вместе с {prior}.", argument?),
            None => format!("{} нельзя указать вместе с другими.", argument?),
        },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match (argument?, value?) {
            (argument, value) if value.is_empty() => format!("Для {argument} не указано значение."),
            (argument, value) => format!("{argument} не может быть {value:?}."),
        },
        _ => return None,
    };
    if let Some(good) = text(error, ContextKind::ValidValue).filter(|good| !good.is_empty()) {
        said.push_str(&format!(" Допустимо: {good}."));
    }
    let close = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    if let Some(close) = close.into_iter().find_map(|kind| text(error, kind)) {
        said.push_str(&format!(" Возможно, имелось в виду {close}."));
    }
    if let Some(source) = std::error::Error::source(error) {
        let source = source.to_string();
        said.push_str(&format!("\n  {}", harmless(of_values(&source).unwrap_or(&source))));
    }
    Some(format!("ошибка: {said}\nСправка: --help."))
}

/// The language to use: as asked for, else by the locale of messages, else by `system`'s.
fn choose(
    asked: Option<Language>,
    variable: impl Fn(&str) -> Option<String>,
    system: impl FnOnce() -> Option<String>,
) -> Language {
    asked.unwrap_or_else(|| {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .or_else(system);
        match locale {
            Some(locale) if locale.starts_with("ru") => Language::Ru,
            _ => Language::En,
        }
    })
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    let text = match error.get(kind)? {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        _ => return None,
    };
    Some(harmless(&text))
}

/// A script may pass on what a stranger wrote, and a terminal obeys control characters.
fn harmless(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(asked: Option<Language>, variables: &[(&str, &str)]) -> Language {
        choose_on(asked, variables, None)
    }

    fn choose_on(asked: Option<Language>, variables: &[(&str, &str)], system: Option<&str>) -> Language {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        choose(asked, variable, || system.map(str::to_owned))
    }

    #[test]
    fn the_language_of_a_windows_user_counts_where_no_variable_says_otherwise() {
        assert_eq!(choose_on(None, &[], Some("ru-RU")), Language::Ru);
        assert_eq!(choose_on(None, &[("LANG", "C")], Some("ru-RU")), Language::En);
        assert_eq!(choose_on(Some(Language::En), &[], Some("ru-RU")), Language::En);
    }

    #[test]
    fn the_language_is_asked_for_or_the_locales() {
        assert_eq!(chosen(None, &[]), Language::En);
        assert_eq!(chosen(None, &[("LANG", "ru_RU.UTF-8")]), Language::Ru);
        assert_eq!(chosen(None, &[("LANG", "ru_RU.UTF-8"), ("LC_ALL", "C.UTF-8")]), Language::En);
        assert_eq!(chosen(None, &[("LANG", "en_GB.UTF-8"), ("LC_MESSAGES", "ru_RU")]), Language::Ru);
        assert_eq!(chosen(None, &[("LC_ALL", ""), ("LANG", "ru")]), Language::Ru);
        assert_eq!(chosen(Some(Language::En), &[("LANG", "ru_RU")]), Language::En);
    }

    #[test]
    fn the_language_is_found_on_a_line_that_cannot_be_parsed() {
        let found = |line: &[&str]| language_of(line.iter().map(|&word| word.to_owned()));
        assert_eq!(found(&["acount", "--lang", "ru"]), Language::Ru);
        assert_eq!(found(&["--lang=ru", "acount"]), Language::Ru);
        assert_eq!(found(&["--lang", "en", "acount"]), Language::En);
    }

    #[test]
    fn what_stands_in_a_mistake_cannot_steer_a_terminal() {
        let error = clap::Command::new("x").try_get_matches_from(["x", "--a\u{1b}[2J"]).unwrap_err();
        let said = mistake_in_russian(&error, |_| None).unwrap();
        assert!(said.contains("Неизвестный аргумент") && !said.contains('\u{1b}'), "{said}");
    }
}
