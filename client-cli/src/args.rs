//! The command line, as clap sees it. Its help is English in every language; what is wrong is not, see `usage`.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;
use faxpost_proto::{
    advice::Language,
    signin::Redirect,
    v1::{Decision, EntryKind, EntryOutcome, MessageState, Role},
};

mod account;
mod called;
mod cert;

pub(crate) use account::{Account, ImportArgs, ImportFrom};
pub(crate) use cert::{Audit, Cert, Csr, InstallArgs, Request, Store, WaitArgs};

use crate::{
    complete,
    exit::Exit,
    times, usage,
    words::{self, Word},
};

const EXIT_CODES: &str = "\
Exit status:
   0  done
   1  anything that is not listed below
  64  the command line is wrong: an option, a key that there is not
  65  the data is wrong: a field, a setting's value, an address, an id, a file
  69  the Faxpost service is not running
  73  it exists already, or a file cannot be written
  75  temporary, try again; somebody else changed it meanwhile; or an administrator must approve it
      first: then standard output has the request's number
  77  permission denied
  78  the settings do not work
Environment:
  FAXPOST_ENDPOINT  another endpoint, as --endpoint
  LC_ALL, LC_MESSAGES, LANG  the language, as --lang; on Windows else the user's
  NO_COLOR  no colours";

/// These stand apart from what a command is about.
const GLOBAL: &str = "Global options";

const SIGN_IN: &str = "\
The account needs oauth=on, and the client ID of a registration of your own at the provider:
  faxpost account set oauth=on oauth-profile=google oauth-client-id=ID --ask-client-secret
Exit status:
   0  signed in
   1  given up with Ctrl-C
  75  nobody signed in in time, or the provider has a problem
  78  the provider, or somebody in the browser, refused
  others as in `faxpost --help`";

const SEND_EXIT: &str = "\
Exit status:
   0  accepted; with --wait: delivered to everybody
   1  with --wait: somebody was not reached, for good
  75  with --wait-seconds: not finished yet; else: not accepted, try again
  others as in `faxpost --help`";

/// Reads the command line; on a mistake, and for --help and --version, prints and says how to exit.
pub(crate) fn parse() -> Result<Cli, Exit> {
    let (line, words) = called::line(std::env::args_os().collect());
    let parsed = Cli::try_parse_from(line).map(|mut cli| {
        if let Command::Sendmail { words: empty, .. } = &mut cli.command {
            *empty = words;
        }
        cli
    });
    parsed.map_err(|error| {
        // Whoever closed our output does not want the rest.
        let _ = match usage::translated(&error) {
            Some(text) => writeln!(io::stderr(), "{text}"),
            None => error.print(),
        };
        if error.use_stderr() { Exit::Usage } else { Exit::Done }
    })
}

/// The command line of Faxpost, the mail door of a fax system.
#[derive(Debug, Parser)]
#[command(name = "faxpost", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Socket path or pipe name of the daemon
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "PATH")]
    pub(crate) endpoint: Option<String>,
    /// Print the API's answer as JSON, one object a line for streams
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// Language of the output
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Lang>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Values of --lang.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// Russian
    Ru,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Ru => Self::Ru,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How the daemon is, who I am to it, and what I may do
    Status {
        /// What the daemon has counted, in the text format of Prometheus
        #[arg(long)]
        metrics: bool,
    },
    /// SMTP accounts: who mail is from, how it leaves, how to sign in
    #[command(subcommand)]
    Account(Account),
    /// Sign an account in with OAuth 2.0: in a browser on this machine, unless said otherwise
    #[command(after_help = SIGN_IN)]
    Signin(SignInArgs),
    /// Forget the tokens of an account, here and at the provider
    Signout {
        /// Which account
        #[arg(default_value = "default", add = ArgValueCompleter::new(complete::accounts))]
        id: String,
    },
    /// Send a message
    Send(Box<Send>),
    /// Send a finished message from standard input, as the program of that name does
    #[command(after_help = called::SENDMAIL, disable_help_flag = true, override_usage = "faxpost sendmail [OPTIONS] [ADDRESS]...")]
    Sendmail {
        /// Options as below, then recipients
        #[arg(value_name = "ADDRESS", trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
        /// Print help
        #[arg(long, action = ArgAction::Help)]
        help: Option<bool>,
    },
    /// Messages that were accepted, and what becomes of them
    #[command(subcommand)]
    Outbox(Outbox),
    /// The e-mail log: every message, every attempt, every test
    #[command(subcommand)]
    Log(Log),
    /// Signing certificates, their keys, and who may use those
    #[command(subcommand)]
    Cert(Cert),
    /// What waits for an administrator's approval
    #[command(subcommand)]
    Request(Request),
    /// Who may do what
    #[command(subcommand)]
    Policy(Policy),
    /// Who did what: privileged actions, tried, done or refused
    #[command(subcommand)]
    Audit(Audit),
    /// Print a script for a shell, that completes commands, and asks the daemon for ids
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man {
        /// An existing folder
        dir: PathBuf,
    },
}

