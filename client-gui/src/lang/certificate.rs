//! The certificate page.

use super::{Text, With1, With2};
use crate::state::certificate::Purpose;
use faxpost_proto::user_store;

/// The texts of one language.
pub struct CertificateTexts {
    /// Date: the end.
    pub until: With1,
    /// Date, days.
    pub until_days: fn(&str, i32) -> String,
    /// It can sign.
    pub can_sign: Text,
    /// It is in the store of whoever sits here.
    pub own_store: Text,
    /// The account signs with it.
    pub used: Text,
    /// Labels of facts.
    pub subject: Text,
    /// Likewise.
    pub issuer: Text,
    /// Likewise.
    pub validity: Text,
    /// Likewise.
    pub addresses: Text,
    /// Likewise.
    pub usage: Text,
    /// Likewise.
    pub key: Text,
    /// Likewise.
    pub serial: Text,
    /// Likewise.
    pub revocation: Text,
    /// Likewise.
    pub used_by: Text,
    /// From, until.
    pub from_until: With2,
    /// A root that the machine trusts.
    pub trusted_root: Text,
    /// Issuer.
    pub issued_by: With1,
    /// The caller may not see them.
    pub holders_hidden: Text,
    /// There by the system.
    pub builtin: Text,
    /// Buttons: what is done at once.
    pub grant: With1,
    /// Likewise.
    pub revoke: Text,
    /// Likewise.
    pub install: Text,
    /// Likewise.
    pub install_own: Text,
    /// Likewise.
    pub delete: Text,
    /// Buttons: what must be asked for.
    pub ask_grant: With1,
    /// Likewise.
    pub ask_revoke: Text,
    /// Likewise.
    pub ask_install: Text,
    /// Likewise.
    pub ask_install_own: Text,
    /// Likewise.
    pub ask_delete: Text,
    /// Buttons about requests for a CA: what is done at once.
    pub csr: Text,
    /// Likewise.
    pub csr_make: Text,
    /// Likewise.
    pub csr_answer: Text,
    /// Likewise.
    pub csr_give_up: Text,
    /// Buttons: what must be asked for.
    pub ask_csr: Text,
    /// Likewise.
    pub csr_ask_make: Text,
    /// Likewise.
    pub ask_csr_answer: Text,
    /// Likewise.
    pub ask_csr_give_up: Text,
    /// File.
    pub csr_saved: With1,
    /// What was done.
    pub csr_given_up: Text,
    /// Subject: what giving up means.
    pub csr_question: With1,
    /// The dialog that chooses a file, by what it is for: title, and what is wanted.
    pub choose: fn(Purpose) -> (Text, Text),
    /// The button of that dialog: it does it, or asks for it.
    pub take_answer: Text,
    /// Likewise.
    pub ask_take_answer: Text,
    /// Likewise.
    pub install_file: Text,
    /// Likewise.
    pub ask_install_file: Text,
    /// Why not.
    pub denied: Text,
    /// Likewise.
    pub no_key: Text,
    /// Likewise.
    pub is_used: Text,
    /// What was done.
    pub granted: Text,
    /// Likewise.
    pub revoked: Text,
    /// Likewise.
    pub deleted: Text,
    /// Subject.
    pub installed: With1,
    /// Subject.
    pub already_installed: With1,
    /// It is in the form.
    pub taken: Text,
    /// Who signed, how.
    pub check_passed: With2,
    /// Who tried to.
    pub check_failed: With1,
    /// A key must be in the file, and is not.
    pub no_key_in: Text,
    /// The file is too large for a certificate.
    pub too_large: Text,
    /// Why a file or folder cannot be read.
    pub cannot_read: With1,
    /// The own store.
    pub user_store: fn(&user_store::Error) -> String,
    /// Number: waits for an administrator.
    pub pending: fn(i64) -> String,
    /// Number, what became of it.
    pub decided: fn(i64, &str) -> String,
    /// Who decided, and what he said.
    pub decided_by: With2,
}

