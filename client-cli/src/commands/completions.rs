//! `completions SHELL`

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{args::Cli, error::Error};

pub(super) fn run(shell: Shell) -> Result<(), Error> {
    // clap_complete would panic on a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "faxpost", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}
