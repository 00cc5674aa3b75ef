//! Compiles the helper of the method system-net-mail, where there is a compiler for C#: Mono's `mcs`, which makes a program
//! for .NET Framework as well, or on Windows the one that comes with that. Where there is none, everything else is built all
//! the same, and the daemon says what is missing. `FAXPOST_CSC` names another compiler; empty: none.

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "relocations.rs"]
mod relocations;

const SOURCES: &str = "src/mailer/methods/system_net_mail";

fn main() {
    println!("cargo:rerun-if-changed=relocations.rs");
    relocations::pack("bins");
    println!("cargo:rerun-if-changed={SOURCES}");
    println!("cargo:rerun-if-env-changed=FAXPOST_CSC");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("FaxpostNetMail.exe");
    let compiler = match std::env::var_os("FAXPOST_CSC") {
        Some(path) => Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty()),
        None => usual_compiler(),
    };
    match compiler {
        Some(compiler) => compile(&compiler, &out),
        // The daemon knows an empty one for what it is.
        None => std::fs::write(&out, []).expect("cargo's folder can be written to"),
    }
}

fn usual_compiler() -> Option<PathBuf> {
    let windows = std::env::var_os("WINDIR")
        .map(|windows| Path::new(&windows).join(r"Microsoft.NET\Framework64\v4.0.30319\csc.exe"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mono = std::env::split_paths(&path).map(|folder| folder.join("mcs"));
    let found = windows.into_iter().chain(mono).find(|compiler| compiler.is_file());
    match &found {
        Some(compiler) => println!("cargo:rerun-if-changed={}", compiler.display()),
        // Where it would be installed: a file that is missing would have everything built anew each time.
        None => println!("cargo:rerun-if-changed=/usr/bin"),
    }
    found
}

fn compile(compiler: &Path, out: &Path) {
    let sources = std::fs::read_dir(SOURCES).expect("the helper's folder is there");
    let mut sources: Vec<_> = sources.filter_map(|entry| Some(entry.ok()?.path())).collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "cs"));
    sources.sort();
    // SmtpClient is called obsolete there, and is what this method is about.
    let options = ["-nologo", "-optimize+", "-warnaserror", "-nowarn:0618", "-platform:anycpu"];
    let output = Command::new(compiler)
        .args(options)
        .arg(format!("-out:{}", out.display()))
        .args(&sources)
        .output()
        .unwrap_or_else(|error| panic!("{} cannot be started: {error}", compiler.display()));
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{} does not compile the helper; FAXPOST_CSC= builds without it:\n{}",
        compiler.display(),
        String::from_utf8_lossy(&said)
    );
}
