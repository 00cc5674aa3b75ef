//! Russian.

use faxpost_proto::words;

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
    target: "О чём",
    origin: "Откуда",
    request: "Заявка",

    key_provider: words::RU.key_provider,
    request_state: words::RU.request_state,
    audit_outcome: words::RU.audit_outcome,
    requirement: words::RU.requirement,
    effect: words::RU.effect,
    access_word: words::RU.access_word,

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
    check_is_of_the_service: "`faxpost cert check` подписывает от имени записи, которая подписывает почту; другие не проверяются.",
    unknown: "?",

    installed: |fingerprint, subject| format!("Установлен: {fingerprint}  {subject}"),
    already_installed: |fingerprint| format!("Он уже был; ничего не изменено: {fingerprint}"),
    deleted: "Удалено.",
    will_delete: |fingerprint, subject| {
        format!(
            "Будет удалён сертификат {fingerprint} ({subject}) и его закрытый ключ; ключ никто не вернёт."
        )
    },
    will_delete_csr: |id| {
        format!(
            "Будет отозван запрос {id} и удалён его закрытый ключ: сертификат для него станет бесполезен."
        )
    },
    file_password: "Пароль файла: ",
    password_options: "Нет терминала, чтобы спросить пароль файла: используйте --password-stdin или --no-password, \
                       если пароля нет.",
    no_key_in: |file| format!("В {file} нет закрытого ключа: укажите файл с ним через --key."),
    neither_p12_nor_pem: |file| format!("{file} — не файл PKCS#12 (.pfx, .p12) и не PEM."),
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
    will_happen: "Произойдёт следующее:",
    sure: "Выполнить? [д/Н] ",
    yes_words: &["д", "да", "y", "yes"],
    not_approved: "Ничего не сделано; заявка ждёт дальше.",
    approve_options: "Нет терминала, чтобы спросить: используйте --digest с дайджестом из `faxpost request show` \
                      или --yes.",
    no_audit_entry: |id| {
        format!("Записи {id} в журнале аудита нет; какие есть, показывает `faxpost audit list`.")
    },
    status_requests: "Заявки",
    status_pending: |count| format!("ждут администратора: {count} (`faxpost request list`)"),
    status_may_ask: "Вы можете просить",
};
