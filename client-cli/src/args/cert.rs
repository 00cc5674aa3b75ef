//! `cert …`, `request …` and `audit …`, as clap sees them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;
use faxpost_proto::v1::{KeyType, RequestState};

use super::{audit_entry, count, request_number};
use crate::{complete, times, words};

const INSTALL: &str = "\
FILE is PKCS#12 (.pfx, .p12), or PEM with certificate, chain and key; the key may be in a file of its own (--key).
The password of a PKCS#12 file is asked for, or read with --password-stdin; it is never an argument.";

const PENDING: &str = "\
Exit status:
   0  done
  75  an administrator must approve it first: the request's number is on standard output
  others as in `faxpost --help`";

#[derive(Debug, Subcommand)]
pub(crate) enum Cert {
    /// Signing certificates, the one that ends last first
    List {
        /// Whose
        #[arg(long, value_enum, default_value_t)]
        store: Store,
    },
    /// One certificate with its chain, its trust, and who may use its key
    Show {
        /// Its SHA-256 or SHA-1 fingerprint, or the beginning of it
        #[arg(add = ArgValueCompleter::new(complete::certificates))]
        fingerprint: String,
    },
    /// Which certificates could sign for an account, and what the others lack
    Candidates {
        /// Which account
        #[arg(default_value = "default", add = ArgValueCompleter::new(complete::accounts))]
        id: String,
        /// Another sender address than the account's
        #[arg(long, value_name = "ADDRESS")]
        sender: Option<String>,
    },
    /// Take a certificate with its key into the machine's store
    #[command(
        after_help = format!("{INSTALL}\n\n{PENDING}"),
        override_usage = "faxpost cert install [OPTIONS] <FILE>\n       faxpost cert install [OPTIONS] --from-user <FINGERPRINT>"
    )]
    Install(InstallArgs),
    /// Let an account use a certificate's key
    #[command(after_help = PENDING)]
    Grant {
        /// Which certificate
        #[arg(add = ArgValueCompleter::new(complete::certificates))]
        fingerprint: String,
        /// A user's name, uid:N or a SID; else the account that mail is signed under
        #[arg(long, value_name = "ACCOUNT")]
        to: Option<String>,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Take the right to use a certificate's key from an account
    #[command(after_help = PENDING)]
    Revoke {
        /// Which certificate
        #[arg(add = ArgValueCompleter::new(complete::certificates))]
        fingerprint: String,
        /// A user's name, uid:N or a SID
        #[arg(long, value_name = "ACCOUNT")]
        from: String,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Sign something as the account that mail is signed under, and verify it; other accounts are not tried
    Check {
        /// Which certificate; else that of the account
        #[arg(add = ArgValueCompleter::new(complete::certificates))]
        fingerprint: Option<String>,
        /// Which account; else "default"
        #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::accounts))]
        account: Option<String>,
    },
    /// Keys made here, and certificates for them from a CA
    #[command(subcommand)]
    Csr(Csr),
    /// Remove a certificate and its key from the machine's store
    #[command(after_help = PENDING)]
    Delete {
        /// Which certificate
        #[arg(add = ArgValueCompleter::new(complete::certificates))]
        fingerprint: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
}

/// Values of --store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// The machine's: what mail is signed with
    #[default]
    Machine,
    /// The user's own
    User,
}

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// A file with the certificate
    #[arg(required_unless_present = "from_user", conflicts_with = "from_user")]
    pub(crate) file: Option<PathBuf>,
    /// A PEM file with the key
    #[arg(long, value_name = "FILE", conflicts_with = "from_user")]
    pub(crate) key: Option<PathBuf>,
    /// One of the user's own certificates, by its SHA-256 fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) from_user: Option<String>,
    /// Read the password of the file from standard input, one line
    #[arg(long, conflicts_with_all = ["no_password", "from_user"])]
    pub(crate) password_stdin: bool,
    /// The file has no password
    #[arg(long, conflicts_with = "from_user")]
    pub(crate) no_password: bool,
    /// The key may be exported again (Windows)
    #[arg(long)]
    pub(crate) exportable: bool,
    /// Let the account that mail is signed under use the key, too
    #[arg(long)]
    pub(crate) grant: bool,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// What to do when an administrator must approve it.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct WaitArgs {
    /// If an administrator must approve it, wait until he has decided
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Csr {
    /// Make a key in the machine's store, and print a request (PKCS#10) for a CA
    #[command(after_help = PENDING)]
    Create {
        /// The account whose sender address goes in; else "default"
        #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::accounts))]
        account: Option<String>,
        /// Another address than the account's sender
        #[arg(long, value_name = "ADDRESS")]
        sender: Option<String>,
        /// Subject (RFC 4514), e.g. "CN=Fax, O=Firm, C=DE"; else the address
        #[arg(long, value_name = "NAME")]
        subject: Option<String>,
        /// Which kind of key; else rsa-3072
        #[arg(long, value_name = "TYPE", value_parser = words::parser::<KeyType>())]
        key_type: Option<KeyType>,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Requests whose answer has not come yet
    List,
    /// Install the CA's answer onto the key that was made for it
    #[command(after_help = PENDING)]
    Install {
        /// Certificate and chain: PEM, DER or PKCS#7
        file: PathBuf,
        /// Let the account that mail is signed under use the key, too
        #[arg(long)]
        grant: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Give a request up, and delete its key
    #[command(after_help = PENDING)]
    Delete {
        /// Which one, see `faxpost cert csr list`
        #[arg(add = ArgValueCompleter::new(complete::signing_requests))]
        id: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Request {
    /// Requests, newest first
    List {
        /// Only in these states
        #[arg(long, value_delimiter = ',', value_parser = words::parser::<RequestState>())]
        state: Vec<RequestState>,
        /// How many at most
        #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50, value_parser = count)]
        number: u32,
    },
    /// One request: who asks for what, and what became of it
    Show {
        /// Which one
        #[arg(value_parser = request_number, add = ArgValueCompleter::new(complete::requests))]
        number: i64,
    },
    /// Carry a request out, exactly as it is shown
    Approve {
        /// Which one
        #[arg(value_parser = request_number, add = ArgValueCompleter::new(complete::pending_requests))]
        number: i64,
        /// Do not ask
        #[arg(long, conflicts_with = "digest")]
        yes: bool,
        /// Do not ask, and carry out only what has this digest
        #[arg(long, value_name = "SHA256")]
        digest: Option<String>,
    },
    /// End a request without carrying it out
    Refuse {
        /// Which one
        #[arg(value_parser = request_number, add = ArgValueCompleter::new(complete::pending_requests))]
        number: i64,
        /// For who asked
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        why: String,
    },
    /// Take an own request back
    Withdraw {
        /// Which one
        #[arg(value_parser = request_number, add = ArgValueCompleter::new(complete::pending_requests))]
        number: i64,
    },
    /// Requests as they come and are decided, until Ctrl-C
    Watch,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Entries, newest first
    List {
        /// Only of this method, e.g. Certificates/GrantKeyAccess
        #[arg(long, value_name = "METHOD", add = ArgValueCompleter::new(complete::methods))]
        method: Option<String>,
        /// Only of this caller, by id or name
        #[arg(long, value_name = "CALLER")]
        caller: Option<String>,
        /// From then on: RFC 3339, a local date or time, or how long ago (2h, 3d)
        #[arg(long, value_name = "TIME", value_parser = times::parse_moment)]
        since: Option<prost_types::Timestamp>,
        /// How many at most
        #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50, value_parser = count)]
        number: u32,
    },
    /// One entry with all that is known
    Show {
        /// Which entry
        #[arg(value_parser = audit_entry, add = ArgValueCompleter::new(complete::audit_entries))]
        id: i64,
    },
}
