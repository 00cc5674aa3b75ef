//! Finding settings.

use faxpost_proto::v1::{Security, Trust};

use super::{Text, With1};

/// The texts of one language.
pub struct DiscoveryTexts {
    /// How far a proposal can be relied on, in a word or two.
    pub trust: fn(Trust) -> Text,
    /// Why.
    pub because: fn(Trust) -> Text,
    /// When TLS begins.
    pub security: fn(Security) -> Text,
    /// Login.
    pub login: With1,
    /// How one signs in.
    pub password: Text,
    /// Likewise.
    pub app_password: Text,
    /// Likewise.
    pub nobody: Text,
    /// Where it is from.
    pub source: With1,
    /// Address: nothing was found for it.
    pub nothing: With1,
    /// Why it cannot be looked for.
    pub denied: Text,
    /// Server: it is in the form.
    pub taken: With1,
    /// What is still to be done for it.
    pub sign_in_after: Text,
    /// Likewise.
    pub password_after: Text,
}

pub(super) const EN: DiscoveryTexts = DiscoveryTexts {
    trust: |trust| match trust {
        Trust::BuiltIn => "known",
        Trust::Authenticated => "the domain says so",
        Trust::SameDomain => "within the domain",
        Trust::Unconfirmed | Trust::Unspecified => "to be confirmed",
    },
    because: |trust| match trust {
        Trust::BuiltIn => "Faxpost knows this provider.",
        Trust::Authenticated => "The domain itself says so, over HTTPS.",
        Trust::SameDomain => "DNS says so, and the server is within the address's own domain.",
        Trust::Unconfirmed | Trust::Unspecified => {
            "DNS leads to somebody else's server, and anybody on the way can forge that. Compare the server's name with what \
             the provider says: it will get the password."
        }
    },
    security: |security| match security {
        Security::Implicit => "implicit TLS",
        Security::Starttls => "STARTTLS",
        Security::None | Security::Unspecified => "no TLS",
    },
    login: |login| format!("Login {login}"),
    password: "password",
    app_password: "app password",
    nobody: "no sign-in",
    source: |source| format!("found at {source}"),
    nothing: |address| {
        format!(
            "Nothing was found for {address}. Ask who runs its mail for the server, the port and the security."
        )
    },
    denied: "The policy does not allow you to look for settings.",
    taken: |server| format!("The settings of {server} are filled in. Look at them, and apply them."),
    sign_in_after: "Then sign in with OAuth 2.0 on the sign-in page.",
    password_after: "Then set the password.",
};

pub(super) const RU: DiscoveryTexts = DiscoveryTexts {
    trust: |trust| match trust {
        Trust::BuiltIn => "известен",
        Trust::Authenticated => "указан доменом",
        Trust::SameDomain => "в самом домене",
        Trust::Unconfirmed | Trust::Unspecified => "нужно сверить",
    },
    because: |trust| match trust {
        Trust::BuiltIn => "Этот провайдер известен Faxpost.",
        Trust::Authenticated => "Так сообщает сам домен, по HTTPS.",
        Trust::SameDomain => "Так сообщает DNS, и сервер находится в домене самого адреса.",
        Trust::Unconfirmed | Trust::Unspecified => {
            "DNS указывает на чужой сервер, а такой ответ может подделать любой по пути. Сверьте имя сервера с тем, что \
             сообщает провайдер: сервер получит пароль."
        }
    },
    security: |security| match security {
        Security::Implicit => "неявный TLS",
        Security::Starttls => "STARTTLS",
        Security::None | Security::Unspecified => "без TLS",
    },
    login: |login| format!("Логин {login}"),
    password: "пароль",
    app_password: "пароль для приложений",
    nobody: "без входа",
    source: |source| format!("найдено: {source}"),
    nothing: |address| {
        format!("Для {address} ничего не найдено. Узнайте сервер, порт и защиту у того, кто ведёт эту почту.")
    },
    denied: "Политика не разрешает вам искать настройки.",
    taken: |server| format!("Заполнены настройки {server}. Просмотрите их и примените."),
    sign_in_after: "Затем выполните вход по OAuth 2.0 на странице «Вход».",
    password_after: "Затем задайте пароль.",
};
