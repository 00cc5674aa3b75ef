//! The way to the daemon.

use super::{Text, With1, With2};

/// The texts of one language.
pub struct ReachTexts {
    /// Nobody knows yet.
    pub connecting: Text,
    /// Endpoint.
    pub not_running: With1,
    /// It comes back by itself.
    pub restarting: Text,
    /// Endpoint.
    pub denied: With1,
    /// Endpoint, what gave it away.
    pub impostor: With2,
    /// Endpoint, why.
    pub failed: With2,
}

pub(super) const EN: ReachTexts = ReachTexts {
    connecting: "This takes a moment.",
    not_running: |endpoint| {
        format!(
            "Nobody listens at {endpoint}. Start the service: in Windows' list of services it is called Faxpost; on \
             Linux, “systemctl start faxpost”. That wants an administrator."
        )
    },
    restarting: "The connection ended a moment ago. Usually the service is back within seconds.",
    denied: |endpoint| {
        format!("The system does not let this account open {endpoint}. An administrator can change that.")
    },
    impostor: |endpoint, why| {
        format!(
            "Whoever listens at {endpoint} is not the Faxpost service: {why}. Nothing was sent there. If the address is \
             right, somebody may be trying to read mail and passwords: tell an administrator."
        )
    },
    failed: |endpoint, why| format!("{endpoint}: {why}"),
};

pub(super) const RU: ReachTexts = ReachTexts {
    connecting: "Это займёт мгновение.",
    not_running: |endpoint| {
        format!(
            "По адресу {endpoint} никто не отвечает. Запустите службу: в списке служб Windows она называется Faxpost, в \
             Linux — «systemctl start faxpost». Для этого нужны права администратора."
        )
    },
    restarting: "Соединение только что прервалось. Обычно служба возвращается за несколько секунд.",
    denied: |endpoint| {
        format!("Система не даёт этой записи открыть {endpoint}. Изменить это может администратор.")
    },
    impostor: |endpoint, why| {
        format!(
            "По адресу {endpoint} отвечает не служба Faxpost: {why}. Ничего не отправлено. Если адрес верный, возможно, \
             кто-то пытается прочитать почту и пароли: сообщите администратору."
        )
    },
    failed: |endpoint, why| format!("{endpoint}: {why}"),
};
