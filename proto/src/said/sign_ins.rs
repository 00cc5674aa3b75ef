//! Of alarms, and of sign-ins at providers: what goes wrong there more rarely.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // alarms: those that say more than their code
    (
        "the sign-in was lost, and mail is held until it is repaired ({})",
        "вход утрачен: письма ждут, пока не войдут заново ({})",
    ),
    ("mail waits and is not sent: {}", "письма ждут и не отправляются: {}"),
    (
        "the signing certificate {} ends in less than a day, on {}: after that mail waits; install its successor before",
        "сертификат подписи {} закончится менее чем через день, {}: после этого письма будут ждать; установите новый заранее",
    ),
    (
        "the signing certificate {} ends in a day, on {}: after that mail waits; install its successor before",
        "сертификат подписи {} закончится через день, {}: после этого письма будут ждать; установите новый заранее",
    ),
    (
        "the signing certificate {} ends in {} days, on {}: after that mail waits; install its successor before",
        "сертификат подписи {} закончится через {} дн., {}: после этого письма будут ждать; установите новый заранее",
    ),
    (
        "one message waits because mail cannot be signed: {}",
        "одно письмо ждёт, потому что его не удалось подписать: {}",
    ),
    (
        "{} messages wait because mail cannot be signed: {}",
        "ждут письма ({}), потому что их не удалось подписать: {}",
    ),
    (
        "mail of others waits because it cannot be signed; administrators see why",
        "ждут чужие письма: их не удалось подписать; причину видят администраторы",
    ),
    // signing in
    (
        "there is no such sign-in under way: it was ended before, took more than ten minutes, or is somebody else's; begin again",
        "такого входа нет: он уже закончен, длился больше десяти минут или начат не вами; начните заново",
    ),
    (
        "the answer is of another issuer than the account's",
        "ответ пришёл от другого издателя, не от того, который у учётной записи",
    ),
    (
        "must be http://127.0.0.1:PORT/…, http://[::1]:PORT/… or http://localhost:PORT/…",
        "нужно http://127.0.0.1:ПОРТ/…, http://[::1]:ПОРТ/… или http://localhost:ПОРТ/…",
    ),
    ("has {} twice", "{} встречается дважды"),
    ("has no state", "нет state"),
    ("has neither code nor error, or both", "нет ни code, ни error, или есть оба"),
    ("{} field(s) cannot be as they are", "неверных полей: {}"),
    ("the scope {} was not granted", "область доступа {} не разрешена"),
    ("the account's OAuth settings are not complete", "параметры OAuth учётной записи заданы не полностью"),
    ("somebody signed out meanwhile", "тем временем кто-то вышел"),
    (
        "the access token is over, and the provider gave nothing to renew it with",
        "срок токена доступа истёк, а продлить его нечем: провайдер ничего для этого не выдал",
    ),
    (
        "the account's tokens or client secret cannot be unsealed: the sealing key was replaced, or the database edited; sign in again",
        "токены или секрет клиента не открыть: ключ службы заменён, или база данных изменена; войдите снова",
    ),
    ("{}; set the client secret anew and sign in again", "{}; задайте секрет клиента заново и войдите снова"),
    ("{}; set the password anew", "{}; задайте пароль заново"),
    ("{}; sign in first", "{}; сначала войдите"),
    ("the sealing key {} is not usable", "ключ службы {} непригоден"),
    (
        "a sealed secret cannot be opened: it was sealed with another key, for something else, or is damaged",
        "сохранённый секрет не открыть: он запечатан другим ключом, для другого или повреждён",
    ),
    // the provider's answers
    ("the provider did not answer in time: {}", "провайдер не ответил вовремя: {}"),
    ("the provider cannot be reached: {}", "провайдер недоступен: {}"),
    ("the provider's answer is larger than {} octets", "ответ провайдера больше {} байт"),
    ("the provider names no web page for the code", "провайдер не назвал страницу, на которой вводят код"),
    ("the device codes are not usable", "коды для входа на другом устройстве непригодны"),
    ("the {} endpoint is not usable: {}", "адрес провайдера ({}) непригоден: {}"),
    ("the mailer answered another question", "отправитель ответил не на тот вопрос"),
    // an issuer's metadata
    ("required: the issuer's URL", "обязательно: URL издателя"),
    ("an endpoint of the issuer's metadata {}", "адрес в метаданных издателя: {}"),
    ("the issuer has no metadata", "у издателя нет метаданных"),
    ("the issuer is not a URL: {}", "издатель — это не URL: {}"),
    (
        "the issuer's metadata cannot be read (HTTP status {})",
        "метаданные издателя не прочитать (код HTTP {})",
    ),
    ("what is there is no metadata of an issuer", "то, что там лежит, — не метаданные издателя"),
    ("the metadata is that of another issuer: {}", "это метаданные другого издателя: {}"),
];
