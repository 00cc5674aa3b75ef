//! `faxpost-mailer`: the mailer's process as a program of its own, with nothing in it that the daemon alone needs. Whatever a network
//! may bring it to do, neither the database's code nor the API's is there; and it takes less memory.

use std::process::ExitCode;

use faxpostd::mailer::worker;
use faxpostd::service::logging;

/// As the daemon's own.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    let Some(arguments) = worker::Arguments::told(std::env::args_os().skip(1)) else {
        eprintln!("faxpost-mailer is started by faxpostd, and by nobody else: see `faxpostd --help`");
        return ExitCode::from(64);
    };
    logging::start_of_mailer();
    worker::main(&arguments)
}
