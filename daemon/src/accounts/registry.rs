//! The accounts as they are now: read from memory, changed through the store, watched live.

use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use super::model::{Account, AccountId, Method};
use super::oauth::client_secret_binding;
use super::problem::{FieldProblem, Problem};
use super::route::host_name;
use super::update::{PasswordChange, Set, apply, binding};
use crate::certs::{CertificateError, Machine};
use crate::secrets::{Secret, Vault, VaultError};
use crate::store::{AccountRow, Author, DAEMON, Store, StoreError};

/// All accounts. `default` is always there.
pub struct Registry {
    store: Store,
    vault: Arc<Vault>,
    /// Whose certificates accounts sign with.
    machine: Arc<Machine>,
    rows: watch::Sender<Arc<Vec<AccountRow>>>,
    /// One change at a time, so that memory follows the store in its order.
    changing: Mutex<()>,
}

/// A change that was made, or that would be made.
#[derive(Debug)]
pub struct Changed {
    /// The account after it.
    pub row: AccountRow,
    /// It took the password away, because it belonged to another server.
    pub password_cleared: bool,
    /// The same for the client secret.
    pub client_secret_cleared: bool,
    /// The same for the tokens: somebody must sign in again.
    pub signed_out: bool,
}

/// Unsaved settings, and what goes with them.
#[derive(Debug)]
pub struct Drafted {
    /// The settings.
    pub account: Account,
    /// The password that may be sent to their server.
    pub password: Option<Secret>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No such account.
    #[error("there is no account {0}")]
    NotFound(String),
    /// There is one already.
    #[error("there is an account {0} already")]
    Exists(String),
    /// Somebody else changed it since it was read.
    #[error("account {0} was changed by somebody else since it was read")]
    Stale(String),
    /// It is `default`, or it has messages to send.
    #[error("{0}")]
    InUse(String),
    /// Fields that cannot be as asked.
    #[error("{} field(s) cannot be as asked", .0.len())]
    Fields(Vec<FieldProblem>),
    /// The certificates cannot be looked at.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why unsaved settings cannot be tested.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// No such account.
    #[error("there is no account {0}")]
    NotFound(String),
    /// Fields that cannot be as asked.
    #[error("{} field(s) cannot be as asked", .0.len())]
    Fields(Vec<FieldProblem>),
    /// The stored password belongs to another server than the draft's (requirement D3).
    #[error("the draft needs the password anew")]
    PasswordNeeded,
    /// The tokens at hand belong to another client, provider or server than the draft's (requirement D3).
    #[error("the draft needs a sign-in of its own")]
    NotSignedIn,
    /// The stored password cannot be unsealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Registry {
    /// Reads the accounts; makes `default` on a fresh install.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(store: Store, vault: Arc<Vault>, machine: Arc<Machine>) -> Result<Self, StoreError> {
        let mut rows = store.accounts().await?;
        if rows.first().is_none_or(|row| row.id.as_str() != AccountId::DEFAULT) {
            let author = Author { id: DAEMON.to_owned(), name: DAEMON.to_owned() };
            store.put_account(&fresh(AccountId::default_account()), None, &[], &author, now(), true).await?;
            rows = store.accounts().await?;
        }
        Ok(Self { store, vault, machine, rows: watch::Sender::new(Arc::new(rows)), changing: Mutex::new(()) })
    }

    /// All accounts, `default` first, then by id.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<AccountRow>> {
        self.rows.borrow().clone()
    }

    /// One account.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<AccountRow> {
        self.rows.borrow().iter().find(|row| row.id.as_str() == id).cloned()
    }

    /// What `look` finds in one account: without a copy of it.
    pub fn look<T>(&self, id: &str, look: impl FnOnce(&AccountRow) -> T) -> Option<T> {
        self.rows.borrow().iter().find(|row| row.id.as_str() == id).map(look)
    }

    /// Changes with every change of any account.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Vec<AccountRow>>> {
        self.rows.subscribe()
    }

    /// The password of an account, if it has one.
    ///
    /// # Errors
    /// It is there and cannot be unsealed: sealed elsewhere, or moved to another server by a change of the database.
    pub fn password(&self, row: &AccountRow) -> Result<Option<Secret>, VaultError> {
        let bound_to = binding(&row.id, &row.account);
        row.password.as_ref().map(|sealed| self.vault.unseal(sealed, &bound_to)).transpose()
    }

    /// The client secret of an account, if it has one.
    ///
    /// # Errors
    /// As [`Self::password`].
    pub fn client_secret(&self, row: &AccountRow) -> Result<Option<Secret>, VaultError> {
        let bound_to = client_secret_binding(&row.id, &row.account);
        row.client_secret.as_ref().map(|sealed| self.vault.unseal(sealed, &bound_to)).transpose()
    }

    /// The settings as they would be with `sets`, and the password that goes with them.
    ///
    /// # Errors
    /// See [`DraftError`].
    pub fn draft(&self, id: &str, sets: &[Set], administrator: bool) -> Result<Drafted, DraftError> {
        let row = self.get(id).ok_or_else(|| DraftError::NotFound(id.to_owned()))?;
        let applied =
            apply(&row.account, row.password.is_some(), sets, administrator).map_err(DraftError::Fields)?;
        let signs_in = applied.account.authentication && applied.account.method != Method::Pickup;
        if signs_in && applied.account.oauth {
            let account = applied.account;
            return match applied.tokens_stay {
                true => Ok(Drafted { account, password: None }),
                false => Err(DraftError::NotSignedIn),
            };
        }
        let password = match applied.password {
            PasswordChange::Keep => self.password(&row)?,
            PasswordChange::Set(secret) => Some(secret),
            PasswordChange::Clear { by_binding: true } if signs_in => return Err(DraftError::PasswordNeeded),
            PasswordChange::Clear { .. } => None,
        };
        Ok(Drafted { account: applied.account, password })
    }

    /// Changes an account that has `revision`. `validate_only`: says what would be, and changes nothing.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn update(
        &self,
        id: &str,
        revision: i64,
        sets: &[Set],
        administrator: bool,
        author: &Author,
        validate_only: bool,
    ) -> Result<Changed, ChangeError> {
        let _one = self.changing.lock().await;
        let current = self.get(id).ok_or_else(|| ChangeError::NotFound(id.to_owned()))?;
        if current.revision != revision {
            return Err(ChangeError::Stale(id.to_owned()));
        }
        self.change(current, Some(revision), sets, administrator, author, validate_only).await
    }

    /// Makes an account: the defaults, changed by `sets`.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn create(
        &self,
        id: AccountId,
        sets: &[Set],
        administrator: bool,
        author: &Author,
        validate_only: bool,
    ) -> Result<Changed, ChangeError> {
        let _one = self.changing.lock().await;
        if self.get(id.as_str()).is_some() {
            return Err(ChangeError::Exists(id.to_string()));
        }
        self.change(fresh(id), None, sets, administrator, author, validate_only).await
    }

    /// Deletes an account with its password.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn delete(&self, id: &str, revision: i64, author: &Author) -> Result<(), ChangeError> {
        let _one = self.changing.lock().await;
        let row = self.get(id).ok_or_else(|| ChangeError::NotFound(id.to_owned()))?;
        if row.revision != revision {
            return Err(ChangeError::Stale(id.to_owned()));
        }
        if id == AccountId::DEFAULT {
            return Err(ChangeError::InUse(
                "the account default always exists; change it instead".to_owned(),
            ));
        }
        if self.store.account_is_busy(id.to_owned()).await? {
            let text = format!("account {id} has unfinished messages; wait for them or cancel them first");
            return Err(ChangeError::InUse(text));
        }
        if !self.store.delete_account(&row.id, revision, author, now()).await? {
            return Err(ChangeError::Stale(id.to_owned()));
        }
        self.rows.send_modify(|rows| Arc::make_mut(rows).retain(|row| row.id.as_str() != id));
        Ok(())
    }

    /// Why the certificate that the account names cannot sign for its sender. Asked when one of the two is set: what
    /// changes by itself is told by an alarm, and must not stand in the way of another change.
    async fn certificate_problem(
        &self,
        account: &Account,
        sets: &[Set],
    ) -> Result<Option<FieldProblem>, CertificateError> {
        let asked =
            sets.iter().any(|set| matches!(set, Set::Certificate(_) | Set::Sign(_) | Set::SenderEmail(_)));
        let mut fingerprint = [0; 32];
        let named = hex::decode_to_slice(&account.certificate, &mut fingerprint).is_ok();
        if !asked || !named {
            return Ok(None);
        }
        let (machine, sender) = (self.machine.clone(), account.effective_sender(&host_name()));
        let looked = tokio::task::spawn_blocking(move || machine.unfit(&fingerprint, &sender)).await;
        let unfit = looked.map_err(|error| CertificateError::Store(error.to_string()))??;
        Ok(unfit.map(|text| FieldProblem::new("certificate", Problem::Invalid, text)))
    }

    async fn change(
        &self,
        mut row: AccountRow,
        expected: Option<i64>,
        sets: &[Set],
        administrator: bool,
        author: &Author,
        validate_only: bool,
    ) -> Result<Changed, ChangeError> {
        let applied =
            apply(&row.account, row.password.is_some(), sets, administrator).map_err(ChangeError::Fields)?;
        row.account = applied.account;
        if let Some(problem) = self.certificate_problem(&row.account, sets).await? {
            return Err(ChangeError::Fields(vec![problem]));
        }
        let bound_to = binding(&row.id, &row.account);
        let mut password_cleared = false;
        match applied.password {
            PasswordChange::Keep => {}
            PasswordChange::Set(secret) => row.password = Some(self.vault.seal(&secret, &bound_to)),
            PasswordChange::Clear { by_binding } => {
                row.password = None;
                password_cleared = by_binding;
            }
        }
        let mut client_secret_cleared = false;
        match applied.client_secret {
            PasswordChange::Keep => {}
            PasswordChange::Set(secret) => {
                let bound_to = client_secret_binding(&row.id, &row.account);
                row.client_secret = Some(self.vault.seal(&secret, &bound_to));
            }
            PasswordChange::Clear { by_binding } => {
                client_secret_cleared = by_binding && row.client_secret.is_some();
                row.client_secret = None;
            }
        }
        if validate_only {
            let signed_out =
                !applied.tokens_stay && self.store.grant(row.id.as_str().to_owned()).await?.is_some();
            return Ok(Changed { row, password_cleared, client_secret_cleared, signed_out });
        }
        let at = now();
        let fields: Vec<_> = sets.iter().map(Set::field).collect();
        let put = self.store.put_account(&row, expected, &fields, author, at, applied.tokens_stay).await?;
        let (revision, signed_out) = put.ok_or_else(|| ChangeError::Stale(row.id.to_string()))?;
        row.revision = revision;
        row.changed = Some((at, author.name.clone()));

        self.rows.send_modify(|rows| {
            let rows = Arc::make_mut(rows);
            rows.retain(|other| other.id != row.id);
            rows.push(row.clone());
            rows.sort_by_key(|row| (row.id.as_str() != AccountId::DEFAULT, row.id.clone()));
        });
        Ok(Changed { row, password_cleared, client_secret_cleared, signed_out })
    }
}

/// An account as a fresh install has it, not stored yet.
fn fresh(id: AccountId) -> AccountRow {
    AccountRow {
        id,
        revision: 0,
        account: Account::default(),
        password: None,
        client_secret: None,
        changed: None,
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
