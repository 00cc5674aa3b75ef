//! What clap finds wrong with a command line, in the reader's language. Its help stays English.

use std::env;

use clap::{
    Error,
    error::{ContextKind, ContextValue, ErrorKind},
};
use faxpost_proto::advice::Language;

use crate::{lang, output::escape::escape};

// What the parsers of `args` say, so that it can be told in Russian.
pub(crate) const FROM_ONE: &str = "a whole number from 1 is needed";
pub(crate) const FROM_ZERO: &str = "a whole number from 0 is needed";
pub(crate) const ENTRY: &str = "an entry is a number; `faxpost log list` shows them";
pub(crate) const REQUEST: &str = "a request is a number; `faxpost request list` shows them";
pub(crate) const REVISION: &str = "a revision is a number; `faxpost account history` shows them";

/// The whole text; `None`: clap's own is right.
pub(crate) fn translated(error: &Error) -> Option<String> {
    let russian = language(env::args().skip(1)) == Language::Ru;
    (russian && error.use_stderr()).then(|| sentence(error)).flatten()
}

/// The line could not be parsed, so its --lang is looked for by hand.
fn language(arguments: impl Iterator<Item = String>) -> Language {
    let mut asked = None;
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--lang") {
            Some("") => arguments.peek().cloned(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        match value.as_deref() {
            Some("en") => asked = Some(Language::En),
            Some("ru") => asked = Some(Language::Ru),
            _ => {}
        }
    }
    lang::of_this_process(asked)
}

fn sentence(error: &Error) -> Option<String> {
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
        // Help in place of an error; and what a person hardly meets.
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
        said.push_str(&format!("\n  {}", escape(russian(&source).unwrap_or(&source))));
    }
    Some(format!("{} {said}\nСправка: --help.", lang::texts(Language::Ru).error))
}

/// What a parser says about a value. What is said here is repeated nowhere: values and good words stand above.
fn russian(said: &str) -> Option<&'static str> {
    Some(match said {
        FROM_ONE => "нужно целое число от 1",
        FROM_ZERO => "нужно целое число от 0",
        ENTRY => "запись журнала — число; их показывает `faxpost log list`",
        REQUEST => "заявка — число; их показывает `faxpost request list`",
        REVISION => "версия — число; их показывает `faxpost account history`",
        said if said.starts_with("expected ROLE=DECISION") => "нужно РОЛЬ=РЕШЕНИЕ, например user=deny",
        said if said.starts_with("a redirect is ") => {
            "нужен http://127.0.0.1, http://[::1] или http://localhost, с портом и путём или без них"
        }
        said if said.contains(" is no role; ") => "такой роли нет; есть administrator, service, user",
        said if said.contains(" is no decision; ") => {
            "такого решения нет; есть allow, deny, approval, default"
        }
        said if said.starts_with("expected RFC 3339") => {
            "нужен момент, например 2026-11-23T14:00 или 2h (два часа назад)"
        }
        _ => return None,
    })
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    let text = match error.get(kind)? {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        _ => return None,
    };
    Some(escape(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn said(line: &[&str]) -> String {
        let error = Cli::try_parse_from([&["faxpost"], line].concat()).expect_err("a mistake");
        sentence(&error).unwrap_or_else(|| panic!("{line:?}: {error}"))
    }

    #[test]
    fn mistakes_are_told_in_russian() {
        for (line, expected) in [
            (&["outbx"][..], "Команды outbx нет. Возможно, имелось в виду outbox."),
            (&["account", "set", "--password", "x"], "Неизвестный аргумент: --password."),
            (&["outbox", "show"], "Не указано: <ID>."),
            (
                &["outbox", "list", "--state", "lost"],
                "--state <STATE> не может быть \"lost\". Допустимо: queued,",
            ),
            (&["log", "show", "x"], "<ID> не может быть \"x\".\n  запись журнала — число"),
            (&["log", "list", "-n", "0"], "не может быть \"0\".\n  нужно целое число от 1"),
            (&["request", "show", "x"], "заявка — число"),
            (&["policy", "set", "Mail/SendMail", "root=deny"], "такой роли нет"),
            (&["log", "list", "--since", "gestern"], "нужен момент, например"),
            (&["log", "list", "--since"], "Для --since <TIME> не указано значение."),
            (
                &["account", "set", "--password-stdin", "--ask-password"],
                "--password-stdin нельзя указать вместе с --ask-password.",
            ),
        ] {
            let said = said(line);
            assert!(said.starts_with("ошибка: ") && said.contains(expected), "{said}");
        }
    }

    #[test]
    fn the_language_is_found_on_a_line_that_cannot_be_parsed() {
        let found = |line: &[&str]| language(line.iter().map(|&word| word.to_owned()));
        assert_eq!(found(&["acount", "--lang", "ru"]), Language::Ru);
        assert_eq!(found(&["--lang=ru", "acount"]), Language::Ru);
        assert_eq!(found(&["--lang", "en", "acount"]), Language::En);
    }
}
