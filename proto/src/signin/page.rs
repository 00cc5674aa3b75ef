//! The one page that the browser gets: that it is over, in the language of whoever looks at it. Nothing of the request
//! stands in it, and it loads nothing.

use crate::advice::Language;

/// How the sign-in went, or what else was wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    SignedIn,
    Failed,
    NotHere,
}

const STYLE: &str = "body{font-family:system-ui,sans-serif;margin:15vh auto;max-width:32rem;padding:0 1.5rem;\
line-height:1.5;color:#222;background:#fff}h1{font-size:1.5rem}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1c1c1c}}";

/// SHA-256 of [`STYLE`]: no other style, and nothing else at all, may be in the page.
const POLICY: &str = "default-src 'none'; style-src 'sha256-2u3Pg/1lLYsFFXjm/4pfQl615ax34zBCpDIHCyTgXH0='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Page {
    /// Head and body of the answer (RFC 9110).
    pub(super) fn response(self, language: Language) -> String {
        let status = if self == Self::NotHere { "404 Not Found" } else { "200 OK" };
        let body = self.body(language);
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Content-Security-Policy: {POLICY}\r\nReferrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn body(self, language: Language) -> String {
        let (title, text) = self.words(language);
        let lang = match language {
            Language::En => "en",
            Language::Ru => "ru",
        };
        format!(
            "<!doctype html>\n<html lang=\"{lang}\">\n<head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>Faxpost: {title}</title><style>{STYLE}</style></head>\n\
             <body><main><h1>{title}</h1><p>{text}</p></main></body>\n</html>\n"
        )
    }

    fn words(self, language: Language) -> (&'static str, &'static str) {
        match (self, language) {
            (Self::SignedIn, Language::En) => {
                ("You are signed in", "Faxpost can send mail now. You can close this page.")
            }
            (Self::SignedIn, Language::Ru) => {
                ("Вход выполнен", "Теперь Faxpost может отправлять почту. Эту страницу можно закрыть.")
            }
            (Self::Failed, Language::En) => (
                "The sign-in did not work",
                "The program in which you began it says why. You can close this page.",
            ),
            (Self::Failed, Language::Ru) => (
                "Войти не удалось",
                "Почему, сообщает программа, в которой вы начали вход. Эту страницу можно закрыть.",
            ),
            (Self::NotHere, Language::En) => {
                ("Nothing is here", "This address belongs to a sign-in that somebody else began.")
            }
            (Self::NotHere, Language::Ru) => {
                ("Здесь ничего нет", "Этот адрес относится к входу, который начали не здесь.")
            }
        }
    }
}

/// The language of a browser by Accept-Language (RFC 9110 section 12.5.4): the one of ours that it likes better.
pub(super) fn language_of(accepted: &str, otherwise: Language) -> Language {
    let mut best = (0.0, otherwise);
    for range in accepted.split(',').take(32) {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
        let language = match tag.split('-').next() {
            Some("en") => Language::En,
            Some("ru") => Language::Ru,
            _ => continue,
        };
        if let Ok(quality) = quality
            && quality > best.0
        {
            best = (quality, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn b2_the_page_loads_nothing_and_runs_nothing() {
        let hash = base64::prelude::BASE64_STANDARD.encode(Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("style-src 'sha256-{hash}'")), "the style changed: {hash}");
        for page in [Page::SignedIn, Page::Failed, Page::NotHere] {
            for language in [Language::En, Language::Ru] {
                let response = page.response(language);
                let (head, body) = response.split_once("\r\n\r\n").unwrap();
                assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
                assert!(head.contains("default-src 'none'") && head.contains("no-store"));
                for active in ["<script", "http:", "https:", "src=", "href=", "url("] {
                    assert!(!body.contains(active), "{active} in {body}");
                }
            }
        }
    }

    #[test]
    fn b2_the_page_says_in_the_persons_language_that_it_can_be_closed() {
        assert!(Page::SignedIn.body(Language::En).contains("You can close this page"));
        assert!(Page::SignedIn.body(Language::Ru).contains("можно закрыть"));
        for (accepted, language) in [
            ("ru-RU,ru;q=0.9,en-US;q=0.8", Language::Ru),
            ("en-US,en;q=0.5", Language::En),
            ("de, en;q=0.3, ru;q=0.7", Language::Ru),
            ("ru;q=0, en;q=0.1", Language::En),
            ("EN", Language::En),
            ("ru;q=x,en;q=0.1", Language::En),
        ] {
            assert_eq!(language_of(accepted, Language::Ru), language, "{accepted}");
        }
        for none in ["", "*", "de", ";;;", "ru;q=0"] {
            assert_eq!(language_of(none, Language::En), Language::En, "{none}");
            assert_eq!(language_of(none, Language::Ru), Language::Ru, "{none}");
        }
    }
}
