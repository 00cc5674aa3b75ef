//! The Unix socket. Everybody may connect; who it is, the kernel says (peer credentials), and the policy decides.
//!
//! A daemon that was killed leaves its socket behind. A lock beside the socket, which the kernel gives back with the
//! process, tells a left-over from a live one without a race between two daemons that start at once.
//!
//! A socket that systemd made and listens on needs none of that: it is systemd's before the daemon starts, while it is
//! stopped, and after it.
//!
//! Limit: groups are those of the user database, not those of the process: a group dropped or gained by a running
//! process is not seen.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::libc;
use nix::unistd::{Gid, Group, Uid, User, geteuid, getgrouplist};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::quota::Claim;
use super::{Identity, OpenError};
use crate::caller::Caller;

pub(super) type Stream = UnixStream;

/// What a socket's path may have: `sun_path` less its closing zero byte.
const LONGEST_PATH: usize = 107;

/// Everybody may knock; the policy decides. Connecting needs the write bit.
const SOCKET_MODE: u32 = 0o666;

/// Everybody may go in, and only the owner can put something there: clients refuse a folder that is more open.
const FOLDER_MODE: u32 = 0o755;

/// A socket that the system listens on already.
pub type HandedOver = std::os::unix::net::UnixListener;

/// A bound socket, listening.
pub(super) struct Listener {
    listener: UnixListener,
    path: PathBuf,
    /// `None`: the system's.
    _own: Option<Own>,
}

/// What stands in the file system for a socket of the daemon's own; the socket is removed when this is dropped.
struct Own {
    path: PathBuf,
    /// Device and inode: what stands at the path later may be another's.
    identity: (u64, u64),
    _lock: File,
}

impl Listener {
    pub(super) fn hand_over(listener: HandedOver, endpoint: &str) -> Result<Self, OpenError> {
        let system = |source| OpenError::System { endpoint: endpoint.to_owned(), source };
        let address = listener.local_addr().map_err(system)?;
        let path = Path::new(endpoint);
        if address.as_pathname() != Some(path) {
            // Clients would knock at one door, and the daemon wait at another.
            let why = format!(
                "the system handed over the socket {address:?}; give its path with --endpoint, or change ListenStream= in \
                 faxpostd.socket"
            );
            return Err(OpenError::Unusable { endpoint: endpoint.to_owned(), why });
        }
        listener.set_nonblocking(true).map_err(system)?;
        let listener = UnixListener::from_std(listener).map_err(system)?;
        Ok(Self { listener, path: path.to_owned(), _own: None })
    }

    pub(super) async fn open(endpoint: &str) -> Result<Self, OpenError> {
        let path = Path::new(endpoint);
        let (folder, name) = split(endpoint)?;
        make_folder(&folder)?;
        let system = |source| OpenError::System { endpoint: endpoint.to_owned(), source };

        let mut beside = name.clone();
        beside.push(".lock");
        let lock = lock(&folder.join(beside))
            .map_err(|source| OpenError::Folder { folder: folder.clone(), source })?;
        let holder = alive(path).await;
        let Some(lock) = lock else {
            return Err(OpenError::Held { endpoint: endpoint.to_owned(), pid: holder.flatten() });
        };
        if let Some(pid) = holder {
            // Somebody who does not know the lock.
            return Err(OpenError::Held { endpoint: endpoint.to_owned(), pid });
        }
        if path.symlink_metadata().is_ok_and(|found| !found.file_type().is_socket()) {
            let why = "there is something else than a socket; it is left alone".to_owned();
            return Err(OpenError::Unusable { endpoint: endpoint.to_owned(), why });
        }
        let (listener, identity) = bind(&folder, path).map_err(system)?;
        let path = path.to_owned();
        Ok(Self { listener, path: path.clone(), _own: Some(Own { path, identity, _lock: lock }) })
    }

    pub(super) async fn accept(&mut self) -> io::Result<Stream> {
        Ok(self.listener.accept().await?.0)
    }

