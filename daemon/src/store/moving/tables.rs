//! What is moved: every table with its columns, in an order in which what refers to others comes after them.

use crate::store::sql::Kind;

/// A table that both stores have.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The key first.
    pub(super) columns: &'static [(&'static str, Kind)],
    /// How many columns are the key.
    pub(super) key: usize,
    /// Those that hold something sealed.
    pub(super) sealed: &'static [&'static str],
    /// Rows of a batch at most: of the largest, so many are in memory, and on the way, at once.
    pub(super) most: usize,
    /// It gives out the numbers of its key.
    pub(super) counts: bool,
}

/// All of them, except for the pieces of bodies and what a store knows of itself: its schema, who holds it, its mark.
pub(super) static TABLES: [Table; 10] = [
    Table {
        name: "account",
        columns: &[
            ("id", Kind::Text),
            ("revision", Kind::Int),
            ("settings", Kind::Text),
            ("password", Kind::Blob),
            ("client_secret", Kind::Blob),
        ],
        key: 1,
        sealed: &["password", "client_secret"],
        most: 64,
        counts: false,
    },
    Table {
        name: "account_revision",
        columns: &[
            ("revision", Kind::Int),
            ("account", Kind::Text),
            ("at", Kind::Int),
            ("caller_id", Kind::Text),
            ("caller_name", Kind::Text),
            ("fields", Kind::Text),
            ("settings", Kind::Text),
            ("note", Kind::Text),
        ],
        key: 1,
        sealed: &[],
        most: 64,
        counts: true,
    },
    Table {
        name: "policy",
        columns: &[("method", Kind::Text), ("role", Kind::Text), ("decision", Kind::Text)],
        key: 2,
        sealed: &[],
        most: 200,
        counts: false,
    },
    Table {
        name: "message",
        columns: &[
            ("seq", Kind::Int),
            ("id", Kind::Text),
            ("account", Kind::Text),
            ("caller_id", Kind::Text),
            ("caller_name", Kind::Text),
            ("request_id", Kind::Text),
            ("digest", Kind::Blob),
            ("message_id", Kind::Text),
            ("sender", Kind::Text),
            ("subject", Kind::Text),
            ("size", Kind::Int),
            ("state", Kind::Int),
            ("attempts", Kind::Int),
            ("accepted_at", Kind::Int),
            ("next_attempt_at", Kind::Int),
            ("not_before", Kind::Int),
            ("expires_at", Kind::Int),
            ("finished_at", Kind::Int),
            ("last_error", Kind::Text),
            ("last_error_reason", Kind::Text),
            ("delivery_status", Kind::Text),
            ("held_for", Kind::Text),
            ("seven_bit", Kind::Bool),
            ("author", Kind::Text),
        ],
        key: 1,
        sealed: &[],
        most: 200,
        counts: true,
    },
    Table {
        name: "body",
        columns: &[("message", Kind::Int), ("content", Kind::Blob)],
        key: 1,
        sealed: &[],
        most: 16,
        counts: false,
    },
    Table {
        name: "recipient",
        columns: &[
            ("message", Kind::Int),
            ("position", Kind::Int),
            ("address", Kind::Text),
            ("state", Kind::Int),
            ("answer", Kind::Text),
        ],
        key: 2,
        sealed: &[],
        most: 200,
        counts: false,
    },
    Table {
        name: "entry",
        columns: &[
            ("id", Kind::Int),
            ("at", Kind::Int),
            ("kind", Kind::Int),
            ("outcome", Kind::Int),
            ("message", Kind::Text),
            ("caller_id", Kind::Text),
            ("caller_name", Kind::Text),
            ("account", Kind::Text),
            ("method", Kind::Text),
            ("server", Kind::Text),
            ("sender", Kind::Text),
            ("recipients", Kind::Text),
            ("subject", Kind::Text),
            ("size", Kind::Int),
            ("attempt", Kind::Int),
            ("duration_ms", Kind::Int),
            ("answer", Kind::Text),
            ("reason", Kind::Text),
            ("tls", Kind::Text),
            ("transcript", Kind::Text),
            ("truncated", Kind::Bool),
        ],
        key: 1,
        sealed: &[],
        most: 64,
        counts: true,
    },
    Table {
        name: "request",
        columns: &[
            ("number", Kind::Int),
            ("method", Kind::Text),
            ("caller_id", Kind::Text),
            ("caller_name", Kind::Text),
            ("role", Kind::Text),
            ("created_at", Kind::Int),
            ("expires_at", Kind::Int),
            ("summary", Kind::Text),
            ("effects", Kind::Text),
            ("digest", Kind::Blob),
            ("action", Kind::Blob),
            ("state", Kind::Int),
            ("decider_id", Kind::Text),
            ("decider_name", Kind::Text),
            ("decided_at", Kind::Int),
            ("decision_text", Kind::Text),
            ("ended_at", Kind::Int),
            ("outcome_reason", Kind::Text),
            ("outcome_text", Kind::Text),
        ],
        key: 1,
        sealed: &["action"],
        most: 16,
        counts: true,
    },
    Table {
        name: "audit",
        columns: &[
            ("id", Kind::Int),
            ("at", Kind::Int),
            ("caller_id", Kind::Text),
            ("caller_name", Kind::Text),
            ("role", Kind::Text),
            ("origin", Kind::Text),
            ("method", Kind::Text),
            ("target", Kind::Text),
            ("outcome", Kind::Int),
            ("reason", Kind::Text),
            ("request", Kind::Int),
        ],
        key: 1,
        sealed: &[],
        most: 200,
        counts: true,
    },
    Table {
        name: "oauth_grant",
        columns: &[
            ("id", Kind::Int),
            ("account", Kind::Text),
            ("flow", Kind::Int),
            ("requested_scope", Kind::Text),
            ("scope", Kind::Text),
            ("caller_id", Kind::Text),
            ("caller_name", Kind::Text),
            ("signed_in_at", Kind::Int),
            ("access_token", Kind::Blob),
            ("access_at", Kind::Int),
            ("access_expires_at", Kind::Int),
            ("refresh_token", Kind::Blob),
            ("refresh_at", Kind::Int),
            ("refresh_expires_at", Kind::Int),
            ("refreshed_at", Kind::Int),
            ("lost", Kind::Int),
            ("error_code", Kind::Text),
            ("error_text", Kind::Text),
            ("advice", Kind::Text),
        ],
        key: 1,
        sealed: &["access_token", "refresh_token"],
        most: 64,
        counts: true,
    },
];

