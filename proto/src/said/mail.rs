//! Of attempts and tests: what steps find, and how they fail.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // what a step finds
    ("connected to {}", "соединение с {}"),
    ("through the proxy {}", "через прокси {}"),
    ("{} through the proxy {}", "{} через прокси {}"),
    ("signed in as {} with {}", "вход выполнен как {} ({})"),
    ("not sent: only a test", "не отправлено: это только проверка"),
    ("not written: only a test", "не записано: это только проверка"),
    ("message {} on the connection to {}", "письмо № {} в соединении с {}"),
    ("the connection is kept for the next message", "соединение оставлено для следующего письма"),
    ("the server cannot do BDAT", "сервер не умеет BDAT"),
    ("once more, on a fresh connection", "ещё раз, в новом соединении"),
    ("taken; CDO does not tell the server's words", "принято; слов сервера CDO не сообщает"),
    (
        "seen by Faxpost's own engine: {} does not tell its steps",
        "по данным собственного метода Faxpost: {} о своих шагах не сообщает",
    ),
    (
        "the server has no reports of delivery to ask for (DSN)",
        "сервер не присылает отчётов о доставке (DSN)",
    ),
    // on the way there
    ("the name server did not answer in time", "сервер имён не ответил вовремя"),
    ("there is no host {}", "узла {} не существует"),
    ("{} has no address", "у {} нет адреса"),
    ("{} could not be looked up: {}", "{} не удалось найти: {}"),
    ("nobody listens on {}", "на {} никто не отвечает"),
    ("{} does not answer", "{} не отвечает"),
    ("{} cannot be reached: {}", "{} недоступен: {}"),
    ("the proxy: {}", "прокси: {}"),
    (
        "the proxy does not answer, or its way to the server does not",
        "прокси не отвечает, или не отвечает сервер за ним",
    ),
    (
        "the proxy wants a user name and a password, which is not supported",
        "прокси требует имя пользователя и пароль, а это не поддерживается",
    ),
    (
        "the proxy is none: what answers does not speak SOCKS5",
        "это не прокси: то, что отвечает, не говорит по SOCKS5",
    ),
    (
        "asked for {}, the proxy says that nobody listens there",
        "прокси сообщает, что на {} никто не отвечает",
    ),
    ("asked for {}, the proxy does not reach that host", "прокси не может связаться с {}"),
    ("asked for {}, the proxy has no way there", "у прокси нет пути к {}"),
    ("asked for {}, the proxy does not allow it", "прокси не разрешает соединение с {}"),
    ("asked for {}, the proxy failed at it", "прокси не справился с соединением с {}"),
    // the session
    ("the connection stands, but the server does not greet", "соединение есть, но сервер не приветствует"),
    ("the server did not answer in time", "сервер не ответил вовремя"),
    ("the server stopped taking the content", "сервер перестал принимать содержание письма"),
    ("the server closed the connection", "сервер закрыл соединение"),
    ("the connection broke: {}", "соединение прервалось: {}"),
    (
        "the server sent a line of more than {} bytes: this is not SMTP",
        "сервер прислал строку длиннее {} байт: это не SMTP",
    ),
    ("this is not an answer in SMTP: {}", "это не ответ SMTP: {}"),
    ("the lines of the server's answer have different codes", "в строках ответа сервера разные коды"),
    ("the server's answer does not end", "ответ сервера не кончается"),
    (
        "something was sent in plain text after the answer to STARTTLS: an injection",
        "после ответа на STARTTLS пришло что-то открытым текстом: это подмена",
    ),
    (
        "the server does not offer STARTTLS, which these settings require",
        "сервер не предлагает STARTTLS, а параметры его требуют",
    ),
    ("the server refused the sender: {}", "сервер отверг отправителя: {}"),
    ("the server refused the recipient: {}", "сервер отверг получателя: {}"),
    ("the server refused the message: {}", "сервер отверг письмо: {}"),
    ("the server refused the session: {}", "сервер отказал в сеансе: {}"),
    ("the server refused the sign-in with {}: {}", "сервер отказал во входе ({}): {}"),
    ("the server refused {}: {}", "сервер отверг {}: {}"),
    ("the server refused: {}", "сервер отверг: {}"),
    ("the server gave an unexpected answer to {}: {}", "сервер неожиданно ответил на {}: {}"),
    ("some recipients were refused", "отвергнуты некоторые получатели"),
    // TLS
    ("{} is not a name that a certificate can have", "{} — не имя, которое бывает в сертификате"),
    ("the TLS handshake did not end in time", "согласование TLS не закончилось вовремя"),
    ("the TLS handshake failed: {}", "не удалось согласовать TLS: {}"),
    ("the connection broke in the TLS handshake: {}", "соединение прервалось при согласовании TLS: {}"),
    (
        "what the server sent is not TLS: on this port it seems to speak plainly first",
        "сервер прислал не TLS: похоже, на этом порту он начинает открытым текстом",
    ),
    ("the server's certificate is not the pinned one", "сертификат сервера — не тот, который закреплён"),
    ("the certificate could not be checked: {}", "сертификат не удалось проверить: {}"),
    ("the server's certificate has expired", "срок сертификата сервера истёк"),
    ("the server's certificate is not valid yet", "сертификат сервера ещё не действует"),
    ("the server's certificate is for another name", "сертификат сервера выдан на другое имя"),
    ("the server's certificate has been revoked", "сертификат сервера отозван"),
    (
        "the server's certificate is self-signed, and not trusted on this computer",
        "сертификат сервера самозаверенный, и этот компьютер ему не доверяет",
    ),
    (
        "the issuer of the server's certificate is not trusted on this computer",
        "издателю сертификата сервера этот компьютер не доверяет",
    ),
    (
        "it could not be found out whether the server's certificate has been revoked",
        "не удалось узнать, не отозван ли сертификат сервера",
    ),
    ("the server's certificate is not good: {}", "сертификат сервера не годится: {}"),
    // signing in
    ("without TLS the password could be read on its way", "без TLS пароль можно прочитать по пути"),
    (
        "the connection has no TLS, and the {} could be read or found out on its way",
        "соединение без TLS: {} можно прочитать или подобрать по пути",
    ),
    ("the account has no {} to sign in with", "для входа у учётной записи нет того, чем входят: {}"),
    (
        "a login or {} cannot have such a control character",
        "в логине и в том, чем входят ({}), не бывает такого управляющего символа",
    ),
    (
        "the server does not offer signing in; these can be used with a {}: {}",
        "сервер не предлагает вход; здесь можно входить так ({}): {}",
    ),
    (
        "the server offers {}; these can be used with a {}: {}",
        "сервер предлагает {}; здесь можно входить так ({}): {}",
    ),
    (
        "the account asks for {}, which cannot be used here; these can, with a {}: {}",
        "учётная запись требует {}, а здесь это невозможно; можно так ({}): {}",
    ),
    (
        "the server does not offer signing in; the account asks for {} and no other",
        "сервер не предлагает вход; учётная запись требует только {}",
    ),
    (
        "the server offers {}; the account asks for {} and no other",
        "сервер предлагает {}; учётная запись требует только {}",
    ),
    ("no mechanism was tried", "ни один механизм не испытан"),
    (
        "the server let us in without a proof that it knows the password",
        "сервер впустил, не доказав, что знает пароль",
    ),
    (
        "the server's signature is wrong: it does not know the password",
        "подпись сервера неверна: он не знает пароля",
    ),
    ("the server's message is not one of SCRAM", "сообщение сервера — не SCRAM"),
    ("the server's nonce does not continue ours", "сервер ответил не на наше одноразовое число"),
    ("the sign-in could not be computed", "вход не удалось вычислить"),
    ("the account signs in, but its password is not set", "вход включён, но пароль не задан"),
    (
        "nobody has signed in to the account's provider yet",
        "у провайдера этой учётной записи ещё никто не вошёл",
    ),
    ("the account does not use OAuth 2.0", "учётная запись не использует OAuth 2.0"),
    ("the sign-in was lost: {}", "вход утрачен: {}"),
    ("password", "пароль"),
    ("access token", "токен доступа"),
    // the message
    (
        "the message has {} bytes, and the server takes at most {}",
        "в письме {} байт, а сервер принимает не больше {}",
    ),
    (
        "an address has other than ASCII letters before its @, and the server cannot take those",
        "в адресе перед @ есть буквы не из ASCII, а сервер таких не принимает",
    ),
    (
        "the message was sent, but whether it was taken is not known: {}",
        "письмо отправлено, но принято ли оно, неизвестно: {}",
    ),
    ("the message cannot be read: {}", "письмо не прочитать: {}"),
    ("the message has no recipient", "у письма нет получателя"),
    ("given up: {}", "отправка прекращена: {}"),
    ("stopped by the caller", "остановлено тем, кто её начал"),
    ("there is no account {} any more", "учётной записи {} больше нет"),
    // other methods
    ("{} takes messages of at most {} bytes", "{} принимает письма не больше {} байт"),
    ("{} takes addresses in ASCII only", "{} принимает адреса только из ASCII"),
    ("{} signs in with a password, in its own way", "{} входит по паролю, своим способом"),
    ("the mailer cannot be started: {}", "отправитель не запустить: {}"),
    ("{} cannot be started: {}", "{} не запустить: {}"),
    ("{} broke off", "{}: работа прервалась"),
    ("{} did not end in time", "{}: работа не закончилась вовремя"),
    (
        "{} did not end in time; whether the message went out is not known",
        "{}: работа не закончилась вовремя; ушло ли письмо, неизвестно",
    ),
    ("{} cannot send this message: {}", "{} не может отправить это письмо: {}"),
    ("the mailer was ended: {}", "отправитель остановлен: {}"),
    ("the mailer ended by itself ({})", "отправитель завершился сам ({})"),
    ("the daemon stops", "служба останавливается"),
    // the outbox
    (
        "the message is finished; nothing more can be done with it",
        "письмо закончено; с ним больше ничего не сделать",
    ),
    ("the message is held; release it instead", "письмо задержано; вместо этого отпустите его"),
    ("the message is held already", "письмо уже задержано"),
    ("the message is not held", "письмо не задержано"),
];
