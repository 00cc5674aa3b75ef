//! The account page.

use super::{Text, With1, With2};
use crate::state::account::matrix::Barrier;
use faxpost_proto::advice::Language;
use faxpost_proto::said::said;
use faxpost_proto::v1::{Method, Security, Signing, TlsCheck};

/// The texts of one language.
pub struct AccountTexts {
    /// Title and what it is for.
    pub method: fn(Method) -> (Text, Text),
    /// Title and what it is for.
    pub security: fn(Security) -> (Text, Text),
    /// Title and what it is for.
    pub tls_check: fn(TlsCheck) -> (Text, Text),
    /// Title and what it is for.
    pub signing: fn(Signing) -> (Text, Text),
    /// Why a setting cannot be changed.
    pub barrier: fn(&Barrier) -> String,
    /// A field by its name in the protocol.
    pub field: fn(&str) -> Text,
    /// No provider is chosen.
    pub no_preset: Text,
    /// Provider: the sender's address is theirs.
    pub proposal: With1,
    /// Title of a provider whose settings were filled in.
    pub filled_in: With1,
    /// No mechanism is asked for.
    pub strongest: Text,
    /// No certificate is chosen.
    pub best_certificate: Text,
    /// It has digits, and no others.
    pub no_number: Text,
    /// All was saved.
    pub applied: Text,
    /// It was saved, and took these away.
    pub password_cleared: Text,
    /// Likewise.
    pub secret_cleared: Text,
    /// Likewise.
    pub signed_out: Text,
    /// Who changed which fields: they are shown now.
    pub merged: With2,
    /// Who changed which fields that are changed here, too.
    pub conflict: With2,
    /// What can be done about that.
    pub conflict_detail: Text,
    /// Any server is taken for the right one.
    pub accept_invalid: Text,
    /// Password without TLS.
    pub plaintext: Text,
    /// Somebody who is not known.
    pub somebody: Text,
    /// Placeholder of a login.
    pub usual_login: Text,
    /// Placeholder of what has a usual value.
    pub this_host: Text,
    /// Placeholder: the sender's address.
    pub the_sender: Text,
    /// Placeholder: no limit.
    pub no_limit: Text,
    /// Placeholder: the state folder's.
    pub usual_folder: Text,
    /// Placeholder: none.
    pub none: Text,
}