impl Table {
    /// Its columns, as a statement names them.
    pub(super) fn list(&self) -> String {
        names(self.columns)
    }

    /// Those of the key.
    pub(super) fn key_list(&self) -> String {
        names(&self.columns[..self.key])
    }

    pub(super) fn place_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|&(name, _)| name == column)
    }

    /// The column whose numbers it gives out.
    pub(super) fn counted(&self) -> Option<&'static str> {
        self.columns.first().filter(|_| self.counts).map(|&(name, _)| name)
    }
}

fn names(columns: &[(&'static str, Kind)]) -> String {
    columns.iter().map(|&(name, _)| name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::store::Store;
    use crate::store::sql::params;

    /// A table or a column that a later version adds is not forgotten here.
    #[tokio::test]
    async fn j2_every_table_and_every_column_of_the_store_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let sql = "SELECT m.name, p.name, p.type, p.pk FROM sqlite_master m, pragma_table_info(m.name) p
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'migration'";
        let there = store.read(move |c| {
            c.rows(sql, params![], |row| {
                Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<String>(2)?, row.get::<i64>(3)?))
            })
        });
        let mut tables: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
        for (table, column, kind, key) in there.await.unwrap() {
            tables.entry(table).or_default().insert((column, kind, key));
        }
        let kind = |kind| match kind {
            Kind::Int | Kind::Bool => "INTEGER",
            Kind::Text => "TEXT",
            Kind::Blob => "BLOB",
        };
        let ours = |table: &Table| {
            let columns = table.columns.iter().enumerate().map(|(at, &(name, of))| {
                let key = if at < table.key { at as i64 + 1 } else { 0 };
                (name.to_owned(), kind(of).to_owned(), key)
            });
            (table.name.to_owned(), columns.collect())
        };
        assert_eq!(TABLES.iter().map(ours).collect::<BTreeMap<_, BTreeSet<_>>>(), tables);
        assert!(TABLES.iter().all(|table| table.sealed.iter().all(|name| table.place_of(name).is_some())));
        let sql = "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'";
        let counting = store.read(move |c| c.rows(sql, params![], |row| row.get::<String>(0))).await.unwrap();
        let ours = TABLES.iter().filter(|table| table.counts).map(|table| table.name.to_owned());
        assert_eq!(ours.collect::<BTreeSet<_>>(), counting.into_iter().collect());
    }
}
