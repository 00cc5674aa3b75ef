//! `faxpost`: the command line of Faxpost. A thin client: it parses words, asks the daemon, and prints the answer;
//! every rule is the daemon's.

use std::process::ExitCode;

mod args;
mod commands;
mod complete;
mod document;
mod editor;
mod error;
mod exit;
mod input;
mod lang;
mod msmtp;
mod nearest;
mod output;
mod settings;
mod times;
mod usage;
mod words;

fn main() -> ExitCode {
    // A shell that completes a line asks this program; see `faxpost completions`.
    commands::complete();
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    commands::run(cli).into()
}
