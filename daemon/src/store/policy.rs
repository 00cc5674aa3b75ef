//! Changes to the policy table.

use super::sql::params;
use super::{Store, StoreError};

impl Store {
    /// All changes: method, role, decision.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn policy_changes(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        self.read(|c| {
            let sql = "SELECT method, role, decision FROM policy";
            c.rows(sql, params![], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })
        .await
    }

    /// Writes one change; `None` takes it back.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_policy_change(
        &self,
        method: &'static str,
        role: &'static str,
        decision: Option<&'static str>,
    ) -> Result<(), StoreError> {
        self.write(move |c| {
            c.execute("DELETE FROM policy WHERE method = ?1 AND role = ?2", params![method, role])?;
            if let Some(decision) = decision {
                c.execute("INSERT INTO policy VALUES (?1, ?2, ?3)", params![method, role, decision])?;
            }
            Ok(())
        })
        .await
    }
}
