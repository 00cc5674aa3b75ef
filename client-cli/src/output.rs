//! Where all output goes: text for people, or JSON for programs; colours only where somebody looks.
//!
//! Whatever came from the daemon passes [`escape`](escape::escape) before it reaches a terminal: subjects and server
//! banners are written by strangers.

use std::{
    cell::OnceCell,
    env,
    io::{self, BufWriter, IsTerminal, Stdout, Write},
};

use faxpost_proto::v1::{Entry, GetTranscriptResponse};
use prost::{Message, Name};
use prost_reflect::DescriptorPool;

use crate::{error::Error, lang::Texts};

pub(crate) mod escape;
mod json;
pub(crate) mod style;
pub(crate) mod table;

use style::{Style, paint};
use table::Table;

/// Where less is left, the terminal breaks lines as well as we do.
const NARROWEST: usize = 20;

/// Standard output and standard error, and what they can do.
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    /// Only JSON goes to standard output.
    json: bool,
    descriptors: OnceCell<DescriptorPool>,
    texts: &'static Texts,
    colour: bool,
    colour_errors: bool,
    /// Somebody reads standard error.
    errors_terminal: bool,
    /// Columns of the terminal; `None`: not a terminal.
    width: Option<usize>,
    /// The same of standard error.
    width_errors: Option<usize>,
}

impl Output {
    pub(crate) fn new(json: bool, texts: &'static Texts) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let errors_terminal = io::stderr().is_terminal();
        let wanted = (terminal || errors_terminal) && style::wanted();
        Self {
            width: terminal.then(|| columns(terminal_size::terminal_size_of(&stdout))),
            width_errors: errors_terminal.then(|| columns(terminal_size::terminal_size_of(io::stderr()))),
            stdout: BufWriter::new(stdout),
            json,
            descriptors: OnceCell::new(),
            texts,
            colour: wanted && terminal,
            colour_errors: wanted && errors_terminal,
            errors_terminal,
        }
    }

    /// Whether standard output is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Columns of the terminal, if it is one.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// The API's message as one line of JSON.
    pub(crate) fn json<M: Message + Name>(&mut self, message: &M) -> Result<(), Error> {
        let line = json::line(self.descriptors.get_or_init(json::descriptors), message);
        writeln!(self.stdout, "{line}")?;
        self.flush()
    }

    /// An entry of the log as one line of JSON, whatever standard output is for; handed over when enough has gathered.
    pub(crate) fn record(
        &mut self,
        entry: &Entry,
        transcript: Option<&GetTranscriptResponse>,
    ) -> Result<(), Error> {
        let line = json::record(self.descriptors.get_or_init(json::descriptors), entry, transcript);
        Ok(writeln!(self.stdout, "{line}")?)
    }

    /// One line for people, already escaped.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Error> {
        Ok(writeln!(self.stdout, "{text}")?)
    }

    /// A piece of a line, at once: for a line that will be overwritten.
    pub(crate) fn piece(&mut self, text: &str) -> Result<(), Error> {
        write!(self.stdout, "{text}")?;
        self.flush()
    }

    /// A table that fits the terminal, or as wide as it needs.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Error> {
        for line in table.render(self.width, self.colour) {
            self.line(&line)?;
        }
        Ok(())
    }

    /// Labels and values, the values beneath each other.
    pub(crate) fn pairs(&mut self, pairs: &[(&str, String)]) -> Result<(), Error> {
        let widest = pairs.iter().map(|(label, _)| escape::width(label)).max().unwrap_or(0);
        for (label, value) in pairs {
            let padding = " ".repeat(widest - escape::width(label));
            let label = self.paint(Style::Dim, label);
            // Several lines stay beneath each other.
            let margin = " ".repeat(widest + 2);
            let mut before = format!("{label}{padding}  ");
            let value = value.lines().map(escape::escape).collect::<Vec<_>>();
            let columns = self.width;
            for line in value.iter().flat_map(|line| wrap(line, columns, widest + 2)) {
                self.line_of(&before, line)?;
                before.clone_from(&margin);
            }
            if value.is_empty() {
                self.line_of(&before, "")?;
            }
        }
        Ok(())
    }

    /// The text in that style, if standard output shows styles.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        paint(style, text, self.colour)
    }

    /// What people should know beside the result, on standard error.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Error> {
        self.flush()?;
        self.say("", text);
        Ok(())
    }

    /// What only somebody who looks wants to know, on standard error.
    pub(crate) fn remark(&mut self, text: &str) -> Result<(), Error> {
        if self.errors_terminal { self.note(text) } else { Ok(()) }
    }

    /// What people should not overlook, on standard error.
    pub(crate) fn warning(&mut self, text: &str) -> Result<(), Error> {
        self.flush()?;
        let word = paint(Style::Warn, self.texts.warning, self.colour_errors);
        self.say(&word, text);
        Ok(())
    }

    /// Why it did not work, on standard error.
    pub(crate) fn error(&mut self, text: &str) {
        // The error matters more than output that nobody takes.
        let _ = self.flush();
        let word = paint(Style::Bad, self.texts.error, self.colour_errors);
        self.say(&word, text);
    }

    /// A line, broken where the terminal ends when it begins at this column; whole where there is no terminal.
    pub(crate) fn wrapped<'a>(&self, line: &'a str, begin: usize) -> Vec<&'a str> {
        wrap(line, self.width, begin)
    }

    fn line_of(&mut self, before: &str, text: &str) -> Result<(), Error> {
        self.line(format!("{before}{text}").trim_end())
    }

    fn say(&self, word: &str, text: &str) {
        let mut before = if word.is_empty() { String::new() } else { format!("{word} ") };
        // Colours take no columns.
        let plain = [self.texts.error, self.texts.warning].into_iter().find(|plain| word.contains(plain));
        let mut begin = plain.map_or(0, |plain| escape::width(plain) + 1);
        for line in text.lines() {
            for line in wrap(line, self.width_errors, begin) {
                eprint(&format!("{before}{line}"));
                (before, begin) = (String::new(), 0);
            }
        }
    }

    /// Hands over what has gathered.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        Ok(self.stdout.flush()?)
    }
}

/// Whether the terminal's character set has ✓; no word about it: yes.
pub(crate) fn has_unicode() -> bool {
    let charset = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    charset.is_none_or(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

fn wrap(line: &str, columns: Option<usize>, begin: usize) -> Vec<&str> {
    match columns {
        Some(columns) if columns > begin + NARROWEST => escape::wrap(line, columns - begin),
        _ => vec![line],
    }
}

fn columns(size: Option<(terminal_size::Width, terminal_size::Height)>) -> usize {
    size.map_or(80, |(width, _)| width.0.into())
}

fn eprint(text: &str) {
    // Unlike eprintln!, no panic when nobody listens.
    let _ = writeln!(io::stderr(), "{text}");
}
