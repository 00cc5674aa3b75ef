//! The texts of an account's history, of files with accounts, and of discovery, in both languages side by side.

use faxpost_proto::v1::{RevisionKind, SecretChange, Trust};

use super::{Text, With1, With2};
use crate::document::Part;

/// The texts of one language.
pub(crate) struct AccountTexts {
    // history
    pub(crate) revision: Text,
    pub(crate) changed_by: Text,
    pub(crate) what: Text,
    pub(crate) fields: Text,
    pub(crate) kind: fn(RevisionKind) -> Text,
    /// The revision that it went back to.
    pub(crate) back_to: With1,
    pub(crate) secret: fn(SecretChange) -> Text,
    pub(crate) signed_out: Text,
    pub(crate) current: Text,
    pub(crate) no_history: Text,
    /// Account.
    pub(crate) did_not_exist: With1,
    /// Account.
    pub(crate) was_deleted: With1,
    /// Account, revision.
    pub(crate) rolled_back: With2,
    pub(crate) same_as_now: Text,

    // files
    pub(crate) file_header: Text,
    pub(crate) part: fn(Part) -> Text,
    pub(crate) password_is_set: Text,
    pub(crate) client_secret_is_set: Text,
    pub(crate) no_toml: With1,
    pub(crate) no_account_table: Text,
    pub(crate) no_value: With1,
    pub(crate) secret_in_file: With1,
    /// File, line.
    pub(crate) at_line: With2,
    pub(crate) line: With1,

    // import
    pub(crate) will_create: With1,
    pub(crate) will_change: With1,
    pub(crate) stays: With1,
    pub(crate) nothing_to_import: Text,
    pub(crate) import_question: Text,
    pub(crate) import_needs_yes: Text,
    pub(crate) not_imported: Text,
    pub(crate) will_delete: With1,
    pub(crate) imported: fn(usize) -> String,
    /// Account: the command that sets the password.
    pub(crate) set_password: With2,
    pub(crate) msmtp_nowhere: Text,
    pub(crate) msmtp_account: With1,
    pub(crate) msmtp_renamed: With2,
    pub(crate) msmtp_password: With1,
    pub(crate) msmtp_left_out: With1,
    pub(crate) msmtp_mechanism: With1,
    pub(crate) msmtp_fingerprint: Text,

    // the editor
    pub(crate) edit_header: With1,
    pub(crate) edit_wrong: Text,
    /// Who, when.
    pub(crate) edit_overtaken: With2,
    /// Key, their value.
    pub(crate) edit_theirs: With2,
    /// Program.
    pub(crate) no_editor: With1,
    /// Where the text is.
    pub(crate) edit_kept: With1,

    /// The account's server, the profile's.
    pub(crate) other_server: With2,

    // methods
    pub(crate) transcript: Text,
    /// A method that this machine has.
    pub(crate) here: Text,

    // presets and discovery
    pub(crate) title: Text,
    pub(crate) port: Text,
    pub(crate) sign_in: Text,
    pub(crate) domains: Text,
    pub(crate) trust_label: Text,
    pub(crate) source: Text,
    pub(crate) nobody: Text,
    pub(crate) own_password: Text,
    pub(crate) app_password: Text,
    pub(crate) trust: fn(Trust) -> Text,
    /// Address.
    pub(crate) nothing_found: With1,
    pub(crate) unconfirmed: With1,
    /// The command.
    pub(crate) take_it: With1,
    /// The command.
    pub(crate) or_oauth: With1,
    /// The command.
    pub(crate) sign_in_after: With1,
}

