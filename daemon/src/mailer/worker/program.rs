//! Which program the mailer's process is: the one that has nothing else in it, where it was installed with the daemon, or else the
//! daemon's own, which has it, too.

use std::path::{Path, PathBuf};

/// The daemon's program; what is not called so (a test, a bench) is its own mailer.
const DAEMON: &str = "faxpostd";

/// The mailer's.
const MAILER: &str = "faxpost-mailer";

/// Debian's folders of the two. Nowhere else is it looked for outside the daemon's own folder: above that, as in /tmp or on a drive,
/// others may write.
const DEBIANS: (&str, &str) = ("/usr/sbin", "/usr/lib/faxpost");

/// The mailer's program for that of the daemon. `None`: it is the same.
pub(super) fn beside(daemon: &Path) -> Option<PathBuf> {
    if daemon.file_stem()? != DAEMON {
        return None;
    }
    let name = Path::new(MAILER).with_extension(daemon.extension().unwrap_or_default());
    let folder = daemon.parent()?;
    let debians = (folder == Path::new(DEBIANS.0)).then(|| Path::new(DEBIANS.1).join(&name));
    [Some(folder.join(&name)), debians].into_iter().flatten().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn h6_the_mailer_is_a_program_of_its_own_where_it_was_installed() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        let daemon = path("sbin/faxpostd");
        assert_eq!(beside(&daemon), None, "it is not installed");
        fs::create_dir_all(path("sbin/faxpost-mailer")).unwrap();
        assert_eq!(beside(&daemon), None, "that is a folder");
        fs::write(path("lib/faxpost/faxpost-mailer"), []).unwrap();
        assert_eq!(beside(&daemon), None, "others may write there");
        let windows = path("bin/faxpost-mailer.exe");
        fs::write(&windows, []).unwrap();
        assert_eq!(beside(&path("bin/faxpostd.exe")), Some(windows));
        assert_eq!(beside(&path("bin/rogue.exe")), None, "it is its own");
        assert_eq!(beside(Path::new("faxpostd")), None);
    }
}
