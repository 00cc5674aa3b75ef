//! `man DIR`: for packagers.

use std::path::Path;

use clap::CommandFactory as _;

use crate::{args::Cli, error::Error};

pub(super) fn run(dir: &Path) -> Result<(), Error> {
    clap_mangen::generate_to(Cli::command(), dir)
        .map_err(|source| Error::Create { path: dir.to_owned(), source })
}
