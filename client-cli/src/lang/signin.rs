//! The texts of signing in and out, in both languages side by side.

use faxpost_proto::{v1::SignInState, words};

use super::{Text, With1, With2};

/// The texts of one language.
pub(crate) struct SignInTexts {
    /// The browser was opened; the address follows.
    pub(crate) browser_opened: Text,
    /// There is none, or it was not wanted; the address follows.
    pub(crate) go_to: Text,
    /// Where the browser must run.
    pub(crate) same_machine: Text,
    /// Until when.
    pub(crate) waiting_until: With1,
    pub(crate) code: Text,
    pub(crate) or_go_to: Text,
    /// Minutes and seconds.
    pub(crate) time_left: With1,
    pub(crate) given_up: Text,
    pub(crate) timed_out: With1,
    /// Why.
    pub(crate) no_loopback: With1,
    /// The provider's code for what happened in the browser.
    pub(crate) browser_error: fn(&str) -> Text,
    /// Account.
    pub(crate) signed_in: With1,
    /// Account.
    pub(crate) signed_out: With1,
    /// Account.
    pub(crate) was_signed_out: With1,
    /// Why.
    pub(crate) not_revoked: With1,
    pub(crate) sign_in: Text,
    pub(crate) state: fn(SignInState) -> Text,
    /// Who, when.
    pub(crate) by: With2,
    pub(crate) scope: Text,
    pub(crate) access_token: Text,
    pub(crate) refresh_token: Text,
    /// When.
    pub(crate) valid_until: With1,
    /// When.
    pub(crate) renewed: With1,
    /// When it was renewed, when it ends.
    pub(crate) renewed_until: With2,
    pub(crate) provider_says: Text,
    /// A command that sets it.
    pub(crate) secret_cleared: With1,
    /// What an empty setting of OAuth means, by its key.
    pub(crate) unset: fn(&str) -> Option<Text>,
    pub(crate) secret_prompt: Text,
    pub(crate) secret_empty: Text,
    pub(crate) secret_no_terminal: Text,
}

pub(super) const EN: SignInTexts = SignInTexts {
    browser_opened: "Sign in in the browser that opens. If none does, go to:",
    go_to: "Sign in in a browser. Go to:",
    same_machine: "The browser must run on this machine. Without one here: faxpost signin --device",
    waiting_until: |time| format!("Waiting for you until {time}; Ctrl-C gives up."),
    code: "Code",
    or_go_to: "or, with the code in it",
    time_left: |time| format!("{time} left; Ctrl-C gives up"),
    given_up: "Given up: nobody has signed in.",
    timed_out: |command| format!("Nobody signed in in time. Begin again: {command}"),
    no_loopback: |why| {
        format!("The browser's way back to this program cannot be opened on this machine: {why}.")
    },
    browser_error: words::EN.browser_error,
    signed_in: |account| format!("Account {account} is signed in."),
    was_signed_out: |account| format!("Account {account} was not signed in; there were no tokens to forget."),
    signed_out: |account| format!("Account {account} is signed out; its tokens are forgotten."),
    not_revoked: |why| format!("The provider could not be told, and may still know the tokens: {why}"),
    sign_in: "Sign-in",
    state: words::EN.sign_in_state,
    by: |who, when| format!("by {who}, {when}"),
    scope: "Scope",
    access_token: "Access token",
    refresh_token: "Refresh token",
    valid_until: |time| format!("until {time}"),
    renewed: |time| format!("renewed {time}"),
    renewed_until: |renewed, end| format!("renewed {renewed}, until {end}"),
    provider_says: "The provider says",
    secret_cleared: |command| {
        format!(
            "The stored client secret was cleared, because it belonged to the former registration.\n\
             Set it anew: {command} --ask-client-secret"
        )
    },
    unset: |key| match key {
        "oauth-profile" => Some("(custom)"),
        "oauth-client-id" | "oauth-client-secret-expire-time" => Some("(not set)"),
        "mechanism" => Some("(the strongest)"),
        _ => key.starts_with("oauth-").then_some("(the profile's)"),
    },
    secret_prompt: "Client secret: ",
    secret_empty: "The client secret is empty. To forget the stored one, use --clear-client-secret.",
    secret_no_terminal: "There is no terminal to ask for the client secret: use --client-secret-stdin.",
};

pub(super) const RU: SignInTexts = SignInTexts {
    browser_opened: "Войдите в открывшемся браузере. Если он не открылся, перейдите по адресу:",
    go_to: "Войдите с помощью браузера. Перейдите по адресу:",
    same_machine: "Браузер должен работать на этом компьютере. Если его здесь нет: faxpost signin --device",
    waiting_until: |time| format!("Ожидание до {time}; Ctrl-C — отказаться."),
    code: "Код",
    or_go_to: "или, сразу с кодом",
    time_left: |time| format!("осталось {time}; Ctrl-C — отказаться"),
    given_up: "Отменено: вход не выполнен.",
    timed_out: |command| format!("Никто не вошёл вовремя. Начните заново: {command}"),
    no_loopback: |why| {
        format!("На этом компьютере не удалось открыть путь из браузера назад в программу: {why}.")
    },
    browser_error: words::RU.browser_error,
    signed_in: |account| format!("Вход в учётную запись {account} выполнен."),
    was_signed_out: |account| {
        format!("Вход в учётную запись {account} не был выполнен, забывать было нечего.")
    },
    signed_out: |account| format!("Выход из учётной записи {account} выполнен, её токены забыты."),
    not_revoked: |why| format!("Сообщить провайдеру не удалось, он может ещё принимать токены: {why}"),
    sign_in: "Вход",
    state: words::RU.sign_in_state,
    by: |who, when| format!("{who}, {when}"),
    scope: "Разрешения",
    access_token: "Токен доступа",
    refresh_token: "Токен обновления",
    valid_until: |time| format!("до {time}"),
    renewed: |time| format!("обновлён {time}"),
    renewed_until: |renewed, end| format!("обновлён {renewed}, до {end}"),
    provider_says: "Провайдер сообщает",
    secret_cleared: |command| {
        format!(
            "Сохранённый секрет клиента удалён: он относился к прежней регистрации.\n\
             Задайте его снова: {command} --ask-client-secret"
        )
    },
    unset: |key| match key {
        "oauth-profile" => Some("(свой провайдер)"),
        "oauth-client-id" | "oauth-client-secret-expire-time" => Some("(не задано)"),
        "mechanism" => Some("(самый надёжный)"),
        _ => key.starts_with("oauth-").then_some("(как в профиле)"),
    },
    secret_prompt: "Секрет клиента: ",
    secret_empty: "Секрет клиента пуст. Чтобы забыть сохранённый, укажите --clear-client-secret.",
    secret_no_terminal: "Нет терминала, чтобы спросить секрет клиента: используйте --client-secret-stdin.",
};
