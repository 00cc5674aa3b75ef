//! The command line of `faxpostd` in the reader's language: clap's words are English.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, CommandFactory as _, Error, FromArgMatches as _};
use faxpost_proto::advice::Language;
use faxpost_proto::command_line;

use super::Arguments;

/// What clap's own exit is for a line that it does not understand.
const MISTAKE: u8 = 2;

/// The line, and its language; on a mistake, and for --help and --version, prints and says how to exit.
pub(super) fn read(line: impl Iterator<Item = OsString>) -> Result<(Arguments, Language), ExitCode> {
    let line: Vec<_> = line.collect();
    let words = line.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let language = command_line::language_of(words);
    let mut command = match language {
        Language::En => Arguments::command(),
        Language::Ru => russian(Arguments::command()),
    };
    let error = match arguments(&mut command, line) {
        Ok(arguments) => return Ok((arguments, language)),
        Err(error) => error,
    };
    // Whoever closed our output does not want the rest.
    let _ = match command_line::mistake_in_russian(&error, |_| None).filter(|_| language == Language::Ru) {
        Some(text) => writeln!(std::io::stderr(), "faxpostd: {text}"),
        None => error.print(),
    };
    Err(if error.use_stderr() { ExitCode::from(MISTAKE) } else { ExitCode::SUCCESS })
}

fn arguments(command: &mut Command, line: Vec<OsString>) -> Result<Arguments, Error> {
    let mut matches = command.try_get_matches_from_mut(line)?;
    if let Some((HELP, about)) = matches.subcommand() {
        // Asked in the one way in which clap answers.
        let named = about.get_one::<String>(COMMAND).cloned().into_iter();
        let line = ["faxpostd".to_owned()].into_iter().chain(named).chain(["--help".to_owned()]);
        matches = command.try_get_matches_from_mut(line)?;
    }
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(command))
}

/// The command `help`, which is ours in Russian.
const HELP: &str = "help";
const COMMAND: &str = "КОМАНДА";

/// A command, what it is for, how it is used, and its arguments with what they are for.
type Texts = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const STATE_DIR: (&str, &str) = (
    "state_dir",
    "Папка для базы данных, писем, ключа и pickup [по умолчанию: /var/lib/faxpost или %ProgramData%\\Faxpost]",
);
const ENDPOINT: (&str, &str) = (
    "endpoint",
    "Путь сокета или имя канала [по умолчанию: /run/faxpost/faxpost.sock или \
     \\\\.\\pipe\\ProtectedPrefix\\Administrators\\Faxpost]",
);

const STORE: (&str, &str) = (
    "store",
    "База данных сервера PostgreSQL вместо файла в папке данных: postgres://ПОЛЬЗОВАТЕЛЬ@СЕРВЕР/БАЗА. Пароль — в файле, \
     см. [store] в faxpostd.toml",
);
const MEMBER: [(&str, &str); 2] = [
    ("state_dir", "Папка настроек и ключей [по умолчанию: /var/lib/faxpost или %ProgramData%\\Faxpost]"),
    STORE,
];

