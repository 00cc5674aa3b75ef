//! Русский.

use std::io::ErrorKind;

use faxpost_proto::{advice::Language, reason, user_store, words};

use super::Texts;
use crate::settings::key_of;

pub(crate) static RU: Texts = Texts {
    language: Language::Ru,

    error: "ошибка:",
    warning: "внимание:",
    alarm_word: "ТРЕВОГА",
    yes: "да",
    no: "нет",
    off: "нет",
    nothing: "Ничего не найдено.",
    all: "всё",
    more: "Показаны не все; больше покажет -n ЧИСЛО.",
    by: |when, who| format!("{when}, {who}"),
    bytes: |bytes| format!("{bytes} Б"),

    not_running: |endpoint| {
        format!(
            "Служба Faxpost не запущена (по адресу {endpoint} никто не отвечает).\n\
             Запустите её от имени root или администратора: `faxpostd start` (Windows), `systemctl start faxpostd` \
             (Linux) или, в этом окне, `faxpostd run`."
        )
    },
    denied: |endpoint| {
        format!(
            "Этой учётной записи не разрешено подключаться к службе Faxpost по адресу {endpoint}.\n\
             Изменить это может администратор."
        )
    },
    impostor: |endpoint, why| {
        format!(
            "По адресу {endpoint} отвечает не служба Faxpost. Туда ничего не отправлено.\n\
             Если адрес верен, возможно, кто-то хочет прочитать вашу почту и пароли: сообщите администратору.\n  \
             {why}"
        )
    },
    cannot_connect: |endpoint, why| format!("Не удалось подключиться к {endpoint}: {why}."),
    connection_broken: "Соединение со службой Faxpost прервалось. Возможно, она перезапускается: повторите попытку и \
                        посмотрите `faxpost status`.",
    reason,
    field: |field| match field {
        "pkcs12" | "pem" => "файл".to_owned(),
        "key_pem" => "ключ".to_owned(),
        "answer" => "ответ".to_owned(),
        field => match super::place(field, "recipients") {
            Some(place) => format!("получатель {place}"),
            None => key_of(field),
        },
    },
    one_field: "Одно поле неверно.",
    code: words::RU.code,

    cannot_read: |file, why| format!("Не удалось прочитать {file}: {why}."),
    cannot_write: |file, why| format!("Не удалось записать {file}: {why}."),
    io: |kind| {
        Some(match kind {
            ErrorKind::NotFound => "не существует",
            ErrorKind::PermissionDenied => "нет доступа",
            ErrorKind::IsADirectory => "это папка",
            ErrorKind::NotADirectory => "часть пути — не папка",
            ErrorKind::StorageFull => "диск заполнен",
            _ => return None,
        })
    },
    not_utf8: |file| format!("{file} — не текст в UTF-8."),
    password_prompt: "Пароль: ",
    password_empty: "Пароль пуст.",
    password_empty_to_set: "Пароль пуст. Чтобы забыть сохранённый, укажите --clear-password.",
    no_recipient: "После --to нужен адрес.",
    password_not_utf8: "Пароль — не текст в UTF-8.",
    delete_needs_yes: "Нет терминала, чтобы спросить, удалять ли: используйте --yes.",
    no_terminal: "Нет терминала, чтобы спросить пароль: используйте --password-stdin.",

    user_store: |error| match error {
        user_store::Error::NoStore => {
            "В этой системе нет хранилища сертификатов пользователя, которое можно было бы спросить.\n\
             Укажите файл: `faxpost cert install ФАЙЛ` принимает PKCS#12 и PEM."
                .to_owned()
        }
        user_store::Error::NotFound => "В вашем хранилище нет сертификата с таким отпечатком SHA-256.\n\
             Что в нём есть, покажет `faxpost cert list --store user`."
            .to_owned(),
        user_store::Error::NoKey => {
            "У этого сертификата в вашем хранилище нет закрытого ключа, подписывать им нельзя.\n\
             Сначала импортируйте его вместе с ключом (файл .pfx или .p12)."
                .to_owned()
        }
        user_store::Error::NotExportable => {
            "Закрытый ключ этого сертификата помечен как неэкспортируемый: из хранилища его не извлечь.\n\
             Установите исходный файл .pfx или .p12: `faxpost cert install ФАЙЛ`."
                .to_owned()
        }
        user_store::Error::Failed(why) => format!("Ошибка вашего хранилища сертификатов: {why}"),
    },

    not_a_setting: |word| format!("{word:?} — не КЛЮЧ=ЗНАЧЕНИЕ."),
    meant_a_setting: |key, value| {
        format!("{value:?} — не КЛЮЧ=ЗНАЧЕНИЕ. Возможно, имелось в виду {key}={value}.")
    },
    unknown_key: |key, meant, good| match meant {
        "" => format!("Ключа {key:?} нет. Есть: {good}."),
        meant => format!("Ключа {key:?} нет. Может быть, {meant}? Есть: {good}."),
    },
    key_twice: |key| format!("{key} указан дважды."),
    bad_word: |key, value, good| format!("{key} не может быть {value:?}. Допустимо: {good}."),
    bad_number: |key, value| format!("{key} — целое число от 0, а {value:?} — нет."),
    bad_time: |key, value| format!("{key} — дата или момент, например 2027-06-30, а {value:?} — нет."),
    bad_pin: |key| {
        format!("{key}: в SHA-256 64 шестнадцатеричные цифры (двоеточия и sha256: перед ними допустимы).")
    },
    secret_argument: |key| {
        let secret = super::secret_option(key);
        format!(
            "{key} нельзя указать в командной строке: её видят другие пользователи и история оболочки. \
             Используйте --{secret}-stdin, или --ask-{secret}, чтобы ввести его по запросу."
        )
    },
    nothing_to_set: "Нечего менять: укажите КЛЮЧ=ЗНАЧЕНИЕ (см. `faxpost account set --help`).",
    bad_header: |field| format!("--header {field:?} — не 'Имя: значение'."),

    id: "ID",
    call: "Метод",
    account: "Учётная запись",
    method: "Способ",
    server: "Сервер",
    security: "Защита",
    tls_check: "Проверка TLS",
    sender: "Отправитель",
    login: "Логин",
    key: "Ключ",
    old: "Было",
    new: "Стало",
    changed: "изменено",
    state: "Состояние",
    accepted: "Принято",
    recipients: "Получатели",
    recipient: "Получатель",
    subject: "Тема",
    last_error: "Последняя ошибка",
    caller: "Кто",
    message: "Письмо",
    message_id: "Message-ID",
    size: "Размер",
    attempt: "Попытка",
    attempts: "Попытки",
    next_attempt: "Следующая попытка",
    expires: "Крайний срок",
    answer: "Ответ",
    time: "Время",
    kind: "Событие",
    outcome: "Итог",
    reason_label: "Причина",
    duration: "Длительность",
    delivered: "Доставлено",
    role_label: "Роль",
    members: "Участники",

    status_service: "Служба",
    status_running: |version, since| format!("faxpostd {version}, работает с {since}"),
    status_caller: "Вы",
    status_queue: "Исходящие",
    status_counts: |queued, held| format!("в очереди: {queued}, задержано: {held}"),
    status_oldest: |counts, since| format!("{counts}; самое старое ждёт с {since}"),
    status_may: "Разрешено",
    status_may_not: "Запрещено",
    status_store: "Хранилище",
    status_nodes: "Службы",
    status_node: |node, since| {
        let this_one = if node.this_one { ", эта служба" } else { "" };
        let lost = if node.lost { ", не отвечает" } else { "" };
        let signs = match node.signs.is_empty() {
            true => String::new(),
            false => format!(", подписывает: {}", node.signs.join(", ")),
        };
        format!(
            "{} ({}), Faxpost {}, с {since}{this_one}{lost}{signs}",
            node.machine, node.number, node.version
        )
    },
    status_state_dir: "Папка данных",
    status_endpoint: "Адрес",
    status_process: "Процесс",
    status_mailer: "Почту шлёт",
    role: |role| match role {
        "administrator" => "администратор".to_owned(),
        "service" => "служба".to_owned(),
        "user" => "пользователь".to_owned(),
        other => other.to_owned(),
    },

    default_value: "(по умолчанию)",
    unset: |key| match key {
        "server" | "certificate" => Some("(не задано)"),
        "login" => Some("(по адресу отправителя)"),
        "pickup-directory" => Some("(pickup в папке данных)"),
        "ehlo-name" => Some("(имя этого компьютера)"),
        "envelope-sender" => Some("(адрес отправителя)"),
        "messages-per-minute" => Some("(без ограничения)"),
        "proxy" | "reply-to" => Some("(нет)"),
        other => (super::signin::RU.unset)(other),
    },
    blank_name: "(пусто: получатель видит адрес)",
    hidden: "(скрыто)",
    password_set: "задан",
    password_unset: "не задан",
    password_new: "задан заново",
    password_cleared: |command| {
        format!(
            "Сохранённый пароль удалён: он относился к прежнему серверу, логину, прокси или настройкам TLS.\n\
             Задайте его заново: {command} --ask-password"
        )
    },
    accept_invalid: |account| {
        format!(
            "Учётная запись {account} считает подлинным любой сервер (tls-check=accept-invalid): письма и пароль может \
             прочитать любой на пути к нему."
        )
    },
    nobody_signs: |account, sender| {
        format!(
            "Учётная запись {account} подписывает письма, но ни один сертификат здесь не может подписывать за {sender}: \
             её письма будут задержаны, пока его нет. См. `faxpost cert candidates {account}`."
        )
    },
    still_pickup: |command| {
        format!(
            "Почта по-прежнему складывается в папку pickup (method=pickup). Чтобы отправлять по SMTP:\n  {command}"
        )
    },
    valid: "Настройки верны; ничего не изменено.",
    unchanged: "Различий нет.",
    created: |account| format!("Учётная запись {account} создана."),
    deleted: |account| format!("Учётная запись {account} удалена."),
    overtaken: |account| {
        format!(
            "Учётная запись {account} тем временем изменена; ваши изменения не внесены. Проверьте её и повторите."
        )
    },
    overtaken_by: |account, who, when| {
        format!(
            "Учётная запись {account} тем временем изменена ({who}, {when}); ваши изменения не внесены. \
             Проверьте её и повторите."
        )
    },

    step: words::RU.step,
    skipped: "не требуется",
    server_says: "Сервер:",
    advice: "Совет:",
    failure: words::RU.failure,
    offer_pin: |command| {
        format!(
            "Чтобы доверять этому серверу по его ключу, сначала сверьте SHA-256 выше с тем, что назовёт его \
             администратор, затем:\n  {command}"
        )
    },
    certificate_line: |subject, issuer, until| format!("{subject}, издатель {issuer}, действует до {until}"),
    days_left: |days| {
        if days < 0 {
            format!("истёк, дней назад: {}", days.unsigned_abs())
        } else {
            format!("осталось дней: {days}")
        }
    },
    key_sha256: "SHA-256 ключа",
    tolerated: |why| format!("Системная проверка отвергла бы этот сертификат: {why}"),

    uploading: "Передача",
    accepted_as: |id, message_id| format!("Принято: {id}  {message_id}"),
    duplicate: "Этот идентификатор запроса уже был принят; ничего нового не отправлено.",
    not_accepted: "Письмо не принято, и ничего от него не сохранено: отправьте его позже ещё раз.",
    not_of_sendmail: |word| {
        format!("{word} не подходит для `faxpost sendmail`, или нет значения; см. `faxpost sendmail --help`.")
    },
    still_waiting: |id| {
        format!("Ещё не завершено; Faxpost продолжает попытки. См. `faxpost outbox show {id}`.")
    },
    held_until: |reason, id, account| match reason {
        "" => format!("Письмо задержал человек; отпустить его: `faxpost outbox release {id}`"),
        "NOT_SIGNED_IN" | "SIGN_IN_LOST" => {
            format!(
                "Письмо задержал Faxpost и отправит, как только кто-нибудь войдёт: `faxpost signin {account}`"
            )
        }
        _ => format!(
            "Письмо задержал Faxpost и отправит, как только его можно будет подписать: чего не хватает, скажет \
             `faxpost cert candidates {account}`"
        ),
    },
    held_label: "Задержано",
    message_state: words::RU.message_state,
    recipient_state: words::RU.recipient_state,
    entry_kind: words::RU.entry_kind,
    entry_outcome: words::RU.entry_outcome,
    has_transcript: |id| format!("Диалог SMTP: `faxpost log transcript {id}`"),
    truncated: "Диалог был длиннее, чем хранит служба.",
    exported: |count| format!("Выгружено записей: {count}"),
    policy_changed: "* изменено по сравнению с исходной политикой Faxpost",
    certificates: &super::certificates::RU,
    signin: super::signin::RU,
    accounts: &super::accounts::RU,
};

fn reason(code: &str) -> Option<&'static str> {
    Some(match code {
        reason::PASSWORD_NEEDED => {
            "Для этих изменений нужен пароль: сохранённый относится к сохранённым настройкам. Используйте \
             --ask-password или --password-stdin."
        }
        reason::NOT_SIGNED_IN => "В эту учётную запись никто не вошёл. Используйте `faxpost signin`.",
        reason::NO_USABLE_CERTIFICATE => "Подходящего сертификата нет. Причины: `faxpost cert candidates`.",
        reason::KEY_ACCESS_DENIED => {
            "Этой записи нельзя пользоваться закрытым ключом. Разрешить может администратор: `faxpost cert grant`."
        }
        other => return (words::RU.reason)(other),
    })
}
