//! Who is at the other end of the pipe: plain data, known from the transport and never from what the caller says.

/// A local user or service, as the operating system knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Stable identity: a SID ("S-1-5-21-…") on Windows, "uid:1000" on Linux. Ownership of messages hangs on it.
    pub id: String,
    /// For people and the log: "DOMAIN\name" or the login name; the id when the system has no name for it.
    pub name: String,
    /// Groups that count: enabled group SIDs on Windows (deny-only ones left out), "group:NAME" and "gid:N" on Linux.
    pub groups: Vec<String>,
    /// Windows: the token is elevated. Linux: the user is root or the one the daemon runs under.
    pub elevated: bool,
}