/// How a password comes in.
#[derive(Debug, Default, Args)]
pub(crate) struct PasswordArgs {
    /// Read the account's password from standard input, one line
    #[arg(long, conflicts_with = "ask_password")]
    pub(crate) password_stdin: bool,
    /// Ask for the account's password
    #[arg(long)]
    pub(crate) ask_password: bool,
}

/// How the client secret of a registration at a provider comes in.
#[derive(Debug, Default, Args)]
pub(crate) struct ClientSecretArgs {
    /// Read the OAuth client secret from standard input, one line
    #[arg(long, conflicts_with_all = ["ask_client_secret", "password_stdin"])]
    pub(crate) client_secret_stdin: bool,
    /// Ask for the OAuth client secret
    #[arg(long)]
    pub(crate) ask_client_secret: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignInArgs {
    /// Which account
    #[arg(default_value = "default", add = ArgValueCompleter::new(complete::accounts))]
    pub(crate) id: String,
    /// Sign in on another device, with a code
    #[arg(long)]
    pub(crate) device: bool,
    /// Sign in as the application itself: nobody is asked
    #[arg(long, conflicts_with = "device")]
    pub(crate) client_credentials: bool,
    /// Show the address, and open no browser
    #[arg(long, conflicts_with_all = ["device", "client_credentials"])]
    pub(crate) no_browser: bool,
    /// The redirect as it is registered; without a port, a free one is taken
    #[arg(long, value_name = "URI", value_parser = redirect, conflicts_with_all = ["device", "client_credentials"])]
    pub(crate) redirect_uri: Option<Redirect>,
}

#[derive(Debug, Args)]
#[command(after_help = SEND_EXIT)]
pub(crate) struct Send {
    /// Recipients, with or without name: 'Name <a@example.org>'
    #[arg(long, value_name = "ADDRESS", num_args = 1..)]
    pub(crate) to: Vec<String>,
    /// Recipients of a copy
    #[arg(long, value_name = "ADDRESS", num_args = 1..)]
    pub(crate) cc: Vec<String>,
    /// Recipients of a copy that nobody sees
    #[arg(long, value_name = "ADDRESS", num_args = 1..)]
    pub(crate) bcc: Vec<String>,
    /// Subject
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) subject: String,
    /// The text; - reads standard input
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub(crate) text: String,
    /// A file with the text as HTML, in UTF-8
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Files to attach
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    /// A header field: 'Name: value'
    #[arg(long, value_name = "FIELD")]
    pub(crate) header: Vec<String>,
    /// The account to send by; else "default"
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::accounts))]
    pub(crate) account: Option<String>,
    /// The same id with the same content sends once; else a new one
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// Wait until the message is delivered or given up
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait that long at most
    #[arg(long, value_name = "N", value_parser = seconds)]
    pub(crate) wait_seconds: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Outbox {
    /// Messages, newest first
    List {
        /// Only in these states
        #[arg(long, value_delimiter = ',', value_parser = words::parser::<MessageState>())]
        state: Vec<MessageState>,
        /// Only by this account
        #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::accounts))]
        account: Option<String>,
        /// How many at most
        #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50, value_parser = count)]
        number: u32,
    },
    /// One message with its recipients
    Show {
        /// Which message
        #[arg(add = ArgValueCompleter::new(complete::messages))]
        id: String,
    },
    /// Try a queued message now
    Retry {
        /// Which message
        #[arg(add = ArgValueCompleter::new(complete::messages))]
        id: String,
    },
    /// Stop trying until it is released, also when what the daemon waits for is repaired
    Hold {
        /// Which message
        #[arg(add = ArgValueCompleter::new(complete::messages))]
        id: String,
    },
    /// Go on with a held message
    Release {
        /// Which message
        #[arg(add = ArgValueCompleter::new(complete::messages))]
        id: String,
    },
    /// Give up the recipients that were not reached yet
    Cancel {
        /// Which message
        #[arg(add = ArgValueCompleter::new(complete::messages))]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Entries, newest first
    List {
        #[command(flatten)]
        filter: LogFilter,
        /// How many at most
        #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50, value_parser = count)]
        number: u32,
    },
    /// One entry with all that is known
    Show {
        /// Which entry
        #[arg(value_parser = entry_id, add = ArgValueCompleter::new(complete::entries))]
        id: i64,
    },
    /// The SMTP dialogue of an attempt or a test
    Transcript {
        /// Which entry
        #[arg(value_parser = entry_id, add = ArgValueCompleter::new(complete::entries))]
        id: i64,
    },
    /// New entries as they come, until Ctrl-C
    Follow {
        #[command(flatten)]
        filter: LogFilter,
        /// Begin with so many of the newest entries
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = backlog)]
        backlog: i32,
    },
    /// A copy of the log: JSON lines, the oldest entry first
    Export {
        #[command(flatten)]
        filter: LogFilter,
        /// With the SMTP dialogues
        #[arg(long)]
        transcripts: bool,
    },
}

