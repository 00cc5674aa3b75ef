//! Русский.

use std::io::ErrorKind;

use faxpost_proto::{
    advice::Language,
    reason,
    v1::{EntryKind, EntryOutcome, MessageState, RecipientState, Step},
};
use tonic::Code;

use super::Texts;
use crate::user_store;

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
    one_field: "Одно поле неверно.",
    code,

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
    password_empty: "Пароль пуст. Чтобы забыть сохранённый, укажите --clear-password.",
    password_not_utf8: "Пароль — не текст в UTF-8.",
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
    unknown_key: |key, good| format!("Ключа {key:?} нет. Есть: {good}."),
    key_twice: |key| format!("{key} указан дважды."),
    bad_word: |key, value, good| format!("{key} не может быть {value:?}. Допустимо: {good}."),
    bad_number: |key, value| format!("{key} — число, а {value:?} — нет."),
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
        "login" => Some("(адрес отправителя до @)"),
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

    step: |step| match step {
        Step::Resolve => "Поиск адреса",
        Step::Connect => "Соединение",
        Step::Tls => "Защита TLS",
        Step::Ehlo => "Приветствие EHLO",
        Step::SignIn => "Вход",
        Step::Sender => "Отправитель",
        Step::Recipient => "Получатель",
        Step::Message => "Письмо",
        Step::Unspecified => "?",
    },
    skipped: "не требуется",
    server_says: "Сервер:",
    advice: "Совет:",
    failure,
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
    message_state: |state| match state {
        MessageState::Queued => "в очереди",
        MessageState::Sending => "отправляется",
        MessageState::Held => "задержано",
        MessageState::Delivered => "доставлено",
        MessageState::Failed => "не доставлено",
        MessageState::Cancelled => "отменено",
        MessageState::Unspecified => "?",
    },
    recipient_state: |state| match state {
        RecipientState::Pending => "ожидает",
        RecipientState::Delivered => "доставлено",
        RecipientState::Failed => "не доставлено",
        RecipientState::Cancelled => "отменено",
        RecipientState::Unspecified => "?",
    },
    entry_kind: |kind| match kind {
        EntryKind::Accepted => "принято",
        EntryKind::Attempt => "попытка",
        EntryKind::Test => "проверка",
        EntryKind::Expired => "срок истёк",
        EntryKind::Steered => "управление",
        EntryKind::Unspecified => "?",
    },
    entry_outcome: |outcome| match outcome {
        EntryOutcome::Ok => "успех",
        EntryOutcome::Partial => "частично",
        EntryOutcome::Temporary => "временно",
        EntryOutcome::Permanent => "отказ",
        EntryOutcome::Unspecified => "",
    },
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
        reason::INVALID_FIELD => "Некоторые поля неверны.",
        reason::METHOD_CANNOT => "Выбранный способ отправки этого не умеет.",
        reason::NOT_AVAILABLE => "Здесь это недоступно.",
        reason::PASSWORD_NEEDED => {
            "Для этих изменений нужен пароль: сохранённый относится к сохранённым настройкам. Используйте \
             --ask-password или --password-stdin."
        }
        reason::CALLER_UNKNOWN => "Служба не смогла определить, кто вы.",
        reason::POLICY_DENIED => "Политика не разрешает вам это. Изменить её может администратор.",
        reason::FIELD_DENIED => "Эти поля могут менять только администраторы.",
        reason::ACCOUNT_NOT_FOUND => "Такой учётной записи нет.",
        reason::REVISION_NOT_FOUND => "Такой версии учётной записи нет.",
        reason::MESSAGE_NOT_FOUND => "Такого письма нет, или оно чужое.",
        reason::ENTRY_NOT_FOUND => "Такой записи журнала нет, или она чужая.",
        reason::TRANSCRIPT_NOT_FOUND => "У этой записи журнала нет диалога SMTP.",
        reason::ACCOUNT_EXISTS => "Учётная запись с таким именем уже есть.",
        reason::REQUEST_ID_REUSED => "Этот идентификатор запроса использован для другого письма.",
        reason::ETAG_MISMATCH => "Тем временем это изменил кто-то другой; ничего не изменено.",
        reason::WRONG_STATE => "Состояние письма этого не допускает.",
        reason::ACCOUNT_IN_USE => "Учётную запись нельзя удалить: она основная, или у неё ещё есть письма.",
        reason::LOCKOUT => "После этого администраторы потеряли бы доступ.",
        reason::TOO_MANY_CONNECTIONS => "У вас открыто слишком много соединений. Повторите позже.",
        reason::TOO_MANY_CALLS => "У вас слишком много незавершённых запросов. Повторите позже.",
        reason::SENDER_DENIED => {
            "Эта учётная запись не отправляет почту от имени такого автора. Разрешить это может администратор: [sendmail] в \
             faxpostd.toml."
        }
        reason::QUEUE_SHARE => "У вас слишком много неотправленных писем. Повторите позже.",
        reason::MESSAGE_TOO_LARGE => "Письмо слишком велико.",
        reason::TOO_SLOW => "Служба слишком долго ждала данных. Повторите.",
        reason::SIGN_IN_UNKNOWN => {
            "Такой вход не начат: он завершён, уже использован или длился слишком долго. Начните заново."
        }
        reason::PROVIDER_REFUSED => "Поставщик отказал во входе.",
        reason::PROVIDER_UNAVAILABLE => "Поставщик не ответил. Повторите позже.",
        reason::NOT_SIGNED_IN => "В эту учётную запись никто не вошёл. Используйте `faxpost signin`.",
        reason::SCOPE_DENIED => "Запрошено больше, чем разрешено при входе.",
        reason::CERTIFICATE_NOT_FOUND => "Такого сертификата в хранилище компьютера нет.",
        reason::CERTIFICATE_IN_USE => "Этим сертификатом подписывает учётная запись.",
        reason::NO_USABLE_CERTIFICATE => "Подходящего сертификата нет. Причины: `faxpost cert candidates`.",
        reason::WRONG_PASSWORD => "Пароль файла неверен.",
        reason::KEY_MISSING => "С сертификатом нет закрытого ключа.",
        reason::KEY_ACCESS_DENIED => {
            "Этой записи нельзя пользоваться закрытым ключом. Разрешить может администратор: `faxpost cert grant`."
        }
        reason::TRUSTEE_UNKNOWN => "Такой записи пользователя на этом компьютере нет.",
        reason::SIGNING_REQUEST_NOT_FOUND => {
            "Такого запроса на сертификат нет, или ответ не подходит ни к одному."
        }
        reason::CERTIFICATE_STORE_FAILED => "Отказало хранилище сертификатов; подробности в журнале службы.",
        reason::APPROVAL_PENDING => "Сначала это должен одобрить администратор.",
        reason::TOO_MANY_REQUESTS => "У вас слишком много заявок, ожидающих администратора.",
        reason::REQUEST_NOT_FOUND => "Такой заявки нет, или она чужая.",
        reason::OWN_REQUEST => "Это ваша собственная заявка: решить должен другой администратор.",
        reason::DISK_FULL => "У службы заполнен диск; ничего не принято. Повторите позже.",
        reason::STORE_FAILED => {
            "Отказало хранилище службы; ничего не принято и не изменено. Повторите позже."
        }
        reason::STOPPING => "Служба останавливается. Повторите позже.",
        reason::INTERNAL => "Неисправность службы; подробности в её журнале.",
        _ => return None,
    })
}

