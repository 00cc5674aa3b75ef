//! Moving everything from one store to the other kind, and back: `faxpostd migrate`.
//!
//! Both stores are held by nobody else meanwhile. Rows are copied table by table in the order of their keys, under the same
//! keys, in batches that are each one commit: so the last row that the target has tells where to go on after an interruption,
//! and there is no other record of it that could be wrong. Bodies that are files of the spool become pieces of the database
//! and the other way round. Then everything is read again on both sides, and compared. Each store has a mark that says what
//! it is in this (mark.rs); the source's is turned first, so that at no time daemons could work on both.

mod bodies;
mod cell;
mod counters;
mod mark;
mod reseal;
mod rows;
mod tables;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Store, StoreError};
use crate::outbox::Spool;
use bodies::Bodies;
use mark::{Mark, Role};
use tables::{TABLES, Table};

pub use mark::NotHere;
pub use reseal::Keys;

/// Between two words about how far it is.
const WORD: Duration = Duration::from_secs(10);

/// What was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// It had been, before.
    pub before: bool,
    /// Rows of all tables.
    pub rows: u64,
    /// Waiting messages whose body is a file of the spool, or comes from pieces.
    pub bodies: u64,
    /// Waiting messages that had lost their body before; they fail there, as they would have here.
    pub lost: u64,
}

/// Why it was not moved, or not to its end. The target is not to be worked on.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// One of the stores, or the spool.
    #[error("{0}. Run the same command again: it goes on where it was")]
    Store(#[from] StoreError),
    /// The source is no store that could be worked on.
    #[error(transparent)]
    NotHere(#[from] NotHere),
    /// The source has no row.
    #[error("{0} holds nothing that could be moved")]
    Nothing(String),
    /// Rows that are not of a migration.
    #[error("{0} holds accounts or mail already, which are left as they are. {EMPTY_ONE}")]
    InUse(String),
    /// Rows of a migration, but not of this one.
    #[error("{place} holds a part of what another migration was moving there from {other}. {EMPTY_ONE}")]
    Others {
        /// The target.
        place: String,
        /// What is moved there.
        other: String,
    },
    /// Two kinds are needed.
    #[error("both stores are of the same kind")]
    SameKind,
    /// What was copied is not what is there.
    #[error(
        "{what} of {place} is not what was copied there; the source stays what it is. Run the same command again: it begins anew"
    )]
    Differs {
        /// Which table.
        what: &'static str,
        /// The target.
        place: String,
    },
}

const EMPTY_ONE: &str = "Move to an empty one: another database, or, if none of it is needed, drop its schema faxpost; a state \
                         folder without faxpost.db";

