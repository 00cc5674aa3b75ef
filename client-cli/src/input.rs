//! What comes in beside the arguments: passwords, standard input and files. Secrets are never arguments.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read, Write as _},
    path::Path,
};

use crate::{
    args::{ClientSecretArgs, PasswordArgs},
    commands::Context,
    error::Error,
    exit::Exit,
    lang::Texts,
};

/// A line longer than this is no password: the daemon takes 1024 octets.
const LONGEST_PASSWORD: u64 = 8 * 1024;

/// Longer is no answer to yes or no.
const LONGEST_ANSWER: u64 = 100;

/// The password, if one was announced.
pub(crate) fn password(args: &PasswordArgs, texts: &Texts) -> Result<Option<String>, Error> {
    password_or(texts.password_empty, args, texts)
}

/// The same with another word on an empty one.
pub(crate) fn password_or(
    empty: &'static str,
    args: &PasswordArgs,
    texts: &Texts,
) -> Result<Option<String>, Error> {
    let words = Words {
        prompt: texts.password_prompt,
        empty,
        no_terminal: texts.no_terminal,
        not_utf8: texts.password_not_utf8,
    };
    secret(args.password_stdin, args.ask_password, &words)
}

/// The secret of the OAuth client, if one was announced.
pub(crate) fn client_secret(args: &ClientSecretArgs, texts: &Texts) -> Result<Option<String>, Error> {
    let words = Words {
        prompt: texts.signin.secret_prompt,
        empty: texts.signin.secret_empty,
        no_terminal: texts.signin.secret_no_terminal,
        not_utf8: texts.password_not_utf8,
    };
    secret(args.client_secret_stdin, args.ask_client_secret, &words)
}

/// What people read about one kind of secret.
struct Words {
    prompt: &'static str,
    empty: &'static str,
    no_terminal: &'static str,
    not_utf8: &'static str,
}

fn secret(from_stdin: bool, ask_for_it: bool, words: &Words) -> Result<Option<String>, Error> {
    if from_stdin {
        read_line(io::stdin().lock(), words).map(Some)
    } else if ask_for_it {
        ask(words).map(Some)
    } else {
        Ok(None)
    }
}

/// Asks a question that is answered with yes or no, on standard error: standard output may be taken.
pub(crate) fn agreed(question: &str, texts: &Texts) -> Result<bool, Error> {
    let _ = write!(io::stderr(), "{question}");
    let mut answer = String::new();
    let read = io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer);
    read.map_err(|source| Error::Read { path: "-".into(), source })?;
    Ok(texts.certificates.yes_words.contains(&answer.trim().to_lowercase().as_str()))
}

/// Before something that cannot be undone: `what` is told and asked. Without a terminal `--yes` must be there.
pub(crate) fn sure(what: &str, yes: bool, context: &mut Context) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Error::Usage(context.texts.delete_needs_yes.to_owned()));
    }
    context.out.note(what)?;
    if agreed(context.texts.certificates.sure, context.texts)? {
        return Ok(());
    }
    context.out.note(context.texts.accounts.not_imported)?;
    Err(Error::Told(Exit::Other))
}

/// A text file, or standard input for `-`.
pub(crate) fn text(path: &Path, texts: &Texts) -> Result<String, Error> {
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.map_err(|source| Error::Read { path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|_| Error::Data((texts.not_utf8)(&path.to_string_lossy())))
}

fn read_line(input: impl BufRead, words: &Words) -> Result<String, Error> {
    let mut line = Vec::new();
    input
        .take(LONGEST_PASSWORD)
        .read_until(b'\n', &mut line)
        .map_err(|source| Error::Read { path: "-".into(), source })?;
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    checked(String::from_utf8(line).map_err(|_| Error::Data(words.not_utf8.to_owned()))?, words)
}

fn ask(words: &Words) -> Result<String, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Usage(words.no_terminal.to_owned()));
    }
    let answer = rpassword::prompt_password(words.prompt);
    checked(answer.map_err(|_| Error::Usage(words.no_terminal.to_owned()))?, words)
}

fn checked(secret: String, words: &Words) -> Result<String, Error> {
    if secret.is_empty() { Err(Error::Data(words.empty.to_owned())) } else { Ok(secret) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> Option<String> {
        read_line(input, &Words { prompt: "", empty: "", no_terminal: "", not_utf8: "" }).ok()
    }

    #[test]
    fn h3_a_password_is_one_line_without_its_line_end() {
        assert_eq!(line(b"secret\n").as_deref(), Some("secret"));
        assert_eq!(line(b"secret\r\n").as_deref(), Some("secret"));
        assert_eq!(line(b"secret").as_deref(), Some("secret"));
        assert_eq!(line(b" two words \nsecond line\n").as_deref(), Some(" two words "));
        assert_eq!(line(b"ends with cr\r").as_deref(), Some("ends with cr\r"));
        assert_eq!(line("пароль\n".as_bytes()).as_deref(), Some("пароль"));
    }

    #[test]
    fn h3_an_empty_or_undecodable_password_is_refused() {
        assert_eq!(line(b""), None);
        assert_eq!(line(b"\n"), None);
        assert_eq!(line(b"\r\n"), None);
        assert_eq!(line(b"\xff\xfe\n"), None);
    }
}