/// Which entries of the log.
#[derive(Debug, Args)]
pub(crate) struct LogFilter {
    /// Only about this message
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::messages))]
    pub(crate) message: Option<String>,
    /// Only by this account
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::accounts))]
    pub(crate) account: Option<String>,
    /// Part of a recipient's address
    #[arg(long, value_name = "TEXT")]
    pub(crate) recipient: Option<String>,
    /// Part of the name of who caused it
    #[arg(long, value_name = "TEXT")]
    pub(crate) caller: Option<String>,
    /// Only these kinds
    #[arg(long, value_delimiter = ',', value_parser = words::parser::<EntryKind>())]
    pub(crate) kind: Vec<EntryKind>,
    /// Only with these outcomes
    #[arg(long, value_delimiter = ',', value_parser = words::parser::<EntryOutcome>())]
    pub(crate) outcome: Vec<EntryOutcome>,
    /// From then on: RFC 3339, a local date or time, or how long ago (2h, 3d)
    #[arg(long, value_name = "TIME", value_parser = times::parse_moment)]
    pub(crate) since: Option<prost_types::Timestamp>,
    /// Until then
    #[arg(long, value_name = "TIME", value_parser = times::parse_moment)]
    pub(crate) until: Option<prost_types::Timestamp>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// The whole table
    Show,
    /// Change one cell of the table
    Set {
        /// e.g. Mail/SendMail
        #[arg(add = ArgValueCompleter::new(complete::methods))]
        method: String,
        /// administrator, service or user = allow, deny, approval or default
        #[arg(value_name = "ROLE=DECISION", value_parser = parse_cell)]
        cell: Cell,
    },
}

/// One cell of the policy's table. No decision: back to the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) role: Role,
    pub(crate) decision: Option<Decision>,
}

fn redirect(text: &str) -> Result<Redirect, String> {
    Redirect::parse(text).map_err(|error| error.to_string())
}

// "invalid digit found in string" helps nobody. What is wrong is told in Russian by `usage`.

/// How many at most.
fn count(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| usage::FROM_ONE.to_owned())
}

fn seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| usage::FROM_ZERO.to_owned())
}

fn backlog(text: &str) -> Result<i32, String> {
    text.parse().ok().filter(|count| *count >= 0).ok_or_else(|| usage::FROM_ZERO.to_owned())
}

fn entry_id(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| usage::ENTRY.to_owned())
}

fn audit_entry(text: &str) -> Result<i64, String> {
    text.parse().ok().filter(|id| *id > 0).ok_or_else(|| usage::AUDIT.to_owned())
}

fn request_number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| usage::REQUEST.to_owned())
}

fn revision(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| usage::REVISION.to_owned())
}

fn parse_cell(text: &str) -> Result<Cell, String> {
    let (role, decision) = text.split_once('=').ok_or("expected ROLE=DECISION, e.g. user=deny".to_owned())?;
    let role = Role::parse(role).ok_or_else(|| format!("{role:?} is no role; roles: {}", Role::list()))?;
    let decision =
        match decision {
            "default" => None,
            word => Some(Decision::parse(word).ok_or_else(|| {
                format!("{word:?} is no decision; decisions: {}, default", Decision::list())
            })?),
        };
    Ok(Cell { role, decision })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in [["faxpost", "--json", "status"], ["faxpost", "status", "--json"]] {
            assert!(Cli::try_parse_from(line).unwrap().json);
        }
    }

    #[test]
    fn h2_a_cell_is_a_role_and_a_decision() {
        assert_eq!(parse_cell("user=deny"), Ok(Cell { role: Role::User, decision: Some(Decision::Deny) }));
        assert_eq!(parse_cell("service=default"), Ok(Cell { role: Role::Service, decision: None }));
        assert!(parse_cell("user=maybe").unwrap_err().contains("deny, allow, approval, default"));
        assert!(parse_cell("root=allow").unwrap_err().contains("administrator, service, user"));
        assert!(parse_cell("user").is_err());
    }

    #[test]
    fn a_bad_word_lists_the_good_ones() {
        let error = Cli::try_parse_from(["faxpost", "outbox", "list", "--state", "lost"]).unwrap_err();
        assert!(error.use_stderr());
        assert!(error.to_string().contains("queued, sending, held, delivered, failed, cancelled"), "{error}");
    }

    #[test]
    fn several_recipients_follow_one_flag_or_many() {
        let line = ["faxpost", "send", "--to", "a@x", "b@x", "--to", "c@x", "--subject", "s", "--text", "-"];
        let Command::Send(send) = Cli::try_parse_from(line).unwrap().command else { panic!() };
        assert_eq!(send.to, ["a@x", "b@x", "c@x"]);
        assert_eq!(send.text, "-");
    }
}
