//! What the daemon says in English beside its codes (the particulars of a failure, what a step found, what is wrong with a
//! field), in another language.
//!
//! The code says what happened, and clients translate that by itself; these sentences say more about the one case, with
//! names and numbers in them. A sentence that is not known here stays as it was said: English is better than nothing. What
//! a server, a provider or a certificate says is theirs, and stays as it is.

use std::borrow::Cow;

use crate::advice::Language;

mod accounts;
mod certificates;
mod keys;
mod mail;
mod names;
mod refusals;
mod sign_ins;
mod stores;

/// A sentence and its Russian. `{}` is where something is filled in: in the same order in both.
type Sentence = (&'static str, &'static str);

/// The more a sentence says by itself the earlier it stands: the first that fits is taken.
const TABLES: [&[Sentence]; 8] = [
    certificates::SENTENCES,
    keys::SENTENCES,
    accounts::SENTENCES,
    sign_ins::SENTENCES,
    stores::SENTENCES,
    refusals::SENTENCES,
    mail::SENTENCES,
    names::SENTENCES,
];

/// So deep sentences stand in sentences.
const DEPTH: usize = 4;

/// Longer texts are no sentences of these.
const LONGEST: usize = 2000;

/// What was said, in this language as far as it is known.
#[must_use]
pub fn said(english: &str, language: Language) -> Cow<'_, str> {
    let translated = match language {
        Language::En => None,
        Language::Ru => russian(english, DEPTH),
    };
    translated.map_or(Cow::Borrowed(english), Cow::Owned)
}

/// The English of all sentences, so that it can be compared with what the daemon's sources say.
pub fn sentences() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().flatten().map(|(english, _)| *english)
}

fn russian(english: &str, depth: usize) -> Option<String> {
    if depth == 0 || english.len() > LONGEST {
        return None;
    }
    if let Some(known) = look_up(english, depth).or_else(|| of_fields(english, depth)) {
        return Some(known);
    }
    // The daemon makes whole sentences of some by a capital and a full stop.
    let bare = english.strip_suffix('.').unwrap_or(english);
    let lower = with_first(bare, |first| first.to_lowercase().collect());
    if lower == english {
        return None;
    }
    let mut known = look_up(&lower, depth)?;
    if bare.starts_with(char::is_uppercase) {
        known = with_first(&known, |first| first.to_uppercase().collect());
    }
    if bare.len() < english.len() {
        known.push('.');
    }
    Some(known)
}

fn look_up(english: &str, depth: usize) -> Option<String> {
    TABLES.into_iter().flatten().find_map(|(known, russian)| {
        let filled = filled(known, english)?;
        let mut parts = russian.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for (part, fill) in parts.zip(filled) {
            text.push_str(&self::russian(fill, depth - 1).unwrap_or_else(|| fill.to_owned()));
            text.push_str(part);
        }
        Some(text)
    })
}

/// "field: what is wrong with it; field: …": fields have one name in all languages.
fn of_fields(english: &str, depth: usize) -> Option<String> {
    let mut told: Vec<(&str, String)> = Vec::new();
    for part in english.split("; ") {
        match (field_of(part), told.last_mut()) {
            (Some((field, text)), _) => told.push((field, text.to_owned())),
            // A sentence may have this in itself.
            (None, Some((_, text))) => *text = format!("{text}; {part}"),
            (None, None) => return None,
        }
    }
    let translated: Vec<_> = told.iter().map(|(_, text)| russian(text, depth - 1)).collect();
    translated.iter().any(Option::is_some).then(|| {
        let sentences = told.iter().zip(translated).map(|((field, text), translated)| {
            let text = translated.unwrap_or_else(|| text.clone());
            format!("{field}: {text}")
        });
        sentences.collect::<Vec<_>>().join("; ")
    })
}

/// A field of a request and what is said of it: "to[0]: has an empty address".
fn field_of(text: &str) -> Option<(&str, &str)> {
    let (field, text) = text.split_once(": ")?;
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.[]".contains(c);
    (field.starts_with(|c: char| c.is_ascii_lowercase()) && field.chars().all(is_part))
        .then_some((field, text))
}

/// What stands at the `{}` of a sentence, if `text` is one.
fn filled<'a>(sentence: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = sentence.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut filled = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let at = if parts.peek().is_some() {
            rest.find(part)?
        } else {
            rest.len().checked_sub(part.len()).filter(|_| rest.ends_with(part))?
        };
        let (fill, after) = rest.split_at_checked(at)?;
        // A sentence without what it is about is none.
        if fill.is_empty() {
            return None;
        }
        filled.push(fill);
        rest = after.get(part.len()..)?;
    }
    (rest.is_empty() || !filled.is_empty()).then_some(filled)
}

