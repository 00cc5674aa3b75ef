//! A row, and what its columns can be read as.

use crate::store::StoreError;

/// A row of either database.
pub(in crate::store) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The column at this place, counted from 0.
    pub(in crate::store) fn get<T: Column>(&self, at: usize) -> Result<T, StoreError> {
        T::read(self, at)
    }
}

/// What a column can be read as.
pub(in crate::store) trait Column: Sized {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, StoreError>;
}

/// A number that a column cannot hold.
pub(in crate::store) fn out_of_range(at: usize, number: i64) -> StoreError {
    StoreError::Failed(format!("column {at} holds {number}, which nothing of this version writes"))
}

/// A text that a column cannot hold.
pub(in crate::store) fn unreadable(at: usize, error: &serde_json::Error) -> StoreError {
    StoreError::Failed(format!("column {at} cannot be read: {error}"))
}

/// Both databases know these as they are.
macro_rules! plain {
    ($($column:ty),*) => {$(
        impl Column for $column {
            fn read(row: &Row<'_>, at: usize) -> Result<Self, StoreError> {
                match row {
                    Row::Sqlite(row) => Ok(row.get(at)?),
                    Row::Postgres(row) => {
                        row.try_get(at).map_err(|error| StoreError::Failed(error.to_string()))
                    }
                }
            }
        }
    )*};
}
plain!(i64, bool, String, Vec<u8>, Option<i64>, Option<bool>, Option<String>, Option<Vec<u8>>);

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Column for $number {
            fn read(row: &Row<'_>, at: usize) -> Result<Self, StoreError> {
                let number = row.get::<i64>(at)?;
                Self::try_from(number).map_err(|_| out_of_range(at, number))
            }
        }
    )*};
}
numbers!(u64, u32);

impl<const N: usize> Column for [u8; N] {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, StoreError> {
        let bytes = row.get::<Vec<u8>>(at)?;
        let found = bytes.len();
        bytes
            .try_into()
            .map_err(|_| StoreError::Failed(format!("column {at} has {found} bytes instead of {N}")))
    }
}
