//! The history of accounts (requirement A12): one revision for every change, with who, when and what, and never a secret.

use serde::{Deserialize, Serialize};

use super::model::Account;

/// What became of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevisionKind {
    /// It was made.
    Created,
    /// Somebody set fields.
    Changed,
    /// It was deleted.
    Deleted,
    /// It was set back to an earlier revision.
    RolledBack,
    /// It was made or changed by an import.
    Imported,
}

/// What became of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretChange {
    /// There is a new one.
    Set,
    /// Somebody asked to forget it.
    Cleared,
    /// It belonged to another server, client or endpoint (requirement D3).
    ClearedByBinding,
}

/// What is kept of a change beside the settings. Also the database form: additions have defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// `None`: written by a version that did not say.
    pub kind: Option<RevisionKind>,
    /// What became of the password.
    pub password: Option<SecretChange>,
    /// What became of the client secret.
    pub client_secret: Option<SecretChange>,
    /// The tokens were forgotten.
    pub signed_out: bool,
    /// The revision that a rollback went back to.
    pub back_to: Option<i64>,
}

/// One change of one account.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Grows with every change of any account.
    pub number: i64,
    /// Whose; it may be deleted by now.
    pub account: String,
    /// Unix milliseconds.
    pub at: i64,
    /// Who did it.
    pub caller_id: String,
    /// The same, for people.
    pub caller_name: String,
    /// The settings that differ from before.
    pub fields: Vec<String>,
    /// What else is known.
    pub note: Note,
    /// There is an account after it.
    pub exists: bool,
}

/// A revision and the settings after it; `None`: it deleted the account.
#[derive(Clone, Debug)]
pub struct RevisionWithSettings {
    /// The change.
    pub revision: Revision,
    /// What it left.
    pub settings: Option<Account>,
}

impl Revision {
    /// What became of the account; what an old version wrote is told by what is there.
    #[must_use]
    pub fn kind(&self) -> RevisionKind {
        match self.note.kind {
            Some(kind) => kind,
            None if self.exists => RevisionKind::Changed,
            None => RevisionKind::Deleted,
        }
    }
}