pub(super) const EN: AccountTexts = AccountTexts {
    revision: "REVISION",
    changed_by: "BY",
    what: "WHAT",
    fields: "SETTINGS",
    kind: |kind| match kind {
        RevisionKind::Created => "created",
        RevisionKind::Changed => "changed",
        RevisionKind::Deleted => "deleted",
        RevisionKind::RolledBack => "set back",
        RevisionKind::Imported => "imported",
        RevisionKind::Unspecified => "?",
    },
    back_to: |number| format!("set back to {number}"),
    secret: |change| match change {
        SecretChange::Set => "(new)",
        SecretChange::Cleared => "(cleared)",
        SecretChange::ClearedByBinding => "(cleared: of another server)",
        SecretChange::Unspecified => "",
    },
    signed_out: "signed out",
    current: "(now)",
    no_history: "There is no history of this account.",
    did_not_exist: |account| format!("Account {account} was not there before."),
    was_deleted: |account| format!("Account {account} was deleted."),
    rolled_back: |account, number| format!("Account {account} is as revision {number} has it."),
    same_as_now: "It is like that already; nothing was changed.",

    file_header: "Accounts of Faxpost. There are no secrets in this file. An empty value, or 0, is the default; a setting that\n\
                  is left out stays as it is. To read it in: faxpost account import FILE",
    part: |part| match part {
        Part::Sender => "Who mail is from",
        Part::Sending => "How it leaves",
        Part::SigningIn => "Signing in",
        Part::Signing => "S/MIME signatures",
        Part::Limits => "Limits",
        Part::Oauth => "OAuth 2.0",
    },
    password_is_set: "A password is set. It is not shown, and stays as long as the server does.",
    client_secret_is_set: "A client secret is set. It is not shown.",
    no_toml: |why| format!("this is no TOML: {why}"),
    no_account_table: "accounts stand in tables [account.ID], and nothing else stands in the file",
    no_value: |key| format!("{key} must be a text, a number, true or false"),
    secret_in_file: |key| {
        let option = super::secret_option(key);
        format!("{key}: a secret is never in a file. Use faxpost account set --ask-{option}")
    },
    at_line: |file, line| format!("{file}, line {line}"),
    line: |line| format!("line {line}"),

    will_create: |account| format!("Account {account}: new"),
    will_change: |account| format!("Account {account}:"),
    stays: |account| format!("Account {account}: as it is"),
    nothing_to_import: "There is nothing to change.",
    import_question: "Import this? [y/N] ",
    import_needs_yes: "Nobody can be asked here: look at it with --validate-only, and do it with --yes.",
    not_imported: "Nothing was changed.",
    will_delete: |account| {
        format!("This deletes the account {account} with its password and tokens; its history stays.")
    },
    imported: |count| format!("{count} {} imported.", if count == 1 { "account" } else { "accounts" }),
    set_password: |account, command| {
        format!("Account {account} signs in with a password. Set it: {command} --ask-password")
    },
    msmtp_nowhere: "this is no configuration of msmtp: there is no account",
    msmtp_account: |name| format!("account {name}: it is missing, or there are two of it"),
    msmtp_renamed: |name, id| format!("account {name} is called {id} here"),
    msmtp_password: |command| {
        format!("{command} is not taken: secrets come in by faxpost account set ID --ask-password only")
    },
    msmtp_left_out: |command| format!("{command} has no place here, and is left out"),
    msmtp_mechanism: |name| {
        format!("auth {name} is not known here; the strongest that the server has is used")
    },
    msmtp_fingerprint: "tls_fingerprint is left out: only SHA-256 can be pinned. faxpost account test offers it",

    edit_header: |account| {
        format!(
            "Account {account}. Save and leave the editor to change it; leave the file as it is, or empty, to change\n\
             nothing. An empty value, or 0, is the default; a setting that is left out stays as it is."
        )
    },
    edit_wrong: "Nothing was changed yet: what is wrong stands below, in lines that begin with #!",
    edit_overtaken: |who, when| {
        format!(
            "{who} changed this account meanwhile ({when}). Below are those changes, and yours. To make yours, delete this line."
        )
    },
    edit_theirs: |key, value| format!("{key} is {value} now; below is yours"),
    no_editor: |program| format!("The editor {program} cannot be run. Set VISUAL or EDITOR to one that can."),
    edit_kept: |path| format!("Nothing was changed. Your text is kept in {path}"),

    other_server: |server, profiles| format!("The server stays {server}; that of the profile is {profiles}."),
    transcript: "transcript",
    here: "here",

    title: "PROVIDER",
    port: "PORT",
    sign_in: "SIGN-IN",
    domains: "ADDRESSES",
    trust_label: "TRUST",
    source: "FOUND BY",
    nobody: "none",
    own_password: "password",
    app_password: "app password",
    trust: |trust| match trust {
        Trust::BuiltIn => "known",
        Trust::Authenticated => "the domain says so",
        Trust::SameDomain => "within the domain",
        Trust::Unconfirmed => "to be confirmed",
        Trust::Unspecified => "?",
    },
    nothing_found: |address| {
        format!(
            "Nothing was found for {address}. Ask who runs its mail for the server, the port and the security."
        )
    },
    unconfirmed: |server| {
        format!(
            "{server} was found over DNS, which anybody on the way can forge, and is not within the address's domain. \
             Compare it with what your provider says before you give a password."
        )
    },
    take_it: |command| format!("To take the first one:\n  {command}"),
    or_oauth: |command| {
        format!("Or with OAuth 2.0, and a registration of your own at the provider:\n  {command}")
    },
    sign_in_after: |command| format!("Then sign in: {command}"),
};

