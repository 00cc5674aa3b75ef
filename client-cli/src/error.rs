//! What can go wrong, as sentences for people and an exit for scripts.

use std::{borrow::Cow, io, path::PathBuf};

use faxpost_proto::{
    connect::ConnectError,
    reason,
    refusal::{is_broken, reason_of, way_in, without_number},
    user_store,
};
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::{
    exit::{self, Exit},
    lang::Texts,
    output::escape::escape,
    settings::with_keys,
};

/// Why a command did not do what it should.
pub(crate) enum Error {
    /// The command line is wrong.
    Usage(String),
    /// The input is wrong.
    Data(String),
    /// A file cannot be read.
    Read { path: PathBuf, source: io::Error },
    /// A file cannot be written.
    Create { path: PathBuf, source: io::Error },
    /// No way in.
    Connect(ConnectError),
    /// The daemon said no, or nothing.
    Call(Box<Status>),
    /// Somebody else changed the account meanwhile; who and when, if that is known.
    Overtaken { account: String, by: Option<(String, String)> },
    /// The user's own certificate store.
    UserStore(user_store::Error),
    /// Nobody takes the output.
    Output(io::Error),
    /// It was said already.
    Told(Exit),
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}

impl From<user_store::Error> for Error {
    fn from(error: user_store::Error) -> Self {
        Self::UserStore(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Error {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Data(_) | Self::Read { .. } => Exit::BadData,
            Self::Create { .. } => Exit::CannotCreate,
            Self::Connect(error) => of_connect(error),
            Self::Call(status) => match way_in(status) {
                Some(error) => of_connect(error),
                None if is_broken(status) => Exit::Temporary,
                None => exit::of_status(status.code(), reason_of(status).as_deref()),
            },
            Self::Overtaken { .. } => Exit::Temporary,
            Self::UserStore(user_store::Error::NoStore) => Exit::Usage,
            Self::UserStore(user_store::Error::Failed(_)) => Exit::Other,
            Self::UserStore(_) => Exit::BadData,
            // `faxpost … | head` has what it wanted.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(_) => Exit::CannotCreate,
            Self::Told(exit) => *exit,
        }
    }

    /// Whether there is something left to say.
    pub(crate) fn is_silent(&self) -> bool {
        match self {
            Self::Told(_) => true,
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// What happened, and what to do; several lines, harmless for a terminal.
    pub(crate) fn sentence(&self, texts: &Texts) -> String {
        match self {
            Self::Usage(text) | Self::Data(text) => lines(text),
            Self::Read { path, source } => {
                lines(&(texts.cannot_read)(&path.to_string_lossy(), &why(source, texts)))
            }
            Self::Create { path, source } => {
                lines(&(texts.cannot_write)(&path.to_string_lossy(), &why(source, texts)))
            }
            Self::Connect(error) => connect_sentence(error, texts),
            Self::Call(status) => call_sentence(status, texts),
            Self::Overtaken { account, by: None } => lines(&(texts.overtaken)(account)),
            Self::Overtaken { account, by: Some((who, when)) } => {
                lines(&(texts.overtaken_by)(account, who, when))
            }
            Self::UserStore(error) => lines(&(texts.user_store)(error)),
            Self::Output(error) => lines(&(texts.cannot_write)("-", &why(error, texts))),
            Self::Told(_) => String::new(),
        }
    }

    /// Whether the daemon refused for that reason.
    pub(crate) fn has_reason(&self, wanted: &str) -> bool {
        matches!(self, Self::Call(status) if reason_of(status).as_deref() == Some(wanted))
    }

    /// The fields that the daemon calls wrong, and why, in its words.
    pub(crate) fn violations(&self) -> Vec<(String, String)> {
        let Self::Call(status) = self else { return Vec::new() };
        let details = status.get_details_bad_request();
        let violations = details.map_or_else(Vec::new, |details| details.field_violations);
        violations.into_iter().map(|one| (one.field, one.description)).collect()
    }

    /// Whether the connection broke, so that it is not known what the daemon did.
    pub(crate) fn is_broken_connection(&self) -> bool {
        matches!(self, Self::Call(status) if is_broken(status))
    }
}

fn of_connect(error: &ConnectError) -> Exit {
    match error {
        ConnectError::NotRunning { .. } => Exit::NotRunning,
        ConnectError::Denied { .. } | ConnectError::Impostor { .. } => Exit::Denied,
        ConnectError::Failed { .. } => Exit::Other,
    }
}

fn connect_sentence(error: &ConnectError, texts: &Texts) -> String {
    lines(&match error {
        ConnectError::NotRunning { endpoint, .. } => (texts.not_running)(endpoint),
        ConnectError::Denied { endpoint, .. } => (texts.denied)(endpoint),
        ConnectError::Impostor { endpoint, why } => (texts.impostor)(endpoint, why),
        ConnectError::Failed { endpoint, source } => {
            let mut cause: &(dyn std::error::Error + 'static) = source.as_ref();
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            (texts.cannot_connect)(endpoint, without_number(&cause.to_string()))
        }
    })
}

/// What the system said about a file.
fn why(error: &io::Error, texts: &Texts) -> String {
    (texts.io)(error.kind()).map_or_else(|| without_number(&error.to_string()).to_owned(), str::to_owned)
}

fn call_sentence(status: &Status, texts: &Texts) -> String {
    if let Some(error) = way_in(status) {
        return connect_sentence(error, texts);
    }
    if is_broken(status) {
        return texts.connection_broken.to_owned();
    }
    let error_reason = reason_of(status);
    let violations =
        status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
    let known = match error_reason.as_deref() {
        Some(reason::INVALID_FIELD) if violations.len() == 1 => Some(texts.one_field),
        other => other.and_then(texts.reason),
    };
    let said = status.message();
    let mut sentence = match (known, said) {
        // What is wrong stands with each field below.
        (Some(known), _) if !violations.is_empty() => known.to_owned(),
        // The daemon speaks English, and knows more about this case than a sentence for all.
        (_, said) if !said.is_empty() && error_reason.is_some() && texts.is_english() => {
            as_sentence(&lines(said))
        }
        (Some(known), "") => known.to_owned(),
        (Some(known), said) => match texts.said(said) {
            // As in English: it says more than the other, and both would say the same twice.
            Cow::Owned(told) => as_russian_sentence(&lines(&told)),
            Cow::Borrowed(unknown) => format!("{known}\n  {}", lines(unknown)),
        },
        (None, "") => (texts.code)(status.code()).to_owned(),
        (None, said) => format!("{}\n  {}", (texts.code)(status.code()), lines(&texts.said(said))),
    };
    for violation in violations {
        let told = told(&violation.field, &violation.description, texts);
        sentence.push_str(&format!("\n  {}", lines(&told)));
    }
    sentence
}

/// A field and what is wrong with it. Some of the daemon's sentences begin with the field.
pub(crate) fn told(field: &str, what: &str, texts: &Texts) -> String {
    let begins = what.strip_prefix(field).and_then(|rest| rest.strip_prefix(' ')).map(value);
    let line = match begins.map(|(value, rest)| (value, texts.said(rest))) {
        Some((_, Cow::Borrowed(_))) => what.to_owned(),
        Some((value, Cow::Owned(said))) => format!("{}{value}: {said}", (texts.field)(field)),
        None => format!("{}: {}", (texts.field)(field), texts.said(what)),
    };
    with_keys(&line)
}

/// `"nobody" has no @`: the value, if there is one, with a blank before it, and what is said of it.
fn value(said: &str) -> (String, &str) {
    match said.strip_prefix('"').and_then(|rest| rest.split_once("\" ")) {
        Some((value, what)) => (format!(" \"{value}\""), what),
        None => (String::new(), said),
    }
}

/// What the daemon says without capital and full stop, as the other errors of this program look.
fn as_sentence(said: &str) -> String {
    // Any other word may be somebody's name.
    const BEGINNINGS: [&str; 9] =
        ["a", "account", "administrators", "approval", "log", "the", "there", "this", "you"];
    let word = said.split([' ', '\n']).next().unwrap_or_default();
    let mut characters = said.chars();
    let mut sentence = match characters.next() {
        Some(first) if BEGINNINGS.contains(&word) => {
            format!("{}{}", first.to_ascii_uppercase(), characters.as_str())
        }
        _ => said.to_owned(),
    };
    end(&mut sentence);
    sentence
}

/// The same of what was told in Russian: a word in other letters may be somebody's name.
fn as_russian_sentence(told: &str) -> String {
    let mut characters = told.chars();
    let mut sentence: String = match characters.next() {
        Some(first @ ('а'..='я' | 'ё')) => first.to_uppercase().chain(characters).collect(),
        _ => told.to_owned(),
    };
    end(&mut sentence);
    sentence
}

fn end(sentence: &mut String) {
    if sentence.ends_with(|last: char| last.is_alphanumeric()) {
        sentence.push('.');
    }
}

fn lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;
    use crate::lang::{EN, RU};

    fn refused(code: Code, error_reason: &str, message: &str, fields: &[(&str, &str)]) -> Error {
        let mut details = ErrorDetails::new();
        details.set_error_info(error_reason, reason::DOMAIN, std::collections::HashMap::new());
        if !fields.is_empty() {
            details.set_bad_request(
                fields.iter().map(|(field, text)| FieldViolation::new(*field, *text)).collect::<Vec<_>>(),
            );
        }
        Status::with_error_details(code, message, details).into()
    }

    #[test]
    fn g1_a_daemon_that_does_not_run_gives_69_and_the_command_that_starts_it() {
        let error = Error::Connect(ConnectError::NotRunning {
            endpoint: "/run/faxpost/faxpost.sock".into(),
            source: io::ErrorKind::NotFound.into(),
        });
        assert_eq!(error.exit(), Exit::NotRunning);
        for texts in [&EN, &RU] {
            let sentence = error.sentence(texts);
            assert!(sentence.contains("/run/faxpost/faxpost.sock"), "{sentence}");
            assert!(sentence.contains("`faxpostd run`"), "{sentence}");
            assert!(!sentence.contains("os error"));
        }
    }

    #[test]
    fn g1_each_wrong_field_has_its_line_and_its_key() {
        let error = refused(
            Code::InvalidArgument,
            reason::INVALID_FIELD,
            "2 fields are wrong",
            &[("sender_email", "has no @"), ("tls_pin", "is too short")],
        );
        assert_eq!(error.exit(), Exit::BadData);
        assert_eq!(
            error.sentence(&EN),
            "Some fields are wrong.\n  sender-email: has no @\n  tls-check: is too short"
        );
        let russian = error.sentence(&RU);
        assert!(russian.contains("\n  sender-email: has no @") && !russian.contains("fields are wrong"));
    }

    #[test]
    fn g2_each_wrong_field_is_told_in_russian_with_names_that_people_know() {
        let error = refused(
            Code::InvalidArgument,
            reason::INVALID_FIELD,
            "wrong",
            &[
                ("port", "a port is a number from 1 to 65535"),
                ("to[0]", "to[0] has no valid domain after the @"),
                ("recipients[1]", "recipients[1] \"@b\" has nothing before the @"),
                ("pkcs12", "the file is larger than 40000 octets"),
                ("server", "from another daemon"),
            ],
        );
        let russian = error.sentence(&RU);
        for line in [
            "port: порт — число от 1 до 65535",
            "to[0]: после @ нет верного домена",
            "получатель 2 \"@b\": перед @ ничего нет",
            "файл: файл больше 40000 байт",
            "server: from another daemon",
        ] {
            assert!(russian.contains(&format!("\n  {line}")), "{russian}");
        }
        assert!(error.sentence(&EN).contains("\n  to[0] has no valid domain after the @"));
    }

    #[test]
    fn g2_what_the_daemon_says_of_the_case_is_one_sentence_in_both_languages() {
        let error = refused(Code::NotFound, reason::MESSAGE_NOT_FOUND, "there is no message 4711", &[]);
        assert_eq!(error.sentence(&EN), "There is no message 4711.");
        assert_eq!(error.sentence(&RU), "Письма 4711 нет.");
        // What is not known in Russian stands below what is.
        let error = refused(Code::NotFound, reason::MESSAGE_NOT_FOUND, "from another daemon", &[]);
        assert_eq!(error.sentence(&RU).lines().nth(1), Some("  from another daemon"));
    }

    #[test]
    fn a_refusal_of_a_foreign_domain_counts_by_its_code() {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason::POLICY_DENIED, "elsewhere", std::collections::HashMap::new());
        let error = Error::from(Status::with_error_details(Code::NotFound, "gone", details));
        assert_eq!(error.exit(), Exit::BadData);
        assert!(!error.has_reason(reason::POLICY_DENIED));
    }

    #[test]
    fn a_broken_connection_is_temporary_and_not_a_transport_error() {
        let error = Error::from(Status::from_error(Box::new(io::Error::from_raw_os_error(2))));
        assert!(error.is_broken_connection());
        assert_eq!(error.exit(), Exit::Temporary);
        for texts in [&EN, &RU] {
            assert_eq!(error.sentence(texts), texts.connection_broken);
        }
    }

    #[test]
    fn a_reconnection_that_finds_nobody_says_so() {
        let gone = ConnectError::NotRunning { endpoint: "/x".into(), source: io::ErrorKind::NotFound.into() };
        let error = Error::from(Status::from_error(Box::new(gone)));
        assert_eq!(error.exit(), Exit::NotRunning);
        assert!(error.sentence(&EN).contains("`faxpostd run`"));
    }

    #[test]
    fn a_field_is_named_once_and_as_it_is_typed() {
        let error = refused(
            Code::InvalidArgument,
            reason::INVALID_FIELD,
            "1 field is wrong",
            &[("to[0]", "to[0] \"x\" has no @; see plaintext_auth")],
        );
        assert_eq!(error.sentence(&EN), "One field is wrong.\n  to[0] \"x\" has no @; see plaintext-auth");
    }

    #[test]
    fn the_daemons_words_look_like_the_programs_own() {
        assert_eq!(as_sentence("there is no account x"), "There is no account x.");
        assert_eq!(as_sentence("cdo-message is not there!"), "cdo-message is not there!");
        assert_eq!(as_sentence(""), "");
    }

    #[test]
    fn words_of_the_daemon_are_harmless() {
        let error = refused(Code::Internal, reason::INTERNAL, "bad \u{1b}[2J\nsecond", &[]);
        assert_eq!(error.sentence(&EN), "bad \\u{1b}[2J\nsecond.");
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let error = Error::Output(io::ErrorKind::BrokenPipe.into());
        assert!(error.is_silent());
        assert_eq!(error.exit(), Exit::Done);
    }
}
