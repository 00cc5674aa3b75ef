//! The status page.

use faxpost_proto::v1::Node;

use super::{Text, With1, With2};
use crate::state::status::{Deed, Repair};

/// The texts of one language.
pub struct StatusTexts {
    /// Labels of facts.
    pub version: Text,
    /// Likewise.
    pub since: Text,
    /// Likewise.
    pub mailer: Text,
    /// Likewise.
    pub endpoint: Text,
    /// Likewise.
    pub state_dir: Text,
    /// Likewise.
    pub process: Text,
    /// Likewise.
    pub store: Text,
    /// Likewise.
    pub nodes: Text,
    /// One of the daemons of a database, and since when it runs.
    pub node: fn(&Node, &str) -> String,
    /// Label of a fact.
    pub name: Text,
    /// Likewise.
    pub role: Text,
    /// Likewise.
    pub may: Text,
    /// Likewise.
    pub may_ask: Text,
    /// Likewise.
    pub may_not: Text,
    /// Likewise.
    pub queued: Text,
    /// Likewise.
    pub held: Text,
    /// Likewise.
    pub oldest: Text,
    /// Likewise.
    pub pending: Text,
    /// A role by its word.
    pub role_of: fn(&str) -> Option<Text>,
    /// Something people do.
    pub deed: fn(Deed) -> Text,
    /// A name and the id.
    pub with_id: With2,
    /// The daemon's version differs from this window's.
    pub other_version: With1,
    /// The button to where an alarm is repaired.
    pub repair: fn(Repair) -> Text,
    /// Nothing is wrong.
    pub no_alarms: Text,
    /// Nobody is signed in anywhere.
    pub no_sign_ins: Text,
    /// Signed in by whom, when.
    pub signed_in_by: With2,
    /// None.
    pub none: Text,
}

pub(super) const EN: StatusTexts = StatusTexts {
    version: "Version",
    since: "Running since",
    mailer: "Mail is sent as",
    endpoint: "Endpoint",
    state_dir: "State folder",
    process: "Process",
    store: "Store",
    nodes: "Services",
    node: |node, since| {
        let signs = node.signs.join(", ");
        let more = [
            node.this_one.then(|| "this one".to_owned()),
            node.lost.then(|| "does not answer".to_owned()),
            (!signs.is_empty()).then(|| format!("signs: {signs}")),
        ];
        let known = format!("{} ({}), Faxpost {}, since {since}", node.machine, node.number, node.version);
        std::iter::once(known).chain(more.into_iter().flatten()).collect::<Vec<_>>().join(", ")
    },
    name: "Account",
    role: "Role",
    may: "You may",
    may_ask: "You may ask to",
    may_not: "You may not",
    queued: "Waiting",
    held: "Held",
    oldest: "The oldest since",
    pending: "Waiting for a decision",
    role_of: |role| match role {
        "administrator" => Some("administrator"),
        "service" => Some("service"),
        "user" => Some("user"),
        _ => None,
    },
    deed: |deed| match deed {
        Deed::Send => "send mail",
        Deed::Steer => "steer the outbox",
        Deed::ReadLog => "read the log",
        Deed::ChangeAccounts => "change accounts",
        Deed::MakeAccounts => "create and delete accounts",
        Deed::SignIn => "sign accounts in",
        Deed::Test => "test accounts",
        Deed::Certificates => "install and delete certificates",
        Deed::Keys => "say who may use keys",
        Deed::Decide => "decide about requests",
        Deed::Policy => "change the policy",
        Deed::Audit => "read the audit log",
    },
    with_id: |name, id| format!("{name} ({id})"),
    other_version: |own| format!("This window is of version {own}: install both of the same version."),
    repair: |repair| match repair {
        Repair::Account => "Account…",
        Repair::SignIn => "Sign-in…",
        Repair::Certificate => "Certificate…",
        Repair::Nowhere => "",
    },
    no_alarms: "All is well.",
    no_sign_ins: "Nobody is signed in by OAuth 2.0.",
    signed_in_by: |who, when| format!("{who}, {when}"),
    none: "none",
};

pub(super) const RU: StatusTexts = StatusTexts {
    version: "Версия",
    since: "Работает с",
    mailer: "Почта уходит от имени",
    endpoint: "Адрес службы",
    state_dir: "Папка данных",
    process: "Процесс",
    store: "Хранилище",
    nodes: "Службы",
    node: |node, since| {
        let signs = node.signs.join(", ");
        let more = [
            node.this_one.then(|| "эта служба".to_owned()),
            node.lost.then(|| "не отвечает".to_owned()),
            (!signs.is_empty()).then(|| format!("подписывает: {signs}")),
        ];
        let known = format!("{} ({}), Faxpost {}, с {since}", node.machine, node.number, node.version);
        std::iter::once(known).chain(more.into_iter().flatten()).collect::<Vec<_>>().join(", ")
    },
    name: "Запись",
    role: "Роль",
    may: "Вам можно",
    may_ask: "Можно просить",
    may_not: "Вам нельзя",
    queued: "Ждут отправки",
    held: "Задержаны",
    oldest: "Самое старое с",
    pending: "Ждут решения",
    role_of: |role| match role {
        "administrator" => Some("администратор"),
        "service" => Some("служба"),
        "user" => Some("пользователь"),
        _ => None,
    },
    deed: |deed| match deed {
        Deed::Send => "отправлять почту",
        Deed::Steer => "управлять исходящими",
        Deed::ReadLog => "читать журнал",
        Deed::ChangeAccounts => "менять учётные записи",
        Deed::MakeAccounts => "создавать и удалять учётные записи",
        Deed::SignIn => "выполнять вход учётных записей",
        Deed::Test => "проверять учётные записи",
        Deed::Certificates => "устанавливать и удалять сертификаты",
        Deed::Keys => "решать, кому доступны ключи",
        Deed::Decide => "решать о заявках",
        Deed::Policy => "менять политику",
        Deed::Audit => "читать журнал аудита",
    },
    with_id: |name, id| format!("{name} ({id})"),
    other_version: |own| format!("Это окно версии {own}: установите службу и окно одной версии."),
    repair: |repair| match repair {
        Repair::Account => "Учётная запись…",
        Repair::SignIn => "Вход…",
        Repair::Certificate => "Сертификат…",
        Repair::Nowhere => "",
    },
    no_alarms: "Всё в порядке.",
    no_sign_ins: "По OAuth 2.0 никто не вошёл.",
    signed_in_by: |who, when| format!("{who}, {when}"),
    none: "нет",
};
