//! Russian.

use faxpost_proto::v1::{AuditOutcome, KeyProvider, RequestState, Requirement};

use super::CertificateTexts;

pub(crate) static RU: CertificateTexts = CertificateTexts {
    fingerprint: "Отпечаток",
    subject: "Владелец",
    issuer: "Издатель",
    serial: "Серийный номер",
    validity: "Действует",
    until: "До",
    addresses: "Адреса",
    key_usage: "Назначение ключа",
    extended_key_usage: "Расширенное назначение",
    any_usage: "(без ограничений)",
    key: "Ключ",
    key_place: "Закрытый ключ",
    key_name: "Имя ключа",
    exportable: "Экспортируемый",
    signature: "Подписан",
    used_by: "Используется",
    revocation: "Отзыв",
    chain: "Цепочка",
    trusted_root: "доверенный корень",
    holders: "Могут использовать ключ",
    access: "Доступ",
    builtin: "от системы",
    account_name: "Имя",
    number: "№",
    asked_by: "Кто просит",
    asked_at: "Когда",
    what: "Что",
    digest: "Дайджест",
    decision: "Решение",
    origin: "Откуда",
    target: "О чём",
    request: "Заявка",

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

    candidates_for: |address| format!("Сертификаты для {address}:"),
    no_candidates: |address| {
        format!(
            "Нет ни одного сертификата, который можно было бы рассмотреть для {address}.\n\
             Установите его: `faxpost cert install FILE`, или запросите у удостоверяющего центра: \
             `faxpost cert csr create`."
        )
    },
    can_sign: "может подписывать",
    own_store: "в вашем хранилище, а не в хранилище компьютера",
    install_own: |fingerprint| format!("faxpost cert install --from-user {fingerprint}"),
    check_passed: |who, how, duration| format!("Подписано от имени {who} и проверено ({how}, {duration})."),
    check_failed: |who| format!("Подписать от имени {who} не удалось."),
    unknown: "?",

    installed: |fingerprint, subject| format!("Установлен: {fingerprint}  {subject}"),
    already_installed: |fingerprint| format!("Он уже был; ничего не изменено: {fingerprint}"),
    deleted: "Удалено.",
    file_password: "Пароль файла: ",
    password_options: "Нет терминала, чтобы спросить пароль файла: используйте --password-stdin или --no-password, \
                       если пароля нет.",
    no_key_in: |file| format!("В {file} нет закрытого ключа: укажите файл с ним через --key."),
    csr_next: |id, command| {
        format!(
            "Ключ ждёт под именем {id}.\n\
             Передайте запрос удостоверяющему центру; когда придёт ответ:\n  {command}"
        )
    },
    fingerprint_needed: "В отпечатке не меньше 8 шестнадцатеричных цифр.",

    pending: |number| {
        format!(
            "Это должен одобрить администратор: заявка {number} будет выполнена, как только он решит.\n\
             Следить:  faxpost request show {number}\n\
             Ему:  faxpost request approve {number}"
        )
    },
    waiting: |number| format!("Ожидание решения администратора по заявке {number}; Ctrl-C оставит её ждать."),
    request_line: |number| format!("заявка {number}"),
    will_happen: "Произойдёт следующее:",
    sure: "Выполнить? [д/Н] ",
    yes_words: &["д", "да", "y", "yes"],
    not_approved: "Ничего не сделано; заявка ждёт дальше.",
    approve_options: "Нет терминала, чтобы спросить: используйте --digest с дайджестом из `faxpost request show` \
                      или --yes.",
    status_requests: "Заявки",
    status_pending: |count| format!("ждут администратора: {count} (`faxpost request list`)"),
    status_may_ask: "Вы можете просить",
};
