//! The log page.

use super::{Text, With1};
use crate::state::log::Span;

/// The texts of one language.
pub struct LogTexts {
    /// The first choice of a filter.
    pub any_outcome: Text,
    /// Likewise.
    pub any_kind: Text,
    /// Likewise.
    pub any_account: Text,
    /// When it was.
    pub span: fn(Span) -> Text,
    /// What was typed, and is no day.
    pub no_day: With1,
    /// Columns.
    pub time: Text,
    /// Likewise.
    pub kind: Text,
    /// Likewise.
    pub outcome: Text,
    /// Likewise, and labels of facts.
    pub recipients: Text,
    /// Likewise.
    pub subject: Text,
    /// Likewise.
    pub message: Text,
    /// Likewise.
    pub sender: Text,
    /// Likewise.
    pub caller: Text,
    /// Likewise.
    pub account: Text,
    /// Likewise.
    pub method: Text,
    /// Likewise.
    pub server: Text,
    /// Likewise.
    pub size: Text,
    /// Likewise.
    pub attempt: Text,
    /// Likewise.
    pub duration: Text,
    /// Likewise.
    pub number: Text,
    /// Size of a message.
    pub bytes: fn(i64) -> String,
    /// What became of a recipient.
    pub delivered: Text,
    /// Likewise.
    pub not_delivered: Text,
    /// What a caller did: the word of the wire, else itself.
    pub steered: fn(&str) -> Option<Text>,
    /// New entries that are not shown yet.
    pub news: fn(i32) -> String,
    /// Nothing is there.
    pub nothing: Text,
    /// Likewise: of what is looked for.
    pub nothing_found: Text,
    /// What to do about that.
    pub nothing_detail: Text,
    /// Likewise.
    pub nothing_found_detail: Text,
    /// The dialogue was longer.
    pub truncated: Text,
    /// Only one message's entries are shown: its id.
    pub only_message: With1,
    /// Entries that were written.
    pub exporting: fn(u64) -> String,
    /// Entries, path.
    pub exported: fn(u64, &str) -> String,
    /// Such a file is there.
    pub exists: Text,
    /// It cannot be written: why.
    pub cannot_write: With1,
}

pub(super) const EN: LogTexts = LogTexts {
    any_outcome: "Any outcome",
    any_kind: "All kinds",
    any_account: "All accounts",
    span: |span| match span {
        Span::Any => "Any time",
        Span::Hour => "Last hour",
        Span::Today => "Today",
        Span::Week => "Last 7 days",
        Span::Month => "Last 30 days",
        Span::Between => "From … to …",
    },
    no_day: |typed| format!("“{typed}” is no day: write 2026-11-26 or 26.11.2026."),
    time: "Time",
    kind: "Kind",
    outcome: "Outcome",
    recipients: "Recipients",
    subject: "Subject",
    message: "Message",
    sender: "Sender",
    caller: "Caused by",
    account: "Account",
    method: "Method",
    server: "Server",
    size: "Size",
    attempt: "Attempt",
    duration: "Duration",
    number: "Entry",
    bytes: |bytes| format!("{bytes} bytes"),
    delivered: "delivered",
    not_delivered: "not delivered",
    steered: |word| match word {
        "retry" => Some("retried"),
        "hold" => Some("held"),
        "release" => Some("released"),
        "cancel" => Some("cancelled"),
        _ => None,
    },
    news: |count| match count {
        1 => "1 new entry".to_owned(),
        count => format!("{count} new entries"),
    },
    nothing: "Nothing was sent yet.",
    nothing_found: "Nothing is like that.",
    nothing_detail: "Every message, every attempt and every test will stand here.",
    nothing_found_detail: "Look for less.",
    truncated: "The dialogue was longer; only its beginning was kept.",
    only_message: |id| format!("Only message {id} is shown."),
    exporting: |count| format!("{count} entries written…"),
    exported: |count, path| format!("{count} entries were written to {path}."),
    exists: "There is such a file already, and nothing is overwritten. Choose another name.",
    cannot_write: |why| format!("It cannot be written: {why}."),
};

pub(super) const RU: LogTexts = LogTexts {
    any_outcome: "Любой исход",
    any_kind: "Все виды",
    any_account: "Все записи",
    span: |span| match span {
        Span::Any => "Любое время",
        Span::Hour => "За час",
        Span::Today => "Сегодня",
        Span::Week => "За 7 дней",
        Span::Month => "За 30 дней",
        Span::Between => "С … по …",
    },
    no_day: |typed| format!("«{typed}» — не дата: пишите 26.11.2026 или 2026-11-26."),
    time: "Время",
    kind: "Вид",
    outcome: "Исход",
    recipients: "Получатели",
    subject: "Тема",
    message: "Письмо",
    sender: "Отправитель",
    caller: "От кого исходило",
    account: "Учётная запись",
    method: "Способ",
    server: "Сервер",
    size: "Размер",
    attempt: "Попытка",
    duration: "Длительность",
    number: "Запись",
    bytes: |bytes| format!("{bytes} Б"),
    delivered: "доставлено",
    not_delivered: "не доставлено",
    steered: |word| match word {
        "retry" => Some("повторено"),
        "hold" => Some("задержано"),
        "release" => Some("отпущено"),
        "cancel" => Some("отменено"),
        _ => None,
    },
    news: |count| format!("Новых записей: {count}"),
    nothing: "Пока ничего не отправлено.",
    nothing_found: "Ничего такого нет.",
    nothing_detail: "Здесь будет каждое письмо, каждая попытка и каждая проверка.",
    nothing_found_detail: "Смягчите условия.",
    truncated: "Диалог был длиннее; сохранено только его начало.",
    only_message: |id| format!("Показано только письмо {id}."),
    exporting: |count| format!("Записано: {count}…"),
    exported: |count, path| format!("Записано строк: {count}, файл {path}."),
    exists: "Такой файл уже есть, а затирать ничего нельзя. Выберите другое имя.",
    cannot_write: |why| format!("Записать не удалось: {why}."),
};
