//! The Unix way in. parity-tokio-ipc dials and hides the descriptor, so the server is verified by its path and before
//! dialling, as ssh's StrictModes does: when the socket and every folder above it belong to root or to the caller and
//! nobody else can write there, then nobody untrusted can have put the socket there, nor swap it between look and dial.
//!
//! Limit: a server that runs under another account than root is refused by everybody but that account itself.

use std::fs::{Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::{BUSY_PATIENCE, ConnectError, Verified};

pub(super) type Stream = parity_tokio_ipc::Connection;

/// What a socket's path may have: `sun_path` less its closing zero byte.
const LONGEST_PATH: usize = 107;

/// Others may write into the folder.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// In such a folder others may write, but only rename or remove what is their own (as in /tmp).
const STICKY: u32 = 0o1000;

/// Between two tries when the daemon's queue of connections is full.
const BUSY_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Connects to the socket at `endpoint`, if nobody untrusted can have put it there.
pub(super) async fn dial(endpoint: &str) -> Result<Verified, ConnectError> {
    let path = trusted_path(endpoint, nix::unistd::geteuid().as_raw())?;
    let give_up = Instant::now() + BUSY_PATIENCE;
    loop {
        match parity_tokio_ipc::Endpoint::connect(&path).await {
            Ok(stream) => return Ok(Verified(stream)),
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < give_up => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            Err(error) => return Err(explain(endpoint, error)),
        }
    }
}

/// The socket's path without symbolic links, which is what has to be dialled: a link could be turned after the look.
fn trusted_path(endpoint: &str, caller: u32) -> Result<PathBuf, ConnectError> {
    let given = Path::new(endpoint);
    let (Some(folder), Some(name)) = (given.parent(), given.file_name()) else {
        return Err(ConnectError::failed(endpoint, "this is not a path of a socket"));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = folder.canonicalize().map_err(|error| explain(endpoint, error))?;
    let path = folder.join(name);
    if path.as_os_str().len() > LONGEST_PATH {
        let why = format!(
            "the path is {} bytes long and a socket's may have {LONGEST_PATH}; use a shorter one",
            path.as_os_str().len()
        );
        return Err(ConnectError::failed(endpoint, why));
    }

    for folder in folder.ancestors() {
        let metadata = folder.symlink_metadata().map_err(|error| explain(endpoint, error))?;
        if let Some(why) = folder_is_open_to_others(folder, &metadata, caller) {
            return Err(ConnectError::impostor(endpoint, why));
        }
    }
    let metadata = path.symlink_metadata().map_err(|error| explain(endpoint, error))?;
    if !metadata.file_type().is_socket() {
        return Err(ConnectError::impostor(endpoint, "there is something else than a socket"));
    }
    if !trusted(metadata.uid(), caller) {
        let why = format!("the socket belongs to {}, which is neither root nor you", owner(metadata.uid()));
        return Err(ConnectError::impostor(endpoint, why));
    }
    Ok(path)
}

fn folder_is_open_to_others(folder: &Path, metadata: &Metadata, caller: u32) -> Option<String> {
    let shown = folder.display();
    if !trusted(metadata.uid(), caller) {
        let owner = owner(metadata.uid());
        return Some(format!("its folder {shown} belongs to {owner}, who could put any socket there"));
    }
    let mode = Permissions::mode(&metadata.permissions());
    if mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
        let mode = mode & 0o7777;
        return Some(format!(
            "others may write into its folder {shown} (mode {mode:04o}) and put any socket there"
        ));
    }
    None
}

fn trusted(owner: u32, caller: u32) -> bool {
    owner == 0 || owner == caller
}

fn owner(uid: u32) -> String {
    match nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("{} (uid {uid})", user.name),
        _ => format!("uid {uid}"),
    }
}

