//! What clap finds wrong with a command line, in the reader's language. Its help stays English.

use std::env;

use clap::Error;
use faxpost_proto::{advice::Language, command_line};

// What the parsers of `args` say, so that it can be told in Russian.
pub(crate) const FROM_ONE: &str = "a whole number from 1 is needed";
pub(crate) const FROM_ZERO: &str = "a whole number from 0 is needed";
pub(crate) const ENTRY: &str = "an entry is a number; `faxpost log list` shows them";
pub(crate) const AUDIT: &str =
    "an entry of the audit log is a number from 1; `faxpost audit list` shows them";
pub(crate) const REQUEST: &str = "a request is a number; `faxpost request list` shows them";
pub(crate) const REVISION: &str = "a revision is a number; `faxpost account history` shows them";

/// The whole text; `None`: clap's own is right.
pub(crate) fn translated(error: &Error) -> Option<String> {
    let in_russian = command_line::language_of(env::args().skip(1)) == Language::Ru;
    in_russian.then(|| command_line::mistake_in_russian(error, russian)).flatten()
}

/// What a parser says about a value. What is said here is repeated nowhere: values and good words stand above.
fn russian(said: &str) -> Option<&'static str> {
    Some(match said {
        FROM_ONE => "нужно целое число от 1",
        FROM_ZERO => "нужно целое число от 0",
        ENTRY => "запись журнала — число; их показывает `faxpost log list`",
        AUDIT => "запись аудита — число от 1; их показывает `faxpost audit list`",
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn said(line: &[&str]) -> String {
        let error = Cli::try_parse_from([&["faxpost"], line].concat()).expect_err("a mistake");
        command_line::mistake_in_russian(&error, russian).unwrap_or_else(|| panic!("{line:?}: {error}"))
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
            (&["audit", "show", "0"], "запись аудита — число от 1"),
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
}