const COMMANDS: [Texts; 10] = [
    (
        "run",
        "Работает на переднем плане до Ctrl-C или SIGTERM. FAXPOST_LOG задаёт, что пишется в журнал, например debug \
         (по умолчанию info)",
        "faxpostd run [--state-dir ПАПКА] [--endpoint ПУТЬ] [--store URL] [--reclaim]",
        &[
            STATE_DIR,
            ENDPOINT,
            STORE,
            (
                "reclaim",
                "Работает со своим хранилищем, даже если его перенесли командой migrate, — и с этого момента дальше",
            ),
        ],
    ),
    (
        "migrate",
        "Переносит учётные записи, письма и журнал между папкой данных и базой сервера PostgreSQL. Ни с тем, ни с другим в это \
         время не должна работать служба. Прерванный перенос продолжает та же команда; пока она не закончит, в силе старое \
         хранилище",
        "faxpostd migrate --to URL | --from URL [--state-dir ПАПКА]",
        &[
            STATE_DIR,
            (
                "to",
                "В эту базу: postgres://ПОЛЬЗОВАТЕЛЬ@СЕРВЕР/БАЗА. Пароль — в файле, см. [store] в faxpostd.toml",
            ),
            ("from", "Из этой базы в папку данных"),
        ],
    ),
    (
        "install",
        "Регистрирует службу, которую Windows запускает вместе с компьютером, или обновляет регистрацию",
        "faxpostd install [--state-dir ПАПКА] [--endpoint ПУТЬ] [--add-to-path]",
        &[STATE_DIR, ENDPOINT, ("add_to_path", "Добавляет папку этой программы в PATH компьютера")],
    ),
    (
        "uninstall",
        "Останавливает службу и удаляет её регистрацию; данные остаются",
        "faxpostd uninstall [--remove-data]",
        &[("remove_data", "Удаляет и данные: учётные записи, пароли, ждущие письма, журнал")],
    ),
    ("start", "Запускает службу и ждёт, пока она заработает", "faxpostd start", &[]),
    ("stop", "Останавливает службу и ждёт, пока она завершится", "faxpostd stop", &[]),
    ("state-dir", "Печатает папку данных службы", "faxpostd state-dir", &[]),
    (
        "invite",
        "Печатает код, с которым одна другая машина в течение 15 минут получает ключ базы PostgreSQL этой машины",
        "faxpostd invite [--state-dir ПАПКА] [--store URL]",
        &MEMBER,
    ),
    (
        "join",
        "Спрашивает код команды `faxpostd invite` и сохраняет ключ базы PostgreSQL на этой машине. Без терминала код читается \
         из стандартного ввода",
        "faxpostd join [--state-dir ПАПКА] [--store URL]",
        &MEMBER,
    ),
    ("help", "Показывает эту справку или справку по команде", "faxpostd help [КОМАНДА]", &[]),
];

const LANG: &str = "Язык сообщений, en или ru; журнал всегда по-английски [по умолчанию: язык окружения]";

const HEADING: &str = "Параметры";

const TEMPLATE: &str = "{about}\n\nИспользование: {usage}\n\n{all-args}";

fn russian(command: Command) -> Command {
    // clap's own help and version cannot be told what they are called.
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true);
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    let command = command
        .about("Привилегированная почтовая служба факс-системы")
        .override_usage("faxpostd [--lang en|ru] КОМАНДА")
        .help_template(TEMPLATE)
        .subcommand_help_heading("Команды")
        .disable_help_subcommand(true)
        .subcommand(Command::new(HELP).arg(Arg::new(COMMAND).hide(true)))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .mut_arg("lang", |arg| arg.help(LANG).hide_possible_values(true).help_heading(HEADING))
        .arg(help.help("Показывает справку").help_heading(HEADING))
        .arg(version.help("Показывает версию").help_heading(HEADING));
    COMMANDS.into_iter().fold(command, |command, (name, about, usage, arguments)| {
        command.mut_subcommand(name, |sub| {
            let sub = sub.about(about).long_about(None::<&str>).override_usage(usage).help_template(TEMPLATE);
            let sub = sub.disable_help_flag(true);
            arguments
                .iter()
                .fold(sub, |sub, &(id, help)| sub.mut_arg(id, |arg| arg.help(help).help_heading(HEADING)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_that_is_shown_has_russian_help() {
        let mut command = russian(Arguments::command());
        command.build();
        let whole = command.render_help().to_string();
        assert!(whole.contains("Команды:") && whole.contains("Параметры:"), "{whole}");
        let shown: Vec<_> = command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().collect();
        assert_eq!(shown.len(), COMMANDS.len());
        for mut sub in shown {
            let help = sub.render_long_help().to_string();
            assert!(help.contains("Использование: faxpostd "), "{help}");
            // Nothing of clap's own, and nothing of the English texts.
            let english = ["Usage", "Options", "Print", "The ", "Also ", "Folder", "Socket"];
            assert!(english.iter().all(|word| !help.contains(word)), "{}: {help}", sub.get_name());
            // Longer ones are broken into lines.
            let about: String = sub.get_about().unwrap().to_string().chars().take(20).collect();
            assert!(whole.contains(&about), "{whole}");
        }
    }

    #[test]
    fn a_line_is_read_the_same_in_both_languages() {
        for language in ["en", "ru"] {
            let line = ["faxpostd", "--lang", language, "uninstall", "--remove-data"].map(OsString::from);
            let (arguments, chosen) = read(line.into_iter()).unwrap();
            assert!(matches!(arguments.command, crate::Command::Uninstall { remove_data: true }));
            assert_eq!(chosen == Language::Ru, language == "ru");
        }
    }
}
