//! What a store is in a migration: one row, or none for most stores ever. A daemon looks at it when it starts.

use crate::store::sql::{Connection, params};
use crate::store::{Backend, Store, StoreError};

/// What a store can be in a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is copied. It counts until all is there; who works on it makes it [`Role::Stale`].
    Leaving,
    /// It was worked on after it was copied in part: that part is worth nothing.
    Stale,
    /// It was copied, and what counts is the other one.
    Moved,
    /// It gets the copy, and is nothing by itself yet.
    Arriving,
    /// It got all of it. It counts.
    Arrived,
}

const ROLES: [(Role, &str); 5] = [
    (Role::Leaving, "leaving"),
    (Role::Stale, "stale"),
    (Role::Moved, "moved"),
    (Role::Arriving, "arriving"),
    (Role::Arrived, "arrived"),
];

impl Role {
    pub(super) fn is_source(self) -> bool {
        matches!(self, Self::Leaving | Self::Stale | Self::Moved)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) role: Role,
    /// The same in both stores, and in no others.
    pub(super) run: String,
    /// The other store, for people.
    pub(super) other: String,
    /// Unix milliseconds.
    pub(super) at: i64,
}

impl Mark {
    pub(super) fn now(role: Role, run: &str, other: &str) -> Self {
        let at = jiff::Timestamp::now().as_millisecond();
        Self { role, run: run.to_owned(), other: other.to_owned(), at }
    }
}

/// Why a store is not to be worked on.
#[derive(Debug, thiserror::Error)]
pub enum NotHere {
    /// Its content is elsewhere.
    #[error(
        "accounts, mail and log were moved from {place} to {other} on {at}: use that one ([store] in faxpostd.toml). To use this one \
         nevertheless, stop the daemon there and start `faxpostd run --reclaim` once; what waited at that time may then be sent \
         from both, and what came since is only there"
    )]
    Moved {
        /// This store.
        place: String,
        /// Where it went.
        other: String,
        /// The day.
        at: String,
    },
    /// A part of it is here only.
    #[error(
        "{place} holds only a part of what `faxpostd migrate` was moving there from {other}: run that command again to the end, \
         or go on with {other}"
    )]
    Half {
        /// This store.
        place: String,
        /// Where all of it is.
        other: String,
    },
    /// The mark cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Looks whether this store is to be worked on, before a daemon does; `reclaim`: also after it was moved, and from then on.
    ///
    /// # Errors
    /// See [`NotHere`].
    pub async fn admit(&self, reclaim: bool) -> Result<(), NotHere> {
        match self.mark().await? {
            Some(mark) if mark.role == Role::Leaving => {
                tracing::warn!(
                    to = mark.other,
                    "a migration was not ended; what was copied so far is worth nothing now"
                );
                Ok(self.put_mark(Mark { role: Role::Stale, ..mark }).await?)
            }
            Some(mark) if mark.role == Role::Moved && reclaim => {
                tracing::warn!(to = mark.other, "this store is used again, though it was moved");
                Ok(self.write(remove).await?)
            }
            mark => self.judge(mark.as_ref()),
        }
    }

    /// Whether a store with this mark counts.
    pub(super) fn judge(&self, mark: Option<&Mark>) -> Result<(), NotHere> {
        let Some(Mark { role, other, at, .. }) = mark else { return Ok(()) };
        let (place, other) = (self.place(), other.clone());
        match role {
            Role::Moved => {
                let at = jiff::Timestamp::from_millisecond(*at).map(|at| at.to_string()).unwrap_or_default();
                let at = at.split('T').next().unwrap_or_default().to_owned();
                Err(NotHere::Moved { place, other, at })
            }
            Role::Arriving => Err(NotHere::Half { place, other }),
            Role::Leaving | Role::Stale | Role::Arrived => Ok(()),
        }
    }

    /// As [`Store::place`], for whoever reads it elsewhere.
    pub(super) fn place_and_machine(&self) -> String {
        match &self.backend {
            Backend::Sqlite(_) => {
                format!("{} of {}", self.place(), hostname::get().unwrap_or_default().to_string_lossy())
            }
            Backend::Postgres(_) => self.place(),
        }
    }

    pub(super) async fn mark(&self) -> Result<Option<Mark>, StoreError> {
        self.read(|c| {
            c.optional("SELECT role, run, other, at FROM migration", params![], |row| {
                let text: String = row.get(0)?;
                let role = ROLES.into_iter().find(|&(_, known)| known == text);
                let unknown = || StoreError::Failed(format!("its mark of a migration says {text:?}"));
                let (role, _) = role.ok_or_else(unknown)?;
                Ok(Mark { role, run: row.get(1)?, other: row.get(2)?, at: row.get(3)? })
            })
        })
        .await
    }

    pub(super) async fn put_mark(&self, mark: Mark) -> Result<(), StoreError> {
        self.write(move |c| {
            remove(c)?;
            let role = ROLES.into_iter().find(|&(role, _)| role == mark.role).map_or("", |(_, text)| text);
            let sql = "INSERT INTO migration (one, role, run, other, at) VALUES (1, ?1, ?2, ?3, ?4)";
            c.execute(sql, params![role, mark.run, mark.other, mark.at]).map(drop)
        })
        .await
    }
}

fn remove(c: &Connection<'_>) -> Result<(), StoreError> {
    c.execute("DELETE FROM migration", params![]).map(drop)
}
