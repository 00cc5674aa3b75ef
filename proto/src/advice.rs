//! What to do about a failure: stable codes with a text for people in English and Russian.
//!
//! The wire carries the code and the English text; clients translate by the code.

/// Language of texts for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

struct Advice {
    code: &'static str,
    en: &'static str,
    ru: &'static str,
}

const ADVICE: &[Advice] = &[Advice {
    code: "CHECK_SERVER_NAME",
    en: "Check the server's name for typing errors.",
    ru: "Проверьте, нет ли опечаток в имени сервера.",
}];

/// The advice of that code, or `None` for a code this version does not know.
#[must_use]
pub fn text(code: &str, language: Language) -> Option<&'static str> {
    let advice = ADVICE.iter().find(|advice| advice.code == code)?;
    Some(match language {
        Language::En => advice.en,
        Language::Ru => advice.ru,
    })
}

/// All codes.
pub fn codes() -> impl Iterator<Item = &'static str> {
    ADVICE.iter().map(|advice| advice.code)
}