pub(super) const EN: AccountTexts = AccountTexts {
    method: |method| match method {
        Method::SecureSmtpClient => (
            "SecureSmtpClient",
            "Faxpost's own: OAuth 2.0, both modes of TLS, a full transcript of each delivery.",
        ),
        Method::CdoMessage => ("CDO.Message", "Microsoft Collaboration Data Objects. Implicit TLS only."),
        Method::SystemNetMail => ("System.Net.Mail", "Microsoft .NET. STARTTLS only."),
        Method::Pickup => {
            ("Pickup folder", "Finished messages go into a folder; nothing leaves this computer.")
        }
        Method::Unspecified => ("?", ""),
    },
    security: |security| match security {
        Security::None => ("None", "Mail crosses the network readable. Usual port 25."),
        Security::Implicit => ("Implicit TLS", "Encrypted from the first byte. Usual port 465."),
        Security::Starttls => {
            ("Explicit TLS (STARTTLS)", "Begins in the clear, then must encrypt. Usual port 587, or 25.")
        }
        Security::Unspecified => ("?", ""),
    },
    tls_check: |check| match check {
        TlsCheck::System => ("As the system checks it", ""),
        TlsCheck::Pinned => ("This one certificate only", "Its SHA-256 is below. A failed test offers it."),
        TlsCheck::AcceptInvalid => {
            ("Ignore errors", "Whoever stands on the path can read the mail and the password.")
        }
        TlsCheck::Unspecified => ("?", ""),
    },
    signing: |signing| match signing {
        Signing::Off => ("Do not sign", ""),
        Signing::Clear => ("Clear signature", "Every mail program can read the message."),
        Signing::Opaque => ("Opaque signature", "Needs a mail program that knows S/MIME."),
        Signing::Unspecified => ("?", ""),
    },
    barrier: |barrier| match barrier {
        Barrier::ReadOnly => "The policy lets you look at the settings, and not change them.".to_owned(),
        Barrier::Administrators => "Only administrators may see or change this.".to_owned(),
        Barrier::Method(Method::Pickup) => "The pickup folder does not need this.".to_owned(),
        Barrier::Method(method) => format!("{} cannot do this.", (EN.method)(*method).0),
        Barrier::Unavailable(why) => format!("Not available here: {why}"),
        Barrier::NoAuthentication => "Only with authentication.".to_owned(),
        Barrier::OAuth => "Not used with OAuth 2.0.".to_owned(),
        Barrier::NotPinned => "Only with “This one certificate only”.".to_owned(),
        Barrier::HasTls => "Only without a secure connection.".to_owned(),
        Barrier::NoTls => "Only with a secure connection.".to_owned(),
        Barrier::NotPickup => "Only with the pickup folder.".to_owned(),
    },
    field: |field| match field {
        "sender_email" => "Sender's e-mail",
        "sender_name" => "Sender's name",
        "method" => "Sending method",
        "server" => "SMTP server",
        "port" => "Port",
        "security" => "Secure connection",
        "tls_check" => "Server's certificate",
        "tls_pin" => "Pinned SHA-256",
        "authentication" => "Authentication",
        "login" => "Login",
        "password" => "Password",
        "plaintext_auth" => "Without TLS",
        "oauth" => "OAuth 2.0",
        "sign" => "Digital signature",
        "certificate" => "Signing certificate",
        "pickup_directory" => "Pickup folder",
        "ehlo_name" => "Name in EHLO",
        "oauth_profile" => "Provider",
        "oauth_client_id" => "Client ID",
        "oauth_client_secret" => "Client secret",
        "oauth_client_secret_expire_time" => "Client secret ends",
        "oauth_tenant" => "Directory (tenant)",
        "oauth_scope" => "Scope",
        "oauth_authorization_endpoint" => "Authorization endpoint",
        "oauth_token_endpoint" => "Token endpoint",
        "oauth_device_authorization_endpoint" => "Device endpoint",
        "oauth_revocation_endpoint" => "Revocation endpoint",
        "mechanism" => "Sign-in mechanism",
        "envelope_sender" => "Envelope sender",
        "reply_to" => "Replies to",
        "max_connections" => "Connections at once",
        "messages_per_minute" => "Messages a minute",
        "timeout_seconds" => "Patience, seconds",
        "proxy" => "SOCKS5 proxy",
        _ => "Another setting",
    },
    no_preset: "Other, or a server of one's own",
    proposal: |provider| {
        format!("This address belongs to {provider}. Its server and security can be filled in.")
    },
    filled_in: |provider| format!("The settings of {provider} are filled in. Look at them, then apply them."),
    strongest: "The strongest that server and account have",
    best_certificate: "The best that fits the sender",
    no_number: "Digits only, please.",
    applied: "Saved.",
    password_cleared: "Saved. The stored password was cleared, because it belonged to the former server, login or TLS \
                       settings: set it anew.",
    secret_cleared: "The stored client secret was cleared, because it belonged to the former registration: set it anew.",
    signed_out: "The sign-in was cleared, because it belonged to the former settings: sign in again.",
    merged: |who, fields| format!("{who} changed meanwhile: {fields}. It is shown here."),
    conflict: |who, fields| format!("{who} changed meanwhile what you are changing, too: {fields}."),
    conflict_detail: "Keep mine: your values stay, and are saved when you apply. Take theirs: your values of these \
                      fields are dropped.",
    accept_invalid: "Any server is taken for the right one: whoever stands on the path can read the mail and the \
                     password.",
    plaintext: "The password crosses the network without TLS.",
    somebody: "Somebody",
    usual_login: "what stands before the @",
    this_host: "this computer's name",
    the_sender: "the sender's address",
    no_limit: "no limit",
    usual_folder: "“pickup” in the service's own folder",
    none: "none",
};

