//! `account …`, as clap sees it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;
use faxpost_proto::v1::Step;

use super::{ClientSecretArgs, PasswordArgs, count, revision};
use crate::{complete, words};

const KEYS: &str = "\
Keys (KEY= sets back to the default):
  sender-email, sender-name (' ' for none: the recipient sees the address)
  method=secure-smtp-client|cdo-message|system-net-mail|pickup
  server, port, security=none|implicit|starttls
  tls-check=system|pinned:SHA256|accept-invalid
  authentication=on|off, login, plaintext-auth=on|off, oauth=on|off
  mechanism=PLAIN|LOGIN|CRAM-MD5|SCRAM-SHA-1|SCRAM-SHA-256|SCRAM-SHA-256-PLUS|XOAUTH2|OAUTHBEARER
  sign=off|clear|opaque, certificate
  pickup-directory, ehlo-name, envelope-sender, reply-to
  max-connections, messages-per-minute, timeout-seconds, proxy=HOST:PORT (SOCKS5)
  oauth-profile (see `faxpost signin --help`), oauth-client-id, oauth-client-secret-expire-time
  oauth-tenant, oauth-scope, oauth-authorization-endpoint, oauth-token-endpoint
  oauth-device-authorization-endpoint, oauth-revocation-endpoint
A secret is never an argument: use --password-stdin or --ask-password, --client-secret-stdin or --ask-client-secret.";

const TEST_EXIT: &str = "\
Exit status:
   0  every step passed
  75  a step failed because of the network, or for the time being
  78  a step failed because of the settings, or the server refused for good
  others as in `faxpost --help`";

const EDIT: &str = "\
The settings come as TOML. Save and leave the editor to change them; leave the file as it is, or empty, to change
nothing. What is wrong comes back as comments at its place. If somebody else changes the account meanwhile, both
versions are shown. Secrets are not in the file: see `faxpost account set --help`.";

const IMPORT: &str = "\
A setting that the file does not name stays as it is; of a new account, it has its default. Accounts that the file does
not name stay, too. Secrets are never in the file: passwords stay where the server stays the same.
With --from msmtp, passwords and passwordeval commands are not taken; it is said what to do.";

const DISCOVER: &str = "\
Nothing is changed, and no password goes anywhere. What was found over DNS can be forged by anybody on the way: a server
of another domain than the address's must be compared with what the provider says.
Exit status:
   0  there is a proposal
   1  nothing was found
  others as in `faxpost --help`";

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// All accounts
    List,
    /// The settings of an account
    Show {
        /// Which account
        #[arg(default_value = "default", add = ArgValueCompleter::new(complete::accounts))]
        id: String,
    },
    /// Make a new account
    #[command(after_help = KEYS)]
    Create {
        /// Its name: 1 to 32 of a-z 0-9 and -
        id: String,
        /// Settings other than the defaults
        #[arg(value_name = "KEY=VALUE")]
        settings: Vec<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        client_secret: ClientSecretArgs,
        /// Check only, and change nothing
        #[arg(long)]
        validate_only: bool,
    },
    /// Change the settings of an account
    #[command(after_help = KEYS, override_usage = "faxpost account set [OPTIONS] [ID] [KEY=VALUE]...")]
    Set {
        /// Which account (else: default), then the settings to change
        #[arg(value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::settings))]
        settings: Vec<String>,
        #[command(flatten)]
        password: PasswordArgs,
        /// Forget the stored password
        #[arg(long, conflicts_with_all = ["password_stdin", "ask_password"])]
        clear_password: bool,
        #[command(flatten)]
        client_secret: ClientSecretArgs,
        /// Forget the stored client secret
        #[arg(long, conflicts_with_all = ["client_secret_stdin", "ask_client_secret"])]
        clear_client_secret: bool,
        /// Check only, and change nothing
        #[arg(long)]
        validate_only: bool,
        /// Change only what has this etag; else what was there a moment ago
        #[arg(long)]
        etag: Option<String>,
    },
    /// Change the settings in an editor: $VISUAL, or $EDITOR
    #[command(after_help = EDIT)]
    Edit {
        /// Which account
        #[arg(default_value = "default", add = ArgValueCompleter::new(complete::accounts))]
        id: String,
    },
    /// Delete an account with its password
    Delete {
        /// Which account
        #[arg(add = ArgValueCompleter::new(complete::accounts))]
        id: String,
        /// Delete only what has this etag; else what was there a moment ago
        #[arg(long)]
        etag: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Try the settings of an account, saved or not, step by step
    #[command(
        after_help = format!("{KEYS}\n\n{TEST_EXIT}"),
        override_usage = "faxpost account test [OPTIONS] [ID] [KEY=VALUE]..."
    )]
    Test {
        /// Which account (else: default), then settings to try without saving them
        #[arg(value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::settings))]
        settings: Vec<String>,
        /// Who gets the test message; else the sender
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        /// The last step to try; anything before "message" sends nothing
        #[arg(long, value_name = "STEP", value_parser = words::parser::<Step>())]
        until: Option<Step>,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Who changed what and when, newest first; deleted accounts keep their history
    History {
        /// Which account
        #[arg(default_value = "default", add = ArgValueCompleter::new(complete::accounts))]
        id: String,
        /// Of all accounts
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// How many at most
        #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50, value_parser = count)]
        number: u32,
    },
    /// What two revisions of an account differ in
    Diff {
        /// Which revision
        #[arg(value_name = "A", value_parser = revision, add = ArgValueCompleter::new(complete::revisions))]
        old: i64,
        /// With which; else A with the one before it
        #[arg(value_name = "B", value_parser = revision, add = ArgValueCompleter::new(complete::revisions))]
        new: Option<i64>,
    },
    /// Set an account back to a revision; a deleted account comes back
    Rollback {
        /// Which revision
        #[arg(value_parser = revision, add = ArgValueCompleter::new(complete::revisions))]
        revision: i64,
        /// Check only, and change nothing
        #[arg(long)]
        validate_only: bool,
        /// Change only what has this etag; else what was there a moment ago
        #[arg(long)]
        etag: Option<String>,
    },
    /// Print accounts as TOML, without secrets
    Export {
        /// Which accounts; else all
        #[arg(value_name = "ID", add = ArgValueCompleter::new(complete::accounts))]
        ids: Vec<String>,
    },
    /// Make and change accounts as a file says: all of them or none, after showing what will change
    #[command(after_help = IMPORT)]
    Import(ImportArgs),
    /// How mail can leave this machine, and what each method can do
    Methods,
    /// Providers whose servers are known
    Presets,
    /// Find the server of an e-mail address: by what is known, by its domain's DNS and autoconfig
    #[command(after_help = DISCOVER)]
    Discover {
        /// The address; only its domain is asked for
        address: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file; - reads standard input
    pub(crate) file: PathBuf,
    /// What kind of file it is
    #[arg(long, value_enum, default_value_t = ImportFrom::Faxpost)]
    pub(crate) from: ImportFrom,
    /// Only show what would change
    #[arg(long)]
    pub(crate) validate_only: bool,
    /// Do it without asking
    #[arg(long, short, conflicts_with = "validate_only")]
    pub(crate) yes: bool,
}

/// Kinds of files to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFrom {
    /// TOML, as `account export` prints it
    Faxpost,
    /// A configuration of msmtp
    Msmtp,
}
