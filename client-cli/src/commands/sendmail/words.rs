//! The command line of sendmail, as its callers write it: values stand in the same word as their option or in the next,
//! and options that mean nothing here are let through.

use std::ffi::OsString;

use faxpost_proto::v1::{GiveBack, Notify};

use crate::{error::Error, lang::Texts};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Send,
    /// List what waits.
    Queue,
    Nothing,
}

#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) mode: Mode,
    pub(super) account: String,
    pub(super) recipients: Vec<String>,
    pub(super) from_header: bool,
    pub(super) ignore_dots: bool,
    pub(super) sender: String,
    pub(super) sender_name: String,
    pub(super) notify: Vec<Notify>,
    pub(super) give_back: GiveBack,
    pub(super) envelope_id: String,
    pub(super) verbose: bool,
}

impl Words {
    pub(super) fn read(given: &[OsString], texts: &Texts) -> Result<Self, Error> {
        let mut words = Self::default();
        let mut given = given.iter();
        let mut only_addresses = false;
        while let Some(word) = given.next() {
            let text = word.to_str().ok_or_else(|| unknown(&word.to_string_lossy(), texts))?;
            let Some(option) = text.strip_prefix('-').filter(|_| !only_addresses) else {
                words.recipients.push(text.to_owned());
                continue;
            };
            if option == "-" {
                only_addresses = true;
                continue;
            }
            let mut value = |after: &str| -> Result<String, Error> {
                if !after.is_empty() {
                    return Ok(after.to_owned());
                }
                let next = given.next().and_then(|next| next.to_str());
                next.map(str::to_owned).ok_or_else(|| unknown(text, texts))
            };
            if option == "-account" {
                words.account = value("")?;
            } else if let Some(account) = option.strip_prefix("-account=") {
                account.clone_into(&mut words.account);
            } else {
                words
                    .option(option, &mut value)
                    .map_err(|error| error.unwrap_or_else(|| unknown(text, texts)))?;
            }
        }
        Ok(words)
    }

    /// `None`: no such option, or not with that value.
    fn option(
        &mut self,
        option: &str,
        value: &mut impl FnMut(&str) -> Result<String, Error>,
    ) -> Result<(), Option<Error>> {
        let mut letters = option.chars();
        let letter = letters.next().ok_or(None)?;
        let after = letters.as_str();
        match letter {
            'b' => match after {
                "m" => self.mode = Mode::Send,
                "p" => self.mode = Mode::Queue,
                "i" => self.mode = Mode::Nothing,
                _ => return Err(None),
            },
            // newaliases, and running the queue.
            'I' => self.mode = Mode::Nothing,
            'q' => self.mode = Mode::Nothing,
            'f' | 'r' => self.sender = value(after)?,
            'F' => self.sender_name = value(after)?,
            'N' => self.notify = notify(&value(after)?).ok_or(None)?,
            'R' => {
                self.give_back = match value(after)?.to_ascii_lowercase().as_str() {
                    "full" => GiveBack::Full,
                    "hdrs" => GiveBack::Header,
                    _ => return Err(None),
                };
            }
            'V' => self.envelope_id = value(after)?,
            'o' if after == "i" => self.ignore_dots = true,
            // Options of sendmail.cf, and those with a value that means nothing here.
            'o' | 'B' | 'd' | 'e' => {}
            'O' | 'C' | 'h' | 'L' | 'X' | 'p' => drop(value(after)?),
            'A' => {}
            // Flags, which may stand together.
            _ => {
                for letter in option.chars() {
                    match letter {
                        't' => self.from_header = true,
                        'i' => self.ignore_dots = true,
                        'v' => self.verbose = true,
                        'm' | 'n' | 's' | 'G' | 'U' | 'x' | 'c' | 'E' => {}
                        _ => return Err(None),
                    }
                }
            }
        }
        Ok(())
    }
}

fn notify(text: &str) -> Option<Vec<Notify>> {
    let occasion = |word: &str| {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "never" => Notify::Never,
            "success" => Notify::Success,
            "failure" => Notify::Failure,
            "delay" => Notify::Delay,
            _ => return None,
        })
    };
    let mut occasions = Vec::new();
    for word in text.split(',') {
        let occasion = occasion(word)?;
        // Said twice is said.
        if !occasions.contains(&occasion) {
            occasions.push(occasion);
        }
    }
    Some(occasions)
}

fn unknown(word: &str, texts: &Texts) -> Error {
    Error::Usage((texts.not_of_sendmail)(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::EN;

    fn read(line: &str) -> Result<Words, Error> {
        let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        Words::read(&words, &EN)
    }

    fn good(line: &str) -> Words {
        read(line).unwrap_or_else(|error| panic!("{line}: {}", error.sentence(&EN)))
    }

    #[test]
    fn f4_the_lines_that_callers_write() {
        // HylaFAX
        let words = good("-ffax@host -oi user@b.test");
        assert_eq!((words.sender.as_str(), words.ignore_dots), ("fax@host", true));
        assert_eq!(words.recipients, ["user@b.test"]);
        let words = good("-t -ffax -oi");
        assert!(words.from_header && words.sender == "fax" && words.recipients.is_empty());
        // cron
        let words = good("-FCronDaemon -i -B8BITMIME -oem root");
        assert_eq!((words.sender_name.as_str(), words.recipients[0].as_str()), ("CronDaemon", "root"));
        // mutt
        let words = good("-oem -oi -f me@b.test -N failure,delay -R hdrs -V id7 -- -a@b.test b@b.test");
        assert_eq!(words.recipients, ["-a@b.test", "b@b.test"]);
        assert_eq!((words.notify, words.give_back), (vec![Notify::Failure, Notify::Delay], GiveBack::Header));
        // bsd-mailx, s-nail, PHP, git
        assert!(good("-i -m a").ignore_dots);
        assert!(good("-ti").from_header && good("-ti").ignore_dots);
        assert!(!good("-t").ignore_dots);
        assert_eq!(good("-r me@b.test -bm -Am -O DeliveryMode=b -h 3 a@b.test").recipients, ["a@b.test"]);
        assert_eq!(
            (good("-bp").mode, good("-q15m").mode, good("-bi").mode),
            (Mode::Queue, Mode::Nothing, Mode::Nothing)
        );
        assert_eq!(good("--account fax -t").account, "fax");
        assert_eq!(good("--account=fax -t").account, "fax");
        assert_eq!(good("-f <> a").sender, "<>");
    }

    #[test]
    fn f4_what_is_not_there_is_said() {
        for line in
            ["-bs", "-bd", "-bt", "-bv a", "-f", "-N sometimes", "-R all", "-Z", "--json x", "-tZ", "-"]
        {
            let error = read(line).err().unwrap_or_else(|| panic!("{line}"));
            assert_eq!(error.exit(), crate::exit::Exit::Usage, "{line}");
        }
    }
}
