//! The sign-in page.

use super::{Text, With1};
use crate::state::sign_in::{Barrier, Way};

/// The texts of one language.
pub struct SignInTexts {
    /// Title and what it is for.
    pub way: fn(Way) -> (Text, Text),
    /// Why nobody can sign in this way now.
    pub barrier: fn(Barrier) -> Text,
    /// A provider that is not known.
    pub custom: Text,
    /// Placeholder of what the profile says; empty: "none".
    pub of_profile: With1,
    /// It is no date.
    pub no_date: Text,
    /// Labels of facts.
    pub who: Text,
    /// Likewise.
    pub scope: Text,
    /// Likewise.
    pub access_token: Text,
    /// Likewise.
    pub refresh_token: Text,
    /// Likewise.
    pub provider_says: Text,
    /// Time.
    pub until: With1,
    /// Time.
    pub renewed: With1,
    /// It worked.
    pub done: Text,
    /// It worked, and mail that was held goes.
    pub done_detail: Text,
    /// Nobody came in time.
    pub timed_out: Text,
    /// Why.
    pub no_loopback: With1,
    /// The browser did not open.
    pub no_browser: Text,
    /// Tokens are forgotten.
    pub signed_out: Text,
    /// Why.
    pub not_revoked: With1,
}

pub(super) const EN: SignInTexts = SignInTexts {
    way: |way| match way {
        Way::None => ("Not at all", "For servers that know this computer by its address."),
        Way::Password => ("With a password", ""),
        Way::OAuth => {
            ("With OAuth 2.0", "A person agrees once in the browser; from then on the tokens are kept fresh.")
        }
    },
    barrier: |barrier| match barrier {
        Barrier::Denied => "The policy does not allow you to sign in.",
        Barrier::Unsaved => "Apply the changes first: the service signs in with what is saved.",
        Barrier::NoClient => "Enter the client ID of your registration at the provider first.",
        Barrier::NotOffered => "This provider does not offer that.",
        Barrier::NoSecret => "This needs the client secret.",
        Barrier::Busy => "A sign-in is under way.",
    },
    custom: "Another provider",
    of_profile: |value| if value.is_empty() { "none".to_owned() } else { format!("the profile's: {value}") },
    no_date: "A date looks like 2027-06-30.",
    who: "Signed in",
    scope: "Scope",
    access_token: "Access token",
    refresh_token: "Refresh token",
    provider_says: "The provider says",
    until: |time| format!("until {time}"),
    renewed: |time| format!("renewed {time}"),
    done: "Signed in. The tokens are kept fresh by themselves from now on.",
    done_detail: "Mail that was held for the sign-in goes now.",
    timed_out: "Nobody signed in in time. Begin again.",
    no_loopback: |why| format!("No way could be opened from the browser back to this program: {why}."),
    no_browser: "No browser could be opened. Copy the address and open it on this computer.",
    signed_out: "Signed out: the tokens are forgotten.",
    not_revoked: |why| format!("The provider could not be told, and may still take them: {why}"),
};

pub(super) const RU: SignInTexts = SignInTexts {
    way: |way| match way {
        Way::None => ("Не выполняет", "Для серверов, которые узнают этот компьютер по адресу."),
        Way::Password => ("По паролю", ""),
        Way::OAuth => {
            ("По OAuth 2.0", "Человек один раз соглашается в браузере, дальше токены обновляются сами.")
        }
    },
    barrier: |barrier| match barrier {
        Barrier::Denied => "Политика не разрешает вам выполнять вход.",
        Barrier::Unsaved => "Сначала примените изменения: служба входит с сохранёнными настройками.",
        Barrier::NoClient => "Сначала введите идентификатор клиента из регистрации у провайдера.",
        Barrier::NotOffered => "Этот провайдер такого не предлагает.",
        Barrier::NoSecret => "Для этого нужен секрет клиента.",
        Barrier::Busy => "Вход уже выполняется.",
    },
    custom: "Другой провайдер",
    of_profile: |value| {
        if value.is_empty() { "нет".to_owned() } else { format!("как в профиле: {value}") }
    },
    no_date: "Дата выглядит так: 2027-06-30.",
    who: "Вход выполнен",
    scope: "Область доступа",
    access_token: "Токен доступа",
    refresh_token: "Токен обновления",
    provider_says: "Провайдер сообщает",
    until: |time| format!("до {time}"),
    renewed: |time| format!("обновлён {time}"),
    done: "Вход выполнен. Дальше токены обновляются сами.",
    done_detail: "Письма, которые ждали входа, отправляются.",
    timed_out: "Никто не вошёл вовремя. Начните заново.",
    no_loopback: |why| format!("Не удалось открыть путь из браузера назад в программу: {why}."),
    no_browser: "Не удалось открыть браузер. Скопируйте адрес и откройте его на этом компьютере.",
    signed_out: "Выход выполнен: токены забыты.",
    not_revoked: |why| format!("Сообщить провайдеру не удалось, он может ещё принимать их: {why}"),
};
