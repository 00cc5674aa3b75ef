//! `faxpost`: the command line of Faxpost. A thin client: it parses words, asks the daemon, and prints the answer;
//! every rule is the daemon's.

use std::process::ExitCode;

mod args;
mod commands;
mod error;
mod exit;
mod input;
mod lang;
mod output;
mod settings;
mod times;
mod usage;
mod words;

fn main() -> ExitCode {
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    commands::run(cli).into()
}
