//! The outbox page.

use super::{Text, With2};
use crate::state::outbox::{Barrier, Deed};

/// The texts of one language.
pub struct OutboxTexts {
    /// The first choice of a filter.
    pub any_state: Text,
    /// Columns.
    pub state: Text,
    /// Likewise, and a label of a fact.
    pub accepted: Text,
    /// Why it waits; also a label.
    pub why: Text,
    /// Labels of facts.
    pub next: Text,
    /// Likewise.
    pub expires: Text,
    /// Likewise.
    pub attempts: Text,
    /// It is not tried before it is released.
    /// Why the daemon holds it; empty: somebody does.
    pub held: fn(&str) -> Text,
    /// It is tried just now.
    pub sending: Text,
    /// Why something cannot be done.
    pub barrier: fn(Barrier) -> Text,
    /// What was done.
    pub done: fn(Deed) -> Text,
    /// Subject, recipients.
    pub cancel_question: With2,
    /// Instead of a subject.
    pub no_subject: Text,
    /// Nothing is there.
    pub nothing: Text,
    /// In this state.
    pub nothing_found: Text,
    /// What comes here.
    pub nothing_detail: Text,
    /// It changed below what is shown.
    pub changed: Text,
}

pub(super) const EN: OutboxTexts = OutboxTexts {
    any_state: "All states",
    state: "State",
    accepted: "Accepted",
    why: "Why",
    next: "Next attempt",
    expires: "Tried until",
    attempts: "Attempts",
    held: |reason| match reason {
        "" => "It waits until it is released.",
        "NOT_SIGNED_IN" | "SIGN_IN_LOST" => "It goes by itself as soon as somebody has signed in.",
        _ => "It goes by itself as soon as it can be signed.",
    },
    sending: "It is being tried now.",
    barrier: |barrier| match barrier {
        Barrier::Denied => "The policy does not allow that.",
        Barrier::Finished => "The message is finished; nothing more can be done with it.",
        Barrier::Held => "The message is held: release it.",
        Barrier::NotHeld => "The message is not held.",
    },
    done: |deed| match deed {
        Deed::Retry => "It is tried again at once.",
        Deed::Hold => "It is held, and not tried until it is released.",
        Deed::Release => "It is released, and tried at once.",
        Deed::Cancel => "It is cancelled.",
    },
    cancel_question: |subject, recipients| {
        format!(
            "“{subject}” is given up for everybody who was not reached yet: {recipients}. That cannot be undone."
        )
    },
    no_subject: "without a subject",
    nothing: "The outbox is empty.",
    nothing_found: "No message is like that.",
    nothing_detail: "Messages stand here from when they are accepted, and some weeks beyond their end.",
    changed: "The outbox has changed.",
};

pub(super) const RU: OutboxTexts = OutboxTexts {
    any_state: "Все состояния",
    state: "Состояние",
    accepted: "Принято",
    why: "Почему",
    next: "Следующая попытка",
    expires: "Попытки до",
    attempts: "Попыток",
    held: |reason| match reason {
        "" => "Ждёт, пока его не отпустят.",
        "NOT_SIGNED_IN" | "SIGN_IN_LOST" => "Уйдёт само, как только кто-нибудь войдёт.",
        _ => "Уйдёт само, как только его можно будет подписать.",
    },
    sending: "Отправляется прямо сейчас.",
    barrier: |barrier| match barrier {
        Barrier::Denied => "Политика этого не разрешает.",
        Barrier::Finished => "С письмом покончено; больше с ним ничего не сделать.",
        Barrier::Held => "Письмо задержано: отпустите его.",
        Barrier::NotHeld => "Письмо не задержано.",
    },
    done: |deed| match deed {
        Deed::Retry => "Новая попытка уже идёт.",
        Deed::Hold => "Письмо задержано: попыток не будет, пока его не отпустят.",
        Deed::Release => "Письмо отпущено, попытка уже идёт.",
        Deed::Cancel => "Письмо отменено.",
    },
    cancel_question: |subject, recipients| {
        format!(
            "Письмо «{subject}» не будет отправлено тем, кому ещё не доставлено: {recipients}. Вернуть это нельзя."
        )
    },
    no_subject: "без темы",
    nothing: "Исходящих нет.",
    nothing_found: "Таких писем нет.",
    nothing_detail: "Письма видны здесь с приёма и ещё несколько недель после завершения.",
    changed: "Исходящие изменились.",
};