impl Store {
    /// Moves everything from `self`; `spool` is that of this machine. `keys`: those of both stores, if their secrets are sealed under
    /// different ones.
    ///
    /// # Errors
    /// See [`MoveError`].
    pub async fn move_to(
        &self,
        target: &Self,
        spool: &Spool,
        keys: Option<Keys>,
    ) -> Result<Moved, MoveError> {
        let keys = keys.map(Arc::new);
        Move { source: self, target, bodies: Bodies::new(self, target, spool)?, keys }.run().await
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        self.read(|c| {
            for table in &TABLES {
                if rows::last(c, table)?.is_some() {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    }
}

struct Move<'a> {
    source: &'a Store,
    target: &'a Store,
    bodies: Bodies<'a>,
    keys: Option<Arc<Keys>>,
}

impl Move<'_> {
    async fn run(&self) -> Result<Moved, MoveError> {
        let (run, copied) = self.begin().await?;
        if copied == Copied::Taken {
            return Ok(Moved { before: true, ..Moved::default() });
        }
        if copied == Copied::Not {
            self.copy().await?;
        }
        let moved = match self.verify().await {
            Err(error @ MoveError::Differs { .. }) => {
                self.mark(self.source, Role::Stale, &run).await?;
                return Err(error);
            }
            verified => verified?,
        };
        self.mark(self.source, Role::Moved, &run).await?;
        self.mark(self.target, Role::Arrived, &run).await?;
        Ok(moved)
    }

    /// What the marks say: a new migration, one to go on with, or one that is over.
    async fn begin(&self) -> Result<(String, Copied), MoveError> {
        let (source, target) = (self.source.mark().await?, self.target.mark().await?);
        if let (Some(source), Some(target)) = (&source, &target)
            && source.run == target.run
        {
            match (source.role, target.role) {
                (Role::Moved, Role::Arrived) => return Ok((source.run.clone(), Copied::Taken)),
                // Read once more: it costs little beside what it saves from.
                (Role::Moved, Role::Arriving) => return Ok((source.run.clone(), Copied::Whole)),
                (Role::Leaving, Role::Arriving) => {
                    tracing::info!("going on with what was interrupted");
                    return Ok((source.run.clone(), Copied::Not));
                }
                (Role::Stale, Role::Arriving) => {
                    tracing::info!("the source was worked on since: beginning anew");
                    self.clear().await?;
                    self.mark(self.source, Role::Leaving, &source.run).await?;
                    return Ok((source.run.clone(), Copied::Not));
                }
                _ => {}
            }
        }
        self.source.judge(source.as_ref())?;
        if self.source.is_empty().await? {
            return Err(MoveError::Nothing(self.source.place()));
        }
        let place = self.target.place();
        match target {
            Some(Mark { role: Role::Arriving, other, .. }) => return Err(MoveError::Others { place, other }),
            Some(_) => return Err(MoveError::InUse(place)),
            None if !self.target.is_empty().await? => return Err(MoveError::InUse(place)),
            None => {}
        }
        // A new one each time: what an earlier migration left in another target must not become a whole store by this one.
        let run = uuid::Uuid::new_v4().to_string();
        self.mark(self.source, Role::Leaving, &run).await?;
        self.mark(self.target, Role::Arriving, &run).await?;
        Ok((run, Copied::Not))
    }

    async fn mark(&self, store: &Store, role: Role, run: &str) -> Result<(), StoreError> {
        let other = if role.is_source() { self.target } else { self.source };
        store.put_mark(Mark::now(role, run, &other.place_and_machine())).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        // What refers to others goes before them.
        for table in TABLES.iter().rev() {
            while self.target.write(move |c| rows::clear(c, table)).await? {}
        }
        self.target.write(bodies::clear).await
    }

    async fn copy(&self) -> Result<(), StoreError> {
        for table in &TABLES {
            self.copy_table(table).await?;
            let counted = self.source.read(move |c| counters::read(c, table)).await?;
            self.target.write(move |c| counters::write(c, table, counted)).await?;
        }
        self.bodies.copy().await
    }

    async fn copy_table(&self, table: &'static Table) -> Result<(), StoreError> {
        let mut after = self.target.read(move |c| rows::last(c, table)).await?;
        let (mut count, mut told) = (0, Instant::now());
        loop {
            let from = after.take();
            let lines = self.source.read(move |c| rows::read(c, table, from.as_deref())).await?;
            let Some(last) = lines.last() else { break };
            after = Some(table.key_of(last));
            count += lines.len();
            let keys = self.keys.clone();
            self.target
                .write(move |c| {
                    rows::insert(c, table, &lines)?;
                    let Some(keys) = &keys else { return Ok(()) };
                    lines.iter().try_for_each(|line| reseal::reseal(c, keys, table, line))
                })
                .await?;
            if told.elapsed() >= WORD {
                tracing::info!(table = table.name, rows = count, "copying");
                told = Instant::now();
            }
        }
        tracing::info!(table = table.name, rows = count, "copied");
        Ok(())
    }

    async fn verify(&self) -> Result<Moved, MoveError> {
        let mut moved = Moved::default();
        let differs = |what| MoveError::Differs { what, place: self.target.place() };
        for table in &TABLES {
            let (here, there) = tokio::try_join!(
                rows::sum(self.source, table, self.keys.clone(), |keys| &keys.from),
                rows::sum(self.target, table, self.keys.clone(), |keys| &keys.to)
            )?;
            let (here_next, there_next) = tokio::try_join!(
                self.source.read(move |c| counters::read(c, table)),
                self.target.read(move |c| counters::read(c, table))
            )?;
            if here != there || here_next != there_next {
                return Err(differs(table.name));
            }
            moved.rows += here.rows;
        }
        let Some((bodies, lost)) = self.bodies.verify().await? else { return Err(differs("a body")) };
        tracing::info!(rows = moved.rows, bodies, lost, "verified: both hold the same");
        Ok(Moved { bodies, lost, ..moved })
    }
}

/// How much of a migration is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copied {
    Not,
    /// It has to be marked in the target.
    Whole,
    Taken,
}
