//! What was done or went wrong, and is told until a person closes it: kept as what it is, and put into words whenever it is
//! shown, so that it follows the language.

use faxpost_gui_ui::Kind;
use slint::SharedString;
use tonic::Status;

use super::sentence;
use crate::lang::Texts;
use crate::lang::failure::failure;

/// What was done, or went wrong: the banner above a page.
pub struct Notice(Box<dyn Fn(&Texts) -> Banner>);

/// A notice in one language.
pub struct Banner {
    /// How loud.
    pub kind: Kind,
    /// One sentence.
    pub text: String,
    /// What stands below it; may be empty.
    pub detail: String,
}

impl Notice {
    /// Told like this.
    #[must_use]
    pub fn new(tell: impl Fn(&Texts) -> Banner + 'static) -> Self {
        Self(Box::new(tell))
    }

    /// One sentence.
    #[must_use]
    pub fn of<S: Into<String>>(kind: Kind, text: impl Fn(&Texts) -> S + 'static) -> Self {
        Self::new(move |texts| Banner { kind, text: text(texts).into(), detail: String::new() })
    }

    /// It was done.
    #[must_use]
    pub fn good<S: Into<String>>(text: impl Fn(&Texts) -> S + 'static) -> Self {
        Self::of(Kind::Good, text)
    }

    /// It was not.
    #[must_use]
    pub fn bad(status: &Status) -> Self {
        let status = status.clone();
        Self::new(move |texts| refusal(&status, texts))
    }

    /// Puts it, or that there is none, into a page's global.
    pub fn put(
        notice: Option<&Self>,
        texts: &Texts,
        kind: impl FnOnce(Kind),
        text: impl FnOnce(SharedString),
        detail: impl FnOnce(SharedString),
    ) {
        match notice {
            Some(Self(tell)) => {
                let banner = tell(texts);
                kind(banner.kind);
                detail(banner.detail.into());
                text(banner.text.into());
            }
            None => text(SharedString::new()),
        }
    }
}

fn refusal(status: &Status, texts: &Texts) -> Banner {
    let said = failure(status, texts);
    // Fields of files and requests have no names for people, and their sentences say what they are about.
    let nameless = (texts.account.field)("");
    let line = |(field, what): &(String, String)| match (texts.account.field)(field) {
        name if name == nameless => sentence(what),
        name => format!("{name}: {what}"),
    };
    let fields: Vec<_> = said.fields.iter().map(line).collect();
    let detail = if fields.is_empty() { said.detail } else { fields.join("\n") };
    Banner { kind: Kind::Bad, text: said.sentence, detail }
}

/// Puts it into words of the language that is wanted.
type Tell = dyn Fn(&Texts) -> String;

/// What a dialog says, or nothing.
#[derive(Default)]
pub struct Saying(Option<Box<Tell>>);

impl Saying {
    /// Said like this.
    #[must_use]
    pub fn new<S: Into<String>>(tell: impl Fn(&Texts) -> S + 'static) -> Self {
        Self(Some(Box::new(move |texts| tell(texts).into())))
    }

    /// For the window; empty: nothing.
    #[must_use]
    pub fn text(&self, texts: &Texts) -> SharedString {
        self.0.as_ref().map(|tell| tell(texts).into()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use faxpost_proto::advice::Language;
    use faxpost_proto::reason;
    use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

    use super::*;
    use crate::lang::texts;

    #[test]
    fn g2_a_refusal_that_is_shown_follows_the_language() {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason::INVALID_FIELD, reason::DOMAIN, std::collections::HashMap::new());
        details.set_bad_request(vec![FieldViolation::new("server", "this is not a valid IP address")]);
        let status = Status::with_error_details(tonic::Code::InvalidArgument, "1 field is wrong", details);
        let (notice, saying) = (Notice::bad(&status), Saying::new(|texts| texts.failure.one_field));
        for (language, sentence, what) in [
            (Language::En, "One field is wrong.", "this is not a valid IP address"),
            (Language::Ru, "Одно поле неверно.", "это неверный IP-адрес"),
            (Language::En, "One field is wrong.", "this is not a valid IP address"),
        ] {
            let texts = texts(language);
            let shown = notice.0(texts);
            assert_eq!((shown.kind, shown.text.as_str()), (Kind::Bad, sentence));
            assert_eq!(shown.detail, format!("{}: {what}", (texts.account.field)("server")));
            assert_eq!(saying.text(texts), sentence);
        }
        assert_eq!(Saying::default().text(texts(Language::En)), "");
    }
}