    pub(super) fn access(&self) -> io::Result<String> {
        let metadata = self.path.symlink_metadata()?;
        Ok(format!("mode {:04o}, uid {}", metadata.mode() & 0o7777, metadata.uid()))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let ours =
            self.path.symlink_metadata().is_ok_and(|found| (found.dev(), found.ino()) == self.identity);
        if ours {
            // At worst a socket is left behind, which the next daemon takes for what it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Who the connection is counted for, from its credentials alone.
pub(super) fn claim(stream: &Stream) -> Claim {
    match stream.peer_cred() {
        Ok(credentials) => Claim { id: id(credentials.uid()), administrator: is_elevated(credentials.uid()) },
        Err(_) => Claim { id: "unknown".to_owned(), administrator: false },
    }
}

/// Everything that the system knows about the other end.
pub(super) async fn identify(
    stream: &mut Stream,
    claim: &Claim,
    lookups: &Arc<Semaphore>,
) -> io::Result<Identity> {
    let caller = match stream.peer_cred() {
        Ok(credentials) => Some(known_as(credentials.uid(), credentials.gid(), lookups).await),
        Err(_) => None,
    };
    Ok(Identity { claim: claim.clone(), caller, prefix: bytes::Bytes::new() })
}

/// The process that connected.
pub(super) fn process(stream: &Stream) -> Option<u32> {
    let pid = stream.peer_cred().ok()?.pid()?;
    // 0: a process of a container that is not ours.
    u32::try_from(pid).ok().filter(|&pid| pid != 0)
}

/// The folder and the name of the socket.
fn split(endpoint: &str) -> Result<(PathBuf, std::ffi::OsString), OpenError> {
    let unusable = |why: String| OpenError::Unusable { endpoint: endpoint.to_owned(), why };
    let path = Path::new(endpoint);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(unusable("it is not the path of a file".to_owned()));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let longest = path.as_os_str().len().max(passing_name(folder).as_os_str().len());
    if longest > LONGEST_PATH {
        let why = format!(
            "its path needs {longest} bytes and a socket's may have {LONGEST_PATH}; use a shorter one"
        );
        return Err(unusable(why));
    }
    Ok((folder.to_owned(), name.to_owned()))
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Folder { folder: folder.to_owned(), source };
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        // Ours, so its mode is our business: the umask may have taken away more than clients can do without.
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE)).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// The lock, or `None` when another daemon has it. The file stays: removing it would let two daemons lock two files.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        // Nobody else may even open it: a lock needs no more than that, and would keep the daemon from starting.
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether somebody listens at the path, and if so, the process that began to.
async fn alive(path: &Path) -> Option<Option<u32>> {
    match UnixStream::connect(path).await {
        Ok(stream) => {
            let pid = stream.peer_cred().ok().and_then(|credentials| credentials.pid());
            // 0: a process of a container that is not ours.
            Some(pid.and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0))
        }
        // Its queue is full, or it is not ours to knock at: but it is there.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::PermissionDenied) => {
            Some(None)
        }
        Err(_) => None,
    }
}

/// Bound under a passing name and moved into place when it has its mode. So there is no moment in which a client is
/// refused, and none without a socket when a left-over is replaced; the umask, which the whole process shares, stays.
fn bind(folder: &Path, path: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    let passing = passing_name(folder);
    // Of an earlier process with our number, killed just here.
    let _ = fs::remove_file(&passing);
    let listener = UnixListener::bind(&passing)?;
    let placed = fs::set_permissions(&passing, Permissions::from_mode(SOCKET_MODE))
        .and_then(|()| passing.symlink_metadata())
        .and_then(|metadata| fs::rename(&passing, path).map(|()| metadata));
    match placed {
        Ok(metadata) => Ok((listener, (metadata.dev(), metadata.ino()))),
        Err(error) => {
            let _ = fs::remove_file(&passing);
            Err(error)
        }
    }
}

/// A short name that no other daemon has, nor another door of this process.
fn passing_name(folder: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) & 0xfff;
    folder.join(format!(".{:x}.{count:x}", std::process::id()))
}

async fn known_as(uid: u32, gid: u32, lookups: &Arc<Semaphore>) -> Caller {
    let nameless =
        Caller { id: id(uid), name: id(uid), groups: vec![format!("gid:{gid}")], elevated: is_elevated(uid) };
    match super::look_up(lookups, nameless.elevated, move || ask_user_database(uid, gid)).await {
        Some(Ok(Some((name, groups)))) => Caller { name, groups, ..nameless },
        // Not in the user database.
        Some(Ok(None)) => nameless,
        Some(Err(error)) => {
            tracing::warn!(uid, %error, "cannot look up the user's groups; only the primary one counts");
            nameless
        }
        None => {
            tracing::warn!(uid, "looking up the user's groups takes too long; only the primary one counts");
            nameless
        }
    }
}

/// Blocks, sometimes for long: the database may be on another machine.
fn ask_user_database(uid: u32, gid: u32) -> nix::Result<Option<(String, Vec<String>)>> {
    let Some(user) = User::from_uid(Uid::from_raw(uid))? else { return Ok(None) };
    let name = CString::new(user.name.clone()).map_err(|_| nix::Error::EINVAL)?;
    // The process may run under another group than the user's own (newgrp): the kernel vouches for it.
    let mut gids = getgrouplist(&name, user.gid)?;
    gids.push(Gid::from_raw(gid));
    gids.sort_unstable_by_key(|gid| gid.as_raw());
    gids.dedup();

    let mut groups = Vec::with_capacity(2 * gids.len());
    for gid in gids {
        groups.push(format!("gid:{gid}"));
        if let Ok(Some(group)) = Group::from_gid(gid) {
            groups.push(format!("group:{}", group.name));
        }
    }
    Ok(Some((user.name, groups)))
}

fn id(uid: u32) -> String {
    format!("uid:{uid}")
}

fn is_elevated(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw()
}
