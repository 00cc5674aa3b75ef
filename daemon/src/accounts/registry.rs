//! The accounts as they are now: read from memory, changed through the store, watched live.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, watch};

use super::between::between;
use super::history::{Note, RevisionKind, SecretChange};
use super::model::{Account, AccountId, Method};
use super::oauth::client_secret_binding;
use super::problem::{FieldProblem, Problem};
use super::route::host_name;
use super::update::{PasswordChange, Set, apply, binding, earlier_binding};
use crate::certs::{CertificateError, Machine};
use crate::pace::{Pace, Paces};
use crate::secrets::{Secret, Vault, VaultError};
use crate::store::{AccountPut, AccountRow, Author, DAEMON, Store, StoreError};

/// Changes of accounts by one caller who is no administrator. Each is kept for long, in the history and in two logs: a person
/// makes a few, and a program that makes more wants something else.
const CHANGES: Pace = Pace { burst: 100, refill: 5 };

/// All accounts. `default` is always there.
pub struct Registry {
    pub(super) store: Store,
    vault: Arc<Vault>,
    /// Whose certificates accounts sign with.
    machine: Arc<Machine>,
    rows: watch::Sender<Arc<Vec<AccountRow>>>,
    /// One change at a time, so that memory follows the store in its order.
    pub(super) changing: Mutex<()>,
    paces: Paces,
}

