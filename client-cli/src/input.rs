//! What comes in beside the arguments: passwords, standard input and files. Secrets are never arguments.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read},
    path::Path,
};

use crate::{args::PasswordArgs, error::Error, lang::Texts};

/// A line longer than this is no password: the daemon takes 1024 octets.
const LONGEST_PASSWORD: u64 = 8 * 1024;

/// The password, if one was announced.
pub(crate) fn password(args: &PasswordArgs, texts: &Texts) -> Result<Option<String>, Error> {
    if args.password_stdin {
        read_line(io::stdin().lock(), texts).map(Some)
    } else if args.ask_password {
        ask(texts).map(Some)
    } else {
        Ok(None)
    }
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

fn read_line(input: impl BufRead, texts: &Texts) -> Result<String, Error> {
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
    checked(String::from_utf8(line).map_err(|_| Error::Data(texts.password_not_utf8.to_owned()))?, texts)
}

fn ask(texts: &Texts) -> Result<String, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Usage(texts.no_terminal.to_owned()));
    }
    let answer = rpassword::prompt_password(texts.password_prompt);
    checked(answer.map_err(|_| Error::Usage(texts.no_terminal.to_owned()))?, texts)
}

fn checked(password: String, texts: &Texts) -> Result<String, Error> {
    if password.is_empty() { Err(Error::Data(texts.password_empty.to_owned())) } else { Ok(password) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> Option<String> {
        read_line(input, &crate::lang::EN).ok()
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
