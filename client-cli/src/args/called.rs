//! Under which name the program was called, and which words are not clap's: sendmail has options that no parser of this
//! century takes.

use std::{ffi::OsString, path::Path};

/// Help of `sendmail`.
pub(super) const SENDMAIL: &str = "\
Options, as programs give them that pipe to sendmail:
  -t            to whom the header says (To, Cc, Bcc), too
  -i, -oi       a line with a single dot is text, and does not end the message
  -f ADDRESS    the envelope's sender, if the account may use it; else the account's
  -F NAME       the author's name, if the message does not say
  -N WHEN       reports of delivery: success,failure,delay or never
  -R full|hdrs  how much of the message they bring back
  -V ID         what they repeat
  -v            say as what the message was accepted
  -bm           send, which is the default; -bp lists what waits, as `mailq` does
  --account ID  the account to send by; else \"default\"
  --            what follows are addresses
Other options of sendmail that change nothing here are ignored: -B, -o…, -q, -m, -G, -h N, -O, -A, -C, -L, -X.
A program called sendmail (or sendmail.exe) that is this one, by link or copy, takes the same words.

Exit status, as callers of sendmail know it:
   0  accepted: the message is kept until it is delivered or reported
  64  the command line is wrong, or this mode of sendmail is not there
  65  the message, an address or its size is wrong
  75  not accepted, and nothing of it is kept: try again. Also when the service is not running
  77  not allowed
  78  the account does not exist or cannot work";

/// What clap is given, and the words after `sendmail`.
pub(super) fn line(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let name = arguments.first().and_then(|program| Path::new(program).file_stem()).unwrap_or_default();
    let word = |text: &str| OsString::from(text);
    match name.to_string_lossy().to_ascii_lowercase().as_str() {
        "sendmail" => {
            let words = arguments[1..].to_vec();
            return (called(vec![word("faxpost"), word("sendmail")], &words), words);
        }
        // As Debian calls it, the queue's list.
        "mailq" => {
            let list = ["faxpost", "outbox", "list", "--state", "queued,sending,held"].map(word);
            return ([&list[..], &arguments[1..]].concat(), Vec::new());
        }
        _ => {}
    }
    let mut at = 1;
    while let Some(argument) = arguments.get(at).map(|argument| argument.to_string_lossy()) {
        match &*argument {
            "sendmail" => {
                let words = arguments[at + 1..].to_vec();
                return (called(arguments[..=at].to_vec(), &words), words);
            }
            "--endpoint" | "--lang" => at += 2,
            option if option.starts_with("--") => at += 1,
            _ => break,
        }
    }
    (arguments, Vec::new())
}

/// What goes to clap; help is its own.
fn called(mut line: Vec<OsString>, words: &[OsString]) -> Vec<OsString> {
    line.extend(words.first().filter(|word| *word == "--help").cloned());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line_of: &[&str]) -> (Vec<String>, Vec<String>) {
        let text = |words: Vec<OsString>| words.into_iter().map(|word| word.into_string().unwrap()).collect();
        let (line, words) = line(line_of.iter().map(OsString::from).collect());
        (text(line), text(words))
    }

    #[test]
    fn f4_the_words_of_sendmail_are_its_own() {
        for (given, line, words) in [
            (
                &["/usr/sbin/sendmail", "-t", "--", "-x"][..],
                &["faxpost", "sendmail"][..],
                &["-t", "--", "-x"][..],
            ),
            (&["C:/x/SENDMAIL.EXE", "-i"], &["faxpost", "sendmail"], &["-i"]),
            (
                &["faxpost", "--json", "--lang", "ru", "sendmail", "-v", "a"],
                &["faxpost", "--json", "--lang", "ru", "sendmail"],
                &["-v", "a"],
            ),
            (&["faxpost", "sendmail", "--help"], &["faxpost", "sendmail", "--help"], &["--help"]),
            (&["sendmail", "--help"], &["faxpost", "sendmail", "--help"], &["--help"]),
            (&["faxpost", "outbox", "list"], &["faxpost", "outbox", "list"], &[]),
            (
                &["faxpost", "--endpoint", "sendmail", "status"],
                &["faxpost", "--endpoint", "sendmail", "status"],
                &[],
            ),
            (&["faxpost", "send", "--text", "sendmail"], &["faxpost", "send", "--text", "sendmail"], &[]),
            (&["mailq"], &["faxpost", "outbox", "list", "--state", "queued,sending,held"], &[]),
        ] {
            let expected =
                (line.iter().map(|&w| w.to_owned()).collect(), words.iter().map(|&w| w.to_owned()).collect());
            assert_eq!(cut(given), expected, "{given:?}");
        }
    }
}