pub(super) const RU: AccountTexts = AccountTexts {
    method: |method| match method {
        Method::SecureSmtpClient => (
            "SecureSmtpClient",
            "Собственный метод Faxpost: OAuth 2.0, оба режима TLS, подробный журнал каждой отправки.",
        ),
        Method::CdoMessage => ("CDO.Message", "Microsoft Collaboration Data Objects. Только неявный TLS."),
        Method::SystemNetMail => ("System.Net.Mail", "Microsoft .NET. Только STARTTLS."),
        Method::Pickup => {
            ("Папка для писем", "Готовые письма складываются в папку; с компьютера ничего не уходит.")
        }
        Method::Unspecified => ("?", ""),
    },
    security: |security| match security {
        Security::None => ("Без защиты", "Письма можно прочитать по пути. Обычный порт 25."),
        Security::Implicit => ("Неявный TLS (Implicit)", "Шифрование с первого байта. Обычный порт 465."),
        Security::Starttls => (
            "Явный TLS (STARTTLS)",
            "Начинается открыто, затем обязательно шифруется. Обычный порт 587 или 25.",
        ),
        Security::Unspecified => ("?", ""),
    },
    tls_check: |check| match check {
        TlsCheck::System => ("Проверять средствами системы", ""),
        TlsCheck::Pinned => (
            "Только этот сертификат",
            "Его SHA-256 указан ниже. Проверка, которая не удалась, предложит его сама.",
        ),
        TlsCheck::AcceptInvalid => {
            ("Игнорировать ошибки", "Письма и пароль сможет прочитать любой на пути к серверу.")
        }
        TlsCheck::Unspecified => ("?", ""),
    },
    signing: |signing| match signing {
        Signing::Off => ("Не подписывать", ""),
        Signing::Clear => ("Прозрачная подпись", "Письмо прочтёт любая почтовая программа."),
        Signing::Opaque => ("Непрозрачная подпись", "Нужна почтовая программа с поддержкой S/MIME."),
        Signing::Unspecified => ("?", ""),
    },
    barrier: |barrier| match barrier {
        Barrier::ReadOnly => "Политика позволяет вам смотреть настройки, но не менять их.".to_owned(),
        Barrier::Administrators => "Видеть и менять это могут только администраторы.".to_owned(),
        Barrier::Method(Method::Pickup) => "Для папки это не нужно.".to_owned(),
        Barrier::Method(method) => format!("{} этого не умеет.", (RU.method)(*method).0),
        Barrier::Unavailable(why) => format!("Здесь недоступно: {}.", said(why, Language::Ru)),
        Barrier::NoAuthentication => "Только с проверкой подлинности.".to_owned(),
        Barrier::OAuth => "С OAuth 2.0 не используется.".to_owned(),
        Barrier::NotPinned => "Только с «Только этот сертификат».".to_owned(),
        Barrier::HasTls => "Только без защищённого соединения.".to_owned(),
        Barrier::NoTls => "Только с защищённым соединением.".to_owned(),
        Barrier::NotPickup => "Только с папкой для писем.".to_owned(),
    },
    field: |field| match field {
        "sender_email" => "E-mail отправителя",
        "sender_name" => "Имя отправителя",
        "method" => "Метод отправки",
        "server" => "Сервер SMTP",
        "port" => "Порт",
        "security" => "Защищённое соединение",
        "tls_check" => "Сертификат сервера",
        "tls_pin" => "Закреплённый SHA-256",
        "authentication" => "Проверка подлинности",
        "login" => "Логин",
        "password" => "Пароль",
        "plaintext_auth" => "Без TLS",
        "oauth" => "OAuth 2.0",
        "sign" => "Цифровая подпись",
        "certificate" => "Сертификат подписи",
        "pickup_directory" => "Папка для писем",
        "ehlo_name" => "Имя в EHLO",
        "oauth_profile" => "Провайдер",
        "oauth_client_id" => "Идентификатор клиента",
        "oauth_client_secret" => "Секрет клиента",
        "oauth_client_secret_expire_time" => "Окончание секрета клиента",
        "oauth_tenant" => "Каталог (tenant)",
        "oauth_scope" => "Область доступа",
        "oauth_authorization_endpoint" => "Адрес авторизации",
        "oauth_token_endpoint" => "Адрес токенов",
        "oauth_device_authorization_endpoint" => "Адрес для устройств",
        "oauth_revocation_endpoint" => "Адрес отзыва",
        "mechanism" => "Механизм входа",
        "envelope_sender" => "Отправитель конверта",
        "reply_to" => "Ответы на адрес",
        "max_connections" => "Соединений сразу",
        "messages_per_minute" => "Писем в минуту",
        "timeout_seconds" => "Ожидание, секунд",
        "proxy" => "Прокси SOCKS5",
        _ => "Другая настройка",
    },
    no_preset: "Другой или собственный",
    proposal: |provider| format!("Этот адрес относится к {provider}. Сервер и защиту можно заполнить."),
    filled_in: |provider| format!("Заполнены настройки {provider}. Просмотрите их и примените."),
    strongest: "Самый надёжный из доступных",
    best_certificate: "Лучший из подходящих отправителю",
    no_number: "Только цифры.",
    applied: "Сохранено.",
    password_cleared: "Сохранено. Сохранённый пароль удалён: он относился к прежнему серверу, логину или настройкам TLS. \
                       Задайте его заново.",
    secret_cleared: "Сохранённый секрет клиента удалён: он относился к прежней регистрации. Задайте его заново.",
    signed_out: "Вход отменён: он относился к прежним настройкам. Выполните вход заново.",
    merged: |who, fields| format!("Тем временем {who} меняет: {fields}. Новые значения уже здесь."),
    conflict: |who, fields| format!("Тем временем {who} меняет то же, что и вы: {fields}."),
    conflict_detail: "«Оставить моё»: ваши значения остаются и сохранятся при применении. «Взять чужое»: ваши значения \
                      этих полей будут отброшены.",
    accept_invalid: "Любой сервер принимается за нужный: письма и пароль может прочитать любой на пути к нему.",
    plaintext: "Пароль передаётся по сети без TLS.",
    somebody: "Кто-то",
    usual_login: "часть адреса до @",
    this_host: "имя этого компьютера",
    the_sender: "адрес отправителя",
    no_limit: "без ограничения",
    usual_folder: "«pickup» в папке службы",
    none: "нет",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::account::fields;

    #[test]
    fn every_field_has_a_name_in_both_languages() {
        for texts in [&EN, &RU] {
            let unknown = (texts.field)("");
            for field in fields::ALL.iter().copied().chain(["password", "oauth_client_secret"]) {
                assert_ne!((texts.field)(field), unknown, "{field}");
            }
        }
    }
}
