//! The sentences that are made here, in every language; one struct a page, so that a text that a language lacks does not
//! compile. What stands in the windows themselves is translated where they are (`ui/lang`), and the words of the protocol
//! in `faxpost_proto::words`.

pub mod account;
pub mod certificate;
pub mod failure;
pub mod log;
pub mod outbox;
pub mod reach;
pub mod requests;
pub mod sign_in;
pub mod status;
pub mod test;

use std::borrow::Cow;

use faxpost_proto::advice::Language;
use faxpost_proto::said::said;
use faxpost_proto::words::{self, Words};

/// A sentence that is always the same.
pub type Text = &'static str;
/// A sentence with one place to fill.
pub type With1 = fn(&str) -> String;
/// With two.
pub type With2 = fn(&str, &str) -> String;

/// All of one language.
pub struct Texts {
    /// Which.
    pub language: Language,
    /// The words of the protocol.
    pub words: &'static Words,
    /// The way to the daemon.
    pub reach: reach::ReachTexts,
    /// What goes wrong in calls.
    pub failure: failure::FailureTexts,
    /// The account page.
    pub account: account::AccountTexts,
    /// The sign-in page.
    pub sign_in: sign_in::SignInTexts,
    /// The test page.
    pub test: test::TestTexts,
    /// The certificate page.
    pub certificate: certificate::CertificateTexts,
    /// The log page.
    pub log: log::LogTexts,
    /// The outbox page.
    pub outbox: outbox::OutboxTexts,
    /// The requests page.
    pub requests: requests::RequestsTexts,
    /// The status page.
    pub status: status::StatusTexts,
}

static EN: Texts = Texts {
    language: Language::En,
    words: &words::EN,
    reach: reach::EN,
    failure: failure::EN,
    account: account::EN,
    sign_in: sign_in::EN,
    test: test::EN,
    certificate: certificate::EN,
    log: log::EN,
    outbox: outbox::EN,
    requests: requests::EN,
    status: status::EN,
};

static RU: Texts = Texts {
    language: Language::Ru,
    words: &words::RU,
    reach: reach::RU,
    failure: failure::RU,
    account: account::RU,
    sign_in: sign_in::RU,
    test: test::RU,
    certificate: certificate::RU,
    log: log::RU,
    outbox: outbox::RU,
    requests: requests::RU,
    status: status::RU,
};

impl Texts {
    /// What the daemon says in English, in this language as far as that is known.
    #[must_use]
    pub fn said<'a>(&self, english: &'a str) -> Cow<'a, str> {
        said(english, self.language)
    }
}

/// The texts of a language.
#[must_use]
pub fn texts(language: Language) -> &'static Texts {
    match language {
        Language::En => &EN,
        Language::Ru => &RU,
    }
}

/// The language of whoever sits here: the locale of messages, else that of the system's user.
#[must_use]
pub fn of_this_person() -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .or_else(sys_locale::get_locale);
    match locale {
        Some(locale) if locale.starts_with("ru") => Language::Ru,
        _ => Language::En,
    }
}
