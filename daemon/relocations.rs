//! Half a megabyte of each program is read only once, when it starts, to find the places where its own addresses stand. In RELR's
//! form it is a twentieth of that: less memory for the daemon, and as much less for the mailer, which is the same program.

use std::process::Command;

/// The first with RELR. Programs for it do not start with an earlier one, so they are made only where it is there.
const GLIBC: (u32, u32) = (2, 36);

/// `kind`: of this package's programs, as cargo calls them.
pub(crate) fn pack(kind: &str) {
    let value = |name| std::env::var(name).unwrap_or_default();
    let is_here = value("HOST") == value("TARGET") && value("CARGO_CFG_TARGET_ENV") == "gnu";
    if is_here && value("CARGO_CFG_TARGET_OS") == "linux" && glibc().is_some_and(|here| here >= GLIBC) {
        println!("cargo:rustc-link-arg-{kind}=-Wl,-z,pack-relative-relocs");
    }
}

fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?.stdout;
    let (major, minor) = std::str::from_utf8(&said).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