fn with_first(text: &str, change: impl FnOnce(char) -> String) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(change).unwrap_or_default();
    first + rest.as_str()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ru(english: &str) -> String {
        said(english, Language::Ru).into_owned()
    }

    #[test]
    fn every_sentence_has_its_russian_and_stands_here_once() {
        let mut known = std::collections::BTreeSet::new();
        let mut wrong = Vec::new();
        for (english, russian) in TABLES.into_iter().flatten() {
            if !known.insert(english) {
                wrong.push(format!("{english}: stands here twice"));
            }
            assert_eq!(english.matches("{}").count(), russian.matches("{}").count(), "{english}");
            assert!(russian.chars().any(|one| ('а'..='я').contains(&one)), "{english}: {russian}");
            // It is found, and not another one that stands before it and fits, too.
            let filled = english.replace("{}", "4711");
            if ru(&filled) != russian.replace("{}", "4711") {
                wrong.push(format!("{filled}: {}", ru(&filled)));
            }
            assert_eq!(said(&filled, Language::En), filled);
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn names_and_numbers_stay_and_sentences_in_sentences_are_told() {
        assert_eq!(ru("connected to 127.0.0.1:25"), "соединение с 127.0.0.1:25");
        assert_eq!(
            ru("the proxy: there is no host proxy.example"),
            "прокси: узла proxy.example не существует"
        );
        assert_eq!(
            ru("Its root \"CN=Root\" is not trusted by this machine."),
            "Его корневому сертификату \"CN=Root\" этот компьютер не доверяет."
        );
    }

    #[test]
    fn g2_rarer_faults_of_providers_are_told_with_their_causes() {
        assert_eq!(
            ru("no access token: the provider cannot be reached: TCP connect error"),
            "нет токена доступа: провайдер недоступен: TCP connect error"
        );
        assert_eq!(
            ru("an endpoint of the issuer's metadata must begin with https://"),
            "адрес в метаданных издателя: должно начинаться с https://"
        );
        assert_eq!(
            ru(
                "the sign-in was lost: the access token is over, and the provider gave nothing to renew it with; sign in first"
            ),
            "вход утрачен: срок токена доступа истёк, а продлить его нечем: провайдер ничего для этого не выдал; \
             сначала войдите"
        );
    }

    #[test]
    fn g2_rarer_faults_of_certificates_sign_ins_and_raw_mail_are_told_with_their_particulars() {
        for (english, russian) in [
            (
                "certificate 2 of the chain has something behind its end",
                "сертификат 2 цепочки: после конца есть что-то ещё",
            ),
            (
                "the answer has a certificate that is larger than 65536 octets",
                "в ответе сертификат, который не читается: больше 65536 байт",
            ),
            (
                "the private key cannot sign here: it is neither RSA nor on the curve P-256",
                "закрытым ключом здесь не подписать: это не RSA и не ключ на кривой P-256",
            ),
            (
                "the signing certificate of CN=Fax ended on Nov 20 10:00:00 2026 +00:00",
                "срок сертификата подписи CN=Fax истёк Nov 20 10:00:00 2026 +00:00",
            ),
            (
                "the server wants 100 rounds of hashing; 4096 to 600000 are allowed",
                "сервер требует раундов хеширования: 100; можно от 4096 до 600000",
            ),
            (
                "4096 rounds of hashing, bound to the connection by tls-exporter: the server should have 10000 or more",
                "раундов хеширования: 4096; привязано к соединению через tls-exporter; серверу стоит задать от 10000",
            ),
            (
                "the server refused the sign-in with SCRAM-SHA-256: 535 5.7.8 no (it says other-error)",
                "сервер отказал во входе (SCRAM-SHA-256): 535 5.7.8 no (он сообщает: other-error)",
            ),
            (
                "has \"nobody\", a name without @ that [sendmail.aliases] of faxpostd.toml does not know",
                "имя \"nobody\" без @: в [sendmail.aliases] файла faxpostd.toml его нет",
            ),
            (
                "the header has more than 65536 octets or 1000 fields",
                "в заголовке больше 65536 байт или 1000 полей",
            ),
            (
                "PostgreSQL in /run/postgresql, port 5432, database mail, user fax",
                "PostgreSQL в /run/postgresql, порт 5432, база mail, пользователь fax",
            ),
            (
                "SQLite in the state folder holds nothing that could be moved",
                "в хранилище SQLite в папке данных нечего переносить",
            ),
            (
                "2 more than can be told here, and to[0]: has an empty address",
                "ещё 2 здесь не уместились; to[0]: есть пустой адрес",
            ),
            (
                "to[0]: has an empty address; x_1.y: unknown; cc[12]: Has an empty address.",
                "to[0]: есть пустой адрес; x_1.y: unknown; cc[12]: Есть пустой адрес.",
            ),
        ] {
            assert_eq!(ru(english), russian);
        }
    }

    #[test]
    fn what_others_say_stays_as_it_is() {
        for theirs in ["", ".", "mail.test ESMTP ready", "250 OK", "CN=Root", "Упс", "a {} b", "The"] {
            assert_eq!(ru(theirs), theirs);
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_said(text in "\\PC{0,60}", sentence in 0_usize..500, fill in "\\PC{0,20}") {
            let known: Vec<_> = sentences().collect();
            let sentence = known.get(sentence % known.len()).copied().unwrap_or_default();
            for text in [text, sentence.replace("{}", &fill)] {
                prop_assert_eq!(said(&text, Language::En), text.as_str());
                prop_assert!(said(&text, Language::Ru).len() <= 40 + text.len() * 6);
            }
        }
    }
}
