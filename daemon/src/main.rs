//! `faxpostd`: the process around the daemon, and the mailer's, which the daemon starts.

mod usage;

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Parser, Subcommand};
use faxpost_proto::said;
use faxpostd::Surroundings;
use faxpostd::config::Config;
use faxpostd::fleet;
use faxpostd::mailer::worker;
use faxpostd::migration::{self, Way};
use faxpostd::service::words::{Words, words};
use faxpostd::service::{self, Order, logging};
use tokio_util::sync::CancellationToken;

/// Passwords and tokens pass through buffers of gRPC, JSON and TLS that are not ours to wipe: whatever is freed is wiped (H3).
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// The privileged mail daemon of a fax system.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Language of what is said here; the log is English. Default: that of the environment, or of Windows' user.
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = ["en", "ru"])]
    lang: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs in the foreground until Ctrl-C or SIGTERM. FAXPOST_LOG sets what is logged, e.g. debug (default: info).
    Run(Running),
    /// Moves accounts, mail and log between the state folder and a database of a PostgreSQL server. No daemon may work on either
    /// meanwhile. When it was interrupted, the same command goes on; until it has ended, the old store is what counts.
    Migrate(Migrating),
    /// Registers the service that Windows starts with the machine, or brings its registration up to date.
    Install {
        #[command(flatten)]
        place: Place,
        /// Also puts the folder of this program into the machine's PATH.
        #[arg(long)]
        add_to_path: bool,
    },
    /// Stops the service and takes its registration away; the state stays.
    Uninstall {
        /// Removes the state, too: accounts, passwords, waiting mail, the log.
        #[arg(long)]
        remove_data: bool,
    },
    /// Starts the service, and waits until it serves.
    Start,
    /// Stops the service, and waits until it has ended.
    Stop,
    /// Prints the state folder of the service.
    StateDir,
    /// Prints a code with which one other machine gets the key of this one's PostgreSQL database, within 15 minutes.
    Invite(Member),
    /// Asks for the code of `faxpostd invite`, and keeps the key of the PostgreSQL database on this machine. Without a terminal
    /// it is read from standard input.
    Join(Member),
    /// Refuses a folder for these programs that others than administrators may change: the installer asks.
    #[command(hide = true)]
    CheckFolder {
        /// It need not be there yet.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// The service itself: started by Windows, and by nobody else.
    #[command(hide = true)]
    Service(Place),
    /// The mailer's own process: started by the daemon, and by nobody else.
    #[command(hide = true)]
    Mailer {
        /// The account to become.
        #[arg(long, required_unless_present = "own_account", conflicts_with = "own_account")]
        account: Option<String>,
        /// Stays what it is, even root.
        #[arg(long)]
        own_account: bool,
        /// The folder of private keys.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
}

#[derive(clap::Args)]
struct Place {
    /// Folder for database, spool, key and pickup [default: /var/lib/faxpost, or %ProgramData%\Faxpost].
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Socket path, or pipe name, to serve [default: /run/faxpost/faxpost.sock, or
    /// \\.\pipe\ProtectedPrefix\Administrators\Faxpost].
    #[arg(long, value_name = "PATH")]
    endpoint: Option<String>,
}

#[derive(clap::Args)]
struct Running {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Database,
    /// Works on its store also when that was moved elsewhere by `faxpostd migrate`, and from now on.
    #[arg(long)]
    reclaim: bool,
}

#[derive(clap::Args)]
struct Member {
    /// Folder of settings and keys [default: /var/lib/faxpost, or %ProgramData%\Faxpost].
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
}

#[derive(clap::Args)]
struct Database {
    /// Database of a PostgreSQL server instead of the one in the state folder: postgres://USER@HOST/DATABASE. Its password
    /// comes from a file: see [store] in faxpostd.toml.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

#[derive(clap::Args)]
#[group(id = "way", required = true, multiple = false)]
struct Ways {
    /// Into this database: postgres://USER@HOST/DATABASE. Its password comes from a file: see [store] in faxpostd.toml.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// From this database into the state folder.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

#[derive(clap::Args)]
struct Migrating {
    #[command(flatten)]
    ways: Ways,
    /// Folder for database, spool, key and pickup [default: /var/lib/faxpost, or %ProgramData%\Faxpost].
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// How long a stop waits for work that cannot be interrupted.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    if let Some(arguments) = worker::Arguments::told(std::env::args_os().skip(1)) {
        return mailer(&arguments);
    }
    let (arguments, words, language) = match usage::read(std::env::args_os()) {
        Ok((arguments, language)) => (arguments, words(language), language),
        Err(exit) => return exit,
    };
    let (done, prefix) = match arguments.command {
        Command::Mailer { account, keys, .. } => return mailer(&worker::Arguments { account, keys }),
        Command::Run(running) => (run(&running), words.failed),
        Command::Migrate(migrating) => (migrate(&migrating, words), words.error),
        Command::Service(place) => {
            let state_dir = place.state_dir();
            let running = Running { place, database: Database { store: None }, reclaim: false };
            let work = move |shutdown, ready| serve(&running, shutdown, ready, false);
            (service::serve(&state_dir, Box::new(work), words), words.error)
        }
        Command::Install { place: Place { state_dir, endpoint }, add_to_path } => {
            (told(&Order::Install { state_dir, endpoint, add_to_path }, words), words.error)
        }
        Command::Uninstall { remove_data } => (told(&Order::Uninstall { remove_data }, words), words.error),
        Command::Start => (told(&Order::Start, words), words.error),
        Command::Stop => (told(&Order::Stop, words), words.error),
        Command::CheckFolder { folder } => (told(&Order::CheckFolder { folder }, words), words.error),
        Command::StateDir => (told(&Order::StateDir, words), words.error),
        Command::Invite(member) => (invite(&member, words), words.error),
        Command::Join(member) => (join(&member, words), words.error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain on one line: what failed, and what the system said.
            let text = format!("{error:#}");
            match said::said(&text, language) {
                Cow::Borrowed(english) => eprintln!("{prefix}: {english}"),
                // The prefix may say that what follows is English.
                Cow::Owned(told) => eprintln!("{}: {told}", words.error),
            }
            ExitCode::FAILURE
        }
    }
}

fn mailer(arguments: &worker::Arguments) -> ExitCode {
    logging::start_of_mailer();
    worker::main(arguments)
}

impl Place {
    fn state_dir(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(service::default_state_dir)
    }
}

impl Member {
    /// Its settings, once nobody else can look into this process.
    fn config(&self) -> anyhow::Result<Config> {
        service::forbid_dumps()?;
        let state_dir = self.state_dir.clone().unwrap_or_else(service::default_state_dir);
        self.database.chosen(Config::load(&state_dir, faxpost_proto::endpoint::DEFAULT)?)
    }
}

impl Database {
    fn chosen(&self, mut config: Config) -> anyhow::Result<Config> {
        if let Some(url) = &self.store {
            config.store.choose(url)?;
        }
        Ok(config)
    }
}

fn invite(member: &Member, words: &Words) -> anyhow::Result<()> {
    let code = short()?.block_on(fleet::invite(&member.config()?, words))?;
    // The code alone can be piped to the other machine.
    println!("{}", *code);
    eprintln!("{}", words.invited);
    Ok(())
}

fn join(member: &Member, words: &Words) -> anyhow::Result<()> {
    println!("{}", short()?.block_on(fleet::join(&member.config()?, words))?);
    Ok(())
}

/// For a command that asks a few questions.
fn short() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn told(order: &Order, words: &Words) -> anyhow::Result<()> {
    println!("{}", service::command(order, words)?);
    Ok(())
}

fn run(running: &Running) -> anyhow::Result<()> {
    logging::start();
    serve(running, CancellationToken::new(), Box::new(service::tell_ready), true)
}

fn migrate(
    Migrating { ways: Ways { to, from }, state_dir }: &Migrating,
    words: &Words,
) -> anyhow::Result<()> {
    logging::start();
    service::forbid_dumps()?;
    let state_dir = state_dir.clone().unwrap_or_else(service::default_state_dir);
    let mut config = Config::load(&state_dir, faxpost_proto::endpoint::DEFAULT)?;
    let (way, url) = match (to, from) {
        (Some(url), _) => (Way::ToServer, url),
        (None, Some(url)) => (Way::FromServer, url),
        (None, None) => bail!("--to or --from is missing"),
    };
    config.store.choose(url)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let moved = runtime.block_on(migration::migrate(&config, way))?;
    let said = match way {
        Way::ToServer => (words.moved_to_server)(url),
        Way::FromServer => (words.moved_from_server)(url),
    };
    println!(
        "{}{said}",
        if moved.before { words.moved_before.to_owned() } else { (words.moved)(moved.rows, moved.bodies) }
    );
    if moved.lost > 0 {
        println!("{}", (words.moved_lost)(moved.lost));
    }
    Ok(())
}

/// How many threads serve: half the processors. What writes the database and what speaks with servers has threads and a process of
/// its own beside them, and one thread too many costs what it wakes and is woken: with two of them on two processors the same mail
/// goes out by a tenth slower. More than four have nothing to do, since all they accept goes through one commit.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).clamp(1, 4))
}

/// Until `shutdown` is cancelled; with `signals` also until a signal or the console asks for it.
fn serve(
    Running { place, database, reclaim }: &Running,
    shutdown: CancellationToken,
    ready: Box<dyn FnOnce() + Send>,
    signals: bool,
) -> anyhow::Result<()> {
    // Before anything secret is read; the mailer does the same when it has become its account.
    service::forbid_dumps()?;
    let endpoint = place.endpoint.as_deref().unwrap_or(faxpost_proto::endpoint::DEFAULT);
    let mut config = database.chosen(Config::load(&place.state_dir(), endpoint)?)?;
    config.store.reclaim = *reclaim;
    // While there is one thread only: it takes it from the environment.
    let listener = service::handed_over()?;
    service::raise_limits();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build()?;
    let served = runtime.block_on(async {
        let stop = shutdown.clone();
        tokio::spawn(async move {
            let asked = async {
                match service::stop_requested().await {
                    Ok(()) => {}
                    Err(error) => tracing::error!(%error, "signals cannot be received"),
                }
            };
            tokio::select! {
                () = asked, if signals => {}
                () = stop.cancelled() => {}
            }
            tracing::info!("asked to stop");
            service::tell_stopping();
            stop.cancel();
        });
        faxpostd::run_within(config, Surroundings { shutdown, listener, ready }).await
    });
    // Not for ever: a look-up of names may hang, and everything that must be kept is on the disk.
    runtime.shutdown_timeout(STOP_PATIENCE);
    served
}
