//! Russian.

use tonic::Code;

use super::Words;
use crate::advice::Language;
use crate::reason;
use crate::v1::{
    AuditOutcome, EntryKind, EntryOutcome, KeyProvider, MessageState, RecipientState, RequestState,
    Requirement, SignInState, Step,
};

pub(super) const RU: Words = Words {
    language: Language::Ru,
    reason,
    code,
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
    failure,
    key_provider: |provider| match provider {
        KeyProvider::None => "нет",
        KeyProvider::File => "файл",
        KeyProvider::Cng => "CNG",
        KeyProvider::Capi => "CryptoAPI",
        KeyProvider::Unspecified => "?",
    },
    request_state: |state| match state {
        RequestState::Pending => "ожидает",
        RequestState::Approved => "одобрена",
        RequestState::Done => "выполнена",
        RequestState::Failed => "не удалась",
        RequestState::Refused => "отклонена",
        RequestState::Expired => "истекла",
        RequestState::Withdrawn => "отозвана",
        RequestState::Unspecified => "?",
    },
    audit_outcome: |outcome| match outcome {
        AuditOutcome::Done => "выполнено",
        AuditOutcome::Denied => "запрещено",
        AuditOutcome::Failed => "не удалось",
        AuditOutcome::Pending => "ожидает",
        AuditOutcome::Unspecified => "?",
    },
    requirement: |requirement| match requirement {
        Requirement::Address => "В сертификате нет адреса отправителя.",
        Requirement::Period => "Срок действия ещё не начался или уже истёк.",
        Requirement::KeyUsage => "Назначение ключа не допускает подписи.",
        Requirement::ExtendedKeyUsage => "Расширенное назначение ключа не допускает почты.",
        Requirement::Chain => "Цепочка неполна или неверна.",
        Requirement::Trust => "Корневому сертификату этот компьютер не доверяет.",
        Requirement::Key => "Закрытого ключа нет в хранилище компьютера.",
        Requirement::KeyAccess => "Учётной записи, от имени которой подписывается почта, ключ недоступен.",
        Requirement::Algorithm => "Ключом такого вида здесь подписать нельзя.",
        Requirement::Revocation => "Сертификат отозван.",
        Requirement::Unspecified => "Нечто, чего эта версия не знает.",
    },
    effect: |code| {
        Some(match code {
            "certificate" => "Сертификат",
            "subject" => "Владелец",
            "issuer" => "Издатель",
            "addresses" => "Адреса",
            "address" => "Адрес",
            "not-after" => "До",
            "chain" => "Цепочка",
            "key" => "Ключ",
            "exportable" => "Экспортируемый",
            "trustee" => "Кому или у кого",
            "request" => "Запрос сертификата",
            _ => return None,
        })
    },
    access_word: |code| {
        Some(match code {
            "read" => "использование",
            "full" => "полный",
            _ => return None,
        })
    },
    browser_error: |code| match code {
        "access_denied" => "Вход не выполнен: в нём отказали в браузере — вы или провайдер.",
        "server_error" | "temporarily_unavailable" => {
            "Вход не выполнен: у провайдера неполадки. Попробуйте позже."
        }
        "consent_required" | "interaction_required" | "admin_policy_enforced" => {
            "Вход не выполнен: провайдер требует согласия администратора вашей организации."
        }
        _ => {
            "Вход не выполнен: провайдер не принимает запрос. Сравните oauth-client-id, oauth-scope и адрес возврата с \
             регистрацией у провайдера."
        }
    },
    sign_in_state: |state| match state {
        SignInState::SignedOut => "никто не вошёл",
        SignInState::SignedIn => "выполнен",
        SignInState::Degraded => "выполнен; провайдер сейчас не отвечает",
        SignInState::Lost => "утрачен: войдите заново",
        SignInState::Unspecified => "?",
    },
};

fn reason(code: &str) -> Option<&'static str> {
    Some(match code {
        reason::INVALID_FIELD => "Некоторые поля неверны.",
        reason::METHOD_CANNOT => "Выбранный способ отправки этого не умеет.",
        reason::NOT_AVAILABLE => "Здесь это недоступно.",
        reason::PASSWORD_NEEDED => {
            "Для этих изменений нужен пароль: сохранённый относится к сохранённым настройкам."
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
        reason::WRONG_STATE => "Нынешнее состояние этого не допускает.",
        reason::ACCOUNT_IN_USE => "Учётную запись нельзя удалить: она основная, или у неё ещё есть письма.",
        reason::LOCKOUT => "После этого администраторы потеряли бы доступ.",
        reason::TOO_MANY_CONNECTIONS => "У вас открыто слишком много соединений. Повторите позже.",
        reason::TOO_MANY_CALLS => "У вас слишком много незавершённых запросов. Повторите позже.",
        reason::TOO_MANY_CHANGES => {
            "Вы слишком часто меняли учётные записи. Повторите через несколько минут."
        }
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
        reason::NOT_SIGNED_IN => "В эту учётную запись никто не вошёл.",
        reason::SCOPE_DENIED => "Запрошено больше, чем разрешено при входе.",
        reason::CERTIFICATE_NOT_FOUND => "Такого сертификата в хранилище компьютера нет.",
        reason::CERTIFICATE_IN_USE => "Этим сертификатом подписывает учётная запись.",
        reason::NO_USABLE_CERTIFICATE => "Подходящего сертификата нет.",
        reason::WRONG_PASSWORD => "Пароль файла неверен.",
        reason::KEY_MISSING => "С сертификатом нет закрытого ключа.",
        reason::KEY_ACCESS_DENIED => {
            "Этой записи нельзя пользоваться закрытым ключом. Разрешить может администратор."
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
        reason::STANDBY => {
            "Служба на этом компьютере ждёт свою базу данных: её переносят или обновляют. Повторите позже."
        }
        reason::STORE_UNKNOWN => {
            "Сервер базы данных службы пропал во время записи: проверьте, сделано ли изменение, прежде чем повторять."
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
