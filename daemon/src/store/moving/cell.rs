//! A value on its way from one store to the other, and what is counted as the same.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::store::StoreError;
use crate::store::postgres::storable;
use crate::store::sql::{Kind, Row, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null(Kind),
    Int(i64),
    Bool(bool),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub(super) fn read(row: &Row<'_>, at: usize, kind: Kind) -> Result<Self, StoreError> {
        let cell = match kind {
            Kind::Int => row.get::<Option<i64>>(at)?.map(Self::Int),
            Kind::Bool => row.get::<Option<bool>>(at)?.map(Self::Bool),
            Kind::Text => row.get::<Option<String>>(at)?.map(|text| Self::Text(both_store(text))),
            Kind::Blob => row.get::<Option<Vec<u8>>>(at)?.map(Self::Blob),
        };
        Ok(cell.unwrap_or(Self::Null(kind)))
    }

    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Null(kind) => Value::Null(*kind),
            Self::Int(number) => Value::Int(*number),
            Self::Bool(yes) => Value::Bool(*yes),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Blob(bytes) => Value::Blob(bytes),
        }
    }

    /// Bytes in memory and on the way, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Null(_) | Self::Int(_) | Self::Bool(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }

    /// No two lists of cells give the same bytes: each has its kind and its length before it.
    pub(super) fn hash(&self, hash: &mut Sha256) {
        let mut add = |kind: u8, bytes: &[u8]| {
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        match self {
            Self::Null(_) => add(0, &[]),
            Self::Int(number) => add(1, &number.to_be_bytes()),
            Self::Bool(yes) => add(2, &[u8::from(*yes)]),
            Self::Text(text) => add(3, text.as_bytes()),
            Self::Blob(bytes) => add(4, bytes),
        }
    }
}

/// As PostgreSQL would keep it: so both have the same text, and the same digest of it.
fn both_store(text: String) -> String {
    match storable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => changed,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(cells: &[Cell]) -> Vec<u8> {
        let mut hash = Sha256::new();
        cells.iter().for_each(|cell| cell.hash(&mut hash));
        hash.finalize().to_vec()
    }

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Null(Kind::Text)),
            any::<i64>().prop_map(Cell::Int),
            any::<bool>().prop_map(Cell::Bool),
            "[ab]{0,3}".prop_map(Cell::Text),
            proptest::collection::vec(0..3_u8, 0..4).prop_map(Cell::Blob),
        ]
    }

    proptest! {
        #[test]
        fn j2_different_rows_have_different_digests(
            one in proptest::collection::vec(cell(), 0..4), two in proptest::collection::vec(cell(), 0..4)
        ) {
            prop_assert_eq!(one == two, digest(&one) == digest(&two));
        }
    }
}
