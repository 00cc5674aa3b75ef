//! The test page.

use super::{Text, With1};
use crate::state::test::Stand;
use faxpost_proto::v1::Step;

/// The texts of one language.
pub struct TestTexts {
    /// How far a test may go.
    pub until: fn(Step) -> Text,
    /// How a step stands, for a screen reader; the time where there is one.
    pub stand: fn(Stand) -> Text,
    /// Fields: they are tried, and not saved.
    pub unsaved: With1,
    /// Placeholder: the sender's address.
    pub to_the_sender: Text,
    /// All is well.
    pub passed: Text,
    /// A message went out: to whom.
    pub sent: With1,
    /// A person stopped it.
    pub stopped: Text,
    /// The policy.
    pub denied: Text,
    /// A number is no number.
    pub incomplete: Text,
    /// It was pinned in the form.
    pub pinned: Text,
    /// Labels of a certificate.
    pub subject: Text,
    /// Likewise.
    pub issuer: Text,
    /// Likewise.
    pub validity: Text,
    /// Likewise.
    pub names: Text,
    /// From, until.
    pub from_until: super::With2,
    /// Days that are left of a certificate.
    pub days_left: fn(i32) -> String,
    /// Why the system would have refused it.
    pub tolerated: With1,
}

pub(super) const EN: TestTexts = TestTexts {
    until: |step| match step {
        Step::Recipient => "Up to the recipient: nothing is sent",
        Step::SignIn => "Up to the sign-in",
        Step::Tls => "Up to TLS",
        Step::Connect => "Up to the connection",
        _ => "To the end: a message is sent",
    },
    stand: |stand| match stand {
        Stand::Ahead => "not tried",
        Stand::Running => "under way",
        Stand::Passed => "passed",
        Stand::Failed => "failed",
        Stand::Skipped => "not needed",
        Stand::Stopped => "stopped",
    },
    unsaved: |fields| format!("With your unsaved changes: {fields}."),
    to_the_sender: "the sender",
    passed: "The test passed.",
    sent: |to| format!("A message is on its way to {to}."),
    stopped: "The test was stopped.",
    denied: "The policy does not allow you to test accounts.",
    incomplete: "A number on the account page is none.",
    pinned: "The certificate is chosen as the only one. Test again, then apply.",
    subject: "Subject",
    issuer: "Issuer",
    validity: "Valid",
    names: "Names",
    from_until: |from, until| format!("{from} to {until}"),
    days_left: |days| match days {
        ..=-1 => format!("over for {} days", days.unsigned_abs()),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    },
    tolerated: |why| format!("The system's check would have refused it: {why}"),
};

pub(super) const RU: TestTexts = TestTexts {
    until: |step| match step {
        Step::Recipient => "До получателя: ничего не отправляется",
        Step::SignIn => "До входа",
        Step::Tls => "До TLS",
        Step::Connect => "До соединения",
        _ => "До конца: письмо будет отправлено",
    },
    stand: |stand| match stand {
        Stand::Ahead => "не выполнялся",
        Stand::Running => "выполняется",
        Stand::Passed => "успешно",
        Stand::Failed => "не удался",
        Stand::Skipped => "не требуется",
        Stand::Stopped => "остановлен",
    },
    unsaved: |fields| format!("С вашими несохранёнными изменениями: {fields}."),
    to_the_sender: "отправителю",
    passed: "Тест пройден.",
    sent: |to| format!("Письмо отправлено на {to}."),
    stopped: "Тест остановлен.",
    denied: "Политика не разрешает вам проверять учётные записи.",
    incomplete: "Одно из чисел на странице учётной записи — не число.",
    pinned: "Сертификат выбран как единственный. Повторите тест, затем примените.",
    subject: "Владелец",
    issuer: "Издатель",
    validity: "Действует",
    names: "Имена",
    from_until: |from, until| format!("с {from} до {until}"),
    days_left: |days| match days {
        ..=-1 => format!("истёк, дней назад: {}", days.unsigned_abs()),
        days => format!("осталось дней: {days}"),
    },
    tolerated: |why| format!("Системная проверка отвергла бы его: {why}"),
};
