//! Why something was not done with certificates: one reason of the vocabulary each, and a sentence.

use faxpost_proto::reason;

use super::store::StoreFault;

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No such certificate in the machine store.
    #[error("there is no certificate {0} in the machine's store; `faxpost cert list` shows what is there")]
    NotFound(String),
    /// A field is wrong.
    #[error("{text}")]
    Invalid {
        /// As in the API.
        field: &'static str,
        /// What is wrong, and what would be right.
        text: String,
    },
    /// The password of a file is wrong.
    #[error("the password of the PKCS#12 file is wrong")]
    WrongPassword,
    /// There is no private key with a certificate.
    #[error("{text}")]
    KeyMissing {
        /// As in the API.
        field: &'static str,
        /// What is missing, and what would help.
        text: String,
    },
    /// No such account of the operating system.
    #[error("there is no account {0:?} on this machine; give a user's name, \"uid:\" and a number, or a SID")]
    TrusteeUnknown(String),
    /// Accounts sign with it.
    #[error("{}", in_use(.0))]
    InUse(Vec<String>),
    /// No such request for a CA.
    #[error("{0}")]
    RequestNotFound(String),
    /// No certificate fits.
    #[error("{0}")]
    NoneUsable(String),
    /// As many requests for a CA wait as may.
    #[error("{0} requests wait for their answers already; give some of them up first")]
    TooMany(usize),
    /// The store failed.
    #[error("{0}")]
    Store(String),
}

fn in_use(accounts: &[String]) -> String {
    match accounts {
        [only] => {
            format!("the account {only} signs with this certificate; let it sign with another one first")
        }
        several => {
            let several = several.join(", ");
            format!("the accounts {several} sign with this certificate; let them sign with another one first")
        }
    }
}

impl CertificateError {
    pub(super) fn invalid(field: &'static str, text: impl Into<String>) -> Self {
        Self::Invalid { field, text: text.into() }
    }

    /// Its word in `ErrorInfo.reason`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) => reason::CERTIFICATE_NOT_FOUND,
            Self::Invalid { .. } => reason::INVALID_FIELD,
            Self::WrongPassword => reason::WRONG_PASSWORD,
            Self::KeyMissing { .. } => reason::KEY_MISSING,
            Self::TrusteeUnknown(_) => reason::TRUSTEE_UNKNOWN,
            Self::InUse(_) => reason::CERTIFICATE_IN_USE,
            Self::RequestNotFound(_) => reason::SIGNING_REQUEST_NOT_FOUND,
            Self::NoneUsable(_) => reason::NO_USABLE_CERTIFICATE,
            Self::TooMany(_) => reason::TOO_MANY_REQUESTS,
            Self::Store(_) => reason::CERTIFICATE_STORE_FAILED,
        }
    }

    /// The field that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. } | Self::KeyMissing { field, .. } => Some(field),
            Self::WrongPassword => Some("password"),
            Self::TrusteeUnknown(_) => Some("trustee"),
            _ => None,
        }
    }
}

impl From<StoreFault> for CertificateError {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::TrusteeUnknown(text) => Self::TrusteeUnknown(text),
            StoreFault::Builtin(_) => Self::invalid("trustee", fault.to_string()),
            StoreFault::NotFound | StoreFault::Unsupported(_) | StoreFault::Failed(_) => {
                Self::Store(fault.to_string())
            }
        }
    }
}
