//! What policy and audit log name, and what is said of an account by its name alone.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // who is who
    ("the account of the daemon", "учётная запись службы"),
    ("the account of the mailer", "учётная запись отправителя"),
    ("service accounts (S-1-5-80-*)", "учётные записи служб (S-1-5-80-*)"),
    ("Administrators, elevated (S-1-5-32-544)", "администраторы с повышенными правами (S-1-5-32-544)"),
    (
        "everybody else, but not ANONYMOUS LOGON (S-1-5-7), NETWORK (S-1-5-2), Guests (S-1-5-32-546) and nobody (uid:65534)",
        "все остальные, кроме ANONYMOUS LOGON (S-1-5-7), NETWORK (S-1-5-2), гостей (S-1-5-32-546) и nobody (uid:65534)",
    ),
    // where accounts, mail and log are
    ("SQLite in the state folder", "SQLite в папке данных"),
    ("PostgreSQL in {}, port {}, database {}, user {}", "PostgreSQL в {}, порт {}, база {}, пользователь {}"),
    ("PostgreSQL at {}, database {}, user {}", "PostgreSQL на {}, база {}, пользователь {}"),
    // the audit log
    ("local, process {}", "этот компьютер, процесс {}"),
    ("local", "этот компьютер"),
    ("approved by {}", "одобрено: {}"),
    (
        "{} (and {} more that were denied or failed, not listed)",
        "{} (и ещё {} запрещённых или неудачных, не перечислены)",
    ),
    ("account {}: back to revision {}", "учётная запись {}: возврат к версии {}"),
    ("account {}, scope {}", "учётная запись {}, область доступа {}"),
    // They fit more than others: last.
    ("account {}: {}", "учётная запись {}: {}"),
    ("account {}", "учётная запись {}"),
    ("there is no account {}", "учётной записи {} нет"),
    // Much could be this: it stands last of all.
    ("{} and {} more", "{} и ещё {}"),
];
