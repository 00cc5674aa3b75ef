//! Alarms of the status for people.
//!
//! The wire carries a code, the English sentence and, for what is still to come, the time. A sentence that says more than its
//! code (which certificate, how many messages, why) is translated whole; all others by the code, which another version of the
//! daemon has, too.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::advice::Language;
use crate::said::said;
use crate::v1::Alarm;

const DAY: i64 = 86_400;

/// The alarm's sentence. The daemon's own for English, and for codes that this version does not know.
#[must_use]
pub fn text(alarm: &Alarm, language: Language) -> Cow<'_, str> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    text_at(alarm, language, i64::try_from(now).unwrap_or(i64::MAX))
}

fn text_at(alarm: &Alarm, language: Language, now: i64) -> Cow<'_, str> {
    if language == Language::En {
        return Cow::Borrowed(&alarm.text);
    }
    if let whole @ Cow::Owned(_) = said(&alarm.text, language) {
        return whole;
    }
    let due = alarm.due_time.as_ref().map(|due| when(due.seconds, now));
    match (alarm.reason.as_str(), due) {
        ("CERTIFICATE_EXPIRING", Some(when)) => Cow::Owned(format!(
            "сертификат подписи {when}: после этого письма будут ждать; установите новый заранее"
        )),
        ("OAUTH_CLIENT_SECRET_EXPIRING", Some(when)) => Cow::Owned(format!(
            "секрет клиента OAuth {when}: создайте у провайдера новый и задайте oauth-client-secret"
        )),
        ("OAUTH_REFRESH_TOKEN_AGEING", Some(when)) => {
            Cow::Owned(format!("токен обновления {when}: войдите заново (faxpost signin)"))
        }
        (code, _) => russian(code).map_or(Cow::Borrowed(alarm.text.as_str()), Cow::Borrowed),
    }
}

fn russian(code: &str) -> Option<&'static str> {
    Some(match code {
        "ACCEPT_INVALID" => {
            "сертификат сервера не проверяется (tls-check=accept-invalid): письма и пароль может прочитать любой на пути \
             к серверу; лучше закрепите сертификат"
        }
        "CERTIFICATE_UNUSABLE" => {
            "письма ждут: их нечем подписать. Что не так с сертификатом, покажет faxpost cert candidates"
        }
        "MAIL_UNSIGNED" => "письма ждут: их не удалось подписать. Причина: faxpost outbox list",
        "NO_PASSWORD" => "вход включён, но пароль не задан: письма ждут, пока его не зададут",
        "OAUTH_LOST" => "вход по OAuth 2.0 утрачен: письма ждут, пока не войдут заново (faxpost signin)",
        "OAUTH_REFRESH_TOKEN_AGEING" => {
            "провайдер не выдал токен обновления: когда закончится токен доступа, нужно будет войти заново (Microsoft: \
             добавьте offline_access в scope; Google: войдите заново)"
        }
        "OAUTH_SIGNED_OUT" => "никто не вошёл по OAuth 2.0: письма ждут входа (faxpost signin)",
        "PASSWORD_UNUSABLE" => {
            "сохранённый пароль не открыть: ключ службы заменён, или база данных изменена; задайте пароль заново"
        }
        "PLAINTEXT_AUTH" => "пароль передаётся по сети без TLS",
        _ => return None,
    })
}

/// "закончится через 5 дн."; as whole days, so that it does not change with every look.
fn when(due: i64, now: i64) -> String {
    match due.saturating_sub(now) {
        ..=0 => "больше не действует".to_owned(),
        1..DAY => "закончится менее чем через день".to_owned(),
        left => format!("закончится через {} дн.", left / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(reason: &str, due: Option<i64>) -> Alarm {
        let due_time = due.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 });
        Alarm { reason: reason.into(), text: "English.".into(), due_time, ..Default::default() }
    }

    #[test]
    fn g1_alarms_are_told_in_russian_with_what_is_left() {
        let told = |left| text_at(&alarm("CERTIFICATE_EXPIRING", Some(left)), Language::Ru, 0).into_owned();
        assert!(
            told(5 * DAY + 9).starts_with("сертификат подписи закончится через 5 дн."),
            "{}",
            told(5 * DAY)
        );
        assert!(told(DAY - 1).contains("менее чем через день"));
        assert!(told(-1).contains("больше не действует"));
        assert_eq!(
            text_at(&alarm("PLAINTEXT_AUTH", None), Language::Ru, 0),
            "пароль передаётся по сети без TLS"
        );
    }

    #[test]
    fn g2_alarms_with_particulars_are_told_in_russian_with_them() {
        for (reason, english, russian) in [
            (
                "OAUTH_LOST",
                "the sign-in was lost, and mail is held until it is repaired (the provider refused: invalid_grant)",
                "вход утрачен: письма ждут, пока не войдут заново (провайдер отказал: invalid_grant)",
            ),
            (
                "CERTIFICATE_UNUSABLE",
                "mail waits and is not sent: no certificate is in the machine's store that could sign for a@b.example",
                "письма ждут и не отправляются: в хранилище компьютера нет сертификата, который мог бы подписать за \
                 a@b.example",
            ),
            (
                "CERTIFICATE_EXPIRING",
                "the signing certificate CN=Fax Office ends in 12 days, on 2026-12-09: after that mail waits; install \
                 its successor before",
                "сертификат подписи CN=Fax Office закончится через 12 дн., 2026-12-09: после этого письма будут ждать; \
                 установите новый заранее",
            ),
            (
                "MAIL_UNSIGNED",
                "3 messages wait because mail cannot be signed: the certificates cannot be read",
                "ждут письма (3), потому что их не удалось подписать: сертификаты не прочитать",
            ),
        ] {
            let alarm = Alarm { text: english.into(), ..alarm(reason, Some(DAY)) };
            assert_eq!(text_at(&alarm, Language::Ru, 0), russian);
            assert_eq!(text_at(&alarm, Language::En, 0), english);
        }
    }

    #[test]
    fn g1_english_and_unknown_alarms_are_told_as_the_daemon_tells_them() {
        assert_eq!(text_at(&alarm("PLAINTEXT_AUTH", None), Language::En, 0), "English.");
        assert_eq!(text_at(&alarm("OF_A_LATER_VERSION", Some(9)), Language::Ru, 0), "English.");
    }
}
