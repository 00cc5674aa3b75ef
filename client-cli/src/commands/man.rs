//! `man DIR`: for packagers.

use std::{io, path::Path};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::{args::Cli, error::Error};

pub(super) fn run(dir: &Path) -> Result<(), Error> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    generate(&command, dir).map_err(|source| Error::Create { path: dir.to_owned(), source })
}

/// A page for each command. The parts of the program have its version, and no own one.
fn generate(command: &Command, dir: &Path) -> io::Result<()> {
    for part in command.get_subcommands().filter(|part| !part.is_hide_set()) {
        generate(part, dir)?;
    }
    let source = concat!("faxpost ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source).manual("Faxpost").generate_to(dir).map(drop)
}