pub(super) const RU: AccountTexts = AccountTexts {
    revision: "ВЕРСИЯ",
    changed_by: "КТО",
    what: "ЧТО",
    fields: "НАСТРОЙКИ",
    kind: |kind| match kind {
        RevisionKind::Created => "создана",
        RevisionKind::Changed => "изменена",
        RevisionKind::Deleted => "удалена",
        RevisionKind::RolledBack => "возвращена",
        RevisionKind::Imported => "импортирована",
        RevisionKind::Unspecified => "?",
    },
    back_to: |number| format!("возврат к {number}"),
    secret: |change| match change {
        SecretChange::Set => "(новый)",
        SecretChange::Cleared => "(удалён)",
        SecretChange::ClearedByBinding => "(удалён: от другого сервера)",
        SecretChange::Unspecified => "",
    },
    signed_out: "вход утрачен",
    current: "(сейчас)",
    no_history: "Истории этой учётной записи нет.",
    did_not_exist: |account| format!("Раньше учётной записи {account} не было."),
    was_deleted: |account| format!("Учётная запись {account} была удалена."),
    rolled_back: |account, number| format!("Учётная запись {account} такая, как в версии {number}."),
    same_as_now: "Она уже такая; ничего не изменено.",

    file_header: "Учётные записи Faxpost. Секретов в этом файле нет. Пустое значение или 0 — значение по умолчанию;\n\
                  пропущенная настройка не меняется. Прочитать файл: faxpost account import ФАЙЛ",
    part: |part| match part {
        Part::Sender => "От кого письма",
        Part::Sending => "Как они уходят",
        Part::SigningIn => "Вход на сервер",
        Part::Signing => "Подписи S/MIME",
        Part::Limits => "Ограничения",
        Part::Oauth => "OAuth 2.0",
    },
    password_is_set: "Пароль задан. Он не показывается и остаётся, пока не меняется сервер.",
    client_secret_is_set: "Секрет клиента задан. Он не показывается.",
    no_toml: |why| format!("это не TOML: {why}"),
    no_account_table: "учётные записи стоят в таблицах [account.ID], и ничего другого в файле нет",
    no_value: |key| format!("{key} — это текст, число, true или false"),
    secret_in_file: |key| {
        let option = super::secret_option(key);
        format!("{key}: секретов в файле не бывает. Используйте faxpost account set --ask-{option}")
    },
    at_line: |file, line| format!("{file}, строка {line}"),
    line: |line| format!("строка {line}"),

    will_create: |account| format!("Учётная запись {account}: новая"),
    will_change: |account| format!("Учётная запись {account}:"),
    stays: |account| format!("Учётная запись {account}: без изменений"),
    nothing_to_import: "Менять нечего.",
    import_question: "Импортировать? [y/N] ",
    import_needs_yes: "Спросить здесь некого: посмотрите с --validate-only и выполните с --yes.",
    not_imported: "Ничего не изменено.",
    will_delete: |account| {
        format!("Будет удалена учётная запись {account} с её паролем и токенами; её история останется.")
    },
    imported: |count| format!("Импортировано учётных записей: {count}."),
    set_password: |account, command| {
        format!("Учётная запись {account} входит с паролем. Задайте его: {command} --ask-password")
    },
    msmtp_nowhere: "это не конфигурация msmtp: в ней нет учётных записей",
    msmtp_account: |name| format!("account {name}: такой нет, или их две"),
    msmtp_renamed: |name, id| format!("account {name} здесь называется {id}"),
    msmtp_password: |command| {
        format!(
            "{command} не берётся: секреты задаются только командой faxpost account set ID --ask-password"
        )
    },
    msmtp_left_out: |command| format!("для {command} здесь нет места, пропущено"),
    msmtp_mechanism: |name| {
        format!("auth {name} здесь неизвестен; берётся самый надёжный из тех, что есть у сервера")
    },
    msmtp_fingerprint: "tls_fingerprint пропущен: закрепить можно только SHA-256. Его предложит faxpost account test",

    edit_header: |account| {
        format!(
            "Учётная запись {account}. Чтобы изменить её, сохраните файл и выйдите из редактора; чтобы ничего не менять,\n\
             оставьте файл как есть или пустым. Пустое значение или 0 — значение по умолчанию; пропущенная настройка\n\
             не меняется."
        )
    },
    edit_wrong: "Пока ничего не изменено: ошибки стоят ниже, в строках, которые начинаются с #!",
    edit_overtaken: |who, when| {
        format!(
            "{who} тем временем меняет эту учётную запись ({when}). Ниже те изменения и ваши. Чтобы внести ваши, удалите эту строку."
        )
    },
    edit_theirs: |key, value| format!("{key} теперь {value}; ниже ваше значение"),
    no_editor: |program| format!("Редактор {program} не запускается. Укажите другой в VISUAL или EDITOR."),
    edit_kept: |path| format!("Ничего не изменено. Ваш текст сохранён в {path}"),

    other_server: |server, profiles| format!("Сервер остаётся {server}; у профиля он {profiles}."),
    transcript: "протокол сеанса",
    here: "здесь есть",

    title: "ПРОВАЙДЕР",
    port: "ПОРТ",
    sign_in: "ВХОД",
    domains: "АДРЕСА",
    trust_label: "ДОВЕРИЕ",
    source: "НАЙДЕНО",
    nobody: "нет",
    own_password: "пароль",
    app_password: "пароль приложения",
    trust: |trust| match trust {
        Trust::BuiltIn => "известен",
        Trust::Authenticated => "указан доменом",
        Trust::SameDomain => "в самом домене",
        Trust::Unconfirmed => "нужно проверить",
        Trust::Unspecified => "?",
    },
    nothing_found: |address| {
        format!("Для {address} ничего не найдено. Узнайте сервер, порт и защиту у того, кто ведёт эту почту.")
    },
    unconfirmed: |server| {
        format!(
            "{server} найден через DNS, ответы которого может подделать любой по пути, и не входит в домен адреса. \
             Сравните его с тем, что говорит провайдер, прежде чем задавать пароль."
        )
    },
    take_it: |command| format!("Чтобы взять первый вариант:\n  {command}"),
    or_oauth: |command| format!("Или по OAuth 2.0, с собственной регистрацией у провайдера:\n  {command}"),
    sign_in_after: |command| format!("Затем войдите: {command}"),
};
