//! What an administrator should know before mail waits: plain data, as the rooms that notice it tell it.

/// One alarm about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Stable code, e.g. `"ACCEPT_INVALID"`.
    pub reason: &'static str,
    /// English, one sentence.
    pub text: String,
    /// When what it warns of happens, Unix milliseconds; `None`: it is so already, or nobody knows.
    pub due: Option<i64>,
}

impl Alarm {
    /// An alarm about what is so now.
    pub fn new(reason: &'static str, text: impl Into<String>) -> Self {
        Self { reason, text: text.into(), due: None }
    }

    /// An alarm about what will be at `due` (Unix milliseconds).
    pub fn before(due: i64, reason: &'static str, text: impl Into<String>) -> Self {
        Self { reason, text: text.into(), due: Some(due) }
    }
}
