//! The programs under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Path of `faxpostd` or `faxpost`: in `FAXPOST_BIN_DIR`, as `tests/run` sets it, else built here, so that a plain
/// `cargo test` never runs an old one.
///
/// # Panics
/// It is not there, or does not build.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match std::env::var_os("FAXPOST_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => build(),
    });
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not there; build it, or unset FAXPOST_BIN_DIR", path.display());
    path
}

/// Starts a program by `spawn`. Wine cannot, every now and then, and can a moment later.
///
/// # Panics
/// It cannot be started.
pub fn started<T>(mut spawn: impl FnMut() -> std::io::Result<T>) -> T {
    const ERROR_INTERNAL_ERROR: i32 = 1359;
    const TRIES: usize = 4;
    for _ in 1..TRIES {
        match spawn() {
            Err(error) if cfg!(windows) && error.raw_os_error() == Some(ERROR_INTERNAL_ERROR) => {}
            started => return started.expect("the program can be started"),
        }
    }
    spawn().expect("the program can be started")
}

fn build() -> PathBuf {
    // target/PROFILE/deps/this-test, or target/PROFILE/this-program
    let own = std::env::current_exe().expect("a running program knows its path");
    let folder = own
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .expect("a program built by cargo stands in target/PROFILE");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The whole workspace: with other packages, cargo would choose other features and build the dependencies once more.
    cargo.args(["build", "--quiet", "--workspace", "--bins"]);
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo.env("CARGO_TARGET_DIR", folder.parent().unwrap_or(folder));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "the programs under test do not build");
    folder.to_owned()
}
