//! What clap finds wrong with a command line, in the reader's language. Its help stays English.

use std::env;

use clap::Error;
use faxpost_proto::{advice::Language, command_line};

/// The whole text; `None`: clap's own is right.
pub(crate) fn translated(error: &Error) -> Option<String> {
    let russian = command_line::language_of(env::args().skip(1)) == Language::Ru;
    russian.then(|| command_line::mistake_in_russian(error)).flatten()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn said(line: &[&str]) -> String {
        let error = Cli::try_parse_from([&["faxpost"], line].concat()).expect_err("a mistake");
        command_line::mistake_in_russian(&error).unwrap_or_else(|| panic!("{line:?}: {error}"))
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
            (&["log", "show", "x"], "<ID> не может быть \"x\".\n  an entry is a number"),
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
}
