//! The method matrix: what each sending method can do, as data. Validation, `GetCapabilities` and the docs read it.

use super::model::{Method, Security};

/// One method's row.
#[derive(Clone, Debug)]
pub struct Capability {
    /// Which.
    pub method: Method,
    /// Why not on this host; `None`: available.
    pub unavailable: Option<&'static str>,
    /// TLS modes it can do.
    pub securities: &'static [Security],
    /// Certificate checks other than the system's.
    pub tls_check: bool,
    /// Sign-in with a password.
    pub authentication: bool,
    /// Sign-in with OAuth 2.0.
    pub oauth: bool,
    /// S/MIME.
    pub signing: bool,
    /// A transcript in the log.
    pub transcript: bool,
}

/// All rows.
#[must_use]
pub fn capabilities() -> &'static [Capability] {
    &[]
}