fn code(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument | Code::OutOfRange => "Служба этого не принимает.",
        Code::NotFound => "Такого нет.",
        Code::AlreadyExists => "Это уже есть.",
        Code::PermissionDenied => "Вам это не разрешено.",
        Code::Unauthenticated => "Служба вас не знает.",
        Code::ResourceExhausted => "Служба сейчас слишком занята. Повторите позже.",
        Code::FailedPrecondition => "Сейчас это невозможно.",
        Code::Aborted => "Кто-то другой успел раньше. Повторите.",
        Code::Unavailable => "Служба сейчас недоступна. Повторите позже.",
        Code::DeadlineExceeded | Code::Cancelled => "Служба не ответила вовремя. Повторите позже.",
        Code::Unimplemented => "Служба не знает этой команды: она старее этой программы.",
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            "Неисправность службы; подробности в её журнале."
        }
    }
}

fn failure(code: &str) -> Option<&'static str> {
    Some(match code {
        "NAME_NOT_FOUND" => "Имя сервера не найдено.",
        "RESOLVER_FAILED" => "Система не смогла узнать адрес сервера.",
        "CONNECTION_REFUSED" => "По этому адресу и порту никто не отвечает.",
        "UNREACHABLE" => "Сервер недостижим.",
        "TIMED_OUT" => "Сервер не ответил вовремя.",
        "CONNECTION_LOST" => "Соединение прервалось.",
        "NOT_SMTP" => "Ответ сервера — не SMTP.",
        "SESSION_REFUSED" => "Сервер отказался от сеанса.",
        "STARTTLS_MISSING" => "Сервер не предлагает STARTTLS, а защита обязательна.",
        "TLS_FAILED" => "Не удалось установить защиту TLS.",
        "CERTIFICATE_UNTRUSTED" => "Издателю сертификата нет доверия.",
        "CERTIFICATE_EXPIRED" => "Срок сертификата истёк или ещё не начался.",
        "CERTIFICATE_NAME" => "Сертификат выдан на другое имя.",
        "PIN_MISMATCH" => "Сертификат не тот, что закреплён в настройках.",
        "NO_MECHANISM" => "Сервер не предлагает подходящего способа входа.",
        "PLAINTEXT_REFUSED" => "Пароль не передаётся по соединению без TLS.",
        "NO_PASSWORD" => "Пароль учётной записи не задан.",
        "AUTH_REJECTED" => "Сервер не принял логин или пароль.",
        "TOKEN_REJECTED" => "Сервер не принял токен доступа.",
        "AUTH_TEMPORARY" => "Сервер сейчас не может проверить пароль.",
        "SERVER_UNPROVEN" => "Сервер не доказал, что знает пароль.",
        "SENDER_REJECTED" => "Сервер отклонил отправителя.",
        "RECIPIENT_REJECTED" => "Сервер не принял ни одного получателя.",
        "MESSAGE_REJECTED" => "Сервер отклонил письмо.",
        "TOO_LARGE" => "Письмо больше, чем принимает сервер.",
        "NO_SMTPUTF8" => "Адресу нужен SMTPUTF8, а у сервера его нет.",
        "LOCAL_FILE" => "Не удалась работа с файлом или папкой.",
        "MAILER_FAILED" => "Отказал процесс отправки; письмо не передано.",
        "NO_SIGNING_CERTIFICATE" => "Нет сертификата, которым можно подписать письмо от этого отправителя.",
        "SIGNING_KEY_MISSING" => "Нет закрытого ключа к сертификату для подписи.",
        "KEY_ACCESS_DENIED" => "Учётной записи, которая подписывает, нельзя пользоваться закрытым ключом.",
        "SIGNING_FAILED" => "Письмо не удалось подписать.",
        "UNCERTAIN" => "Соединение прервалось в самом конце: ушло ли письмо, неизвестно.",
        _ => return None,
    })
}
