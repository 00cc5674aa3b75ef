//! `completions SHELL`: a script that asks this program for what can come next, which asks the daemon for ids.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::{CompleteEnv, Shell, env::Shells};

use crate::{args::Cli, error::Error};

/// Set by the scripts. Not the usual COMPLETE: nobody must be answered with completions by accident.
const VARIABLE: &str = "FAXPOST_COMPLETE";

/// What the scripts call.
const PROGRAM: &str = "faxpost";

pub(super) fn run(shell: Shell) -> Result<(), Error> {
    // Whole before it goes out: a closed pipe is no mistake.
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let known =
        shells.completer(&shell.to_string()).ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
    known.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok(io::stdout().write_all(&script)?)
}

/// Answers a script, and ends; returns when none asks.
pub(super) fn answer() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).bin(PROGRAM).complete();
}
