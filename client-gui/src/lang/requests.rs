//! The requests page.

use super::Text;
use crate::state::requests::Barrier;

/// The texts of one language.
pub struct RequestsTexts {
    /// What is asked for, by its method; `None`: the method itself.
    pub what: fn(&str) -> Option<Text>,
    /// Columns and labels of facts.
    pub state: Text,
    /// Likewise.
    pub number: Text,
    /// Likewise.
    pub asked: Text,
    /// Likewise.
    pub who: Text,
    /// Likewise.
    pub when: Text,
    /// Likewise.
    pub until: Text,
    /// What the approval is bound to.
    pub digest: Text,
    /// Who decided.
    pub decided_by: Text,
    /// When.
    pub decided: Text,
    /// What he said.
    pub said: Text,
    /// How carrying it out ended.
    pub outcome: Text,
    /// Why it cannot be done.
    pub barrier: fn(Barrier) -> Text,
    /// Number: carried out.
    pub approved: fn(i64) -> String,
    /// Number: approved, and carrying it out failed.
    pub failed: fn(i64) -> String,
    /// Number.
    pub refused: fn(i64) -> String,
    /// Number.
    pub withdrawn: fn(i64) -> String,
    /// Nothing is there: for administrators.
    pub nothing: Text,
    /// Likewise.
    pub nothing_detail: Text,
    /// Likewise: for everybody else.
    pub nothing_mine: Text,
    /// Likewise.
    pub nothing_mine_detail: Text,
    /// They may not be looked at.
    pub denied: Text,
}

pub(super) const EN: RequestsTexts = RequestsTexts {
    what: |method| {
        Some(match method {
            "Certificates/InstallCertificate" => "Install a certificate",
            "Certificates/DeleteCertificate" => "Delete a certificate",
            "Certificates/GrantKeyAccess" => "Allow the use of a key",
            "Certificates/RevokeKeyAccess" => "Take the use of a key away",
            "Certificates/CreateSigningRequest" => "Make a key and ask a CA",
            "Certificates/InstallSigningAnswer" => "Install a CA's answer",
            "Certificates/DeleteSigningRequest" => "Give a request to a CA up",
            _ => return None,
        })
    },
    state: "State",
    number: "No.",
    asked: "What",
    who: "Who asks",
    when: "When",
    until: "Waits until",
    digest: "SHA-256 of it",
    decided_by: "Decided by",
    decided: "Decided",
    said: "And said",
    outcome: "How it ended",
    barrier: |barrier| match barrier {
        Barrier::Denied => "The policy does not allow that.",
        Barrier::Decided => "It is decided already.",
        Barrier::Own => "You asked for it yourself: another administrator must approve it.",
        Barrier::Foreign => "Somebody else asked for it: only he can take it back.",
    },
    approved: |number| format!("Request {number} is approved and carried out."),
    failed: |number| format!("Request {number} is approved, and carrying it out failed."),
    refused: |number| format!("Request {number} is refused."),
    withdrawn: |number| format!("Request {number} is taken back."),
    nothing: "Nobody asks for anything.",
    nothing_detail: "What somebody may not do without your approval will stand here.",
    nothing_mine: "You have asked for nothing.",
    nothing_mine_detail: "What you ask for, e.g. on the certificate page, stands here until an administrator has decided.",
    denied: "The policy does not let you see requests.",
};

pub(super) const RU: RequestsTexts = RequestsTexts {
    what: |method| {
        Some(match method {
            "Certificates/InstallCertificate" => "Установить сертификат",
            "Certificates/DeleteCertificate" => "Удалить сертификат",
            "Certificates/GrantKeyAccess" => "Разрешить пользоваться ключом",
            "Certificates/RevokeKeyAccess" => "Отобрать право на ключ",
            "Certificates/CreateSigningRequest" => "Создать ключ и запрос в УЦ",
            "Certificates/InstallSigningAnswer" => "Установить ответ УЦ",
            "Certificates/DeleteSigningRequest" => "Отказаться от запроса в УЦ",
            _ => return None,
        })
    },
    state: "Состояние",
    number: "№",
    asked: "Что",
    who: "Кто просит",
    when: "Когда",
    until: "Ждёт до",
    digest: "SHA-256 этого",
    decided_by: "Решил",
    decided: "Решено",
    said: "Сказал при этом",
    outcome: "Чем кончилось",
    barrier: |barrier| match barrier {
        Barrier::Denied => "Политика этого не разрешает.",
        Barrier::Decided => "Решение уже принято.",
        Barrier::Own => "Это ваша заявка: одобрить её должен другой администратор.",
        Barrier::Foreign => "Это чужая заявка: отозвать её может только её автор.",
    },
    approved: |number| format!("Заявка {number} одобрена и выполнена."),
    failed: |number| format!("Заявка {number} одобрена, но выполнить её не удалось."),
    refused: |number| format!("Заявка {number} отклонена."),
    withdrawn: |number| format!("Заявка {number} отозвана."),
    nothing: "Никто ни о чём не просит.",
    nothing_detail: "Здесь будет то, что кому-то нельзя без вашего одобрения.",
    nothing_mine: "Вы ни о чём не просили.",
    nothing_mine_detail: "То, о чём вы просите, например на странице сертификата, видно здесь, пока администратор не решит.",
    denied: "Политика не разрешает вам видеть заявки.",
};