fn explain(endpoint: &str, source: io::Error) -> ConnectError {
    let endpoint = endpoint.to_owned();
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ConnectError::NotRunning { endpoint, source },
        ErrorKind::PermissionDenied => ConnectError::Denied { endpoint, source },
        _ => ConnectError::Failed { endpoint, source: Box::new(source) },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A socket in a folder of its own, both the caller's.
    struct Place {
        folder: tempfile::TempDir,
        _listener: UnixListener,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let listener = UnixListener::bind(folder.path().join("s")).unwrap();
            Self { folder, _listener: listener }
        }

        fn socket(&self) -> String {
            self.folder.path().join("s").to_str().unwrap().to_owned()
        }

        fn mode(&self, mode: u32) {
            fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        }

        fn look(&self) -> Result<PathBuf, ConnectError> {
            trusted_path(&self.socket(), me())
        }
    }

    fn me() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn why(result: Result<PathBuf, ConnectError>) -> String {
        match result {
            Err(ConnectError::Impostor { why, .. }) => why,
            other => panic!("not taken for an impostor: {other:?}"),
        }
    }

    #[test]
    fn h1_a_socket_that_only_the_caller_can_replace_is_trusted() {
        let place = Place::new();
        for mode in [0o700, 0o755, 0o1777] {
            place.mode(mode);
            assert!(place.look().is_ok(), "mode {mode:o}");
        }
    }

    #[test]
    fn h1_a_folder_that_others_may_write_is_named_and_refused() {
        let place = Place::new();
        for mode in [0o775, 0o757, 0o777] {
            place.mode(mode);
            let why = why(place.look());
            assert!(why.contains(place.folder.path().to_str().unwrap()), "{why}");
            assert!(why.contains(&format!("{mode:04o}")), "{why}");
        }
    }

    #[test]
    fn h1_a_folder_far_above_counts_as_well() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let _listener = UnixListener::bind(inner.join("s")).unwrap();
        fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let why = why(trusted_path(inner.join("s").to_str().unwrap(), me()));
        assert!(why.contains(&format!("{} ", outer.path().display())), "{why}");
    }

    #[test]
    fn h1_a_link_is_followed_once_and_its_target_dialled() {
        let place = Place::new();
        let other = tempfile::tempdir().unwrap();
        symlink(place.folder.path(), other.path().join("link")).unwrap();
        let path = trusted_path(other.path().join("link/s").to_str().unwrap(), me()).unwrap();
        assert_eq!(path, place.folder.path().canonicalize().unwrap().join("s"));

        symlink(place.socket(), other.path().join("s")).unwrap();
        assert!(why(trusted_path(other.path().join("s").to_str().unwrap(), me())).contains("socket"));
    }

    #[test]
    fn h1_what_belongs_to_somebody_else_is_refused_and_the_owner_named() {
        let place = Place::new();
        // Seen by another caller, this folder and socket are a stranger's (unless root's, who is always trusted).
        if me() != 0 {
            assert!(why(trusted_path(&place.socket(), me() + 1)).contains(&format!("uid {}", me())));
            return;
        }
        chown(place.socket(), Some(4711), None).unwrap();
        assert!(why(place.look()).contains("uid 4711"));
        assert!(trusted_path(&place.socket(), 4711).is_ok());
        chown(place.folder.path(), Some(4712), None).unwrap();
        let why = why(trusted_path(&place.socket(), 4711));
        assert!(why.contains("uid 4712") && why.contains("folder"), "{why}");
    }

    #[test]
    fn h1_something_else_than_a_socket_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("s"), "").unwrap();
        assert!(why(trusted_path(folder.path().join("s").to_str().unwrap(), me())).contains("socket"));
    }

    #[tokio::test]
    async fn nobody_there_is_said_as_not_running() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["s", "no/folder/s"] {
            let path = folder.path().join(path);
            let error = super::super::connect(path.to_str().unwrap()).await.unwrap_err();
            assert!(matches!(error, ConnectError::NotRunning { .. }), "{error:?}");
        }
        // A daemon that was killed leaves its socket behind.
        drop(UnixListener::bind(folder.path().join("s")).unwrap());
        let error = super::super::connect(folder.path().join("s").to_str().unwrap()).await.unwrap_err();
        assert!(matches!(error, ConnectError::NotRunning { .. }), "{error:?}");
    }

    #[test]
    fn a_path_that_is_too_long_is_said_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s".repeat(120));
        let error = trusted_path(path.to_str().unwrap(), me()).unwrap_err();
        assert!(matches!(error, ConnectError::Failed { .. }), "{error:?}");
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("107"), "{why}");
    }

    #[test]
    fn what_is_no_path_is_an_error() {
        for path in ["", "/", "..", "/tmp/.."] {
            assert!(trusted_path(path, me()).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_folder_that_may_not_be_entered_is_said_as_denied() {
        let error = explain("/x", io::Error::from(ErrorKind::PermissionDenied));
        assert!(matches!(error, ConnectError::Denied { .. }));
    }
}