pub(super) const EN: CertificateTexts = CertificateTexts {
    until: |date| format!("until {date}"),
    until_days: |date, days| match days {
        ..=-1 => format!("until {date}: over"),
        1 => format!("until {date}, 1 day left"),
        days => format!("until {date}, {days} days left"),
    },
    can_sign: "can sign",
    own_store: "in your own store",
    used: "in use",
    subject: "Subject",
    issuer: "Issuer",
    validity: "Valid",
    addresses: "Addresses",
    usage: "Usage",
    key: "Key",
    serial: "Serial number",
    revocation: "Revocation",
    used_by: "Used by accounts",
    from_until: |from, until| format!("{from} to {until}"),
    trusted_root: "trusted root",
    issued_by: |issuer| format!("issued by {issuer}"),
    holders_hidden: "Only administrators see who may use the key.",
    builtin: "by the system",
    grant: |account| format!("Allow {account}"),
    revoke: "Revoke",
    install: "Install from file…",
    install_own: "Install for this computer",
    delete: "Delete",
    ask_grant: |account| format!("Ask to allow {account}"),
    ask_revoke: "Ask to revoke",
    ask_install: "Ask to install a file…",
    ask_install_own: "Ask to install it for this computer",
    ask_delete: "Ask to delete",
    csr: "New signing request…",
    csr_make: "Make key and request",
    csr_answer: "Take the answer…",
    csr_give_up: "Give up",
    ask_csr: "Ask for a signing request…",
    csr_ask_make: "Ask for key and request",
    ask_csr_answer: "Ask to take the answer…",
    ask_csr_give_up: "Ask to give up",
    csr_saved: |path| format!("Saved: {path}"),
    csr_given_up: "The request is given up, and its key deleted.",
    csr_question: |subject| {
        format!(
            "{subject}: its private key is deleted, and the answer of a certificate authority would be of no use."
        )
    },
    choose: |purpose| match purpose {
        Purpose::Install => {
            ("Install from a file", "A file with certificate and private key: .p12, .pfx or .pem.")
        }
        Purpose::Answer => (
            "Take the authority's answer",
            "The certificate that the authority sent: .cer, .crt, .pem or .p7b. It is put onto the key that waits for it.",
        ),
    },
    take_answer: "Take it",
    ask_take_answer: "Ask to take it",
    install_file: "Install",
    ask_install_file: "Ask to install",
    denied: "The policy does not allow that.",
    no_key: "Its private key is not on this computer.",
    is_used: "An account signs with it.",
    granted: "The service account may use the key.",
    revoked: "The right to use the key was taken away.",
    deleted: "The certificate and its key are deleted.",
    installed: |subject| format!("Installed: {subject}"),
    already_installed: |subject| format!("It was there already: {subject}"),
    taken: "It is chosen for this account. Apply the change on the account page (Ctrl+S).",
    check_passed: |who, how| format!("Signed as {who} and verified ({how})."),
    check_failed: |who| format!("{who} could not sign."),
    no_key_in: "There is no private key in this file.",
    too_large: "This file is too large to be a certificate.",
    cannot_read: |why| format!("It cannot be read: {why}."),
    user_store: |error| {
        match error {
        user_store::Error::NoStore => "This system keeps no store of your own certificates.".to_owned(),
        user_store::Error::NotFound => "Your own store does not have it any more.".to_owned(),
        user_store::Error::NoKey => "Your own store has no private key with it.".to_owned(),
        user_store::Error::NotExportable => {
            "The private key is marked as not exportable: it cannot leave your store. Install the original file (.pfx or \
             .p12) instead."
                .to_owned()
        }
        user_store::Error::Failed(why) => format!("Your own store failed: {why}"),
    }
    },
    pending: |number| {
        format!("Request {number} waits for an administrator. What becomes of it is shown here.")
    },
    decided: |number, state| format!("Request {number}: {state}."),
    decided_by: |who, said| if said.is_empty() { who.to_owned() } else { format!("{who}: {said}") },
};

