//! The pipe's name and the socket's path, said once for daemon and clients.

/// Environment variable with another endpoint, for clients.
pub const ENDPOINT_VARIABLE: &str = "FAXPOST_ENDPOINT";

/// Where the daemon listens unless told otherwise.
///
/// On Windows only administrators can create a pipe under `ProtectedPrefix\Administrators`, so nobody else can stand
/// in the daemon's place while it is stopped. On Linux `/run/faxpost` belongs to root for the same reason.
#[cfg(windows)]
pub const DEFAULT: &str = r"\\.\pipe\ProtectedPrefix\Administrators\Faxpost";

/// Where the daemon listens unless told otherwise.
#[cfg(unix)]
pub const DEFAULT: &str = "/run/faxpost/faxpost.sock";