/// A change that was made, or that would be made.
#[derive(Debug)]
pub struct Changed {
    /// The account after it.
    pub row: AccountRow,
    /// The account before it; `None`: it was not there.
    pub before: Option<AccountRow>,
    /// The settings that differ.
    pub fields: Vec<&'static str>,
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
    /// No such revision.
    #[error("there is no revision {0} of an account")]
    NoRevision(i64),
    /// Somebody else changed it since it was read.
    #[error("account {0} was changed by somebody else since it was read")]
    Stale(String),
    /// It is `default`, or it has messages to send.
    #[error("{0}")]
    InUse(String),
    /// The caller has made as many changes as he may for now.
    #[error(
        "you have changed accounts as often as one caller may; each minute some more changes are possible"
    )]
    TooMany,
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
            let put = AccountPut {
                row: fresh(AccountId::default_account()),
                expected: None,
                fields: Vec::new(),
                note: Note { kind: Some(RevisionKind::Created), ..Note::default() },
                tokens_stay: true,
            };
            // It is not there, so it is as expected.
            let _ = store.put_accounts(vec![put], &author, now()).await?;
            rows = store.accounts().await?;
        }
        let rows = watch::Sender::new(Arc::new(rows));
        Ok(Self { store, vault, machine, rows, changing: Mutex::default(), paces: Paces::new(CHANGES) })
    }

    /// Follows the store again, after a change of which nobody knows whether it was made.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read_again(&self) -> Result<(), StoreError> {
        let _one = self.changing.lock().await;
        let rows = self.store.accounts().await?;
        self.rows.send_if_modified(|known| {
            let revision = |row: &AccountRow| (row.id.clone(), row.revision);
            let differs = !known.iter().map(revision).eq(rows.iter().map(revision));
            *known = Arc::new(rows);
            differs
        });
        Ok(())
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
        let unseal = |sealed: &Vec<u8>| {
            let unsealed = self.vault.unseal(sealed, &binding(&row.id, &row.account));
            unsealed.or_else(|error| {
                self.vault.unseal(sealed, &earlier_binding(&row.id, &row.account)).map_err(|_| error)
            })
        };
        row.password.as_ref().map(unseal).transpose()
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
        let prepared =
            self.prepare(current, Some(revision), sets, administrator, RevisionKind::Changed).await?;
        if prepared.put.changes_nothing() {
            return Ok(Changed::nothing(prepared.put.row));
        }
        self.keep_pace(administrator || validate_only, author, 1)?;
        self.one(prepared, author, validate_only).await
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
        let prepared = self.prepare(fresh(id), None, sets, administrator, RevisionKind::Created).await?;
        self.keep_pace(administrator || validate_only, author, 1)?;
        self.one(prepared, author, validate_only).await
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

    /// The account with these fields set, not written yet. `expected`: the revision it has; `None`: it is not there.
    pub(super) async fn prepare(
        &self,
        mut row: AccountRow,
        expected: Option<i64>,
        sets: &[Set],
        administrator: bool,
        kind: RevisionKind,
    ) -> Result<Prepared, ChangeError> {
        let before = expected.map(|_| row.clone());
        let applied =
            apply(&row.account, row.password.is_some(), sets, administrator).map_err(ChangeError::Fields)?;
        let fields = between(&row.account, &applied.account).iter().map(Set::field).collect();
        row.account = applied.account;
        if let Some(problem) = self.certificate_problem(&row.account, sets).await? {
            return Err(ChangeError::Fields(vec![problem]));
        }
        let bound_to = binding(&row.id, &row.account);
        let password = self.settle(applied.password, &mut row.password, &bound_to);
        let bound_to = client_secret_binding(&row.id, &row.account);
        let client_secret = self.settle(applied.client_secret, &mut row.client_secret, &bound_to);
        let note = Note { kind: Some(kind), password, client_secret, ..Note::default() };
        let put = AccountPut { row, expected, fields, note, tokens_stay: applied.tokens_stay };
        Ok(Prepared { before, put })
    }

    /// What became of a sealed secret.
    fn settle(
        &self,
        change: PasswordChange,
        sealed: &mut Option<Vec<u8>>,
        bound_to: &[u8],
    ) -> Option<SecretChange> {
        match change {
            PasswordChange::Keep => None,
            PasswordChange::Set(secret) => {
                *sealed = Some(self.vault.seal(&secret, bound_to));
                Some(SecretChange::Set)
            }
            PasswordChange::Clear { by_binding } => sealed.take().map(|_| match by_binding {
                true => SecretChange::ClearedByBinding,
                false => SecretChange::Cleared,
            }),
        }
    }

    /// Slows down who is not `free` to change as much as he likes.
    pub(super) fn keep_pace(&self, free: bool, author: &Author, changes: usize) -> Result<(), ChangeError> {
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        if free || self.paces.take(&author.id, changes, Instant::now()) {
            Ok(())
        } else {
            Err(ChangeError::TooMany)
        }
    }

    /// Writes one, or says what would be.
    pub(super) async fn one(
        &self,
        prepared: Prepared,
        author: &Author,
        validate_only: bool,
    ) -> Result<Changed, ChangeError> {
        let id = prepared.put.row.id.to_string();
        let changed = self.all_or_none(vec![prepared], author, validate_only).await?;
        changed.into_iter().next().ok_or(ChangeError::NotFound(id))
    }

    /// Writes all of them, or says what would be. Whoever calls this has `changing`.
    pub(super) async fn all_or_none(
        &self,
        prepared: Vec<Prepared>,
        author: &Author,
        validate_only: bool,
    ) -> Result<Vec<Changed>, ChangeError> {
        if validate_only {
            let mut changed = Vec::with_capacity(prepared.len());
            for Prepared { before, put } in prepared {
                let id = put.row.id.as_str().to_owned();
                let signed_out = !put.tokens_stay && self.store.grant(id).await?.is_some();
                changed.push(told(put, before, signed_out));
            }
            return Ok(changed);
        }
        let at = now();
        let puts = prepared.iter().map(|prepared| prepared.put.clone()).collect();
        let written = self.store.put_accounts(puts, author, at).await?;
        let written = written.map_err(|stale| ChangeError::Stale(stale.to_string()))?;
        let changed: Vec<_> = prepared
            .into_iter()
            .zip(written)
            .map(|(Prepared { before, mut put }, (revision, signed_out))| {
                put.row.revision = revision;
                put.row.changed = Some((at, author.name.clone()));
                told(put, before, signed_out)
            })
            .collect();
        self.rows.send_modify(|rows| {
            let rows = Arc::make_mut(rows);
            rows.retain(|other| changed.iter().all(|changed| changed.row.id != other.id));
            rows.extend(changed.iter().map(|changed| changed.row.clone()));
            rows.sort_by_key(|row| (row.id.as_str() != AccountId::DEFAULT, row.id.clone()));
        });
        Ok(changed)
    }
}

/// A change that is checked, and not written yet.
pub(super) struct Prepared {
    /// The account as it is; `None`: it is not there.
    pub(super) before: Option<AccountRow>,
    pub(super) put: AccountPut,
}

fn told(put: AccountPut, before: Option<AccountRow>, signed_out: bool) -> Changed {
    let by_binding = Some(SecretChange::ClearedByBinding);
    Changed {
        password_cleared: put.note.password == by_binding,
        client_secret_cleared: put.note.client_secret == by_binding,
        row: put.row,
        before,
        fields: put.fields,
        signed_out,
    }
}

/// An account as a fresh install has it, not stored yet.
pub(super) fn fresh(id: AccountId) -> AccountRow {
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