pub(super) const RU: CertificateTexts = CertificateTexts {
    until: |date| format!("до {date}"),
    until_days: |date, days| match days {
        ..=-1 => format!("до {date}: истёк"),
        days => format!("до {date}, осталось дней: {days}"),
    },
    can_sign: "может подписывать",
    own_store: "в вашем хранилище",
    used: "используется",
    subject: "Владелец",
    issuer: "Издатель",
    validity: "Действует",
    addresses: "Адреса",
    usage: "Назначение",
    key: "Ключ",
    serial: "Серийный номер",
    revocation: "Отзыв",
    used_by: "Учётные записи",
    from_until: |from, until| format!("с {from} до {until}"),
    trusted_root: "доверенный корень",
    issued_by: |issuer| format!("издатель {issuer}"),
    holders_hidden: "Кому доступен ключ, видят только администраторы.",
    builtin: "от системы",
    grant: |account| format!("Разрешить {account}"),
    revoke: "Отозвать",
    install: "Установить из файла…",
    install_own: "Установить для компьютера",
    delete: "Удалить",
    ask_grant: |account| format!("Просить доступ для {account}"),
    ask_revoke: "Просить отозвать",
    ask_install: "Просить установить файл…",
    ask_install_own: "Просить установить для компьютера",
    ask_delete: "Просить удалить",
    csr: "Новый запрос…",
    csr_make: "Создать ключ и запрос",
    csr_answer: "Принять ответ…",
    csr_give_up: "Отказаться",
    ask_csr: "Просить создать запрос…",
    csr_ask_make: "Просить ключ и запрос",
    ask_csr_answer: "Просить принять ответ…",
    ask_csr_give_up: "Просить отказаться",
    csr_saved: |path| format!("Сохранено: {path}"),
    csr_given_up: "От запроса отказались, его ключ удалён.",
    csr_question: |subject| {
        format!("{subject}: закрытый ключ будет удалён, и ответ удостоверяющего центра станет бесполезен.")
    },
    choose: |purpose| match purpose {
        Purpose::Install => {
            ("Установка из файла", "Файл с сертификатом и закрытым ключом: .p12, .pfx или .pem.")
        }
        Purpose::Answer => (
            "Принять ответ удостоверяющего центра",
            "Сертификат, который прислал центр: .cer, .crt, .pem или .p7b. Он соединится с ключом, который его ждёт.",
        ),
    },
    take_answer: "Принять",
    ask_take_answer: "Просить принять",
    install_file: "Установить",
    ask_install_file: "Просить установить",
    denied: "Политика этого не разрешает.",
    no_key: "Его закрытого ключа на этом компьютере нет.",
    is_used: "Им подписывает учётная запись.",
    granted: "Служебная запись может пользоваться ключом.",
    revoked: "Право пользоваться ключом отозвано.",
    deleted: "Сертификат и его ключ удалены.",
    installed: |subject| format!("Установлен: {subject}"),
    already_installed: |subject| format!("Он уже был: {subject}"),
    taken: "Он выбран для этой учётной записи. Примените изменение на странице учётной записи (Ctrl+S).",
    check_passed: |who, how| format!("Подписано от имени {who} и проверено ({how})."),
    check_failed: |who| format!("Подписать от имени {who} не удалось."),
    no_key_in: "В этом файле нет закрытого ключа.",
    too_large: "Этот файл слишком велик для сертификата.",
    cannot_read: |why| format!("Прочитать не удалось: {why}."),
    user_store: |error| {
        match error {
        user_store::Error::NoStore => "В этой системе нет хранилища ваших сертификатов.".to_owned(),
        user_store::Error::NotFound => "В вашем хранилище его больше нет.".to_owned(),
        user_store::Error::NoKey => "В вашем хранилище нет его закрытого ключа.".to_owned(),
        user_store::Error::NotExportable => {
            "Закрытый ключ помечен как неэкспортируемый и не может покинуть ваше хранилище. Установите исходный файл \
             (.pfx или .p12)."
                .to_owned()
        }
        user_store::Error::Failed(why) => format!("Ошибка вашего хранилища: {why}"),
    }
    },
    pending: |number| format!("Заявка {number} ждёт администратора. Что с ней станет, будет видно здесь."),
    decided: |number, state| format!("Заявка {number}: {state}."),
    decided_by: |who, said| if said.is_empty() { who.to_owned() } else { format!("{who}: {said}") },
};
